#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Beside the programs of others: libxdp's dispatcher runs ours in its place, and hands on
# what ours pass; xdpdump sees what comes to it.
#
#	r0 <--- r1	frames of ours come in at r0

export PATH=$PATH:/usr/sbin:/sbin
for tool in xdp-loader xdpdump busybox; do
	type $tool >/dev/null 2>&1 || { echo "1..0 # SKIP want $tool"; exit 77; }
done
# shellcheck source=tests/lab/alone.sh
. "$(dirname "$0")/alone.sh"
OBJECTS=${BPF:-$BUILD}

load() { xdp-loader load -vv -m native r0 "$@" >"$OUT/load" 2>&1; }
wants() { grep -qF "Run prio: $1. Chain call actions: XDP_PASS" "$OUT/load"; }
status() { xdp-loader status r0 >"$OUT/status"; }
shows() { grep -qE "$1" "$OUT/status"; }
send() { busybox arping -q -c 2 -w 3 -I r1 10.1.1.1 >/dev/null 2>&1 || :; }

ip link add dev r0 type veth peer name r1
ip addr add 10.1.1.2/24 dev r1
ip link set dev r0 up
ip link set dev r1 up

# libxdp's dispatcher must say that it changes packets, where the kernel asks; older ones do not.
takes() {	# PROGRAM PRIORITY
	if load "$OBJECTS/$1.bpf.o"; then
		check "xdp-loader takes the $1" true
	elif grep -q "changes packet data, while original does not" "$OUT/load"; then
		skip "xdp-loader takes the $1" "this libxdp's dispatcher lets nobody change packets on this kernel"
	else
		check "xdp-loader takes the $1" false
	fi
	check "and reads its place, and that others come after it" wants "$2"
}
takes guard 40
xdp-loader unload r0 --all >/dev/null 2>&1 || :
takes router 60
status
if shows xdp_dispatcher; then
	check "it runs under the dispatcher" shows "60 +router .* XDP_PASS"
	check "another program is loaded beside it" load -P 70 "$OBJECTS/tests/lab/after.bpf.o"
	status
	check "which comes after it" shows "70 +after"
	came() { bpftool -j map dump name came_after | sed 's/.*"value":\([0-9]*\)}.*/\1/'; }
	comes() { send; [ "$(came)" -gt 0 ]; }
	check "what ours passes comes to it" within 5 comes
elif ! shows router; then
	check "without it the kernel takes the router" bpftool prog load "$OBJECTS/router.bpf.o" /sys/fs/bpf/router type xdp
	ip link set dev r0 xdpdrv pinned /sys/fs/bpf/router
else
	skip "it runs under the dispatcher" \
		"$(sed -n 's/.*Compatibility check for dispatcher program failed: /this kernel takes no dispatcher: /p' "$OUT/load")"
	check "it was attached alone, as libxdp then does" shows "router +native"
fi

timeout -s INT 60 xdpdump -i r0 -w "$OUT/frames" >"$OUT/dump" 2>&1 &
dump=$!
sees() { grep -q "listening on" "$OUT/dump" || ! kill -0 $dump 2>/dev/null; }
within 3 sees || :	# some say so at their end
for _ in 1 2 3; do send; sleep 0.5; done
kill -INT $dump 2>/dev/null || :
wait $dump || :
if grep -qiE "permission|not permitted|not support" "$OUT/dump"; then
	skip "xdpdump sees frames beside us" "$(grep -iE "permission|not permitted|not support" "$OUT/dump" | head -n 1)"
else
	captured() { [ "$(stat -c %s "$OUT/frames")" -gt 60 ]; }
	check "xdpdump sees frames beside us" captured
fi
check "and our program is still there" bash -c "ip -d link show dev r0 | grep -q prog/xdp"
echo "1..$count"
