// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state machine of a backend: the ways it is meant to go, one by one, and then two hundred
 * thousand events at random against an independent book of what may have been granted.
 */
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

static void step(struct bench *b, struct peer_event e)
{
	e.now_ms = b->now;
	e.random = 100; /* the middle: renewals neither sooner nor later */
	peer_step(&b->p, &e, &b->out);
}

static void event(struct bench *b, enum peer_event_type type)
{
	step(b, (struct peer_event){ .type = type });
}

static void tick_at(struct bench *b, uint64_t now)
{
	b->now = now;
	event(b, PEER_TICK);
}

static void start_with(struct bench *b, const struct peer_config *c)
{
	memset(b, 0, sizeof(*b));
	b->now = T0;
	peer_init(&b->p, "b3", c, 1000, b->now);
	event(b, PEER_TICK);
}

static void verdict(struct bench *b, enum peer_verdict v, uint32_t mask, const char *why)
{
	step(b, (struct peer_event){ .type = PEER_VERDICT,
				     .appraisal = b->p.appraisal,
				     .verdict = v,
				     .class_mask = mask,
				     .not_after_ms = LEASE_ENDLESS,
				     .why = why });
}

/* Evidence for what was just asked; leaves the verdict to be said. */
static void deliver(struct bench *b)
{
	step(b, (struct peer_event){ .type = PEER_EVIDENCE, .request = b->p.asked.request });
	assert_true(b->out.actions & PEER_APPRAISE);
}

static void attest(struct bench *b, uint32_t mask)
{
	start_with(b, &agent);
	event(b, PEER_CONNECTED);
	assert_true(b->out.actions & PEER_ASK);
	deliver(b);
	verdict(b, PEER_ACCEPTED, mask, NULL);
	assert_int_equal(b->p.state, PEER_ATTESTED);
}

static bool serves(const struct bench *b, enum class c)
{
	return peer_may_serve(&b->p, c, b->now);
}

/* Lets time pass to `to`, with heartbeats and every timer in between, refusing to answer any. */
static void live_until(struct bench *b, uint64_t to)
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

static void assert_only_public(const struct bench *b)
{
	assert_true(serves(b, CLASS_PUBLIC));
	assert_int_equal(b->p.until_ms[CLASS_CONFIDENTIAL], 0);
	assert_int_equal(b->p.until_ms[CLASS_CLASSIFIED], 0);
}

static void assert_no_lease(const struct bench *b)
{
	for (int c = 0; c < CLASS_COUNT; c++)
		assert_int_equal(b->p.until_ms[c], 0);
}

static void test_the_way_in(void **state)
{
	struct bench b;

	(void)state;
	start_with(&b, &agent);
	assert_int_equal(b.p.state, PEER_UNKNOWN);
	assert_int_equal(b.out.actions, 0);
	assert_true(b.out.next_ms == UINT64_MAX);

	b.now = T0 + 5;
	event(&b, PEER_CONNECTED);
	assert_int_equal(b.p.state, PEER_PROBING);
	assert_int_equal(b.out.actions, PEER_ASK | PEER_WRITE_LEASES);
	assert_string_equal(b.out.purpose, "admit");
	assert_string_equal(b.out.line, "backend b3: unknown -> probing: connected");
	assert_only_public(&b);

	b.now = T0 + 1000;
	deliver(&b);
	assert_int_equal(b.out.actions, PEER_APPRAISE);
	assert_only_public(&b);

	b.now = T0 + 2000;
	verdict(&b, PEER_ACCEPTED, BOTH, NULL);
	assert_int_equal(b.out.actions, PEER_WRITE_LEASES | PEER_SEND_RESULT);
	assert_true(b.out.ok && b.out.eligibility_changed);
	/* The age of evidence counts from when it was asked for, not from when it came. */
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], T0 + 5 + HOUR);
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], T0 + 5 + 24 * HOUR);
	assert_int_equal(b.out.expires_in_ms, 24 * HOUR - 1995);
	assert_string_equal(b.out.line, "backend b3: probing -> attested: "
					"confidential, classified for 86398 s");
	assert_true(serves(&b, CLASS_CLASSIFIED));
}

static void test_a_mask_gives_no_more_than_it_says(void **state)
{
	struct bench b;

	(void)state;
	attest(&b, CONF);
	assert_true(serves(&b, CLASS_CONFIDENTIAL));
	assert_false(serves(&b, CLASS_CLASSIFIED));
	assert_false(serves(&b, CLASS_COUNT));
	assert_false(serves(&b, (enum class) - 1));

	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	verdict(&b, PEER_ACCEPTED, 1 << CLASS_PUBLIC | 1 << 7, NULL);
	assert_int_equal(b.p.state, PEER_REFUSED);
	assert_false(b.out.ok);
	assert_only_public(&b);
}

