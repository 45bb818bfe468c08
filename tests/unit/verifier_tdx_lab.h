/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A laboratory Intel: root, PCK authority, PCK, TCB signer, CRLs, TCB info, QE identity and signed
 * quotes of our own making.  A scene describes the right thing; a test changes the description, has
 * it built, changes the bytes if it likes, and looks at the verdict.
 */
#ifndef VERIFIER_TDX_LAB_H
#define VERIFIER_TDX_LAB_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "verifier/refuse.h"
#include "verifier/tdx.h"

#define TDX_LAB_NOW  INT64_C(1780272000) /* 2026-06-01 */
#define TDX_LAB_DAY  86400
#define TDX_LAB_FROM (TDX_LAB_NOW - TDX_LAB_DAY)
#define TDX_LAB_TO   (TDX_LAB_NOW + 30 * TDX_LAB_DAY)

enum {
	TDX_LAB_FILE_MAX = 32768,
	TDX_LAB_EXTENSION_MAX = 1024,
	TDX_LAB_BODY_MAX = 648,
	TDX_LAB_AUTH_MAX = 128,
	TDX_LAB_HEADER = 48,
};

enum tdx_lab_key {
	LAB_ROOT,
	LAB_CA,
	LAB_PCK,
	LAB_SIGNER,
	LAB_QUOTE,
	LAB_OTHER,
	LAB_P384,
	LAB_KEYS
};

struct tdx_lab_cert {
	const char *subject, *issuer;
	enum tdx_lab_key key, signer;
	long serial;
	int64_t from, to;
	bool ca, may_sign, left_out, doubled;
	const EVP_MD *(*md)(void);
	X509 *x;
};

struct tdx_lab_crl {
	const char *issuer;
	enum tdx_lab_key signer;
	int64_t from, to;
	long revoked; /* a serial; 0: none */
	bool left_out;
};

/* A file of collateral. */
struct tdx_lab_file {
	uint8_t bytes[TDX_LAB_FILE_MAX];
	size_t n;
};

struct tdx_scene {
	struct tdx_lab_cert pck, ca, root, signer;
	struct tdx_lab_crl root_crl, pck_crl;
	struct tdx_pck platform;
	uint8_t extension[TDX_LAB_EXTENSION_MAX];
	size_t extension_n; /* 0: made of platform */
	json_t *info, *qe;
	enum tdx_lab_key info_signer, qe_signer;
	uint16_t version, body_type;
	uint8_t body[TDX_LAB_BODY_MAX], qe_report[TDX_QE_REPORT_BYTES], auth[TDX_LAB_AUTH_MAX];
	uint16_t auth_n;
	enum tdx_lab_key quote_signer, qe_report_signer;
	bool binding_spoiled;
	const char *after_pem;
	struct tdx_lab_file quote, files[COLLATERAL_COUNT];
	struct policy *policy;
	struct evidence evidence;
	struct claims claims;
};

static EVP_PKEY *tdx_lab_keys[LAB_KEYS];

static inline int tdx_lab_setup(void **state)
{
	(void)state;
	for (int i = 0; i < LAB_KEYS; i++)
		tdx_lab_keys[i] = EVP_EC_gen(i == LAB_P384 ? "P-384" : "P-256");
	return 0;
}

static inline int tdx_lab_teardown(void **state)
{
	(void)state;
	for (int i = 0; i < LAB_KEYS; i++)
		EVP_PKEY_free(tdx_lab_keys[i]);
	return 0;
}

/* ---- DER, appended. */

static inline size_t tdx_lab_tlv(uint8_t *out, uint8_t tag, const void *value, size_t n)
{
	size_t at = 0;

	out[at++] = tag;
	if (n >= 0x100)
		out[at++] = 0x82, out[at++] = n >> 8;
	else if (n >= 0x80)
		out[at++] = 0x81;
	out[at++] = n;
	memmove(out + at, value, n);
	return at + n;
}

