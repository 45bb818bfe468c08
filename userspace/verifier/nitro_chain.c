// SPDX-License-Identifier: BSD-2-Clause
/* The chain of a document: root, region, zone, instance and, for three hours, the enclave. */
#include "verifier/nitro.h"
#include "verifier/refuse.h"

/* SHA-256 of AWS_NitroEnclaves_Root-G1, "aws.nitro-enclaves", valid until 2049. */
static const char aws_root[] = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b";

/* The pile takes PEM, several in one piece and doubles; a document has one DER in each place. */
static bool add_one(struct cert_pile *pile, struct bytes der)
{
	uint8_t digest[SHA256_BYTES];
	size_t before = pile->count;

	return !cert_pile_add(pile, der) && pile->count == before + 1 && sha256(der, digest) &&
	       !memcmp(digest, pile->certs[before].der_sha256, SHA256_BYTES);
}

enum reason nitro_chain_read(const struct nitro_document *d, struct nitro_chain *c,
			     struct claims *out)
{
	for (size_t i = 0; i < d->cabundle_count; i++)
		if (!add_one(&c->pile, d->cabundle[i]))
			return refuse(
				out, REASON_CERT_CHAIN,
				"cabundle[%zu] is not one certificate in DER, new in the bundle",
				i);
	if (!add_one(&c->pile, d->certificate))
		return refuse(out, REASON_CERT_LEAF,
			      "the document's certificate is not one in DER, of its own");
	c->certs = c->pile.certs;
	c->count = c->pile.count;
	c->leaf = &c->certs[c->count - 1];
	return REASON_OK;
}

void nitro_chain_free(struct nitro_chain *c)
{
	cert_pile_free(&c->pile);
	cached_drop(c->known);
}

enum reason nitro_chain_pin(struct nitro_chain *c, const struct root_list *more, struct claims *out)
{
	const struct cert *first = &c->certs[0];
	char der[2 * SHA256_BYTES + 1];

	if (!first->self_issued)
		return refuse(out, REASON_CERT_CHAIN,
			      "cabundle begins with \"%s\" of \"%s\", want the root",
			      first->subject, first->issuer);
	c->root_is_aws = !strcmp(hex(first->der_sha256, SHA256_BYTES, der), aws_root);
	c->root_by_bytes = c->root_is_aws || root_list_has(more, first->der_sha256);
	if (!c->root_by_bytes && !root_list_has(more, first->spki_sha256))
		return refuse(
			out, REASON_UNTRUSTED_ROOT,
			"root certificate \"%s\", sha256 %s, is neither AWS's nor in the policy",
			first->subject, hex_short(first->der_sha256).text);
	c->root = first;
	return REASON_OK;
}

static enum reason check_kinds(const struct cert *const path[], size_t count, struct claims *out)
{
	for (size_t i = 0; i < count; i++)
		if (!cert_is_ecdsa(path[i], CURVE_P384))
			return refuse(out, i ? REASON_CERT_CHAIN : REASON_CERT_LEAF,
				      "certificate %s: want a P-384 key and ECDSA with SHA-384",
				      path[i]->subject);
	for (size_t i = 1; i < count; i++)
		if (!path[i]->is_ca)
			return refuse(out, REASON_CERT_CHAIN, "certificate %s is not an authority",
				      path[i]->subject);
	if (path[0]->is_ca || !cert_may_sign(path[0]))
		return refuse(out, REASON_CERT_LEAF,
			      "certificate %s: want no authority, and usage digitalSignature",
			      path[0]->subject);
	return REASON_OK;
}

enum reason nitro_chain_verify(const struct nitro_chain *c, int64_t at, struct claims *out)
{
	const struct cert *path[NITRO_CHAIN_MAX]; /* leaf first */
	size_t count = c->count;
	enum reason reason;

	for (size_t i = 0; i < count; i++)
		path[i] = &c->certs[count - 1 - i];
	reason = check_kinds(path, count, out);
	if (reason)
		return reason;
	reason = c->root_by_bytes ? cert_path_verify_pinned(path, count, at, out)
				  : cert_path_verify(path, count, at, out);
	for (size_t i = count; !reason && --i;) /* the leaf is of one document or few */
		cert_remember(path[i]);
	return reason;
}
