// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/claims_json.h"

#include <stdio.h>

#include "verifier/refuse.h"

enum {
	NUMBER_MAX = 24,
};

void claim(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

void claim_hex(json_t *o, const char *key, const uint8_t *p, size_t n)
{
	char text[2 * FIELD_SHOWN_MAX + 1];

	claim(o, key, n <= FIELD_SHOWN_MAX ? json_string(hex(p, n, text)) : NULL);
}

void claim_bits(json_t *o, const char *key, uint64_t bits)
{
	char text[NUMBER_MAX];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)bits);
	claim(o, key, json_string(text));
}

void claim_time(json_t *o, const char *key, int64_t unix_seconds)
{
	claim(o, key, json_string(time_text(unix_seconds).text));
}
