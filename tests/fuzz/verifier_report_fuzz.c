// SPDX-License-Identifier: BSD-2-Clause
/* A report, or a device's response, of any bytes: parsed, its shape checked, its claims written. */
#include "verifier/snp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct claims c = { .tee = TEE_SNP, .json = json_object() };
	struct snp_case s = { .out = &c };
	struct bytes in = bytes_of(data, size);

	if (!snp_report_unwrap(&in, &c) && !snp_report_parse(in, &s.report, &c)) {
		s.report_parsed = true;
		snp_report_shape(&s.report, data[0] & 1, data[0] & 2, &c);
		snp_claims_fill(&s);
	}
	claims_free(&c);
	return 0;
}
