/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collateral: what vendors publish that evidence is judged by and does not bring along.
 *
 *	url.c	   where a piece is published
 *	header.c   what the headers of an answer say
 *	facts.c	   whether a body is the piece that was asked for, and how long it holds
 *	wire.c	   what parent and fetcher say to each other
 *	process.c  the fetcher: unprivileged, the only one that speaks to vendors
 *	demand.c   what is to be fetched when: equal wishes once, back-off per source
 *	store.c	   the directory in which pieces are kept
 *	floor.c	   the highest TCB evaluation that was ever believed, of each document
 *	bundle.c   many pieces as one file; directory.c: one platform's as a directory
 *
 * Nothing is believed for having been fetched or kept: appraisal verifies every signature and
 * date, each time.  What is looked at here keeps rubbish out, and finds what to fetch anew.
 */
#ifndef COLLATERAL_COLLATERAL_H
#define COLLATERAL_COLLATERAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/want.h"

enum {
	COLLATERAL_PATH_MAX = 256,
	COLLATERAL_URL_MAX = 512,
	COLLATERAL_BODY_MAX = 131072, /* Intel's longest are some 30 KiB */
	COLLATERAL_PEM_MAX = 16384,   /* of an issuer chain; met: 2 to 4 KiB */
	COLLATERAL_WHY_MAX = 256,

	COLLATERAL_TIMEOUT_MS = 30000, /* these two are defaults */
	COLLATERAL_REFRESH_MS = 86400000,
};

#define COLLATERAL_DIRECTORY "/var/lib/fairlead/collateral"
#define COLLATERAL_KDS	     "https://kdsintf.amd.com"
#define COLLATERAL_PCS	     "https://api.trustedservices.intel.com"
#define COLLATERAL_PCS_ROOT  "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

/* The section collateral of fairlead.yaml. */
struct collateral_config {
	bool enabled; /* there is such a section */
	bool offline; /* nothing is fetched */
	bool early;   /* Intel's early channel of TCB info, not the standard one */
	char directory[COLLATERAL_PATH_MAX];
	char kds[COLLATERAL_URL_MAX], pcs[COLLATERAL_URL_MAX]; /* without a last slash */
	char ca[COLLATERAL_PATH_MAX]; /* of a caching service of one's own; "": the system's */
	uint64_t timeout_ms, refresh_ms;
	char user[32]; /* whom the fetcher becomes */
};

/* Bytes belong to whoever gave them. */
struct piece {
	struct want want;
	struct bytes body;
	struct bytes chain; /* PEM of who signed it, where that does not come with the evidence */
	int64_t issued, expires; /* Unix seconds, as the body says; 0: it does not */
	uint64_t evaluation;	 /* tcbEvaluationDataNumber of Intel's documents; 0: none */
};

void collateral_defaults(struct collateral_config *c);

/* Where a want is published, into out[COLLATERAL_URL_MAX]; false: it does not fit. */
bool url_of(const struct collateral_config *c, const struct want *w, char *out);
/* Why text is no base URL for us, or NULL. */
const char *url_fault(const char *text);

#endif
