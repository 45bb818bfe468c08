/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may connect: so many a second in all, so many at a time and a second from each source,
 * which is an IPv4 address or an IPv6 /64.  Pure: time and the seed are passed in.
 */
#ifndef RELAY_ADMIT_H
#define RELAY_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct bucket { /* of new connections; holds two seconds' worth */
	uint64_t milli, at_ms;
};

struct source {
	struct addr addr;
	struct bucket bucket;
	uint32_t connections; /* with 0 the slot may be another's */
	uint32_t waiting;     /* of them, for evidence: the evidence queue's count */
};

struct admit_limits {
	uint64_t connections; /* that there will be at a time: for the table's size */
	uint64_t per_source, rate, rate_per_source;
};

/* Why one may not come. */
enum admit_reason {
	ADMIT_SOURCES,	   /* no room to count its source */
	ADMIT_PER_SOURCE,  /* connections of its source */
	ADMIT_SOURCE_RATE, /* new ones of its source */
	ADMIT_RATE,	   /* new ones in all */
	ADMIT_FULL,	   /* connections in all: the caller's to say */
	ADMIT_REASONS,
};

const char *admit_str(enum admit_reason r);   /* for people */
const char *admit_label(enum admit_reason r); /* for Prometheus */

struct admit;

struct admit *admit_new(const struct admit_limits *l, uint64_t seed); /* NULL without memory */
void admit_free(struct admit *a);				      /* takes NULL */

/* The source that is to be given back by admit_leave(), or NULL and *why. */
struct source *admit_enter(struct admit *a, const struct addr *from, uint64_t now_ms,
			   enum admit_reason *why);
void admit_leave(struct source *s);

#endif
