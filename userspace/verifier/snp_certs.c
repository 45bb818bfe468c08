// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/snp_certs.h"

#include <stdio.h>

#include "verifier/refuse.h"
#include "verifier/snp_known.h"
#include "verifier/snp_table.h"

/* AMD's roots: SHA-256 of the certificate and of its SubjectPublicKeyInfo. */
static const char *const amd_roots[] = {
	/* ARK-Milan */
	"69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
	"9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9",
	/* ARK-Genoa */
	"4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
	"429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831",
	/* ARK-Turin */
	"1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
	"4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08",
};

static const char ark_prefix[] = "ARK-", vlek_prefix[] = "SEV-VLEK-", ask_prefix[] = "SEV-";

static const char *const leaf_names[SNP_KEYS] = {
	[SNP_KEY_VCEK] = "SEV-VCEK",
	[SNP_KEY_VLEK] = "SEV-VLEK",
};

static const char *const intermediate_prefixes[SNP_KEYS] = {
	[SNP_KEY_VCEK] = ask_prefix,
	[SNP_KEY_VLEK] = vlek_prefix,
};

enum role { ROLE_LEAF, ROLE_INTERMEDIATE, ROLE_ROOT };

static bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static enum snp_key kind_of(const struct cert *c)
{
	for (enum snp_key k = 0; k < SNP_KEYS; k++)
		if (!strcmp(c->subject, leaf_names[k]))
			return k;
	return SNP_KEYS;
}

/* "SEV-Milan", "SEV-VLEK-Milan" */
static bool names_product(const char *subject)
{
	for (enum snp_key k = 0; k < SNP_KEYS; k++) {
		const char *prefix = intermediate_prefixes[k];

		if (has_prefix(subject, prefix) &&
		    snp_product_by_name(subject + strlen(prefix)) != SNP_UNKNOWN)
			return true;
	}
	return false;
}

/* By name first: a leaf that calls itself an authority is a bad leaf, not an authority. */
static enum role role_of(const struct cert *c)
{
	if (kind_of(c) != SNP_KEYS)
		return ROLE_LEAF;
	if (has_prefix(c->subject, ark_prefix))
		return ROLE_ROOT;
	if (!c->is_ca && !names_product(c->subject))
		return ROLE_LEAF;
	return c->self_issued ? ROLE_ROOT : ROLE_INTERMEDIATE;
}

static enum reason gather_table(struct bytes in, struct snp_certs *c, struct claims *out)
{
	enum reason reason;
	struct snp_table t;

	reason = snp_table_parse(in, &t, out);
	if (reason)
		return reason;
	for (enum snp_entry i = 0; i < SNP_ENTRIES; i++)
		if (i != SNP_ENTRY_CRL && cert_pile_add(&c->pile, t.entry[i]))
			return refuse(out, REASON_INTERNAL, "certificates: no memory");
	if (!c->crl.n)
		c->crl = t.entry[SNP_ENTRY_CRL];
	return REASON_OK;
}

static enum reason gather_piece(const struct evidence *e, size_t i, struct snp_certs *c,
				struct claims *out)
{
	if (snp_table_looks_like(e->certs[i]))
		return gather_table(e->certs[i], c, out);
	c->piece_of[i] = c->pile.pieces;
	if (!snp_known_piece(e->cache, e->certs[i], &c->pile) &&
	    cert_pile_add(&c->pile, e->certs[i]))
		return refuse(out, REASON_INTERNAL, "certificates: no memory");
	c->is_piece[i] = c->pile.pieces != c->piece_of[i];
	return REASON_OK;
}

enum reason snp_certs_gather(const struct evidence *e, struct snp_certs *c, struct claims *out)
{
	enum reason reason = REASON_OK;

	*c = (struct snp_certs){ .kind = SNP_KEYS };
	for (size_t i = 0; !reason && i < e->certs_count && i < CERTS_MAX; i++)
		reason = gather_piece(e, i, c, out);
	if (!reason && c->pile.overfull)
		reason = refuse(out, REASON_CERT_CHAIN, "more than %d certificates came along",
				CERT_PILE_MAX);
	return reason;
}

void snp_certs_free(struct snp_certs *c)
{
	cert_pile_free(&c->pile);
}

static bool pinned_by_us(const struct cert *c)
{
	char der[2 * SHA256_BYTES + 1], spki[2 * SHA256_BYTES + 1];

	hex(c->der_sha256, SHA256_BYTES, der);
	hex(c->spki_sha256, SHA256_BYTES, spki);
	for (size_t i = 0; i < sizeof(amd_roots) / sizeof(*amd_roots); i++)
		if (!strcmp(der, amd_roots[i]) || !strcmp(spki, amd_roots[i]))
			return true;
	return false;
}

static bool pinned_by_policy(const struct cert *c, const struct root_list *more)
{
	for (size_t i = 0; i < more->count; i++)
		if (!memcmp(c->der_sha256, more->sha256[i], SHA256_BYTES) ||
		    !memcmp(c->spki_sha256, more->sha256[i], SHA256_BYTES))
			return true;
	return false;
}

enum reason snp_certs_find_root(struct snp_certs *c, const struct root_list *more,
				struct claims *out)
{
	const struct cert *stranger = NULL;

