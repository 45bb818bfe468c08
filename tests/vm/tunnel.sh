#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whether the kernel's own tunnels understand what the router wraps: backends that know nothing of us.
#
#   client .1 ---+--- four .11   ipip, behind the IPv4 VIP
#   router .2 ---+--- six  .12   ip6tnl, behind the IPv6 VIP
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/../lab/lib.sh"

tunnel() {	# NODE TYPE LOCAL
	at "$1" ip link add dev tunnel0 type "$2" local "$3" "${@:4}" 2>/dev/null || return
	at "$1" sh -c 'echo 0 >/proc/sys/net/ipv4/conf/tunnel0/rp_filter'
	at "$1" ip link set dev tunnel0 up
}
bytes_by() { at "$1" ip -s -j link show dev tunnel0 | jq '.[0].stats64.rx.bytes'; }
at_least() { (($1 >= $2)); }

segment
client client 1
node router 2
server four 11
server six 12
talk serve six fd77::12 80
modprobe -a ipip ip6_tunnel 2>/dev/null || :
tunnel four ipip 10.77.0.11 || { echo "1..0 # SKIP the kernel has no ipip"; exit 77; }
tunnel six ip6tnl fd77::12 remote :: mode ip6ip6

cat >$run/router.yaml <<-END
	node: router
	control: {socket: /run/fairlead/control.sock}
	metrics: off
	router:
	  interfaces: [eth0]
	  source: {ipv4: 10.77.0.2, ipv6: "fd77::2"}
	  sizes: $sizes
	  services:
	    - {name: four, vip: $vip4, port: 80, protocol: tcp, class: public, ring: 4093, backends: [four]}
	    - {name: six, vip: "$vip6", port: 80, protocol: tcp, class: public, ring: 4093, backends: [six]}
	  backends:
	    - {name: four, address: 10.77.0.11, check: 80}
	    - {name: six, address: "fd77::12", check: 80}
END
start router
healthy() { [[ $(show service '[.[0].backends[] | select(.eligible)] | length' "$1") == 1 ]]; }
check "the backend with ipip is found healthy"	within 60 healthy four
check "the one with ip6tnl, too"		within 60 healthy six
check "conversations through ipip"	ask -w 10000 ask $vip4 80 10
check "through ip6tnl"			ask -w 10000 ask $vip6 80 10
check "a million bytes through ipip"	ask -w 30000 put $vip4 80 1000000
check "through ip6tnl"			ask -w 30000 put $vip6 80 1000000
check "which the tunnel has counted"	at_least "$(bytes_by four)" 1000000
check "in both families"		at_least "$(bytes_by six)" 1000000

# The same behind TC: by clsact on kernels that have no tcx.
check "XDP goes"			at router "$build/fairlead" detach eth0
check "TC takes its place"		at router "$build/fairlead" attach eth0 tc-ingress
note "by $(at router "$build/fairlead" -j attach | jq -r '.[].mode')"
at client ethtool -K eth0 tx on sg on tso on gso on >/dev/null
check "many bytes through ipip"		ask -w 30000 put $vip4 80 200000
check "through ip6tnl"			ask -w 30000 put $vip6 80 200000
check "until it is detached"		at router "$build/fairlead" detach eth0 tc-ingress
done_testing
