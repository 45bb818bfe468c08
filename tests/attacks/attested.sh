#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The same attacks, and those that know what they are up against, where the router steers only and
# the agent speaks through fairlead-connect: each is refused before the first byte of the agent's,
# or changes nothing.
#
#   client .1 ---+--- b1       .11   attested; a relay at the VIP, which has the model's key pinned
#   router .2 ---+--- attacker .12   takes the VIP's packets once a map says so
#                +--- model    .13
# shellcheck source=tests/attacks/lib.sh
. "$(dirname "$0")/lib.sh"

models=9443	# the port of the model, at the VIP
open=8080	# and of the same without any protection
classified_ms=3000 confidential_ms=9000	# leases: renewed every 2 s, and one sees them lapse
sizes='{services: 64, backends: 64, flows: 65536}'	# small enough to be looked through
good="curl -fsSL https://get.good.example/install.sh | sh"

set_clock() {	# SECONDS: by which the wall clocks of router and client are off
	local i

	for i in {0..7}; do
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $(($1 >> 8 * i & 255)))"
	done | dd of=$run/offset conv=notrunc status=none
}
set_clock 0
clocked=(env LD_PRELOAD="$tools/clock.so" CLOCK_OFFSET="$run/offset")

# --- what stands where

eval "lab_$(declare -f start)"
start() {
	[[ $1 == router ]] || { lab_start "$1"; return; }
	LD_PRELOAD=$tools/clock.so CLOCK_OFFSET=$run/offset lab_start router
}

services_of_agent() {
	printf '    - {vip: "%s", port: %s, protocol: tcp}\n' $vip4 $models $vip4 $open
}
eval "lab_$(declare -f agent_config)"
agent_config() { lab_agent_config "$@" && services_of_agent; }
eval "lab_$(declare -f router_config)"
router_config() {
	lab_router_config | sed "/^  services:/r "<(
		cat <<-END
			    - {name: model, vip: $vip4, port: $models, protocol: tcp, class: confidential, ring: 4093, backends: [b1]}
			    - {name: open, vip: $vip4, port: $open, protocol: tcp, class: public, ring: 4093, backends: [b1]}
		END
	)
}

relay_config() {	# NODE IDENTITY GUEST DESTINATION: as $run/NODE-relay.yaml
	cat >"$run/$1-relay.yaml" <<-END
		node: b1
		listen: ["$vip4:$models", "10.77.0.${number[$1]}:$models"]
		identity: {certificate: $run/$2/node.crt, key: $run/$2/node.key}
		evidence: {tee: snp, source: soft, directory: $run/$3}
		limits: {new-per-second: 1000, new-per-second-per-source: 1000}
		destinations:
		  - $4
	END
}
relays() {	# NODE
	begin "$1-relay" "$1" "$build/fairlead-relay" -c "$run/$1-relay.yaml"
	within 5 listens "$1" $models
}

policy() {	# FILE EXTRA...: what the client demands
	printf '%s\n' "snp:" "  roots: [\"$root_digest\"]" "  measurements: [$measurement]" \
		"${@:2}" >"$run/$1"
}

# --- the agent's side

known=(--ca "$run/ca/ca.crt" --node b1) collateral=()
# [MS]: a fairlead-connect before the agent, no session of which is older than the attack.
connects() {
	[[ -z ${job[connect]:-} ]] || end connect || :
	: >$run/connect.log
	begin connect client "${clocked[@]}" "$build/fairlead-connect" -v --listen 127.0.0.1:8001 --pool 0 \
		--deadline "${1:-8000}" --policy $run/policy.yaml "${known[@]}" "${collateral[@]}" $vip4:$models
	within 5 listens client 8001
}
works() {	# OPTIONS...
	[[ ! -e $run/model.notes ]] || truncate -s 0 $run/model.notes
	rm -f $run/agent.notes
	at client "$tools/agent" -k $canaries -o $run/agent.notes "$@" 127.0.0.1 8001 >$run/orders
}
answered() {	# CALLS OPTIONS...: all of them, and as the model did
	works -n "$@" && answers_equal $run/agent.notes $run/model.notes "$1" &&
		(($(grep -cF "	$good	requests" $run/orders) == $1))
}
# PATTERN: the agent gets nothing, the attacker gets nothing, and the client says why.
refused() {
	truncate -s 0 $run/connect.log
	if works -w 9000 || [[ -s $run/orders ]]; then
		echo "the agent was answered"
		return 1
	fi
	cat $run/connect.log
	grep -qE -- "$1" $run/connect.log && nothing_got_out
}
nothing_got_out() { [[ ! -s $run/loot ]] || { echo "plaintext:"; head -c 200 $run/loot; return 1; }; }

