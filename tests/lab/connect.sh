#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fairlead-connect before a service behind the router: curl and stdin pass once the service has
# proved itself, and nothing does when it has not, whatever is wrong with it.
#
#   client .1 ---+--- genuine-1 .11   attested for the router; at the VIP's port 9443, and at its
#   router .2 ---+                    own, a server of fairlead-app/1, right or wrong
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

app_port=9443	# lib.sh has a port of its own
server=10.77.0.11:$app_port

eval "lab_$(declare -f agent_config)"
agent_config() {
	lab_agent_config "$@"
	printf '    - {vip: "%s", port: %s, protocol: tcp}\n' $vip4 $app_port
	echo "  service-keys: [$run/beside.crt]"
}
eval "lab_$(declare -f router_config)"
router_config() {
	lab_router_config | sed "/^  services:/r "<(
		echo "    - {name: app, vip: $vip4, port: $app_port, protocol: tcp, class: confidential, ring: 4093, backends: [genuine-1]}"
	)
}

ended() { ! kill -0 "$1" 2>/dev/null; }
serves() {	# MODE [GUEST] [IDENTITY]: at every address of the node; also in checks, which are subshells
	if [[ -e $run/app.pid ]]; then
		kill "$(pid_of app)"
		within 5 ended "$(pid_of app)"
	fi
	: >$run/app.log	# or what the last one has said is taken for this one's
	nsenter --net=/run/netns/genuine-1 "$build/tests/tools/app_server" "[::]:$app_port" \
		"$run/${2:-app}/guest" "$run/${3:-app}/node.crt" "$run/${3:-app}/node.key" "$1" \
		10.77.0.11:8000 >$run/app.log 2>&1 </dev/null &
	echo $! >$run/app.pid
	within 5 grep -q ":$app_port" $run/app.log
}

policy=(--policy "$run"/policy.yaml)
connects() {	# OPTIONS... ENDPOINT...: stdin is the request; what comes is in $run/got
	status=0
	at client timeout 40 "$build/fairlead-connect" "${policy[@]}" "$@" <$run/request \
		>$run/got 2>$run/connect.log || status=$?
}
passes() { connects "$@"; ((status == 0)) && grep -q "it is I" $run/got; }
# STATUS PATTERN OPTIONS...: nothing comes, nothing went, and why.
refuses() {
	connects "${@:3}"
	cat $run/connect.log
	((status == $1)) && grep -qE -- "$2" $run/connect.log && [[ ! -s $run/got ]] &&
		! grep -q released $run/app.log && ! grep -q SECRET $run/app.log
}
wrong() {	# MODE STATUS PATTERN OPTIONS...: a server that behaves so
	serves "$1" && refuses "${@:2}" --deadline 5000 $server
}