static void test_a_certificate_ends_the_lease(void **state)
{
	struct bench b;

	(void)state;
	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	step(&b, (struct peer_event){ .type = PEER_VERDICT,
				      .appraisal = b.p.appraisal,
				      .class_mask = BOTH,
				      .not_after_ms = T0 + 5000 });
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], T0 + 5000);
	tick_at(&b, T0 + 5000);
	assert_only_public(&b);
	assert_int_equal(b.p.state, PEER_STALE);
	assert_true(b.out.eligibility_changed);

	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	step(&b, (struct peer_event){
			 .type = PEER_VERDICT, .appraisal = b.p.appraisal, .class_mask = BOTH });
	assert_int_equal(b.p.state, PEER_REFUSED);
}

static void test_refusal_evicts_at_once(void **state)
{
	struct bench b;

	(void)state;
	attest(&b, BOTH);
	live_until(&b, T0 + 5 * MIN);
	assert_int_equal(b.out.actions, PEER_APPRAISE);
	verdict(&b, PEER_REJECTED, BOTH, "measurement 4f3a\n9c11 not in policy \"db\"");
	assert_int_equal(b.p.state, PEER_REFUSED);
	assert_only_public(&b);
	assert_true(b.out.actions & PEER_WRITE_LEASES);
	assert_false(b.out.actions & PEER_SEND_RESULT); /* nobody has asked */
	assert_string_equal(b.out.line, "backend b3: attested -> refused: "
					"measurement 4f3a?9c11 not in policy \"db\"");
	/* Asked again, later and later, and without another line for the same reason. */
	for (uint64_t wait = PEER_REFUSED_RETRY_MS; wait <= 240000; wait *= 2) {
		uint64_t from = b.now;

		live_until(&b, from + 2 * wait);
		assert_int_equal(b.out.actions, PEER_ASK);
		assert_in_range(b.now - from, wait, wait + 100);
		deliver(&b);
		verdict(&b, PEER_REJECTED, 0, "measurement 4f3a\n9c11 not in policy \"db\"");
		assert_string_equal(b.out.line, "");
		assert_only_public(&b);
	}
	live_until(&b, b.now + HOUR);
	deliver(&b);
	verdict(&b, PEER_ACCEPTED, BOTH, NULL);
	assert_int_equal(b.p.state, PEER_ATTESTED);
}

static void test_broken_protocol_is_a_refusal(void **state)
{
	struct bench b;

	(void)state;
	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	step(&b, (struct peer_event){ .type = PEER_EVIDENCE_FAILED,
				      .request = b.p.asked.request,
				      .refused = true,
				      .why = "claims of another node" });
	assert_int_equal(b.p.state, PEER_REFUSED);
	assert_string_equal(b.out.line, "backend b3: probing -> refused: "
					"broke the protocol: claims of another node");
}

/* New hardware evidence at 3/4 of the classified hour; old deadlines until it is accepted. */
static void test_renewal(void **state)
{
	struct bench b;
	uint64_t conf, classified;

	(void)state;
	attest(&b, BOTH);
	conf = b.p.until_ms[CLASS_CONFIDENTIAL];
	classified = b.p.until_ms[CLASS_CLASSIFIED];
	for (;;) {
		live_until(&b, T0 + HOUR);
		assert_int_equal((b.now - T0) % (5 * MIN), 0); /* every 300,000 ms */
		if (b.out.actions & PEER_ASK)
			break;
		assert_int_equal(b.out.actions, PEER_APPRAISE);
		verdict(&b, PEER_ACCEPTED, BOTH, NULL);
		assert_int_equal(b.out.actions, 0);
	}
	assert_int_equal(b.now, T0 + 45 * MIN);
	assert_string_equal(b.out.purpose, "renew");
	deliver(&b);
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], classified);
	b.now += 3000;
	verdict(&b, PEER_ACCEPTED, BOTH, NULL);
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], classified + 45 * MIN);
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], conf + 45 * MIN);
	assert_string_equal(b.out.line, "");
}

static uint64_t renewal_after(const struct peer_config *c, uint32_t random)
{
	struct bench b;
	struct peer_event e = { .type = PEER_VERDICT,
				.now_ms = T0,
				.random = random,
				.class_mask = BOTH,
				.not_after_ms = LEASE_ENDLESS };

	start_with(&b, c);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	e.appraisal = b.p.appraisal;
	peer_step(&b.p, &e, &b.out);
	assert_int_equal(b.p.state, PEER_ATTESTED);
	return b.p.ask_at_ms - T0;
}

