#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Who gets whose packets: each class only by those that may serve it, over IPv4 and
# IPv6, and a client that nobody may serve hears so at once.
#
#   client .1 ---+--- genuine-1 .11   attested
#   router .2 ---+--- genuine-2 .12   attested, reached over IPv6
#                +--- altered   .13   another image than the policy's
#                +--- debug     .14   its host may read its memory
#                +--- plain     .15   proves nothing; public services alone
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

why_has() { show backend ".[0].why | contains(\"$2\")" "$1"; }
eligible() { [[ $(show service '[.[0].backends[] | select(.eligible)] | length' "$1") == "$2" ]]; }

# Names of all who answered, each once.
answering() { ask -w 10000 "$@" | sort -u | paste -sd' '; }
# All of 60, and then until both have answered: one of them may have a weight of one to twenty.
only_genuine() {
	local vip

	for vip in $vip4 $vip6; do
		: >$run/who
		for _ in {1..10}; do
			ask -w 10000 "${@:2}" ask $vip "$1" 60 >>$run/who || break
			[[ $(sort -u $run/who | wc -l) == 1 ]] || break
		done
		[[ $(sort -u $run/who | paste -sd' ') == "genuine-1 genuine-2" ]] || { sort $run/who | uniq -c; return 1; }
	done
}
all_answer() {
	local vip

	for vip in $vip4 $vip6; do
		ask -w 10000 "${@:2}" ask $vip "$1" 40 || return
	done
}
came() { (($(packets_to "$1" "$2") > 0)); }
nothing_came() { (($(packets_to "$1" "$2") == 0)); }
refused_in_one_round_trip() {	# the fastest of a few: the others may have waited for a processor
	local out ms

	out=$(ask -w 10000 "$@" 10) && return 1
	ms=$(sed -n 's/^refused after \([0-9]*\).*/\1/p' <<<"$out" | sort -n | head -n 1)
	[[ -n $ms ]] && ((ms < 20)) && ! grep -v '^refused' <<<"$out"
}

raise
check "genuine-1 attests"	within 30 state_is genuine-1 attested
check "genuine-2 attests"	within 30 state_is genuine-2 attested
check "another image is refused"	within 30 state_is altered refused
check "and that is the reason"	why_has altered 'not in policy'
check "a guest that may be debugged is refused"	within 30 state_is debug refused
check "and that is the reason"	why_has debug 'allows debugging'
check "all five may serve the public"	within 30 eligible web4 5

check "a public service answers"	all_answer 80
check "a public service answers over UDP"	all_answer 53 -u
check "a confidential service is served by the genuine alone"	only_genuine 443
check "a confidential service over UDP, too"	only_genuine 5353 -u
check "a classified service is served by the genuine alone"	only_genuine 8443
for node in genuine-1 genuine-2; do
	check "the switch saw packets for $node"	came $node 443
done
for node in altered debug plain; do
	for port in 443 5353 8443; do
		check "not one packet for port $port went to $node"	nothing_came $node $port
	done
done

check "the client's own way to a backend is none"	at client ip route replace $vip4 via 10.77.0.11
check "what did not come through a router is dropped"	[ "$(ask -w 300 ask $vip4 443 | cut -d' ' -f1)" = silent ]
check "the way through the router is back"	at client ip route del $vip4

check "evict the one"	fairlead backend evict genuine-1
check "the other serves alone"	[ "$(answering ask $vip4 443 30)" = genuine-2 ]
check "evict the other"	fairlead backend evict genuine-2
check "TCP hears RST in one round trip"	refused_in_one_round_trip ask $vip4 443
check "over IPv6, too"	refused_in_one_round_trip ask $vip6 8443
check "UDP hears ICMP in one round trip"	refused_in_one_round_trip -u ask $vip4 5353
check "over IPv6, too"	refused_in_one_round_trip -u ask $vip6 5353
check "the public is served on"	all_answer 80
check "admit the one"	fairlead backend admit genuine-1
check "it attests anew and serves"	within 30 eval '[ "$(answering ask $vip4 443 30)" = genuine-1 ]'
done_testing
