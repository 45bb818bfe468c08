#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Evidence from every source, through doubles of the devices, to the verdict: TAP.
# No source may turn a failure of its device into a report, and what a device gave must be
# accepted with the lab's root and refused without.  Run from the repository's top; BUILD=dir.
set -u
# shellcheck source=tests/lab/tap.sh
. tests/lab/tap.sh
B=$(realpath "${BUILD:-build}")
fairlead=$B/fairlead quote=$B/tests/tools/quote unotify=$B/tests/tools/unotify
unotify_nsm=$B/tests/tools/unotify_nsm unotify_tdx=$B/tests/tools/unotify_tdx
tsmfs=$B/tests/tools/tsmfs
dir=$(mktemp -d) mounted=

finish() {
	[ -z "$mounted" ] || { kill "$mounted"; wait "$mounted"; } 2>/dev/null
	mountpoint -q "$dir/mnt" && umount -l "$dir/mnt"
	rm -rf "$dir"
}
trap finish EXIT


# says NAME PATTERN COMMAND...: the last line that it prints matches.
says() {
	local name=$1 want=$2 out
	shift 2
	out=$("$@" 2>&1)
	tail -n 1 <<<"$out" | grep -qE "$want"
	ok $? "$name" "want $want, got: $out"
}

# verdict NAME STATUS REASON OPTIONS...: exit status and reason of `fairlead verify --tee $tee`.
tee=snp
verdict() {
	local name=$1 status=$2 reason=$3 out rc
	shift 3
	out=$("$fairlead" verify --tee $tee -j "$@" 2>&1)
	rc=$?
	[ $rc = "$status" ] && grep -qE "\"reason\": ?\"$reason\"" <<<"$out"
	ok $? "$name" "want $status $reason, got $rc: $out"
}

data() { printf "$1%.0s" $(seq 64); }
certs() { for c in "$1"/cert*; do [ -e "$c" ] && printf -- '--certs %s ' "$c"; done; }

for f in "$fairlead" "$quote" "$unotify" "$unotify_nsm" "$unotify_tdx"; do
	[ -x "$f" ] || { echo "Bail out! $f is not built"; exit 1; }
done

# One root of each product; RSA-4096 takes seconds, so they share keys.
declare -A pin
for p in Milan Genoa Turin; do
	mkdir -p "$dir/root-$p"
	[ $p = Milan ] || cp -p "$dir"/root-Milan/*.key "$dir/root-$p"
	pin[$p]=$("$fairlead" lab root "$dir/root-$p" --product $p) || pin[$p]=
	[[ ${pin[$p]} =~ ^sha256:[0-9a-f]{64}$ ]]
	ok $? "lab root of $p prints what a policy pins" "${pin[$p]}"
done

# soft: every product, layout and key, to the verdict.
soft() { # soft NAME PRODUCT OPTIONS...
	local name=$1 product=$2 g="$dir/soft-$n"
	shift 2
	"$fairlead" lab guest "$g" --root "$dir/root-$product" "$@" >/dev/null || return
	"$quote" --source soft --dir "$g" --data a5 --out "$g/out" >/dev/null 2>&1
	verdict "$name is accepted with the lab's root" 0 ok --evidence "$g/out/report.bin" \
		$(certs "$g/out") --report-data "$(data a5)" --trust-root "${pin[$product]}"
	verdict "$name is refused without" 1 bad-untrusted-root --evidence "$g/out/report.bin" \
		$(certs "$g/out") --report-data "$(data a5)"
	last=$g
}
for p in Milan Genoa Turin; do
	for v in 3 5; do
		soft "$p version $v" $p --version $v
		soft "$p version $v VLEK" $p --version $v --vlek
	done
done
soft "Milan version 2" Milan --version 2

says "soft: through the daemon's process, in its sandbox" '"ok":true,"certs":2' \
	"$quote" --source soft --dir "$last" --process 1 --times 2

# What a guest says reaches the verdict.
refused() { # refused NAME REASON OPTIONS-OF-GUEST...
	local name=$1 reason=$2 g="$dir/bad-$n"
	shift 2
	"$fairlead" lab guest "$g" --root "$dir/root-Milan" "$@" >/dev/null
	"$quote" --source soft --dir "$g" --data a5 --out "$g/out" >/dev/null 2>&1
	verdict "$name" 1 "$reason" --evidence "$g/out/report.bin" $(certs "$g/out") \
		--report-data "$(data a5)" --trust-root "${pin[Milan]}"
}
refused "a debug guest is refused" bad-policy-debug --debug
refused "expired leaves are refused" bad-cert-expired --expired
refused "a report asked for by the host is refused" bad-vmpl --vmpl 4294967295
g=$dir/moved
"$fairlead" lab guest "$g" --root "$dir/root-Milan" >/dev/null
sed -i 's/^reported-tcb: .*/reported-tcb: bootloader=4 tee=0 snp=24 microcode=218/' "$g/guest.yaml"
"$quote" --source soft --dir "$g" --data a5 --out "$g/out" >/dev/null 2>&1
verdict "a VCEK of another TCB is refused" 1 bad-tcb-mismatch --evidence "$g/out/report.bin" \
	$(certs "$g/out") --report-data "$(data a5)" --trust-root "${pin[Milan]}"
