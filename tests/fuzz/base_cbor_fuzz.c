// SPDX-License-Identifier: BSD-2-Clause
/* CBOR of any bytes: what is passed over as one item is one to the reader of its kind, too. */
#include <stdlib.h>

#include "base/cbor.h"

static bool is_some_kind(struct bytes in)
{
	struct cbor_items items;
	struct bytes string;
	uint64_t v;
	int64_t i;

	return cbor_get_uint(&in, &v) || cbor_get_int(&in, &i) || cbor_get_bytes(&in, &string) ||
	       cbor_get_text(&in, &string) || cbor_get_null(&in) || cbor_get_tag(&in, &v) ||
	       cbor_get_array(&in, &items) || cbor_get_map(&in, &items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), at;

	while (in.n) {
		bool boolean = in.p[0] == 0xf4 || in.p[0] == 0xf5;

		at = in;
		/* -2^64 and its neighbours are CBOR, and no int64_t */
		if (!cbor_skip(&in) && (in.n != at.n || in.p != at.p))
			abort();
		if (in.n == at.n)
			break;
		if (!boolean && at.p[0] != 0x3b && !is_some_kind(at))
			abort();
	}
	return 0;
}
