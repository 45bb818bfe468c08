#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the daemon shows of a service is what its configuration says, each key of it, and the
# default of what it does not say; after a reload, what it says then.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

config() {	# WHAT-ELSE-OF-TCP WHAT-ELSE-OF-UDP
	cat <<-END
		node: router
		metrics: off
		router:
		  interfaces: [eth0]
		  settle-ms: 77000
		  sizes: {services: 16, backends: 16, flows: 1024}
		  services:
		    - {name: t, vip: $vip4, port: 443, protocol: tcp, class: public, backends: [b]$1}
		    - {name: u, vip: $vip4, port: 443, protocol: udp, class: public, backends: [b]$2}
		  backends:
		    - {name: b, address: 10.77.0.11, check: 80, server-id: 0a0b}
	END
}
modes='{forward, mss, on_lapse, track, settle_ms, new_flow_limit, quic, marks}'
shown() { show service ".[0] | $modes | tojson" "$1"; }
is() { [[ $(shown "$1" | jq -S .) == "$(jq -S . <<<"$2")" ]]; }	# SERVICE OBJECT
text_has() { fairlead service show "$1" | grep -E -- "$2"; }

segment
node router 2
config '' '' >$run/router.yaml
start router
check "a router starts"	within 30 fairlead status
check "of TCP, the defaults"	is t '{"forward": "ipip", "mss": null, "on_lapse": "resteer",
	"track": "moved", "settle_ms": 77000, "new_flow_limit": null, "quic": null, "marks": null}'
check "of UDP, the defaults"	is u '{"forward": "ipip", "mss": null, "on_lapse": "resteer",
	"track": "always", "settle_ms": null, "new_flow_limit": null, "quic": null, "marks": null}'

config ', mss: 1360, on-lapse: rst, forward: gue, new-flows: {rate: 1000}' ', on-lapse: drop,
	forward: l2, track: always, quic: {offset: 3, length: 2}, new-flows: {rate: 5, burst: 7},
	marks: {strict: true, dscp: [{value: 46, class: public}],
		sources: [{prefix: 192.0.2.0/24, class: public}, {prefix: "2001:db8::/32", class: public}]}' \
	>$run/router.yaml
check "a reload"	fairlead reload
check "of TCP, each key that was given"	is t '{"forward": "gue", "mss": 1360, "on_lapse": "rst",
	"track": "always", "settle_ms": null, "new_flow_limit": {"per_second": 1000, "burst": 1000},
	"quic": null, "marks": null}'
check "of UDP, each key that was given"	is u '{"forward": "l2", "mss": null, "on_lapse": "drop",
	"track": "always", "settle_ms": null, "new_flow_limit": {"per_second": 5, "burst": 7},
	"quic": {"offset_bytes": 3, "length_bytes": 2},
	"marks": {"strict": true, "dscp": [{"value": 46, "class": "public"}],
	"sources": [{"prefix": "192.0.2.0/24", "class": "public"},
	{"prefix": "2001:db8::/32", "class": "public"}]}}'
check "in words, too"	text_has u '^new flow limit +5/s, 7 at once$'
check "and a table of marks"	text_has u '^2001:db8::/32 +public$'
backend() { show backend ".[0].$1" b; }
check "a backend's server id"	[ "$(backend server_id)" = 0a0b ]
check "and the port that it is checked at"	[ "$(backend check_port)" = 80 ]
stop router
done_testing