listener=
listens() {	# OPTIONS... ENDPOINT: the pid in $listener
	rm -f $run/listener
	nsenter --net=/run/netns/client "$build/fairlead-connect" -v "${policy[@]}" --listen 127.0.0.1:8001 "$@" \
		>$run/listener 2>$run/listener.log </dev/null &
	listener=$!
	within 5 test -s $run/listener
}
fetch() { at client curl -sS --max-time 15 "$@" 2>&1; }
same_file() { fetch http://127.0.0.1:8001/big | cmp - $run/www/big; }
same_files_at_once() {
	local jobs=()

	for _ in {1..10}; do
		same_file &
		jobs+=($!)
	done
	for j in "${jobs[@]}"; do wait "$j" || return; done
}
descriptors() { find "/proc/$listener/fd" -type l | wc -l; }

# --- who there is

mkdir -p $run/www
head -c 1000000 /dev/urandom >$run/www/big
echo "it is I" >$run/www/small
printf 'GET /small HTTP/1.0\r\nAuthorization: SECRET\r\n\r\n' >$run/request
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=beside \
	-keyout $run/beside.key -out $run/beside.crt 2>/dev/null

raise genuine-1=genuine
measurement_there=$measurement
mkdir -p $run/app $run/altered $run/debug $run/expired
fairlead lab guest $run/app/guest --root $run/root --measurement "$measurement_there"
fairlead lab guest $run/altered/guest --root $run/root --measurement "$altered_measurement"
fairlead lab guest $run/debug/guest --root $run/root --debug --measurement "$measurement_there"
fairlead lab guest $run/expired/guest --root $run/root --expired --measurement "$measurement_there"
identity app 10.77.0.11
identity client-1
demands() {	# FILE EXTRA...
	printf '%s\n' "${@:2}" "tee: [snp]" "snp:" "  roots: [\"$root_digest\"]" \
		"  measurements: [$measurement_there]" "  crl: off" >"$run/$1"
}
demands policy.yaml
demands pins.yaml "classified: {chip-pin: required}"
nsenter --net=/run/netns/genuine-1 python3 -m http.server 8000 --bind 10.77.0.11 -d $run/www \
	>/dev/null 2>&1 </dev/null &
answers_itself() { at genuine-1 curl -sf http://10.77.0.11:8000/small >/dev/null; }
check "the service runs"	within 10 answers_itself
check "its node attests to the router"	within 20 attested genuine-1

# --- what passes

serves ok
check "stdin passes through the router, to a server that has proved itself" \
	passes $vip4:$app_port
check "its node is the one of the certificate" \
	passes --ca $run/ca/ca.crt --node app --show-evidence -j --save $run/saved $vip4:$app_port
check "the verdict is shown" jq -e 'select(.accepted and .lab_root and .guest.node == "app")' $run/connect.log
check "and saved, with what it was made of"	jq -e '.verdict.accepted and .evidence.tee == "snp"' $run/saved
check "an enrolled client is one, too" \
	passes --cert $run/client-1/node.crt --key $run/client-1/node.key $vip4:$app_port
check "who refuses is passed over for who serves"	passes 10.77.0.11:9 $vip4:$app_port
check "a server that is busy is asked again"	eval 'serves busy && passes $server'

serves ok
listens $vip4:$app_port
check "curl passes, byte for byte"	same_file
check "and ten at once"	same_files_at_once
settled=$(for _ in {1..10}; do descriptors; sleep 0.1; done | sort -n | head -n 1)
for _ in {1..20}; do fetch -o /dev/null http://127.0.0.1:8001/small || :; done
no_more_descriptors() { (($(descriptors) <= settled + 2)); }
check "connections that are over leave nothing behind"	within 5 no_more_descriptors
stop router KILL
check "new ones pass while the router's daemon is gone: its lease is not"	same_file
start router
end_listener() { status=0; kill $listener; wait $listener || status=$?; }
end_listener
check "SIGTERM ends it well"	test $status = 0

listens --lifetime 4000 --pool 0 $vip4:$app_port
waits_for_its_end() {	# a stream that nobody ends
	at client timeout 30 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8001; cat <&3' || [[ $? != 124 ]]
}
check "a stream ends with its evidence"	waits_for_its_end
check "and its end has a reason"	within 5 grep -q "its evidence is over" $run/listener.log
end_listener

# --- what does not

none="No verified TEE endpoints available"
altered() { serves ok altered && refuses 1 "TEE code differs from expected policy: .*bad-measurement" $server; }
debug() { serves ok debug && refuses 1 "$none: .*bad-policy-debug" $server; }
expired() { serves ok expired && refuses 1 "$none: .*bad-cert-expired" $server; }
unpinned() {
	policy=(--policy "$run"/pins.yaml)
	serves ok && refuses 1 "Classified task requires fresh attestation: .*not good for classified" \
		--class classified $server
}
not_pinning() { serves ok && refuses 2 "pins chips" --class classified $server; }
without_root() {
	policy=()
	serves ok && refuses 1 "$none: .*bad-untrusted-root" $server
}
stale() {
	policy=(--policy "$run"/crl.yaml)
	demands crl.yaml && sed -i 's/crl: off/crl: required/' $run/crl.yaml
	serves ok && refuses 3 "$none: .*unverifiable-no-crl" $server
}
check "another image"	altered
check "one that its host may debug"	debug
check "a chip whose certificate has run out"	expired
check "classified service on a chip that is not pinned"	unpinned
check "classified service by a policy that pins none is a mistake"	not_pinning
check "a root that only a lab vouches for"	without_root
check "without the list of what is revoked it cannot tell, and says so by its status"	stale
check "a server without evidence, whose certificate is good" \
	wrong unavailable 1 "$none: .*unavailable" --ca $run/ca/ca.crt
check "an ordinary TLS server"	wrong plain 1 "$none: .*TLS: .*ALPN"
check "one that hangs up when asked"	wrong hangs-up 1 "$none: .*it hung up"
check "one that says nothing"	wrong mute 1 "$none: .*no answer"
check "one that speaks before it has proved itself"	wrong eager 1 "$none"
check "evidence made over another session"	wrong relayed 1 "$none: .*bad-report-data"
check "evidence for another endpoint"	wrong other-place 1 "$none: .*does not say that it serves"
serves replay
check "the first session of a server that will repeat its evidence"	passes $server
: >$run/app.log
check "evidence shown a second time"	refuses 1 "$none: .*bad-report-data" $server
check "nobody at all"	refuses 1 "$none: .*connect: Connection refused" 10.77.0.11:9
serves ok app genuine-1
check "another node than the one that was wanted" \
	refuses 1 "$none: .*for node .*genuine-1.*, want .*app" --ca $run/ca/ca.crt --node app $server
fairlead lab ca $run/other-ca
check "a relay that may connect to what was not pinned" \
	refuses 1 "$none: .*destinations_digest is none, .*not the pinned one" --destinations "sha256:$(printf '0%.0s' {1..64})" $server
check "a certificate of another CA"	refuses 1 "$none: .*TLS: its certificate" --ca $run/other-ca/ca.crt $server

# --- beside a service that is as it was

kill "$(pid_of app)"
nsenter --net=/run/netns/genuine-1 openssl s_server -accept 9444 -cert $run/beside.crt -key $run/beside.key -www -quiet \
	>/dev/null 2>&1 </dev/null &
beside=$!
by_agent=(--agent 10.77.0.11:9478 --ca $run/ca/ca.crt --cert $run/client-1/node.crt --key $run/client-1/node.key)
beside_passes() { connects "${by_agent[@]}" 10.77.0.11:9444; ((status == 0)) && grep -q "HTTP/1.0 200" $run/got; }
check "a server whose key its agent vouches for"	within 5 beside_passes
kill $beside
wait $beside 2>/dev/null || :
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=beside \
	-keyout $run/stranger.key -out $run/stranger.crt 2>/dev/null
nsenter --net=/run/netns/genuine-1 openssl s_server -accept 9444 -cert $run/stranger.crt -key $run/stranger.key -www -quiet \
	>/dev/null 2>&1 </dev/null &
: >$run/app.log
stranger() { refuses 1 "$none: .*no attested agent vouches for its key" "${by_agent[@]}" 10.77.0.11:9444; }
check "and not one of another key"	within 5 stranger
done_testing
