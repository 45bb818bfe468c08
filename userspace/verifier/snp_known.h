/* SPDX-License-Identifier: BSD-2-Clause */
/* SNP's certificates in the cache that evidence comes with; without one nothing is ever known. */
#ifndef SNP_KNOWN_H
#define SNP_KNOWN_H

#include "verifier/cache.h"
#include "verifier/x509.h"

struct snp_case;

/*
 * Whether the chain that came along has been verified before, under these roots, with this CRL, and
 * holds at this time: then everything that the chain's own steps fill is filled.
 */
bool snp_known_chain(struct snp_case *c);
/* Whether intermediate and root have: then the leaf's signature is left to be verified. */
bool snp_known_authority(struct snp_case *c);
/* Whether the CRL was found to be good with them; then c->crl is filled. */
bool snp_known_revocation(struct snp_case *c);
/* Puts the certificates of a piece that is known into the pile; false: it is not. */
bool snp_known_piece(struct cache *cache, struct bytes piece, struct cert_pile *pile);

/* To be called once the report is known to be signed by the leaf, and that for the leaf's chip. */
void snp_known_keep(struct snp_case *c);

#endif
