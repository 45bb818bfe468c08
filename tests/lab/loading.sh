#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who loads the data path, who takes it over, and what is left alone.
#
#	r0 --- r1	a veth pair for the router
#	s0 --- s1	another, that carries somebody else's program
#	PINS		/sys/fs/bpf/fairlead, in a bpffs of our own

# shellcheck source=tests/lab/alone.sh
. "$(dirname "$0")/alone.sh"
TOOL=${TOOL:-$BUILD/tests/tools/dataplane}
FAIRLEAD=${FAIRLEAD:-$BUILD/fairlead}
OBJECTS=${BPF:-$BUILD}
PINS=/sys/fs/bpf/fairlead
abi=$(sed -n 's/.*ABI_VERSION = \([0-9]*\).*/\1/p' maps/abi.h)

tool() { "${with[@]}" "$TOOL" "$@" >"$OUT/out" 2>"$OUT/err"; }
with=()		# what the tool is run by, if anything
fails() { ! tool "$@"; }
says() { grep -qF -- "$1" "$OUT/out"; }		# the last tool's words
complains() { grep -qF -- "$1" "$OUT/err"; }
id_of_map() { bpftool -j map show pinned "$1" | sed 's/.*"id":\([0-9]*\).*/\1/'; }
id_of_prog() { bpftool -j prog show pinned "$1" | sed 's/.*"id":\([0-9]*\).*/\1/'; }
carries() { ip -d link show dev "$1" | grep -q "prog/xdp id $2 "; }
carries_none() { ! ip -d link show dev "$1" | grep -q prog/xdp; }
same() { [ "$1" = "$2" ]; }
empty() { find "$1" -type f >"$OUT/left"; [ ! -s "$OUT/left" ]; }

for i in r s; do
	ip link add dev ${i}0 type veth peer name ${i}1
	ip link set dev ${i}0 up
	ip link set dev ${i}1 up
done

# --- somebody else was first: bpftool loads, iproute2 attaches
mkdir -m 0700 $PINS
bpftool prog loadall "$OBJECTS/router.bpf.o" $PINS pinmaps $PINS
ip link set dev r0 xdpdrv pinned $PINS/router
prog=$(id_of_prog $PINS/router)
maps=
for m in settings services rings backends flows outcomes service_stats backend_stats; do
	maps="$maps $(id_of_map $PINS/$m)"
done
check "what bpftool loaded is adopted" tool $PINS open
check "the very program and the very maps" says "adopted program $prog maps$maps"
check "its maps are filled" tool $PINS fill
check "as fresh ones" says "fresh a 1 new"
check "the next daemon finds them live, and the lease running" tool $PINS fill
check "with ids unchanged" says "live a 1 kept lease 4242 b 2 kept"
check "an address that changed has no lease" tool $PINS fill 10.9.0.99
check "and is said to be new" says "live a 1 new lease 0 b 2 kept"
check "attaching finds its own program there" tool $PINS attach r0
check "and does nothing" says "there native"
check "ip shows the same program still" carries r0 "$prog"
check "bpftool shows fields by name" \
	bash -c "bpftool map dump pinned $PINS/backends | head -40 | grep -q ifindex"
check "and names as text" bash -c "bpftool map dump pinned $PINS/names | head -20 | grep -q '\"a\"'"

# --- leftovers and damage
before=$(id_of_map $PINS/services)
rm $PINS/services $PINS/router_rodata 2>/dev/null || rm -f $PINS/services
check "a pin that was removed is no loss" tool $PINS open
check "it is pinned again" same "$(id_of_map $PINS/services)" "$before"
rm $PINS/flows
bpftool map create $PINS/flows type array key 4 value 64 entries 8 name flows flags 0x400
check "another map in place of ours is refused" fails $PINS open
check "by name" complains "$PINS/flows: is map"
rm $PINS/flows
check "without it all is well" tool $PINS open

"$TOOL" /sys/fs/bpf/dead open >/dev/null
dead=$(id_of_map /sys/fs/bpf/dead/rings)
rm /sys/fs/bpf/dead/router /sys/fs/bpf/dead/outcomes
check "maps without their program are a dead loader's" tool /sys/fs/bpf/dead open
check "and are loaded anew" says "loaded program"
check "with new maps" bash -c "[ $(id_of_map /sys/fs/bpf/dead/rings) != $dead ]"

# --- foreign ones
mkdir /sys/fs/bpf/alien
bpftool prog loadall "$OBJECTS/tests/lab/foreign.bpf.o" /sys/fs/bpf/alien pinmaps /sys/fs/bpf/alien
check "another layout is refused" fails /sys/fs/bpf/alien open
check "by map, size and what was wanted" \
	complains "/sys/fs/bpf/alien/services: value size 192, want 256 (ABI $abi)"
