// SPDX-License-Identifier: BSD-2-Clause
/*
 * A vendor's answer: the first byte picks what was asked for, the second how much of the rest is
 * the issuer chain.  What is taken says from when until when it holds.
 */
#include <assert.h>

#include "collateral/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"amd/Turin/vcek/0123456789abcdef/1-1-1-4-81",
	"amd/Milan/vcek-chain",
	"amd/Milan/vlek-chain",
	"amd/Milan/vcek-crl",
	"intel/tcb-info/00806f050000",
	"intel/qe-identity",
	"intel/pck-crl/platform",
	"intel/root-crl",
};

static uint8_t buf[COLLATERAL_BODY_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), chain, body;
	char why[COLLATERAL_WHY_MAX];
	uint8_t which, part;
	struct want want;
	struct piece p;

	if (!get_u8(&in, &which) || !get_u8(&in, &part) || !get(&in, in.n * part / 256, &chain))
		return 0;
	assert(want_parse(names[which % (sizeof(names) / sizeof(*names))], &want));
	if (facts_read(&want, in, chain, buf, &p, why))
		assert(p.body.n && p.issued >= 0 && p.expires >= p.issued);
	while (facts_identify(which % COLLATERAL_COUNT, &in, buf, &body, &want) && in.n)
		;
	return 0;
}
