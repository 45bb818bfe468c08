/* SPDX-License-Identifier: BSD-2-Clause */
/* CoRIMs of our own making: a scene says what is in it, and is built with base/cbor.h's writer. */
#ifndef VERIFIER_CORIM_H
#define VERIFIER_CORIM_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cbor.h"
#include "verifier/reference.h"

#define CORIM_NOW INT64_C(1780272000) /* 2026-06-01 */

enum { CORIM_MAX = 4096 };

/* One environment with one measurement. */
struct corim {
	const char *vendor, *model; /* NULL: none */
	bool amd_oid;
	const char *name;  /* of the measurement; NULL: number */
	int64_t number;	   /* -1: none */
	int64_t registers; /* the number of a register instead of digests; -1: digests */
	int64_t algorithm;
	uint8_t fill;
	size_t bytes; /* of the digest */
	const char *profile;
	int64_t from, until; /* 0: none */
	bool svn, group, dependent, doubled, other_tag;
	bool empty, no_registers; /* lists of digests; the map of registers */
	size_t triples;
};

static inline struct corim corim_of(const char *vendor, const char *model, const char *name)
{
	return (struct corim){ .vendor = vendor,
			       .model = model,
			       .name = name,
			       .number = -1,
			       .registers = -1,
			       .algorithm = 7,
			       .fill = 0xd1,
			       .bytes = 48,
			       .triples = 1 };
}

static inline void corim_digests(struct cbor_writer *w, const struct corim *c)
{
	uint8_t value[64];

	memset(value, c->fill, sizeof(value));
	cbor_put_array(w, !c->empty);
	if (c->empty)
		return;
	cbor_put_array(w, 2);
	cbor_put_int(w, c->algorithm);
	cbor_put_bytes(w, bytes_of(value, c->bytes));
}

static inline void corim_environment(struct cbor_writer *w, const struct corim *c)
{
	static const uint8_t oid[] = { 0x2b, 6, 1, 4, 1, 0x9c, 0x78, 3, 1 };

	cbor_put_map(w, c->group ? 2 : 1);
	cbor_put_int(w, 0);
	cbor_put_map(w, c->amd_oid + !!c->vendor + !!c->model);
	if (c->amd_oid) {
		cbor_put_int(w, 0);
		cbor_put_tag(w, 111);
		cbor_put_bytes(w, bytes_of(oid, sizeof(oid)));
	}
	if (c->vendor) {
		cbor_put_int(w, 1);
		cbor_put_text(w, c->vendor);
	}
	if (c->model) {
		cbor_put_int(w, 2);
		cbor_put_text(w, c->model);
	}
	if (c->group) {
		cbor_put_int(w, 2);
		cbor_put_text(w, "group");
	}
}

static inline void corim_measurement(struct cbor_writer *w, const struct corim *c)
{
	bool named = c->name || c->number >= 0;

	cbor_put_map(w, named ? 2 : 1);
	cbor_put_int(w, 1); /* the values before their name: order means nothing */
	cbor_put_map(w, 1 + c->svn);
	if (c->registers >= 0) {
		cbor_put_int(w, 14);
		cbor_put_map(w, !c->no_registers);
		if (!c->no_registers)
			cbor_put_int(w, c->registers);
	} else {
		cbor_put_int(w, 2);
	}
	if (!c->no_registers)
		corim_digests(w, c);
	if (c->svn) {
		cbor_put_int(w, 1);
		cbor_put_tag(w, 552);
		cbor_put_int(w, 3);
	}
	if (named)
		cbor_put_int(w, 0);
	if (c->name)
		cbor_put_text(w, c->name);
	else if (named)
		cbor_put_int(w, c->number);
}

static inline void corim_comid(struct cbor_writer *w, const struct corim *c)
{
	cbor_put_map(w, 2);
	cbor_put_int(w, 1);
	cbor_put_map(w, 1);
	cbor_put_int(w, 0);
	cbor_put_text(w, "an id");
	cbor_put_int(w, 4);
	cbor_put_map(w, 1);
	cbor_put_int(w, 0);
	cbor_put_array(w, c->triples);
	for (size_t i = 0; i < c->triples; i++) {
		cbor_put_array(w, 2);
		corim_environment(w, c);
		cbor_put_array(w, 1);
		corim_measurement(w, c);
	}
}

static inline void corim_time(struct cbor_writer *w, int64_t key, int64_t t)
{
	if (!t)
		return;
	cbor_put_int(w, key);
	cbor_put_tag(w, 1);
	cbor_put_int(w, t);
}

