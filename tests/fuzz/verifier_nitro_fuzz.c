// SPDX-License-Identifier: BSD-2-Clause
/* A document of any bytes: never accepted under AWS's root, and always with a sentence. */
#include <stdlib.h>

#include "verifier/nitro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence e = { .tee = TEE_NITRO, .report = bytes_of(data, size), .at = 1780272000 };
	struct policy *p = policy_default();
	struct claims c;
	json_t *all;

	if (appraise(p, &e, &c) == REASON_OK || !c.detail[0] || c.class_mask)
		abort();
	all = appraisal_json(REASON_FORMAT, &c);
	if (!all)
		abort();
	json_decref(all);
	claims_free(&c);
	policy_free(p);
	return 0;
}