static void test_cadence(void **state)
{
	struct peer_config c = agent;
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	for (uint32_t r = 0; r < 1000; r++) {
		uint64_t t = renewal_after(&c, r * 2654435761u);

		least = t < least ? t : least;
		most = t > most ? t : most;
	}
	assert_in_range(least, 45 * MIN * 9 / 10, 45 * MIN * 91 / 100);
	assert_in_range(most, 45 * MIN * 109 / 100, 45 * MIN * 11 / 10);
	c.lease_ms[CLASS_CLASSIFIED] = 8000; /* scaled with a shorter lease */
	assert_int_equal(renewal_after(&c, 100), 6000);
	c.classified = false;
	assert_int_equal(renewal_after(&c, 100), 12 * HOUR);
	c.lease_ms[CLASS_CONFIDENTIAL] = HOUR;
	assert_int_equal(renewal_after(&c, 100), HOUR / 2);
	c.lease_ms[CLASS_CONFIDENTIAL] = 2; /* never in a tight loop */
	c.lease_ms[CLASS_CLASSIFIED] = 1;
	assert_int_equal(renewal_after(&c, 100), PEER_RETRY_MS);
}

/* No evidence to be had: the old deadlines hold to the end and not beyond. */
static void test_failed_renewal(void **state)
{
	struct bench b;
	uint64_t classified;
	uint32_t actions;
	int asked = 0, lines = 0;

	(void)state;
	attest(&b, BOTH);
	classified = b.p.until_ms[CLASS_CLASSIFIED];
	while (b.now < T0 + 2 * HOUR) {
		live_until(&b, T0 + 2 * HOUR);
		actions = b.out.actions;
		if (actions & PEER_APPRAISE)
			verdict(&b, PEER_ACCEPTED, BOTH, NULL);
		if (actions & PEER_ASK) {
			asked++;
			step(&b, (struct peer_event){ .type = PEER_EVIDENCE_FAILED,
						      .request = b.p.asked.request,
						      .why = "guest device busy" });
			if (asked == 1)
				assert_string_equal(b.out.line, "backend b3: attested -> stale: "
								"no evidence: guest device busy");
			else
				lines += b.out.line[0] != 0;
			assert_int_equal(b.p.state, PEER_STALE);
		}
		assert_true(b.p.until_ms[CLASS_CLASSIFIED] == classified || b.now >= classified);
		assert_int_equal(serves(&b, CLASS_CLASSIFIED), b.now < classified);
	}
	assert_true(asked > 10 && asked < 30);	     /* doubling to one in five minutes */
	assert_true(lines <= 1);		     /* once more after the lease was over */
	assert_true(serves(&b, CLASS_CONFIDENTIAL)); /* the day is not over */
	assert_false(serves(&b, CLASS_CLASSIFIED));
}

static void test_no_answer_and_no_verdict_in_time(void **state)
{
	struct bench b;

	(void)state;
	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	live_until(&b, T0 + 2 * PEER_ANSWER_MS);
	assert_int_equal(b.now, T0 + PEER_ANSWER_MS + PEER_RETRY_MS + 100);
	assert_int_equal(b.out.actions, PEER_ASK);
	deliver(&b);
	live_until(&b, b.now + 2 * PEER_ANSWER_MS);
	assert_int_equal(b.out.actions, PEER_ASK);
	assert_int_equal(b.p.state, PEER_PROBING);
	assert_int_equal(b.p.appraisal, 0);
}

/* Collateral missing, or our verifier died: not the peer's fault, nothing is taken or given. */
static void test_undetermined(void **state)
{
	struct bench b;
	uint64_t until[CLASS_COUNT];

	(void)state;
	attest(&b, BOTH);
	memcpy(until, b.p.until_ms, sizeof(until));
	live_until(&b, T0 + 5 * MIN);
	verdict(&b, PEER_UNDETERMINED, BOTH, "unverifiable-no-crl");
	assert_int_equal(b.p.state, PEER_ATTESTED);
	assert_memory_equal(b.p.until_ms, until, sizeof(until));
	assert_string_equal(b.out.line,
			    "backend b3: could not be appraised again: unverifiable-no-crl");
	live_until(&b, b.now + 10000);
	assert_int_equal(b.out.actions, PEER_APPRAISE); /* retried soon */
	verdict(&b, (enum peer_verdict)9, BOTH, "unverifiable-no-crl");
	assert_int_equal(b.p.state, PEER_ATTESTED);
	assert_string_equal(b.out.line, "");
	assert_memory_equal(b.p.until_ms, until, sizeof(until));

	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	verdict(&b, PEER_UNDETERMINED, BOTH, "verifier died");
	assert_int_equal(b.p.state, PEER_PROBING);
	assert_true(b.out.actions & PEER_SEND_RESULT);
	assert_false(b.out.ok);
	assert_only_public(&b);
	live_until(&b, b.now + 10000);
	assert_int_equal(b.out.actions, PEER_ASK);
}