mkdir /sys/fs/bpf/newer
bpftool prog loadall "$OBJECTS/tests/lab/newer.bpf.o" /sys/fs/bpf/newer pinmaps /sys/fs/bpf/newer
check "another ABI is refused" fails /sys/fs/bpf/newer open
check "by number" complains "/sys/fs/bpf/newer/router: made for ABI $((abi + 1)), want $abi"
mkdir /sys/fs/bpf/other
bpftool prog load "$OBJECTS/tests/lab/newer.bpf.o" /sys/fs/bpf/other/x type xdp
mv /sys/fs/bpf/alien/stranger /sys/fs/bpf/other/router
check "a program that is not ours is refused" fails /sys/fs/bpf/other open
check "by its name" complains 'program "stranger"'
check "a directory outside any bpffs is refused" fails "$OUT/pins" open
check "with what is wanted" complains "not in a bpffs"
check "ours is untouched by all this" tool $PINS open
check "to the id" says "adopted program $prog maps$maps"

# --- one writer
"$TOOL" $PINS hold >"$OUT/held" &
holder=$!
check "a daemon holds the maps" within 5 grep -q holding "$OUT/held"
check "a second one is refused" fails $PINS open
check "and told why" complains "another fairleadd"
kill -KILL $holder; wait $holder 2>/dev/null || true
check "a killed one holds nothing" tool $PINS open
check "and its program went on" carries r0 "$prog"

# --- attaching
ip link set dev s0 xdpdrv pinned /sys/fs/bpf/other/router
stranger=$(id_of_prog /sys/fs/bpf/other/router)
check "an interface with somebody's program is left alone" fails $PINS attach s0
check "and he is named" complains "s0: carries another XDP program, id $stranger \"stranger\""
check "he is not detached either" fails $PINS detach s0
check "he stays" carries s0 "$stranger"
check "loopback has no native XDP" fails $PINS attach lo
check "in the kernel's words" complains "native"
check "generic where it must be" tool $PINS attach lo any
check "said with the reason" says "attached generic: lo: driver"
check "a second time it is there" tool $PINS attach lo any
check "still generic" says "there generic"
check "native does not replace it by itself" fails $PINS attach lo
check "generic when asked for" tool $PINS attach r1 generic
check "and it is" says "attached generic"
check "detached where it was generic" tool $PINS detach r1
check "gone" carries_none r1
check "our own is detached" tool $PINS detach r0
check "gone too" carries_none r0
check "twice is told" fails $PINS detach r0
check "as nothing there" complains "carries no XDP program"
ip link set dev r1 mtu 9000
check "too large an MTU is refused" fails $PINS attach r0
check "in the kernel's words" complains "MTU is too large"
ip link set dev r1 mtu 1500
check "with a common MTU it attaches" tool $PINS attach r0
check "natively" says "attached native"
ip link set dev r0 xdpdrv off
check "ip link set xdpdrv off ends it" carries_none r0
check "no such interface is an error" fails $PINS attach nosuch
check "with its name" complains "nosuch: no such interface"

# --- another build of our own
older_onto() {	# OBJECT DIR NAME: onto the maps that serve, in place of the pinned program
	local with=() m

	for m in "$2"/*; do
		bpftool -j map show pinned "$m" >/dev/null 2>&1 || continue
		case $m in *_rodata | */names) ;; *) with+=(map name "${m##*/}" pinned "$m") ;; esac
	done
	bpftool prog load "$1" "$2/older" type xdp "${with[@]}"
	mv "$2/older" "$2/$3"
	older=$(id_of_prog "$2/$3")
}
carries_another() { ! carries "$1" "$2" && ip -d link show dev "$1" | grep -q "prog/xdp id"; }
older_onto "$OBJECTS/tests/lab/older.bpf.o" $PINS router
ip link set dev r0 xdpdrv pinned $PINS/router
"$TOOL" link $PINS/router r1 /sys/fs/bpf/link
before=$(id_of_map $PINS/flows)
check "another build of ours gives way" tool $PINS open
check "by name" complains "takes the place of $older, which is another build"
check "on its interface" carries_another r0 "$older"
check "and in a BPF link" carries_another r1 "$older"
check "which lives on" test -e /sys/fs/bpf/link
check "the maps are those that served" same "$(id_of_map $PINS/flows)" "$before"
check "the pin is the program's that runs" carries r0 "$(id_of_prog $PINS/router)"
check "a second time nothing is replaced" tool $PINS open
check "nor said" bash -c "! grep -q place '$OUT/err'"
rm /sys/fs/bpf/link
prog=$(id_of_prog $PINS/router)
older_onto "$OBJECTS/tests/lab/older.bpf.o" $PINS router
ip -force link set dev r0 xdpdrv pinned $PINS/router
# With the fewest descriptors that open what is there, there are none to load with.
starved() {
	for n in {12..60}; do
		with=(prlimit --nofile="$n:$n")
		tool $PINS open || continue
		with=()
		complains "serves on"
		return
	done
	return 1
}
check "where ours cannot be loaded, the daemon says so" starved
check "the program that serves goes on" carries r0 "$older"
check "and the next one replaces it" tool $PINS open
check "as it should" carries_another r0 "$older"
tool $PINS detach r0

