// SPDX-License-Identifier: BSD-2-Clause
/*
 * The outside of a CoRIM (draft-ietf-rats-corim): tag 501 around what is said, or a COSE_Sign1
 * (RFC 9052) around that.  Tags 500 and 502 stood around either in drafts before the sixth.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cbor.h"
#include "verifier/reference.h"

enum {
	TAG_COSE_SIGN1 = 18,
	TAG_CORIM = 500,
	TAG_UNSIGNED = 501,
	TAG_SIGNED = 502,
	COSE_PARTS = 4,
	HEADER_ALG = 1,
	HEADER_CRIT = 2,
	HEADER_META = 8, /* bytes: corim-meta-map */
	ES256 = -7,
	ES384 = -35,
	FRAME_MAX = 64, /* of a Sig_structure, without what it holds */
};

static int bad(char why[REFERENCE_WHY_MAX], int err, const char *what)
{
	snprintf(why, REFERENCE_WHY_MAX, "CoRIM: %s", what);
	return err;
}

struct header {
	int64_t algorithm;
	struct bytes meta; /* empty: none */
};

static bool read_member(struct bytes *in, bool is_number, int64_t label, struct header *h)
{
	if (is_number && label == HEADER_ALG)
		return cbor_get_int(in, &h->algorithm);
	if (is_number && label == HEADER_META)
		return cbor_get_bytes(in, &h->meta) && h->meta.n;
	return cbor_skip(in);
}

/* An algorithm must be there; and nothing that we would have to understand. */
static bool read_header(struct bytes in, struct header *h)
{
	struct cbor_items items;
	struct cbor_keys seen = { .count = 0 };
	int64_t label;

	*h = (struct header){ 0 };
	if (!cbor_get_map(&in, &items))
		return false;
	while (cbor_more(&in, &items)) {
		struct bytes at = in;
		bool is_number = cbor_get_int(&in, &label);

		if (!is_number && !cbor_skip(&in))
			return false;
		if (!cbor_keys_add(&seen, bytes_of(at.p, at.n - in.n)) ||
		    (is_number && label == HEADER_CRIT))
			return false;
		if (!read_member(&in, is_number, label, h))
			return false;
	}
	return h->algorithm && !in.n;
}

/* Sig_structure of RFC 9052, 4.4. */
static bool verify(struct bytes protected, struct bytes payload, struct bytes signature,
		   enum curve curve, struct evp_pkey_st *key)
{
	struct cbor_writer w = { .max = protected.n + payload.n + FRAME_MAX };
	uint8_t *message = malloc(w.max);
	bool ok;

	if (!message)
		return false;
	w.p = message;
	cbor_put_array(&w, 4);
	cbor_put_text(&w, "Signature1");
	cbor_put_bytes(&w, protected);
	cbor_put_bytes(&w, bytes_of(NULL, 0));
	cbor_put_bytes(&w, payload);
	ok = !w.full && key_is_on(key, curve) &&
	     sig_verify(curve, key, bytes_of(message, w.n), signature);
	free(message);
	return ok;
}

/* The payload of a COSE_Sign1, once key is known to have signed it. */
static int open_signed(struct bytes in, const struct reference_options *o, struct bytes *payload,
		       char why[REFERENCE_WHY_MAX])
{
	struct bytes protected, signature;
	struct cbor_items items;
	struct header h;

	if (!cbor_get_array(&in, &items) || items.indefinite || items.left != COSE_PARTS ||
	    !cbor_get_bytes(&in, &protected) || !cbor_skip(&in) || !cbor_get_bytes(&in, payload) ||
	    !cbor_get_bytes(&in, &signature) || in.n)
		return bad(why, -EBADMSG, "no COSE_Sign1 with a payload inside");
	if (!o->key)
		return bad(why, -EPERM, "it is signed: want --key FILE, the signer's");
	if (!read_header(protected, &h))
		return bad(why, -EBADMSG, "its protected header names no algorithm, or more");
	if (h.algorithm != ES256 && h.algorithm != ES384)
		return bad(why, -EPERM, "signed by another algorithm than ES256 and ES384");
	if (!verify(protected, *payload, signature, h.algorithm == ES256 ? CURVE_P256 : CURVE_P384,
		    o->key))
		return bad(why, -EPERM, "not signed by that key");
	return h.meta.n ? reference_read_corim_meta(h.meta, o, why) : 0;
}

static bool take_tag(struct bytes *in, uint64_t want)
{
	struct bytes rest = *in;
	uint64_t tag;

	if (!cbor_get_tag(&rest, &tag) || tag != want)
		return false;
	*in = rest;
	return true;
}

int reference_read_corim(struct bytes in, const struct reference_options *o,
			 struct reference_set *out, char why[REFERENCE_WHY_MAX])
{
	struct bytes payload;
	int err;

	out->kind = "CoRIM";
	take_tag(&in, TAG_CORIM);
	if (!take_tag(&in, TAG_UNSIGNED)) {
		take_tag(&in, TAG_SIGNED);
		take_tag(&in, TAG_COSE_SIGN1);
		err = open_signed(in, o, &payload, why);
		if (err)
			return err;
		out->is_signed = true;
		in = payload;
		take_tag(&in, TAG_CORIM);
		if (!take_tag(&in, TAG_UNSIGNED))
			return bad(why, -EBADMSG, "the signed payload is none: want tag 501");
	} else if (o->key) {
		return bad(why, -EPERM, "it is not signed, and a signer's key was given");
	}
	err = reference_read_corim_map(&in, o, out, why);
	if (!err && in.n)
		err = bad(why, -EBADMSG, "bytes behind its end");
	return err;
}
