// SPDX-License-Identifier: BSD-2-Clause
/* What a fetcher that was taken over might say to the parent, and the other way round. */
#include <assert.h>

#include "collateral/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct fetched f;
	struct want w;

	fetch_get(in, &w);
	if (fetched_get(in, &f))
		assert(f.result < FETCH_RESULTS && f.piece.body.n <= COLLATERAL_BODY_MAX);
	return 0;
}
