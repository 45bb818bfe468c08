#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bytes arrive as they were sent: TCP and UDP, IPv4 and IPv6, both directions, with
# full segments, to backends behind either wrapping.
#
#   client .1 ---+--- genuine-1 .11	wrapped in IPv4
#   router .2 ---+--- genuine-2 .12	wrapped in IPv6
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

bytes=20000000

# put or get until both have had a turn: the name, and the digests of both ends.
moves() {	# put|get VIP NODE
	local out name ours theirs

	for _ in {1..400}; do	# a slow first answer may leave one of them a twentieth
		out=$(ask -w 15000 "$1" "$2" 443 $((bytes / 20))) || { echo "$out"; return 1; }
		read -r name ours theirs <<<"$out"
		[[ $name != "$3" ]] || break
	done
	[[ $name == "$3" && $ours == "$theirs" && ${#ours} == 64 ]]
}
moves_much() {	# put|get VIP
	local out name ours theirs

	out=$(ask -w 15000 "$1" "$2" 443 $bytes) || { echo "$out"; return 1; }
	echo "$out"
	read -r name ours theirs <<<"$out"
	[[ $ours == "$theirs" && ${#ours} == 64 ]]
}
# Ethernet, the outer header, and all that the client's MTU allows.
full_segments() { (($(seen_of "$1" 443 largest max) == 14 + $2 + 1500)); }
echoes() { ask -w 15000 datagrams "$1" 5353 2800; }
none_refused() { [[ $(fairlead -j outcome show | jq '[.[] | select(.refusal) | .packets] | add') == 0 ]]; }

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
for vip in $vip4 $vip6; do
	for node in genuine-1 genuine-2; do
		check "upload by $vip to $node: the digests agree"	moves put $vip $node
		check "download by $vip from $node: the digests agree"	moves get $vip $node
	done
	check "20 MB up by $vip: the digests agree"	moves_much put $vip
	check "20 MB down by $vip: the digests agree"	moves_much get $vip
	check "datagrams of 1 to 1400 bytes by $vip come back as they were"	echoes $vip
done
check "segments to genuine-1 were full"	full_segments genuine-1 20
check "segments to genuine-2 were full"	full_segments genuine-2 40
check "no packet was refused on the way"	none_refused
done_testing