	for (size_t i = 0; i < c->pile.count && !c->root; i++) {
		const struct cert *x = &c->pile.certs[i];

		if (role_of(x) != ROLE_ROOT)
			continue;
		c->root_is_amd = pinned_by_us(x);
		if (c->root_is_amd || pinned_by_policy(x, more))
			c->root = x;
		else if (!stranger)
			stranger = x;
	}
	c->root_offered = c->root || stranger;
	if (stranger && !c->root)
		return refuse(
			out, REASON_UNTRUSTED_ROOT,
			"root certificate \"%s\", sha256 %s, is neither AMD's nor in the policy",
			stranger->subject, hex_short(stranger->der_sha256).text);
	return REASON_OK;
}

/* The first leaf of the kind that the report was signed with, else any. */
static void find_leaf(struct snp_certs *c, enum snp_key wanted)
{
	for (size_t i = 0; i < c->pile.count; i++) {
		const struct cert *x = &c->pile.certs[i];

		if (role_of(x) != ROLE_LEAF)
			continue;
		if (!c->leaf)
			c->leaf = x;
		if (kind_of(x) == wanted) {
			c->leaf = x;
			break;
		}
	}
	c->kind = c->leaf ? kind_of(c->leaf) : SNP_KEYS;
}

static bool has_authority(const struct snp_certs *c)
{
	for (size_t i = 0; i < c->pile.count; i++)
		if (role_of(&c->pile.certs[i]) != ROLE_LEAF)
			return true;
	return false;
}

/* Without a leaf: was one offered that is none, or was none offered? */
static enum reason no_leaf(const struct snp_certs *c, struct claims *out)
{
	if (c->pile.broken)
		return refuse(out, REASON_CERT_LEAF,
			      "no VCEK or VLEK came along, but %u piece(s) that cannot be decoded",
			      c->pile.broken);
	if (c->pile.misplaced)
		return refuse(out, REASON_CERT_CHAIN,
			      "an authority's certificate stands where VCEK or VLEK belongs");
	return refuse(out, REASON_NO_LEAF, "no VCEK or VLEK certificate came along");
}

/* Root and product are one: "ARK-Milan" over "SEV-Milan" or "SEV-VLEK-Milan". */
static enum reason check_names(struct snp_certs *c, struct claims *out)
{
	const char *subject = c->intermediate->subject, *prefix = intermediate_prefixes[c->kind];
	const char *line = subject + strlen(prefix);

	if (has_prefix(subject, prefix))
		c->product = snp_product_by_name(line);
	if (c->product == SNP_UNKNOWN)
		return refuse(out, REASON_CERT_CHAIN,
			      "%s is issued by %s, want %s and a product that we know",
			      c->leaf->subject, subject, prefix);
	if (!has_prefix(c->root->subject, ark_prefix) ||
	    strcmp(c->root->subject + strlen(ark_prefix), line))
		return refuse(out, REASON_CERT_CHAIN, "%s is issued by \"%s\", want %s%s",
			      c->intermediate->subject, c->root->subject, ark_prefix, line);
	return REASON_OK;
}

static enum reason find_authorities(struct snp_certs *c, struct claims *out)
{
	for (size_t i = 0; i < c->pile.count && !c->intermediate; i++)
		if (role_of(&c->pile.certs[i]) == ROLE_INTERMEDIATE &&
		    cert_issued_by(c->leaf, &c->pile.certs[i]))
			c->intermediate = &c->pile.certs[i];
	if (!c->intermediate)
		return refuse(out, REASON_CERT_CHAIN,
			      "%s is issued by \"%s\", no such intermediate came along",
			      c->leaf->subject, c->leaf->issuer);
	if (!c->root)
		return refuse(out, REASON_CERT_CHAIN,
			      "%s is issued by \"%s\", which did not come along",
			      c->intermediate->subject, c->intermediate->issuer);
	if (!cert_issued_by(c->intermediate, c->root))
		return refuse(out, REASON_CERT_CHAIN,
			      "%s is issued by \"%s\", not by the %s that "
			      "came along",
			      c->intermediate->subject, c->intermediate->issuer, c->root->subject);
	if (!c->root->self_issued)
		return refuse(out, REASON_CERT_CHAIN, "root %s names another issuer than itself",
			      c->root->subject);
	return REASON_OK;
}

enum reason snp_certs_find_chain(struct snp_certs *c, enum snp_key wanted, struct claims *out)
{
	enum reason reason;

	find_leaf(c, wanted);
	if (!c->leaf)
		return no_leaf(c, out);
	if (!has_authority(c) && !c->pile.broken)
		return refuse(out, REASON_NO_CHAIN,
			      "no certificate of an authority came along with %s of \"%s\"",
			      c->leaf->subject, c->leaf->issuer);
	if (c->pile.broken)
		return refuse(out, REASON_CERT_CHAIN,
			      "%u piece(s) that came along with %s cannot be decoded",
			      c->pile.broken, c->leaf->subject);
	if (c->kind == SNP_KEYS)
		return refuse(out, REASON_CERT_LEAF, "leaf certificate \"%s\" is neither %s nor %s",
			      c->leaf->subject, leaf_names[SNP_KEY_VCEK], leaf_names[SNP_KEY_VLEK]);
	reason = find_authorities(c, out);
	return reason ? reason : check_names(c, out);
}
