#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Clients behind one interface of the router, backends behind another: what comes in by
# eth1 is handed to eth0 by XDP, wrapped; what the router itself answers goes back by eth1.
#
#   client 10.78.0.1 --- eth1 .2 router eth0 10.77.0.2 ---+--- genuine-1 .11
#                                                         +--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

client_side() {	# the switch before the router, and the client on it
	ip -batch - <<-END
		link add dev br1 type bridge mcast_snooping 0
		link set dev br1 up
		link set dev client master br1
	END
	at client ip -batch - <<-END
		addr flush dev eth0
		addr add 10.78.0.1/24 dev eth0
		addr add fd78::1/64 dev eth0 nodad
		route add 10.99.0.0/16 via 10.78.0.2
		route add fd99::/32 via fd78::2
	END
}

second_leg() {	# of the router, which forwards what comes back as any router does
	ip -batch - <<-END
		link add dev router1 type veth peer name eth1 mtu 1500 netns router
		link set dev router1 master br1 up
		link set dev router1 xdpdrv pinned $pass
	END
	at router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	at router ip -batch - <<-END
		addr add 10.78.0.2/24 dev eth1
		addr add fd78::2/64 dev eth1 nodad
		link set dev eth1 up
	END
	at router ethtool -K eth1 tx off >/dev/null
}

eval "$(declare -f client node server router_config | sed -E 's/^(client|node|server|router_config) \(\)/plain_\1 ()/')"
node() {
	plain_node "$@"
	[[ $1 != router ]] || second_leg
}
client() { plain_node "$1" "$2" 1500; client_side; }
server() {
	plain_server "$@"
	at "$1" ip route add 10.78.0.0/24 via 10.77.0.2
	at "$1" ip route add fd78::/64 via fd77::2
}
router_config() { plain_router_config | sed 's/interfaces: \[eth0\]/interfaces: [eth0, eth1]/'; }

bytes=5000000
moves() {	# put|get VIP
	local name ours theirs

	read -r name ours theirs < <(ask -w 10000 "$1" "$2" 443 $bytes)
	[[ $name == genuine-* && $ours == "$theirs" && ${#ours} == 64 ]]
}
# One that a full ring lost nobody sends again; one that comes back altered is another matter.
echoes() {
	local is try

	for try in 1 2 3; do
		is=0
		ask datagrams "$1" 5353 200 || is=$?
		((is == 4)) || break
		echo "silent, the $try. time"
	done
	return $is
}
# Weights follow latency: one of two may have a 21st of the flows for a while.
both_serve() {
	ask ask $vip4 "$1" 100 >/dev/null || :
	(($(packets_to genuine-1 "$1") && $(packets_to genuine-2 "$1")))
}
ends() { local is=0; ask "${@:2}" >/dev/null || is=$?; ((is == $1)); }	# STATUS as of traffic_talk
refused=3
by_eth1() { at router ip -s -j link show dev eth1 | jq '.[0].stats64.rx.packets'; }

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
for vip in $vip4 $vip6; do
	check "$((bytes / 1000000)) MB up by $vip: the digests agree"	moves put "$vip"
	check "and down"	moves get "$vip"
	check "datagrams by $vip come back as they were"	echoes "$vip"
	for _ in {1..100}; do ask -w 2000 get $vip 443 100 >/dev/null || :; done
done
check "both backends had some, each in its own wrapping"	within 10 both_serve 443
check "all of it came in by eth1"	[ "$(by_eth1)" -gt 5000 ]
in_vain() { at router ethtool -S eth0 | awk '/xdp_xmit_errors:/ { n += $2 } END { print n + 0 }'; }
# What TCP has under way is more than a ring holds that nobody empties for want of a processor.
check "XDP handed over what it should, but for a full ring now and then" [ $((20 * $(in_vain))) -lt "$(by_eth1)" ]
refusals() { fairlead -j outcome show | jq '[.[] | select(.refusal) | .packets] | add'; }
check "no packet was refused on the way"	[ "$(refusals)" = 0 ]

fairlead backend evict genuine-1 && fairlead backend evict genuine-2
for vip in $vip4 $vip6; do
	check "a client that nobody may serve hears so, by $vip"	ends $refused ask "$vip" 443
	check "by UDP, too"	ends $refused -u ask "$vip" 5353
done
fairlead backend admit genuine-1
check "and is served again, when one may"	within 5 moves get $vip4

ip link set dev router down	# the way to the backends
check "without a way to them, too"	within 5 ends $refused ask $vip4 443
ip link set dev router up
check "and with it again"	within 10 moves get $vip4
done_testing
