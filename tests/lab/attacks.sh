#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A network that lies, and a member that plays along: whoever answers at a backend's
# address has to be that backend, and nobody else is given its flows.
#
#   client .1 ---+--- genuine-1 .11   attested; its address and its key are stolen below
#   router .2 ---+--- genuine-2 .12   attested, reached over IPv6; serves on all the while
#                +--- insider   .13   attested as well, and evicted: what it gets, it stole
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

why_has() { show backend ".[0].why | contains(\"$2\")" "$1"; }
eligible() { [[ $(show service '[.[0].backends[] | select(.eligible)] | length' "$1") == "$2" ]]; }
answering() { ask -w 2000 ask $vip4 "$1" 60 | sort -u | paste -sd' '; }
served_by() { [[ $(answering 443) == "$1" ]]; }

# NODE: 10.77.0.11 and its IPv6 sister move there, and the segment hears of it.
address_moves_to() {
	local from=genuine-1

	[[ $1 != genuine-1 ]] || from=insider
	at "$from" ip addr del 10.77.0.11/24 dev eth0
	at "$1" ip addr add 10.77.0.11/24 dev eth0
	at router ip neigh flush to 10.77.0.11 dev eth0
}

# NODE DIRECTORY: its daemon again, with the identity in DIRECTORY
restart_as() {
	stop "$1"
	sed -E "s#(certificate|key|ca): $run/[^/]*/#\1: $2/#; s#^node: .*#node: ${3:-$1}#" \
		"$run/$1.yaml" >$run/as.yaml
	mv $run/as.yaml "$run/$1.yaml"
	: >"$run/$1.log"
	start "$1"
	within 10 is_ready "$1"
}

nothing_new_for_insider() {
	local before

	before=$(packets_to insider 443)
	within 5 served_by genuine-2 && (($(packets_to insider 443) == before))
}

raise genuine-1=genuine genuine-2=genuine insider=genuine
check "all three attest"	within 20 attested genuine-1 genuine-2 insider
check "the insider is evicted"	fairlead backend evict insider
check "two serve"	within 10 served_by "genuine-1 genuine-2"

check "genuine-1's address moves to the insider"	address_moves_to insider
check "who answers there is not believed to be genuine-1" \
	within 15 why_has genuine-1 'its certificate is for node \"insider\", want \"genuine-1\"'
check "it is not eligible any more"	within 15 eligible pay4 1
check "genuine-2 serves alone, and the insider gets nothing"	nothing_new_for_insider
check "the address moves back"	address_moves_to genuine-1
check "genuine-1 attests anew"	within 30 attested genuine-1
check "and serves"	within 15 served_by "genuine-1 genuine-2"

fairlead lab node $run/elsewhere --ca $run/ca --name genuine-1 --ip 10.77.0.99
check "genuine-1 comes back with a certificate for another address" \
	restart_as genuine-1 $run/elsewhere
check "that is not believed" \
	within 15 why_has genuine-1 'its certificate does not list the address 10.77.0.11'
check "genuine-2 serves alone"	within 15 served_by genuine-2

fairlead lab ca $run/other-ca
fairlead lab node $run/foreign --ca $run/other-ca --name genuine-1 --ip 10.77.0.11
# It trusts both authorities, or it would not even start: its own certificate has to stand up.
cat $run/ca/ca.crt $run/other-ca/ca.crt >$run/foreign/ca.crt
check "it comes back with a certificate of another CA"	restart_as genuine-1 $run/foreign
check "that is not believed"	within 15 why_has genuine-1 'its certificate: '
check "the other side says why, too"	within 15 logged genuine-1 'refused: TLS: '
check "genuine-2 serves alone"	within 5 served_by genuine-2

check "it comes back as itself"	restart_as genuine-1 $run/genuine-1
check "and is believed"	within 30 attested genuine-1
check "and serves"	within 15 served_by "genuine-1 genuine-2"

# The key itself is stolen, and the address too; the guest behind them is another image.
guest insider altered
check "the insider, altered, takes genuine-1's key"	restart_as insider $run/genuine-1 genuine-1
check "and its address"	address_moves_to insider
check "its evidence is refused for what it measures to"	within 30 why_has genuine-1 'not in policy'
check "genuine-2 serves alone, and the insider gets nothing"	nothing_new_for_insider
check "the address moves back"	address_moves_to genuine-1

check "genuine-2 was never in doubt"	within 5 attested genuine-2
done_testing
