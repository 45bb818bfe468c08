# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# The lab that every end-to-end test, the demo and scripts/lab stand on: nodes as
# network namespaces on one switch, daemons in them, and checks that print TAP.
#
# Whoever sources this is run again inside a mount, network and process namespace of
# its own: /run, the bpffs and the switch are private, and all of it ends with the
# caller, however the caller ends.  docs/lab.md tells the traps this file steps around.

if [[ -z ${FAIRLEAD_INSIDE:-} ]]; then
	if ((EUID != 0)); then
		echo "1..0 # SKIP want root, for network namespaces"
		exit 77
	fi
	FAIRLEAD_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
unset FAIRLEAD_INSIDE
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
trap 'exit 130' INT TERM

build=${BUILD:-build}
run=/run/lab
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mkdir -p $run /run/netns

vip4=10.99.0.1 vip6=fd99::1
bridge_mtu=1600	# a client's 1500 bytes and an outer IPv6 header
pass=/sys/fs/bpf/lab/pass

# --- nodes

# One switch.  Every cable's near end counts what goes towards its node.
segment() {
	mkdir -p /sys/fs/bpf/lab
	bpftool prog loadall "$build/tests/lab/sink.bpf.o" /sys/fs/bpf/lab pinmaps /sys/fs/bpf/lab
	for f in all default; do
		echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter
		echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6
	done
	ip -batch - <<-END
		link set dev lo up
		link add dev br0 type bridge mcast_snooping 0
		link set dev br0 up
	END
}

at() { nsenter --net=/run/netns/"$1" "${@:2}"; }	# NODE COMMAND...

node() {	# NAME NUMBER: a host at 10.77.0.NUMBER and fd77::NUMBER
	local name=$1 n=$2 mtu=${3:-$bridge_mtu}

	ip netns add "$name"
	at "$name" sh -c 'for f in all default; do
		echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter
		echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/$f/accept_ra
	done
	echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
	echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce'
	ip -batch - <<-END
		link add dev $name mtu $bridge_mtu type veth peer name eth0 mtu $mtu netns $name
		link set dev $name master br0 up
		link set dev $name xdpdrv pinned $pass
	END
	tc qdisc add dev "$name" clsact
	tc filter add dev "$name" egress bpf da pinned /sys/fs/bpf/lab/sink
	at "$name" ip -batch - <<-END
		link set dev lo up
		addr add 10.77.0.$n/24 dev eth0
		addr add fd77::$n/64 dev eth0 nodad
		link set dev eth0 up
	END
	at "$name" ethtool -K eth0 tx off >/dev/null
}

mac_of() { at "$1" ip -j link show dev eth0 | jq -r '.[0].address'; }

client() {	# NAME NUMBER: reaches the VIPs through the router
	node "$1" "$2" 1500
	at "$1" ip -batch - <<-END
		route add 10.99.0.0/16 via 10.77.0.2
		route add fd99::/32 via fd77::2
	END
}

server() {	# NAME NUMBER: has the VIPs, and answers clients directly
	node "$1" "$2"
	at "$1" ip -batch - <<-END
		addr add $vip4/32 dev lo
		addr add $vip6/128 dev lo nodad
		route add 10.77.0.1/32 dev eth0 mtu 1500
		route add fd77::1/128 dev eth0 mtu 1500
	END
	talk serve "$1" $vip4 80 443 8443
	talk serve "$1" $vip6 80 443 8443
	talk -u serve "$1" $vip4 53 5353
	talk -u serve "$1" $vip6 53 5353
	talk serve "$1" "10.77.0.$2" 80
}

talk() {	# [-u] serve NODE ...: in the background
	local n=$2

	[[ $1 != -u ]] || n=$3
	at "$n" "$build/tests/tools/traffic_talk" "$@" &
}

ask() { at client "$build/tests/tools/traffic_talk" "$@"; }

# --- what the switch saw

