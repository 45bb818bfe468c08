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

# NODE COMMAND...  Not with & behind it: $! would be a shell that waits for nsenter.
at() { nsenter --net=/run/netns/"$1" "${@:2}"; }

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

is_served() { (($(at "$1" ss -Htuln | wc -l) >= 11)); }	# NODE: all that server began listens

talk() {	# [-u] serve NODE ...: in the background
	local n=$2

	[[ $1 != -u ]] || n=$3
	nsenter --net=/run/netns/"$n" "$build/tests/tools/traffic_talk" "$@" &
}

# PACKETS-A-SECOND VIP PORT [-t]: from many flows, until load_ends; the pid in $load, and what the
# backends had of that port before in $base
load_begins() {
	local source=172.16.0.0

	within 5 is_quiet "$3" || :	# a last ACK that is late is not of the load
	base=$(packets_to_all "$3") not_taken_before=$(not_taken)
	[[ $2 != *:* ]] || source=fd55::1
	nsenter --net=/run/netns/client "$build/tests/tools/traffic" "${@:4}" -r "$1" -f 20000 -s 600 \
		"$build/tests/lab/traffic.bpf.o" eth0 "$(mac_of router)" $source "$2" "$3" >$run/load &
	load=$!
}
# Frames that the client's own cable did not take, because nobody emptied its ring: not sent.
not_taken() { at client ethtool -S eth0 | awk '/_xmit_errors:/ { n += $2 } END { print n + 0 }'; }
load_ends() {	# how many were sent, in $sent; not in $(…), which cannot wait for our jobs
	kill $load
	wait $load || :
	sent=$(($(jq -e .sent $run/load) - $(not_taken) + not_taken_before))
}

packets_to_all() {	# PORT
	local n=0 node

	for node in "${fleet[@]}"; do n=$((n + $(packets_to "$node" "$1"))); done
	echo $n
}
more_than() { (($(packets_to_all "$1") > $2)); }	# PORT PACKETS
grows() { within 3 more_than "$1" "$(packets_to_all "$1")"; }	# PORT
# PORT: all of the client's connections there are over, to the last ACK.
is_quiet() { [[ -z $(at client ss -Htn "dport = :$1") ]]; }

load_is_enough() {	# PORT: over a second
	local n

	n=$(packets_to_all "$1")
	sleep 1
	rate=$(($(packets_to_all "$1") - n))
	((rate >= 100000))
}
# A machine that is busy with other things cannot show it; what it can show is tested all the same.
check_load() {	# PORT
	local what="100,000 packets a second reach the backends" rate=0

	if within 3 load_is_enough "$1"; then check "$what" true
	else skip "$what" "this machine has but $rate to spare now"; fi
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
last_sent_to() { seen_of "$1" "$2" last_sent_jiffies 'max // 0'; }	# of a load's packets that came
longest_gap_ms_to() { seen_of "$1" "$2" gap_ns '(max // 0) / 1000000'; }

# Packets that full rings of our own cables lost, for want of a processor, after they were sent.
# What the switch could not hand to the router is counted apart from what XDP could not.
cable_losses() {
	{
		at router ethtool -S eth0
		for n in client router "${fleet[@]}"; do ethtool -S "$n"; done
		for n in "${fleet[@]}"; do at "$n" ethtool -S eth0; done
		ip -s -j link show dev router | jq -r '"router_tx_errors: \(.[0].stats64.tx.dropped)"'
	} | awk '/_(tx|xmit)_errors:|queue_[0-9]*_drops:/ { n += $2 } END { print n + 0 }'
}

# Did all of $sent arrive, but for those?  The cables carry other packets, too, so fewer may lack.
all_arrived() {	# PORT PACKETS-THAT-WERE-THERE-BEFORE
	local came lost

	came=$(($(packets_to_all "$1") - $2)) lost=$(cable_losses)
	echo "sent $sent, arrived $came, lost by our own cables at most $lost"
	((came <= sent && sent - came <= lost))
}

# --- identities and guests

fairlead() { "$build/fairlead" "$@"; }
show() { fairlead -j "$1" show "${@:3}" | jq -er "$2"; }	# OBJECT JQ-EXPRESSION [NAME]
state_is() { [[ $(show backend '.[0].state' "$1") == "$2" ]]; }
attested() {	# NODE...: all of them
	local n

	for n; do state_is "$n" attested || return; done
}

# An operator's CA, and a stand-in for AMD's: three RSA keys of 4096 bits, so made once.
identities() {
	fairlead lab ca $run/ca
	mkdir -p "$build/lab"
	flock "$build/lab" "$build/fairlead" lab root "$build/lab/root" >/dev/null
	cp -r "$build/lab/root" $run/root
	root_digest=$(fairlead lab root $run/root)
	nitro_digest=$(fairlead lab nitro-root $run/nitro)
	tdx_digest=$(fairlead lab tdx-root $run/tdx)
}

identity() {	# NODE ADDRESS...
	local ips=()

	for a in "${@:2}"; do ips+=(--ip "$a"); done
	fairlead lab node "$run/$1" --ca $run/ca --name "$1" "${ips[@]}"
}

# What another image would measure to.
altered_measurement=$(printf 'a1%.0s' {1..48})

tee_of() { case $1 in enclave*) echo nitro ;; td*) echo tdx ;; *) echo snp ;; esac; }	# KIND

