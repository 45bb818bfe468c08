/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is to be fetched, and when.  Equal wishes are one; a source that asks for patience, or
 * does not answer, is left alone for longer each time; a piece that a source does not have is
 * not asked for again before long.  Pure: time and randomness are passed in.
 */
#ifndef COLLATERAL_DEMAND_H
#define COLLATERAL_DEMAND_H

#include "collateral/wire.h"

enum {
	DEMAND_MAX = 4096,	     /* wishes at a time */
	DEMAND_IN_FLIGHT_MAX = 2,    /* of one source */
	DEMAND_THROTTLED_MS = 10000, /* KDS gives out about one VCEK in that time; doubles */
	DEMAND_FAILED_MS = 2000,     /* first wait for a source that fails; doubles */
	DEMAND_WAIT_MAX_MS = 300000,
	DEMAND_MISSING_MS = 3600000, /* for what the source does not have */
	DEMAND_WRONG_MS = 60000,     /* first wait for what came and was not it; doubles */
};

enum source { SOURCE_KDS, SOURCE_PCS, SOURCES };

const char *source_str(enum source s); /* "kds" */
enum source source_of(const struct want *w);

struct demand;

struct demand *demand_new(void); /* NULL without memory */
void demand_free(struct demand *d);

/*
 * Wants w fetched.  0: it will be, or is being; -EAGAIN: not yet, since it could not be had a
 * moment ago; -ENOSPC: too many wishes.
 */
int demand_add(struct demand *d, const struct want *w, uint64_t now_ms);

/* The next to be fetched now, which then is in flight until demand_done().  False: none. */
bool demand_next(struct demand *d, uint64_t now_ms, struct want *out);
/* When demand_next() may have one; UINT64_MAX: not before something else happens. */
uint64_t demand_due_ms(const struct demand *d);

/* How w came out.  random: any, spreads the waits. */
void demand_done(struct demand *d, const struct want *w, enum fetch_result result,
		 uint32_t retry_after_s, uint32_t random, uint64_t now_ms);
/* The fetcher ended: what it had in flight waits again. */
void demand_lost(struct demand *d, uint64_t now_ms);
/* Forgets all waits, for one asks by hand or with other sources. */
void demand_hurry(struct demand *d);

bool demand_pending(const struct demand *d, const struct want *w); /* waits or is in flight */
size_t demand_count(const struct demand *d);			   /* of those */

#endif
