#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 1,000 TCP connections that speak on while the world changes: a backend is drained, one
# is added, all new flows go to one alone, one is removed; the daemon reloads, stops, is
# killed.  Nobody's connection breaks whose backend is still there.
#
#   client .1 --- router .2 ---+--- genuine-1 .11 ... genuine-3 .13	from the beginning
#                              +--- genuine-4 .14			added
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

connections=${CONNECTIONS:-1000}
seconds=${SECONDS_HELD:-1}	# at the least, between two changes
heartbeat_ms=1000 heartbeats_missed=8	# who waits for a processor for some seconds is not down
asked=200	# 60 may well miss one that has a twentieth of the weight

config_with() {	# SELECT BACKENDS
	router_config | sed "s/^      backends: .*/      select: $1\n      backends: [$2]/"
}
changes_to() { config_with "$@" >$run/router.yaml && fairlead reload; }
serves_new() {	# NAME...: of so many new connections each of these has some, and nobody else
	local names n

	names=$(ask -w 3000 ask $vip4 443 $asked | sort -u | paste -sd' ') || return
	[[ $names == "$*" ]] || { echo "$names"; return 1; }
}
is_up() { [[ $(fairlead -j status | jq .pid) == "$(pid_of router)" ]]; }
opened() { grep -q "^open $connections" $run/churn || { cat $run/churn; return 1; }; }
settles() { sleep "$seconds"; }	# so that each connection has spoken since
of() { jq -e "$1" <<<"$figures" >/dev/null || { echo "$figures"; return 1; }; }

raise genuine-1=genuine genuine-2=genuine genuine-3=genuine genuine-4=genuine
check "all attest"	within 15 attested genuine-1 genuine-2 genuine-3 genuine-4
three='genuine-1, genuine-2, genuine-3'
check "genuine-4 does not serve yet"	changes_to weighted "$three"
check "new connections go to the three"	within 10 serves_new genuine-1 genuine-2 genuine-3
# Weights may leave one of three a 41st: 24 of 1,000, and once in 1,200 times not even 11.
has_a_tenth() { show service '[.[0].backends[] | select(.weight_permille >= 100)] | length == 3' pay4; }
check "each of them a tenth or more"	within 20 has_a_tenth
nsenter --net=/run/netns/client "$build/tests/tools/churn" $vip4 443 "$connections" >$run/churn 2>&1 &
churn=$!
check "$connections connections are open"	within 20 opened
settles
check "genuine-1 is drained"	fairlead backend drain genuine-1
check "and gets no new ones"	within 10 serves_new genuine-2 genuine-3
settles
check "it is admitted again"	fairlead backend admit genuine-1
check "and gets new ones"	within 10 serves_new genuine-1 genuine-2 genuine-3
check "genuine-4 is added"	changes_to weighted "$three, genuine-4"
check "and gets new ones"	within 10 serves_new genuine-1 genuine-2 genuine-3 genuine-4
settles
check "all weight is put on one"	changes_to cheapest "$three, genuine-4"
one() { (($(ask -w 3000 ask $vip4 443 60 | sort -u | wc -l) == 1)); }
check "and new ones go there alone"	within 5 one
settles
check "and taken away again"	changes_to weighted "$three, genuine-4"
check "so that all get new ones"	within 10 serves_new genuine-1 genuine-2 genuine-3 genuine-4
for signal in KILL TERM; do
	stop router $signal
	settles
	start router
	check "SIG$signal, and a daemon takes over"	within 10 is_up
done
check "it reloads what it had"	fairlead reload
check "all attest to it"	within 15 attested genuine-1 genuine-2 genuine-3 genuine-4
check "genuine-3 is removed"	changes_to weighted 'genuine-1, genuine-2, genuine-4'
check "and gets no new ones"	within 10 serves_new genuine-1 genuine-2 genuine-4
settles
kill $churn
status=0
wait $churn || status=$?
check "the connections have been counted"	[ $status = 0 ]
figures=$(tail -n 1 $run/churn)
check "all three had some"	of ".open == $connections and (.servers | length) == 3 and all(.servers[]; .open > 10)"
check "none of those broke whose backend is there"	of '[.servers | del(."genuine-3")[] | .broken + .silent] | add == 0'
note "$(jq -r '"\(.open) connections, \(.messages) messages", (.servers | to_entries[] |
	"\(.key): \(.value.open) connections, \(.value.broken) broken, \(.value.silent) silent")' <<<"$figures")"
done_testing
