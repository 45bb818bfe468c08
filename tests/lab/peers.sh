#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that know nothing of a router, through one: curl and openssl over TLS 1.3,
# iperf3 over TCP and UDP both ways, a QUIC client and server.
#
#   client .1 ---+--- genuine-1 .11	wrapped in IPv4
#   router .2 ---+--- genuine-2 .12	wrapped in IPv6
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

bytes=${BYTES:-20000000}	# of each download
seconds=${SECONDS_EACH:-1}	# of each iperf3

# Services of strangers, beside the lab's own.
more_services() {
	service_config tls 4433 tcp confidential "$claimants"
	service_config quic 4434 udp confidential "$claimants"
	# Its connections belong together, so there can be but one backend.
	service_config iperf 5201 tcp confidential genuine-1
	service_config flood 5201 udp confidential genuine-1
}
with_more_services() {
	router_config | while IFS= read -r line; do
		[[ $line != "  backends:" ]] || more_services
		printf '%s\n' "$line"
	done
}

# A file for all, and one with the node's name.
content() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj /CN=service.test -addext subjectAltName=DNS:service.test \
		-keyout $run/service.key -out $run/service.crt 2>/dev/null
	head -c "$bytes" /dev/urandom >$run/blob
	for n in "${fleet[@]}"; do
		mkdir -p "$run/www/$n"
		ln -s $run/blob "$run/www/$n/blob"
		echo "$n" >"$run/www/$n/name"
	done
	digest=$(sha256sum <$run/blob)
}
serves() {	# NODE COMMAND...: in its directory, in the background, until the end
	(cd "$run/www/$1" && exec nsenter --net=/run/netns/"$1" "${@:2}" >>"$run/$1-peer.out" 2>&1 </dev/null) &
}
listens() {	# NODE TCP|UDP PORT COUNT
	local option=-t

	[[ $2 == TCP ]] || option=-u
	(($(at "$1" ss -Hln $option "sport = :$3" | wc -l) >= $4))
}

get() {	# VIP FILE
	at client curl -sS --max-time 30 --tlsv1.3 --cacert $run/service.crt \
		--connect-to "service.test:4433:[$1]:4433" "https://service.test:4433/$2"
}
downloads() { [[ $(get "$1" blob | sha256sum) == "$digest" ]]; }
both_serve() {	# VIP
	local names=

	for _ in {1..400}; do	# one of them may have a weight of one to twenty
		names+="$(get "$1" name) " || return
		[[ $names != *genuine-1*genuine-2* && $names != *genuine-2*genuine-1* ]] || return 0
	done
	echo "$names"
	return 1
}

gets_by_quic() {	# VIP
	rm -rf $run/quic
	mkdir $run/quic
	at client timeout 60 gtlsclient -q --no-quic-dump --no-http-dump --exit-on-all-streams-close \
		--download=$run/quic "$1" 4434 https://service.test:4434/blob || return
	[[ $(sha256sum <$run/quic/blob) == "$digest" ]]
}

# VIP OPTION...: bytes that arrived, and for UDP packets and losses; shown at the end.
measures() {
	at client iperf3 -c "$1" -p 5201 -t "$seconds" -J "${@:2}" >$run/iperf || { cat $run/iperf; return 1; }
	jq -e '.end.sum_received.bytes // .end.sum.bytes > 100000' $run/iperf >/dev/null || return
	echo "$1 ${*:2}: $(jq -r '.end | "\((.sum_received // .sum).bits_per_second / 1e6 | floor) Mbit/s" +
		(if .sum.lost_packets then ", \(.sum.lost_packets) of \(.sum.packets) lost" else "" end)' $run/iperf)" >>$run/figures
}
few_are_lost() { jq -e '.end.sum | .lost_packets * 2 < .packets' $run/iperf >/dev/null; }
# While a processor stands still most is lost; and a server may still be at the test before.
mostly_arrives() { measures "$@" && few_are_lost; }
none_refused() { [[ $(fairlead -j outcome show | jq '[.[] | select(.refusal) | .packets] | add') == 0 ]]; }

raise genuine-1=genuine genuine-2=genuine
content
for n in "${fleet[@]}"; do
	for family in 4 6; do
		serves "$n" openssl s_server -$family -accept 4433 -tls1_3 -WWW \
			-cert $run/service.crt -key $run/service.key
	done
	! command -v gtlsserver >/dev/null || for vip in $vip4 $vip6; do
		serves "$n" gtlsserver -q --no-quic-dump --no-http-dump -d "$run/www/$n" \
			$vip 4434 $run/service.key $run/service.crt
	done
done
! command -v iperf3 >/dev/null || for vip in $vip4 $vip6; do serves genuine-1 iperf3 -s -p 5201 -B $vip; done
with_more_services >$run/router.yaml
check "both attest"	within 15 attested genuine-1 genuine-2
check "the router takes on their services"	fairlead reload
for n in "${fleet[@]}"; do within 20 listens "$n" TCP 4433 2; done
for vip in $vip4 $vip6; do
	check "curl: both answer over TLS 1.3 by $vip"	within 30 both_serve $vip
	check "and a download of $bytes bytes is what was served"	downloads $vip
	if command -v gtlsclient >/dev/null; then
		within 20 listens genuine-1 UDP 4434 2
		within 20 listens genuine-2 UDP 4434 2
		check "QUIC by $vip: the same"	gets_by_quic $vip
	else
		skip "QUIC by $vip" "want ngtcp2-client and ngtcp2-server; tests/packet/quic_test.c has recorded packets"
	fi
	if command -v iperf3 >/dev/null; then
		within 20 listens genuine-1 TCP 5201 2
		check "iperf3 by $vip"	within 20 measures $vip
		check "the other way"	within 20 measures $vip -R
		check "by UDP most of it arrives"	within 20 mostly_arrives $vip -u -b 20M -l 1200
		check "by UDP the other way, too"	within 20 mostly_arrives $vip -u -b 20M -l 1200 -R
	else
		skip "iperf3 by $vip" "there is no iperf3 here"
	fi
done
check "no packet was refused on the way"	none_refused
[[ ! -e $run/figures ]] || note "$(cat $run/figures)"
done_testing
