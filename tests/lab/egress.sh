#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What leaves a guest: what its agent's configuration pins, and nothing else, whoever
# in the guest sends it; with the daemon, after it was killed, and by tc alone.
#
#	guest 10.77.0.11 --- br0 --- friend 10.77.0.3	a pinned destination, ports 80 and 53
#				 \-- stranger 10.77.0.4	nothing of ours
#				  \- client 10.77.0.1	asks the guest's service
#				   \- router 10.77.0.2	wants to know how the guest is confined
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

tagged() {	# NODE NUMBER: in VLAN 7 as well
	at "$1" ip -batch - <<-END
		link add link eth0 name eth0.7 type vlan id 7
		addr add 10.88.0.$2/24 dev eth0.7
		addr add fd88::$2/64 dev eth0.7 nodad
		link set dev eth0.7 up
	END
}

segment
node client 1
node router 2
node friend 3
node stranger 4
node guest 11
at guest ip addr add $vip4/32 dev lo
at guest ip addr add $vip6/128 dev lo nodad
for n in friend stranger; do
	talk serve $n :: 80 81
	talk -u serve $n :: 53
done
for a in $vip4 $vip6; do talk serve guest $a 80; done
at client ip route add $vip4/32 via 10.77.0.11
at client ip -6 route add $vip6/128 via fd77::11

identities
identity guest 10.77.0.11 fd77::11
guest guest genuine
config() {	# PORT [INTERFACE]: of the friend
	cat <<-END
		node: guest
		pins: /sys/fs/bpf/guest
		control: {socket: $run/guest/control.sock}
		metrics: 127.0.0.1:9477
		$(identity_config guest)
		agent:
		  listen: "[::]:9478"
		  source: soft
		  directory: $run/guest/guest
		  routers: [10.77.0.2]
		  services:
		    - {vip: "$vip4", port: 80, protocol: tcp}
		    - {vip: "$vip6", port: 80, protocol: tcp}
		    - {vip: "$vip4", port: 81, protocol: tcp}
		    - {vip: "$vip6", port: 81, protocol: tcp}
		  egress:
		    interfaces: [${2:-eth0}]
		    destinations:
		$(for a in 10.77.0.3 fd77::3 10.88.0.3 fd88::3; do
			printf '      - {address: "%s", port: %s, protocol: tcp}\n' $a "$1"
			printf '      - {address: "%s", port: 53, protocol: udp}\n' $a
		done)
		    neighbours: ["fd77::/64"]
		    mss: 1000
	END
}
config 80 >$run/guest.yaml
identity router 10.77.0.2 fd77::2
measurement=$(measurement_of guest)
router() {	# DIGEST
	cat <<-END
		node: router
		control: {socket: /run/fairlead/control.sock}
		metrics: off
		$(identity_config router)
		router:
		  interfaces: [eth0]
		  heartbeat-ms: 500
		  services:
		    - {name: web, vip: $vip4, port: 80, protocol: tcp, class: confidential, ring: 4093, backends: [guest]}
		  backends:
		    - {name: guest, address: 10.77.0.11, agent: 9478, policy: lab, egress-digest: $1}
		$(policy_config)
	END
}

friends=(10.77.0.3 fd77::3)
strangers=(10.77.0.4 fd77::4)
if ip link add dev vlan0 link lo type vlan id 7 2>/dev/null; then
	ip link del dev vlan0
	tagged friend 3
	tagged stranger 4
	tagged guest 11
	friends+=(10.88.0.3 fd88::3)
	strangers+=(10.88.0.4 fd88::4)
else
	skip "the same in a VLAN" "this kernel has none; the packet rows have tags"
fi

# Sends as whoever wants to get something out would: KIND ADDRESS [PORT [FROM PORT]]
cat >$run/send.py <<'END'
import socket, sys
kind, to, port, source, sport = (sys.argv[1:] + ["0", "", "0"][len(sys.argv) - 3:])[:5]
family = socket.AF_INET6 if ":" in to else socket.AF_INET
if kind == "frame":
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	s.bind(("eth0", 0))
	s.send(bytes.fromhex(to.replace(":", "")) + b"\2\0\0\0\0\1" + b"\x88\xb5" + b"canary" * 10)
elif kind == "raw":
	socket.socket(family, socket.SOCK_RAW, 253).sendto(b"canary", (to, 0))
elif kind == "large":
	socket.socket(family, socket.SOCK_DGRAM).sendto(b"canary" * 600, (to, int(port)))
else:
	s = socket.socket(family, socket.SOCK_STREAM)
	s.settimeout(0.3)
	s.bind((source, int(sport)))
	s.connect((to, int(port)))
END
sends() { at guest python3 $run/send.py "$@" 2>/dev/null || :; }
reaches() { at guest "$build/tests/tools/traffic_talk" "$@"; }	# [-u] ask ADDRESS PORT 1
silent() { ! at guest "$build/tests/tools/traffic_talk" -w 200 "$@"; }
pings() { at guest ping -c 1 -W 0.2 "$1" >/dev/null || :; }

egress() { at guest "$build/fairlead" --pins /sys/fs/bpf/guest -j egress "$@"; }
counted() { egress show | jq ".[] | select(.outcome == \"$1\") | .packets"; }
refused_as() {	# OUTCOME COMMAND...
	local n

	n=$(counted "$1")
	"${@:2}" && within 3 counts_more "$1" "$n"
}
counts_more() { (($(counted "$1") > $2)); }	# OUTCOME PACKETS

