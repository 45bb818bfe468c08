// SPDX-License-Identifier: BSD-2-Clause
/* A Nitro document of any bytes: taken apart, its claims written, what is signed put together. */
#include <stdlib.h>

#include "verifier/nitro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t message[NITRO_PAYLOAD_MAX + 64];
	struct claims c = { .tee = TEE_NITRO, .json = json_object() };
	struct nitro_case s = { .out = &c };

	if (!nitro_document_parse(bytes_of(data, size), &s.document, &c)) {
		s.parsed = true;
		nitro_claims_fill(&s);
		if (!nitro_signed_bytes(&s.document, message, sizeof(message)))
			abort();
	} else if (!c.detail[0]) {
		abort();
	}
	claims_free(&c);
	return 0;
}
