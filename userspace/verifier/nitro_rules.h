/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy may demand of Nitro Enclaves; docs/policy.md lists the keys. */
#ifndef NITRO_RULES_H
#define NITRO_RULES_H

#include <jansson.h>

#include "base/conf.h"
#include "verifier/nitro_document.h"
#include "verifier/policy_lists.h"

enum {
	RULES_INSTANCES_MAX = 4096,
	RULES_INSTANCE_MAX = 32, /* "i-" and 17 digits today, with its NUL */
	RULES_AGE_MAX_S = 24 * 3600,
};

/* EC2 instance ids, sorted; empty: any. */
struct instance_list {
	char (*ids)[RULES_INSTANCE_MAX];
	size_t count;
};

struct nitro_rules {
	struct root_list roots;		    /* besides AWS's */
	struct value_list pcrs[NITRO_PCRS]; /* with values: the PCR is there and is one of them */
	struct value_list public_keys;	    /* SHA-384 of the document's public_key */
	struct instance_list instances;
	bool debug;
	uint64_t age_s; /* of a document at most; 0: while its certificate is valid */
};

void nitro_rules_default(struct nitro_rules *s);
/* Reads the mapping "nitro" over what is in s, which owns its lists. */
void nitro_rules_read(struct conf *y, const yaml_node_t *node, struct nitro_rules *s);
void nitro_rules_free(struct nitro_rules *s);
/* All of them as a new object, or NULL without memory. */
json_t *nitro_rules_json(const struct nitro_rules *s);

bool instance_list_has(const struct instance_list *l, const char *id);

#endif
