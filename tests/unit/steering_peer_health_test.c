// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state machine of a backend: silence, new sessions, hands, suspends, restarts; what ends a
 * lease other than a verdict, and what must not.
 */
#include "unit/steering_peer_bench.h"

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
	assert_int_equal(b.out.next_ms, b.now + 40000);
	b.now += 5000;
	event(&b, PEER_BEAT); /* nobody's again */
	tick_at(&b, b.now + 35000);
	assert_no_lease(&b);
	assert_int_equal(b.p.state, PEER_UNKNOWN);
	event(&b, PEER_BEAT);
	assert_no_lease(&b);
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
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_our_own_absence),
		cmocka_unit_test(test_reconnect),
		cmocka_unit_test(test_answers_of_an_old_session_are_void),
		cmocka_unit_test(test_reconnecting_does_not_hurry_us),
		cmocka_unit_test(test_hands),
		cmocka_unit_test(test_verdict_after_eviction_is_void),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_without_an_agent),
		cmocka_unit_test(test_adopted_leases),
		cmocka_unit_test(test_configure_only_shortens),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