seen_of() {	# NODE PORT FIELD JQ-EXPRESSION: over what was wrapped for that inner port
	local i

	i=$(ip -j link show dev "$1" | jq '.[0].ifindex')
	bpftool -j map dump pinned /sys/fs/bpf/lab/seen | jq --argjson i "$i" --argjson p "$2" \
		"[.[].formatted | select(.key.ifindex == \$i and .key.port == \$p and
		  .key.wrapped > 0) | .value.$3] | $4"
}
packets_to() { seen_of "$1" "$2" packets 'add // 0'; }
last_jiffies_to() { seen_of "$1" "$2" last_jiffies 'max // 0'; }
longest_gap_ms_to() { seen_of "$1" "$2" gap_ns '(max // 0) / 1000000'; }

# --- identities and guests

identities() {	# an operator's CA, and a stand-in for AMD's
	fairlead lab ca $run/ca
	root_digest=$(fairlead lab root $run/root)
}

identity() {	# NODE ADDRESS...
	fairlead lab node "$run/$1" --ca $run/ca --name "$1" $(printf -- '--ip %s ' "${@:2}")
}

measurement_of() { sed -n 's/^measurement: *//p' "$run/$1/guest/guest.yaml"; }

guest() {	# NODE genuine|altered|debug: what its hardware will say of it
	local with=()

	case $2 in
	genuine) ;;
	altered) with=(--measurement "$altered") ;;
	debug)	with=(--debug) ;;
	esac
	fairlead lab guest "$run/$1/guest" --root $run/root "${with[@]}"
}

# --- daemons

fairlead() { "$build/fairlead" "$@"; }

agent_config() {	# NODE NUMBER
	cat <<-END
		node: $1
		pins: /sys/fs/bpf/$1
		control: {socket: $run/$1/control.sock}
		metrics: off
		identity:
		  certificate: $run/$1/node.crt
		  key: $run/$1/node.key
		  ca: $run/$1/ca.crt
		agent:
		  listen: 10.77.0.$2:9478
		  tee: snp
		  source: soft
		  directory: $run/$1/guest
		  interfaces: [eth0]
		  routers: [10.77.0.2, "fd77::2"]
		  services:
	END
	for port in 80 443 8443; do
		printf '    - {vip: "%s", port: %s, protocol: tcp}\n' $vip4 $port $vip6 $port
	done
	for port in 53 5353; do
		printf '    - {vip: "%s", port: %s, protocol: udp}\n' $vip4 $port $vip6 $port
	done
}

# A host that proves nothing still has to unwrap what it is sent: the guard without an agent.
start() {	# NODE: its daemon with $run/NODE.yaml; the pid in $run/NODE.pid
	at "$1" "$build/fairleadd" -c "$run/$1.yaml" >>"$run/$1.log" 2>&1 </dev/null &
	echo $! >"$run/$1.pid"
}

pid_of() { cat "$run/$1.pid"; }
is_ready() { grep -q ": ready$" "$run/$1.log"; }

stop() {	# NODE [SIGNAL]: and waits for its end
	local pid

	pid=$(pid_of "$1")
	kill "-${2:-TERM}" "$pid"
	wait "$pid" 2>/dev/null || true
}

log_of() { cat "$run/$1.log"; }
logged() { grep -q -- "$2" "$run/$1.log"; }	# NODE PATTERN

# --- checks

within() {	# SECONDS COMMAND...: retry instead of sleeping and hoping
	local end=$((SECONDS + $1 + 1))

	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

count=0
note() { sed 's/^/# /' <<<"$*"; }

# WHAT COMMAND...: one line of TAP.  A failure ends the test: what comes after rests on it.
check() {
	local out

	count=$((count + 1))
	if out=$("${@:2}" 2>&1); then
		echo "ok $count - $1"
		return
	fi
	echo "not ok $count - $1"
	note "failed: ${*:2}"
	note "$out"
	show_logs
	exit 1
}

skip() {	# WHAT WHY
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

show_logs() {
	for f in $run/*.log; do
		[[ -e $f ]] || continue
		note "--- $(basename "$f")"
		tail -n 15 "$f" | sed 's/^/# /'
	done
}

done_testing() { echo "1..$count"; }