"$fairlead" lab guest "$g" --root "$dir/root-Milan" >/dev/null
"$quote" --source soft --dir "$g" --data a5 --out "$g/out" >/dev/null 2>&1
verdict "… and accepted when the leaf is issued for it" 0 ok --evidence "$g/out/report.bin" \
	$(certs "$g/out") --report-data "$(data a5)" --trust-root "${pin[Milan]}"
verdict "evidence over other data is refused" 1 bad-report-data --evidence "$g/out/report.bin" \
	$(certs "$g/out") --report-data "$(data a6)" --trust-root "${pin[Milan]}"

before=$(sha256sum <"$g/guest.yaml")
"$fairlead" lab guest "$g" --set measurement=12 2>/dev/null
[ $? = 2 ] && [ "$before" = "$(sha256sum <"$g/guest.yaml")" ]
ok $? "a wrong field is an error and changes nothing"
new=$(printf 'cd%.0s' $(seq 48))
"$fairlead" lab guest "$g" --set measurement=$new
"$fairlead" lab report "$g" --report-data "$(data a5)" 2>/dev/null | xxd -p -s 0x90 -l 48 -c 48 |
	grep -q "^$new$"
ok $? "lab guest --set changes what the next report says"

"$fairlead" lab root "$dir/root-Milan" --revoke-ask >/dev/null
verdict "a revoked ASK is refused" 1 bad-revoked --evidence "$g/out/report.bin" \
	$(certs "$g/out") --report-data "$(data a5)" --trust-root "${pin[Milan]}" \
	--collateral "$dir/root-Milan"
"$fairlead" lab root "$dir/root-Milan" >/dev/null
verdict "an empty CRL lets it pass" 0 ok --evidence "$g/out/report.bin" \
	$(certs "$g/out") --report-data "$(data a5)" --trust-root "${pin[Milan]}" \
	--collateral "$dir/root-Milan"

# /dev/sev-guest, through seccomp user notification.
"$unotify" --guest "$g" -- true
if [ $? = 77 ]; then
	skip "/dev/sev-guest" "seccomp user notification is not permitted"