guest() {	# NODE genuine|altered|debug|enclave|enclave-debug|td|td-debug: what its hardware will say
	local with=()

	case $2 in
	enclave*)
		[[ $2 != *-debug ]] || with=(--debug)
		fairlead lab enclave "$run/$1/guest" --root $run/nitro "${with[@]}"
		return ;;
	td*)
		[[ $2 != *-debug ]] || with=(--debug)
		fairlead lab td "$run/$1/guest" --root $run/tdx "${with[@]}"
		return ;;
	altered) with=(--measurement "$altered_measurement") ;;
	debug)	with=(--debug) ;;
	esac
	fairlead lab guest "$run/$1/guest" --root $run/root "${with[@]}"
}

pcr0_of() { sed -n 's/^pcr0: *"\{0,1\}\([0-9a-f]*\).*/\1/p' "$run/$1/guest/enclave.yaml"; }
mrtd_of() { sed -n 's/^mrtd: *"\([0-9a-f]*\).*/\1/p' "$run/$1/guest/td.yaml"; }
measurement_of() { sed -n 's/^measurement: *"\{0,1\}\([0-9a-f]*\).*/\1/p' "$run/$1/guest/guest.yaml"; }

# --- daemons

# What a router's configuration says, unless a test says otherwise before fleet.
heartbeat_ms=500
heartbeats_missed=6	# or an agent that waits for a processor for two seconds would be down
reappraise_ms=1000
confidential_ms=86400000
classified_ms=3600000
refusal=answer
moved_permille=1000	# rings follow costs at once
rebuild_ms=1000
plain_check=80	# a port, or none: taken as healthy
sizes='{services: 512, backends: 4096, flows: 65536}'

identity_config() {	# NODE
	cat <<-END
		identity:
		  certificate: $run/$1/node.crt
		  key: $run/$1/node.key
		  ca: $run/$1/ca.crt
	END
}

