/* SPDX-License-Identifier: BSD-2-Clause */
/* From what the configuration says of egress to the rules that the kernel knows.  Pure. */
#ifndef EGRESS_WAYS_H
#define EGRESS_WAYS_H

#include <stddef.h>

#include "daemon/config.h"
#include "egress_abi.h"

enum {
	EGRESS_DIGEST_TEXT = 97, /* SHA-384 in hex */
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
 * Of what is confined, and how: the SHA-384 over "interface NAME" of each and then each rule as
 * egress_way_text(), sorted as sort(1) does in the C locale, a line each; so anybody can make it
 * again.  False without memory.
 */
bool egress_digest(const char (*interfaces)[IF_NAMESIZE], size_t interfaces_count,
		   const struct egress_key *ways, size_t count, char out[EGRESS_DIGEST_TEXT]);

#endif
