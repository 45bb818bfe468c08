// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whom to try next, when to stop, what is said then: the cheapest first, transient faults go on,
 * a hard one is the end, and of the three sentences each stands where it belongs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "client/keys.h"
#include "client/plan.h"

static const char *const names[] = { "a", "b", "c" };

static struct fault fault_of(enum step step, enum fault_kind kind, enum reason reason)
{
	struct fault f = { .step = step, .kind = kind, .reason = reason };

	snprintf(f.why, sizeof(f.why), "%s broke", step_str(step));
	return f;
}

static struct plan plan_of(enum class class)
{
	struct plan p;

	plan_init(&p, class, names, 3);
	return p;
}

static void test_cheapest_first(void **state)
{
	struct plan p = plan_of(CLASS_CONFIDENTIAL);

	(void)state;
	assert_int_equal(plan_next(&p), -1);
	assert_true(plan_waits(&p));
	plan_measured(&p, 1, 120000);
	plan_measured(&p, 0, 45000);
	plan_measured(&p, 2, 45001);
	assert_false(plan_waits(&p));
	assert_int_equal(plan_next(&p), 0);
	assert_int_equal(plan_next(&p), 2);
	assert_int_equal(plan_next(&p), 1);
	assert_int_equal(plan_next(&p), -1);
}

/* The first that answers is tried though others may answer yet: it is the cheapest by that. */
static void test_first_to_answer(void **state)
{
	struct plan p = plan_of(CLASS_CONFIDENTIAL);

	(void)state;
	plan_measured(&p, 2, 300);
	assert_int_equal(plan_next(&p), 2);
	assert_true(plan_waits(&p));
	plan_measured(&p, 2, 1); /* tried is tried */
	assert_int_equal(plan_next(&p), -1);
}

/* A connection that was kept too long is made anew, and has its turn by its new time. */
static void test_dialled_once_more(void **state)
{
	struct plan p = plan_of(CLASS_CONFIDENTIAL);

	(void)state;
	plan_measured(&p, 0, 10);
	plan_measured(&p, 1, 20);
	plan_measured(&p, 2, 30);
	assert_int_equal(plan_next(&p), 0);
	assert_int_equal(plan_next(&p), 1);
	plan_redialled(&p, 1);
	assert_true(plan_waits(&p));
	assert_int_equal(plan_next(&p), 2);
	plan_measured(&p, 1, 40);
	assert_false(plan_waits(&p));
	assert_int_equal(plan_next(&p), 1);
}

