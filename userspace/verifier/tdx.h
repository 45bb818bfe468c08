/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel TDX: the staircase from bytes to a verdict, and what its files share. */
#ifndef TDX_H
#define TDX_H

#include "verifier/cache.h"
#include "verifier/policy_rules.h"
#include "verifier/tdx_tcb.h"

/* The signed documents, and who signed them.  Kept once they are known to hold. */
struct tdx_collateral {
	struct cached head;
	struct tdx_tcb_info info;
	struct tdx_qe_identity qe;
	struct cert_pile signers;
	const struct cert *info_signer, *qe_signer; /* NULL until verified */
	struct crl_facts root_crl;		    /* when it was asked about the signers */
};

/* What is of the platform and not of the TD: certificates and their lists.  Kept alike. */
struct tdx_platform {
	struct cached head;
	struct tdx_chain chain;
	struct tdx_pck pck;
	struct crl_list root_crl, pck_crl;
	bool root_crl_checked, pck_crl_checked;
};

/* One appraisal on its way.  Later steps may use what earlier ones have filled. */
struct tdx_case {
	const struct policy *policy;
	const struct tdx_rules *rules;
	const struct evidence *evidence;
	struct claims *out;
	struct tdx_quote quote;
	struct tdx_platform *platform;
	struct tdx_collateral *collateral;
	struct tdx_tcb tcb;
	/* How far it came. */
	bool parsed, chain_verified, pck_read,
		genuine; /* genuine: the quote is the platform's word */
	bool lists_checked, collateral_read, evaluated;
	bool platform_known, collateral_known; /* from the cache, and still in their time */
};

enum reason tdx_appraise(const struct policy *policy, const struct evidence *evidence,
			 struct claims *out);

/* Which collateral a quote will be judged by; false: it is none that can be judged. */
struct tdx_wanted {
	uint8_t fmspc[TDX_FMSPC_BYTES];
	const char *authority; /* "platform" or "processor": as PCS asks for a PCK CRL */
};
bool tdx_collateral_wanted(struct bytes quote, struct tdx_wanted *out);

/*
 * tdx_collateral.c: signers to the quote's own root, signatures over the bytes received, contents.
 * What is missing is said before anything that is wrong.
 */
enum reason tdx_collateral_read(struct tdx_case *c);
/* It is of this platform, of this time, and as new as policy wants. */
enum reason tdx_collateral_check(const struct tdx_case *c);
/* None of the certificates that matter is revoked. */
enum reason tdx_revocation_check(struct tdx_case *c);

/* tdx_judge.c: the policy's demands on a genuine quote; of the TD alone; of its platform's TCB. */
enum reason tdx_judge_td(const struct tdx_case *c);
enum reason tdx_judge_tcb(const struct tdx_case *c);
/* Which classes of service it is good for; says so in out->detail when one is missing. */
unsigned int tdx_classes(const struct tdx_case *c);

/*
 * tdx_known.c: the platform and the collateral of the case, each empty and its own, or one that has
 * been verified before and holds at this time.  False without memory.
 */
bool tdx_known_begin(struct tdx_case *c); /* with nothing in them */
void tdx_known_end(struct tdx_case *c);
void tdx_known_platform(struct tdx_case *c);
void tdx_known_collateral(struct tdx_case *c);
/* Once all that they say has been verified. */
void tdx_known_keep_platform(struct tdx_case *c);
void tdx_known_keep_collateral(struct tdx_case *c);

/* tdx_claims.c: what is known by now, into c->out. */
void tdx_claims_fill(const struct tdx_case *c);

#endif
