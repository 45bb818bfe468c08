/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD's certificates for SNP (AMD 57230): which of those that came along stands where, whether
 * the root is one that is trusted, and what the leaf says about its chip.
 */
#ifndef SNP_CERTS_H
#define SNP_CERTS_H

#include "verifier/policy_rules.h"
#include "verifier/x509.h"

/* Everything that came along, and the three of it that count; NULL where there is none. */
struct snp_certs {
	struct cert_pile pile;
	bool is_piece[CERTS_MAX]; /* of the evidence's: one of the pile's pieces, and which */
	unsigned int piece_of[CERTS_MAX];
	struct bytes crl; /* from a host's table */
	const struct cert *leaf, *intermediate, *root;
	bool root_offered;	  /* some certificate claims to be a root */
	bool root_is_amd;	  /* root is pinned by us, not by policy */
	enum snp_key kind;	  /* the leaf's; SNP_KEYS: neither */
	enum snp_product product; /* the chain's */
};

/* What the extensions of a VCEK or VLEK say. */
struct snp_leaf {
	struct snp_tcb tcb;
	char product[32];		    /* "Milan-B0" */
	uint8_t chip_id[SNP_CHIP_ID_BYTES]; /* VCEK; what a Turin has less is zero */
	char csp_id[RULES_CSP_TEXT_MAX];    /* VLEK */
};

/* Reads all pieces.  Only what cannot be a table is refused here. */
enum reason snp_certs_gather(const struct evidence *e, struct snp_certs *c, struct claims *out);
void snp_certs_free(struct snp_certs *c);

/* Picks the root: REASON_UNTRUSTED_ROOT when there is one and neither AMD's nor the policy's. */
enum reason snp_certs_find_root(struct snp_certs *c, const struct root_list *more,
				struct claims *out);
/* Picks leaf and intermediate by the names that AMD gives them.  wanted: the report's key. */
enum reason snp_certs_find_chain(struct snp_certs *c, enum snp_key wanted, struct claims *out);
/* Everything about the extensions of c->leaf that can be told without a report. */
enum reason snp_leaf_read(const struct snp_certs *c, struct snp_leaf *leaf, struct claims *out);

#endif
