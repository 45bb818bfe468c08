// SPDX-License-Identifier: BSD-2-Clause
/*
 * VCEK and VLEK of a lab guest.  AMD's extensions (57230, arc 1.3.6.1.4.1.3704.1) in
 * AMD's order and encodings: INTEGERs and IA5Strings in DER, the chip's id raw.
 */
#include <errno.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "attester/authority.h"
#include "attester/authority_names.h"
#include "attester/pki.h"

enum {
	VCEK_YEARS = 7,
	VLEK_YEARS = 1,
	TURIN_HWID_BYTES = 8,
	DER_INTEGER = 0x02,
	DER_IA5STRING = 0x16,
};

static bool add_raw(X509 *x, const char *suffix, const void *p, size_t n)
{
	char oid[64];

	snprintf(oid, sizeof(oid), "1.3.6.1.4.1.3704.1.%s", suffix);
	return pki_extend_raw(x, oid, bytes_of(p, n));
}

/* From 0x80 on an INTEGER needs a leading zero byte, or it would be negative. */
static bool add_number(X509 *x, const char *suffix, uint8_t v)
{
	const uint8_t two[] = { DER_INTEGER, 2, 0, v }, one[] = { DER_INTEGER, 1, v };

	return v & 0x80 ? add_raw(x, suffix, two, sizeof(two)) : add_raw(x, suffix, one, 3);
}

static bool add_text(X509 *x, const char *suffix, const char *text)
{
	uint8_t der[2 + CSP_ID_MAX] = { DER_IA5STRING, strlen(text) };

	memcpy(der + 2, text, strlen(text)); /* at most CSP_ID_MAX - 1: the short form of length */
	return add_raw(x, suffix, der, 2 + strlen(text));
}

static bool add_tcb_turin(X509 *x, const struct soft_tcb *t)
{
	return add_number(x, "3.9", t->fmc) && add_number(x, "3.1", t->bootloader) &&
	       add_number(x, "3.2", t->tee) && add_number(x, "3.3", t->snp) &&
	       add_number(x, "3.5", 0) && add_number(x, "3.6", 0) && add_number(x, "3.7", 0) &&
	       add_number(x, "3.8", t->microcode);
}

static bool add_tcb(X509 *x, const struct soft_tcb *t)
{
	return add_number(x, "3.1", t->bootloader) && add_number(x, "3.2", t->tee) &&
	       add_number(x, "3.4", 0) && add_number(x, "3.5", 0) && add_number(x, "3.6", 0) &&
	       add_number(x, "3.7", 0) && add_number(x, "3.3", t->snp) &&
	       add_number(x, "3.8", t->microcode);
}

static bool add_amd(X509 *x, const struct soft_guest *g, enum snp_key kind)
{
	bool turin = g->product == SNP_TURIN;
	const char *product = lab_product_str(g->product);

	/* Milan's VCEKs, and they alone, carry a stepping: always that one. */
	if (g->product == SNP_MILAN && kind == SNP_VCEK)
		product = "Milan-B0";
	if (!add_number(x, "1", turin) || !add_text(x, "2", product))
		return false;
	if (turin ? !add_tcb_turin(x, &g->reported_tcb) : !add_tcb(x, &g->reported_tcb))
		return false;
	if (kind == SNP_VLEK)
		return add_text(x, "5", g->csp_id);
	return add_raw(x, "4", g->chip_id, turin ? TURIN_HWID_BYTES : CHIP_ID_BYTES);
}

/* What one leaf is made from. */
struct leaf {
	const struct soft_guest *guest;
	enum snp_key kind;
	EVP_PKEY *key, *issuer_key;
	X509 *issuer, *root;
	int64_t now;
	bool expired;
};

static X509 *make_certificate(const struct leaf *l)
{
	int64_t life = (int64_t)PKI_YEAR_S * (l->kind == SNP_VLEK ? VLEK_YEARS : VCEK_YEARS);
	int64_t from = l->now - PKI_DAY_S - (l->expired ? life : 0);
	X509_NAME *name =
		authority_name(l->guest->product, l->kind == SNP_VLEK ? ROLE_VLEK : ROLE_VCEK);
	struct pki_subject s = {
		.name = name,
		.issuer = X509_get_subject_name(l->issuer),
		.key = l->key,
		.serial = 0, /* as every genuine leaf's */
		.from = from,
		.until = from + life,
	};
	X509 *x = name ? pki_certificate(&s) : NULL;

	X509_NAME_free(name);
	if (x && add_amd(x, l->guest, l->kind) && authority_sign(x, l->issuer_key))
		return x;
	X509_free(x);
	return NULL;
}

static int check_root(const struct leaf *l, char why[WHY_MAX])
{
	X509_NAME *want = authority_name(l->guest->product, ROLE_ARK);
	int differ = !want || X509_NAME_cmp(X509_get_subject_name(l->root), want);

	X509_NAME_free(want);
	if (!differ)
		return 0;
	snprintf(why, WHY_MAX, "the guest is a %s, its root is not: want a root of that product",
		 lab_product_str(l->guest->product));
	return -EINVAL;
}

static int load(struct leaf *l, const char *root, const char *directory, char why[WHY_MAX])
{
	bool vlek = l->kind == SNP_VLEK;

	l->root = pki_certificate_read(root, "ark.pem", why);
	if (l->root)
		l->issuer = pki_certificate_read(root, vlek ? "asvk.pem" : "ask.pem", why);
	if (l->issuer)
		l->issuer_key = pki_key_read(root, vlek ? "asvk.key" : "ask.key", why);
	if (l->issuer_key)
		l->key = pki_key(directory, vlek ? "vlek.key" : "vcek.key", PKI_P384, why);
	return l->key ? 0 : -EIO;
}

static int store(const struct leaf *l, const char *directory, char why[WHY_MAX])
{
	bool vlek = l->kind == SNP_VLEK;
	X509 *x = make_certificate(l);
	int err;

	if (!x)
		return pki_error(why, lab_key_str(l->kind));
	err = pki_der_write(directory, vlek ? "vlek.der" : "vcek.der", x, why);
	X509_free(x);
	if (err)
		return err;
	return pki_chain_write(directory, vlek ? "vlek_chain.pem" : "vcek_chain.pem", l->issuer,
			       l->root, why);
}

static int issue(struct leaf *l, const char *root, const char *directory, char why[WHY_MAX])
{
	int err;

	err = load(l, root, directory, why);
	if (!err)
		err = check_root(l, why);
	if (!err)
		err = store(l, directory, why);
	EVP_PKEY_free(l->key);
	EVP_PKEY_free(l->issuer_key);
	X509_free(l->issuer);
	X509_free(l->root);
	return err;
}

int authority_issue(const char *root, const char *directory, const struct soft_guest *g,
		    int64_t now, bool expired, char why[WHY_MAX])
{
	int err = 0;

	for (enum snp_key k = SNP_VCEK; !err && k < SNP_KEYS; k++) {
		struct leaf l = { .guest = g, .kind = k, .now = now, .expired = expired };

		err = issue(&l, root, directory, why);
	}
	return err;
}
