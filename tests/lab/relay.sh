#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bytes of an appraised client reach the destination that the configuration pins, as they
# are, and nobody else's do; who stalls or crowds delays nobody but himself.
#
#   client .1 ---+--- guest .11   fairlead-relay, and a model on its loopback
#   crowd  .2 ---+--- api   .21   the pinned destination; another key at the same address
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

relay=10.77.0.11:8443
scraped=10.77.0.11:9478

certificate() {	# NAME DNS-NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$2" \
		-addext "subjectAltName=DNS:$2" -keyout "$run/$1.key" -out "$run/$1.crt" 2>/dev/null
}
sha256() { sha256sum "$@" | cut -d' ' -f1; }
pin_of() { openssl x509 -in "$run/$1.crt" -noout -pubkey | openssl pkey -pubin -outform der | sha256; }

declare -A job
echo_at() {	# NAME NODE ARGUMENTS...
	nsenter --net=/run/netns/"$2" "$build/tests/tools/echo" "${@:3}" >"$run/$1.log" 2>&1 &
	job[$1]=$!
	within 20 grep -qs listening "$run/$1.log"
}
end() {
	kill "${job[$1]}"
	wait "${job[$1]}" 2>/dev/null || :
}

relay_config() {	# LIMITS
	cat <<-END
		node: guest
		listen: ["$relay"]
		identity: {certificate: $run/guest/node.crt, key: $run/guest/node.key}
		evidence: {source: soft, directory: $run/guest/guest}
		limits: {$1}
		metrics: $scraped
		destinations:
		  - name: api
		    address: api.example:443
		    tls: {ca: $run/api.crt, ca-sha256: $(sha256 $run/api.crt)}
		  - {name: count, address: "10.77.0.21:444", tls: {spki-sha256: [$(pin_of api)]}}
		  - {name: other, address: "10.77.0.21:445", tls: {spki-sha256: [$(pin_of api)]}}
		  - {name: model, address: "127.0.0.1:8000", tls: none}
		  - {name: pipe, address: "unix:$run/model", tls: none}
	END
}
start_relay() {
	nsenter --net=/run/netns/guest "$build/fairlead-relay" -c $run/relay.yaml >>$run/relay.log 2>&1 </dev/null &
	echo $! >$run/relay.pid
	within 30 logged relay ": ready$" && within 30 at guest sh -c "ss -Htln 'sport = :8443' | grep -q ."
}
restart_relay() {
	stop relay
	: >$run/relay.log
	start_relay
}
worker() { pgrep -P "$(pid_of relay)" -x fairlead-stream; }

# OUTPUT ARGUMENTS...: stdin to the service and back.  Endless patience: the machine may be busy.
connect() {
	at client "$build/fairlead-connect" --policy $run/policy.yaml --deadline 60000 "${@:2}" $relay \
		>"$1" 2>$run/connect.log
}
carries() {	# SERVICE FILE
	connect $run/back ${1:+--service "$1"} <"$2" && cmp "$2" $run/back
}
refused() {	# TEXT ARGUMENTS...
	echo secret | connect $run/back "${@:2}" && return 1
	grep -q "$1" $run/connect.log && test ! -s $run/back
}

segment
node client 1
node crowd 2
node guest 11
node api 21
fairlead lab ca $run/ca
identities
identity guest 10.77.0.11
guest guest genuine
measurement=$(measurement_of guest)
{ echo "name: lab"; policy_config | sed '1,2d; s/^    //'; } >$run/policy.yaml
certificate api api.example
certificate evil api.example
echo "10.77.0.21 api.example" >$run/hosts
mount --bind $run/hosts /etc/hosts
head -c 16777216 /dev/urandom >$run/large
head -c 1000 /dev/urandom >$run/small
chmod 711 $run
echo_at api api 10.77.0.21:443 $run/api.crt $run/api.key
echo_at count api -c 10.77.0.21:444 $run/api.crt $run/api.key
echo_at other api 10.77.0.21:445 $run/evil.crt $run/evil.key
echo_at model guest 127.0.0.1:8000
echo_at pipe guest unix:$run/model
chmod 666 $run/model
relay_config "hello-ms: 60000" >$run/relay.yaml

check "what stands between plaintext and the world is under 800 lines" make -s BUILD="$build" tcb
check "the configuration is good"	"$build/fairlead-relay" --check $run/relay.yaml
sed "s/ca-sha256: ..../ca-sha256: 0000/" $run/relay.yaml >$run/bad.yaml
check "one whose authorities are others is not" \
	sh -c "! '$build/fairlead-relay' --check $run/bad.yaml 2>&1 | grep -v ca-sha256"
start_relay

check "16 MiB pass both ways byte for byte"	carries api $run/large
check "the log says how much, and to where" \
	within 20 logged relay "to api: 16777216 bytes up, 16777216 down, .*: ended"
metric() { [[ $(at client curl -sf --max-time 10 "http://$scraped/metrics")$'\n' == *$'\n'"fairlead_relay_$1"$'\n'* ]]; }
check "and so does the page for Prometheus"	within 20 metric 'bytes_total{destination="api",direction="up"} 16777216'
check "where the connection has ended"	within 20 metric "connections 0"
check "no name is the first destination"	carries "" $run/small
check "a model on the guest's loopback is reached"	carries model $run/small
check "and one behind a socket"	carries pipe $run/small
check "an end one way leaves the other open" sh -c "[ \"\$(cat $run/large | nsenter --net=/run/netns/client \
	'$build/fairlead-connect' --policy $run/policy.yaml --service count $relay)\" = 16777216 ]"
