// SPDX-License-Identifier: BSD-2-Clause
/* The firmware's response: what is taken for a report is one whole, non-zero piece of the input. */
#include <stdlib.h>

#include "attester/snp_response.h"
#include "attester/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes report;
	char why[WHY_MAX];

	if (snp_response_parse(bytes_of(p, n), &report, why))
		return 0;
	if (report.n != SNP_REPORT_SIZE || report.p < p || report.p + report.n > p + n ||
	    bytes_are_zero(report))
		abort();
	return 0;
}
