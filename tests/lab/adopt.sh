#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# People may load and attach the router by ip and bpftool; the daemon then adopts what
# it finds, program and maps, and does not take it down when it goes.  A program on
# the interface that is not ours is left alone.
#
#   client .1 ---+--- genuine-1 .11
#   router .2 ---+
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

pins=/sys/fs/bpf/fairlead
map_ids() {
	for m in settings services rings backends flows outcomes service_stats backend_stats; do
		bpftool -j map show pinned $pins/$m | jq .id
	done | paste -sd' '
}
program_on() { at router ip -j link show dev eth0 | jq '.[0].xdp.prog.id'; }
is_up() { [[ $(fairlead -j status | jq .pid) == "$(pid_of router)" ]]; }
same_as_loaded() { [[ $(program_on) == "$program" && $(map_ids) == "$maps" ]]; }
has_ended() { ! kill -0 "$(pid_of router)"; }
speaks() { ask ask 10.77.0.2 80 | grep -qx router; }

segment
client client 1
node router 2
fleet genuine-1=genuine
identity router 10.77.0.2 fd77::2
router_config >$run/router.yaml
talk serve router 10.77.0.2 80

check "bpftool loads the router and pins its maps"	bpftool prog loadall "$build/router.bpf.o" $pins pinmaps $pins
check "ip attaches it"	at router ip link set dev eth0 xdpdrv pinned $pins/router
program=$(program_on) maps=$(map_ids)
check "with empty maps it passes what is the host's own"	within 3 speaks
start router
check "the daemon takes over"	within 5 is_up
check "what it found there, it says"	logged router "adopted program $program"
check "program and maps are those that were loaded by hand"	same_as_loaded
check "status names the program"	[ "$(fairlead -j status | jq .program_id)" = "$program" ]
check "the backend attests"	within 15 attested genuine-1
check "the adopted program steers"	within 3 ask ask $vip4 443 5
check "and passes what is the host's own"	speaks
load_begins 20000 $vip4 443 -t
check "traffic flows"	within 5 grows 443
for signal in TERM KILL; do
	stop router $signal
	check "after SIG$signal program and maps are the same"	same_as_loaded
	check "and traffic flows on"	grows 443
	start router
	check "the daemon takes over again"	within 5 is_up
	check "program and maps are the same"	same_as_loaded
done
load_ends
check "every packet has arrived"	within 2 all_arrived 443 "$base"
note "$(all_arrived 443 "$base")"

stop router
at router ip link set dev eth0 xdpdrv off
at router ip link set dev eth0 xdpdrv pinned $pass
check "a foreign program is on the interface"	[ "$(program_on)" != "$program" ]
start router
check "the daemon does not start over it"	within 5 has_ended
check "and says who is there"	logged router 'eth0'
note "$(tail -n 1 $run/router.log)"
check "the foreign program is left alone"	[ "$(program_on)" != null ]
done_testing