/* Unsigned, with its tag; the length. */
static inline size_t corim_build(const struct corim *c, uint8_t out[CORIM_MAX])
{
	uint8_t comid[CORIM_MAX];
	struct cbor_writer inner = { .p = comid, .max = sizeof(comid) };
	struct cbor_writer w = { .p = out, .max = CORIM_MAX };

	corim_comid(&inner, c);
	cbor_put_tag(&w, 501);
	cbor_put_map(&w, 2 + !!c->profile + (c->from || c->until) + c->dependent + c->doubled);
	cbor_put_int(&w, 0);
	cbor_put_text(&w, "a manifest");
	for (int i = 0; i < 1 + c->doubled; i++) {
		cbor_put_int(&w, 1);
		cbor_put_array(&w, 1);
		cbor_put_tag(&w, c->other_tag ? 505 : 506);
		cbor_put_bytes(&w, bytes_of(comid, inner.n));
	}
	if (c->dependent) {
		cbor_put_int(&w, 2);
		cbor_put_array(&w, 0);
	}
	if (c->profile) {
		cbor_put_int(&w, 3);
		cbor_put_tag(&w, 32);
		cbor_put_text(&w, c->profile);
	}
	if (c->from || c->until) {
		cbor_put_int(&w, 4);
		cbor_put_map(&w, !!c->from + !!c->until);
		corim_time(&w, 0, c->from);
		corim_time(&w, 1, c->until);
	}
	assert_false(w.full || inner.full);
	return w.n;
}

/* What is signed of payload, and by ECDSA, into out: r || s. */
static inline void corim_ecdsa(EVP_PKEY *key, size_t scalar, struct bytes protected,
			       struct bytes payload, uint8_t out[96])
{
	uint8_t message[2 * CORIM_MAX], der[128];
	struct cbor_writer w = { .p = message, .max = sizeof(message) };
	const uint8_t *at = der;
	size_t n = sizeof(der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ECDSA_SIG *sig;

	cbor_put_array(&w, 4);
	cbor_put_text(&w, "Signature1");
	cbor_put_bytes(&w, protected);
	cbor_put_bytes(&w, bytes_of(NULL, 0));
	cbor_put_bytes(&w, payload);
	assert_int_equal(
		EVP_DigestSignInit(md, NULL, scalar == 48 ? EVP_sha384() : EVP_sha256(), NULL, key),
		1);
	assert_int_equal(EVP_DigestSign(md, der, &n, message, w.n), 1);
	sig = d2i_ECDSA_SIG(NULL, &at, n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, scalar);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + scalar, scalar);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
}

/* What a signer says of the times of its signature; 0: nothing. */
static inline size_t corim_meta(int64_t from, int64_t until, uint8_t out[64])
{
	struct cbor_writer w = { .p = out, .max = 64 };

	cbor_put_map(&w, 2);
	cbor_put_int(&w, 0);
	cbor_put_map(&w, 1);
	cbor_put_int(&w, 0);
	cbor_put_text(&w, "a signer");
	cbor_put_int(&w, 1);
	cbor_put_map(&w, !!from + !!until);
	corim_time(&w, 0, from);
	corim_time(&w, 1, until);
	assert_false(w.full);
	return w.n;
}

/* payload in a COSE_Sign1 by key, whose protected header says algorithm, and meta unless empty. */
static inline size_t corim_sign_with(EVP_PKEY *key, size_t scalar, int64_t algorithm,
				     struct bytes meta, struct bytes payload,
				     uint8_t out[CORIM_MAX])
{
	uint8_t header[128], signature[96];
	struct cbor_writer h = { .p = header, .max = sizeof(header) };
	struct cbor_writer w = { .p = out, .max = CORIM_MAX };

	cbor_put_map(&h, 2 + !!meta.n);
	cbor_put_int(&h, 1);
	cbor_put_int(&h, algorithm);
	cbor_put_int(&h, 3);
	cbor_put_text(&h, "application/rim+cbor");
	if (meta.n) {
		cbor_put_int(&h, 8);
		cbor_put_bytes(&h, meta);
	}
	corim_ecdsa(key, scalar, bytes_of(header, h.n), payload, signature);
	cbor_put_tag(&w, 18);
	cbor_put_array(&w, 4);
	cbor_put_bytes(&w, bytes_of(header, h.n));
	cbor_put_map(&w, 0);
	cbor_put_bytes(&w, payload);
	cbor_put_bytes(&w, bytes_of(signature, 2 * scalar));
	assert_false(w.full);
	return w.n;
}

static inline size_t corim_sign(EVP_PKEY *key, size_t scalar, int64_t algorithm,
				struct bytes payload, uint8_t out[CORIM_MAX])
{
	return corim_sign_with(key, scalar, algorithm, bytes_of(NULL, 0), payload, out);
}

#endif
