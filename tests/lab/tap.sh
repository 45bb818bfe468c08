# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# TAP of tests that need no lab, and go on after a failure.  Counts in $n and $failed.
n=0 failed=0

ok() { # ok RESULT NAME [DETAIL]
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
		[ -z "${3-}" ] || echo "$3" | sed 's/^/# /'
	fi
}
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; } # NAME WHY
