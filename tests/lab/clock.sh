#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A router whose clock is a year behind, or ten ahead, gives no lease and says that its clock is
# suspect, wherever it first sees it; with its clock set right, and nothing else, all is well.
#
#	client .1 ---+--- router .2, whose clock is set
#	             +--- genuine-1 .11
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

year=$((365 * 86400))
set_clock() {	# SECONDS: by which the router's wall clock is off
	local i

	for i in {0..7}; do
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $(($1 >> 8 * i & 255)))"
	done | dd of=$run/offset conv=notrunc status=none
}
eval "lab_$(declare -f start)"
start() {
	[[ $1 == router ]] || { lab_start "$1"; return; }
	LD_PRELOAD=$build/tests/attacks/clock.so CLOCK_OFFSET=$run/offset lab_start router
}
restart() {	# with nothing in the kernel that a former one may have left
	stop router
	at router "$build/fairlead" detach eth0
	fairlead map unpin
	: >$run/router.log
	start router
	within 10 test -S /run/fairlead/control.sock
}
suspect() { show backend ".[0].why | contains(\"the clock is suspect\")" genuine-1; }
nobody() { ! ask -w 300 ask $vip4 443; }

set_clock $((-year))
raise genuine-1=genuine
check "a year behind: the reason is the clock"	within 15 suspect
check "and nobody is let in"	nobody
set_clock $((10 * year))
restart
check "ten years ahead: the same"	within 15 suspect
check "and nobody is let in"	nobody
set_clock 0
restart
check "set right, the backend attests"	within 15 attested genuine-1
check "and serves"	within 5 ask ask $vip4 443
done_testing
