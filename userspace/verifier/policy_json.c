// SPDX-License-Identifier: BSD-2-Clause
/* A policy as JSON: all that it demands, defaults too, so that nothing is left to be guessed. */
#include "verifier/policy_fields.h"
#include "verifier/policy_rules.h"

static const char *tee_name(size_t i)
{
	return tee_str(i);
}

json_t *policy_json(const struct policy *p)
{
	struct writer w = writer_begin();

	put_member(&w, "name", json_string(p->name));
	put_words(&w, "tee", p->tees, TEE_COUNT, tee_name);
	put_member(
		&w, "classified",
		json_pack("{s:s}", "chip-pin", p->classified_chip_pin ? "required" : "optional"));
	put_member(&w, "snp", snp_rules_json(&p->snp));
	put_member(&w, "tdx", tdx_rules_json(&p->tdx));
	put_member(&w, "nitro", nitro_rules_json(&p->nitro));
	return writer_end(&w);
}
