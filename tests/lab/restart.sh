#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Killing, stopping, starting and reloading the daemon drops no packet of a live lease
# and detaches nothing: all that 100,000 packets a second bring in arrives, and a
# conversation goes on throughout.
#
#   client .1 ==125,000/s==> router .2 ---+--- genuine-1 .11
#             --conversation-->           +--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

program_on() { at router ip -j link show dev eth0 | jq '.[0].xdp.prog.id'; }
maps_under() { for m in /sys/fs/bpf/fairlead/*; do bpftool -j map show pinned "$m" 2>/dev/null | jq .id; done | sort | paste -sd' '; }
is_up() { [[ $(fairlead -j status | jq .pid) == "$(pid_of router)" ]]; }
reloads_are() { [[ $(fairlead -j status | jq .reloads) == "$1" ]]; }
same_kernel_side() { [[ $(program_on) == "$program" && $(maps_under) == "$maps" ]]; }

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
program=$(program_on) maps=$(maps_under)
check "the router carries a program and its maps are pinned"	[ "$program" != null -a -n "$maps" ]
ask -w 15000 hold $vip6 8443 16 >$run/conversation 2>&1 &
conversation=$!
base=$(packets_to_all 443)
load_begins 125000 $vip4 443 -t
check "traffic flows"	within 20 grows 443
check_load 443
for signal in KILL TERM KILL; do
	stop router $signal
	check "traffic flows on after SIG$signal"	within 20 grows 443
	check "the same program and maps are there"	same_kernel_side
	start router
	check "a daemon takes over"	within 30 is_up
	check "the same program and maps are there"	same_kernel_side
	check "the backends attest to it"	within 30 attested genuine-1 genuine-2
done
kill -HUP "$(pid_of router)"
check "it reloads"	within 20 reloads_are 1
sed -i 's/heartbeat-ms: 500/heartbeat-ms: 600/' $run/router.yaml
check "and again, to another configuration"	fairlead reload
check "the same program and maps are there"	same_kernel_side
echo "nonsense" >>$run/router.yaml
check "a broken configuration is not taken"	eval '! fairlead reload'
check "traffic flows on"	within 20 grows 443
load_ends
status=0
wait $conversation || status=$?
check "a conversation went on throughout"	[ $status = 0 ]
check "every packet of $sent has arrived"	within 20 all_arrived 443 "$base"
note "$(all_arrived 443 "$base"), $(tail -n 1 $run/conversation)"
done_testing
