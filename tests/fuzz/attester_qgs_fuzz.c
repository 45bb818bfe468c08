// SPDX-License-Identifier: BSD-2-Clause
/* Any answer of a quote generation service: the quote lies inside it, a refusal says why. */
#include <stdlib.h>

#include "attester/qgs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes quote;
	char why[WHY_MAX] = "";

	if (qgs_response(bytes_of(data, size), &quote, why)) {
		if (!why[0])
			abort();
	} else if (!quote.n || quote.p < data + 24 || quote.p + quote.n != data + size) {
		abort();
	}
	return 0;
}
