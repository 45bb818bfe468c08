/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the relay's work comes to, in numbers: all that leaves it besides its log.  One process
 * counts, in memory that its parent shares with it and makes a page of for Prometheus; a relay
 * that is started again counts on.
 */
#ifndef RELAY_USAGE_H
#define RELAY_USAGE_H

#include "relay/admit.h"
#include "relay/relay.h"

enum usage_evidence {
	USAGE_GIVEN,
	USAGE_BUSY, /* others wait, or the device is throttled */
	USAGE_FAILED,
	USAGE_EVIDENCE,
};

struct usage_to {		  /* a destination */
	uint64_t reached, failed; /* connections for it */
	uint64_t up, down;	  /* bytes */
};

struct usage {
	uint64_t open, unproven, waiting; /* connections now: all, before ATTEST, for evidence */
	uint64_t let_in, refused[ADMIT_REASONS];
	uint64_t evidence[USAGE_EVIDENCE];
	struct usage_to to[RELAY_DESTINATIONS_MAX];
};

/* One side may add, any may read. */
static inline void usage_add(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
}

static inline void usage_set(uint64_t *gauge, uint64_t n)
{
	__atomic_store_n(gauge, n, __ATOMIC_RELAXED);
}

struct usage *usage_new(void);	  /* all zero, shared with children to come; NULL without memory */
void usage_free(struct usage *u); /* takes NULL */

/* The page, text format 0.0.4, to be freed; NULL without memory. */
char *usage_page(const struct usage *u, const struct relay_config *c, size_t *n);

/* The process that answers GET /metrics with its parent's pages; ends with fd. */
_Noreturn void usage_main(int fd, const struct relay_config *c);

#endif
