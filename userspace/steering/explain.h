/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a flow goes and why, read from the tables as the packet path reads them: what is
 * remembered, who stands in its slot and in those after it, and what is the matter with
 * each.  Pure: reads memory, changes nothing.  It is the reasoning beside the answer; the
 * answer itself is the program's, see probe.h.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct tables;

enum {
	EXPLAIN_SLOTS = 9,			    /* a flow's own, and those walked to */
	EXPLAIN_CANDIDATES = 1 + 2 * EXPLAIN_SLOTS, /* who is remembered, and two a slot */
};

struct explain_flow {
	struct addr src, dst;
	uint16_t sport, dport; /* host order */
	uint8_t proto;
	bool opens; /* TCP: the packet is a SYN */
};

/* The tables, as they lie in memory. */
struct explain_world {
	const struct settings *settings;
	const struct service_bucket *services; /* both halves */
	const struct ring_slot *rings;
	const struct backend *backends;
	const struct flow_set *flows;
	uint32_t buckets; /* of a half */
	uint32_t ring_slots, backends_max, flow_sets;
};

enum explain_role {
	ROLE_REMEMBERED, /* the flow's entry */
	ROLE_PRIMARY,
	ROLE_FALLBACK,
};

/* What is the matter with a candidate. */
enum explain_verdict {
	VERDICT_MAY,	   /* nothing */
	VERDICT_NOBODY,	   /* no id in the slot */
	VERDICT_DRAINED,   /* gets no new flows */
	VERDICT_EVICTED,   /* by hand: its leases were taken */
	VERDICT_LAPSED,	   /* its lease for the class has ended */
	VERDICT_NO_LEASE,  /* it never had one, or it was taken */
	VERDICT_FORGOTTEN, /* remembered, but the id is another backend's since */
	VERDICT_COUNT
};

struct explain_candidate {
	uint32_t walk; /* slots after the flow's own; 0: its own */
	enum explain_role role;
	uint16_t id;
	enum explain_verdict verdict;
	int64_t jiffies_left; /* of its lease for the class; below 0: since */
	bool has_way;	      /* next hop known: else it is chosen, and the packet refused */
};

struct explanation {
	bool is_service;
	bool is_vip; /* the address is one, whatever the port */
	struct service service;
	uint64_t hash;
	bool has_ring;
	uint32_t slot; /* of the service's ring */
	struct ring_slot in_slot;
	bool settled; /* all flows of the slot are its primary's: nothing remembered is asked */
	bool remembered;
	uint64_t entry; /* of flows; 0: none */
	struct explain_candidate candidate[EXPLAIN_CANDIDATES];
	size_t candidates;
};

/* now: jiffies64. */
void explain_flow(const struct explain_world *w, const struct explain_flow *f, uint64_t now,
		  struct explanation *e);
void explain_world_of(const struct tables *t, struct explain_world *w);

const char *explain_role_str(enum explain_role r);
const char *explain_verdict_str(enum explain_verdict v);   /* for people */
const char *explain_verdict_label(enum explain_verdict v); /* for JSON */

#endif
