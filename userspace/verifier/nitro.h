/* SPDX-License-Identifier: BSD-2-Clause */
/* AWS Nitro Enclaves: the staircase from bytes to a verdict, and what its files share. */
#ifndef NITRO_H
#define NITRO_H

#include "verifier/cache.h"
#include "verifier/nitro_document.h"
#include "verifier/policy_rules.h"
#include "verifier/x509.h"

enum {
	NITRO_CHAIN_MAX = NITRO_BUNDLE_MAX + 1,
};

/* The certificates of a document: certs[0] is the root, certs[count - 1] the leaf. */
struct nitro_chain {
	struct cert_pile pile;
	const struct cert *certs; /* of the pile, or of a chain that is known */
	size_t count;
	struct cached *known;	 /* held while it is used; may be NULL */
	const struct cert *leaf; /* NULL until all could be read */
	const struct cert *root; /* NULL until it is known to be a pinned one */
	bool root_is_aws;	 /* pinned by us, not by policy */
	bool root_by_bytes;	 /* pinned by the hash of its DER, not of its key */
};

/* One appraisal on its way.  Later steps may use what earlier ones have filled. */
struct nitro_case {
	const struct policy *policy;
	const struct nitro_rules *rules;
	const struct evidence *evidence;
	struct claims *out;
	struct nitro_document document;
	struct nitro_chain chain;
	char instance[RULES_INSTANCE_MAX]; /* the part of module_id before "-enc"; "" has none */
	bool parsed, chain_verified;
};

enum reason nitro_appraise(const struct policy *policy, const struct evidence *evidence,
			   struct claims *out);

/* nitro_chain.c: each certificate is one DER and nothing more. */
enum reason nitro_chain_read(const struct nitro_document *d, struct nitro_chain *c,
			     struct claims *out);
void nitro_chain_free(struct nitro_chain *c);
/* Whether the root is AWS's or the policy's. */
enum reason nitro_chain_pin(struct nitro_chain *c, const struct root_list *more,
			    struct claims *out);
/* Algorithms, roles and everything that OpenSSL checks, at time at. */
enum reason nitro_chain_verify(const struct nitro_chain *c, int64_t at, struct claims *out);

/* nitro_known.c: whether this very chain was verified before, and holds now; then it is filled. */
bool nitro_known_chain(struct nitro_case *c);
/* To be called for evidence that was good to its last step. */
void nitro_known_keep(const struct nitro_case *c);

/* nitro_judge.c: the policy's demands on a document that is known to be genuine. */
enum reason nitro_judge(const struct nitro_case *c);
/* Which classes of service it is good for; says so in out->detail when one is missing. */
unsigned int nitro_classes(const struct nitro_case *c);

/* nitro_claims.c: what is known by now, into c->out. */
void nitro_claims_fill(const struct nitro_case *c);

#endif
