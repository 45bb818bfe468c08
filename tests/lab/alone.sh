# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# For tests of one program that want no lab: whoever sources this is run again in namespaces of its
# own, what it leaves behind dies with them, and it ends with the first check that fails.
export PATH=$PATH:/usr/sbin:/sbin
if [ -z "${IN_TEST_NS:-}" ]; then
	unshare --net --mount --pid --fork true 2>/dev/null || {
		echo "1..0 # SKIP namespaces need root"; exit 77
	}
	exec env IN_TEST_NS=1 unshare --net --mount --pid --fork --kill-child "$0" "$@"
fi
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
OUT=$(mktemp -d)	# shown when a check fails
trap 'rm -rf "$OUT"' EXIT
mount -t proc proc /proc
mount -t bpf bpf /sys/fs/bpf

count=0
check() {	# WHAT COMMAND...: one line of TAP
	count=$((count + 1))
	if "${@:2}"; then echo "ok $count - $1"; else
		echo "not ok $count - $1"; sed 's/^/# /' "$OUT"/* 2>/dev/null || true; exit 1
	fi
}
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }	# WHAT WHY
within() {	# SECONDS COMMAND...: thrice as many on a machine that has other things to do
	local end=$(($(date +%s%N) + 3 * $1 * 1000000000)); shift
	until "$@"; do [ "$(date +%s%N)" -lt "$end" ] || return 1; sleep 0.02; done
}
