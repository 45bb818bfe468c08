// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/appraise.h"

#include "base/outcome.h"
#include "verifier/nitro.h"
#include "verifier/policy_rules.h"
#include "verifier/refuse.h"
#include "verifier/snp.h"
#include "verifier/tdx.h"
#include "verifier/x509_dates.h"

typedef enum reason (*verifier)(const struct policy *policy, const struct evidence *evidence,
				struct claims *out);

/* One row for each platform. */
static const struct {
	verifier appraise;
	const char *vendor; /* who vouches for the pinned roots */
} platforms[TEE_COUNT] = {
	[TEE_SNP] = { snp_appraise, "AMD" },
	[TEE_TDX] = { tdx_appraise, "Intel" },
	[TEE_NITRO] = { nitro_appraise, "AWS" },
};

bool appraise_knows(enum tee tee)
{
	return tee < TEE_COUNT && platforms[tee].appraise;
}

enum reason evidence_unwrap(struct evidence *e, struct claims *out)
{
	return e->tee == TEE_SNP ? snp_report_unwrap(&e->report, out) : REASON_OK;
}

enum reason appraise(const struct policy *policy, const struct evidence *evidence,
		     struct claims *out)
{
	enum reason reason;

	memset(out, 0, sizeof(*out));
	out->tee = evidence->tee;
	out->json = json_object();
	if (!sha384(evidence->report, out->digest))
		return refuse(out, REASON_INTERNAL, "no SHA-384 of the report could be made");
	if (evidence->tee >= TEE_COUNT || !policy->tees[evidence->tee])
		return refuse(out, REASON_TEE,
			      "evidence of kind %s, which policy \"%s\" does not allow",
			      tee_str(evidence->tee), policy->name);
	if (!appraise_knows(evidence->tee))
		return refuse(out, REASON_TEE, "there is no verifier for evidence of kind %s",
			      tee_str(evidence->tee));
	reason = platforms[evidence->tee].appraise(policy, evidence, out);
	clock_doubt(evidence, reason, out);
	return reason;
}

/* Who vouches for the root: "lab" is what must not be overlooked. */
json_t *trust_root_json(const struct claims *c)
{
	const char *vendor = c->lab_root ? NULL : platforms[c->tee].vendor;

	if (!c->root[0])
		return json_null();
	return json_pack("{s:s, s:s?, s:b}", "sha256", c->root, "vendor", vendor, "lab",
			 c->lab_root);
}

static json_t *classes_json(unsigned int mask)
{
	json_t *list = json_array();

	for (enum class i = 0; i < CLASS_COUNT; i++)
		if (mask >> i & 1)
			json_array_append_new(list, json_string(class_str(i)));
	return list;
}

json_t *appraisal_json(enum reason reason, const struct claims *c)
{
	char digest[2 * DIGEST_BYTES + 1];

	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:o, s:o, s:O?}",	 /**/
			 "accepted", reason == REASON_OK,		 /**/
			 "reason", reason_str(reason),			 /**/
			 "tee", tee_str(c->tee),			 /**/
			 "detail", c->detail,				 /**/
			 "digest", hex(c->digest, DIGEST_BYTES, digest), /**/
			 "trust_root", trust_root_json(c),		 /**/
			 "classes", classes_json(c->class_mask),	 /**/
			 "claims", c->json);
}

void claims_free(struct claims *c)
{
	json_decref(c->json);
	c->json = NULL;
}
