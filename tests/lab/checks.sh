# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Checks that print TAP.  Whoever sources this says in show_failure() what is to be seen beside one
# that failed, and may say in $patience how slow its machine is.
patience=3	# times what is plenty on a machine that has nothing else to do

# SECONDS COMMAND...: retry instead of sleeping and hoping.
within() {
	local end=$((SECONDS + patience * $1 + 1))

	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

count=0
note() { sed 's/^/# /' <<<"$*"; }

# WHAT COMMAND...: one line of TAP.  A failure ends the test: what comes after rests on it.
check() {
	local out

	count=$((count + 1))
	if out=$("${@:2}" 2>&1); then
		echo "ok $count - $1"
		return
	fi
	echo "not ok $count - $1"
	note "failed: ${*:2}"
	note "$(tail -n 20 <<<"$out")"
	show_failure
	exit 1
}

skip() {	# WHAT WHY
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

done_testing() { echo "1..$count"; }
