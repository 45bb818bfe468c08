/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD SEV-SNP: the staircase from bytes to a verdict, and what its files share. */
#ifndef SNP_H
#define SNP_H

#include "verifier/azure_hcl.h"
#include "verifier/policy_rules.h"
#include "verifier/snp_certs.h"
#include "verifier/snp_known.h"
#include "verifier/snp_report.h"

/* One appraisal on its way.  Later steps may use what earlier ones have filled. */
struct snp_case {
	const struct policy *policy;
	const struct snp_rules *rules;
	const struct evidence *evidence;
	struct claims *out;
	struct snp_report report;
	struct snp_certs certs;
	struct snp_leaf leaf;
	struct snp_tcb reported, committed, current, launch;
	struct crl_facts crl;
	struct azure_hcl hcl; /* what the report came in, and its answer; is_azure: it did */
	uint8_t pcrs[AZURE_PCRS_BYTES];
	bool is_azure, has_pcrs;
	bool report_parsed, chain_verified, leaf_read, crl_checked;
	/* Of the cache: what is held until the end, and the key of what came along. */
	struct cached *known, *authority;
	struct cache_key key;
	bool has_key;
};

/* snp_azure.c: that it is an answer to the question; what policy says of such. */
enum reason snp_azure_check(struct snp_case *c);
enum reason snp_azure_judge(const struct snp_case *c);

/* The CRL that counts: collateral, or else the host's. */
struct bytes snp_case_crl(const struct snp_case *c);

enum reason snp_appraise(const struct policy *policy, const struct evidence *evidence,
			 struct claims *out);

/*
 * The certificates alone: chain, CRL and the leaf's extensions, for a leaf of kind wanted.
 * What appraisal does between the report's shape and its signature.
 */
enum reason snp_appraise_certs(const struct policy *policy, const struct evidence *evidence,
			       enum snp_key wanted, struct claims *out);

/* snp_judge.c: the policy's demands on a report that is known to be genuine. */
enum reason snp_judge(const struct snp_case *c);
/* Which classes of service it is good for; says so in out->detail when one is missing. */
unsigned int snp_classes(const struct snp_case *c);

/* snp_claims.c: what is known by now, into c->out. */
void snp_claims_fill(const struct snp_case *c);

#endif
