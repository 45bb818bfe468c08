#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `fairlead verify` over the vectors: exit status, reason and what JSON and text say: TAP.
# FAIRLEAD_VECTORS: where they are; BUILD=dir or FAIRLEAD=program.  Run from the repository's top.
set -u
# shellcheck source=tests/lab/tap.sh
. tests/lab/tap.sh
fairlead=${FAIRLEAD:-${BUILD:-build}/fairlead}
all=${FAIRLEAD_VECTORS:-../shared/vectors}
vectors=$all/snp
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT


[ -d "$vectors" ] || { echo "1..0 # SKIP no vectors in $vectors"; exit 0; }

# field FILE KEY: a text of meta.json; one key stands on one line.
field() { sed -n "s/^ *\"$2\": \"\(.*\)\",\{0,1\}\$/\1/p" "$1" | head -1; }
# also FILE: the list accept_also.
also() { sed -n '/"accept_also": \[/,/\]/s/^ *"\([a-z0-9-]*\)",\{0,1\}$/\1/p' "$1"; }

status_of() {
	case $1 in
	ok) echo 0 ;;
	unverifiable-* | bad-collateral-expired) echo 3 ;;
	*) echo 1 ;;
	esac
}

tee=snp
# verdict NAME "REASON..." OPTIONS...
verdict() {
	local name=$1 want=$2 out rc reason r good=1
	shift 2
	out=$("$fairlead" verify --tee "$tee" -j "$@" 2>&1)
	rc=$?
	reason=$(sed -n 's/^ *"reason": *"\([^"]*\)".*/\1/p' <<<"$out" | head -1)
	for r in $want; do
		# A CRL that has run out is no refusal, and has the same name as a wrong one.
		if [ "$r" = "$reason" ] && { [ "$rc" = "$(status_of "$r")" ] ||
			{ [ "$r" = bad-crl ] && [ "$rc" = 3 ]; }; }; then
			good=0
		fi
	done
	ok $good "$name" "want $want, got $rc $reason: $(head -20 <<<"$out")"
}

files() { # the options for the files of a vector
	local d=$1 f
	for f in report.bin msg_report_rsp.bin; do
		[ -e "$d/$f" ] && { options+=(--evidence "$d/$f"); break; }
	done
	for f in vcek.der vlek.der cert_chain.pem; do
		[ -e "$d/$f" ] && options+=(--certs "$d/$f")
	done
	[ -e "$d/crl.der" ] && options+=(--collateral "$d")
	return 0
}

for meta in "$vectors"/*/meta.json; do
	d=${meta%/meta.json} name=$(basename "${meta%/meta.json}")
	[ -e "$d/report.bin" ] || [ -e "$d/msg_report_rsp.bin" ] || continue
	options=()
	files "$d"
	data=$(field "$meta" expected_report_data)
	[ -z "$data" ] || options+=(--report-data "$data")
	at=$(field "$meta" verify_time)
	default=$(field "$meta" expect_default_policy)
	expect="${default:-$(field "$meta" expect)} $(also "$meta")"
	der=$(field "$meta" der_sha256) spki=$(field "$meta" spki_sha256)

	roots=()
	[ -z "$der" ] || roots=(--trust-root "sha256:$der" --trust-root "sha256:$spki")
	verdict "$name" "$expect" "${options[@]}" ${at:+--at "$at"} "${roots[@]}"
	amd=$(field "$meta" expect_with_real_amd_pins)
	[ -z "$amd" ] || verdict "$name, AMD's pins" "$amd" "${options[@]}" --at "$at"
	now=$(field "$meta" expect_at_present_time)
	[ -z "$now" ] || verdict "$name, now" "$now" "${options[@]}"
	if [ -n "$default" ]; then
		echo "snp: {debug: allow}" > "$dir/lenient.yaml"
		verdict "$name, debugging allowed" "$(field "$meta" expect)" "${options[@]}" \
			--at "$at" --policy "$dir/lenient.yaml"
	fi
	[ -e "$d/auxblob.bin" ] && verdict "$name, host's table" "$expect" \
		--evidence "$d/report.bin" --certs "$d/auxblob.bin" --at "$at"
done

# Host tables alone, with the report that they were made beside.
report=$vectors/veraison-genoa-tsm
for meta in "$vectors"/ct-*/meta.json; do
	d=${meta%/meta.json}
	expect=$(field "$meta" expect)
	[ "$expect" = ok-no-certs ] && expect=unverifiable-no-leaf
	verdict "$(basename "$d")" "$expect" --evidence "$report/report.bin" \
		--certs "$d/auxblob.bin" --at "$(field "$report/meta.json" verify_time)"
done

