// SPDX-License-Identifier: BSD-2-Clause
/* Any answer of /dev/nsm, and any document: what comes out lies inside what went in. */
#include <stdlib.h>

#include "attester/nitro_format.h"
#include "attester/nsm.h"

static void check_inside(struct bytes part, const uint8_t *data, size_t size)
{
	if (part.n && (part.p < data || part.p + part.n > data + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), document, user_data;
	char why[WHY_MAX] = "";

	if (!nsm_response(in, &document, why))
		check_inside(document, data, size);
	else if (!why[0])
		abort();
	if (nitro_user_data(in, &user_data))
		check_inside(user_data, data, size);
	return 0;
}