static void test_silence(void **state)
{
	struct bench b;

	(void)state;
	attest(&b, BOTH);
	step(&b, (struct peer_event){ .type = PEER_BEAT_MISSED, .missed = 2 });
	assert_true(serves(&b, CLASS_CLASSIFIED));
	step(&b, (struct peer_event){ .type = PEER_BEAT_MISSED, .missed = 3, .why = "no PONG" });
	assert_no_lease(&b);
	assert_string_equal(b.out.line,
			    "backend b3: attested -> unknown: down: 3 heartbeats missed: no PONG");
	/* The same session answers again: public at once, the rest only after a new appraisal. */
	b.now += 1000;
	event(&b, PEER_BEAT);
	assert_only_public(&b);
	assert_int_equal(b.out.actions, PEER_ASK | PEER_WRITE_LEASES);
	assert_int_equal(b.p.state, PEER_PROBING);

	/* Without a word from the channel the clock decides. */
	attest(&b, BOTH);
	tick_at(&b, T0 + 39999);
	assert_true(serves(&b, CLASS_CLASSIFIED));
	assert_int_equal(b.out.next_ms, T0 + 40000);
	tick_at(&b, T0 + 40000);
	assert_no_lease(&b);
}

/* A daemon that was stopped for an hour has heard nothing: that is no peer's silence. */
static void test_our_own_absence(void **state)
{
	struct bench b;

	(void)state;
	attest(&b, BOTH);
	tick_at(&b, T0 + 50 * MIN);
	assert_true(serves(&b, CLASS_CLASSIFIED));
	assert_true(serves(&b, CLASS_PUBLIC));
	tick_at(&b, b.now + 40000);
	assert_no_lease(&b); /* but now it has listened */

	attest(&b, BOTH);
	tick_at(&b, T0 + 2 * HOUR); /* no absence makes a lease longer */
	assert_false(serves(&b, CLASS_CLASSIFIED));
	assert_true(serves(&b, CLASS_CONFIDENTIAL));
}

static void test_reconnect(void **state)
{
	struct bench b;
	uint64_t until[CLASS_COUNT];

	(void)state;
	attest(&b, BOTH);
	memcpy(until, b.p.until_ms, sizeof(until));
	b.now += 10000;
	step(&b, (struct peer_event){ .type = PEER_DISCONNECTED, .missed = 0, .why = "reset" });
	assert_int_equal(b.p.state, PEER_STALE);
	assert_memory_equal(b.p.until_ms, until, sizeof(until));
	b.now += 10000;
	event(&b, PEER_BEAT); /* without a session, nobody's */
	event(&b, PEER_CONNECTED);
	assert_int_equal(b.out.actions, PEER_ASK); /* evidence of the new session */
	assert_string_equal(b.out.purpose, "renew");
	assert_memory_equal(b.p.until_ms, until, sizeof(until));
	deliver(&b);
	verdict(&b, PEER_ACCEPTED, BOTH, NULL);
	assert_int_equal(b.p.state, PEER_ATTESTED);
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], until[CLASS_CLASSIFIED] + 20000);

	/* Not back in time: all gone. */
	step(&b, (struct peer_event){ .type = PEER_DISCONNECTED, .why = "reset" });
	event(&b, PEER_BEAT);
	tick_at(&b, b.out.next_ms);
	assert_no_lease(&b);
	assert_int_equal(b.p.state, PEER_UNKNOWN);
}

static void test_answers_of_an_old_session_are_void(void **state)
{
	struct bench b;
	uint64_t request, appraisal;

	(void)state;
	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	request = b.out.ask_request;
	event(&b, PEER_DISCONNECTED);
	b.now += PEER_ASK_SPACING_MS;
	event(&b, PEER_CONNECTED);
	assert_int_not_equal(b.out.ask_request, request);
	step(&b, (struct peer_event){ .type = PEER_EVIDENCE, .request = request });
	assert_int_equal(b.out.actions, 0);
	step(&b, (struct peer_event){ .type = PEER_EVIDENCE, .request = 0 });
	assert_int_equal(b.out.actions, 0);
	deliver(&b);
	appraisal = b.out.appraisal;
	event(&b, PEER_DISCONNECTED);
	event(&b, PEER_CONNECTED);
	step(&b, (struct peer_event){ .type = PEER_VERDICT,
				      .appraisal = appraisal,
				      .class_mask = BOTH,
				      .not_after_ms = LEASE_ENDLESS });
	assert_only_public(&b);
	step(&b, (struct peer_event){ .type = PEER_VERDICT,
				      .appraisal = 0,
				      .class_mask = BOTH,
				      .not_after_ms = LEASE_ENDLESS });
	assert_only_public(&b);
}

static void test_reconnecting_does_not_hurry_us(void **state)
{
	struct bench b;
	int asked = 0;

	(void)state;
	start_with(&b, &agent);
	for (; b.now < T0 + MIN; b.now += 100) {
		event(&b, PEER_CONNECTED);
		asked += (b.out.actions & PEER_ASK) != 0;
		event(&b, PEER_DISCONNECTED);
	}
	assert_in_range(asked, 10, MIN / PEER_ASK_SPACING_MS + 1);
}