check "which way is which, the page knows, too"	within 20 metric 'bytes_total{destination="count",direction="up"} 16777216'

: >$run/back
echo secret | connect $run/back --service other || :
check "a destination with another key gets nothing"	within 20 grep -q "no handshake" $run/other.log
check "nor does the client"	test ! -s $run/back
check "the log says why"	within 20 logged relay "to other: 0 bytes up, 0 down, .*certificate"
check "a destination that nobody pinned is refused"	refused 'no destination "elsewhere"' --service elsewhere
sed "s/$measurement/$altered_measurement/" $run/policy.yaml >$run/strict.yaml
check "a client that believes another image sends nothing"	refused "" --service model --policy $run/strict.yaml
check "and none of it was relayed"	test "$(grep -c bytes $run/model.log)" = 1

check "the claims say which configuration it is" sh -c "nsenter --net=/run/netns/client \
	'$build/fairlead-connect' --policy $run/policy.yaml --save $run/saved $relay <$run/small >/dev/null &&
	grep -q $("$build/fairlead-relay" --digest $run/relay.yaml) $run/saved"

# Without evidence, RESULT and all that, HTTP is a breach.
talk_http() {	# ALPN
	{ printf 'GET / HTTP/1.1\r\n\r\n'; sleep 1; } | at client timeout 20 openssl s_client -quiet -alpn "$1" \
		-connect $relay >$run/http 2>&1
}
talk_http fairlead-app/1 || :
check "who just talks hears no answer"	sh -c "! grep -q 'GET' $run/http"
check "but that it may not"	within 20 logged relay "nothing relayed: refused: a message's length"
talk_http http/1.1 || :
check "another protocol is no handshake"	grep -q "alert no application protocol" $run/http
check "and no destination heard of either"	test "$(grep -c bytes $run/api.log)" = 3

what="what has plaintext has given up files, too"
within 5 logged relay "Landlock: no" || :
if logged relay "Landlock: not"; then skip "$what" "this kernel has no Landlock"
else check "$what" logged relay "Landlock: no files"; fi
check "what has plaintext is nobody, and may do nothing" \
	awk '/^Uid:/ && $2 == 0 || /^Cap(Eff|Prm|Bnd|Inh|Amb):/ && $1 != "CapBnd:" && $2 !~ /^0+$/ { exit 1 }
	     /^NoNewPrivs:/ && $2 != 1 || /^Seccomp:/ && $2 != 2 { exit 1 }' "/proc/$(worker)/status"
check "it holds neither the evidence device nor a file" \
	sh -c "! ls -l /proc/$(worker)/fd | grep -v 'socket:\|pipe:\|anon_inode:\|/dev/null\|$run/relay.log\|^total'"

# The name leads elsewhere: that is found out before a byte has left.
end api
echo_at evil api 10.77.0.21:443 $run/evil.crt $run/evil.key
: >$run/back
echo secret | connect $run/back --service api || :
check "a lie about a name leads to nobody" \
	within 20 logged relay "to api: 0 bytes up, 0 down, .*certificate"
check "who was told nothing"	sh -c "! grep bytes $run/evil.log"
end evil
echo_at api api 10.77.0.21:443 $run/api.crt $run/api.key

# Some stall before TLS, some after; in sum more than there may be.
stall() {	# COUNT
	: >$run/stall.log
	at crowd python3 - "$1" <<-'END' >>$run/stall.log 2>&1 &
		import socket, ssl, sys, time
		c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
		c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
		c.set_alpn_protocols(["fairlead-app/1"])
		kept, out = [], 0
		for i in range(int(sys.argv[1])):
		    try:
		        s = socket.create_connection(("10.77.0.11", 8443))
		        s.settimeout(20)
		        kept.append(c.wrap_socket(s) if i % 2 else s)
		        kept[-1].send(b"\0\0")
		    except OSError:
		        out += 1
		print("stalling", len(kept), out, flush=True)
		time.sleep(120)
	END
	job[stall]=$!
	within 60 grep -q stalling $run/stall.log
}
relay_config "connections: 100, connections-per-source: 40, unproven: 30, handshake-ms: 60000, hello-ms: 60000" \
	>$run/relay.yaml
restart_relay
stall 60
check "a crowd that stalls is not let in past its share" within 20 logged relay "10.77.0.2:.*others wait for its place"
check "and delays nobody"	carries api $run/small
end stall
relay_config "connections-per-source: 10, handshake-ms: 60000, hello-ms: 60000" >$run/relay.yaml
restart_relay
stall 20
check "a source has so many connections and no more" \
	within 20 logged relay "10.77.0.2:.*not let in: too many connections from its source"
check "which is nothing to another one"	carries api $run/small
end stall
relay_config "handshake-ms: 2000, hello-ms: 2000" >$run/relay.yaml
restart_relay
stall 2
check "who does not shake hands is hung up on"	within 30 logged relay "no TLS handshake in time"
check "and who says nothing after it"	within 30 logged relay "no HELLO in time"
end stall
done_testing
