// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as an HTTP request: an answer, and the same one with more of it come. */
#include <assert.h>
#include <stdlib.h>

#include "channel/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *longer = malloc(size + 4);
	enum http_request r = http_request_read(bytes_of(data, size));

	if (!longer)
		return 0;
	if (size)
		memcpy(longer, data, size);
	memcpy(longer + size, "more", 4);
	assert(r == HTTP_REQUEST_MORE || r == http_request_read(bytes_of(longer, size + 4)));
	free(longer);
	return 0;
}