else
	dev() { # dev NAME FAILURE PATTERN [OPTIONS-OF-QUOTE...]
		local name=$1 how=$2 want=$3
		shift 3
		says "sev-guest: $name" "$want" "$unotify" --guest "$g" --fail "$how" -- \
			"$quote" --source sev-guest --data a5 --out "$dir/dev" "$@"
	}
	dev "report and certificates" none '"ok":true,.*"certs":1'
	verdict "sev-guest: accepted with the lab's root, by the host's table" 0 ok \
		--evidence "$dir/dev/report.bin" --certs "$dir/dev/cert0" \
		--report-data "$(data a5)" --trust-root "${pin[Milan]}"
	dev "the level that was asked for" none '"ok":true,.*"vmpl":2' --vmpl 2
	dev "a host without certificates" no-certs '"ok":true,.*"certs":0'
	dev "a larger table makes the buffer grow" grow '"ok":true,.*"certs_bytes":12288'
	dev "a host that always wants more gets no certificates" greedy '"ok":true,.*"certs":0'
	dev "throttled: to be tried again" busy '"error":"EBUSY"'
	dev "throttled once: the second try succeeds" busy-once '"ok":true' --times 2
	dev "given up by the driver: dead afterwards" throttled '"error":"ENOTTY"' --times 2
	dev "VMPCK disabled" enotty '"error":"ENOTTY".*VMPCK is disabled'
	dev "a firmware error kills the device" eio '"error":"ENOTTY"' --times 2
	dev "success with status 0x16 is a failure" status-16 '"error":"EINVAL".*VMPL'
	dev "success with status 0x27 is a failure" status-27 '"error":"ENOKEY"'
	dev "a report of another size is none" short '"error":"EPROTO"'
	dev "an all-zero report is none" zero '"error":"EPROTO"'
	dev "a report over other data is none" other-data '"error":"EPROTO"'
	"$fairlead" lab guest "$dir/vmpl1" --root "$dir/root-Milan" --vmpl 1 >/dev/null
	says "sev-guest: a level above the guest's own" '"error":"EINVAL".*VMPL' "$unotify" \
		--guest "$dir/vmpl1" -- "$quote" --source sev-guest
	dev "through the daemon's process, in its sandbox" grow '"ok":true,"certs":1' \
		--process 1 --times 2
	dev "… which outlives failures" enotty '"error":"ENOTTY"' --process 1 --times 2
	dev "… and tries a throttling host again" busy-once '"ok":true' --process 1
	says "sev-guest: found by itself where there is no configfs-tsm" '"ok":true' "$unotify" \
		--guest "$g" -- "$quote" --source auto --tsm "$dir/none"
fi
says "without a device there is no evidence" '"error":"ENOENT".*no evidence here' \
	"$quote" --source auto --dev "$dir/none" --tsm "$dir/none" --dir "$g"

# Nitro: a lab's enclave, by software and through /dev/nsm.
tee=nitro
pin_nitro=$("$fairlead" lab nitro-root "$dir/nitro") && [[ $pin_nitro =~ ^sha256:[0-9a-f]{64}$ ]]
ok $? "lab nitro-root prints what a policy pins" "$pin_nitro"
e=$dir/enclave
"$fairlead" lab enclave "$e" --root "$dir/nitro"
document() { # document OPTIONS-OF-ENCLAVE...: what the enclave says then, in $dir/document
	"$fairlead" lab enclave "$e" "$@"
	"$fairlead" lab report "$e" --report-data "$(data a5)" >"$dir/document" 2>/dev/null
}
document
ask=(--evidence "$dir/document" --report-data "$(data a5)")
verdict "nitro: accepted with the lab's root" 0 ok "${ask[@]}" --trust-root "$pin_nitro"
verdict "nitro: refused without" 1 bad-untrusted-root "${ask[@]}"
verdict "nitro: refused over other data" 1 bad-report-data --evidence "$dir/document" \
	--report-data "$(data a6)" --trust-root "$pin_nitro"
verdict "nitro: refused when its leaf has run out" 1 bad-cert-expired "${ask[@]}" \
	--trust-root "$pin_nitro" --at "$(date -u -d '+4 hours' +%Y-%m-%dT%H:%M:%SZ)"
verdict "nitro: refused before its leaf was made" 1 bad-cert-not-yet-valid "${ask[@]}" \
	--trust-root "$pin_nitro" --at "$(date -u -d '-1 hour' +%Y-%m-%dT%H:%M:%SZ)"
pcr8=$(printf '88%.0s' $(seq 48))
document --set pcr8="$pcr8"
echo "nitro: {roots: [\"$pin_nitro\"], pcrs: {8: [$pcr8]}}" >"$dir/pcr8.yaml"
verdict "nitro: a PCR that policy pins" 0 ok "${ask[@]}" --policy "$dir/pcr8.yaml"
document --set pcr8="${pcr8/8/9}"
verdict "nitro: another value of it" 1 bad-measurement "${ask[@]}" --policy "$dir/pcr8.yaml"
document --debug
verdict "nitro: debug mode is refused" 1 bad-policy-debug "${ask[@]}" --trust-root "$pin_nitro"
verdict "nitro: an SNP report is no document" 1 bad-format --evidence "$g/out/report.bin"
says "soft enclave: through the daemon's process, in its sandbox" '"ok":true,"certs":0' \
	"$quote" --tee nitro --source soft --dir "$e" --process 1 --times 2
