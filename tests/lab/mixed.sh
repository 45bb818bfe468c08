#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Backends of different makers behind one VIP: each is judged by its own platform's rules,
# nothing above the verifier knows which is which, and each goes and comes by itself.
#
#   client .1 ---+--- genuine-1 .11   SEV-SNP
#   router .2 ---+--- enclave-1 .12   Nitro Enclave
#                +--- enclave-2 .13   Nitro Enclave in debug mode
#                +--- altered   .14   SEV-SNP of another image
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

confidential_ms=16000 classified_ms=8000	# new evidence every 6 s
serving() { [[ $(ask -w 1000 ask $vip4 443 60 | sort -u | paste -sd' ') == "$1" ]]; }
is_of() { show backend ".[0].tee == \"$2\" and .[0].lab_root" "$1"; }
why_has() { show backend ".[0].why | contains(\"$2\")" "$1"; }
reason_is() { show backend ".[0].reason == \"$2\"" "$1"; }
short_leases() { (($(grep -cE 'admits us, ok, for ([0-9]|10) s$' $run/enclave-1.log) >= $1)); }
never_stale() { ! logged router 'enclave-1: attested -> stale'; }
set_enclave() { fairlead lab enclave $run/enclave-1/guest --set "$1"; }
set_guest() { fairlead lab guest $run/genuine-1/guest --set "$1"; }

raise genuine-1=genuine enclave-1=enclave enclave-2=enclave-debug altered=altered
check "an SNP guest attests"	within 20 state_is genuine-1 attested
check "a Nitro enclave attests"	within 20 state_is enclave-1 attested
check "an enclave in debug mode is refused"	within 20 state_is enclave-2 refused
check "and that is the reason"	reason_is enclave-2 bad-policy-debug
check "an SNP guest of another image is refused"	within 20 state_is altered refused
check "the first is shown as SNP of a lab"	is_of genuine-1 snp
check "the second as Nitro of a lab"	is_of enclave-1 nitro
check "both serve, and nobody else"	within 10 serving "enclave-1 genuine-1"

image=$(pcr0_of enclave-1)
check "the enclave becomes another image"	set_enclave pcr0="$altered_measurement"
check "it is refused"	within 20 state_is enclave-1 refused
check "because of its PCR0"	why_has enclave-1 'PCR0'
check "the SNP guest serves alone"	within 10 serving "genuine-1"
check "the enclave is what it was"	set_enclave pcr0="$image"
check "asked to come back"	fairlead backend admit enclave-1
check "it attests"	within 40 state_is enclave-1 attested
check "both serve"	within 10 serving "enclave-1 genuine-1"

image=$measurement
check "the SNP guest becomes another image"	set_guest measurement="$altered_measurement"
check "it is refused"	within 20 state_is genuine-1 refused
check "the enclave serves alone"	within 10 serving "enclave-1"
check "the SNP guest is what it was"	set_guest measurement="$image"
check "asked to come back"	fairlead backend admit genuine-1
check "it attests"	within 40 state_is genuine-1 attested
check "both serve"	within 10 serving "enclave-1 genuine-1"

check "the enclave's leaves last ten seconds"	set_enclave leaf-seconds=10
check "a lease ends with its leaf"	within 20 short_leases 1
check "new evidence has a new one"	within 30 short_leases 3
check "the lease was renewed in time each time"	never_stale
check "both serve"	within 10 serving "enclave-1 genuine-1"
done_testing