/* SEQUENCE { arc.parent.number, value }; parent 0: arc.number. */
static inline size_t tdx_lab_entry(uint8_t *out, uint8_t parent, uint8_t number,
				   const uint8_t *value, size_t n)
{
	uint8_t oid[16] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 13, 1 }, all[600];
	size_t at = 9, used;

	if (parent)
		oid[at++] = parent;
	oid[at++] = number;
	used = tdx_lab_tlv(all, 6, oid, at);
	memcpy(all + used, value, n);
	return tdx_lab_tlv(out, 0x30, all, used + n);
}

static inline size_t tdx_lab_number(uint8_t *out, uint8_t tag, unsigned int v)
{
	uint8_t be[3] = { v >> 16, v >> 8, v };
	size_t skip = 0;

	while (skip < 2 && be[skip] == 0 && be[skip + 1] < 0x80)
		skip++;
	return tdx_lab_tlv(out, tag, be + skip, 3 - skip);
}

static inline size_t tdx_lab_tcb(uint8_t *out, const struct tdx_pck *p)
{
	uint8_t list[600], v[40];
	size_t at = 0;

	for (int i = 0; i < TDX_COMPONENTS; i++)
		at += tdx_lab_entry(list + at, 2, i + 1, v, tdx_lab_number(v, 2, p->components[i]));
	at += tdx_lab_entry(list + at, 2, 17, v, tdx_lab_number(v, 2, p->pcesvn));
	at += tdx_lab_entry(list + at, 2, 18, v, tdx_lab_tlv(v, 4, p->cpusvn, 16));
	return tdx_lab_tlv(out, 0x30, list, at);
}

static inline size_t tdx_lab_configuration(uint8_t *out, const struct tdx_pck *p)
{
	const enum tdx_flag flags[] = { p->dynamic, p->cached_keys, p->smt };
	uint8_t list[100], v[8], b;
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		b = flags[i] == TDX_FLAG_YES ? 0xff : 0;
		if (flags[i] != TDX_FLAG_UNKNOWN)
			at += tdx_lab_entry(list + at, 7, i + 1, v, tdx_lab_tlv(v, 1, &b, 1));
	}
	return tdx_lab_tlv(out, 0x30, list, at);
}

static inline size_t tdx_lab_extension(uint8_t *out, const struct tdx_pck *p)
{
	uint8_t list[TDX_LAB_EXTENSION_MAX], v[640];
	size_t at = 0;

	at += tdx_lab_entry(list + at, 0, 1, v, tdx_lab_tlv(v, 4, p->ppid, 16));
	at += tdx_lab_entry(list + at, 0, 2, v, tdx_lab_tcb(v, p));
	at += tdx_lab_entry(list + at, 0, 3, v, tdx_lab_tlv(v, 4, p->pceid, 2));
	at += tdx_lab_entry(list + at, 0, 4, v, tdx_lab_tlv(v, 4, p->fmspc, 6));
	at += tdx_lab_entry(list + at, 0, 5, v, tdx_lab_number(v, 10, p->sgx_type));
	if (p->has_instance) {
		at += tdx_lab_entry(list + at, 0, 6, v, tdx_lab_tlv(v, 4, p->instance, 16));
		at += tdx_lab_entry(list + at, 0, 7, v, tdx_lab_configuration(v, p));
	}
	return tdx_lab_tlv(out, 0x30, list, at);
}

/* ---- Certificates and CRLs. */

static inline void tdx_lab_name(X509_NAME *name, const char *cn)
{
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Intel Corporation",
				   -1, -1, 0);
}

static inline void tdx_lab_put(X509 *x, const char *oid, const uint8_t *der, size_t n,
			       bool critical)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(s, der, n);
	e = X509_EXTENSION_create_by_OBJ(NULL, o, critical, s);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(o);
}

