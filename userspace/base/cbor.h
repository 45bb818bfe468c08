/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CBOR (RFC 8949) as far as attestation needs it: a reader on the cursor of base/bytes.h, which
 * allocates nothing and copies nothing, and a writer into a buffer of the caller.
 *
 * The reader is strict: the shortest form of every number and length, strings in one piece, valid
 * UTF-8, no floats, no simple values but false, true, null.  Maps and arrays may be of indefinite
 * length where the caller takes any: Nitro's documents are since 2025.
 */
#ifndef CBOR_H
#define CBOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	CBOR_DEPTH_MAX = 8, /* arrays, maps and tags inside each other, in what is skipped */
	CBOR_KEYS_MAX = 32, /* of one map */
	CBOR_HEAD_MAX = 9,  /* bytes of a head */
};

/* The elements of an array, or the pairs of a map, that are still to come. */
struct cbor_items {
	uint64_t left;
	bool indefinite; /* until a break: left counts nothing */
};

/* Each get answers false, and leaves *in alone, when something else comes next. */
bool cbor_get_uint(struct bytes *in, uint64_t *out);
bool cbor_get_int(struct bytes *in, int64_t *out); /* negative ones too */
bool cbor_get_bytes(struct bytes *in, struct bytes *out);
bool cbor_get_text(struct bytes *in, struct bytes *out);
bool cbor_get_null(struct bytes *in);
bool cbor_get_tag(struct bytes *in, uint64_t *out);
bool cbor_get_array(struct bytes *in, struct cbor_items *out);
bool cbor_get_map(struct bytes *in, struct cbor_items *out);

/*
 * Whether another element or pair is to be read; at the end of an indefinite one it takes the break
 * away.  True when in has run out too early: then the read that follows fails.
 */
bool cbor_more(struct bytes *in, struct cbor_items *items);

/* Passes over one item, whatever it is.  False: no strict CBOR, or nested deeper than DEPTH_MAX. */
bool cbor_skip(struct bytes *in);

/* The keys of a map so far, to notice one that comes twice. */
struct cbor_keys {
	struct bytes keys[CBOR_KEYS_MAX];
	size_t count;
};

/* False when key is there already, or there is no room. */
bool cbor_keys_add(struct cbor_keys *keys, struct bytes key);

/* What does not fit is left out, and full says so. */
struct cbor_writer {
	uint8_t *p;
	size_t n, max;
	bool full;
};

void cbor_put_int(struct cbor_writer *w, int64_t v);
void cbor_put_bytes(struct cbor_writer *w, struct bytes b);
void cbor_put_text(struct cbor_writer *w, const char *text);
void cbor_put_null(struct cbor_writer *w);
void cbor_put_tag(struct cbor_writer *w, uint64_t tag);
void cbor_put_array(struct cbor_writer *w, uint64_t count);
void cbor_put_map(struct cbor_writer *w, uint64_t pairs);

#endif
