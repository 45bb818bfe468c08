#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel alone ends a lease: under 100,000 packets a second and more, the daemon is
# killed; not one packet that was sent after the end of its lease reaches a backend, 5 ms
# granted.  Each packet says when it was sent, on the clock that leases are kept in: when it
# arrives depends on who has the processors, too.
#
#   client .1 ==120,000/s==> router .2 ---+--- genuine-1 .11
#                            (killed)     +--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

classified_ms=5000 confidential_ms=14000 rate=125000

# From the kernel's own table: the daemon is dead by then.
until_of() {	# NODE CLASS-NUMBER
	bpftool -j map lookup pinned /sys/fs/bpf/fairlead/backends key "${id[$1]}" 0 0 0 |
		jq ".formatted.value.until[$2]"
}
jiffies_now() {	# the clock of the packets that go by
	local n=0 m

	for node in "${fleet[@]}"; do
		m=$(last_jiffies_to "$node" 80)
		((m <= n)) || n=$m
	done
	echo "$n"
}
is_over() { ask ask $vip4 80 >/dev/null; (($(jiffies_now) > $1)); }

# Two leases of one backend, in jiffies and in ms, tell how many of the ones make the others.
hz_of() {
	fairlead -j lease show | jq '[.[] | select(.backend == "genuine-1" and .until_jiffies != null)] |
		1000 * (.[0].until_jiffies - .[1].until_jiffies) /
		(.[0].until_boottime_ms - .[1].until_boottime_ms) | round'
}

# Of the last packet that came, when it was sent.
late_ms() { echo $((($(last_sent_to "$1" 8443) - until[$1]) * 1000 / hz)); }
in_time() { local ms; ms=$(late_ms "$1"); echo "last packet sent $ms ms after the end"; ((ms <= 5)); }
to_the_end() { local ms; ms=$(late_ms "$1"); echo "last packet sent $ms ms after the end"; ((ms >= -200)); }
all_to_the_end() { for n in "${fleet[@]}"; do to_the_end "$n" >/dev/null || return; done; }
is_refused() { ask ask $vip4 "$1" >/dev/null; (($? == 3)); }
stands_still() { local n; n=$(packets_to_all "$1"); sleep 1; (($(packets_to_all "$1") == n)); }	# PORT
are_renewed() { show lease '[.[] | select(.class == "classified").seconds_left] | length == 2 and min > 2.5'; }

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
check "the clock of leases is known"	eval 'hz=$(hz_of); ((hz >= 100 && hz <= 1000))'
hz=$(hz_of)
declare -A id until
for node in "${fleet[@]}"; do id[$node]=$(fairlead -j backend show $node | jq '.[0].id'); done

load_begins $rate $vip4 8443 -t
check "traffic flows"	within 5 grows 8443
check_load 8443
sleep 7
check "a lease that is renewed does not lapse"	grows 8443
for try in 1 2 3; do	# a load that stood still for 200 ms when the lease ended says nothing of its last ones
	check "leases are renewed"	within 10 are_renewed
	stop router KILL
	for node in "${fleet[@]}"; do until[$node]=$(until_of $node 2); done
	check "nobody is there to renew"	eval '! fairlead status'
	check "traffic flows on without a daemon"	grows 8443
	later=${until[genuine-1]}
	((${until[genuine-2]} <= later)) || later=${until[genuine-2]}
	check "time goes by, and the public is served"	within 15 is_over $((later + hz / 2))
	check "classified traffic has stopped"	stands_still 8443
	for node in "${fleet[@]}"; do
		check "not one packet that was sent after its lease reached $node"	in_time $node
		note "$node: last packet sent $(late_ms $node) ms after the end of the lease"
	done
	! all_to_the_end || break
	((try < 3)) || break
	start router
	check "once more, with a daemon"	within 15 attested genuine-1 genuine-2
	check "traffic flows again"	grows 8443
done
for node in "${fleet[@]}"; do check "but they came to $node until then"	to_the_end $node; done
check "the confidential service's leases run longer"	ask ask $vip4 443
for node in "${fleet[@]}"; do
	u=$(until_of $node 1)
	((u <= later)) || later=$u
done
check "time goes by"	within 15 is_over $((later + 1))
check "then it refuses, too"	within 5 is_refused 443
check "the public is served on"	ask ask $vip4 80 20
load_ends
note "load: $(cat $run/load)"
done_testing
