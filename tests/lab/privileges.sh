#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What each process may do, as the kernel says and not as the source does; and what its
# death costs: the verifier's one appraisal, the channel's sessions, never a lease.
#
#   client .1 ---+--- genuine-1 .11
#   router .2 ---+--- genuine-2 .12
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

reappraise_ms=300	# so that the verifier has something to do
heartbeat_ms=300
heartbeats_missed=20	# nobody loses his state to a machine that stands still

child_of() { fairlead --socket "$(socket_of "$1")" -j status | jq -r ".children.$2"; }
socket_of() { if [[ $1 == router ]]; then echo /run/fairlead/control.sock; else echo "$run/$1/control.sock"; fi; }
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
has() { local v; v=$(status_of "$1" "$2"); echo "$2 of $1 is $v"; [[ $v == "$3" ]]; }
is_nobody() { has "$1" Uid "$(ids_of -u)" && has "$1" Gid "$(ids_of -g)" && [[ -z $(status_of "$1" Groups | tr -d ' ') ]]; }
ids_of() { local n; n=$(id "$1" nobody); printf '%s\t%s\t%s\t%s' "$n" "$n" "$n" "$n"; }
no_powers() {	# PID: no capability, and no way to one
	for set in CapInh CapPrm CapEff CapAmb; do has "$1" $set 0000000000000000 || return; done
	has "$1" NoNewPrivs 1
}
filtered() { has "$1" Seccomp 2; }
no_core() { grep -q 'Max core file size *0 *0 ' "/proc/$1/limits"; }
no_forks() { grep -q 'Max processes *0 *0 ' "/proc/$1/limits"; }
# Every descriptor of a process but the standard ones: "socket", "anon_inode:[eventpoll]", a path …
open_of() {
	local fd

	for fd in "/proc/$1/fd/"*; do
		((${fd##*/} > 2)) && readlink "$fd" | sed 's/:\[[0-9]*\]$//'
	done | sort | paste -sd' '
}
open_is() { local v; v=$(open_of "$1"); echo "open: $v"; [[ $v =~ ^$2$ ]]; }
namespace() { readlink "/proc/$1/ns/$2"; }
is_elsewhere() { [[ $(namespace "$1" "$2") != "$(namespace "$(pid_of router)" "$2")" ]]; }
sees_interfaces() { nsenter --net="/proc/$1/ns/net" ip -br link | awk '{ print $1, $2 }'; }
root_is_empty() { [[ -z $(ls -AH "/proc/$1/root") && $(readlink "/proc/$1/root") == *deleted* ]]; }

raise genuine-1=genuine genuine-2=genuine
check "both attest"	within 15 attested genuine-1 genuine-2
parent=$(pid_of router)
verifier=$(child_of router verifier) channel=$(child_of router channel)
attester=$(child_of genuine-1 attester)

# --- what each may do

verifiers=$(fairlead -j status | jq '.children.verifiers | length')
check "as many verifiers as CPUs"	[ "$verifiers" = "$(nproc)" ]
check "verifier: nobody"	is_nobody "$verifier"
check "verifier: no capability, and none to be gained"	no_powers "$verifier"
check "verifier: behind a seccomp filter"	filtered "$verifier"
check "verifier: no core dump"	no_core "$verifier"
check "verifier: no other process"	no_forks "$verifier"
check "verifier: nothing open but the parent's socket"	open_is "$verifier" socket
check "verifier: a network of its own"	is_elsewhere "$verifier" net
check "verifier: with nothing in it"	[ "$(sees_interfaces "$verifier")" = "lo DOWN" ]
check "verifier: no file system"	root_is_empty "$verifier"

check "channel: nobody"	is_nobody "$channel"
check "channel: no capability, and none to be gained"	no_powers "$channel"
check "channel: behind a seccomp filter"	filtered "$channel"
check "channel: no core dump"	no_core "$channel"
check "channel: no other process"	no_forks "$channel"
# The parent's, the metrics page's and one for each backend; the loop's epoll and pipe.
check "channel: nothing open but sockets, their loop and /proc/loadavg"	within 10 open_is "$channel" \
	'/proc/loadavg anon_inode:.eventpoll. pipe pipe socket socket socket socket'

# It makes directories in configfs and opens a device that is root's: its user stays.
check "attester: no capability, and none to be gained"	no_powers "$attester"
check "attester: behind a seccomp filter"	filtered "$attester"
check "attester: nothing open but the parent's socket"	within 10 open_is "$attester" socket

# kill setgid setuid net_admin sys_chroot sys_admin perfmon bpf
kept=$(printf '%016x' $((1 << 5 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 18 | 1 << 21 | 1 << 38 | 1 << 39)))
check "parent: effective capabilities"	has "$parent" CapEff "$kept"
check "parent: permitted ones"	has "$parent" CapPrm "$kept"
check "parent: none for what it would execute"	has "$parent" CapInh 0000000000000000
check "parent: the bounding set"	has "$parent" CapBnd "$kept"

# --- what their death costs

leases() { fairlead -j lease show | jq -c '[.[] | select(.class != "public" and .seconds_left > 0) | .backend + " " + .class] | sort'; }
restarted() { local p; p=$(child_of router "$1"); [[ $p != 0 && $p != "$2" ]]; }
verdicts() { at router curl -sf http://127.0.0.1:9477/metrics | awk '/^fairlead_attestations_total.*reason="ok"/ { n += $2 } END { print n + 0 }'; }
verdicts_grow() { local n; n=$(verdicts); sleep 1; (($(verdicts) > n)); }
restarts() { at router curl -sf http://127.0.0.1:9477/metrics | sed -n "s/^fairlead_process_restarts_total{process=\"$1\"} //p"; }
all_up() { fairlead -j backend show | jq -e 'all(.health == "up" and .state == "attested")'; }
held=$(leases)
check "leases are held"	[ "$held" != '[]' ]
ask -w 10000 hold $vip4 8443 20 >$run/conversation 2>&1 &
conversation=$!

if ((verifiers > 1)); then
	kill -STOP "$verifier"	# it is given 10 s
	check "one that hangs holds nobody else up"	within 7 verdicts_grow
	kill -CONT "$verifier"
fi
kill -KILL "$verifier"
check "a killed verifier is there again"	within 20 restarted verifier "$verifier"
check "the leases are the same"	[ "$(leases)" = "$held" ]
check "appraisals go on"	within 20 verdicts_grow
check "nobody lost his state"	all_up
check "its death is counted"	[ "$(restarts verifier)" = 1 ]
verifier=$(child_of router verifier)
check "the new one is as confined"	eval 'is_nobody $verifier && no_powers $verifier && filtered $verifier && root_is_empty $verifier && open_is $verifier socket'

kill -KILL "$channel"
check "leases run on without a channel"	[ "$(leases)" = "$held" ]
check "the service is served meanwhile"	ask -w 10000 ask $vip4 443 10
check "a killed channel is there again"	within 20 restarted channel "$channel"
check "its sessions come back"	within 30 all_up
check "and attest"	within 20 verdicts_grow
check "its death is counted"	[ "$(restarts channel)" = 1 ]
channel=$(child_of router channel)
check "the new one is as confined"	eval 'is_nobody $channel && no_powers $channel && filtered $channel'

kill -KILL "$attester"
again() { local p; p=$(child_of genuine-1 attester); [[ $p != 0 && $p != "$attester" ]]; }
check "a killed attester is there again"	within 20 again
check "the leases are the same"	[ "$(leases)" = "$held" ]

is_gone() { [[ ! -e /proc/$1 ]]; }
# At their fastest: a machine may stand still for a second.
for _ in 1 2 3 4 5; do
	verifier=$(child_of router verifier) channel=$(child_of router channel)
	kill -STOP "$verifier"	# one that hangs does not see its socket close
	begin=$(date +%s%N)
	stop router KILL
	check "without their parent the children end, be they stuck"	within 20 eval 'is_gone $verifier && is_gone $channel'
	ms=$((($(date +%s%N) - begin) / 1000000))
	check "and the service is served without any of them"	ask -w 10000 ask $vip4 443 10
	start router
	check "another daemon goes on"	within 30 attested genuine-1 genuine-2
	((ms >= 1000)) || break
done
check "they ended within a second ($ms ms)"	[ "$ms" -lt 1000 ]
status=0
wait $conversation || status=$?
check "a conversation went on throughout"	[ $status = 0 ]
note "$(tail -n 1 $run/conversation)"
done_testing