agent_config() {	# NODE NUMBER
	cat <<-END
		node: $1
		pins: /sys/fs/bpf/$1
		control: {socket: $run/$1/control.sock}
		metrics: off
		$(identity_config "$1")
		agent:
		  listen: "[::]:9478"
		  tee: $(tee_of "${kind[$1]:-}")
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

service_config() {	# NAME PORT PROTOCOL CLASS BACKENDS: behind both VIPs
	for family in 4 6; do
		local vip=vip$family

		cat <<-END
			    - name: $1$family
			      vip: "${!vip}"
			      port: $2
			      protocol: $3
			      class: $4
			      refusal: $refusal
			      ring: 4093
			      backends: [$5]
		END
	done
}

backend_config() {	# NODE NUMBER KIND
	local address=10.77.0.$2

	# One of them is reached over IPv6, so that both wrappings are in every test.
	[[ $1 != genuine-2 ]] || address="\"fd77::$2\""
	if [[ $3 == plain ]]; then
		echo "    - {name: $1, address: $address, check: $plain_check}"
	else
		echo "    - {name: $1, address: $address, agent: 9478, policy: lab}"
	fi
}

policy_config() {
	cat <<-END
		policies:
		  - name: lab
		    tee: [snp${mrtd:+, tdx}${pcr0:+, nitro}]
		    snp:
		      roots: ["$root_digest"]
		      measurements: [$measurement]
		      crl: off
	END
	[[ -z $pcr0 ]] || cat <<-END
		    nitro:
		      roots: ["$nitro_digest"]
		      pcrs: {0: [$pcr0]}
	END
	[[ -z $mrtd ]] || cat <<-END
		    tdx:
		      roots: ["$tdx_digest"]
		      mrtd: [$mrtd]
		      crl: required
		collateral: {directory: $run/store, offline: true}
	END
}

router_config() {
	cat <<-END
		node: router
		control: {socket: /run/fairlead/control.sock}
		metrics: 127.0.0.1:9477
		$(identity_config router)
		router:
		  interfaces: [eth0]
		  source: {ipv4: 10.77.0.2, ipv6: "fd77::2"}
		  heartbeat-ms: $heartbeat_ms
		  heartbeats-missed: $heartbeats_missed
		  reappraise-ms: $reappraise_ms
		  leases: {confidential-ms: $confidential_ms, classified-ms: $classified_ms}
		  rebuild-ms: $rebuild_ms
		  moved-permille: $moved_permille
		  sizes: $sizes
		  services:
		$(service_config web 80 tcp public "$everybody")
		$(service_config pay 443 tcp confidential "$claimants")
		$(service_config vault 8443 tcp classified "$claimants")
		$(service_config dns 53 udp public "$everybody")
		$(service_config quiz 5353 udp confidential "$claimants")
		  backends:
		$(for n in "${fleet[@]}"; do backend_config "$n" "${number[$n]}" "${kind[$n]}"; done)
		$(policy_config)
	END
}

declare -A kind number
pcr0=	# of the first enclave, when there is one
mrtd=	# of the first TD, likewise
fleet=()

# Two genuine guests, one of another image, one that its host may debug, and a machine
# that proves nothing; each of them runs fairleadd to unwrap what the router sends.
fleet() {	# [NODE=KIND]...
	local n=11 pair

	(($#)) || set -- genuine-1=genuine genuine-2=genuine altered=altered debug=debug plain=plain
	identities
	everybody='' claimants=''
	for pair; do
		joins "${pair%=*}" "${pair#*=}" $n
		n=$((n + 1))
	done
	measurement=$(measurement_of "${fleet[0]}")
}

joins() {	# NODE KIND NUMBER: another of them, with its daemon; the router is told apart
	local name=$1

	fleet+=("$name")
	kind[$name]=$2 number[$name]=$3
	server "$name" "$3"
	identity "$name" "10.77.0.$3" "fd77::$3"
	guest "$name" "$2"
	agent_config "$name" "$3" >"$run/$name.yaml"
	within 5 is_served "$name"
	start "$name"
	[[ -n $pcr0 || $2 != enclave ]] || pcr0=$(pcr0_of "$name")
	[[ -n $mrtd || $2 != td ]] || mrtd=$(mrtd_of "$name")
	everybody+="${everybody:+, }$name"
	[[ $2 == plain ]] || claimants+="${claimants:+, }$name"
}

# Client, router and fleet, all running.
raise() {
	segment
	client client 1
	node router 2
	fleet "$@"
	identity router 10.77.0.2 fd77::2
	router_config >$run/router.yaml
	# No quote says how its platform's TCB stands: what a PCS would, is carried in.
	[[ -z $mrtd ]] || fairlead collateral import --directory $run/store $run/tdx/collateral >/dev/null
	start router
	within 10 test -S /run/fairlead/control.sock
}

start() {	# NODE: its daemon with $run/NODE.yaml; the pid in $run/NODE.pid
	nsenter --net=/run/netns/"$1" "$build/fairleadd" -c "$run/$1.yaml" >>"$run/$1.log" 2>&1 </dev/null &
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

# shellcheck source=tests/lab/checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

show_refused() {	# what the router has refused so far, if it tells
	note "refused: $(fairlead -j outcome show 2>/dev/null |
		jq -c '[.[] | select(.refusal and .packets > 0) | {(.outcome): .packets}] | add' || :)"
}

show_logs() {
	for f in $run/*.log; do
		[[ -e $f ]] || continue
		note "--- $(basename "$f")"
		tail -n 15 "$f" | sed 's/^/# /'
	done
}

show_failure() {
	show_refused
	show_logs
}