static void test_which_faults_go_on(void **state)
{
	static const struct {
		enum fault_kind kind;
		bool goes_on;
		enum verdict verdict;
	} rows[] = {
		{ FAULT_TRANSIENT, true, VERDICT_REFUSED },
		{ FAULT_UNSURE, true, VERDICT_UNDETERMINED },
		{ FAULT_OURS, false, VERDICT_ERROR },
		{ FAULT_HARD, false, VERDICT_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct plan p = plan_of(CLASS_CONFIDENTIAL);
		struct fault f = fault_of(STEP_ATTEST, rows[i].kind, REASON_OK);

		assert_int_equal(plan_failed(&p, 0, &f), rows[i].goes_on);
		assert_int_equal(plan_verdict(&p), rows[i].verdict);
	}
}

/* What is reported is the weightiest, whichever came first; refused is never "could not tell". */
static void test_the_weightiest_fault_is_told(void **state)
{
	const struct fault refused = fault_of(STEP_CONNECT, FAULT_TRANSIENT, REASON_OK);
	const struct fault unsure = fault_of(STEP_APPRAISE, FAULT_UNSURE, REASON_NO_LEAF);
	const struct fault reset = fault_of(STEP_ATTEST, FAULT_TRANSIENT, REASON_OK);
	struct plan p = plan_of(CLASS_CONFIDENTIAL);
	char text[PLAN_TEXT_MAX];

	(void)state;
	assert_int_equal(plan_verdict(&p), VERDICT_REFUSED);
	assert_string_equal(plan_text(&p, text), "No verified TEE endpoints available: none "
						 "answered before the deadline");
	assert_true(plan_failed(&p, 0, &reset));
	assert_true(plan_failed(&p, 1, &refused));
	assert_string_equal(plan_text(&p, text),
			    "No verified TEE endpoints available: a: attest: attest broke");
	assert_true(plan_failed(&p, 2, &unsure));
	assert_int_equal(plan_verdict(&p), VERDICT_UNDETERMINED);
	assert_string_equal(plan_text(&p, text),
			    "No verified TEE endpoints available: c: appraise: "
			    "unverifiable-no-leaf: appraise broke");
}

static void test_headlines(void **state)
{
	static const struct {
		enum class class;
		enum step step;
		enum reason reason;
		const char *headline;
	} rows[] = {
		{ CLASS_CONFIDENTIAL, STEP_APPRAISE, REASON_MEASUREMENT,
		  "TEE code differs from expected policy" },
		{ CLASS_CLASSIFIED, STEP_APPRAISE, REASON_MEASUREMENT,
		  "TEE code differs from expected policy" },
		{ CLASS_CONFIDENTIAL, STEP_APPRAISE, REASON_RTMR,
		  "TEE code differs from expected policy" },
		{ CLASS_CONFIDENTIAL, STEP_APPRAISE, REASON_POLICY_DEBUG,
		  "No verified TEE endpoints available" },
		{ CLASS_CONFIDENTIAL, STEP_CONNECT, REASON_OK,
		  "No verified TEE endpoints available" },
		{ CLASS_CLASSIFIED, STEP_CONNECT, REASON_OK,
		  "No verified TEE endpoints available" },
		{ CLASS_CLASSIFIED, STEP_TLS, REASON_OK, "No verified TEE endpoints available" },
		{ CLASS_CLASSIFIED, STEP_ATTEST, REASON_OK,
		  "Classified task requires fresh attestation" },
		{ CLASS_CLASSIFIED, STEP_APPRAISE, REASON_CHIP_NOT_PINNED,
		  "Classified task requires fresh attestation" },
		{ CLASS_CLASSIFIED, STEP_APPRAISE, REASON_TIMESTAMP,
		  "Classified task requires fresh attestation" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fault f = fault_of(rows[i].step, FAULT_HARD, rows[i].reason);

		assert_string_equal(plan_headline(rows[i].class, &f), rows[i].headline);
	}
}

/* Keys are good for as long as the evidence that vouched for them, and not a millisecond more. */
static void test_keys_run_out(void **state)
{
	static const uint8_t a[WIRE_KEY_BYTES] = { 1 }, b[WIRE_KEY_BYTES] = { 2 };
	static struct keyset s;
	uint64_t until = 0;

	(void)state;
	assert_false(keyset_is_live(&s, 0));
	keyset_add(&s, 0, a, 1000, 0);
	keyset_add(&s, 0, b, 3000, 0);
	assert_true(keyset_has(&s, a, 999, &until));
	assert_int_equal(until, 1000);
	assert_false(keyset_has(&s, a, 1000, &until));
	assert_true(keyset_has(&s, b, 1000, &until));
	assert_int_equal(until, 3000);
	keyset_add(&s, 0, a, 5000, 1000); /* attested anew */
	assert_true(keyset_has(&s, a, 4999, &until));
	keyset_add(&s, 0, a, 2000, 1000); /* an older word does not shorten it */
	assert_true(keyset_has(&s, a, 4999, &until));
	assert_true(keyset_is_live(&s, 4999));
	assert_false(keyset_is_live(&s, 5000));
}

/* As long as one of several agents vouches for a key, it is good: for as long as that one says. */
static void test_keys_of_several_agents(void **state)
{
	static const uint8_t a[WIRE_KEY_BYTES] = { 1 }, b[WIRE_KEY_BYTES] = { 2 };
	static struct keyset s;
	uint64_t until = 0;

	(void)state;
	keyset_add(&s, 0, a, 1000, 0);
	keyset_add(&s, 1, a, 3000, 0);
	keyset_add(&s, 2, a, 2000, 0);
	keyset_add(&s, 1, b, 4000, 0);
	assert_true(keyset_has(&s, a, 0, &until));
	assert_int_equal(until, 3000);
	keyset_drop(&s, 1);
	assert_false(keyset_has(&s, b, 0, &until));
	assert_true(keyset_has(&s, a, 0, &until));
	assert_int_equal(until, 2000);
	keyset_drop(&s, 0);
	keyset_drop(&s, 2);
	assert_false(keyset_is_live(&s, 0));
}

static void test_keys_make_room(void **state)
{
	static struct keyset s;
	uint8_t key[WIRE_KEY_BYTES] = { 0 };
	uint64_t until;

	(void)state;
	for (int i = 0; i < KEYS_MAX + 5; i++) {
		memcpy(key, &i, sizeof(i));
		keyset_add(&s, 0, key, 100, 0);
	}
	assert_int_equal(s.count, KEYS_MAX);
	assert_false(keyset_has(&s, key, 0, &until)); /* full is full */
	keyset_add(&s, 0, key, 300, 100);
	assert_int_equal(s.count, KEYS_MAX);
	assert_true(keyset_has(&s, key, 100, &until));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cheapest_first),
		cmocka_unit_test(test_first_to_answer),
		cmocka_unit_test(test_dialled_once_more),
		cmocka_unit_test(test_which_faults_go_on),
		cmocka_unit_test(test_the_weightiest_fault_is_told),
		cmocka_unit_test(test_headlines),
		cmocka_unit_test(test_keys_run_out),
		cmocka_unit_test(test_keys_of_several_agents),
		cmocka_unit_test(test_keys_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
