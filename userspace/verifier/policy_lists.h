/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rules of every platform are made of. */
#ifndef POLICY_LISTS_H
#define POLICY_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verifier/sig.h"

enum {
	RULES_ROOTS_MAX = 16,
	RULES_VALUES_MAX = 65536, /* of one list: chip ids of a large fleet */
	RULES_CRL_AGE_HOURS_MAX = 24 * 365,
};

/* Byte strings of one width, sorted; empty: anything will do. */
struct value_list {
	uint8_t *values;
	size_t count, width;
};

struct mask_rule {
	uint64_t required, forbidden;
	bool unknown; /* bits without a known meaning may be set */
};

enum crl_mode { CRL_OFF, CRL_GIVEN, CRL_REQUIRED };

struct root_list {
	uint8_t sha256[RULES_ROOTS_MAX][SHA256_BYTES]; /* of a DER or of a SubjectPublicKeyInfo */
	size_t count;
};

bool value_list_has(const struct value_list *l, const uint8_t *value);
bool root_list_has(const struct root_list *l, const uint8_t sha256[SHA256_BYTES]);
/* 0 or -ENOSPC. */
int root_list_add(struct root_list *l, const uint8_t sha256[SHA256_BYTES]);

#endif
