// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state machine of a backend under two hundred thousand events at random, against an
 * independent book of what may have been granted.
 */
#include "unit/steering_peer_bench.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_sequence_of_events),
		cmocka_unit_test(test_nothing_else_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
