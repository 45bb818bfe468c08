/* SPDX-License-Identifier: BSD-2-Clause */
/* One step of the state machine, between peer.c (time) and peer_events.c (events) only. */
#ifndef PEER_STEP_H
#define PEER_STEP_H

#include "steering/peer.h"

#define NEVER UINT64_MAX

/* One step, and what shall be said about it. */
struct step {
	struct peer *p;
	const struct peer_event *e;
	struct peer_output *out;
	uint64_t now;
	bool noted; /* text is worth a line even if the state stays */
	char text[PEER_WHY_MAX];
};

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t later(uint64_t t, uint64_t wait)
{
	return wait > NEVER - t ? NEVER : t + wait;
}

static inline bool has_attested_lease(const struct peer *p)
{
	return p->until_ms[CLASS_CONFIDENTIAL] || p->until_ms[CLASS_CLASSIFIED];
}

static inline bool is_watched(const struct peer *p)
{
	return p->config.has_agent || p->config.checked;
}

/* The reason for what the step does: shown if the state changes, or, noted, in any case. */
__attribute__((format(printf, 2, 3))) void step_because(struct step *s, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void step_note(struct step *s, const char *fmt, ...);

void step_hear(struct step *s); /* the event */
/* Down: no lease at all, and everything known is forgotten. */
void step_go_down(struct step *s);
/* Nobody's fault, or ours: the leases end when they end, and we try again. */
void step_could_not(struct step *s, const char *what, const char *why);
void step_could_not_confirm(struct step *s, const char *why);
/* Hands evidence to the verifier; a verdict that is still on its way is void. */
void step_appraise(struct step *s, struct peer_evidence evidence);
/* A shorter lease is renewed sooner. */
void step_plan_renewal(struct step *s);
uint64_t step_serial(struct peer *p);

#endif
