#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A guest that asks its routers for evidence in turn: an attested one's packets are let in,
# those of one without evidence, or of another image, are refused by the guest's kernel;
# with the guest's daemon, without it, and with the next one.
#
#	client 10.77.0.1 --- router 10.77.0.2	first with evidence, then without, then with another's
#	                 \-- genuine 10.77.0.11	wants it by its policy for routers
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

heartbeat_ms=3000	# the router sends on to a guest whose daemon is gone for as long as that is looked at

segment
client client 1
node router 2
identities
everybody=genuine claimants=genuine
number[genuine]=11 kind[genuine]=genuine
fleet=(genuine)
server genuine 11
for n in genuine router; do identity $n "10.77.0.$([[ $n == router ]] && echo 2 || echo 11)"; guest $n genuine; done
measurement=$(measurement_of genuine)

lease_ms=86400000
backend() {	# the guest's configuration
	agent_config genuine 11 | sed 's/metrics: off/metrics: 127.0.0.1:9477/; s/routers: \[/&10.77.0.9, /'
	echo "  attest-routers: {policy: lab, reappraise-ms: 1000, lease-ms: $lease_ms}"
	policy_config
}
routes() {	# EVIDENCE: the router's configuration, with that in it
	router_config | sed "s#^  heartbeat-ms:.*#&${1:+\n  evidence: $1}#"
}
soft="{tee: snp, source: soft, directory: $run/router/guest}"
backend >$run/genuine.yaml
routes "$soft" >$run/router.yaml

inside() { at genuine "$build/fairlead" --socket $run/genuine/control.sock --pins /sys/fs/bpf/genuine "$@"; }
router_at() { [[ $(inside -j router show | jq -r ".[] | select(.name == \"router\") | $1") == "$2" ]]; }
refused() { inside -j outcome show | jq '[.[] | select(.outcome == "peer_unknown") | .packets] | add // 0'; }
serves() { ask ask $vip4 443 1; }
lets_nobody_in() {
	local n

	n=$(refused)
	ask -w 300 ask $vip4 80 1	# public, so that the router forwards it
	(($(refused) > n))
}
metric() { at genuine curl -s http://127.0.0.1:9477/metrics | grep -E "^fairlead_$1"; }

peers() { bpftool -j map dump pinned /sys/fs/bpf/genuine/guard/peers | jq length; }
lets_in() { [[ $(peers) == "$1" ]]; }

sed '/attest-routers/d' $run/genuine.yaml >$run/plain.yaml
mv $run/genuine.yaml $run/wanted.yaml
mv $run/plain.yaml $run/genuine.yaml
start genuine
check "a guest that asks for nothing lets in all that it is told of" within 10 lets_in 3
stop genuine
mv $run/wanted.yaml $run/genuine.yaml
start genuine
check "once it asks, nobody whom it has not asked" within 10 lets_in 0
start router
check "the router attests the guest" within 15 attested genuine
check "and the guest the router" within 15 router_at .state attested
check "by what it wraps from" router_at '.sources | join(" ")' "10.77.0.2 fd77::2"
check "so its packets are let in" within 5 serves
check "and those of no other address that is a router's" within 5 lets_in 2
check "until its lease ends" eval 'inside router show | grep -Eq "router +attested.* 23h.*10.77.0.2"'
check "as the metrics say" within 5 metric 'router_lease_remaining_seconds\{router="router"\} [1-9][0-9]*\.'
check "the router knows of it" within 5 logged router "genuine at 10.77.0.11:9478: admits us"

stop genuine KILL
check "the guest's daemon killed: the router is let in on" serves
stop router	# its packet path serves on, and nobody can be asked
start genuine
within 10 eval '(($(grep -c ": ready$" $run/genuine.log) == 3))'
check "and by the next daemon" serves

guest router altered
start router
check "a router of another image is refused" within 15 router_at .state refused
check "and says so" within 10 logged router "genuine: .*refused: refuses our evidence: "
check "the guest's kernel drops its packets" within 5 lets_nobody_in
check "flows that want attestation it does not even send" eval '! serves'

stop router
routes "" >$run/router.yaml
stop genuine
start genuine
within 10 eval '(($(grep -c ": ready$" $run/genuine.log) == 4))'
start router
check "a router without evidence is turned away" within 15 eval 'metric router_evidence_failures_total.*refused.*[1-9]'
check "by name" within 5 logged genuine "this agent wants evidence of its routers, and it offers none"
check "the router hears why" within 5 logged router "it offers none"
check "the guest's kernel drops its packets" within 5 lets_nobody_in
stop router

rm -r $run/router/guest
guest router genuine
routes "$soft" >$run/router.yaml
stop genuine
start genuine
start router
check "attested again" within 15 serves
lease_ms=1500
backend >$run/genuine.yaml
check "for a second or two, as of now" inside reload
left() { inside -j router show | jq -e '(.[0].seconds_left // 9) < 1.6' >/dev/null; }
check "which cuts the lease that runs" within 5 left
check "and it is renewed" within 10 serves
stop genuine KILL
check "and with no daemon in the guest, let in no longer than that" within 5 lets_nobody_in
done_testing
