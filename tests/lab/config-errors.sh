#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bad input, and one clear word for each: configurations, identities, evidence from
# files, and everything that could be sent to the control socket.  A daemon that hears
# nonsense goes on serving, and what it knows stays as it was.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

build=$(realpath "$build")

# --- configurations: tests/data/config

checked() { (cd tests/data/config && "$build/fairleadd" --check "$1"); }
is_good() { checked "$1" | grep -q ": good: "; }
is_refused_for() {	# FILE: exit status 1, and these lines, no others
	local status=0

	checked "$1.yaml" 2>$run/errors >$run/said || status=$?
	((status == 1)) && [[ ! -s $run/said ]] && diff "tests/data/config/$1.errors" $run/errors
}
for f in tests/data/config/*.yaml; do
	name=$(basename "$f" .yaml)
	if [[ $name == good* ]]; then
		check "$name is good"	is_good "$name.yaml"
	else
		check "$name: every mistake is said, with its line"	is_refused_for "$name"
	fi
done

# --- identities

identities
identity router 10.77.0.2
identity other 10.77.0.3
good=$run/router measurement=$altered_measurement
size() { stat -c %s "$1"; }
truncated() { head -c $(($(size "$1") / 2)) "$1"; }
flipped() {	# one letter in the middle of the base64 is another
	awk '{ if (NR == 5) { c = substr($0, 9, 1); $0 = substr($0, 1, 8) (c == "A" ? "B" : "A") substr($0, 10) }
	       print }' "$1"
}
does_not_start() {	# WHICH-FILE: one line that names it, and no daemon
	local status=0

	timeout 20 "$build/fairleadd" -c $run/broken.yaml >$run/broken.out 2>&1 </dev/null || status=$?
	cat $run/broken.out
	((status == 2)) && [[ $(wc -l <$run/broken.out) == 1 ]] && grep -q "$1" $run/broken.out
}
break_one() {	# WHAT FILE CONTENT-COMMAND...: in a copy of the identity
	local what=$1 file=$2

	rm -rf $run/broken
	cp -a $good $run/broken
	rm -f "$run/broken/$file"
	[[ $3 == none ]] || "${@:3}" >"$run/broken/$file"
	chmod 600 "$run/broken/"*
	cat >$run/broken.yaml <<-END
		node: router
		metrics: off
		$(identity_config router | sed "s,$good/,$run/broken/,")
		router:
		  interfaces: [lo]
		  services: []
		  backends:
		    - {name: b, address: 10.77.0.11, agent: 9478, policy: lab}
		$(policy_config)
	END
	check "$what: no start, and one line why"	does_not_start "$run/broken/$file: "
}
break_one "a truncated certificate"	node.crt truncated $good/node.crt
break_one "a corrupted certificate"	node.crt flipped $good/node.crt
break_one "an empty certificate"	node.crt true
break_one "no certificate"		node.crt none
break_one "a truncated key"		node.key truncated $good/node.key
break_one "a corrupted key"		node.key flipped $good/node.key
break_one "another node's key"		node.key cat $run/other/node.key
break_one "no key"			node.key none
break_one "a truncated CA"		ca.crt truncated $good/ca.crt
break_one "a CA that is a key"		ca.crt cat $good/node.key

# --- evidence from files

guest=$run/guest data=$(printf 'a5%.0s' {1..64})
fairlead lab guest $guest --root $run/root
fairlead lab report $guest --report-data "$data" >$run/report 2>/dev/null
head -c 500 $run/report >$run/report.short
cat $run/report $run/report >$run/report.twice
: >$run/empty
flip_bit() {	# FILE OFFSET
	local byte

	byte=$(xxd -s "$2" -l 1 -p "$1")
	printf '%02x' $((0x$byte ^ 1)) | xxd -r -p | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
cp $run/report $run/report.flipped
flip_bit $run/report.flipped $((0x90))	# of the measurement
cp $guest/vcek.der $run/leaf.flipped
flip_bit $run/leaf.flipped $(($(size $guest/vcek.der) - 1))	# of the signature
head -c 500 $guest/vcek.der >$run/leaf.short
truncated $guest/vcek_chain.pem >$run/chain.short
is_appraised() {	# STATUS REASON REPORT LEAF CHAIN: and a sentence besides
	local status=0

	fairlead verify --tee snp -j --evidence "$3" --certs "$4" --certs "$5" \
		--report-data "$data" --trust-root "$root_digest" >$run/verdict || status=$?
	cat $run/verdict
	((status == $1)) && jq -e --arg r "$2" '.reason == $r and (.accepted == ($r == "ok")) and
		($r == "ok" or .detail != "")' $run/verdict
}
leaf=$guest/vcek.der chain=$guest/vcek_chain.pem
check "whole evidence is accepted"	is_appraised 0 ok $run/report $leaf $chain
check "a truncated report"	is_appraised 1 bad-length $run/report.short $leaf $chain
check "an empty report"		is_appraised 1 bad-length $run/empty $leaf $chain
check "a report and more"	is_appraised 1 bad-length $run/report.twice $leaf $chain
check "a report with one bit changed"	is_appraised 1 bad-report-signature $run/report.flipped $leaf $chain
check "a leaf with one bit changed"	is_appraised 1 bad-cert-signature $run/report $run/leaf.flipped $chain
check "a truncated leaf"	is_appraised 1 bad-cert-leaf $run/report $run/leaf.short $chain
check "an empty leaf"		is_appraised 3 unverifiable-no-leaf $run/report $run/empty $chain
check "a truncated chain"	is_appraised 1 bad-cert-chain $run/report $leaf $run/chain.short
check "another leaf's chain"	is_appraised 1 bad-cert-chain $run/report $guest/vlek.der $chain
check "another kind of leaf"	\
	is_appraised 1 bad-signing-key $run/report $guest/vlek.der $guest/vlek_chain.pem
is_no_file() { local status=0; "$@" || status=$?; ((status == 2)); }
check "no such file is no verdict"	\
	is_no_file fairlead verify --tee snp -j --evidence $run/none --trust-root "$root_digest"

# --- the control socket

reappraise_ms=600000 heartbeat_ms=3000	# so that leases stay as they are
rm -rf $run/ca $run/root $run/router
raise genuine-1=genuine
check "a backend attests"	within 15 attested genuine-1
socket=/run/fairlead/control.sock
leases() { fairlead -j lease show | jq -cS 'map(del(.seconds_left))'; }
processes() { fairlead -j status | jq -cS '[.pid, .children]'; }
attack() { timeout 60 "$build/tests/tools/hostile_control" $socket "$@"; }
held=$(leases)
ids=$(processes)
descriptors() { find /proc/"$(pid_of router)"/fd -type l | wc -l; }
left_open=$(descriptors)	# that of who has just asked may be among them
for name in slow silent; do
	{ attack $name >$run/$name 2>&1 && touch $run/$name.withstood; } &
done
for name in empty-object array string not-json half-json two-values duplicate-key unknown-key \
	no-version other-version version-as-text huge-version cmd-as-number cmd-empty \
	cmd-with-line cmd-with-zero args-as-list bad-utf8 unknown-command prefix-command no-name \
	name-as-number name-as-list length-4-GiB length-too-great length-0 garbage http deep \
	zeros half nothing; do
	check "control: $name"	attack $name
done
check "while two others keep their connections busy, the daemon answers"	fairlead status
check "control: a byte now and then"	within 15 [ -e $run/slow.withstood ]
note "$(cat $run/slow)"
check "control: silence"	within 15 [ -e $run/silent.withstood ]
note "$(cat $run/silent)"
check "control: 64 at once"	attack crowd
check "the daemon answers as before"	fairlead status
check "it is the same, and so are its processes"	[ "$(processes)" = "$ids" ]
check "leases are the same to the jiffy"	[ "$(leases)" = "$held" ]
check "nobody left a descriptor behind"	within 3 eval '(($(descriptors) <= left_open))'
check "and the service is served"	ask ask $vip4 443
done_testing
