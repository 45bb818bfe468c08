/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A laboratory AMD: roots, intermediates, leaves, CRLs and signed reports of our own making, each
 * detail of which a test can get wrong.  A scene describes the right thing; a test changes the
 * description, has it built, changes the bytes if it likes, and looks at the verdict.
 */
#ifndef VERIFIER_LAB_H
#define VERIFIER_LAB_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "verifier/policy_rules.h"
#include "verifier/snp.h"

#define LAB_ARC "1.3.6.1.4.1.3704.1."

enum {
	LAB_DER_MAX = 8192,
	LAB_EXTENSIONS_MAX = 20,
	LAB_SERIALS_MAX = 4,
	LAB_PARTS = 5,
};

/* 2026-06-01, and the validity of everything around it. */
#define LAB_NOW	 INT64_C(1780272000)
#define LAB_FROM (LAB_NOW - 86400)
#define LAB_TO	 (LAB_NOW + 86400 * 365)

enum lab_key {
	LAB_ARK,
	LAB_ASK,
	LAB_STRANGER,
	LAB_CHIP,
	LAB_CHIP2,
	LAB_P256,
	LAB_SPELLED,
	LAB_RSA,
	LAB_KEYS
};

struct lab_extension {
	char oid[40];
	uint8_t der[RULES_CSP_TEXT_MAX];
	size_t n;
	bool critical;
};

struct lab_cert {
	const char *subject, *issuer;
	const char *extra_issuer; /* one more part of the issuer's name */
	enum lab_key key, signer;
	long serial;
	int64_t from, to;
	bool ca, key_ids;
	bool pkcs1;
	int salt;
	const EVP_MD *(*md)(void);
	struct lab_extension extensions[LAB_EXTENSIONS_MAX];
	size_t extensions_count;
	bool left_out;
	uint8_t der[LAB_DER_MAX];
	size_t n;
};

struct lab_crl {
	bool given;
	const char *issuer;
	enum lab_key signer;
	int64_t from, to;
	long serials[LAB_SERIALS_MAX];
	size_t serials_count;
	bool delta, critical, pkcs1;
	uint8_t der[LAB_DER_MAX];
	size_t n;
};

struct scene {
	enum snp_product product;
	enum snp_key kind;
	struct lab_cert leaf, mid, root;
	struct lab_crl crl;
	uint8_t report[SNP_REPORT_BYTES];
	enum lab_key report_key;
	struct policy *policy;
	uint8_t report_data[REPORT_DATA_BYTES];
	struct evidence evidence;
	struct claims claims;
};

static EVP_PKEY *lab_keys[LAB_KEYS];

static inline int lab_setup(void **state)
{
	(void)state;
	for (int i = LAB_ARK; i <= LAB_STRANGER; i++)
		lab_keys[i] = EVP_RSA_gen(4096);
	lab_keys[LAB_CHIP] = EVP_EC_gen("P-384");
	lab_keys[LAB_CHIP2] = EVP_EC_gen("P-384");
	lab_keys[LAB_P256] = EVP_EC_gen("P-256");
	lab_keys[LAB_SPELLED] = EVP_EC_gen("P-384");
	EVP_PKEY_set_utf8_string_param(lab_keys[LAB_SPELLED], OSSL_PKEY_PARAM_EC_ENCODING,
				       OSSL_PKEY_EC_ENCODING_EXPLICIT);
	lab_keys[LAB_RSA] = EVP_RSA_gen(3072);
	return 0;
}

static inline int lab_teardown(void **state)
{
	(void)state;
	for (int i = 0; i < LAB_KEYS; i++)
		EVP_PKEY_free(lab_keys[i]);
	return 0;
}

static inline void lab_name(X509_NAME *name, const char *cn, const char *extra)
{
	static const char *const parts[][2] = {
		{ "OU", "Engineering" },
		{ "C", "US" },
		{ "L", "Santa Clara" },
		{ "ST", "CA" },
		{ "O", "Advanced Micro Devices" },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_ASC,
					   (const uint8_t *)parts[i][1], -1, -1, 0);
	if (extra)
		X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC, (const uint8_t *)extra, -1, -1,
					   0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
}

static inline struct lab_extension *lab_find(struct lab_cert *c, const char *suffix)
{
	char oid[40];

	snprintf(oid, sizeof(oid), LAB_ARC "%s", suffix);
	for (size_t i = 0; i < c->extensions_count; i++)
		if (!strcmp(c->extensions[i].oid, oid))
			return &c->extensions[i];
	return NULL;
}

