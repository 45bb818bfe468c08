#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What fairlead explain says of a flow is what becomes of its packets: steered ones and
# refused ones, new ones and remembered ones; and that it was asked changes nothing.
#
#   client .1 ---> router .2 ---+--- genuine-1 .11
#                               +--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

rebuild_ms=100000	# rings hold still, so that two answers can be compared
raise genuine-1=genuine genuine-2=genuine altered=altered
check "two attest, one does not"	within 15 attested genuine-1 genuine-2
are_in_rings() {
	for service in pay4 pay6 quiz4 quiz6; do
		show service '[.[0].backends[] | select(.weight_permille > 0)] | length == 2' $service || return
	done
}
check "both are in each ring that two may serve"	within 5 are_in_rings

explain() { at router "$build/fairlead" -j explain dev eth0 "$@" >$run/told; }
told() { jq -er "$1" $run/told; }
end() { [[ $1 == *:* ]] && echo "[$1]:$2" || echo "$1:$2"; }

# Neighbours talk all the time; what is not ours is none of this.
tables() {
	"$build/tests/tools/dataplane" digest /sys/fs/bpf/fairlead
	fairlead -j outcome | jq -c 'map(select(.outcome != "not_ours") | .packets)'
}
for proto in tcp udp; do
	for family in 4 6; do
		vip=vip$family client=10.77.0.1 port=443
		[[ $family == 4 ]] || client=fd77::1
		[[ $proto == tcp ]] || port=5353
		udp=(); [[ $proto == tcp ]] || udp=(-u)
		same=0
		for ((p = 41000; p < 41004; p++)); do
			explain proto $proto "$(end $client $p)" "$(end "${!vip}" $port)" || break
			said=$(told .backend)
			[[ $(told .agrees) == true ]] || break
			went=$(ask "${udp[@]}" -p $p ask "${!vip}" $port 1) || break
			[[ $went == *"$said"* ]] || { note "port $p: said $said, went $went"; break; }
			same=$((same + 1))
		done
		check "4 flows of $proto over IPv$family go where it says"	[ $same = 4 ]
	done
done
explain tcp 10.77.0.1:41003 $vip4:443 ack
check "it names the service and its class"	\
	[ "$(told '.service | .name + " " + .class')" = "pay4 confidential" ]
address=10.77.0.11
[[ $(told .backend) == genuine-1 ]] || address=fd77::12
check "and the outer header, with the backend's address"	\
	[ "$(told '.outer.headers[0].dst')" = $address ]
check "its next hop is the backend's"	[ "$(told .outer.ethernet.dst)" = "$(mac_of "$(told .backend)")" ]

stop router	# nobody else writes now
check "no connection has a last word to say"	within 5 is_quiet 443
before=$(tables)
refusals=0
for ((p = 42000; p < 42003; p++)); do
	explain tcp 10.77.0.1:$p $vip4:443 && explain udp 10.77.0.1:$p $vip4:5353 && explain tcp 10.77.0.1:$p $vip4:444 ||
		refusals=$((refusals + 1))
done
check "what is not ours is a no"	[ $refusals = 3 ]
check "9 questions change nothing: no flow, no slot, no counter"	[ "$(tables)" = "$before" ]
check "a lease ends, with nobody there to mend the rings" \
	"$build/tests/tools/dataplane" lapse /sys/fs/bpf/fairlead 10.77.0.11
slot_of_lapsed() {	# the port of a flow whose slot is the lapsed one's, in $p
	for ((p = 45000; p < 45200; p++)); do
		explain tcp 10.77.0.1:$p $vip4:443 syn || return 1
		! told '.candidates[] | select(.reached and .verdict == "lapsed")' >/dev/null || return 0
	done
	return 1
}
slot_of_lapsed || :
check "who was passed over is told, and why"	told '.candidates[] | select(.reached and .verdict == "lapsed")'
check "and who comes in its place"	[ "$(told .backend) $(told .agrees)" = "genuine-2 true" ]
check "which is who answers"	[ "$(ask -p $p ask $vip4 443 1 | grep -c genuine-2)" = 1 ]
start router
check "the daemon is back"	within 15 attested genuine-1 genuine-2

check "drain one"	fairlead backend drain genuine-1
drained() { explain tcp 10.77.0.1:43000 $vip4:443 syn && [[ $(told .backend) == genuine-2 ]]; }
check "a drained one gets no new flow"	drained
check "nor do packets say otherwise"	[ "$(ask -p 43000 ask $vip4 443 1 | grep -c genuine-2)" = 1 ]
check "evict one"	fairlead backend evict genuine-2
refused() { ! explain "$@" && [[ $(told .outcome) == lease_lapsed || $(told .outcome) == no_backend ]]; }
check "evict the other"	fairlead backend evict genuine-1
check "then the answer is no"	refused tcp 10.77.0.1:44000 $vip4:443
check "for want of a lease"	\
	[ "$(told '[.candidates[] | select(.verdict == "may-serve")] | length')" = 0 ]
check "by the hand that took it"	[ "$(told '[.candidates[] | select(.verdict == "evicted")] | length > 0')" = true ]
check "and what the client hears: a reset from the VIP"	\
	[ "$(told '.outer.headers | "\(.[0].src) \(.[1].rst)"')" = "$vip4 true" ]
silent() { local s=0; ask -p 44000 ask $vip4 443 1 >/dev/null 2>&1 || s=$?; [ $s = 3 ]; }
check "which is what it hears"	silent
check "an unknown flow is wrong usage"	eval '[ "$(at router "$build/fairlead" explain tcp nonsense 2>/dev/null; echo $?)" = 2 ]'
done_testing
