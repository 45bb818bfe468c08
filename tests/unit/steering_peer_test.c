// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state machine of a backend: evidence, verdicts, renewals and policy, one way after the
 * other.
 */
#include "unit/steering_peer_bench.h"

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

/* A backend that takes nothing of ours gets nothing but public, and is asked again later. */
static void test_it_refuses_our_evidence(void **state)
{
	struct bench b;

	(void)state;
	attest(&b, BOTH);
	step(&b, (struct peer_event){ .type = PEER_DENIED, .why = "bad-measurement" });
	assert_int_equal(b.p.state, PEER_REFUSED);
	assert_only_public(&b);
	assert_true(b.out.actions & PEER_WRITE_LEASES);
	assert_string_equal(b.out.line, "backend b3: attested -> refused: "
					"refuses our evidence: bad-measurement");
	live_until(&b, b.now + 2 * PEER_REFUSED_RETRY_MS);
	assert_int_equal(b.out.actions, PEER_ASK);
	/* From a session that is over it says nothing. */
	attest(&b, BOTH);
	event(&b, PEER_DISCONNECTED);
	event(&b, PEER_DENIED);
	assert_true(b.p.until_ms[CLASS_CLASSIFIED] > b.now);
}

/* As an agent has it: no heartbeat, so a lease ends when it ends and not before. */
static void test_a_router_that_leaves(void **state)
{
	struct peer_config c = { .is_router = true,
				 .has_agent = true,
				 .heartbeat_ms = 86400000ull * 3650,
				 .heartbeats_missed = 1,
				 .reappraise_ms = 300000,
				 .lease_ms = { 0, HOUR, 0 } };
	struct bench b;

	(void)state;
	start_with(&b, &c);
	event(&b, PEER_CONNECTED);
	assert_int_equal(b.out.actions & PEER_ASK, PEER_ASK);
	deliver(&b);
	verdict(&b, PEER_ACCEPTED, CONF, NULL);
	assert_string_equal(b.out.line, "router b3: probing -> attested: confidential for 3600 s");
	event(&b, PEER_DISCONNECTED);
	tick_at(&b, T0 + HOUR - 1);
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], T0 + HOUR);
	tick_at(&b, T0 + HOUR);
	assert_int_equal(b.p.until_ms[CLASS_CONFIDENTIAL], 0);
	assert_true(b.out.actions & PEER_WRITE_LEASES);
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
	c.classified = true;
	c.lease_ms[CLASS_CONFIDENTIAL] = 8000; /* the shorter of the two decides */
	assert_int_equal(renewal_after(&c, 100), 4000);
	c.classified = false;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_way_in),
		cmocka_unit_test(test_a_mask_gives_no_more_than_it_says),
		cmocka_unit_test(test_a_certificate_ends_the_lease),
		cmocka_unit_test(test_refusal_evicts_at_once),
		cmocka_unit_test(test_it_refuses_our_evidence),
		cmocka_unit_test(test_a_router_that_leaves),
		cmocka_unit_test(test_broken_protocol_is_a_refusal),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_cadence),
		cmocka_unit_test(test_failed_renewal),
		cmocka_unit_test(test_no_answer_and_no_verdict_in_time),
		cmocka_unit_test(test_undetermined),
		cmocka_unit_test(test_policy_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
