#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A reload goes over to the new configuration whole, while packets flow, or not at all
# with every mistake named and the old one serving.  A backend that it takes away is gone
# with the next packet; what stays is not touched.
#
#   client .1 ---+--- genuine-1 .11
#   router .2 ---+--- genuine-2 .12
#                +--- altered   .13   another image than the policy's, at first
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

answering() { ask -w 3000 "$@" | sort -u | paste -sd' '; }
answer_is() { [[ $(answering "${@:2}") == "$1" ]]; }
reload() { fairlead reload; }
refused_to_reload() { ! fairlead reload && ! grep -q "^fairleadd: reloaded" <<<"$(lines_since)"; }
mark() { marked=$(wc -l <$run/router.log); }
lines_since() { tail -n +$((marked + 1)) $run/router.log; }
said_once() { [[ $(lines_since | grep -cF -- "$1") == 1 ]]; }
said() { lines_since | grep -F -- "$1"; }
config() { router_config >$run/router.yaml; }
program_on() { at router ip -j link show dev eth0 | jq '.[0].xdp.prog.id'; }
metrics() { at router curl -sf http://127.0.0.1:9477/metrics; }
failed_more() { (($(failed_reloads) > $1)); }	# THAN
failed_reloads() { metrics | sed -n 's/^fairlead_config_reloads_total{result="refused"} //p'; }

rebuild_ms=3600000	# costs are not to move slots here: what moves, the reload has moved
raise genuine-1=genuine genuine-2=genuine altered=altered
check "genuine-1 and genuine-2 attest"	within 15 attested genuine-1 genuine-2
check "the altered one is refused"	within 30 state_is altered refused
check "both serve"	within 20 answer_is "genuine-1 genuine-2" ask $vip4 443 40
program=$(program_on)

# --- to the same configuration

reloads_are() { [[ $(fairlead -j status | jq .reloads) == "$1" ]]; }
steering() {	# ids, rings, leases: what may not be other than before
	metrics | grep '^fairlead_ring_slots_moved_total'
	show service 'map([.name, .id, .ring_slots])'
	show backend 'map([.name, .id, .health])'
	show lease 'map([.backend, .class, .until_boottime_ms])'
}
conversation=()
converse() {	# another 24
	local i=${#conversation[@]} end

	for ((end = i + 24; i < end; i++)); do
		ask -w 10000 hold $vip4 80 12 >$run/conversation.$i 2>&1 &
		conversation+=($!)
	done
}
all_named() { (($(cat $run/conversation.* | wc -l) >= ${#conversation[@]})); }
# Whoever answered slowly at first has little weight, but some are to be with this one.
for _ in {1..20}; do
	converse
	check "${#conversation[@]} conversations are held"	within 20 all_named
	! grep -q '^genuine-1' $run/conversation.* || break
done
settled() { local a; a=$(steering); sleep 0.5; [[ $(steering) == "$a" ]]; }
check "all is quiet"	within 30 settled
before=$(steering) base=$(packets_to_all 443)
load_begins 20000 $vip4 443 -t
check "traffic flows"	within 20 grows 443
kill -HUP "$(pid_of router)"
check "SIGHUP reloads"	within 20 reloads_are 1
check "so does the command"	reload
check "that makes two"	reloads_are 2
check "rings, ids and leases are the same"	[ "$(steering)" = "$before" ]
load_ends
check "the load is enough to lose some of"	[ "$sent" -gt 1000 ]
check "not one packet of $sent was lost"	within 20 all_arrived 443 "$base"
load_begins 20000 $vip4 443 -t
check "traffic flows"	within 20 grows 443

# --- to another configuration

full=$claimants
claimants="genuine-1, altered"
config
check "reload: genuine-2 serves the confidential no more"	reload
check "who comes now is served by genuine-1 alone"	within 10 answer_is genuine-1 ask $vip6 443 40
came_since() { (($(packets_to "$1" 443) > $2)); }
after=$(packets_to genuine-2 443)
check "who was there before stays with genuine-2: it holds the lease"	within 20 came_since genuine-2 "$after"
claimants=$full
config
check "reload: it serves again"	reload
check "both serve, without attesting anew"	within 20 answer_is "genuine-1 genuine-2" ask $vip4 443 40

kept=("${fleet[@]}")
fleet=(genuine-1 altered) claimants="genuine-1, altered" all=$everybody everybody=$claimants
config
check "reload: genuine-2 is gone"	reload
# Frames that the router had passed on already lie in cables until somebody takes them out.
quiet() { local n; n=$(packets_to "$1" 443); sleep 0.3; (($(packets_to "$1" 443) == n)); }
check "its cable falls silent"	within 2 quiet genuine-2
after=$(packets_to genuine-2 443)
check "nobody knows it any more"	eval '! fairlead backend show genuine-2'
check "genuine-1 serves alone"	answer_is genuine-1 ask $vip4 443 30
check "not one packet came to genuine-2 after the reload"	[ "$(packets_to genuine-2 443)" = "$after" ]
fleet=("${kept[@]}") claimants=$full everybody=$all
config
check "reload: genuine-2 is back"	reload
check "it has no lease until it has attested"	within 30 attested genuine-2
check "both serve"	within 20 answer_is "genuine-1 genuine-2" ask $vip4 443 40

untouched() { metrics | sed -n 's/^fairlead_packets_total{outcome="not_ours"} //p'; }
router_config | sed '/- name: quiz4$/,/backends:/d' >$run/router.yaml
check "reload: a service is gone"	reload
check "nobody knows it any more"	eval '! fairlead service show quiz4'
check "its packets are no business of ours"	eval \
	'n=$(untouched); ask -u -w 300 ask $vip4 5353; (($(untouched) > n))'
check "its neighbours serve"	ask -u -w 10000 ask $vip6 5353 20
config
check "reload: it is back"	reload
check "and serves"	within 20 ask -u ask $vip4 5353 20

genuine_measurement=$measurement
measurement=$altered_measurement
config
printf 'name: other\nsnp: {roots: ["%s"], measurements: ["%s"]}\n' "$root_digest" "$measurement" >$run/other.yaml
mark
simulated() { fairlead policy simulate $run/other.yaml --for lab; }
check "it is told whom another policy would evict"	[ "$(simulated | head -n 1)" = "would evict 2 of 2" ]
check "and why"	[ "$(simulated | grep -c 'genuine-[12] .*bad-measurement: ')" = 2 ]
check "what is left of the class"	eval 'simulated | grep -qx "class confidential keeps 0 of 2, 0 %"'
check "and which services go dark"	eval 'simulated | grep -q "^service .* goes dark"'
check "telling changed nothing"	eval 'state_is genuine-1 attested && state_is genuine-2 attested'
check "a policy that leaves a class to nobody is not applied"	refused_to_reload
check "which is said, with the way round"	eval '{ fairlead reload 2>&1 || :; } | grep -q "leave nobody for class confidential, of 2 .*--force"'
check "SIGHUP is refused, too"	eval 'n=$(failed_reloads); kill -HUP "$(pid_of router)"; within 20 failed_more "$n"'
check "both serve as before"	within 20 answer_is "genuine-1 genuine-2" ask $vip4 443 40
check "reload --force: the policy names another image"	eval 'fairlead reload --force'
check "genuine-1 is refused by its cached evidence"	within 20 state_is genuine-1 refused
check "genuine-2, too"	within 20 state_is genuine-2 refused
measurement="$genuine_measurement, $altered_measurement"
config
check "reload: the policy names both"	reload
check "whoever was refused is asked anew"	within 90 attested genuine-1 genuine-2 altered
check "all three serve"	within 30 answer_is "altered genuine-1 genuine-2" ask $vip4 443 90
check "the program was the same throughout"	[ "$(program_on)" = "$program" ]

# --- not at all

mark
sed -i -e 's/class: classified/class: secret/' -e 's/ring: 4093/ring: 4094/' -e 's/heartbeat-ms: 500/heartbeat-ms: never/' $run/router.yaml
check "a configuration with many mistakes is not taken"	refused_to_reload
check "a class that is none is named"	said 'secret'
check "a ring that is no prime is named"	said '4094'
check "an interval that is none is named"	said 'never'
check "each mistake once, with file and line"	eval \
	'[ "$(lines_since | grep -cE "^/run/lab/router.yaml:[0-9]+: ")" = "$(lines_since | grep -c router.yaml:)" ]'
check "the first at its line"	said_once "$run/router.yaml:$(grep -n 'heartbeat-ms: never' $run/router.yaml | cut -d: -f1): "
check "the refused reload is counted"	[ "$(failed_reloads)" -ge 1 ]
config
mark
sed -i 's#^node: router#node: router\npins: /sys/fs/bpf/elsewhere#' $run/router.yaml
check "what cannot change while running is not taken"	refused_to_reload
check "and named"	said 'pins cannot change while running'
config
mark
sed -i "s#$run/router/node.crt#$run/none.crt#" $run/router.yaml
check "a certificate that is not there is not taken"	refused_to_reload
check "and named"	said none.crt
head -c 300 $run/router/node.crt >$run/broken.crt
sed -i "s#$run/none.crt#$run/broken.crt#" $run/router.yaml
mark
check "half a certificate is not taken"	refused_to_reload
check "and named"	said broken.crt
config
mkdir $run/crl
ln -s elsewhere $run/crl/Milan-crl.der
sed -i "s#^router:#&\n  crl: $run/crl#" $run/router.yaml
mark
check "a revocation list that is not there is not taken"	refused_to_reload
check "and named"	said 'crl/Milan-crl.der: No such file'
mv $run/router.yaml $run/away.yaml
mark
check "no file is not taken"	refused_to_reload
check "and named"	said router.yaml
mark
kill -HUP "$(pid_of router)"
check "nor on SIGHUP"	within 20 said 'the old configuration serves on'
check "the old one has served throughout"	within 30 answer_is "altered genuine-1 genuine-2" ask $vip4 443 90
check "traffic flows on"	within 20 grows 443
load_ends
held=0 lost=0
for i in "${!conversation[@]}"; do
	status=0
	wait ${conversation[$i]} || status=$?
	grep -q '^genuine-1' $run/conversation.$i || continue
	held=$((held + 1))
	((status == 0)) || lost=$((lost + 1))
done
check "some conversations were with the one that stayed throughout"	[ $held -gt 0 ]
check "not one of these $held was lost"	[ $lost = 0 ]
done_testing
