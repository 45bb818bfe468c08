/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A laboratory AWS: a root, two authorities, a leaf and signed documents of our own making, each
 * detail of which a test can get wrong.  A scene describes the right thing; a test changes the
 * description, has it built, changes the bytes if it likes, and looks at the verdict.
 */
#ifndef VERIFIER_NITRO_LAB_H
#define VERIFIER_NITRO_LAB_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/cbor.h"
#include "verifier/nitro.h"

enum {
	NLAB_ROOT,
	NLAB_ZONE,
	NLAB_INSTANCE,
	NLAB_LEAF,
	NLAB_CERTS,
	NLAB_DER_MAX = 1024,
	NLAB_DOCUMENT_MAX = 20000,
	NLAB_CHANGES_MAX = 4,
	NLAB_SIGNATURE_DER_MAX = 160,
};

/* 2026-06-01, and the validity of everything around it. */
#define NLAB_NOW INT64_C(1780272000)

struct nlab_cert {
	const char *subject, *issuer, *group; /* group: of its key */
	const char *basic, *usage, *more;     /* extensions in OpenSSL's words; NULL: none */
	const EVP_MD *(*md)(void);
	bool stranger; /* signed by a key that is nobody's */
	int64_t from, to;
	uint8_t der[NLAB_DER_MAX];
	size_t n;
	EVP_PKEY *key;
};

/* Puts the value of a key of the payload, or, as NULL, leaves it out; an unknown key is added. */
struct nlab_change {
	const char *key;
	void (*put)(struct cbor_writer *w);
};

struct nlab_scene {
	struct nlab_cert certs[NLAB_CERTS];
	struct nlab_change changes[NLAB_CHANGES_MAX];
	size_t bundle_from;	       /* the first authority in the bundle */
	uint8_t pcr_bytes[NITRO_PCRS]; /* each is filled with its byte */
	bool no_pcr[NITRO_PCRS];
	int64_t timestamp_ms;
	const char *module_id, *context;
	uint8_t user_data[REPORT_DATA_BYTES];
	int64_t algorithm;
	bool tagged, critical; /* critical: the protected header has a second parameter */
	struct policy *policy;
	const uint8_t *report_data; /* wanted */
	uint8_t document[NLAB_DOCUMENT_MAX];
	size_t n;
	struct claims claims;
};

static inline void nlab_begin(struct nlab_scene *s)
{
	static const char *const names[NLAB_CERTS] = { "aws.nitro-enclaves", "zone", "instance",
						       "leaf" };
	static const char *const basics[NLAB_CERTS] = { "critical,CA:TRUE",
							"critical,CA:TRUE,pathlen:1",
							"critical,CA:TRUE,pathlen:0",
							"critical,CA:FALSE" };

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < NLAB_CERTS; i++)
		s->certs[i] = (struct nlab_cert){
			.subject = names[i],
			.issuer = names[i ? i - 1 : 0],
			.group = "P-384",
			.basic = basics[i],
			.usage = i == NLAB_LEAF ? "digitalSignature" : "critical,keyCertSign",
			.md = EVP_sha384,
			.from = NLAB_NOW - 3600,
			.to = NLAB_NOW + 7200,
		};
	memset(s->pcr_bytes, 0, sizeof(s->pcr_bytes));
	for (int i = 0; i < 5; i++)
		s->pcr_bytes[i] = 0x10 + i;
	for (int i = 16; i < NITRO_PCRS; i++)
		s->no_pcr[i] = true;
	s->timestamp_ms = (NLAB_NOW - 1) * 1000;
	s->module_id = "i-0123456789abcdef0-enc0123456789abcdef";
	s->context = "Signature1";
	memset(s->user_data, 0xda, sizeof(s->user_data));
	s->algorithm = -35;
	s->policy = policy_default();
}

static inline X509_NAME *nlab_name(const char *common)
{
	X509_NAME *name = X509_NAME_new();

	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, (const uint8_t *)common, -1,
				   -1, 0);
	return name;
}

static inline void nlab_extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;

	if (e)
		assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* A critical one that no verifier knows. */
static inline void nlab_extend_oid(X509 *x, const char *oid)
{
	ASN1_OBJECT *o = oid ? OBJ_txt2obj(oid, 1) : NULL;
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(s, (const uint8_t *)"\x05\x00", 2);
	e = o ? X509_EXTENSION_create_by_OBJ(NULL, o, 1, s) : NULL;
	if (e)
		assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(o);
}

