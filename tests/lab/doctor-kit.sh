# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the tests of fairlead doctor share, after lib.sh: an illness is found, and mended by what it prints.
PATH=$(realpath "$build"):$PATH

run_doctor() { at "$1" fairlead -j --config "$run/$1.yaml" doctor; }	# NODE
doctor() { run_doctor "$1" || (($? == 1)); }	# NODE: errors are no failure
finds() { doctor "$1" | jq -e --arg c "$2" --arg s "$3" 'any(.check == $c and .subject == $s)'; }
finds_not() { ! finds "$@"; }	# NODE CHECK SUBJECT
severity() { doctor "$1" | jq -r --arg c "$2" '[.[] | select(.check == $c)][0].severity'; }
is() { [[ $(severity "$1" "$2") == "$3" ]]; }
fix_of() { doctor "$1" | jq -r --arg c "$2" --arg s "$3" '.[] | select(.check == $c and .subject == $s).fix'; }
mend() {	# NODE CHECK SUBJECT [GATEWAY]: does what it says
	local fix

	fix=$(fix_of "$1" "$2" "$3") || :
	note "$fix"
	at "$1" sh -e -c "${fix/GATEWAY/${4:-}}"
}
no_errors() { run_doctor "$1"; }
errors() { local status=0; run_doctor "$1" >/dev/null || status=$?; ((status == 1)); }

# WHAT NODE CHECK SUBJECT SEVERITY [GATEWAY]: it is found, and gone once mended
illness() {
	check "$1 is found"	finds "$2" "$3" "$4"
	check "as $5"		is "$2" "$3" "$5"
	[[ $5 != error ]] || check "so that the exit status is 1"	errors "$2"
	check "and mended"	mend "$2" "$3" "$4" "${6:-}"
	check "by its command"	within 3 finds_not "$2" "$3" "$4"
}

router_yaml() {	# INTERFACES ADDRESS
	cat >$run/router.yaml <<-END
		node: router
		metrics: off
		router:
		  interfaces: [$1]
		  source: {ipv4: 10.77.0.2, ipv6: "fd77::2"}
		  services:
		    - {name: web, vip: $vip4, port: 80, protocol: tcp, class: public, ring: 4093, backends: [four, six]}
		  backends:
		    - {name: four, address: $2}
		    - {name: six, address: "fd77::11"}
	END
}