# What the stranger was sent, whatever it was, but for what its own link needs.
heard() {
	at stranger nstat -asz TcpInSegs UdpInDatagrams UdpNoPorts Udp6InDatagrams Udp6NoPorts \
		IcmpInEchos Icmp6InEchos IpInUnknownProtos Ip6InUnknownProtos IpReasmReqds Ip6ReasmReqds |
		awk '!/^#/ { n += $2 } END { print n }'
}
hears_nothing() { [[ $(heard) == "$before" ]]; }
confined() {	# both ways, now
	reaches ask 10.77.0.3 80 1 && reaches ask fd77::3 80 1 &&
		silent ask 10.77.0.4 80 1 && silent ask fd77::4 80 1
}
reload() { fairlead --socket $run/guest/control.sock reload; }
carries() { at guest tc filter show dev eth0 egress | grep -q "egress.*direct-action"; }

before=$(heard)
for a in "${strangers[@]}"; do check "unconfined, $a is reached" within 5 reaches ask "$a" 80 1; done
check "which is noticed there" eval '(($(heard) > before))'
begins() {	# the guest's daemon, and is there
	: >$run/guest.log
	start guest
	within 10 is_ready guest
}
begins
before=$(heard)

for a in "${strangers[@]}"; do
	check "nobody else is: $a" refused_as not_pinned silent ask "$a" 80 1
	check "by UDP" refused_as not_pinned silent -u ask "$a" 53 1
	check "by ping" refused_as protocol pings "$a"
	check "by a protocol of one's own" refused_as protocol sends raw "$a"
done
check "the log tells of it" within 5 logged guest \
	"egress: refused on eth0, not_pinned: tcp .* to 10.77.0.4:80"
for a in "${friends[@]}"; do
	check "what is pinned is reached: $a" reaches ask "$a" 80 1
	check "by UDP" reaches -u ask "$a" 53 1
	check "but not its other ports" refused_as not_pinned silent ask "$a" 81 1
	check "nor by ping" refused_as protocol pings "$a"
	check "nor in fragments" refused_as fragment sends large "$a" 53
done
check "a frame of no protocol" refused_as ethertype sends frame "$(mac_of stranger)"
check "the service answers its clients" ask ask $vip4 80 1
check "over IPv6" ask ask $vip6 80 1
asked_for() {	# VIP: of a segment 12 bytes are the time
	local holder status=0

	nsenter --net=/run/netns/client "$build/tests/tools/traffic_talk" hold "$1" 80 60 >/dev/null 2>&1 &
	holder=$!
	within 5 eval "at client ss -Htin dst '[$1]' | grep -q ' mss:988 '" || status=$?
	kill $holder
	return $status
}
for vip in $vip4 $vip6; do check "clients are asked for segments of 1000 bytes: $vip" asked_for $vip; done
check "but its port calls nobody" refused_as opens sends tcp 10.77.0.4 80 $vip4 81
check "over IPv6" refused_as opens sends tcp fd77::4 80 $vip6 81
check "the rules are shown" eval 'egress rules | jq -e "index(\"interface eth0\") and index(\"to tcp fd77::3/128 80\")"'

digest=$(at guest "$build/fairlead" --pins /sys/fs/bpf/guest egress rules | sha256sum | cut -d' ' -f1)
router "$digest" >$run/router.yaml
start router
check "a router that has pinned them attests the guest" within 15 attested guest
stop router

config 81 >$run/guest.yaml
check "other rules are read" reload
check "what they pin is reached" reaches ask 10.77.0.3 81 1
check "and what they no longer pin is not" refused_as not_pinned silent ask 10.77.0.3 80 1
start router
check "and the router refuses it" within 15 logged router "claims: want egress_digest $digest, got [0-9a-f]"
stop router
config 80 eth9 >$run/guest.yaml
check "rules for an interface that is not there are refused" eval '! reload'
check "and change nothing" reaches ask 10.77.0.3 81 1
config none >$run/guest.yaml
check "rules with a mistake are refused" eval '! reload'
check "and change nothing" refused_as not_pinned silent ask 10.77.0.3 80 1
config 80 >$run/guest.yaml
check "good ones are read" reload
check "both ways" confined
at guest tc qdisc del dev eth0 clsact
check "a filter that somebody flushed is back" within 10 carries
check "and confines" confined

program() { bpftool -j prog show pinned /sys/fs/bpf/guest/egress/egress | jq .id; }
was=$(program)
stop guest KILL
check "the daemon killed: still confined" confined
begins
check "started anew: the same" confined
check "by the program that was there" [ "$(program)" = "$was" ]
check "the stranger has heard nothing of all that" hears_nothing

mkdir /sys/fs/bpf/alone
bpftool prog loadall "$build/egress.bpf.o" /sys/fs/bpf/alone pinmaps /sys/fs/bpf/alone
at client tc qdisc add dev eth0 clsact
at client tc filter add dev eth0 egress bpf da pinned /sys/fs/bpf/alone/egress
check "loaded by tc alone, nothing leaves" eval '! ask -w 300 ask 10.77.0.3 80 1'
at client tc filter del dev eth0 egress
check "without it everything does" ask ask 10.77.0.3 80 1
done_testing
