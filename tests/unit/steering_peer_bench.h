/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the backend's state machine share: one backend, its clock, its friends. */
#ifndef STEERING_PEER_BENCH_H
#define STEERING_PEER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "steering/lease.h"
#include "steering/peer.h"

enum {
	CONF = 1 << CLASS_CONFIDENTIAL,
	BOTH = CONF | 1 << CLASS_CLASSIFIED,
	T0 = 100000,
	MIN = 60000,
	HOUR = 3600000,
};

static const struct peer_config agent = {
	.has_agent = true,
	.classified = true,
	.heartbeat_ms = 10000,
	.heartbeats_missed = 3,
	.reappraise_ms = 300000,
	.lease_ms = { 0, LEASE_CONFIDENTIAL_MAX_MS, LEASE_CLASSIFIED_MAX_MS },
};

/* A backend, its clock, and what the last step said. */
struct bench {
	struct peer p;
	struct peer_output out;
	uint64_t now;
};

static inline void step(struct bench *b, struct peer_event e)
{
	e.now_ms = b->now;
	e.random = 100; /* the middle: renewals neither sooner nor later */
	peer_step(&b->p, &e, &b->out);
}

static inline void event(struct bench *b, enum peer_event_type type)
{
	step(b, (struct peer_event){ .type = type });
}

static inline void tick_at(struct bench *b, uint64_t now)
{
	b->now = now;
	event(b, PEER_TICK);
}

static inline void start_with(struct bench *b, const struct peer_config *c)
{
	memset(b, 0, sizeof(*b));
	b->now = T0;
	peer_init(&b->p, "b3", c, 1000, b->now);
	event(b, PEER_TICK);
}

static inline void verdict(struct bench *b, enum peer_verdict v, uint32_t mask, const char *why)
{
	step(b, (struct peer_event){ .type = PEER_VERDICT,
				     .appraisal = b->p.appraisal,
				     .verdict = v,
				     .class_mask = mask,
				     .not_after_ms = LEASE_ENDLESS,
				     .why = why });
}

/* Evidence for what was just asked; leaves the verdict to be said. */
static inline void deliver(struct bench *b)
{
	step(b, (struct peer_event){ .type = PEER_EVIDENCE, .request = b->p.asked.request });
	assert_true(b->out.actions & PEER_APPRAISE);
}

static inline void attest(struct bench *b, uint32_t mask)
{
	start_with(b, &agent);
	event(b, PEER_CONNECTED);
	assert_true(b->out.actions & PEER_ASK);
	deliver(b);
	verdict(b, PEER_ACCEPTED, mask, NULL);
	assert_int_equal(b->p.state, PEER_ATTESTED);
}

static inline bool serves(const struct bench *b, enum class c)
{
	return peer_may_serve(&b->p, c, b->now);
}

/* Lets time pass to `to`, with heartbeats and every timer in between, refusing to answer any. */
static inline void live_until(struct bench *b, uint64_t to)
{
	while (b->now < to) {
		uint64_t beat = b->now + 10000;

		b->now = b->out.next_ms < beat ? b->out.next_ms : beat;
		b->now = b->now < to ? b->now : to;
		event(b, b->now == beat ? PEER_BEAT : PEER_TICK);
		if (b->out.actions)
			return;
	}
}

static inline void assert_only_public(const struct bench *b)
{
	assert_true(serves(b, CLASS_PUBLIC));
	assert_int_equal(b->p.until_ms[CLASS_CONFIDENTIAL], 0);
	assert_int_equal(b->p.until_ms[CLASS_CLASSIFIED], 0);
}

static inline void assert_no_lease(const struct bench *b)
{
	for (int c = 0; c < CLASS_COUNT; c++)
		assert_int_equal(b->p.until_ms[c], 0);
}

#endif