static inline struct lab_extension *lab_add(struct lab_cert *c, const char *suffix, const void *der,
					    size_t n)
{
	struct lab_extension *e = &c->extensions[c->extensions_count++];

	assert_true(c->extensions_count <= LAB_EXTENSIONS_MAX && n <= sizeof(e->der));
	snprintf(e->oid, sizeof(e->oid), LAB_ARC "%s", suffix);
	memcpy(e->der, der, n);
	e->n = n;
	e->critical = false;
	return e;
}

static inline void lab_remove(struct lab_cert *c, const char *suffix)
{
	struct lab_extension *e = lab_find(c, suffix);

	assert_non_null(e);
	*e = c->extensions[--c->extensions_count];
}

/* Replaces the bytes of an extension. */
static inline void lab_set(struct lab_cert *c, const char *suffix, const void *der, size_t n)
{
	struct lab_extension *e = lab_find(c, suffix);

	assert_non_null(e);
	if (!e)
		return; /* gcc does not know that the line above does not either */
	memcpy(e->der, der, n);
	e->n = n;
}

static inline void lab_integer(struct lab_cert *c, const char *suffix, uint8_t v)
{
	uint8_t der[] = { 2, 1, v, 0 };
	size_t n = 3;

	if (v >= 0x80) {
		der[1] = 2;
		der[2] = 0;
		der[3] = v;
		n = 4;
	}
	if (lab_find(c, suffix))
		lab_remove(c, suffix);
	lab_add(c, suffix, der, n);
}

static inline void lab_text(struct lab_cert *c, const char *suffix, const char *text)
{
	uint8_t der[64] = { 0x16, strlen(text) };

	memcpy(der + 2, text, strlen(text));
	if (lab_find(c, suffix))
		lab_remove(c, suffix);
	lab_add(c, suffix, der, strlen(text) + 2);
}

static inline void lab_put_extension(X509 *x, const char *oid, const uint8_t *der, size_t n,
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

/* A digest-sign context as AMD signs, or as the test wants it wrong. */
static inline EVP_MD_CTX *lab_signer(enum lab_key key, bool pkcs1, int salt, const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;

	assert_int_equal(EVP_DigestSignInit(ctx, &pctx, md, NULL, lab_keys[key]), 1);
	if (EVP_PKEY_get_base_id(lab_keys[key]) == EVP_PKEY_RSA && !pkcs1) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt);
	}
	return ctx;
}

static inline void lab_build_cert(struct lab_cert *c)
{
	static const uint8_t bc_ca[] = { 0x30, 3, 1, 1, 0xff }, ku[] = { 3, 2, 1, 6 };
	X509 *x = X509_new();
	uint8_t *p = c->der;
	EVP_MD_CTX *ctx;
	int n;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial);
	lab_name(X509_get_subject_name(x), c->subject, NULL);
	lab_name(X509_get_issuer_name(x), c->issuer, c->extra_issuer);
	ASN1_TIME_set(X509_getm_notBefore(x), c->from);
	ASN1_TIME_set(X509_getm_notAfter(x), c->to);
	X509_set_pubkey(x, lab_keys[c->key]);
	if (c->ca) {
		lab_put_extension(x, "2.5.29.19", bc_ca, sizeof(bc_ca), true);
		lab_put_extension(x, "2.5.29.15", ku, sizeof(ku), true);
	}
	for (size_t i = 0; i < c->extensions_count; i++)
		lab_put_extension(x, c->extensions[i].oid, c->extensions[i].der, c->extensions[i].n,
				  c->extensions[i].critical);
	ctx = lab_signer(c->signer, c->pkcs1, c->salt, c->md());
	assert_true(X509_sign_ctx(x, ctx) > 0);
	n = i2d_X509(x, NULL);
	assert_true(n > 0 && n <= LAB_DER_MAX);
	c->n = i2d_X509(x, &p);
	EVP_MD_CTX_free(ctx);
	X509_free(x);
}

static inline void lab_crl_extension(X509_CRL *x, int nid, bool critical)
{
	ASN1_INTEGER *one = ASN1_INTEGER_new();

	ASN1_INTEGER_set(one, 1);
	X509_CRL_add1_ext_i2d(x, nid, one, critical, 0);
	ASN1_INTEGER_free(one);
}