static void test_hands(void **state)
{
	struct bench b;
	uint64_t until;

	(void)state;
	attest(&b, BOTH);
	until = b.p.until_ms[CLASS_CLASSIFIED];
	event(&b, PEER_DRAIN);
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], until); /* its flows live on */
	assert_false(serves(&b, CLASS_PUBLIC));
	assert_true(b.out.eligibility_changed);
	assert_string_equal(b.out.line, "backend b3: drained by hand");
	event(&b, PEER_ADMIT);
	assert_true(serves(&b, CLASS_CLASSIFIED));

	event(&b, PEER_EVICT);
	assert_no_lease(&b);
	assert_string_equal(b.out.line, "backend b3: attested -> unknown: evicted by hand");
	event(&b, PEER_DRAIN);
	event(&b, PEER_BEAT);
	event(&b, PEER_DISCONNECTED);
	event(&b, PEER_CONNECTED);
	event(&b, PEER_POLICY_CHANGED);
	assert_int_equal(b.p.hand, PEER_EVICTED);
	assert_no_lease(&b);
	assert_int_equal(b.out.actions, 0);
	live_until(&b, b.now + MIN);
	assert_int_equal(b.out.actions, 0);

	event(&b, PEER_ADMIT);
	assert_only_public(&b);
	assert_true(b.out.actions & PEER_ASK);
	deliver(&b);
	verdict(&b, PEER_ACCEPTED, BOTH, NULL);
	assert_true(serves(&b, CLASS_CLASSIFIED));
}

static void test_verdict_after_eviction_is_void(void **state)
{
	struct bench b;
	uint64_t appraisal;

	(void)state;
	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	appraisal = b.out.appraisal;
	event(&b, PEER_EVICT);
	event(&b, PEER_ADMIT);
	step(&b, (struct peer_event){ .type = PEER_VERDICT,
				      .appraisal = appraisal,
				      .class_mask = BOTH,
				      .not_after_ms = LEASE_ENDLESS });
	assert_only_public(&b);
}

static void test_policy_change(void **state)
{
	struct bench b;
	uint64_t until[CLASS_COUNT], old;

	(void)state;
	attest(&b, BOTH);
	memcpy(until, b.p.until_ms, sizeof(until));
	b.now += MIN;
	event(&b, PEER_POLICY_CHANGED);
	assert_int_equal(b.out.actions, PEER_APPRAISE);
	assert_int_equal(b.out.appraise_request, b.p.cached.request);
	old = b.out.appraisal;
	event(&b, PEER_POLICY_CHANGED); /* once more, before the verdict */
	assert_int_not_equal(b.out.appraisal, old);
	step(&b, (struct peer_event){
			 .type = PEER_VERDICT, .appraisal = old, .verdict = PEER_REJECTED });
	assert_true(serves(&b, CLASS_CLASSIFIED)); /* that was of the old policy */
	verdict(&b, PEER_ACCEPTED, CONF, NULL);	   /* narrower */
	assert_false(serves(&b, CLASS_CLASSIFIED));
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], until[CLASS_CONFIDENTIAL]);
	assert_int_equal(b.p.state, PEER_ATTESTED);

	event(&b, PEER_POLICY_CHANGED);
	verdict(&b, PEER_ACCEPTED, BOTH, NULL);	    /* wider again */
	assert_false(serves(&b, CLASS_CLASSIFIED)); /* not on old evidence */
	assert_true(b.out.actions & PEER_ASK);

	attest(&b, CONF);
	event(&b, PEER_POLICY_CHANGED);
	verdict(&b, PEER_ACCEPTED, 1 << CLASS_CLASSIFIED, NULL); /* another class altogether */
	assert_only_public(&b);
	assert_int_equal(b.p.state, PEER_STALE);
	assert_true(b.out.actions & PEER_ASK);

	/* Under way with the old policy when the new one comes. */
	start_with(&b, &agent);
	event(&b, PEER_CONNECTED);
	deliver(&b);
	old = b.out.appraisal;
	event(&b, PEER_POLICY_CHANGED);
	assert_int_equal(b.out.actions, PEER_APPRAISE);
	step(&b, (struct peer_event){ .type = PEER_VERDICT,
				      .appraisal = old,
				      .class_mask = BOTH,
				      .not_after_ms = LEASE_ENDLESS });
	assert_only_public(&b);

	/* A refused one may be acceptable now. */
	verdict(&b, PEER_REJECTED, 0, "no");
	event(&b, PEER_POLICY_CHANGED);
	assert_int_equal(b.out.actions, PEER_ASK);
}

