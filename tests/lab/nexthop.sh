#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Next hops follow what the kernel knows, within a second.
#
#	follower (here)     10.8.0.1/24 up0 ---- eth0 10.8.0.2  host (netns)
#	                    fd00:8::1/64              fd00:8::2
#	                    10.8.1.1/24 side0 -- eth1 10.8.1.2
#
# The tool prints "MS ID STATE dev … mac … src … mtu …" for every change; 1 is an IPv4
# neighbour, 2 an IPv6 one, 3 lies behind a gateway, 4 is our own, 5 has no route.

# shellcheck source=tests/lab/alone.sh
. "$(dirname "$0")/alone.sh"
TOOL=${TOOL:-$BUILD/tests/tools/dataplane}
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns

last() { grep -E "^[0-9]+ $1 " "$OUT/changes" | tail -1; }	# ID
now_is() { [[ "$(last "$1")" == *"$2"* ]]; }			# ID TEXT
told() { grep -cE "^[0-9]+ $1 " "$OUT/changes" || true; }	# ID: how often
host() { nsenter --net=/run/netns/host "$@"; }
not() { ! "$@"; }
# DO UNDO COMMAND...: within a second of a change.  A second in which the machine stood still is
# none, so what fails is done anew, and more slowly than that five times over is too slow.
promptly() {
	for _ in 1 2 3 4 5; do
		eval "$1"
		within 1 "${@:3}" && return
		eval "$2"
		within 10 not "${@:3}" || return
	done
	return 1
}
mac() { printf '02:00:00:00:00:%02x' "$1"; }

ip link set dev lo up
ip netns add host
ip link add dev up0 type veth peer name eth0 netns host
ip link add dev side0 type veth peer name eth1 netns host
ip link set dev up0 address "$(mac 1)"
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.up0.accept_dad=0
host sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0
host ip link set dev eth0 address "$(mac 2)"
host ip link set dev eth1 address "$(mac 3)"
for i in 0 1; do
	host ip addr add 10.8.$i.2/24 dev eth$i
	host ip link set dev eth$i up
done
host ip addr add fd00:8::2/64 dev eth0 nodad
ip addr add 10.8.0.1/24 dev up0
ip addr add fd00:8::1/64 dev up0 nodad
ip addr add 10.8.1.1/24 dev side0
ip link set dev up0 up
ip link set dev side0 up
ip route add 10.99.0.0/24 via 10.8.0.2 mtu 1400

"$TOOL" follow 10.8.0.2 fd00:8::2 10.99.0.9 10.8.0.1 203.0.113.7 \
	>"$OUT/changes" 2>"$OUT/err" &
follower=$!
trap 'kill $follower 2>/dev/null || true; rm -rf "$OUT"' EXIT

check "a neighbour nobody asked for yet is asked for" within 10 now_is 1 "resolved dev up0 mac $(mac 2)"
check "with the address that we would send from" now_is 1 "src 10.8.0.1 mtu 1500"
check "so is one of IPv6" within 10 now_is 2 "resolved dev up0 mac $(mac 2) src fd00:8::1"
check "behind a gateway the gateway counts, and the route's MTU" \
	within 10 now_is 3 "resolved dev up0 mac $(mac 2) src 10.8.0.1 mtu 1400"
check "our own address is no next hop" within 10 now_is 4 "an address of this host"
check "no route is said so" within 10 now_is 5 "no route"

host_has() {	# MAC
	host ip link set dev eth0 address "$1"
	ip neigh replace 10.8.0.2 dev up0 lladdr "$1" nud reachable
}
check "another MAC is followed within a second" \
	promptly "host_has $(mac 7)" "host_has $(mac 2)" now_is 1 "mac $(mac 7)"
check "for those behind the gateway too" within 5 now_is 3 "mac $(mac 7)"

check "another gateway is followed within a second" promptly \
	"ip route replace 10.99.0.0/24 via 10.8.1.2" \
	"ip route replace 10.99.0.0/24 via 10.8.0.2 mtu 1400" \
	now_is 3 "resolved dev side0 mac $(mac 3) src 10.8.1.1 mtu 1500"
ip route add 203.0.113.0/24 via 10.8.1.2
check "a route that appears is followed" within 10 now_is 5 "resolved dev side0"
ip route del 203.0.113.0/24
check "and its end" within 10 now_is 5 "no route"
ip route add blackhole 203.0.113.0/24
ip link set dev up0 mtu 1300
check "the interface's MTU is followed" within 10 now_is 1 "mtu 1300"

before=$(told 1)
ip neigh flush dev up0
check "a forgotten neighbour is found again" within 10 \
	bash -c "ip neigh show 10.8.0.2 dev up0 | grep -qE 'REACHABLE|DELAY|PROBE|STALE'"
check "without a word: the way has not changed" [ "$(told 1)" = "$before" ]

ip neigh replace 10.8.0.2 dev up0 lladdr "$(mac 9)" nud permanent
check "a permanent neighbour is believed" within 10 now_is 1 "mac $(mac 9)"
check "and left permanent" bash -c "ip neigh show 10.8.0.2 dev up0 | grep -q PERMANENT"
ip neigh del 10.8.0.2 dev up0
check "when it goes the true one is asked for" within 10 now_is 1 "mac $(mac 7)"

host ip addr del 10.8.0.2/24 dev eth0
ip neigh del 10.8.0.2 dev up0
check "one that does not answer fails" within 30 now_is 1 "the neighbour does not answer"
host ip addr add 10.8.0.2/24 dev eth0
check "and is asked again until it does" within 60 now_is 1 "resolved dev up0 mac $(mac 7)"

is_cut() { now_is 3 "link down" || now_is 3 "no route"; }
check "a lost carrier is told within a second" \
	promptly "host ip link set dev eth1 down" "host ip link set dev eth1 up" is_cut
host ip link set dev eth1 up
check "and its return" within 15 now_is 3 "resolved dev side0"

# More events than any socket holds, while the follower sleeps.
kill -STOP $follower
batch=$OUT/batch
for i in $(seq 1 4000); do
	echo "neigh replace 10.8.1.$((i % 250 + 3)) dev side0 lladdr $(mac $((i % 256))) nud stale"
done >"$batch"
for _ in 1 2 3; do ip -batch "$batch"; done
ip neigh replace 10.8.0.2 dev up0 lladdr "$(mac 5)" nud permanent
rm "$batch"
kill -CONT $follower
check "missed events are made up for" within 10 now_is 1 "mac $(mac 5)"
check "and there were some" grep -q "missed changes" "$OUT/err"
check "the follower is alive and has nothing to say to stderr but that" \
	bash -c "kill -0 $follower && ! grep -v 'missed changes' $OUT/err"
echo "1..$count"
