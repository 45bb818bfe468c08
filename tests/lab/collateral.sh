#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Collateral that the evidence does not bring along, from a double of the vendors, or
# from a file that was carried in: backends attest all the same.  A vendor that
# throttles, fails or lies costs time and gives nobody a lease, and takes none.
#
#	genuine-1	brings its certificates along
#	bare		its host gives none: KDS, store or import
#	router		with KDS and PCS at 127.0.0.1:8080
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

kds=$run/kds store=$run/store
vendor() {	# and waits until it listens: who was not reached is not asked again at once
	nsenter --net=/run/netns/router "$build/tests/tools/vendor" $kds 8080 &
	echo $! >$run/vendor.pid
	within 5 eval 'at router ss -Htln "sport = :8080" | grep -q .'
}
vendor_stops() { kill "$(cat $run/vendor.pid)"; wait "$(cat $run/vendor.pid)" 2>/dev/null || :; }
asked() { { grep -c "$1" $kds/log || :; } 2>/dev/null; }	# PATTERN: how often
how() { echo "$2" >"$kds/$1.how"; }		# FILE WORD [COUNT]
as_usual() { rm -f "$kds/$1.how"; }

collateral_config() {	# KEYS...
	cat <<-END
		collateral:
		  directory: $store
		  kds: http://127.0.0.1:8080
		  pcs: http://127.0.0.1:8080
		  timeout-ms: 3000
		$(printf '  %s\n' "$@")
	END
}
policy_config() {
	cat <<-END
		policies:
		  - name: lab
		    tee: [snp]
		    snp:
		      roots: ["$root_digest"]
		      measurements: [$measurement]
		      crl: $crl
		$(collateral_config "${keys[@]}")
	END
}
# The router anew, with nothing in the kernel that a former one may have left: no lease runs on.
restart() {
	stop router
	begin_anew
}
begin_anew() {
	at router "$build/fairlead" detach eth0
	fairlead map unpin
	router_config >$run/router.yaml
	: >$run/router.log
	start router
}
again() {	# and with nothing in its store
	rm -rf $store
	restart
}