static inline void lab_build_crl(struct lab_crl *c)
{
	X509_NAME *issuer = X509_NAME_new();
	ASN1_TIME *t = ASN1_TIME_new();
	X509_CRL *x = X509_CRL_new();
	uint8_t *p = c->der;
	EVP_MD_CTX *ctx;

	X509_CRL_set_version(x, 1);
	lab_name(issuer, c->issuer, NULL);
	X509_CRL_set_issuer_name(x, issuer);
	X509_CRL_set1_lastUpdate(x, ASN1_TIME_set(t, c->from));
	X509_CRL_set1_nextUpdate(x, ASN1_TIME_set(t, c->to));
	for (size_t i = 0; i < c->serials_count; i++) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, c->serials[i]);
		X509_REVOKED_set_serialNumber(r, serial);
		X509_REVOKED_set_revocationDate(r, ASN1_TIME_set(t, c->from));
		X509_CRL_add0_revoked(x, r);
		ASN1_INTEGER_free(serial);
	}
	lab_crl_extension(x, NID_crl_number, c->critical);
	if (c->delta)
		lab_crl_extension(x, NID_delta_crl, false);
	ctx = lab_signer(c->signer, c->pkcs1, 48, EVP_sha384());
	assert_true(X509_CRL_sign_ctx(x, ctx) > 0);
	c->n = i2d_X509_CRL(x, &p);
	EVP_MD_CTX_free(ctx);
	X509_CRL_free(x);
	ASN1_TIME_free(t);
	X509_NAME_free(issuer);
}

/* As a chip does: over the first 0x2a0 bytes, r and s little endian. */
static inline void lab_sign_report(uint8_t report[SNP_REPORT_BYTES], enum lab_key key)
{
	EVP_MD_CTX *ctx = lab_signer(key, false, 0, EVP_sha384());
	uint8_t der[512];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	ECDSA_SIG *sig;

	memset(report + 0x2a0, 0, 144);
	assert_int_equal(EVP_DigestSign(ctx, der, &n, report, SNP_SIGNED_BYTES), 1);
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_get_base_id(lab_keys[key]) != EVP_PKEY_EC)
		return;
	sig = d2i_ECDSA_SIG(NULL, &p, n);
	BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), report + 0x2a0, 72);
	BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), report + 0x2e8, 72);
	ECDSA_SIG_free(sig);
}

static inline void lab_put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> 8 * i;
}

/* A report's numbers, least part first: bootloader, TEE, SNP, microcode (Turin: FMC before). */
static inline void lab_tcb(uint8_t *at, enum snp_product p, const uint8_t v[LAB_PARTS])
{
	static const int milan[] = { -1, 0, 1, 6, 7 }, turin[] = { 0, 1, 2, 3, 7 };
	const int *where = p == SNP_TURIN ? turin : milan;

	memset(at, 0, SNP_TCB_BYTES);
	for (int i = 0; i < LAB_PARTS; i++)
		if (where[i] >= 0)
			at[where[i]] = v[i];
}

/* fmc, bootloader, tee, snp, microcode */
static const uint8_t lab_versions[LAB_PARTS] = { 1, 4, 2, 24, 0xdb };

static inline void lab_fill_report(struct scene *s)
{
	static const uint8_t cpus[SNP_PRODUCTS][3] = {
		[SNP_MILAN] = { 0x19, 1, 1 },
		[SNP_GENOA] = { 0x19, 0x11, 1 },
		[SNP_TURIN] = { 0x1a, 2, 1 },
	};
	uint8_t *r = s->report;

	memset(r, 0, SNP_REPORT_BYTES);
	lab_put32(r, s->product == SNP_TURIN ? 5 : 3);
	r[0x0a] = 3; /* SMT, and the bit that must be 1 */
	r[0x34] = 1;
	r[0x40] = 0x25;
	r[0x48] = s->kind << 2;
	for (int i = 0; i < REPORT_DATA_BYTES; i++)
		s->report_data[i] = r[0x50 + i] = 0xa0 + i;
	memset(r + 0x90, 0x11, 48);
	memset(r + 0xc0, 0x22, 32);
	memset(r + 0x160, 0xff, 32);
	memcpy(r + 0x188, cpus[s->product], 3);
	if (s->kind == SNP_KEY_VCEK)
		memset(r + 0x1a0, 0xc1, snp_chip_id_bytes(s->product));
	lab_tcb(r + 0x38, s->product, lab_versions);
	lab_tcb(r + 0x180, s->product, lab_versions);
	lab_tcb(r + 0x1e0, s->product, lab_versions);
	lab_tcb(r + 0x1f0, s->product, lab_versions);
	memcpy(r + 0x1e8, "\x1d\x37\x01\x00\x1d\x37\x01\x00", 8); /* 1.55.29 */
}

