#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What we and Google's Go libraries say of each vector both can read: TAP.  Debian 13 has them as
# golang-github-google-go-sev-guest-dev and golang-github-google-go-tdx-guest-dev, with golang-go.
# Where the two differ, it must be one of the differences that docs/verification.md explains.
# FAIRLEAD_VECTORS: where the vectors are; PEERS: a build of tests/peers/peers.go, else it is made.
set -u
fairlead=${FAIRLEAD:-${BUILD:-build}/fairlead}
vectors=${FAIRLEAD_VECTORS:-../shared/vectors}
known=tests/peers/differences
cache=$(realpath -m "${BUILD:-build}/go-cache")	# half a minute of building, once
gocode=/usr/share/gocode
google=src/github.com/google

skip() { echo "1..0 # SKIP $1"; exit 0; }
[ -d "$vectors/tdx" ] || skip "no vectors in $vectors"
if [ -z "${PEERS:-}" ]; then
	command -v go >/dev/null || skip "no Go"
	for lib in go-sev-guest go-tdx-guest; do
		[ -d $gocode/$google/$lib ] || skip "no Debian package golang-github-google-$lib-dev"
	done
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The packages lack the certificates that their sources embed: the vectors' own copies of AMD's and
# Intel's take that place, in a copy.
build() {
	local to=$dir/$google trust=$dir/$google/go-sev-guest/verify/trust p name

	mkdir -p "$to"
	cp -r $gocode/$google/go-sev-guest $gocode/$google/go-tdx-guest "$to" || return
	for p in milan genoa turin; do
		for name in "$p" "${p}_vcek"; do
			cp "$vectors/snp/trust/${p}_vcek_cert_chain.pem" "$trust/ask_ark_$name.pem"
		done
		cp "$vectors/snp/trust/${p}_vlek_cert_chain.pem" "$trust/ask_ark_${p}_vlek.pem"
	done
	cp "$vectors/roots/intel-sgx-root-ca.pem" "$to/go-tdx-guest/verify/trusted_root.pem"
	# It compares an FMSPC as text, and Intel writes it in capitals since 2025: so blind to case,
	# or nothing else would be compared.  docs/verification.md has that difference.
	sed -i '/pckCertExtensions.FMSPC != /s/if \(.*\) != \(.*\) {/if !bytes.EqualFold([]byte(\1), []byte(\2)) {/' \
		"$to/go-tdx-guest/verify/verify.go"
	GO111MODULE=off GOPATH=$dir:$gocode GOCACHE=$cache CGO_ENABLED=0 go build -o "$dir/peers" tests/peers/peers.go
}
peers=${PEERS:-$dir/peers}
[ -n "${PEERS:-}" ] || build >"$dir/log" 2>&1 || { cat "$dir/log"; skip "the libraries do not build"; }

field() { sed -n "s/^ *\"$2\": \"\(.*\)\",\{0,1\}\$/\1/p" "$1" | head -1; }
lenient=$dir/lenient.yaml	# theirs know no policy here: ours may not be what differs
cat >"$lenient" <<-END
	snp: {debug: allow, migration: allow}
	tdx: {debug: allow, migration: allow}
END

n=0 failed=0 both=0
compare() {	# KIND VECTOR TIME ROOT OPTIONS...
	local name ours theirs said reason line

	name=$1/$(basename "$2")
	n=$((n + 1))
	reason=$("$fairlead" verify --tee "$1" -j --at "$3" --policy "$lenient" \
		${4:+--trust-root "sha256:$4"} "${@:5}" 2>/dev/null |
		sed -n 's/^ *"reason": *"\([^"]*\)".*/\1/p' | head -1)
	said=$("$peers" "$1" "$2" "$3" "$4" 2>/dev/null | tail -n 1)	# it logs to stdout
	ours=refused theirs=refused
	[ "$reason" != ok ] || ours=ok
	[ "$said" != ok ] || theirs=ok
	line="$name: we $ours, they $theirs"
	if [ $ours = $theirs ]; then
		both=$((both + 1))
		echo "ok $n - $name: both $ours"
	elif grep -qxF "$line" $known; then
		echo "ok $n - $line, as explained"
	else
		failed=1
		echo "not ok $n - $line"
	fi
	[ $ours = $theirs ] || printf '# ours: %s\n# theirs: %.400s\n' "$reason" "$said"
}

for meta in "$vectors"/snp/*/meta.json; do
	d=${meta%/meta.json} options=()
	[ -e "$d/report.bin" ] || continue
	at=$(field "$meta" verify_time)
	[ -n "$at" ] || continue	# certificates of no known time
	for f in vcek.der vlek.der cert_chain.pem; do
		[ ! -e "$d/$f" ] || options+=(--certs "$d/$f")
	done
	[ ! -e "$d/crl.der" ] || options+=(--collateral "$d")
	compare snp "$d" "$at" "$(field "$meta" der_sha256)" --evidence "$d/report.bin" "${options[@]}"
done
for meta in "$vectors"/tdx/*/meta.json; do
	d=${meta%/meta.json} options=()
	# Theirs can only be asked for the time of both: nothing of TCBs without collateral.
	[ -d "$d/collateral" ] || continue
	compare tdx "$d" "$(field "$meta" verify_at)" "$(field "$meta" trusted_root_sha256)" \
		--evidence "$d/quote.bin" --collateral "$d/collateral"
done
echo "# $both of $n alike"
echo "1..$n"
exit $failed