static inline void tdx_lab_cert(struct tdx_lab_cert *c, const uint8_t *sgx, size_t sgx_n)
{
	static const uint8_t ca[] = { 0x30, 3, 1, 1, 0xff }, certs[] = { 3, 2, 1, 6 },
			     data[] = { 3, 2, 6, 0xc0 };
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial);
	tdx_lab_name(X509_get_subject_name(x), c->subject);
	tdx_lab_name(X509_get_issuer_name(x), c->issuer);
	ASN1_TIME_set(X509_getm_notBefore(x), c->from);
	ASN1_TIME_set(X509_getm_notAfter(x), c->to);
	X509_set_pubkey(x, tdx_lab_keys[c->key]);
	if (c->ca)
		tdx_lab_put(x, "2.5.29.19", ca, sizeof(ca), true);
	tdx_lab_put(x, "2.5.29.15", c->may_sign ? data : certs, sizeof(data), true);
	if (sgx_n)
		tdx_lab_put(x, "1.2.840.113741.1.13.1", sgx, sgx_n, false);
	assert_true(X509_sign(x, tdx_lab_keys[c->signer], c->md()) > 0);
	c->x = x;
}

static inline void tdx_lab_pem(struct tdx_lab_file *f, const struct tdx_lab_cert *c)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text;
	long n;

	for (int i = 0; i < (c->left_out ? 0 : c->doubled ? 2 : 1); i++)
		assert_int_equal(PEM_write_bio_X509(b, c->x), 1);
	n = BIO_get_mem_data(b, &text);
	assert_true(f->n + n <= sizeof(f->bytes));
	if (n)
		memcpy(f->bytes + f->n, text, n);
	f->n += n;
	BIO_free(b);
}

static inline void tdx_lab_crl(struct tdx_lab_file *f, const struct tdx_lab_crl *c)
{
	X509_NAME *issuer = X509_NAME_new();
	ASN1_TIME *t = ASN1_TIME_new();
	X509_CRL *x = X509_CRL_new();
	uint8_t *p = f->bytes;

	X509_CRL_set_version(x, 1);
	tdx_lab_name(issuer, c->issuer);
	X509_CRL_set_issuer_name(x, issuer);
	X509_CRL_set1_lastUpdate(x, ASN1_TIME_set(t, c->from));
	X509_CRL_set1_nextUpdate(x, ASN1_TIME_set(t, c->to));
	if (c->revoked) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, c->revoked);
		X509_REVOKED_set_serialNumber(r, serial);
		X509_REVOKED_set_revocationDate(r, ASN1_TIME_set(t, c->from));
		X509_CRL_add0_revoked(x, r);
		ASN1_INTEGER_free(serial);
	}
	assert_true(X509_CRL_sign(x, tdx_lab_keys[c->signer], EVP_sha256()) > 0);
	f->n = c->left_out ? 0 : i2d_X509_CRL(x, &p);
	X509_CRL_free(x);
	ASN1_TIME_free(t);
	X509_NAME_free(issuer);
}

/* ---- Raw signatures: r || s, big endian. */

static inline void tdx_lab_sign(enum tdx_lab_key key, const void *p, size_t n, uint8_t out[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	const uint8_t *at = der;
	size_t der_n = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, tdx_lab_keys[key]), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &der_n, p, n), 1);
	sig = d2i_ECDSA_SIG(NULL, &at, der_n);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32), 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

/* {"name": text, "signature": …} */
static inline void tdx_lab_envelope(struct tdx_lab_file *f, const char *name, const char *text,
				    enum tdx_lab_key signer)
{
	uint8_t sig[64];
	char digits[129];

	tdx_lab_sign(signer, text, strlen(text), sig);
	f->n = snprintf((char *)f->bytes, sizeof(f->bytes), "{\"%s\":%s,\"signature\":\"%s\"}",
			name, text, hex(sig, 64, digits));
	assert_true(f->n < sizeof(f->bytes));
}

static inline void tdx_lab_document(struct tdx_lab_file *f, const char *name, const json_t *body,
				    enum tdx_lab_key signer)
{
	char *text = json_dumps(body, JSON_COMPACT);

	tdx_lab_envelope(f, name, text, signer);
	free(text);
}

#include "unit/verifier_tdx_scene.h"

#endif
