#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fairlead collateral by hand, without a daemon: fetched from a double of the vendors for
# a report at hand, exported, carried, imported, and enough for fairlead verify there.
# TAP; needs no root.  Run from the repository's top; BUILD=dir.
set -u
# shellcheck source=tests/lab/tap.sh
. tests/lab/tap.sh
B=$(realpath "${BUILD:-build}")
vectors=$(realpath "${FAIRLEAD_VECTORS:-/nonexistent}" 2>/dev/null)
dir=$(mktemp -d) pid=

finish() {
	[ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT

# says NAME STATUS PATTERN COMMAND...: its exit status, and a line among what it prints.
says() {
	local name=$1 status=$2 want=$3 out rc
	shift 3
	out=$("$@" 2>&1)
	rc=$?
	[ $rc = "$status" ] && grep -qE -- "$want" <<<"$out"
	ok $? "$name" "want $status and $want, got $rc: $out"
}
collateral() { "$B/fairlead" collateral "$@" --directory "$dir/store" --kds "$url" --pcs "$url" --wait "${patience:-20}"; }
there() { "$B/fairlead" collateral "$@" --directory "$dir/there"; }

port=$((20000 + $$ % 20000)) url=
mkdir -p "$dir/vendor"
listens() {	# the vendor's double, or false once it has ended; 10 s may go by
	local inode

	for _ in {1..200}; do
		kill -0 "$pid" 2>/dev/null || return
		inode=$(awk -v p="$(printf ':%04X$' $port)" '$2 ~ p && $4 == "0A" { print $10 }' /proc/net/tcp)
		[ -n "$inode" ] && [ -n "$(find "/proc/$pid/fd" -lname "socket:\[$inode\]" 2>/dev/null)" ] && return
		sleep 0.05
	done
	return 1
}
for _ in 1 2 3 4 5 6 7 8; do	# a port that is free
	"$B/tests/tools/vendor" "$dir/vendor" $port 2>/dev/null &
	pid=$!
	listens && break
	port=$((port + 1))
done
url=http://127.0.0.1:$port
serve() { cp "$1" "$dir/vendor/$2"; }

# --- SNP: a report whose host gave no certificates

root=$dir/root
pin=$("$B/fairlead" lab root "$root")
"$B/fairlead" lab guest "$dir/guest" --root "$root" >/dev/null
data=$(printf 'a5%.0s' {1..64})
"$B/fairlead" lab report "$dir/guest" --report-data "$data" >"$dir/report.bin"
chip=$(sed -n 's/^chip-id: *"\(.*\)"/\1/p' "$dir/guest/guest.yaml")
vcek=amd/Milan/vcek/$chip/4-0-24-219
serve "$dir/guest/vcek.der" "vcek_v1_Milan_${chip}_blSPL_4_teeSPL_0_snpSPL_24_ucodeSPL_219"
serve "$root/vcek_chain.pem" vcek_v1_Milan_cert_chain

says "something that the vendor does not have is exit status 3" 3 'vcek-crl: missing: answered 404' \
	collateral fetch --tee snp --evidence "$dir/report.bin"
says "… and the rest is kept" 0 "good +.*$vcek" collateral show
serve "$root/crl.der" vcek_v1_Milan_crl
says "by name" 0 'vcek-crl: good until' collateral fetch amd/Milan/vcek-crl
says "again: as before" 0 'vcek-crl: good until .*, as before' collateral fetch
says "JSON has the kinds and what is left" 0 '"seconds_left": ?[0-9]+' \
	"$B/fairlead" -j collateral show --directory "$dir/store"
says "export to a file" 0 '3 pieces' collateral export "$dir/site.export"
says "import elsewhere" 0 '3 pieces taken, 0 were there' there import "$dir/site.export"
says "twice changes nothing" 0 '0 pieces taken, 3 were there' there import "$dir/site.export"
says "export to a directory" 0 '3 pieces' there export "$dir/out/"
certs=(--certs "$dir/out/${chip:0:16}-vcek.der" --certs "$dir/out/Milan-vcek-chain.pem")
verify() {
	"$B/fairlead" verify --tee snp --evidence "$dir/report.bin" --report-data "$data" \
		--trust-root "$pin" "$@"
}
says "which is all that verify needs" 0 '^reason +ok' verify "${certs[@]}" --collateral "$dir/out"
says "without it it cannot tell" 3 unverifiable-no-leaf verify --collateral "$dir/out"
later=$(date -u -d '+9 years' +%FT%TZ) earlier=$(date -u -d '-1 year' +%FT%TZ)
says "nine years ahead the clock is suspect" 1 'clock is suspect' \
	verify "${certs[@]}" --collateral "$dir/out" --at "$later"
says "a year behind it is, too" 1 'clock is suspect' \
	verify "${certs[@]}" --collateral "$dir/out" --at "$earlier"
says "drop" 0 '' there drop "$vcek"
says "is seen" 1 'not kept' there show "$vcek"
says "the directory goes back in" 0 'pieces taken|were there' there import "$dir/out"

# --- TDX, with a genuine quote and what was published for it

quote=$vectors/tdx/phala-v4-2025
if [ -e "$quote/quote.bin" ]; then
	c=$quote/collateral
	header() { printf '%s: %s\r\n' "$1" "$("$B/tests/tools/vendor" --escape "$c/$2")" >"$dir/vendor/$3.header"; }
	tcb=tdx_certification_v4_tcb_fmspc_B0C06F000000 qe=tdx_certification_v4_qe_identity
	pck=sgx_certification_v4_pckcrl_ca_platform_encoding_der
	serve "$c/tcb_info.json" $tcb
	header TCB-Info-Issuer-Chain tcb_info_issuer_chain.pem $tcb
	serve "$c/qe_identity.json" $qe
	header sgx-enclave-identity-issuer-chain qe_identity_issuer_chain.pem $qe
	serve "$c/pck_crl.der" $pck
	header SGX-PCK-CRL-Issuer-Chain pck_crl_issuer_chain.pem $pck
	xxd -p "$c/root_ca_crl.der" | tr -d '\n' >"$dir/vendor/sgx_certification_v4_rootcacrl"
	rm -rf "$dir/store"
	says "a quote says what it will be judged by" 0 'pck-crl/platform: good until' \
		collateral fetch --tee tdx --evidence "$quote/quote.bin"
	says "… which has run out by now" 0 'expired.*intel/tcb-info/b0c06f000000' collateral show
	collateral export "$dir/tdx/" >/dev/null
	says "and is all that verify needs, in its time" 0 '^reason +ok' "$B/fairlead" verify --tee tdx \
		--evidence "$quote/quote.bin" --collateral "$dir/tdx" --at 2025-06-20T00:00:00Z
	says "a year ahead, nothing is wrong but the clock" 3 'clock is suspect' "$B/fairlead" verify \
		--tee tdx --evidence "$quote/quote.bin" --collateral "$dir/tdx" --at 2026-06-20T00:00:00Z
else
	skip "a genuine quote" "FAIRLEAD_VECTORS names no directory with tdx/phala-v4-2025"
fi

# --- mistakes

says "no such name" 2 'is no name' collateral show amd/Milan
says "no such command" 2 'unknown command' collateral shew
says "a URL that is none" 2 'want it to begin with' "$B/fairlead" collateral fetch --kds kds.example
says "evidence without its kind" 2 'go together' collateral fetch --evidence "$dir/report.bin"
says "nowhere to export to" 2 'want a file' collateral export
says "no directory" 2 'No such file' "$B/fairlead" collateral show --directory "$dir/none"
says "nothing to drop" 2 'want names' collateral drop
says "an import that is none" 2 'does not begin as an export' there import "$dir/report.bin"
head -c -1 "$dir/site.export" >"$dir/cut.export"
says "a cut one" 2 'cut off' there import "$dir/cut.export"
sed 's/4-0-24-219/4-0-24-218/' "$dir/site.export" >"$dir/other.export"
says "a changed one" 2 'damaged' there import "$dir/other.export"
{ grep -av '^end ' "$dir/other.export"; } >"$dir/signed.export"
printf 'end %s\n' "$(sha256sum <"$dir/signed.export" | cut -d ' ' -f 1)" >>"$dir/signed.export"
says "one that lies with a digest of its own" 2 'another TCB: microcode 219, want 218' \
	there import "$dir/signed.export"
says "the vendor gone" 3 'unreachable.*asked again' eval "kill $pid; patience=5 collateral fetch amd/Genoa/vcek-crl"
pid=
echo "1..$n"
exit $failed
