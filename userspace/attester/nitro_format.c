// SPDX-License-Identifier: BSD-2-Clause
#include "attester/nitro_format.h"

#include "base/cbor.h"

enum {
	COSE_PARTS = 4, /* protected, unprotected, payload, signature */
};

static bool find_user_data(struct bytes in, struct bytes *out)
{
	static const char wanted[] = "user_data";
	struct cbor_items items;
	struct bytes key;

	if (!cbor_get_map(&in, &items))
		return false;
	while (cbor_more(&in, &items)) {
		if (!cbor_get_text(&in, &key))
			return false;
		if (bytes_equal(key, bytes_of(wanted, strlen(wanted))))
			return cbor_get_bytes(&in, out);
		if (!cbor_skip(&in))
			return false;
	}
	return false;
}

bool nitro_user_data(struct bytes document, struct bytes *out)
{
	struct bytes in = document, payload;
	struct cbor_items items;
	uint64_t tag;

	cbor_get_tag(&in, &tag);
	return cbor_get_array(&in, &items) && !items.indefinite && items.left == COSE_PARTS &&
	       cbor_skip(&in) && cbor_skip(&in) && cbor_get_bytes(&in, &payload) &&
	       find_user_data(payload, out);
}
