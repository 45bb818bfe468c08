// SPDX-License-Identifier: BSD-2-Clause
/* Evidence of any bytes: never accepted under AMD's roots, and always with a sentence. */
#include <stdlib.h>

#include "verifier/appraise.h"
#include "verifier/policy.h"
#include "verifier/snp_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence e = { .tee = TEE_SNP, .at = 1780272000, .certs_count = 1 };
	struct policy *p = policy_default();
	size_t report = size < SNP_REPORT_BYTES ? size : SNP_REPORT_BYTES;
	struct claims c;
	json_t *all;

	e.report = bytes_of(data, report);
	e.certs[0] = bytes_of(data + report, size - report);
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