# What the KDS has of a guest's chip.
vcek_name() {
	local chip

	chip=$(sed -n 's/^chip-id: *"\(.*\)"/\1/p' "$run/bare/guest/guest.yaml")
	echo "amd/Milan/vcek/$chip/4-0-24-219"
}
vcek_file() {
	local chip=${1#amd/Milan/vcek/}

	echo "vcek_v1_Milan_${chip%/*}_blSPL_4_teeSPL_0_snpSPL_24_ucodeSPL_219"
}

crl=required
keys=('offline: false')
segment
client client 1
node router 2
identities
mkdir -p $kds
cp $run/root/crl.der $kds/vcek_v1_Milan_crl
cp $run/root/vcek_chain.pem $kds/vcek_v1_Milan_cert_chain
vendor
fleet genuine-1=genuine bare=genuine
vcek=$(vcek_name) file=$(vcek_file "$(vcek_name)")
cp $run/bare/guest/vcek.der "$kds/$file"
cp $run/bare/guest/vcek.der $run/bare/guest.vcek.der
# Both run the same image, and one host has no certificates to give.
fairlead lab guest $run/bare/guest --set measurement="$measurement"
truncate -s 0 $run/bare/guest/{vcek.der,vcek_chain.pem}
identity router 10.77.0.2 fd77::2
router_config >$run/router.yaml
start router
within 10 test -S /run/fairlead/control.sock

gone() { ! state_is "$1" attested; }
page() { at router curl -sf http://127.0.0.1:9477/metrics; }
measured() { page | awk -v m="$1" 'index($0, m " ") == 1 { print $2; f = 1 } END { exit !f }'; }
exceeds() { (($(measured "$1") > $2)); }
kept() { fairlead -j collateral show --directory $store | jq -e --arg n "$1" 'any(.[]; .name == $n)'; }

# --- fetched

check "a backend without certificates attests: they are KDS's to give"	within 20 attested bare
check "so does one that lacks the revocation list alone"	within 20 attested genuine-1
check "each piece was asked for once"	[ "$(sort -u -k 2 $kds/log | wc -l)" = "$(wc -l <$kds/log)" ]
check "of VCEKs none but the one that was missing"	[ "$(asked blSPL)" = 1 ]
check "all of it is kept"	eval 'kept "$vcek" && kept amd/Milan/vcek-chain && kept amd/Milan/vcek-crl'
check "the page counts what was fetched"	\
	within 5 exceeds 'fairlead_collateral_fetches_total{source="kds",result="ok"}' 2
check "and tells how long the list holds"	\
	within 5 exceeds 'fairlead_collateral_expiry_seconds{kind="vcek-crl",subject="Milan"}' 86400
check "promtool finds nothing wrong with the page"	\
	eval '! command -v promtool || page | promtool check metrics'
check "the fetcher is nobody's, and confined"	\
	eval 'p=$(pgrep -x fairlead-fetch) && [[ $(stat -c %U /proc/$p) != root ]] &&
		grep -q "^Seccomp:.2" /proc/$p/status && grep -q "^CapEff:.0*$" /proc/$p/status'

# --- kept

vendor_stops
restart
check "with no vendor at all, what is kept is enough"	within 20 attested bare genuine-1
restart_damaged() {
	local f

	f=$(grep "^$vcek " $store/index | cut -d ' ' -f 2)
	printf x >>"$store/$f"
	restart
}
restart_damaged
check "a damaged file is dropped with a word"	within 10 logged router "$vcek: its file is missing or is not"
check "and nothing is believed for its name"	within 10 state_is bare probing
check "whose reason says what is missing"	\
	within 10 eval '[[ $(show backend .[0].reason bare) == unverifiable-no-leaf ]]'
check "the other backend is none the worse"	within 20 attested genuine-1

# --- imported

fairlead collateral export --directory $store $run/short.export >/dev/null
vendor
again
check "fetched anew"	within 20 attested bare genuine-1
check "exported to one file"	fairlead collateral export --directory $store $run/site.export
vendor_stops
asked_before=$(wc -l <$kds/log)
keys=('offline: true')
again
check "offline, nobody without certificates attests"	within 5 state_is bare probing
check "a damaged export is refused"	\
	eval 'head -c 3000 $run/site.export >$run/cut.export;
		! fairlead collateral import --directory $store $run/cut.export'
check "and changes nothing"	eval '! kept amd/Milan/vcek-crl'
check "an imported file is all that is needed"	\
	fairlead collateral import --directory $store $run/site.export
check "the daemon sees it by itself"	within 20 attested bare genuine-1
check "nothing was asked of anybody"	[ "$(wc -l <$kds/log)" = "$asked_before" ]
stop router
rm -rf $store
keys=('offline: false')
check "imported before the first start"	fairlead collateral import --directory $store $run/site.export
begin_anew
check "no vendor can be reached from the start: it is all that is needed"	\
	within 20 attested bare genuine-1

# --- unkind

vendor
crl=off
keys=('offline: false')
printf 'Retry-After: 3\r\n' >"$kds/$file.header"
how "$file" "429 1"
again
check "throttled, it is asked again"	within 30 attested bare
retried() {	# by no less than the vendor wanted
	awk '/blSPL/ { if (last && $1 - last < 3000) early = 1; last = $1; n++ } END { exit early || n < 2 }' \
		<(tail -n "+$((asked_before + 1))" $kds/log)
}
check "and not before the vendor said"	retried
check "which is counted"	within 5 exceeds 'fairlead_collateral_fetches_total{source="kds",result="throttled"}' 0
rm "$kds/$file.header"

for word in 404 500 silent slow huge truncated garbage; do
	how "$file" $word
	again
	check "$word: said"	within 20 logged router "collateral $vcek: "
	check "$word: no lease, and not for ever refused"	within 5 state_is bare probing
	check "$word: nobody else minds"	within 20 attested genuine-1
done
as_usual "$file"

cp $run/genuine-1/guest/vcek.der "$kds/$file"
again
check "another chip's certificate is not taken"	within 20 logged router 'wrong: the VCEK of another chip'
check "nor is the backend"	within 5 state_is bare probing
fairlead collateral show --directory $store >/dev/null
cp $kds/vcek_v1_Milan_crl "$kds/$file"
again
check "nor is a list in place of a certificate"	within 20 logged router "collateral $vcek: wrong"

# --- a lying vendor: signed by nobody we know

crl=required
fairlead lab root $run/other-root >/dev/null
cp $run/other-root/crl.der $kds/vcek_v1_Milan_crl
again
check "a list that another root signed is fetched"	within 20 kept amd/Milan/vcek-crl
check "and gives no lease"	\
	within 20 eval '[[ $(show backend .[0].reason genuine-1) == bad-crl ]]'

# --- the fetcher killed, and another configuration while running

cp $run/root/crl.der $kds/vcek_v1_Milan_crl
cp $run/bare/guest.vcek.der "$kds/$file"
again
check "the truth is taken where there was none"	within 20 attested genuine-1 bare
fetcher() { show status .children.fetcher; }
before=$(fetcher)
kill -9 "$before"
check "a killed fetcher comes back"	within 10 eval '(($(fetcher) > 0 && $(fetcher) != before))'
check "no lease is the worse for it"	attested genuine-1 bare
keys=('offline: true')
router_config >$run/router.yaml
fairlead reload config
check "offline by a reload: there is no fetcher"	within 5 eval '(($(fetcher) == 0))'
check "and all that was kept"	attested genuine-1 bare
sed -i "s,directory: $store,directory: /proc/none," $run/router.yaml
fairlead reload config
check "a directory that cannot be: the old one serves on"	\
	within 5 logged router 'collateral: the section in force stays the old one'
check "the page still has its pieces"	within 5 exceeds fairlead_collateral_pieces 1

# --- a mistake

check "a section with a mistake is refused"	eval '
	sed "s,kds: .*,kds: ftp://x," $run/router.yaml >$run/bad.yaml
	! fairleadd_check=$("$build/fairleadd" --check $run/bad.yaml 2>&1) &&
		grep -q "collateral.kds: want it to begin with" <<<"$fairleadd_check"'
done_testing