static inline void nlab_issue(struct nlab_cert *c, EVP_PKEY *issuer)
{
	X509_NAME *subject = nlab_name(c->subject), *from = nlab_name(c->issuer);
	EVP_PKEY *stranger = c->stranger ? EVP_EC_gen("P-384") : NULL;
	X509 *x = X509_new();
	uint8_t *p = c->der;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, from);
	ASN1_TIME_set(X509_getm_notBefore(x), c->from);
	ASN1_TIME_set(X509_getm_notAfter(x), c->to);
	X509_set_pubkey(x, c->key);
	nlab_extend(x, NID_basic_constraints, c->basic);
	nlab_extend(x, NID_key_usage, c->usage);
	nlab_extend_oid(x, c->more);
	assert_true(X509_sign(x, stranger ? stranger : issuer, c->md()) > 0);
	assert_in_range(i2d_X509(x, NULL), 1, NLAB_DER_MAX);
	c->n = i2d_X509(x, &p);
	X509_free(x);
	EVP_PKEY_free(stranger);
	X509_NAME_free(subject);
	X509_NAME_free(from);
}

static inline void nlab_issue_all(struct nlab_scene *s)
{
	uint8_t root[SHA256_BYTES];

	for (int i = 0; i < NLAB_CERTS; i++) {
		s->certs[i].key = EVP_EC_gen(s->certs[i].group);
		nlab_issue(&s->certs[i], s->certs[i ? i - 1 : 0].key);
	}
	assert_true(sha256(bytes_of(s->certs[0].der, s->certs[0].n), root));
	assert_int_equal(policy_trust_root(s->policy, root), 0);
}

static inline void nlab_put_pcrs(const struct nlab_scene *s, struct cbor_writer *w)
{
	uint8_t pcr[NITRO_PCR_BYTES];
	int count = 0;

	for (int i = 0; i < NITRO_PCRS; i++)
		count += !s->no_pcr[i];
	cbor_put_map(w, count);
	for (int i = 0; i < NITRO_PCRS; i++)
		if (!s->no_pcr[i]) {
			memset(pcr, s->pcr_bytes[i], sizeof(pcr));
			cbor_put_int(w, i);
			cbor_put_bytes(w, bytes_of(pcr, sizeof(pcr)));
		}
}

static inline void nlab_put_bundle(const struct nlab_scene *s, struct cbor_writer *w)
{
	cbor_put_array(w, NLAB_LEAF - s->bundle_from);
	for (int i = s->bundle_from; i < NLAB_LEAF; i++)
		cbor_put_bytes(w, bytes_of(s->certs[i].der, s->certs[i].n));
}

/* What a document has under key; false for a key that it does not have. */
static inline bool nlab_put_value(const struct nlab_scene *s, struct cbor_writer *w,
				  const char *key)
{
	const struct nlab_cert *leaf = &s->certs[NLAB_LEAF];

	if (!strcmp(key, "module_id"))
		cbor_put_text(w, s->module_id);
	else if (!strcmp(key, "digest"))
		cbor_put_text(w, "SHA384");
	else if (!strcmp(key, "timestamp"))
		cbor_put_int(w, s->timestamp_ms);
	else if (!strcmp(key, "pcrs"))
		nlab_put_pcrs(s, w);
	else if (!strcmp(key, "certificate"))
		cbor_put_bytes(w, bytes_of(leaf->der, leaf->n));
	else if (!strcmp(key, "cabundle"))
		nlab_put_bundle(s, w);
	else if (!strcmp(key, "user_data"))
		cbor_put_bytes(w, bytes_of(s->user_data, sizeof(s->user_data)));
	else if (!strcmp(key, "public_key") || !strcmp(key, "nonce"))
		cbor_put_null(w);
	else
		return false;
	return true;
}

static inline const struct nlab_change *nlab_find(const struct nlab_scene *s, const char *key)
{
	for (int i = 0; i < NLAB_CHANGES_MAX; i++)
		if (s->changes[i].key && !strcmp(s->changes[i].key, key))
			return &s->changes[i];
	return NULL;
}

static inline const char *const *nlab_keys(void)
{
	static const char *const keys[] = { "module_id",   "digest",   "timestamp",  "pcrs",
					    "certificate", "cabundle", "public_key", "user_data",
					    "nonce",	   NULL };

	return keys;
}

static inline size_t nlab_payload(const struct nlab_scene *s, uint8_t *buf, size_t max)
{
	struct cbor_writer w = { .p = buf, .max = max };
	uint64_t pairs = 0;

	for (const char *const *k = nlab_keys(); *k; k++)
		pairs += !nlab_find(s, *k) || nlab_find(s, *k)->put;
	for (int i = 0; i < NLAB_CHANGES_MAX; i++) {
		const char *key = s->changes[i].key;
		struct cbor_writer none = { 0 };

		pairs += key && !nlab_put_value(s, &none, key);
	}
	cbor_put_map(&w, pairs);
	for (int i = 0; i < NLAB_CHANGES_MAX; i++)
		if (s->changes[i].key && s->changes[i].put) {
			cbor_put_text(&w, s->changes[i].key);
			s->changes[i].put(&w);
		}
	for (const char *const *k = nlab_keys(); *k; k++)
		if (!nlab_find(s, *k)) {
			cbor_put_text(&w, *k);
			nlab_put_value(s, &w, *k);
		}
	assert_false(w.full);
	return w.n;
}

