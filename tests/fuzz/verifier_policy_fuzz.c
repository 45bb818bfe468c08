// SPDX-License-Identifier: BSD-2-Clause
/* A policy of any text: what is taken can be printed, and has a digest. */
#include <stdlib.h>

#include "verifier/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *y = conf_parse("fuzz", (const char *)data, size);
	const yaml_node_t *root = conf_root(y);
	struct policy *p = root ? policy_read(y, root) : NULL;
	json_t *o;

	if (p) {
		o = policy_json(p);
		if (!o || strlen(policy_digest(p)) != 64)
			abort();
		json_decref(o);
	}
	policy_free(p);
	conf_free(y);
	return 0;
}
