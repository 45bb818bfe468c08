// SPDX-License-Identifier: BSD-2-Clause
/* Who stands where in a quote's certificates, and whether the root is one that is trusted. */
#include "verifier/refuse.h"
#include "verifier/tdx_pck.h"

enum {
	CHAIN_LENGTH = 3,
};

/*
 * Intel SGX Root CA, SHA-256 of its DER.  The root of Intel's sandbox has the same name, and so
 * has an older one with the same key: nothing less than the whole certificate is pinned.
 */
static const uint8_t intel_root[SHA256_BYTES] = {
	0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49,
	0xe9, 0x5b, 0x80, 0x7a, 0x35, 0x0e, 0x74, 0x24, 0x96, 0x43, 0x99,
	0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3,
};

static const char *const subjects[CHAIN_LENGTH][2] = {
	{ "Intel SGX PCK Certificate", NULL },
	{ "Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA" },
	{ "Intel SGX Root CA", NULL },
};

static bool trusted(const struct cert *root, const struct root_list *more, struct tdx_chain *c)
{
	c->root_is_intel = !memcmp(root->der_sha256, intel_root, SHA256_BYTES);
	c->root_by_bytes = c->root_is_intel || root_list_has(more, root->der_sha256);
	return c->root_by_bytes || root_list_has(more, root->spki_sha256);
}

static enum reason check_place(const struct cert *c, int place, struct claims *out)
{
	const char *const *names = subjects[place];

	if (strcmp(c->subject, names[0]) && (!names[1] || strcmp(c->subject, names[1])))
		return refuse(out, REASON_CERT_CHAIN,
			      "certificate %d of the quote is \"%s\", want \"%s\"", place + 1,
			      c->subject, names[0]);
	if (c->is_ca != (place > 0))
		return refuse(out, REASON_CERT_CHAIN, "certificate %s says that it is %s authority",
			      c->subject, c->is_ca ? "an" : "no");
	if (!cert_is_ecdsa(c, CURVE_P256))
		return refuse(out, REASON_CERT_CHAIN,
			      "certificate %s is not ECDSA P-256 with SHA-256", c->subject);
	return REASON_OK;
}

/* Only three, and nothing but white space and NULs behind them. */
static bool read_three(struct bytes pem, struct cert_pile *pile)
{
	while (pem.n && pem.p[pem.n - 1] == 0)
		pem.n--;
	return pem.n && !memchr(pem.p, 0, pem.n) && cert_pile_add(pile, pem) == 0 &&
	       pile->count == CHAIN_LENGTH && !pile->broken && !pile->doubles;
}

enum reason tdx_chain_read(struct bytes pem, const struct root_list *more, struct tdx_chain *c,
			   struct claims *out)
{
	const struct cert *certs = c->pile.certs;
	enum reason reason = REASON_OK;

	if (!read_three(pem, &c->pile))
		return refuse(out, REASON_CERT_CHAIN,
			      "the quote's certificates: want three in PEM, got %zu",
			      c->pile.count);
	if (certs[2].self_issued && !trusted(&certs[2], more, c))
		return refuse(out, REASON_UNTRUSTED_ROOT,
			      "root \"%s\" %s is neither Intel's nor policy's", certs[2].subject,
			      hex_short(certs[2].der_sha256).text);
	for (int i = 0; !reason && i < CHAIN_LENGTH; i++)
		reason = check_place(&certs[i], i, out);
	if (reason)
		return reason;
	if (!trusted(&certs[2], more, c))
		return refuse(out, REASON_UNTRUSTED_ROOT,
			      "the quote's last certificate is no root");
	c->leaf = &certs[0];
	c->intermediate = &certs[1];
	c->root = &certs[2];
	return REASON_OK;
}

void tdx_chain_free(struct tdx_chain *c)
{
	cert_pile_free(&c->pile);
}

enum reason tdx_chain_verify(const struct tdx_chain *c, int64_t at, struct claims *out)
{
	const struct cert *const path[CHAIN_LENGTH] = { c->leaf, c->intermediate, c->root };
	enum reason reason;

	if (!cert_may_sign(c->leaf))
		return refuse(out, REASON_CERT_LEAF, "certificate %s may not sign reports",
			      c->leaf->subject);
	reason = c->root_by_bytes ? cert_path_verify_pinned(path, CHAIN_LENGTH, at, out)
				  : cert_path_verify(path, CHAIN_LENGTH, at, out);
	if (!reason) {
		cert_remember(c->intermediate);
		cert_remember(c->root);
	}
	return reason;
}