static void test_resumed(void **state)
{
	struct bench b;

	(void)state;
	attest(&b, BOTH);
	b.now += MIN;
	event(&b, PEER_RESUMED);
	assert_no_lease(&b);
	assert_true(b.out.actions & PEER_WRITE_LEASES);
	event(&b, PEER_RESUMED);
	assert_true(b.out.actions & PEER_WRITE_LEASES); /* the maps may not agree with us */
	event(&b, PEER_BEAT);
	assert_only_public(&b);
	assert_true(b.out.actions & PEER_ASK);
}

static void test_without_an_agent(void **state)
{
	struct peer_config plain = agent, checked = agent;
	struct bench b;

	(void)state;
	plain.has_agent = checked.has_agent = false;
	checked.checked = true;
	start_with(&b, &plain);
	assert_only_public(&b);
	assert_true(b.out.actions & PEER_WRITE_LEASES);
	assert_true(b.out.next_ms == UINT64_MAX);
	event(&b, PEER_CONNECTED);
	event(&b, PEER_POLICY_CHANGED);
	event(&b, PEER_RESUMED);
	assert_only_public(&b);
	event(&b, PEER_EVICT);
	assert_no_lease(&b);
	event(&b, PEER_ADMIT);
	assert_only_public(&b);

	start_with(&b, &checked);
	assert_no_lease(&b);
	event(&b, PEER_BEAT);
	assert_only_public(&b);
	assert_string_equal(b.out.line, "backend b3: up: answers again");
	step(&b, (struct peer_event){ .type = PEER_BEAT_MISSED, .missed = 3, .why = "refused" });
	assert_no_lease(&b);
	assert_int_equal(b.p.state, PEER_UNKNOWN);
	event(&b, PEER_BEAT);
	tick_at(&b, b.out.next_ms);
	assert_no_lease(&b);
}

/* What a former daemon granted runs on, but not longer than it could have. */
static void test_adopted_leases(void **state)
{
	const uint64_t found[CLASS_COUNT] = { LEASE_ENDLESS, LEASE_ENDLESS, T0 + 5000 };
	const uint64_t down[CLASS_COUNT] = { 0, T0 + 5000, T0 + 5000 };
	struct bench b;

	(void)state;
	memset(&b, 0, sizeof(b));
	b.now = T0;
	peer_init(&b.p, "b3", &agent, 7, T0);
	peer_adopt(&b.p, found, T0);
	event(&b, PEER_TICK);
	assert_int_equal(b.out.actions, 0); /* the maps stay as they are */
	assert_int_equal(b.p.state, PEER_STALE);
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], T0 + 24 * HOUR);
	assert_true(serves(&b, CLASS_CLASSIFIED));
	event(&b, PEER_CONNECTED);
	assert_int_equal(b.out.actions, PEER_ASK);
	tick_at(&b, T0 + 5000);
	assert_false(serves(&b, CLASS_CLASSIFIED));
	deliver(&b);
	verdict(&b, PEER_REJECTED, 0, "no");
	assert_only_public(&b);

	peer_init(&b.p, "b3", &agent, 7, b.now);
	peer_adopt(&b.p, down, b.now);
	event(&b, PEER_TICK);
	assert_no_lease(&b);
	/* Nobody came: gone with the first silence. */
	peer_init(&b.p, "b3", &agent, 7, b.now);
	peer_adopt(&b.p, found, b.now);
	event(&b, PEER_TICK);
	tick_at(&b, b.out.next_ms);
	assert_no_lease(&b);
}

static void test_configure_only_shortens(void **state)
{
	struct peer_config c = agent;
	struct bench b;

	(void)state;
	attest(&b, BOTH);
	b.now += MIN;
	c.lease_ms[CLASS_CLASSIFIED] = 10 * MIN;
	peer_configure(&b.p, &c, b.now, &b.out);
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], T0 + 10 * MIN);
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], T0 + 24 * HOUR);
	assert_int_equal(b.p.ask_at_ms, T0 + 7 * MIN + MIN / 2);
	peer_configure(&b.p, &agent, b.now, &b.out);
	assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], T0 + 10 * MIN);
	c.lease_ms[CLASS_CLASSIFIED] = 0;
	peer_configure(&b.p, &c, b.now, &b.out);
	assert_false(serves(&b, CLASS_CLASSIFIED));
	assert_true(b.out.actions & PEER_WRITE_LEASES);
	c.has_agent = false;
	peer_configure(&b.p, &c, b.now, &b.out);
	assert_only_public(&b);
}

/* The book: what may have been granted, kept apart from the machine under test. */
struct book {
	uint64_t asked_ms[4096];   /* by request */
	uint64_t request_of[4096]; /* by appraisal */
	uint64_t live_appraisal;   /* the last one ordered, until it is answered or void */
	uint64_t live_since;
	uint64_t granted_request; /* evidence that the leases rest on */
	uint64_t void_up_to;	  /* requests up to here may not grant any more */
};

static uint64_t seed;