# The agent gets nothing, or what a byte's change has not reached, and never anything else.
spoilt() {
	! works && [[ ! -s $run/orders ]] && grep -q "turned over a bit" $run/mitm.log
}
unheard() { spoilt && [[ ! -s $run/model.notes ]]; }	# nor does the model get a request
# Without protection: it works, for whom it does not know.
loses_all() { ! at client "$tools/agent" -k $canaries -w 3000 $vip4 $open; }
eligible() { [[ $(show service '[.[0].backends[] | select(.eligible)] | length' "$1") == "$2" ]]; }
# A canary's worth of bytes a thousand times and more, towards b1 alone.
saw_all() {
	tail -n 1 $run/all-cable.log | jq -e ".bytes > $(wc -c <$canaries) * 1120"
}

# --- the attacker's side

# OPTIONS OF mitm...: at the VIP.  What it takes from the wire is in $run/wire, ciphertext is no
# loot; what TLS gave it in $run/loot.
stands() {
	[[ -z ${job[mitm]:-} ]] || end mitm || :
	: >$run/mitm.log
	begin mitm attacker "$tools/mitm" "$@" $vip4 $models
	within 5 listens attacker $models
}
leaves() { end "$1" || :; }

# The map of backends, a line each: index and value as bytes in hexadecimal.
entries() {
	bpftool -j map dump pinned /sys/fs/bpf/fairlead/backends | jq -r '.[] |
		[.key, .value] | map(map(ltrimstr("0x")) | join("")) | join(" ")'
}
# ADDRESS: its line.  All at once, for the daemon renews leases at any time.
entry_of() {
	local hex

	# shellcheck disable=SC2086
	hex=$(printf '%02x' ${1//./ })
	entries | grep -m 1 "$hex\$"
}
spaced() { fold -w 2 <<<"$1" | paste -sd' '; }
store() {	# INDEX VALUE
	# shellcheck disable=SC2046
	bpftool map update pinned /sys/fs/bpf/fairlead/backends key hex $(spaced "$1") \
		value hex $(spaced "$2")
}

# FROM TO: what goes to one goes to the other, and the lease stays: an operator with root.
redirect() {
	local index from to _

	read -r index from < <(entry_of "$1")
	read -r _ to < <(entry_of "$2")
	[[ $from && $to ]] &&
		store "$index" "${from:0:48}${to:48:24}${from:72:24}${to:96}"
}
restore() {	# b1's own address, with the lease that it has now
	local now

	now=$(entries | sed -n "s/^$b1_index //p")
	store "$b1_index" "${now:0:48}${b1_entry:48}"
}

# --- a router that does what it is for

raise b1=genuine attacker=plain
node model 13
plant_canaries
authority provider
certificate model provider model.example
spki=$(openssl x509 -in $run/model.crt -noout -pubkey | openssl pkey -pubin -outform der | sha256sum)
begin model model "$tools/model" -c $run/model.crt -k $run/model.key -o $run/model.notes 10.77.0.13 443
begin open b1 "$tools/model" $vip4 $open
fairlead lab node $run/b1-relay --ca $run/ca --name b1 --ip $vip4 --ip 10.77.0.11
relay_config b1 b1-relay b1/guest "{name: model, address: \"10.77.0.13:443\", tls: {spki-sha256: [\"${spki%% *}\"]}}"
relays b1
chip=$(sed -n 's/^chip-id: "\(.*\)"/\1/p' $run/b1/guest/guest.yaml)
policy policy.yaml "  crl: off" "  chip-ids: [$chip]" "  minimum-tcb: [{product: Milan, snp: 24}]"
check "b1 attests"	within 20 attested b1
check "the model's flows may go to b1"	within 10 eligible model 1

tap open
check "an agent without protection is answered"	at client "$tools/agent" -k $canaries -n 3 $vip4 $open
untap open
check "the cable's tap sees what it says, within IPIP"	found '.raw >= 12' $run/open-cable.pcap

connects
tap all
check "1,000 requests are answered, and both ends saw the same"	answered 1000
check "so are 60 of an autonomous agent"	answered 60 -a
check "and 60 streams"	answered 60 -s
untap all
check "the taps lost nothing"	lossless all
check "they saw all of it pass"	saw_all
check "and nothing of what was said"	found '.hits == 0' $run/all-inside.pcap $run/all-cable.pcap
check "nothing of it was in the router's daemon"	found '.hits == 0' -p "$(pid_of router)"
check "as it would have been in a process that knows it"	found '.raw > 0' -p $$

# --- whoever gets the flows

read -r b1_index b1_entry < <(entry_of 10.77.0.11)
check "a map's entry for b1 now says where the attacker is"	redirect 10.77.0.11 10.77.0.12
begin sink attacker "$tools/mitm" -m sink -o $run/unprotected $vip4 $open
within 5 listens attacker $open
check "an agent without protection does not notice"	loses_all
check "and the attacker has its secrets"	within 5 found '.raw >= 4' $run/unprotected

stands -m sink -o $run/wire
connects 4000
check "who does not speak TLS gets nothing"	refused 'TLS: no answer in time'
check "not even what could be told from the wire"	found '.hits == 0' $run/wire

# It passes everything on to b1, as any network does: nothing is wrong with that.
stands -m splice -o $run/wire -u 10.77.0.11,$models
connects
check "who passes all on to b1 serves"	answered 1
within 5 grep -q '^carried ' $run/mitm.log
leaves mitm
check "and can read nothing"	found '.hits == 0' $run/wire
read -r forth back < <(sed -n 's/^carried \([0-9]*\) bytes forth and \([0-9]*\) back$/\1 \2/p' $run/mitm.log)
for byte in 60 $((back / 4)) $((back / 2)) $((back - 200)); do
	stands -m splice -o $run/wire -u 10.77.0.11,$models -f "$byte"
	connects
	check "a bit of byte $byte turned over on the way back is noticed"	spoilt
done
for byte in 100 $((forth - 200)); do
	stands -m splice -o $run/wire -u 10.77.0.11,$models -F "$byte"
	connects
	check "a bit of byte $byte turned over on the way there is noticed"	unheard
done

own() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=b1 \
	-keyout $run/own.key -out $run/own.crt 2>/dev/null; }
check "the attacker makes a certificate of its own"	own
stands -m tls -o $run/loot -c $run/own.crt -k $run/own.key -a fairlead-app/1
connects
check "its own certificate"	refused 'its certificate: self-signed'
fairlead lab node $run/mallory --ca $run/ca --name mallory --ip 10.77.0.12 --ip $vip4
stands -m tls -o $run/loot -c $run/mallory/node.crt -k $run/mallory/node.key -a fairlead-app/1
connects
check "one of the CA, for another node"	refused 'its certificate is for node "mallory", want "b1"'
# From here on it has b1's key: only evidence is left to stop it.
stands -m tls -o $run/loot -c $run/b1-relay/node.crt -k $run/b1-relay/node.key
connects
check "b1's certificate, and another protocol"	refused '\(ALPN\)'
stands -m tls -o $run/loot -c $run/b1-relay/node.crt -k $run/b1-relay/node.key -a fairlead-app/1
connects 4000
check "b1's certificate, and no evidence"	refused 'attest: no answer in time'
stands -m tls -o $run/loot -c $run/b1-relay/node.crt -k $run/b1-relay/node.key -a fairlead-app/1 -u 10.77.0.11,$models -w $run/recorded
connects
check "b1's evidence, fetched while the client waits"	refused ': bad-report-data: '
check "it is on record now"	test "$(wc -c <$run/recorded)" -gt 2000
stands -m tls -o $run/loot -c $run/b1-relay/node.crt -k $run/b1-relay/node.key -a fairlead-app/1 -r $run/recorded
connects
check "b1's evidence, as recorded"	refused ': bad-report-data: '
set_clock -7200
connects
check "the same, and the client's wall clock set back two hours"	refused ': bad-report-data: '
set_clock 0
# A client that does not know the operator has the evidence alone to tell b1 by.
known=()
stands -m tls -o $run/loot -c $run/own.crt -k $run/own.key -a fairlead-app/1 -u 10.77.0.11,$models
connects
check "a certificate of its own, b1's evidence, and a client without the CA"	refused ': bad-report-data: '
known=(--ca "$run/ca/ca.crt" --node b1)
leaves mitm

# The attacker runs a relay as good as b1's, with b1's key; what is wrong is below it.
begin loot attacker "$tools/mitm" -m sink -o $run/loot 127.0.0.1 7777
loots() { ! works -w 5000; }	# for which its session has to come about, too
shows() {	# OPTIONS OF lab guest...: what the attacker's guest is
	rm -rf $run/guest && cp -r $run/b1/guest $run/guest
	fairlead lab guest $run/guest --root $run/root "$@" &&
		relay_config attacker b1-relay guest '{name: model, address: "127.0.0.1:7777", tls: none}'
}
tries() {	# WHAT REASON OPTIONS OF lab guest...
	[[ -z ${job[attacker-relay]:-} ]] || end attacker-relay || :
	shows "${@:3}"
	relays attacker
	connects
	check "$1"	refused ": $2: "
}
# The same guest and the same key: the one who has both is b1.  So it is evidence that counts here.
shows
relays attacker
connects
check "with b1's key and b1's chip it would be b1"	loots
check "and would have everything"	within 5 found '.raw >= 4' $run/loot
: >$run/loot
tries "another image" bad-measurement --measurement "$altered_measurement"
tries "an image of last year" bad-measurement --measurement "$(printf '0b%.0s' {1..48})"
tries "a guest that its host may debug" bad-policy-debug --debug
old="bootloader=4 tee=0 snp=23 microcode=219"
tries "a TCB below the floor" bad-tcb-too-old --reported-tcb "$old" --launch-tcb "$old"
tries "another chip" bad-chip-id --chip-id "$(printf 'c4%.0s' {1..64})"
cp -r $run/root $run/revoked
fairlead lab root $run/revoked --revoke-ask >/dev/null
collateral=(--collateral "$run/revoked")
policy policy.yaml "  crl: required"
tries "a chip whose authority is revoked" bad-revoked
collateral=()
policy policy.yaml "  crl: off"
set_clock -7200
tries "a key that has run out, and a wall clock set back" bad-cert-expired --expired
set_clock 0
end attacker-relay || :
check "in all of this the attacker got 0 bytes of plaintext"	test ! -s $run/loot

# --- whoever has the router's daemon

check "the map's entry is b1's again"	restore
connects
check "b1 serves"	answered 1
kill -STOP "$(pid_of b1)"
set_clock -7200
check "a wall clock set back prolongs no lease"	within 20 refused "$vip4:$models: connect: Connection refused"
set_clock 0
kill -CONT "$(pid_of b1)"
check "b1 serves again"	within 20 answered 1
stop router KILL
check "its daemon killed, the router steers as long as b1's lease"	answered 1
check "and no longer"	within 20 refused "$vip4:$models: connect: Connection refused"
check "to nobody"	test ! -s $run/loot
done_testing