says "nitro: without a device there is no evidence" '"error":"ENOENT".*no evidence here' \
	"$quote" --tee nitro --source auto --dev "$dir/none" --dir "$e"
rm -r "$e"
"$fairlead" lab enclave "$e" --root "$dir/nitro"
"$unotify_nsm" --enclave "$e" -- true
if [ $? = 77 ]; then
	skip "/dev/nsm" "seccomp user notification is not permitted"
else
	nsm() { # nsm NAME FAILURE PATTERN [OPTIONS-OF-QUOTE...]
		local name=$1 how=$2 want=$3
		shift 3
		says "nsm: $name" "$want" "$unotify_nsm" --enclave "$e" --fail "$how" -- \
			"$quote" --tee nitro --source nsm --data a5 --out "$dir/nsm" "$@"
	}
	nsm "a document" none '"ok":true,"tee":"nitro"'
	verdict "nsm: accepted with the lab's root" 0 ok --evidence "$dir/nsm/report.bin" \
		--report-data "$(data a5)" --trust-root "$pin_nitro"
	nsm "found by itself" none '"ok":true,"tee":"nitro"' --source auto
	nsm "busy: to be tried again" busy '"error":"EBUSY".*again later'
	nsm "busy once: the second try succeeds" busy-once '"ok":true'
	nsm "a silent module" timeout '"error":"ETIMEDOUT".*has not answered'
	nsm "a failing one" eio '"error":"EIO"'
	nsm "for the powerful alone" eacces '"error":"EACCES".*does not let'
	nsm "the module's own error" error '"error":"EIO".*InternalError'
	nsm "an answer cut off" short '"error":"EPROTO"'
	nsm "more than fits" huge '"error":"EPROTO".*12289'
	nsm "no CBOR" garbage '"error":"EPROTO"'
	nsm "no answer" empty '"error":"EPROTO"'
	nsm "a document over other data" other-data '"error":"EPROTO".*other REPORT_DATA'
	nsm "through the daemon's process, in its sandbox" none '"ok":true,"certs":0' \
		--process 1 --times 2
	nsm "… which outlives failures" error '"error":"EIO"' --process 1 --times 2
fi

# /dev/tdx_guest, with a quote generation service behind the host's vsock.
tee=tdx t=$dir/td
pin_tdx=$("$fairlead" lab tdx-root "$dir/tdx") && "$fairlead" lab td "$t" --root "$dir/tdx"
ok $? "lab tdx-root and lab td"
"$unotify_tdx" --td "$t" -- true
if [ $? = 77 ]; then
	skip "/dev/tdx_guest" "seccomp user notification is not permitted"
