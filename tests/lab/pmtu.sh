#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A way that is narrow in the middle, as a client beyond it sees it: what backends are told of
# it by ICMP to the VIP reaches them, packets in pieces arrive, pings are answered.
#
#   far 10.78.0.2 --- hop .50 ---+--- router .2
#        1500         (1400)     +--- genuine-1 .11	wrapped in IPv4
#                                +--- genuine-2 .12	wrapped in IPv6
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

bytes=${BYTES:-100000000}

# The hop lets no more than 1400 bytes through, either way, and says so to whom it concerns.
narrow() {
	node hop 50
	ip netns add far
	ip link add dev far0 netns hop type veth peer name eth0 netns far
	at hop ip -batch - <<-END
		addr add 10.78.0.1/24 dev far0
		addr add fd78::1/64 dev far0 nodad
		link set dev far0 up
		route add 10.78.0.2/32 dev far0 mtu lock 1400
		route add fd78::2/128 dev far0 mtu lock 1400
		route add 10.99.0.0/16 via 10.77.0.2 mtu lock 1400
		route add fd99::/32 via fd77::2 mtu lock 1400
	END
	at hop ethtool -K far0 tx off >/dev/null
	at hop sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	at far ip -batch - <<-END
		link set dev lo up
		addr add 10.78.0.2/24 dev eth0
		addr add fd78::2/64 dev eth0 nodad
		link set dev eth0 up
		route add default via 10.78.0.1
		route add default via fd78::1
	END
	at far ethtool -K eth0 tx off >/dev/null
	for n in router "${fleet[@]}"; do
		at "$n" ip route add 10.78.0.0/24 via 10.77.0.50
		at "$n" ip route add fd78::/64 via fd77::50
	done
}

far() { at far "$build/tests/tools/traffic_talk" "$@"; }
moves() {	# put|get VIP
	local out name ours theirs

	out=$(far -w 60000 "$1" "$2" 443 $bytes) || { echo "$out"; return 1; }
	echo "$out"
	read -r name ours theirs <<<"$out"
	[[ $ours == "$theirs" && ${#ours} == 64 ]]
}
# Both, by now: either of them has sent what did not fit.
both_served() {	# VIP
	local names=

	for _ in {1..400}; do	# one of them may have a weight of one to twenty
		names+="$(far -w 15000 get "$1" 443 300000 | cut -d' ' -f1) " || return
		[[ $names != *genuine-1*genuine-2* && $names != *genuine-2*genuine-1* ]] || return 0
	done
	echo "$names"
	return 1
}
knows() {	# NODE VIP CLIENT
	local route

	route=$(at "$1" ip route get "$3" from "$2") || return
	[[ $route == *"mtu 1400"* ]] || { echo "$route"; return 1; }
}
pings() { at far ping -q -c 5 -i 0.2 -W 2 "$@"; }
# As traceroute asks.
first_hop_of() {	# VIP HOP
	local out

	out=$(at far ping -n -c 1 -W 2 -t 1 "$1" || :)
	grep -qiF "from $2" <<<"$out" && grep -qi exceeded <<<"$out" || { echo "$out"; return 1; }
}
# The same of TCP, by the real one: the hop, then the VIP.
traced() {	# VIP HOP
	local out

	out=$(at far traceroute -n -T -p 443 -q 3 -w 2 -m 4 "$1") || { echo "$out"; return 1; }
	[[ $(awk 'NR > 1 { for (i = 2; i <= NF; i++) if ($i ~ /[.:].*[.:]/) { print $i; next } }' <<<"$out") == "$2"$'\n'"$1" ]] ||
		{ echo "$out"; return 1; }
}
outcome() { fairlead -j outcome show | jq "[.[] | select(.outcome == \"$1\") | .packets] | add"; }
# What the far client's kernel has cut.
cut6() { at far awk '$1 == "Ip6FragCreates" && $2 > 100 { found = 1 } END { exit !found }' /proc/net/snmp6; }
cut4() {
	at far awk '/^Ip:/ { if (!n) { for (i = 1; i <= NF; i++) if ($i == "FragCreates") n = i }
		else found = $n > 100 } END { exit !found }' /proc/net/snmp
}
dropped_none() {
	local n=0 o

	for o in fragment fragment_unknown fragment_full fragment_tiny fragment_overlap; do
		n=$((n + $(outcome $o)))
	done
	((n == 0)) || { fairlead outcome show; return 1; }
}

raise genuine-1=genuine genuine-2=genuine
narrow
check "both attest"	within 15 attested genuine-1 genuine-2
declare -A hop=([$vip4]=10.78.0.1 [$vip6]=fd78::1)
declare -A address=([$vip4]=10.78.0.2 [$vip6]=fd78::2)
for vip in $vip4 $vip6; do
	check "backends answer the far client by $vip"	both_served $vip
	for n in genuine-1 genuine-2; do
		check "$n has heard by $vip how narrow the way is"	knows $n $vip "${address[$vip]}"
	done
	check "$bytes bytes down by $vip: the digests agree"	moves get $vip
	check "$bytes bytes up by $vip: the digests agree"	moves put $vip
	if command -v ping >/dev/null; then
		check "$vip answers pings"	within 20 pings $vip
		check "and is two hops away: the first says so"	within 20 first_hop_of $vip "${hop[$vip]}"
		check "the second is the VIP"	within 20 pings -t 2 $vip
	else
		skip "$vip answers pings, two hops away" "there is no ping here"
	fi
	if command -v traceroute >/dev/null; then
		check "traceroute over TCP says the same"	within 30 traced $vip "${hop[$vip]}"
	else
		skip "traceroute over TCP says the same" "there is no traceroute here"
	fi
done

# Datagrams of up to 1400 bytes, cut where the client's own route is narrower.
at far ip route add 10.99.0.0/16 via 10.78.0.1 mtu 600
at far ip -6 route add fd99::/32 via fd78::1 mtu 1280
for vip in $vip4 $vip6; do
	check "datagrams in pieces by $vip come back as they were" \
		far -w 15000 datagrams $vip 5353 2800
done
check "IPv4 went in pieces"	cut4
check "IPv6 went in pieces"	cut6
check "no piece was dropped"	dropped_none
done_testing
