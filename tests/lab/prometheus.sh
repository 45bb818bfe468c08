#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What Prometheus reads: promtool finds nothing to complain about, and Debian's own
# server scrapes the page and answers queries with the values that the kernel has.
#
#   client .1 ---+--- genuine-1 .11	confidential
#   router .2 ---+--- altered   .12	refused
#   (prometheus on the router's loopback)
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

at_router() { at router curl -sf --max-time 5 "$@"; }
page() { at_router http://127.0.0.1:9477/metrics; }
lints() { page | promtool check metrics; }
refused_with() { [[ $(at router curl -s --max-time 5 -o /dev/null -w '%{http_code}' "${@:2}") == "$1" ]]; }
query() { at_router --data-urlencode "query=$1" http://127.0.0.1:19090/api/v1/query | jq -er '.data.result[0].value[1]'; }
query_is() { local v; v=$(query "$1"); echo "$1 is $v"; [[ $v == "$2" ]]; }
query_at_least() { local v; v=$(query "$1"); echo "$1 is $v"; ((${v%.*} >= $2)); }

need() {	# PROGRAM: of Debian's package prometheus
	command -v "$1" >/dev/null || { echo "1..0 # SKIP want $1, of the package prometheus"; exit 77; }
}
need promtool
need prometheus
names_of() { sed -n "s/^fairlead_$1{.*$2=\"\([^\"]*\)\".*/\1/p" | sort -u; }	# METRIC LABEL
# As maps/abi.h lists them.
outcomes() {
	sed -n '/^enum outcome {/,/^}/s/^\tOUT_\([A-Z_]*\),.*/\L\1/p' maps/abi.h | sort
}
labels() { page | grep -o '[{,][a-z_]*="' | tr -d '{,="' | sort -u | paste -sd' '; }
series() { page | grep -c '^fairlead_'; }
grows_over_time() {	# QUERY
	local v

	v=$(query "$1")
	ask -w 10000 ask $vip4 443 5 >/dev/null
	within 20 query_at_least "$1" $((${v%.*} + 10))
}

raise genuine-1=genuine altered=altered
check "genuine-1 attests"	within 15 attested genuine-1
check "another image is refused"	within 15 state_is altered refused
check "traffic goes by"	ask -w 10000 ask $vip4 443 20
check "the page comes"	page
check "promtool finds nothing wrong"	lints
for metric in packets_total refused_packets_total lease_remaining_seconds attestations_total \
	appraisal_seconds_bucket ring_slots_moved_total map_entries build_info; do
	check "fairlead_$metric is there"	eval "page | grep '^fairlead_$metric'"
done
check "every outcome of a packet is there, no others"	\
	[ "$(page | names_of packets_total outcome)" = "$(outcomes | grep -v '^count$')" ]
before=$(series)
check "labels are of what is configured and what is counted"	\
	[ "$(labels)" = "abi backend class le map outcome process reason result service state tee version" ]
check "many clients come"	ask -w 10000 ask $vip4 80 200
check "and make no new series: there are $before"	[ "$(series)" = "$before" ]
check "no address of a client is on the page"	eval '! page | grep -F 10.77.0.1'
check "another path is none"	refused_with 404 http://127.0.0.1:9477/other
check "nothing but GET is answered"	refused_with 405 -X POST http://127.0.0.1:9477/metrics
check "a page is still there"	lints

cat >$run/prometheus.yml <<-END
	global: {scrape_interval: 1s}
	scrape_configs: [{job_name: fairlead, static_configs: [{targets: ["127.0.0.1:9477"]}]}]
END
check "prometheus takes the configuration"	promtool check config $run/prometheus.yml
nsenter --net=/run/netns/router prometheus --config.file=$run/prometheus.yml \
	--storage.tsdb.path=$run/tsdb --web.listen-address=127.0.0.1:19090 \
	--log.level=error >$run/prometheus.log 2>&1 &
check "prometheus scrapes it"	within 60 query_is 'up{job="fairlead"}' 1
check "traffic of the service is there"	within 10 query_at_least 'fairlead_service_packets_total{service="pay4"}' 60
check "and grows with it"	grows_over_time 'fairlead_service_packets_total{service="pay4"}'
check "the program says what it is"	within 10 query_is 'fairlead_build_info' 1
check "the accepted evidence is counted"	within 10 query_at_least 'fairlead_attestations_total{reason="ok"}' 1
check "the refused evidence is counted by its reason"	within 10 query_at_least 'fairlead_attestations_total{reason="bad-measurement"}' 1
check "the lease is there"	within 10 query_at_least 'fairlead_lease_remaining_seconds{backend="genuine-1",class="confidential"}' 80000
check "who is refused has none"	eval '! query "fairlead_lease_remaining_seconds{backend=\"altered\",class=\"confidential\"} > 0"'
done_testing
