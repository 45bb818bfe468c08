#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whether the units of packaging/ let the programs do what they are for: started, reloaded, killed
# and stopped by systemd, within all that the units forbid.  Run by it, in a guest.
#
#   router, under its unit .2 --- guest .11   an agent, by hand
#   relay, under its unit, on the loopback
set -euo pipefail
export LC_ALL=C PATH="/usr/local/sbin:$PATH"

build=$BUILD
run=/run/units
# shellcheck source=tests/lab/checks.sh
. tests/lab/checks.sh
patience=10	# in a guest

show_failure() {
	for u in fairleadd fairlead-relay; do
		note "--- $u"
		note "$(systemctl show -p ActiveState,Result,ExecMainStatus,NRestarts $u
			journalctl -q -n 20 --no-pager -o cat -u $u)"
	done
	note "--- agent"
	note "$(tail -n 10 $run/agent.log)"
}
at_guest() { nsenter --net=/run/netns/guest "$@"; }

install_all() {
	install -m 755 "$build"/fairlead{,d,-relay,-connect} /usr/local/sbin
	install -m 644 packaging/*.service /etc/systemd/system
	install -d -m 755 $run /etc/fairlead
	systemctl daemon-reload
}
lay_cable() {
	ip netns add guest
	ip link add dev eth0 type veth peer name eth0 netns guest
	ip addr add 10.77.0.2/24 dev eth0
	ip link set dev eth0 up
	at_guest ip addr add 10.77.0.11/24 dev eth0
	at_guest ip link set dev eth0 up
	at_guest ip link set dev lo up
}
identities() {
	fairlead lab ca $run/ca
	cp -r "$build/lab/root" $run/root 2>/dev/null || :	# three RSA keys are long in the making here
	root_digest=$(fairlead lab root $run/root)
	fairlead lab node $run/router --ca $run/ca --name router --ip 10.77.0.2
	fairlead lab node $run/guest --ca $run/ca --name guest --ip 10.77.0.11 --ip 127.0.0.1
	fairlead lab guest $run/guest/guest --root $run/root
	measurement=$(sed -n 's/^measurement: *"\{0,1\}\([0-9a-f]*\).*/\1/p' $run/guest/guest/guest.yaml)
}
identity_of() {
	echo "identity: {certificate: $run/$1/node.crt, key: $run/$1/node.key, ca: $run/$1/ca.crt}"
}
agent_config() {
	cat <<-END
		node: guest
		pins: /sys/fs/bpf/guest
		control: {socket: $run/guest/control.sock}
		metrics: off
		$(identity_of guest)
		agent:
		  listen: "0.0.0.0:9478"
		  tee: snp
		  source: soft
		  directory: $run/guest/guest
		  interfaces: [eth0]
		  routers: [10.77.0.2]
		  services: [{vip: 10.99.0.1, port: 443, protocol: tcp}]
	END
}
snp_rules() { echo "snp: {roots: [\"$root_digest\"], measurements: [$measurement], crl: off}"; }
router_config() {	# PORT
	cat <<-END
		node: router
		$(identity_of router)
		router:
		  interfaces: [eth0]
		  source: {ipv4: 10.77.0.2}
		  services:
		    - {name: pay, vip: 10.99.0.1, port: $1, protocol: tcp, class: confidential, ring: 4093, backends: [guest]}
		  backends: [{name: guest, address: 10.77.0.11, agent: 9478, policy: lab}]
		policies: [{name: lab, tee: [snp], $(snp_rules)}]
	END
}
relay_config() {
	cat <<-END
		node: guest
		listen: ["127.0.0.1:8443"]
		identity: {certificate: $run/guest/node.crt, key: $run/guest/node.key}
		metrics: 127.0.0.1:9479
		evidence: {source: soft, directory: $run/guest/guest}
		destinations: [{name: model, address: "127.0.0.1:8000", tls: none}]
	END
}

is_active() { [[ $(systemctl is-active "$1") == active ]]; }
ended_well() { [[ $(systemctl show -p ActiveState --value "$1") == inactive && $(systemctl show -p Result --value "$1") == success ]]; }
main_pid() { systemctl show -p MainPID --value "$1"; }
is_another() { [[ $(main_pid "$1") != "$2" && $(main_pid "$1") != 0 ]] && is_active "$1"; }	# UNIT PID
program() { ip -j -d link show dev eth0 | jq -e '.[0].xdp.prog.id'; }
attested() { [[ $(fairlead -j backend show guest | jq -r '.[0].state') == attested ]]; }
has_port() { [[ $(fairlead -j service show pay | jq '.[0].port') == "$1" ]]; }
echoes() {
	head -c 100000 /dev/urandom >$run/sent
	fairlead-connect --policy $run/policy.yaml --deadline 60000 127.0.0.1:8443 <$run/sent >$run/back &&
		cmp $run/sent $run/back
}
scraped() {	# LINE
	exec 3<>/dev/tcp/127.0.0.1/9479
	printf 'GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n' >&3
	[[ $(cat <&3)$'\n' == *$'\n'"$1"$'\n'* ]]
}

install_all
lay_cable
identities
agent_config >$run/agent.yaml
router_config 443 >/etc/fairlead/fairlead.yaml
relay_config >/etc/fairlead/relay.yaml
echo "$(snp_rules)" >$run/policy.yaml
at_guest fairleadd -c $run/agent.yaml >$run/agent.log 2>&1 </dev/null &
agent=$!
"$build/tests/tools/echo" 127.0.0.1:8000 >$run/echo.log 2>&1 </dev/null &
echo=$!

check "the daemon starts, and says so itself"	systemctl start fairleadd
check "it attests its backend"	within 20 attested
id=$(program)
check "its program is on the interface"	test "$id" -gt 0
router_config 8443 >/etc/fairlead/fairlead.yaml
check "a reload is one"	systemctl reload fairleadd
check "which takes effect"	within 5 has_port 8443
pid=$(main_pid fairleadd)
kill -KILL "$pid"
check "killed, it is started again"	within 10 is_another fairleadd "$pid"
check "and attests anew"	within 20 attested
check "the program has stayed"	test "$(program)" = "$id"
check "it stops"	systemctl stop fairleadd
check "without complaint"	ended_well fairleadd
check "the program goes on"	test "$(program)" = "$id"

check "the relay starts, and says so itself"	systemctl start fairlead-relay
check "an appraised client gets through it"	within 10 echoes
check "its page says how much"	scraped 'fairlead_relay_bytes_total{destination="model",direction="up"} 100000'
pid=$(main_pid fairlead-relay)
kill -KILL "$pid"
check "killed, it is started again"	within 10 is_another fairlead-relay "$pid"
check "and serves"	within 10 echoes
check "it stops"	systemctl stop fairlead-relay
check "without complaint"	ended_well fairlead-relay
kill $agent $echo
done_testing
