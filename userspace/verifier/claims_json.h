/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims as members of a JSON object.  One that there is no memory for is left out; nobody
 * decides by these.
 */
#ifndef CLAIMS_JSON_H
#define CLAIMS_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FIELD_SHOWN_MAX = 128, /* bytes of the longest field */
};

void claim(json_t *o, const char *key, json_t *value);
void claim_hex(json_t *o, const char *key, const uint8_t *p, size_t n);
void claim_bits(json_t *o, const char *key, uint64_t bits); /* "0x…" */
void claim_time(json_t *o, const char *key, int64_t unix_seconds);

#endif
