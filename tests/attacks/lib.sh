# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the attacks share: a model, an agent that talks to it and cannot keep a secret, taps on
# every interface of the router, and what is looked for in them.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/../lab/lib.sh"

tools=$build/tests/attacks
canaries=$run/canaries

# An access key's id, the first two lines of a private key, and a card's number.
plant_canaries() {
	cat >$canaries <<-END
		AKIAFAIRLEADCANARY07
		-----BEGIN CANARY PRIVATE KEY-----
		MHcCAQEEIFAIRLEADcanary0fQ7hT2mXw9Zl4vRk8sYp1UoGNjB5eaoAoGCC
		-----END CANARY PRIVATE KEY-----
		4929173845016232
	END
	# An agent says all of it; the lines that only close a key are nothing to look for.
	grep -v -e ----END $canaries >$run/sought
}

# --- certificates of a public authority, which the agent trusts

authority() {	# NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$1" -keyout "$run/$1.key" -out "$run/$1.crt" 2>/dev/null
}

certificate() {	# FILE AUTHORITY DNS-NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
		-CA "$run/$2.crt" -CAkey "$run/$2.key" -subj "/CN=$3" -addext "subjectAltName=DNS:$3" \
		-addext basicConstraints=CA:false -keyout "$run/$1.key" -out "$run/$1.crt" 2>/dev/null
}

# --- programs in the background, ended one by one

declare -A job
begin() {	# NAME NODE COMMAND...
	nsenter --net=/run/netns/"$2" "${@:3}" >>"$run/$1.log" 2>&1 </dev/null &
	job[$1]=$!
}
end() {	# NAME: with its exit status, or 143 by the signal
	local status=0

	kill "${job[$1]}" 2>/dev/null || :
	wait "${job[$1]}" || status=$?
	unset "job[$1]"
	return $status
}
listens() { at "$1" ss -Htln "sport = :$2" | grep -q .; }	# NODE PORT

# --- taps

# NAME: on all that the router has, and on the switch's end of its cable, where one sees what XDP
# sends past the sockets of the router itself.  Not in a check, whose jobs are a subshell's.
tap() {
	begin "$1-inside" router "$tools/tap" -o "$run/$1-inside.pcap" eth0 lo
	"$tools/tap" -o "$run/$1-cable.pcap" router >"$run/$1-cable.log" 2>&1 </dev/null &
	job[$1-cable]=$!
	within 5 grep -qs tapping "$run/$1-inside.log"
	within 5 grep -qs tapping "$run/$1-cable.log"
}
untap() {	# NAME
	end "$1-inside"
	end "$1-cable"
}
# NAME: all was seen, or what is not found in it says nothing.
lossless() {
	tail -qn 1 "$run/$1-inside.log" "$run/$1-cable.log" |
		jq -es 'length == 2 and all(.dropped == 0 and .frames > 0)'
}

found() {	# JQ-EXPRESSION FILE...: of what canary says of them
	local out

	out=$("$tools/canary" -k $run/sought "${@:2}") || (($? == 1)) || return
	jq -e "$1" <<<"$out" >/dev/null || { echo "$out"; return 1; }
}

# --- the agent's work

answers_equal() {	# NOTES NOTES COUNT: both ends saw the same bytes, so many times
	(($(wc -l <"$1") == $3)) && cmp <(sort "$1") <(sort "$2")
}
