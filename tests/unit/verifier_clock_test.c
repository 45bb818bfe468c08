// SPDX-License-Identifier: BSD-2-Clause
/* A clock that is off by a year is said to be suspect; collateral that ran out is not its fault. */
#include "unit/verifier_lab.h"

#include "verifier/wants.h"

enum { YEAR = 365 * 86400 };

static struct scene *s;

static int begin(void **state)
{
	(void)state;
	s = malloc(sizeof(*s));
	scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
	s->crl.given = true;
	return 0;
}

static int end(void **state)
{
	(void)state;
	scene_end(s);
	free(s);
	return 0;
}

static void judged(enum reason want, bool doubt)
{
	enum reason got = scene_judge(s);
	bool doubted = strstr(s->claims.detail, "clock is suspect");

	if (got != want || doubted != doubt)
		fail_msg("%s: %s", reason_str(got), s->claims.detail);
}

static void test_in_time(void **state)
{
	(void)state;
	scene_build(s);
	judged(REASON_OK, false);
}

static void test_a_year_behind(void **state)
{
	(void)state;
	s->root.from = s->mid.from = LAB_NOW - 10 * (int64_t)YEAR;
	scene_build(s);
	s->evidence.at = LAB_NOW - YEAR;
	judged(REASON_CERT_NOT_YET_VALID, true);
}

static void test_a_year_ahead(void **state)
{
	(void)state;
	s->root.to = s->mid.to = LAB_NOW + 10 * (int64_t)YEAR;
	scene_build(s);
	s->evidence.at = LAB_NOW + YEAR + 86400;
	judged(REASON_CERT_EXPIRED, true);
}

/* A leaf of seven years does not tell one year from the next. */
static void test_a_year_ahead_of_the_list(void **state)
{
	(void)state;
	s->root.to = s->mid.to = s->leaf.to = LAB_NOW + 7 * (int64_t)YEAR;
	scene_build(s);
	s->evidence.at = LAB_NOW + YEAR + 86400;
	judged(REASON_CRL_STALE, true);
}

/* The leaf is of this year: then the list alone ran out, and that happens to lists. */
static void test_list_alone(void **state)
{
	(void)state;
	s->crl.to = LAB_NOW - 3600;
	scene_build(s);
	judged(REASON_CRL_STALE, false);
}

/* A leaf that expired while its list is fresh is an expired leaf. */
static void test_leaf_alone(void **state)
{
	(void)state;
	s->leaf.to = LAB_NOW - 3600;
	scene_build(s);
	judged(REASON_CERT_EXPIRED, false);
}

/* What is wrong otherwise is not the clock's. */
static void test_other_reasons(void **state)
{
	(void)state;
	scene_build(s);
	s->evidence.at = LAB_NOW + 20 * (int64_t)YEAR;
	s->report[0x90] ^= 1;
	s->evidence.report.n--;
	judged(REASON_LENGTH, false);
}

/* --- what would tell more */

static bool wanted(const struct want *wants, size_t n, const char *name)
{
	char text[WANT_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		if (!strncmp(want_text(&wants[i], text), name, strlen(name)))
			return true;
	return false;
}

static size_t wants_now(struct want *wants)
{
	enum reason r = scene_judge(s);

	return evidence_wants(s->policy, &s->evidence, r, &s->claims, wants);
}

static void test_wants(void **state)
{
	struct want wants[EVIDENCE_WANTS_MAX];

	(void)state;
	scene_build(s);
	assert_int_equal(wants_now(wants), 1); /* all there: a list, for next time */
	assert_true(wanted(wants, 1, "amd/Milan/vcek-crl"));
	s->evidence.certs[0] = s->evidence.certs[2]; /* no leaf */
	s->evidence.certs_count = 2;
	assert_int_equal(wants_now(wants), 3);
	assert_true(wanted(wants, 3, "amd/Milan/vcek/c1c1c1"));
	assert_true(wanted(wants, 3, "amd/Milan/vcek-chain"));
	s->evidence.certs_count = 0;
	assert_int_equal(wants_now(wants), 3);
	s->policy->snp.crl = CRL_OFF;
	assert_int_equal(wants_now(wants), 2);
	assert_false(wanted(wants, 2, "amd/Milan/vcek-crl"));
	memset(s->report + 0x1a0, 0, SNP_CHIP_ID_BYTES); /* masked: whose VCEK? */
	assert_int_equal(wants_now(wants), 1);
	s->evidence.report.n--;
	assert_int_equal(wants_now(wants), 0);
}

/* After an update of the firmware the host's table is of yesterday. */
static void test_wants_for_another_tcb(void **state)
{
	struct want wants[EVIDENCE_WANTS_MAX];

	(void)state;
	lab_integer(&s->leaf, "3.8", 200);
	scene_build(s);
	assert_int_equal(scene_judge(s), REASON_TCB_MISMATCH);
	assert_int_equal(wants_now(wants), 2);
	assert_true(wanted(wants, 2, "amd/Milan/vcek/c1"));
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(test_in_time),
		WITH_SCENE(test_a_year_behind),
		WITH_SCENE(test_a_year_ahead),
		WITH_SCENE(test_a_year_ahead_of_the_list),
		WITH_SCENE(test_list_alone),
		WITH_SCENE(test_leaf_alone),
		WITH_SCENE(test_other_reasons),
		WITH_SCENE(test_wants),
		WITH_SCENE(test_wants_for_another_tcb),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
