/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lab's stand-in for AMD's certificate authority: ARK, ASK, ASVK, their CRL and the
 * leaves under them, in the names, serials, algorithms and extensions of the genuine
 * ones (AMD 57230), so that a verifier meets nothing new.  Only the keys are other
 * ones, and the ARK carries a comment that says so.
 *
 * A root's directory: ark.pem ask.pem asvk.pem, ark.key ask.key asvk.key (0600),
 * crl.der, vcek_chain.pem, vlek_chain.pem.  Keys that are there are used again.
 */
#ifndef AUTHORITY_H
#define AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "attester/soft.h"

struct authority_options {
	enum snp_product product;
	bool revoke_ask, revoke_asvk; /* by the CRL */
	int64_t now;		      /* Unix seconds */
};

/*
 * Makes what is missing in directory; the CRL is always made anew.  0 and the SHA-256 of the
 * ARK's DER, or -errno and why[]: -EEXIST for a root of another product.
 */
int authority_make(const char *directory, const struct authority_options *o, uint8_t sha256[32],
		   char why[WHY_MAX]);

/* Whose look-alike the root in directory is.  0, or -errno and why[]. */
int authority_product(const char *directory, enum snp_product *out, char why[WHY_MAX]);

/*
 * Issues the leaves of g from root into directory: key (made if missing), certificate and chain of
 * VCEK and VLEK, valid from a day before now or, expired, until then.
 */
int authority_issue(const char *root, const char *directory, const struct soft_guest *g,
		    int64_t now, bool expired, char why[WHY_MAX]);

#endif