static inline void lab_fill_leaf(struct scene *s, const char *product)
{
	static const char *const parts[LAB_PARTS] = { "3.9", "3.1", "3.2", "3.3", "3.8" };
	bool turin = s->product == SNP_TURIN;
	uint8_t chip[SNP_CHIP_ID_BYTES];

	lab_integer(&s->leaf, "1", turin);
	lab_text(&s->leaf, "2", product);
	for (int i = turin ? 0 : 1; i < LAB_PARTS; i++)
		lab_integer(&s->leaf, parts[i], lab_versions[i]);
	if (!turin)
		lab_integer(&s->leaf, "3.4", 0);
	lab_integer(&s->leaf, "3.5", 0);
	lab_integer(&s->leaf, "3.6", 0);
	lab_integer(&s->leaf, "3.7", 0);
	memset(chip, 0xc1, sizeof(chip));
	if (s->kind == SNP_KEY_VCEK)
		lab_add(&s->leaf, "4", chip, snp_chip_id_bytes(s->product));
	else
		lab_text(&s->leaf, "5", "CN=cc-lab.example");
}

/* Everything right. */
static inline void scene_begin(struct scene *s, enum snp_product product, enum snp_key kind)
{
	static const char *const ark[] = { "", "ARK-Milan", "ARK-Genoa", "ARK-Turin" };
	static const char *const ask[SNP_KEYS][SNP_PRODUCTS] = {
		{ "", "SEV-Milan", "SEV-Genoa", "SEV-Turin" },
		{ "", "SEV-VLEK-Milan", "SEV-VLEK-Genoa", "SEV-VLEK-Turin" },
	};
	const struct lab_cert any = {
		.from = LAB_FROM, .to = LAB_TO, .salt = 48, .md = EVP_sha384
	};

	memset(s, 0, sizeof(*s));
	s->product = product;
	s->kind = kind;
	s->leaf = s->mid = s->root = any;
	s->root.subject = s->root.issuer = s->mid.issuer = ark[product];
	s->mid.subject = s->leaf.issuer = ask[kind][product];
	s->leaf.subject = kind == SNP_KEY_VCEK ? "SEV-VCEK" : "SEV-VLEK";
	s->root.key = s->root.signer = s->mid.signer = LAB_ARK;
	s->mid.key = s->leaf.signer = LAB_ASK;
	s->leaf.key = s->report_key = LAB_CHIP;
	s->root.ca = s->mid.ca = true;
	s->root.serial = 0x10000;
	s->mid.serial = 0x10001;
	s->crl = (struct lab_crl){
		.issuer = ark[product], .signer = LAB_ARK, .from = LAB_FROM, .to = LAB_TO
	};
	lab_fill_leaf(s, snp_product_str(product));
	lab_fill_report(s);
	s->policy = policy_default();
	s->evidence =
		(struct evidence){ .tee = TEE_SNP, .report_data = s->report_data, .at = LAB_NOW };
}

static inline void scene_build(struct scene *s)
{
	struct lab_cert *const certs[] = { &s->leaf, &s->mid, &s->root };
	uint8_t pin[SHA256_BYTES];

	for (int i = 0; i < 3; i++) {
		lab_build_cert(certs[i]);
		if (!certs[i]->left_out)
			s->evidence.certs[s->evidence.certs_count++] =
				bytes_of(certs[i]->der, certs[i]->n);
	}
	if (s->crl.given) {
		lab_build_crl(&s->crl);
		s->evidence.collateral[COLLATERAL_CRL] = bytes_of(s->crl.der, s->crl.n);
	}
	lab_sign_report(s->report, s->report_key);
	s->evidence.report = bytes_of(s->report, sizeof(s->report));
	assert_true(sha256(bytes_of(s->root.der, s->root.n), pin));
	assert_int_equal(policy_trust_root(s->policy, pin), 0);
}

static inline enum reason scene_judge(struct scene *s)
{
	claims_free(&s->claims);
	return appraise(s->policy, &s->evidence, &s->claims);
}

static inline void scene_end(struct scene *s)
{
	claims_free(&s->claims);
	policy_free(s->policy);
}

#endif
