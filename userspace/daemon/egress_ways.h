/* SPDX-License-Identifier: BSD-2-Clause */
/* From what the configuration says of egress to the rules that the kernel knows.  Pure. */
#ifndef EGRESS_WAYS_H
#define EGRESS_WAYS_H

#include <stddef.h>

#include "daemon/config.h"
#include "egress_abi.h"

enum {
	EGRESS_DIGEST_BYTES = 32,
};

/*
 * How many rules there are, repetitions among them; the first max are written to ways.  They are
 * what egress lists, what agent.services serve, the agent's answers to its routers, and neighbour
 * discovery of every single host among these.
 */
size_t egress_ways(const struct config *c, struct egress_key *ways, size_t max);
/* Sorts them and drops repetitions; how many are left. */
size_t egress_sort(struct egress_key *ways, size_t count);

/*
 * What is confined, and how: "interface NAME" of each, each rule as egress_way_text() and, if
 * there is one, "mss NUMBER", a line each, sorted as sort(1) does in the C locale.  To be freed; NULL without memory.
 */
char *egress_text(const char (*interfaces)[IF_NAMESIZE], size_t interfaces_count,
		  const struct egress_key *ways, size_t count, uint16_t mss);
/* The SHA-256 of that text for a configuration, so anybody can make it again.  False: no memory. */
bool egress_digest(const struct config *c, uint8_t out[EGRESS_DIGEST_BYTES]);

#endif
