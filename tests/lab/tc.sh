#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The router behind TC, with no XDP on its interface: what comes in, and what the router's
# own host sends to a VIP.  Frames that the kernel holds together (GSO, GRO) are steered as
# one and arrive in pieces that fit; a refusal is heard at once at either end.
#
#   client .1 ---+--- genuine-1 .11	wrapped in IPv4
#   router .2 ---+--- genuine-2 .12	wrapped in IPv6
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

bytes=8000000
heartbeat_ms=200
heartbeats_missed=25	# nobody is down because the machine stands still
pins=/sys/fs/bpf/fairlead

moves() {	# NODE VIP [PORT]: many bytes up, and down
	local way out name ours theirs

	for way in put get; do
		out=$(at "$1" "$build/tests/tools/traffic_talk" -w 20000 $way "$2" "${3:-443}" $bytes) ||
			{ echo "$out"; return 1; }
		read -r name ours theirs <<<"$out"
		[[ $ours == "$theirs" && ${#ours} == 64 ]] || { echo "$out"; return 1; }
	done
	echo "$name"
}
asks() { at "$1" "$build/tests/tools/traffic_talk" -w 10000 ask "$2" "${3:-443}" 8; }
refused() { asks "$1" "$2" >/dev/null; (($? == 3)); }
refused_udp() { at "$1" "$build/tests/tools/traffic_talk" -u -w 10000 ask "$2" 5353 >/dev/null; (($? == 3)); }
packets_of() { fairlead -j outcome show | jq --arg o "$1" 'map(select(.outcome == $o) | .packets) | add // 0'; }
steered() { fairlead -j -s service show pay4 | jq "[.. | objects | .$1? // empty] | add"; }
pieces() {	# bytes of what is steered as one, while a client sends
	local bytes0 packets0

	bytes0=$(steered bytes) packets0=$(steered packets)
	at client "$build/tests/tools/traffic_talk" -w 20000 put $vip4 443 $bytes >/dev/null
	echo $((($(steered bytes) - bytes0) / ($(steered packets) - packets0)))
}
# What was steered is not looked at again on its way out; all else there is the daemon's, by time.
seen_once() {
	local others packets began=$SECONDS

	others=$(packets_of not_ours) packets=$(steered packets)
	for _ in 1 2 3 4; do moves client $vip4 || return; done
	others=$(($(packets_of not_ours) - others)) packets=$(($(steered packets) - packets))
	echo "$packets steered, $others others"
	((others < packets / 2 + 60 * (SECONDS - began + 1)))
}
largest() {	# frame on the cables to backends
	local n=0 m node

	for node in genuine-1 genuine-2; do
		m=$(seen_of $node 443 largest 'max // 0')
		((m <= n)) || n=$m
	done
	echo $n
}
fits() { (($1 > 1000 && $1 <= 14 + 40 + 1500)); }
xdp() { at router ip -j link show dev eth0 | jq -r '.[0].xdp // "none"'; }
carried() { at router "$build/fairlead" -j attach | jq -c "map(select(.interface == \"eth0\")) | sort_by(.program) | $1"; }
by_tc() { [[ $(carried 'map(.program)') == "$1" ]]; }

segment
client client 1
node router 2
fleet genuine-1=genuine genuine-2=genuine
identity router 10.77.0.2 fd77::2
router_config | sed -e 's/interfaces: \[eth0\]/tc: {ingress: [eth0], egress: [eth0]}/' \
	-e 's/port: 443$/&\n      mss: 1300/' -e 's/port: 8443$/&\n      forward: gue/' >$run/router.yaml
# Its own packets leave by eth0, whoever the next hop is.
at router ip -batch - <<-END
	route add 10.99.0.0/16 via 10.77.0.1
	route add fd99::/32 via fd77::1
END
# A client's segments come together, for nothing on its cable parts them; the router's has XDP.
ip link set dev client xdpdrv off
at router ethtool -K eth0 tx on sg on gso on >/dev/null
at client ethtool -K eth0 tx on sg on tso on gso on >/dev/null
start router
check "the router runs"	within 30 test -S /run/fairlead/control.sock
check "both attest"	within 30 attested genuine-1 genuine-2
check "the interface has no XDP"	[ "$(xdp)" = none ]
check "but our programs on its way in and out"	by_tc '["steer_egress","steer_ingress"]'
note "by $(carried '.[0].mode')"

for vip in $vip4 $vip6; do
	check "a client's bytes go to $vip and come back as they were"	moves client $vip
done
check "in pieces that fit"	fits "$(largest)"
for _ in 1 2 3 4 5; do	# after a loss a sender begins again with single ones
	at_once=$(pieces)
	((at_once <= 1514)) || break
done
note "$at_once bytes were steered at once"
check "though more was steered at once"	[ "$at_once" -gt 1514 ]
check "and none of it was too big"	[ "$(packets_of too_big)" = 0 ]
check "nor seen twice"	seen_once
for vip in $vip4 $vip6; do
	check "so do those of the router's own host"	moves router $vip
done
check "which heard what is too big"	[ "$(packets_of too_big)" -gt 0 ]
for vip in $vip4 $vip6; do
	check "the same by $vip, wrapped in GUE"	moves client $vip 8443
	check "and from the router's own host"	moves router $vip 8443
done
check "a ping of the client's is answered"	within 10 at client ping -c 2 -i 0.2 -W 2 -q $vip4
check "and one of its own"	within 10 at router ping -c 2 -i 0.2 -W 2 -q $vip4

# What is not ours has two tags when it has passed as well.
tagged() {	# NODE ADDRESS
	at "$1" ip -batch - <<-END
		link add link eth0 name outer type vlan proto 802.1ad id 10
		link add link outer name inner type vlan id 20
		link set dev outer up
		link set dev inner up
		addr add $2/24 dev inner
	END
}
if tagged client 10.55.0.1 2>/dev/null && tagged router 10.55.0.2; then
	check "a ping within two tags passes"	within 10 at client ping -c 2 -i 0.2 -W 2 -q 10.55.0.2
else
	skip "a ping within two tags passes"	"this kernel has no VLANs"
fi

was=$(carried .)
stop router KILL
check "without a daemon it goes on"	asks client $vip4
check "for its own host as well"	asks router $vip6
start router
check "the next daemon takes it over"	within 30 attested genuine-1 genuine-2
check "the same programs are attached"	[ "$(carried .)" = "$was" ]

for node in genuine-1 genuine-2; do fairlead backend evict $node >/dev/null; done
for vip in $vip4 $vip6; do
	check "without a lease a client is refused at once by $vip"	refused client $vip
	check "and a client on the router"	refused router $vip
done
# Now the router's host writes the checksums that the client began, and the client looks at them.
at router ethtool -K eth0 tx off >/dev/null
ethtool -K router rx off >/dev/null
at client ethtool -K eth0 rx off >/dev/null
for vip in $vip4 $vip6; do
	check "also when a checksum was to be written late, by RST from $vip"	refused client $vip
	check "and by ICMP"	refused_udp client $vip
done

check "the pins stay while an interface carries them"	eval \
	'[[ $(at router "$build/fairlead" map unpin 2>&1) == *"eth0 still carries"* ]]'
for way in ingress egress; do
	check "detach $way"	at router "$build/fairlead" detach eth0 tc-$way
done
check "they are gone"	by_tc '[]'
check "once more is refused"	eval '! at router "$build/fairlead" detach eth0 tc-egress'

# A device whose only use is to be a way out.
at router ip -batch - <<-END
	link add dev steer type veth peer name nowhere
	link set dev nowhere up
	link set dev steer arp off up
	route replace 10.99.0.0/16 dev steer src 10.77.0.2
	route replace fd99::/32 dev steer src fd77::2
END
check "attach to its way out"	at router "$build/fairlead" attach steer tc-egress
for vip in $vip4 $vip6; do
	check "from there a refusal by $vip is handed in"	refused router $vip
done
for node in genuine-1 genuine-2; do fairlead backend admit $node >/dev/null; done
check "both are admitted again"	within 30 attested genuine-1 genuine-2
for vip in $vip4 $vip6; do
	check "and the way to $vip leads out of eth0"	moves router $vip
done
at router tc qdisc add dev eth0 clsact
check "tc itself takes the pinned program"	\
	at router tc filter add dev eth0 ingress bpf da pinned $pins/steer_ingress
check "and it steers"	asks client $vip4
at router tc filter del dev eth0 ingress
at router tc filter add dev eth0 ingress pref 60 handle 0xfa17 bpf da pinned $pins/steer_ingress
check "a filter in our place is known as ours"	\
	eval '[[ $(at router "$build/fairlead" -j attach eth0 tc-ingress | jq -r ".mode, .was_there" | paste -sd" ") == "clsact true" ]]'
older_pinned() {	# programs of another build, on the maps that serve, in place of what is pinned
	local with=() m

	for m in settings services rings backends flows outcomes service_stats backend_stats; do
		with+=(map name $m pinned $pins/$m)
	done
	bpftool prog loadall "$build/tests/lab/older_tc.bpf.o" $pins/older type tc "${with[@]}"
	mv $pins/older/steer_ingress $pins/older/steer_egress $pins/
	rmdir $pins/older
}
check "and is taken away like one"	at router "$build/fairlead" detach eth0 tc-ingress
check "programs of another build take the pins"	older_pinned
at router tc filter add dev eth0 ingress pref 60 handle 0xfa17 bpf da pinned $pins/steer_ingress
check "one is attached by a filter, one by a link"	at router "$build/fairlead" attach eth0 tc-egress
was=$(carried 'map(.id)')
modes=$(carried 'map(.mode)')
stop router
start router
check "a daemon of this build takes over"	within 30 attested genuine-1 genuine-2
check "in both places"	eval '[[ $(carried "map(.id) - $was | length") == 2 ]]'
check "also where the configuration names none"	eval \
	'[[ $(at router "$build/fairlead" -j attach | jq "map(select(.program == \"steer_egress\") | .id) | unique | length") == 1 ]]'
check "which stay what they are"	[ "$(carried 'map(.mode)')" = "$modes" ]
check "and it steers"	asks client $vip4
check "detach both"	eval 'at router "$build/fairlead" detach eth0 tc-ingress &&
	at router "$build/fairlead" detach eth0 tc-egress'
at router tc filter add dev eth0 ingress pref 60 handle 0xfa17 bpf da pinned /sys/fs/bpf/lab/sink
check "somebody else's is left alone"	eval '! at router "$build/fairlead" attach eth0 tc-ingress'

stop router
check "detach from the way out"	at router "$build/fairlead" detach steer tc-egress
check "then the pins go"	at router "$build/fairlead" map unpin
check "all of them"	eval '[[ ! -d $pins || -z $(ls $pins) ]]'
done_testing
