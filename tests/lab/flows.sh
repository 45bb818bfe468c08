#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The table of flows begins small and doubles when established flows fill a quarter of it; no flow
# moves for that, not even one that only the table keeps where it is, and a daemon that comes
# later finds it as large.
#
#   client .1 ==20,000 flows==> router .2 ---+--- genuine-1 .11, drained meanwhile
#             ==20,000 more ==>              +--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

sizes='{services: 512, backends: 4096, flows: 1048576}'
loads=()
many() {	# SOURCE VIP: 20,000 flows, each seen every two seconds
	nsenter --net=/run/netns/client "$build/tests/tools/traffic" -r 10000 -f 20000 -s 600 \
		"$build/tests/lab/traffic.bpf.o" eth0 "$(mac_of router)" "$1" "$2" 5353 >>$run/load &
	loads+=($!)
}
of_flows() { fairlead -j flow show | jq "$1"; }
active_is() { [[ $(of_flows .active) == "$1" ]]; }
# Of nine flows in a set of eight, two take turns on probation: one run in five has such a set.
are_established() { [[ $(of_flows ".used >= $1 and .probation <= 20") == true ]]; }
flows_of() { of_flows ".backends[] | select(.backend == \"$1\") | .flows"; }
is_kept() { [[ $(flows_of genuine-1) == "$kept" ]]; }	# while the table grows, some are in it twice
is_up() { [[ $(fairlead -j status | jq .pid) == "$(pid_of router)" ]]; }
refusals() { fairlead -j outcome show | jq '[.[] | select(.refusal) | .packets] | add'; }

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
check "131,072 entries of 1,048,576 are in use"	[ "$(of_flows '"\(.active) \(.entries)"')" = '"131072 1048576"' ]
many 172.16.0.0 $vip4
check "20,000 flows are established"	within 30 are_established 19900
check "less than a quarter: it stays as it is"	active_is 131072
fairlead backend drain genuine-1 >/dev/null
check "each flow has been seen again, and again"	within 10 more_than 5353 $(($(packets_to_all 5353) + 50000))
kept=$(flows_of genuine-1)
check "a backend that is drained keeps its share of them, $kept"	[ "$kept" -gt 500 ]
many fd55::1 $vip6
check "with 20,000 more it doubles"	within 40 active_is 262144
check "all of them are established"	within 30 are_established 39800
check "the drained backend has lost none of its flows"	within 5 is_kept
before=$(packets_to genuine-1 5353)
send_to_it() { (($(packets_to genuine-1 5353) - before > kept / 2)); }
check "and they send to it" within 5 send_to_it
check "no packet was refused on the way"	[ "$(refusals)" = 0 ]
stop router KILL
start router
check "the next daemon takes over"	within 10 is_up
check "and finds it as large"	active_is 262144
check "with the same flows"	within 5 is_kept
kill "${loads[@]}"
wait "${loads[@]}" || :
done_testing
