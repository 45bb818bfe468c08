#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bad input, and one clear word for each: configurations, identities, evidence from
# files, and everything that could be sent to the control socket.  A daemon that hears
# nonsense goes on serving, and what it knows stays as it was.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

build=$(realpath "$build")
state_is() { [[ $(fairlead -j backend show "$1" | jq -r '.[0].state') == "$2" ]]; }

# --- configurations: tests/data/config

checked() { (cd tests/data/config && "$build/fairleadd" --check "$1"); }
is_good() { checked "$1" | grep -q ": good: "; }
is_refused_for() {	# FILE: exit status 1, and these lines, no others
	local status=0

	checked "$1.yaml" 2>$run/errors >$run/said || status=$?
	((status == 1)) && [[ ! -s $run/said ]] && diff "tests/data/config/$1.errors" $run/errors
}
for f in tests/data/config/agent.yaml; do
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
good=$run/router
size() { stat -c %s "$1"; }
truncated() { head -c $(($(size "$1") / 2)) "$1"; }
flipped() {	# one letter in the middle of the base64 is another
	awk '{ if (NR == 5) { c = substr($0, 9, 1); $0 = substr($0, 1, 8) (c == "A" ? "B" : "A") substr($0, 10) }
	       print }' "$1"
}
does_not_start() {	# WHICH-FILE: one line that names it, and no daemon
	local status=0

	"$build/fairleadd" -c $run/broken.yaml >$run/broken.out 2>&1 </dev/null || status=$?
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
	router_config | sed "s,$good/,$run/broken/,; s,/sys/fs/bpf/[a-z]*,/sys/fs/bpf/broken," >$run/broken.yaml
	check "$what: no start, and one line why"	does_not_start "$run/broken/$file: "
}
fleet=() everybody='' claimants='' measurement=$altered_measurement
router_config() {
	cat <<-END
		node: router
		metrics: off
		$(identity_config router)
		router:
		  interfaces: [lo]
		  services: []
		  backends:
		    - {name: b, address: 10.77.0.11, agent: 9478, policy: lab}
		$(policy_config)
	END
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
done_testing
