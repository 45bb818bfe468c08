// SPDX-License-Identifier: BSD-2-Clause
/* Reference values of any bytes: what is taken makes a policy; the first byte says of which kind.
 */
#include <stdlib.h>

#include "verifier/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reference_set set;
	struct reference_options o = { .now = 1780272000 };
	char why[REFERENCE_WHY_MAX] = "";
	json_t *policy;

	if (!size)
		return 0;
	o.tee = data[0] % TEE_COUNT;
	if (reference_read(bytes_of(data + 1, size - 1), &o, &set, why)) {
		if (!why[0])
			abort();
		return 0;
	}
	policy = reference_policy(&set);
	if (!policy || (set.count && !json_array_size(json_object_get(policy, "tee"))))
		abort();
	json_decref(policy);
	return 0;
}
