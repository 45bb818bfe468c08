#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What fairlead doctor says of bonds, and that it is so: which carry a program in their ports' drivers.
#
#   router: bond0 ------ q0 === q1
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/doctor-kit.sh
. "$(dirname "$0")/doctor-kit.sh"

modprobe bonding 2>/dev/null || :
ip link add dev bond9 type bond 2>/dev/null || { echo "1..0 # SKIP this kernel has no bonds"; exit 77; }
ip link del dev bond9

carried() { at router ip -j link show dev "$1" | jq -r '.[0].xdp.mode // 0'; }	# 1 native, 2 generic
segment
node router 2
at router ip -batch - <<-END
	link add dev q0 type veth peer name q1
	link set dev q1 up
	link add dev bond0 type bond mode balance-tlb
	link set dev q0 master bond0
	link set dev q0 up
	link set dev bond0 up
END
router_yaml "eth0, bond0" 10.77.0.11
check "a bond of a mode without XDP is found"	finds router bond bond0
at router fairlead attach bond0 2>/dev/null
check "it runs programs in generic mode alone"	[ "$(carried bond0)" = 2 ]
at router fairlead detach bond0
at router ip link set dev q0 nomaster
check "and mended"	mend router bond bond0
check "by its command"	finds_not router bond bond0
at router ip -batch - <<-END
	link set dev q0 down
	link set dev q0 master bond0
	link set dev q0 up
END
at router fairlead attach q0
router_yaml "eth0, q0" 10.77.0.11
check "a program on a port of a bond is found"	finds router bond q0
check "and an error"	errors router
check "and moved"	mend router bond q0
router_yaml "eth0, bond0" 10.77.0.11
check "to the bond"	finds_not router attached bond0
check "where it runs in its ports' drivers"	[ "$(carried bond0)" = 1 ]
check "then there is nothing to say of the bond"	finds_not router bond bond0
done_testing
