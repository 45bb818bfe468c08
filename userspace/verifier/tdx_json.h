/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's signed JSON: {"NAME": BODY, "signature": "128 digits"}, where the signature is over the
 * bytes of BODY as they were received.  Nothing is believed of BODY before it is verified, and
 * nothing of it is ever written again.
 */
#ifndef TDX_JSON_H
#define TDX_JSON_H

#include <jansson.h>

#include "base/bytes.h"

enum {
	TDX_JSON_MAX = 131072, /* real ones take 4 to 16 KiB */
	TDX_JSON_DEPTH = 16,   /* real ones: 7 */
};

struct tdx_signed {
	struct bytes body; /* an object, from brace to brace */
	uint8_t signature[64];
};

/* False: not that one member and its signature, too deep or too long. */
bool tdx_json_open(struct bytes in, const char *name, struct tdx_signed *out);
/* The body as an object of ours; NULL when it is none, or a key is there twice. */
json_t *tdx_json_parse(struct bytes body);

/* Reads members; the first that is missing or wrong is remembered and fails all that follows. */
struct tdx_reader {
	const char *wrong; /* its key, or NULL */
};

const json_t *tdx_read_member(struct tdx_reader *r, const json_t *o, const char *key,
			      json_type type);
/* An array of 1 to max; or of 0 to max. */
const json_t *tdx_read_list(struct tdx_reader *r, const json_t *o, const char *key, size_t min,
			    size_t max);
uint64_t tdx_read_number(struct tdx_reader *r, const json_t *o, const char *key, uint64_t max);
void tdx_read_digits(struct tdx_reader *r, const json_t *o, const char *key, uint8_t *out,
		     size_t n);
void tdx_read_text(struct tdx_reader *r, const json_t *o, const char *key, const char *want);
int64_t tdx_read_date(struct tdx_reader *r, const json_t *o, const char *key); /* Unix seconds */

#endif