# --- the guard
check "the guard is loaded and told whom to believe" \
	tool guard $PINS r1 10.9.0.254 fd00:9::fe / 192.0.2.1 2001:db8::1
check "and attached" says "attached native"
guard=$(id_of_prog $PINS/guard/guard)
keys() { bpftool map dump pinned $PINS/guard/"$1" | grep -c '"w"' || true; }
check "with two routers" same "$(keys peers)" 2
check "and two VIPs" same "$(keys vips)" 2
check "the next one adopts it" tool guard $PINS r1 10.9.0.254 10.9.0.253 / 192.0.2.1
check "as it is" says "adopted guard $guard"
check "where it is" says "there native"
check "one router came, one went" same "$(keys peers)" 2
check "one VIP went" same "$(keys vips)" 1
older_onto "$OBJECTS/tests/lab/older_guard.bpf.o" $PINS/guard guard
ip -force link set dev r1 xdpdrv pinned $PINS/guard/guard
check "another build of it gives way" tool guard $PINS r1 10.9.0.254 10.9.0.253 / 192.0.2.1
check "where it is attached" carries_another r1 "$older"
check "with whom it believed" same "$(keys peers)" 2
check "nobody is left when nobody is listed" tool guard $PINS - /
check "no router" same "$(keys peers)" 0
rm $PINS/guard/peers
bpftool map create $PINS/guard/peers type hash key 16 value 4 entries 8 name peers
check "another map in place of its own is refused" fails guard $PINS - /
check "by name" complains "$PINS/guard/peers: is map"
rm $PINS/guard/peers

# --- the command, with no daemon
cli() { "$FAIRLEAD" "$@" >"$OUT/out" 2>"$OUT/err"; }
status() { local want=$1 rc=0; shift; cli "$@" || rc=$?; [ $rc = "$want" ]; }
check "outcomes are shown" cli outcome
check "as JSON, all of them" cli -j outcome show
check "by label" says '"outcome":"lease_lapsed"'
check "maps are shown" cli map
check "how full they are" grep -qE '^rings +[0-9]+ +4194304 +16 ' "$OUT/out"
check "those of the guard, too" says "guard/vips"
check "flows are shown" cli -j flow
check "by backend" says '"backend":"a","flows":0'
check "flows of a backend are forgotten" cli flow purge a
check "an unknown one is a no" status 1 flow purge nobody
check "a wrong word is an error" status 2 flow frob
check "nothing is unpinned while it is carried" status 1 map unpin
check "with the interface that carries it" complains "still carries"
check "attach" cli -j attach r0
check "is answered in JSON" says '"interface":"r0","program":"router"'
check "detach" cli detach r0
check "twice is a no" status 1 detach r0
check "the guard's interface, too" cli detach r1
check "and loopback's" cli detach lo
check "then all is unpinned" cli map unpin
check "the router's" bash -c "[ -z \"\$(find $PINS -type f)\" ]"
check "with nothing pinned, flows are an error" status 2 flow
check "attach loads what is not there" cli attach r0
check "and pins it" test -e $PINS/router
check "for the next daemon" tool $PINS open
check "to adopt" says "adopted program"
check "detach, unpin" bash -c "'$FAIRLEAD' detach r0 && '$FAIRLEAD' map unpin"

# --- a bare machine
with=(env BACKENDS=100 SERVICES=33 FLOWS=1000)
check "sizes are as asked for" tool /sys/fs/bpf/small open
check "rounded as need be" says "sizes 1 256 2097152 100 128"
with=(env BACKENDS=200)
check "adopted ones keep theirs" tool /sys/fs/bpf/small open
check "whatever is asked for now" says "sizes 1 256 2097152 100 128"
with=(prlimit --memlock=65536:65536)
check "a small memlock limit is no obstacle" tool /sys/fs/bpf/memlock open
with=()
loads() {	# the least of three times: others want processors, too
	local i

	for i in 1 2 3; do
		tool "/sys/fs/bpf/load$i" load || return
		cat "$OUT/out" >>"$OUT/load"
	done
	sort -n "$OUT/load" | head -n 1 >"$OUT/out"
}
check "1000 backends and 100 services" loads
check "in less than a second ($(cat "$OUT/out") ms)" [ "$(cat "$OUT/out")" -lt 1000 ]
tool $PINS open
check "pins are removed on request" tool $PINS unpin
check "all of them" empty $PINS
while umount /sys/fs/bpf 2>/dev/null; do :; done	# ours, and what the host has there
check "a bpffs that lacks is mounted" tool $PINS open
check "with what was wanted in it" says "loaded program"
check "the kernel's clock is read" tool clock
if [ -r /proc/config.gz ]; then
	hz=$(zcat /proc/config.gz | sed -n 's/^CONFIG_HZ=//p')
	check "and has the kernel's HZ" says "hz $hz learned"
fi
echo "1..$count"