# TDX: meta.json speaks a language of its own there.
tdx_reasons() {
	case $1 in
	bad-format) echo bad-format bad-length bad-version bad-signature-algorithm ;;
	bad-signature) echo bad-report-signature bad-qe-signature ;;
	bad-root) echo bad-untrusted-root ;;
	bad-cert) echo bad-cert-chain bad-cert-leaf bad-cert-signature ;;
	bad-collateral) echo bad-collateral bad-crl ;;
	bad-collateral-expired) echo bad-collateral-expired bad-crl ;;
	bad-debug) echo bad-policy-debug ;;
	bad-policy) echo bad-service-td bad-policy-migration bad-policy-bits bad-xfam ;;
	*) echo "$1" ;;
	esac
}
tee=tdx
for meta in "$all"/tdx/*/meta.json; do
	[ -e "$meta" ] || break
	d=${meta%/meta.json} name=tdx/$(basename "${meta%/meta.json}")
	options=(--evidence "$d/quote.bin" --at "$(field "$meta" verify_at)")
	root=$(field "$meta" trusted_root_sha256)
	[ -z "$root" ] || options+=(--trust-root "sha256:$root")
	alt=$(field "$meta" expect_alt)
	expect="$(tdx_reasons "$(field "$meta" expect)") ${alt:+$(tdx_reasons "$alt")}"
	if [ ! -d "$d/collateral" ]; then
		verdict "$name" "$expect" "${options[@]}"
		continue
	fi
	verdict "$name" "$expect" "${options[@]}" --collateral "$d/collateral"
	[ "$(field "$meta" expect)" != ok ] || [ -n "$alt" ] ||
		verdict "$name, no collateral" unverifiable-no-collateral "${options[@]}"
done
# Nitro, too.
nitro_reasons() {
	case $1 in
	bad-format) echo bad-format bad-length bad-signature-algorithm ;;
	bad-signature) echo bad-report-signature ;;
	bad-root) echo bad-untrusted-root ;;
	bad-chain) echo bad-cert-chain bad-cert-leaf bad-cert-signature ;;
	bad-time) echo bad-cert-expired bad-cert-not-yet-valid bad-timestamp ;;
	bad-debug) echo bad-policy-debug ;;
	*) echo "$1" ;;
	esac
}
tee=nitro
for meta in "$all"/nitro/*/meta.json; do
	[ -e "$meta" ] || break
	d=${meta%/meta.json} root=$(field "$meta" trusted_root_sha256) alt=$(field "$meta" expect_alt)
	verdict "nitro/$(basename "$d")" \
		"$(nitro_reasons "$(field "$meta" expect)") ${alt:+$(nitro_reasons "$alt")}" \
		--evidence "$d/doc.cbor" --at "$(field "$meta" verify_at)" \
		${root:+--trust-root "sha256:$root"}
done
tee=snp

# What people see.
good=$vectors/oak-turin-oc
at=$(field "$good/meta.json" verify_time)
ask=(--tee snp --evidence "$good/report.bin" --certs "$good/vcek.der"
	--certs "$good/cert_chain.pem" --at "$at")
out=$("$fairlead" verify "${ask[@]}")
grep -q '^verdict *accepted$' <<<"$out" && grep -q '^trust root .*(AMD)$' <<<"$out"
ok $? "text says that AMD vouches" "$out"
lab=$vectors/syn-ok-milan-v2
out=$("$fairlead" verify --tee snp --evidence "$lab/report.bin" --certs "$lab/vcek.der" \
	--certs "$lab/cert_chain.pem" --at "$(field "$lab/meta.json" verify_time)" \
	--trust-root "sha256:$(field "$lab/meta.json" der_sha256)")
grep -q '^verdict *accepted (LAB ROOT' <<<"$out"
ok $? "text says that a lab does" "$out"

# usage NAME OPTIONS...: status 2 and a word on stderr, nothing on stdout.
usage() {
	local name=$1 out rc
	shift
	out=$("$fairlead" verify "$@" 2>"$dir/err")
	rc=$?
	[ $rc = 2 ] && [ -z "$out" ] && [ -s "$dir/err" ]
	ok $? "usage: $name" "$rc: $out $(cat "$dir/err")"
}
: > "$dir/empty"
mkdir "$dir/no-crl" "$dir/empty-crl"
: > "$dir/empty-crl/crl.der"
echo "snp: {colour: red}" > "$dir/bad.yaml"
usage "nothing"
usage "no evidence" --tee snp
usage "no tee" --evidence "$good/report.bin"
usage "no kind of evidence" --tee none --evidence "$good/report.bin"
usage "a kind that does not exist" --tee sgx --evidence "$good/report.bin"
usage "a file that is not there" --tee snp --evidence "$dir/none"
usage "certificates that are not there" "${ask[@]}" --certs "$dir/none"
usage "a directory that is not there" "${ask[@]}" --collateral "$dir/none"
usage "an empty CRL" "${ask[@]}" --collateral "$dir/empty-crl"
usage "short report data" "${ask[@]}" --report-data 00
usage "long report data" "${ask[@]}" --report-data "$(printf '0%.0s' $(seq 130))"
usage "no digits" "${ask[@]}" --report-data "$(printf 'g%.0s' $(seq 128))"
usage "a root without sha256:" "${ask[@]}" --trust-root "$(printf '0%.0s' $(seq 64))"
usage "a short root" "${ask[@]}" --trust-root sha256:00
usage "a policy with a mistake" "${ask[@]}" --policy "$dir/bad.yaml"
usage "an empty policy" "${ask[@]}" --policy "$dir/empty"
usage "an option that does not exist" "${ask[@]}" --colour red
usage "an argument" "${ask[@]}" more
for t in now 2026-06-01 2026-02-30T00:00:00Z 2026-06-01T00:00:00 2026-06-01T24:00:00Z \
	2026-06-01T00:00:00+1:00 2026-06-01T00:00:00Zz 2026-06-01T00:00:00.Z; do
	usage "time $t" --tee snp --evidence "$good/report.bin" --at "$t"
done
# The leaf runs out 2032-07-17T17:04:46Z: the last second, before and after, in three ways.
verdict "zone, before" ok "${ask[@]}" --at 2032-07-17T19:04:45.9+02:00
verdict "zone, after" bad-cert-expired "${ask[@]}" --at 2032-07-17T12:04:47-05:00
verdict "small letters" ok "${ask[@]}" --at 2032-07-17t17:04:45z
verdict "a directory without CRL" ok "${ask[@]}" --collateral "$dir/no-crl"
verdict "an empty certificate file" ok "${ask[@]}" --certs "$dir/empty"
echo "snp: {crl: required}" > "$dir/crl.yaml"
verdict "CRL wanted, none there" unverifiable-no-crl "${ask[@]}" --policy "$dir/crl.yaml"

echo "1..$n"
exit $failed
