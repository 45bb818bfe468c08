/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appraisal: evidence of any platform and a policy in, one reason and claims out.
 *
 * Nothing above this header knows a platform.  Pure: the time comes in, no file is
 * read, nothing is remembered but in the cache that comes along, if one does.  What it
 * does not do: fetch collateral, judge the freshness of evidence (that is REPORT_DATA's
 * and the caller's clock's business).
 */
#ifndef APPRAISE_H
#define APPRAISE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/binding.h"
#include "base/bytes.h"
#include "base/collateral.h"
#include "base/messages.h"
#include "base/tee.h"
#include "verifier/reason.h"

struct cache;
struct objections;
struct policy;

/* Everything that is appraised, as received. */
struct evidence {
	enum tee tee;
	struct bytes report;	       /* in the platform's own format */
	struct bytes certs[CERTS_MAX]; /* each DER, PEM (one or many) or an SNP certificate table */
	size_t certs_count;
	struct bytes collateral[COLLATERAL_COUNT]; /* empty: none at hand */
	const uint8_t *report_data; /* the 64 bytes that must be in it; NULL: not compared */
	int64_t at;		    /* Unix seconds at which certificates must be valid */
	struct cache *cache;	    /* of what was verified before; NULL: none */
	struct objections *objections; /* appraise_all()'s; otherwise NULL */
};

enum {
	CLAIM_TEXT_MAX = 192,
};

/* What the evidence says.  Filled as far as appraisal came; believe it only with REASON_OK. */
struct claims {
	enum tee tee;
	char product[32];		   /* "Milan" */
	uint8_t measurement[DIGEST_BYTES]; /* launch digest */
	uint8_t digest[DIGEST_BYTES];	   /* SHA-384 of the report's bytes */
	char tcb[CLAIM_TEXT_MAX];	   /* "bootloader=4 tee=0 snp=24 microcode=219" */
	char root[2 * 32 + 1];		   /* SHA-256 of the trust anchor's DER, hexadecimal */
	bool lab_root;		 /* the anchor is no vendor's: only policy vouches for it */
	int64_t not_after;	 /* the first certificate of the chain to expire; 0 unknown */
	unsigned int class_mask; /* bit CLASS_…: what policy lets it serve; 0 unless OK */
	char detail[WHY_MAX];	 /* what, which, why and what was wanted */
	json_t *json;		 /* the platform's own claims as an object; owned, may be NULL */
	struct objections *objections; /* while appraise_all() judges; otherwise NULL */
};

/* Whether there is a verifier for that kind of evidence. */
bool appraise_knows(enum tee tee);

/* Files may hold what a device answered: leaves the bare report in e.  REASON_OK also then. */
enum reason evidence_unwrap(struct evidence *e, struct claims *out);

/*
 * Whether the evidence proves what the policy wants.  Every path but the last line refuses.
 * out is always filled; claims_free() releases what it owns.
 */
enum reason appraise(const struct policy *policy, const struct evidence *evidence,
		     struct claims *out);
void claims_free(struct claims *c);

/*
 * All of an appraisal for programs, as a new object: accepted, reason, tee, detail, digest,
 * trust_root {sha256, vendor, lab} or null, classes, claims.  NULL without memory.
 */
json_t *appraisal_json(enum reason reason, const struct claims *c);
/* The trust_root of it. */
json_t *trust_root_json(const struct claims *c);

#endif