else
	td() { # td NAME FAILURE PATTERN [OPTIONS-OF-QUOTE...]
		local name=$1 how=$2 want=$3
		shift 3
		says "tdx-guest: $name" "$want" "$unotify_tdx" --td "$t" --fail "$how" -- \
			"$quote" --tee tdx --source tdx-guest --data a5 --out "$dir/tdx-guest" "$@"
	}
	td "a quote" none '"ok":true,"tee":"tdx"'
	verdict "tdx-guest: accepted with the lab's root and collateral" 0 ok \
		--evidence "$dir/tdx-guest/report.bin" --report-data "$(data a5)" \
		--trust-root "$pin_tdx" --collateral "$dir/tdx/collateral"
	verdict "tdx-guest: refused over other data" 1 bad-report-data \
		--evidence "$dir/tdx-guest/report.bin" --report-data "$(data a6)" \
		--trust-root "$pin_tdx" --collateral "$dir/tdx/collateral"
	td "found by itself where there is no configfs-tsm" none '"ok":true,"tee":"tdx"' \
		--source auto --tsm "$dir/none"
	td "busy: to be tried again" busy '"error":"EBUSY".*again later'
	td "interrupted once: the second try succeeds" busy-once '"ok":true'
	td "a TDX module that refuses" eio '"error":"EIO".*TDX module'
	td "a driver without the call" enotty '"error":"ENOTTY".*Linux 6.2'
	td "a TDREPORT over other data" other-data '"error":"EPROTO".*other REPORTDATA'
	td "no service" no-service '"error":"ECONNRESET".*port 4050.*quote generation service'
	td "no vsock" no-vsock '"error":"ENODEV".*quote generation service'
	td "the service's own error" error '"error":"EIO".*0x12001'
	td "a service without memory, to be tried again" memory '"error":"EBUSY".*0x12002'
	td "an answer cut off" short '"error":"ENODATA".*closed before'
	td "no answer" mute '"error":"ENODATA".*closed before'
	td "an answer longer than anybody takes" huge '"error":"EPROTO".*2147483647'
	td "a quote longer than its message" sizes '"error":"EPROTO".*do not hold'
	td "no message at all" garbage '"error":"EPROTO".*version 65535'
	td "a quote over other data" other-quote '"error":"EPROTO".*other REPORT_DATA'
	td "through the daemon's process, in its sandbox" none '"ok":true,"certs":0' \
		--process 1 --times 2
	td "… which outlives failures" no-service '"error":"ECONNRESET"' --process 1 --times 2
fi
says "tdx-guest: without a device there is no evidence" '"error":"ENOENT".*no evidence here' \
	"$quote" --tee tdx --source auto --dev "$dir/none" --tsm "$dir/none" --dir "$t"
tee=snp

# configfs-tsm, as a FUSE file system.
mount_tsm() { # mount_tsm OPTIONS...
	mkdir -p "$dir/mnt"
	"$tsmfs" "$dir/mnt" --guest "$g" "$@" >"$dir/tsmfs.log" 2>&1 &
	mounted=$!
	for _ in $(seq 600); do
		[ -d "$dir/mnt/report" ] && return 0
		kill -0 $mounted 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}
unmount_tsm() {
	kill $mounted && wait $mounted
	mounted=
}
tsm() { # tsm NAME FAILURE PATTERN [OPTIONS-OF-QUOTE...]
	local name=$1 how=$2 want=$3
	shift 3
	mount_tsm --fail "$how"
	says "configfs-tsm: $name" "$want" "$quote" --source tsm --tsm "$dir/mnt/report" \
		--data a5 --out "$dir/tsm" "$@"
	[ -z "$(ls "$dir/mnt/report")" ]
	ok $? "configfs-tsm: nothing is left behind ($how)"
	unmount_tsm
}
if [ ! -x "$tsmfs" ]; then
	skip "configfs-tsm" "tsmfs is not built: no libfuse3"
elif ! mount_tsm; then
	mounted=
	skip "configfs-tsm" "FUSE is not permitted: $(head -n 1 "$dir/tsmfs.log")"
