// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/appraise.h"

#include "verifier/policy_rules.h"
#include "verifier/refuse.h"
#include "verifier/snp.h"

enum reason appraise(const struct policy *policy, const struct evidence *evidence,
		     struct claims *out)
{
	enum reason reason;

	memset(out, 0, sizeof(*out));
	out->tee = evidence->tee;
	if (!sha384(evidence->report, out->digest))
		return refuse(out, REASON_INTERNAL, "no SHA-384 of the report could be made");
	if (evidence->tee >= TEE_COUNT || !policy->tees[evidence->tee])
		return refuse(out, REASON_TEE,
			      "evidence of kind %s, which policy \"%s\" does not allow",
			      tee_str(evidence->tee), policy->name);
	switch (evidence->tee) {
	case TEE_SNP:
		reason = snp_appraise(policy, evidence, out);
		break;
	default:
		reason = refuse(out, REASON_TEE, "there is no verifier for evidence of kind %s",
				tee_str(evidence->tee));
		break;
	}
	return reason;
}

void claims_free(struct claims *c)
{
	json_decref(c->json);
	c->json = NULL;
}
