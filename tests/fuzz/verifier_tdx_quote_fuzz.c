// SPDX-License-Identifier: BSD-2-Clause
/*
 * A quote of any bytes: never accepted under Intel's root, always with a sentence.  Then its
 * certificates once more with whatever root they have trusted, so that what follows is reached.
 */
#include <stdlib.h>

#include "verifier/tdx.h"

static void judge(const struct policy *p, struct bytes quote)
{
	struct evidence e = { .tee = TEE_TDX, .report = quote, .at = 1780272000 };
	struct claims c = { 0 };
	json_t *all;

	for (enum collateral i = 0; i < COLLATERAL_COUNT; i++)
		e.collateral[i] = quote;
	if (appraise(p, &e, &c) == REASON_OK || !c.detail[0] || c.class_mask)
		abort();
	all = appraisal_json(REASON_FORMAT, &c);
	if (!all)
		abort();
	json_decref(all);
	claims_free(&c);
}

static void trust_its_root(struct policy *p, struct bytes quote)
{
	static struct cert_pile pile;
	struct claims why = { 0 };
	struct tdx_quote q;

	if (tdx_quote_parse(quote, &q, &why))
		return;
	memset(&pile, 0, sizeof(pile));
	cert_pile_add(&pile, q.certificates);
	if (pile.count)
		policy_trust_root(p, pile.certs[pile.count - 1].der_sha256);
	cert_pile_free(&pile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes quote = bytes_of(data, size);
	struct policy *p = policy_default();
	struct tdx_wanted wanted;

	judge(p, quote);
	trust_its_root(p, quote);
	judge(p, quote);
	tdx_collateral_wanted(quote, &wanted);
	policy_free(p);
	return 0;
}