else
	unmount_tsm
	tsm "report and certificates" none '"ok":true,.*"certs":1'
	verdict "configfs-tsm: accepted with the lab's root, by the host's table" 0 ok \
		--evidence "$dir/tsm/report.bin" --certs "$dir/tsm/cert0" \
		--report-data "$(data a5)" --trust-root "${pin[Milan]}"
	tsm "the level that was asked for" none '"ok":true,.*"vmpl":1' --vmpl 1
	tsm "through the daemon's process, in its sandbox" none '"ok":true,"certs":1' \
		--process 1 --times 2
	tsm "padding is cut off" pad '"ok":true'
	tsm "a host without certificates" no-certs '"ok":true,.*"certs":0'
	tsm "somebody else's write is noticed before" race '"error":"EBUSY".*another process'
	tsm "somebody else's write is noticed after" late-race '"error":"EBUSY".*another process'
	tsm "an empty outblob is no report" empty '"error":"EPROTO"'
	tsm "an all-zero outblob is no report" zero '"error":"EPROTO"'
	tsm "EFBIG" efbig '"error":"EFBIG"'
	tsm "a value refused at close is noticed" drop '"error":"EINVAL".*did not take'
	tsm "EIO" eio '"error":"EIO"'
	tsm "ENOTTY" enotty '"error":"ENOTTY".*VMPCK'
	tsm "no provider" enxio '"error":"ENXIO".*provider'
	tsm_td() { # as tsm, of the lab TD
		local name=$1 how=$2 want=$3
		shift 3
		mount_tsm --td "$t" --fail "$how"
		says "configfs-tsm, tdx_guest: $name" "$want" "$quote" --tee tdx --source tsm \
			--tsm "$dir/mnt/report" --data a5 --out "$dir/tsm-td" "$@"
		[ -z "$(ls "$dir/mnt/report")" ]
		ok $? "configfs-tsm, tdx_guest: nothing is left behind ($how)"
		unmount_tsm
	}
	tsm_td "a quote, padded by its host" pad '"ok":true,"tee":"tdx","bytes":8000,"certs":0'
	tee=tdx
	verdict "configfs-tsm, tdx_guest: accepted with the lab's root and collateral" 0 ok \
		--evidence "$dir/tsm-td/report.bin" --report-data "$(data a5)" \
		--trust-root "$pin_tdx" --collateral "$dir/tdx/collateral"
	tee=snp
	tsm_td "somebody else's write is noticed before" race '"error":"EBUSY".*another process'
	tsm_td "somebody else's write is noticed after" late-race '"error":"EBUSY".*another process'
	tsm_td "an empty outblob is no quote" empty '"error":"EPROTO"'
	tsm_td "an all-zero outblob is no quote" zero '"error":"EPROTO"'
	tsm_td "a value refused at close is noticed" drop '"error":"EINVAL".*did not take'
	tsm_td "EIO" eio '"error":"EIO"'
	tsm_td "through the daemon's process, in its sandbox" none '"ok":true,"certs":0' \
		--process 1
	mount_tsm --td "$t"
	says "configfs-tsm, tdx_guest: found first" '"ok":true,"tee":"tdx"' "$quote" --tee tdx \
		--source auto --dev "$dir/none" --tsm "$dir/mnt/report"
	unmount_tsm
	mount_tsm --provider tdx_guest
	says "configfs-tsm: another provider" '"error":"EPROTONOSUPPORT".*tdx_guest' \
		"$quote" --source tsm --tsm "$dir/mnt/report"
	unmount_tsm
	mount_tsm
	says "configfs-tsm: found first" '"ok":true' "$quote" --source auto --dev "$dir/none" \
		--tsm "$dir/mnt/report"
	unmount_tsm
fi

# The operator's CA and its nodes.
"$fairlead" lab ca "$dir/ca" && "$fairlead" lab node "$dir/b1" --ca "$dir/ca" --name b1 \
	--ip 10.0.0.3 --ip fd00::3
for purpose in sslclient sslserver; do
	openssl verify -x509_strict -purpose $purpose -CAfile "$dir/b1/ca.crt" \
		-verify_ip 10.0.0.3 "$dir/b1/node.crt" >/dev/null 2>&1
	ok $? "a node's certificate is good for $purpose"
done
openssl x509 -in "$dir/b1/node.crt" -noout -ext subjectAltName |
	grep -q 'URI:fairlead://node/b1, IP Address:10.0.0.3, IP Address:FD00:0:0:0:0:0:0:3'
ok $? "a node's certificate names it and its addresses"
[ "$(stat -c %a "$dir/b1/node.key" "$dir/ca/ca.key" "$g/vcek.key" | sort -u)" = 600 ]
ok $? "keys are for their owner only"
"$fairlead" lab node "$dir/b2" --ca "$dir/ca" --name b2 --expired
! openssl verify -CAfile "$dir/ca/ca.crt" "$dir/b2/node.crt" >/dev/null 2>&1
ok $? "an expired node is expired"
"$fairlead" lab node "$dir/b2" --ca "$dir/ca" --name b2 --eku client --key ed25519
! openssl verify -purpose sslserver -CAfile "$dir/ca/ca.crt" "$dir/b2/node.crt" >/dev/null 2>&1
ok $? "a node for clients only is no server"
! "$fairlead" lab node "$dir/b3" --ca "$dir/ca" --name 'b3,IP:10.0.0.9' 2>/dev/null
ok $? "a name cannot smuggle in another"

echo "1..$n"
exit $failed
