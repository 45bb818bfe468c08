#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every illness that a network namespace can have: fairlead doctor finds it, and the command that
# it prints mends it.
#
#   router .2  ---+--- eth0; also q0 with a macvlan m0 on it
#   backend .11 --+--- eth0, VIPs on lo
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/doctor-kit.sh
. "$(dirname "$0")/doctor-kit.sh"

segment
node router 2
server backend 11
mkdir -p $run/backend
agent_config backend 11 >$run/backend.yaml
router_yaml eth0 10.77.0.11

# --- the router
illness "an interface without a program" router attached eth0 note
check "then there is no error"	no_errors router
check "nor on what text tells"	at router fairlead --config $run/router.yaml doctor
at router ip link set dev eth0 mtu 1500
illness "an MTU without room for the outer header" router mtu six warning
at router ip link set dev eth0 mtu 1300
illness "one without room for what IPv6 must carry" router mtu six error
check "the command gives room for both families"	[ "$(at router ip -j link show dev eth0 | jq '.[0].mtu')" -ge 1540 ]
at router ip link set dev eth0 down
illness "a link that is down" router link eth0 error
at router fairlead detach eth0
at router fairlead attach eth0 generic 2>/dev/null
illness "generic mode" router xdp eth0 warning
at router fairlead detach eth0
at router ip link set dev eth0 xdpdrv pinned $pass
illness "another's program" router foreign eth0 error
at router fairlead attach eth0
router_yaml eth0 192.0.2.11
illness "a backend without a route" router route four error 10.77.0.11
router_yaml "eth0, eth9" 10.77.0.11
check "an interface that is not there is found"	finds router link eth9
check "and an error"	errors router

# --- what stands on others
at router ip link add dev q0 numrxqueues 2 numtxqueues 2 type veth peer name q1
at router ip link set dev q1 up
at router ip link set dev q0 up
at router ip link add dev m0 link q0 type macvlan
at router ip link set dev m0 up
router_yaml "eth0, q0" 10.77.0.11
if (($(nproc) > 1)); then
	at router ethtool -L q0 rx 1 tx 1 2>/dev/null || :
	illness "a queue for several processors" router queues q0 warning
else
	skip "queues" "this machine has one processor"
fi
at router fairlead attach m0 generic 2>/dev/null
router_yaml "eth0, m0" 10.77.0.11
check "a program on what stands on another interface is found"	finds router stacked m0
check "and moved"	mend router stacked m0
router_yaml "eth0, q0" 10.77.0.11
check "to the one below"	within 3 finds_not router attached q0
check "alone"	finds_not router stacked m0
# --- the backend
illness "a guard that is not attached" backend attached eth0 note
check "then there is no error"	no_errors backend
at backend ip addr del $vip4/32 dev lo
illness "a VIP that is missing" backend vip $vip4 error
at backend ip addr del $vip6/128 dev lo
illness "one of IPv6" backend vip $vip6 error
at backend sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter'
illness "a strict reverse path filter" backend rp_filter eth0 warning
at backend sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore'
illness "an answer to ARP for the VIP" backend arp $vip4 warning

# --- without a configuration: what the guard works on, and what it knows
at backend ip addr del $vip4/32 dev lo
bpftool map update pinned /sys/fs/bpf/backend/guard/vips \
	key hex 00 00 00 00 00 00 00 00 00 00 ff ff 0a 63 00 01 value hex 00 00 00 00 00 00 00 00
at backend fairlead -j --pins /sys/fs/bpf/backend doctor >$run/own || :
check "a VIP that the running guard knows is looked for"	jq -e "any(.check == \"vip\" and .subject == \"$vip4\")" $run/own
check "and a sound one is not remarked"	jq -e "all(.subject != \"$vip6\")" $run/own

# --- the machine: in a mount namespace of its own, as pins and programs would go with the bpffs
cat >$run/bpffs.sh <<-'END'
	while umount /sys/fs/bpf 2>/dev/null; do :; done
	fairlead -j doctor >$1/without || :
	eval "$(jq -r '.[] | select(.check == "bpffs").fix' $1/without)"
	fairlead -j doctor >$1/with || :
END
check "a bpffs that lacks, and what mends it"	unshare --mount bash -e $run/bpffs.sh $run
check "is found"	jq -e 'any(.check == "bpffs")' $run/without
check "and gone"	jq -e 'all(.check != "bpffs")' $run/with
done_testing
