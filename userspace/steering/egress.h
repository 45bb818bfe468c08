/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program on a guest's way out, and what it lets pass.  Adopted and loaded as the
 * router is (dataplane.h), under PINS/egress; attached as a filter of clsact, which
 * every kernel has, so that it goes on when we die.
 */
#ifndef STEERING_EGRESS_H
#define STEERING_EGRESS_H

#include <stddef.h>

#include "egress_abi.h"
#include "steering/dataplane.h"

enum egress_map {
	EGRESS_RULES,	 /* of one trie, by struct egress_key */
	EGRESS_OUTCOMES, /* of struct counter, by enum egress_outcome */
	EGRESS_EVENTS,	 /* of struct egress_event */
	EGRESS_MAPS
};

enum {
	EGRESS_PRIORITY = 1, /* of our filter: before all others */
	EGRESS_HANDLE = 0xfa1e,
	EGRESS_TEXT_MAX = 192, /* a rule or an event in words */
};

struct egress {
	char pins[256]; /* PINS/egress */
	int lock;
	int program;
	uint32_t program_id;
	bool adopted;
	struct pinned_map map[EGRESS_MAPS];
};

/* As guard_open() and its like. */
int egress_open(struct egress *e, const char *pins, char why[DATAPLANE_WHY_MAX]);
int egress_view(struct egress *e, const char *pins, char why[DATAPLANE_WHY_MAX]);
void egress_close(struct egress *e);

/*
 * Makes the rules exactly these, by one store: no packet is judged by some of both.  mss: the
 * largest of SYN-ACKs from what is served, 0 any.  0, or -errno with why, and the former ones are
 * in force.
 */
int egress_set(struct egress *e, const struct egress_key *ways, size_t count, uint16_t mss,
	       char why[DATAPLANE_WHY_MAX]);
/*
 * How many there are, the first max of them in ways in no order, and their mss; -ENOENT: none
 * were ever set.
 */
int egress_rules(const struct egress *e, struct egress_key *ways, size_t max, uint16_t *mss);
int egress_counters(const struct egress *e, struct counter out[EGRESS_COUNT]); /* 0 or -errno */

/*
 * 1: the interface was confined already, 0: it is now, or -errno with why: -EBUSY when somebody
 * else's filter has our place, -EINVAL when it has no Ethernet headers that could be judged.
 */
int egress_attach(const struct egress *e, const char *interface, char why[DATAPLANE_WHY_MAX]);
bool egress_is_attached(const struct egress *e, const char *interface);
/* Lets everything out again: 0, or -errno with why. */
int egress_detach(const struct egress *e, const char *interface, char why[DATAPLANE_WHY_MAX]);

/* egress_words.c */
const char *egress_label(enum egress_outcome o); /* "not_pinned": of metrics and JSON */
const char *egress_str(enum egress_outcome o);	 /* for people */
static inline bool egress_is_refusal(enum egress_outcome o)
{
	return o >= EGRESS_NO_RULES;
}
/* "to tcp 192.0.2.53/32 443"; returns out. */
const char *egress_way_text(const struct egress_key *k, char out[EGRESS_TEXT_MAX]);
/* "tcp 10.0.0.1:5000 to 192.0.2.1:80"; returns out. */
const char *egress_event_text(const struct egress_event *e, char out[EGRESS_TEXT_MAX]);

#endif
