#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Measures what stands between an agent and its model: a table on stdout, the same as
# $BUILD/bench-relay.json, and $BUILD/bench-relay.svg where there is gnuplot.
#
#   client .1 ---+--- b1 .11   the upstream, the agent that vouches for its key, and a relay
#   router .2 ---+
#
#   direct       TLS to b1's address
#   steered      TLS to the VIP
#   router       fairlead-connect, and the VIP: TLS to the upstream, whose key the agent vouches for
#   relay        fairlead-connect, and the VIP: TLS to the relay, and from there to the upstream
cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/lab/lib.sh
. tests/lab/lib.sh

bench=$build/bench
steered=9444 relayed=9443

eval "lab_$(declare -f agent_config)"
agent_config() {
	lab_agent_config "$@"
	for port in $steered $relayed; do
		printf '    - {vip: "%s", port: %s, protocol: tcp}\n' $vip4 "$port"
	done
	cat <<-END
		  service-keys: [$run/upstream.crt]
	END
}
eval "lab_$(declare -f router_config)"
router_config() {
	lab_router_config | sed "/^  services:/r "<(
		for port in $steered $relayed; do
			echo "    - {name: m$port, vip: $vip4, port: $port, protocol: tcp, class: confidential," \
				"ring: 4093, backends: [b1]}"
		done
	)
}

certify() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=b1 \
		-keyout $run/upstream.key -out $run/upstream.crt 2>/dev/null
	spki=$(openssl x509 -in $run/upstream.crt -noout -pubkey |
		openssl pkey -pubin -outform der | sha256sum)
	spki=${spki%% *}
}

relay() {
	fairlead lab node $run/b1-relay --ca $run/ca --name b1 --ip $vip4
	cat >$run/relay.yaml <<-END
		node: b1
		listen: ["$vip4:$relayed"]
		identity: {certificate: $run/b1-relay/node.crt, key: $run/b1-relay/node.key}
		evidence: {tee: snp, source: soft, directory: $run/b1/guest}
		limits: {new-per-second: 1000, new-per-second-per-source: 1000}
		destinations:
		  - {name: upstream, address: "127.0.0.1:9500", tls: {spki-sha256: ["$spki"]}}
	END
	at b1 "$build/fairlead-relay" -c $run/relay.yaml >$run/relay.log 2>&1 &
}

connect() {	# PORT OPTIONS...
	nsenter --net=/run/netns/client "$build/fairlead-connect" --listen 127.0.0.1:"$1" \
		--ca $run/ca/ca.crt --policy $run/policy.yaml "${@:2}" >$run/connect-"$1".log 2>&1 &
	within 5 listens client "$1"
}
listens() { at "$1" ss -Htln "sport = :$2" | grep -q .; }	# NODE PORT
eligible() { [[ $(show service '[.[0].backends[] | select(.eligible)] | length' "$1") == 1 ]]; }

plot() {
	command -v gnuplot >/dev/null || return 0
	gnuplot -e "data='$build/bench-relay.dat'; out='$build/bench-relay.svg'" bench/relay.gp
	echo "plot     $build/bench-relay.svg"
}

certify
raise b1=genuine
node_of_client=(--cert "$run/client/node.crt" --key "$run/client/node.key")
identity client 10.77.0.1
printf '%s\n' "snp:" "  roots: [\"$root_digest\"]" "  measurements: [$measurement]" "  crl: off" >$run/policy.yaml
for address in 10.77.0.11 127.0.0.1 $vip4; do
	port=9500
	[[ $address != "$vip4" ]] || port=$steered
	at b1 "$bench/relay_upstream" $run/upstream.crt $run/upstream.key "$address" $port &
done
relay
if ! within 20 eligible m$steered || ! within 20 eligible m$relayed || ! within 5 listens b1 $relayed; then
	show_logs
	exit 1
fi
beside=(--agent 10.77.0.11:9478 "${node_of_client[@]}" "$vip4:$steered")
connect 8001 --pool 8 "${beside[@]}"
connect 8002 --pool 8 $vip4:$relayed
connect 8003 --pool 0 "${beside[@]}"
connect 8004 --pool 0 $vip4:$relayed

echo "machine  $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs"
echo "kernel   $(uname -r)"
echo "load     $(cut -d ' ' -f 1-3 /proc/loadavg)"
at client "$bench/relay" "$build/bench-relay.json" "$build/bench-relay.dat" \
	direct=tls,10.77.0.11,9500 steered=tls,$vip4,$steered router=plain,127.0.0.1,8001 relay=plain,127.0.0.1,8002 \
	+router-cold=plain,127.0.0.1,8003 +relay-cold=plain,127.0.0.1,8004
echo "load     $(cut -d ' ' -f 1-3 /proc/loadavg)"
echo "lost     $(cable_losses) frames, by the lab's cables"
plot