static inline size_t nlab_protected(const struct nlab_scene *s, uint8_t *buf, size_t max)
{
	struct cbor_writer w = { .p = buf, .max = max };

	cbor_put_map(&w, 1 + s->critical);
	cbor_put_int(&w, 1);
	cbor_put_int(&w, s->algorithm);
	if (s->critical) {
		cbor_put_int(&w, 2);
		cbor_put_array(&w, 0);
	}
	return w.n;
}

/* ECDSA by the leaf's key as r || s. */
static inline void nlab_sign(const struct nlab_scene *s, struct bytes protected,
			     struct bytes payload, uint8_t out[NITRO_SIGNATURE_BYTES])
{
	static uint8_t message[NLAB_DOCUMENT_MAX];
	struct cbor_writer w = { .p = message, .max = sizeof(message) };
	uint8_t der[NLAB_SIGNATURE_DER_MAX];
	size_t n = sizeof(der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	const uint8_t *p = der;
	ECDSA_SIG *sig;

	cbor_put_array(&w, 4);
	cbor_put_text(&w, s->context);
	cbor_put_bytes(&w, protected);
	cbor_put_bytes(&w, bytes_of(NULL, 0));
	cbor_put_bytes(&w, payload);
	assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha384(), NULL, s->certs[NLAB_LEAF].key),
			 1);
	assert_int_equal(EVP_DigestSign(md, der, &n, message, w.n), 1);
	sig = d2i_ECDSA_SIG(NULL, &p, n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P384_BYTES);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P384_BYTES, P384_BYTES);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
}

/* The certificates as they are, and a document anew. */
static inline void nlab_document(struct nlab_scene *s)
{
	static uint8_t payload[NLAB_DOCUMENT_MAX];
	uint8_t header[8], signature[NITRO_SIGNATURE_BYTES];
	struct cbor_writer w = { .p = s->document, .max = sizeof(s->document) };
	struct bytes p = bytes_of(payload, nlab_payload(s, payload, sizeof(payload)));
	struct bytes h = bytes_of(header, nlab_protected(s, header, sizeof(header)));

	nlab_sign(s, h, p, signature);
	if (s->tagged)
		cbor_put_tag(&w, 18);
	cbor_put_array(&w, 4);
	cbor_put_bytes(&w, h);
	cbor_put_map(&w, 0);
	cbor_put_bytes(&w, p);
	cbor_put_bytes(&w, bytes_of(signature, sizeof(signature)));
	assert_false(w.full);
	s->n = w.n;
}

static inline void nlab_build(struct nlab_scene *s)
{
	nlab_issue_all(s);
	nlab_document(s);
}

static inline enum reason nlab_judge_bytes(struct nlab_scene *s, struct bytes document)
{
	struct evidence e = {
		.tee = TEE_NITRO, .report = document, .report_data = s->report_data, .at = NLAB_NOW
	};

	return appraise(s->policy, &e, &s->claims);
}

/* From a buffer of its own size, so that the sanitizer sees what is read behind it. */
static inline enum reason nlab_judge(struct nlab_scene *s)
{
	uint8_t *copy = malloc(s->n ? s->n : 1);
	enum reason reason;

	memcpy(copy, s->document, s->n);
	reason = nlab_judge_bytes(s, bytes_of(copy, s->n));
	free(copy);
	return reason;
}

static inline void nlab_end(struct nlab_scene *s)
{
	claims_free(&s->claims);
	policy_free(s->policy);
	for (int i = 0; i < NLAB_CERTS; i++)
		EVP_PKEY_free(s->certs[i].key);
}

struct nlab_row {
	const char *what;
	void (*before)(struct nlab_scene *s);
	void (*after)(struct nlab_scene *s);
	enum reason want;
};

static inline void nlab_run(const struct nlab_row *rows, size_t count)
{
	struct nlab_scene *s = malloc(sizeof(*s));
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		nlab_begin(s);
		if (rows[i].before)
			rows[i].before(s);
		nlab_build(s);
		if (rows[i].after)
			rows[i].after(s);
		reason = nlab_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		assert_true(reason == REASON_OK || s->claims.detail[0]);
		assert_int_equal(reason == REASON_OK, s->claims.class_mask != 0);
		nlab_end(s);
	}
	free(s);
}

#endif
