#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Fifty times in a row, under load: another build of the program is put in place by hand,
# the daemon is ended and started, which puts its own build back, and reads its
# configuration again.  Not a packet is lost and no connection broken; maps and leases
# stay.  A program of another ABI is left alone, until it is told to go.
#
#   client .1 ==30,000/s==> router .2 ---+--- genuine-1 .11
#             --16 TCP-->                +--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=${ROUNDS:-50}
pins=/sys/fs/bpf/fairlead
shared=()	# the maps that a program of ours has pinned
list_maps() {
	for m in $pins/*; do
		case ${m##*/} in router | names | guard | *_rodata) ;; *) shared+=("${m##*/}") ;; esac
	done
}
program_on() { at router ip -j link show dev eth0 | jq '.[0].xdp.prog.id'; }
id_of() { bpftool -j prog show pinned "$1" | jq .id; }
map_ids() { for m in "${shared[@]}"; do bpftool -j map show pinned $pins/"$m" | jq .id; done | paste -sd' '; }
is_up() { [[ $(fairlead -j status 2>/dev/null | jq .pid) == "$(pid_of router)" ]]; }
is_ours() { local on; on=$(program_on); [[ $on != "$older" && $on == "$(id_of $pins/router)" ]]; }
keeps_maps() { [[ $(map_ids) == "$maps" ]]; }

# The other build, onto the maps that serve, as an operator would by hand.
put_older() {
	local with=()

	for m in "${shared[@]}"; do with+=(map name "$m" pinned $pins/"$m"); done
	bpftool prog load "$build/tests/lab/older.bpf.o" $pins/older type xdp "${with[@]}"
	older=$(id_of $pins/older)
	at router ip -force link set dev eth0 xdpdrv pinned $pins/older
	mv $pins/older $pins/router
}

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
list_maps
maps=$(map_ids)
check "${#shared[@]} maps are pinned"	[ ${#shared[@]} -ge 8 ]
held=()
for ((i = 0; i < 8; i++)); do	# till they are ended, or break
	ask -w 10000 hold $vip4 80 1000 >>$run/held 2>&1 & held+=($!)
	ask -w 10000 hold $vip6 8443 1000 >>$run/held 2>&1 & held+=($!)
done
# Asked one by one: of many, kill is content with a single one.
all_live() { local p; for p in "${held[@]}"; do kill -0 "$p" || { cat $run/held; return 1; }; done; }
all_talk() { [[ $(grep -c ^genuine $run/held) == 16 ]]; }
check "16 connections are made, over IPv4 and IPv6"	within 20 all_talk
base=$(packets_to_all 443)
load_begins 30000 $vip4 443 -t
check "traffic flows"	within 20 grows 443
begun=$(date +%s%N)
replaced=0
SECONDS=0
for ((i = 1; i <= rounds && SECONDS < 110; i++)); do	# scripts/test gives us a few minutes
	put_older
	[[ $(program_on) == "$older" ]] || check "round $i: the other build is in place" false
	if ((i % 2)); then stop router KILL; else stop router TERM; fi
	start router
	within 30 is_up || check "round $i: the daemon is up" false
	is_ours || check "round $i: its own build is back" false
	keeps_maps || check "round $i: with the same maps" false
	fairlead reload >/dev/null || check "round $i: it reloads" false
	replaced=$((replaced + 1))
done
seconds=$((($(date +%s%N) - begun) / 1000000000))
what="another build came and went $rounds times"
if ((replaced == rounds)); then check "$what, in $seconds s" true
else skip "$what" "but $replaced times in $seconds s on this machine now"; fi
check "the daemon says of each whom it replaced"	\
	[ "$(log_of router | grep -c 'eth0: replaced program')" = $replaced ]
check "traffic flows on"	within 20 grows 443
load_ends
rate=$((sent / (seconds + 1)))
if ((rate >= 20000)); then check "all that under 20,000 packets a second and more" true
else skip "all that under 20,000 packets a second and more" "this machine has but $rate to spare now"; fi
sleep 11	# who waits in vain for an answer gives up after ten
check "all 16 connections went on throughout"	all_live
kill "${held[@]}"
wait "${held[@]}" || :
check "every packet of $sent has arrived"	within 20 all_arrived 443 "$base"
note "$(all_arrived 443 "$base"); $rate packets/s, $((2 * replaced)) replacements, $replaced restarts, $replaced reloads"

# --- the command does the same where no daemon runs
stop router
put_older
check "fairlead attach puts its own build in place of another"	\
	at router "$build/fairlead" -j attach eth0
check "which is there now"	is_ours
check "with the same maps"	keeps_maps

# --- another ABI
mkdir $pins-newer
bpftool prog loadall "$build/tests/lab/newer.bpf.o" $pins-newer pinmaps $pins-newer
at router ip -force link set dev eth0 xdpdrv pinned $pins-newer/router
newer=$(id_of $pins-newer/router)
abi=$(sed -n 's/.*ABI_VERSION = \([0-9]*\).*/\1/p' maps/abi.h)
refused() { ! at router "$build/fairlead" attach eth0 "$@" 2>$run/said; }
check "a program of another ABI is not replaced by itself"	refused
check "and told by number"	grep -q "made for ABI $((abi + 1)), want $abi" $run/said
check "it stays"	[ "$(program_on)" = "$newer" ]
empty() { ! at router "$build/fairlead" --pins $pins-empty attach eth0 --replace 2>$run/said; }
check "nor for maps that are empty"	empty
check "which the command says"	grep -q "not filled yet" $run/said
check "it stays"	[ "$(program_on)" = "$newer" ]
start router
check "a daemon beside it starts"	within 30 is_up
check "says who steers there"	logged router "made for ABI $((abi + 1)), want $abi"
check "and fills its maps"	within 15 attested genuine-1 genuine-2
check "told to, the command swaps them"	at router "$build/fairlead" attach eth0 --replace
older=$newer
check "our own program is there"	is_ours
base=$(packets_to_all 443)
check "and steers"	ask ask $vip4 443 5
done_testing
