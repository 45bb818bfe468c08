#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Backends of three makers behind one VIP: each is judged by its own platform's rules,
# nothing above the verifier knows which is which, and each goes and comes by itself.
#
#   client .1 ---+--- genuine-1 .11   SEV-SNP
#   router .2 ---+--- enclave-1 .12   Nitro Enclave
#                +--- td-1      .13   TDX
#                +--- enclave-2 .14   Nitro Enclave in debug mode
#                +--- td-2      .15   TDX, with the debug attribute
#                +--- altered   .16   SEV-SNP of another image
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

confidential_ms=12000 classified_ms=6000	# new evidence every 4.5 s
heartbeat_ms=2000	# who waits for a processor for some seconds is not down
all="enclave-1 genuine-1 td-1"
serving() { [[ $(ask -w 2000 ask $vip4 443 60 | sort -u | paste -sd' ') == "$1" ]]; }
is_of() { show backend ".[0].tee == \"$2\" and .[0].lab_root" "$1"; }
why_has() { show backend ".[0].why | contains(\"$2\")" "$1"; }
reason_is() { show backend ".[0].reason == \"$2\"" "$1"; }
short_leases() { (($(grep -cE 'admits us, ok, for [0-9] s$' $run/enclave-1.log) >= $1)); }
never_stale() { ! tail -n "+$1" $run/router.log | grep 'enclave-1: attested -> stale'; }	# FROM-LINE
# What its evidence says from now on.
set_of() {	# NODE VALUE: the one field that policy names
	case $1 in
	enclave*) fairlead lab enclave "$run/$1/guest" --set pcr0="$2" ;;
	td*)	fairlead lab td "$run/$1/guest" --set mrtd="$2" ;;
	*)	fairlead lab guest "$run/$1/guest" --set measurement="$2" ;;
	esac
}

# NODE KIND VALUE WORD: it becomes another image and is evicted, for what WORD says; the two
# others serve on; it is what it was, asks to come back, and is admitted.
goes_and_comes() {
	local others=${all//$1/}

	others=$(xargs <<<"$others")
	check "$2: becomes another image"	set_of "$1" "$altered_measurement"
	check "$2: is refused"	within 20 state_is "$1" refused
	check "$2: for that"	why_has "$1" "$4"
	check "$2: the other two serve"	within 10 serving "$others"
	check "$2: is what it was"	set_of "$1" "$3"
	check "$2: asked to come back"	fairlead backend admit "$1"
	check "$2: attests"	within 40 state_is "$1" attested
	check "$2: all three serve"	within 10 serving "$all"
}

raise genuine-1=genuine enclave-1=enclave td-1=td enclave-2=enclave-debug td-2=td-debug altered=altered
check "an SNP guest attests"	within 20 state_is genuine-1 attested
check "a Nitro enclave attests"	within 20 state_is enclave-1 attested
check "a TD attests"	within 20 state_is td-1 attested
check "an enclave in debug mode is refused"	within 20 state_is enclave-2 refused
check "and that is the reason"	reason_is enclave-2 bad-policy-debug
check "a TD under debug is refused"	within 20 state_is td-2 refused
check "for the same reason"	reason_is td-2 bad-policy-debug
check "an SNP guest of another image is refused"	within 20 state_is altered refused
check "the first is shown as SNP of a lab"	is_of genuine-1 snp
check "the second as Nitro of a lab"	is_of enclave-1 nitro
check "the third as TDX of a lab"	is_of td-1 tdx
check "these three serve, and nobody else"	within 10 serving "$all"

goes_and_comes genuine-1 SNP "$measurement" 'measurement'
goes_and_comes enclave-1 Nitro "$pcr0" 'PCR0'
goes_and_comes td-1 TDX "$mrtd" 'MRTD'

older_is_refused() {
	fairlead lab tdx-root $run/tdx --evaluation 16 >/dev/null
	! why=$(fairlead collateral import --directory $run/store $run/tdx/collateral 2>&1) &&
		[[ $why == *"of TCB evaluation 16, and one of 17 has been believed before"* ]]
}
check "an older TCB evaluation, signed today, is not taken back"	older_is_refused
check "the lab's Intel revokes the TD's platform"	\
	fairlead lab tdx-root $run/tdx --revoke $run/td-1/guest
check "the list is carried in"	fairlead collateral import --directory $run/store $run/tdx/collateral
check "the daemon sees it by itself"	within 20 state_is td-1 refused
check "and that is the reason"	reason_is td-1 bad-revoked
check "the other two serve"	within 10 serving "enclave-1 genuine-1"

confidential_ms=20000 classified_ms=20000	# half of it goes by before new evidence: a stall does not matter
router_config >$run/router.yaml
check "leases are longer now"	fairlead reload config
check "the enclave attests"	within 20 attested enclave-1
check "the enclave's leaves last nine seconds"	\
	fairlead lab enclave $run/enclave-1/guest --set leaf-seconds=9
check "a lease ends with its leaf"	within 30 short_leases 1
from=$(wc -l <$run/router.log)
check "new evidence has a new one"	within 30 short_leases 2
check "the lease was renewed in time each time"	never_stale "$from"
done_testing