static uint32_t dice(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static struct peer_event any_event(const struct bench *b, const struct book *k)
{
	struct peer_event e = { .type = dice(PEER_RESUMED + 1),
				.now_ms = b->now,
				.random = dice(UINT32_MAX),
				.missed = dice(5),
				.why = dice(2) ? "because" : NULL,
				.refused = dice(2),
				.verdict = dice(4),
				.class_mask = dice(2) ? BOTH : dice(16),
				.not_after_ms = dice(4) ? LEASE_ENDLESS : b->now + dice(HOUR) };

	/* Most answers fit, some are of yesterday, some are made up. */
	e.request = dice(8) ? b->p.asked.request : dice(4096);
	e.appraisal = dice(8) ? k->live_appraisal : dice(4096);
	/* What ends everything comes seldom, or nothing would be there to end. */
	if ((e.type >= PEER_DRAIN && dice(10)) || (e.type == PEER_DISCONNECTED && dice(3)))
		e.type = dice(2) ? PEER_BEAT : PEER_TICK;
	if (dice(2))
		e.type = !b->p.connected      ? PEER_CONNECTED
			 : b->p.asked.request ? PEER_EVIDENCE
			 : k->live_appraisal  ? PEER_VERDICT
					      : PEER_BEAT;
	if (e.type == PEER_VERDICT && dice(2))
		e.verdict = PEER_ACCEPTED;
	return e;
}

/* Any lease above public that grew did so by the one way there is. */
static void audit_growth(const struct bench *b, struct book *k, const struct peer_event *e,
			 const struct peer *before)
{
	uint64_t request = k->request_of[e->appraisal % 4096];

	for (int c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++) {
		uint64_t until = b->p.until_ms[c];

		if (until <= before->until_ms[c])
			continue;
		assert_int_equal(e->type, PEER_VERDICT);
		assert_int_equal(e->verdict, PEER_ACCEPTED);
		assert_true(e->appraisal && e->appraisal == k->live_appraisal);
		assert_true(e->class_mask >> c & 1);
		assert_true(request > k->granted_request && request > k->void_up_to);
		assert_true(until <= k->asked_ms[request] + lease_limit_ms(c));
		assert_true(until <= k->asked_ms[request] + b->p.config.lease_ms[c]);
		assert_true(until <= e->not_after_ms);
		assert_true(b->p.up && b->p.connected && b->p.hand != PEER_EVICTED);
	}
}

/* What must have ended, has; and what was under way then shall not count later. */
static void audit_ends(const struct bench *b, struct book *k, const struct peer_event *e,
		       const struct peer *before)
{
	bool refused = e->type == PEER_VERDICT && e->verdict == PEER_REJECTED &&
		       e->appraisal == k->live_appraisal && e->appraisal;
	bool broke = e->type == PEER_EVIDENCE_FAILED && e->refused && e->request &&
		     e->request == before->asked.request && b->p.asked.request != e->request;
	bool down = e->type == PEER_RESUMED || !b->p.up;
	bool evicted = e->type == PEER_EVICT || b->p.hand == PEER_EVICTED;
	bool of_session = k->request_of[k->live_appraisal % 4096] != k->granted_request;

	if (refused || broke || down || evicted) {
		assert_int_equal(b->p.until_ms[CLASS_CONFIDENTIAL], 0);
		assert_int_equal(b->p.until_ms[CLASS_CLASSIFIED], 0);
		k->void_up_to = b->p.serial;
		k->live_appraisal = 0;
	}
	if ((e->type == PEER_CONNECTED || e->type == PEER_DISCONNECTED) && of_session)
		k->live_appraisal = 0;
	if (b->now >= k->live_since + PEER_ANSWER_MS)
		k->live_appraisal = 0;
	assert_true(b->p.until_ms[CLASS_PUBLIC] ==
		    (b->p.up && b->p.hand != PEER_EVICTED ? LEASE_ENDLESS : 0));
	for (int c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++)
		assert_true(!b->p.until_ms[c] || b->p.until_ms[c] > b->now);
}

/* It never stops trying, and never asks to be called for the past. */
static void audit_life(const struct bench *b)
{
	assert_true(b->out.next_ms > b->now);
	assert_true(!b->p.up || b->out.next_ms < UINT64_MAX);
	if (b->p.connected && b->p.up && b->p.hand != PEER_EVICTED && !b->p.asked.request &&
	    !b->p.appraisal)
		assert_true(b->p.ask_at_ms <= b->now + 12 * HOUR * 11 / 10);
	if (b->p.state == PEER_ATTESTED)
		assert_true(b->p.until_ms[CLASS_CONFIDENTIAL] || b->p.until_ms[CLASS_CLASSIFIED]);
	if (b->p.state == PEER_REFUSED || b->p.state == PEER_PROBING)
		assert_true(!b->p.until_ms[CLASS_CONFIDENTIAL] && !b->p.until_ms[CLASS_CLASSIFIED]);
}

static void write_book(const struct bench *b, struct book *k, const struct peer_event *e,
		       bool accepted)
{
	if (accepted && b->p.state == PEER_ATTESTED)
		k->granted_request = k->request_of[e->appraisal % 4096];
	if (e->type == PEER_VERDICT && e->appraisal == k->live_appraisal)
		k->live_appraisal = 0;
	if (b->out.actions & PEER_ASK)
		k->asked_ms[b->out.ask_request % 4096] = b->now;
	if (b->out.actions & PEER_APPRAISE) {
		k->request_of[b->out.appraisal % 4096] = b->out.appraise_request;
		k->live_appraisal = b->out.appraisal;
		k->live_since = b->now;
	}
}

static void any_life(uint64_t with_seed, unsigned int *grants)
{
	static struct book k;
	struct bench b = { .now = T0 };

	seed = with_seed;
	memset(&k, 0, sizeof(k));
	peer_init(&b.p, "b3", &agent, 0, b.now);
	event(&b, PEER_TICK);
	for (int i = 0; i < 1000 && b.p.serial < 4000; i++) {
		struct peer before = b.p;
		struct peer_event e;
		bool accepted;

		switch (dice(8)) {
		case 0:
			b.now += dice(HOUR);
			break;
		case 1:
			if (b.out.next_ms < UINT64_MAX)
				b.now = b.out.next_ms;
			break;
		default:
			b.now += dice(3000);
		}
		e = any_event(&b, &k);
		peer_step(&b.p, &e, &b.out);
		audit_growth(&b, &k, &e, &before);
		accepted = e.type == PEER_VERDICT && e.verdict == PEER_ACCEPTED &&
			   e.appraisal == k.live_appraisal && e.appraisal;
		audit_ends(&b, &k, &e, &before);
		audit_life(&b);
		write_book(&b, &k, &e, accepted);
		*grants += b.p.until_ms[CLASS_CLASSIFIED] > before.until_ms[CLASS_CLASSIFIED];
	}
}

static void test_any_sequence_of_events(void **state)
{
	unsigned int grants = 0;

	(void)state;
	for (uint64_t s = 1; s <= 200; s++)
		any_life(s, &grants);
	print_message("200,000 events at random, %u leases granted on the way\n", grants);
	assert_true(grants > 500); /* or the test would have seen nothing */
}

/* Never a verdict of acceptance, ever so many of everything else: never more than public. */
static void test_nothing_else_grants(void **state)
{
	static const struct book none;
	struct bench b = { .now = T0 };

	(void)state;
	seed = 99;
	peer_init(&b.p, "b3", &agent, 0, b.now);
	event(&b, PEER_TICK);
	for (int i = 0; i < 50000; i++) {
		struct peer_event e;

		b.now += dice(20000);
		e = any_event(&b, &none);
		e.appraisal = dice(4) ? b.p.appraisal : e.appraisal;
		if (e.verdict == PEER_ACCEPTED && e.appraisal == b.p.appraisal)
			e.verdict = 1 + dice(5);
		peer_step(&b.p, &e, &b.out);
		assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], 0);
		assert_int_equal(b.p.until_ms[CLASS_CLASSIFIED], 0);
		assert_int_not_equal(b.p.state, PEER_ATTESTED);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(peer_state_str(PEER_ATTESTED), "attested");
	assert_string_equal(peer_state_str(PEER_REFUSED), "refused");
	assert_string_equal(peer_state_str((enum peer_state)99), "unknown");
	assert_string_equal(peer_hand_str(PEER_DRAINED), "drained");
	assert_string_equal(peer_hand_str((enum peer_hand)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_way_in),
		cmocka_unit_test(test_a_mask_gives_no_more_than_it_says),
		cmocka_unit_test(test_a_certificate_ends_the_lease),
		cmocka_unit_test(test_refusal_evicts_at_once),
		cmocka_unit_test(test_broken_protocol_is_a_refusal),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_cadence),
		cmocka_unit_test(test_failed_renewal),
		cmocka_unit_test(test_no_answer_and_no_verdict_in_time),
		cmocka_unit_test(test_undetermined),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_our_own_absence),
		cmocka_unit_test(test_reconnect),
		cmocka_unit_test(test_answers_of_an_old_session_are_void),
		cmocka_unit_test(test_reconnecting_does_not_hurry_us),
		cmocka_unit_test(test_hands),
		cmocka_unit_test(test_verdict_after_eviction_is_void),
		cmocka_unit_test(test_policy_change),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_without_an_agent),
		cmocka_unit_test(test_adopted_leases),
		cmocka_unit_test(test_configure_only_shortens),
		cmocka_unit_test(test_any_sequence_of_events),
		cmocka_unit_test(test_nothing_else_grants),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
