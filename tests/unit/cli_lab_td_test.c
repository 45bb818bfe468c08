// SPDX-License-Identifier: BSD-2-Clause
/* What the lab's software TD says, in the verifier's eyes: its root is trusted where it is pinned.
 */
#include <string.h>

#include "unit/lab_dir.h"

#include "attester/pki.h"
#include "attester/soft_tdx.h"
#include "verifier/appraise.h"
#include "verifier/policy.h"

#define NOW INT64_C(1780272000)

static char why[WHY_MAX];
static char td[LAB_PATH_MAX], collateral[80];
static uint8_t root_sha256[32];

static void publish(uint64_t evaluation, const char *revoke)
{
	const struct soft_tdx_options o = { NOW, evaluation, revoke };

	assert_int_equal(soft_tdx_root(root, &o, root_sha256, why), 0);
}

static int setup(void **state)
{
	(void)state;
	if (lab_dir_open("td", td))
		return -1;
	snprintf(collateral, sizeof(collateral), "%s/collateral", root);
	publish(SOFT_TDX_EVALUATION, NULL);
	return soft_tdx_issue(root, td, NOW, why);
}

/* The verdict on a quote of *t by a policy that knows the lab's root, or does not. */
static enum reason judge(const struct soft_td *t, bool pinned, struct claims *out)
{
	struct evidence e = { .tee = TEE_TDX, .at = NOW + 60 };
	uint8_t data[REPORT_DATA_BYTES], *files[COLLATERAL_COUNT] = { NULL };
	struct policy *p = policy_default();
	static uint8_t quote[SOFT_QUOTE_MAX];
	enum reason reason;
	size_t n;
	int size;

	memset(data, 0x5a, sizeof(data));
	size = soft_quote(td, t, data, quote, why);
	assert_true(size > 0);
	e.report = bytes_of(quote, size);
	e.report_data = data;
	for (int i = 0; i < COLLATERAL_COUNT; i++) {
		files[i] = pki_read(collateral, collateral_file(i), 65536, &n, why);
		e.collateral[i] = bytes_of(files[i], files[i] ? n : 0);
	}
	if (pinned)
		assert_int_equal(policy_trust_root(p, root_sha256), 0);
	memset(out, 0, sizeof(*out));
	reason = appraise(p, &e, out);
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		free(files[i]);
	policy_free(p);
	return reason;
}

static void expect(const struct soft_td *t, enum reason want)
{
	struct claims c;
	enum reason got = judge(t, true, &c);

	if (got != want)
		fail_msg("want %s, got %s: %s", reason_str(want), reason_str(got), c.detail);
	assert_true(c.lab_root);
	claims_free(&c);
}

static void test_pinned_or_not(void **state)
{
	struct claims c;
	struct soft_td t;

	(void)state;
	soft_td_default(&t);
	assert_int_equal(judge(&t, false, &c), REASON_UNTRUSTED_ROOT);
	assert_int_equal(c.class_mask, 0);
	assert_true(c.lab_root);
	claims_free(&c);
	for (t.version = 4; t.version <= 5; t.version++)
		expect(&t, REASON_OK);
	t.version = 5;
	t.body = SOFT_TD_15;
	expect(&t, REASON_OK);
}

/* What a lab's owner changes is refused for what it is. */
static void test_changed(void **state)
{
	struct soft_td t;

	(void)state;
	soft_td_default(&t);
	t.attributes |= 1;
	expect(&t, REASON_POLICY_DEBUG);
	soft_td_default(&t);
	t.tcb_svn[0] = 4; /* of the module */
	expect(&t, REASON_TCB_OUT_OF_DATE);
	soft_td_default(&t);
	t.tcb_svn[2] = 3; /* of the loader */
	expect(&t, REASON_TCB_OUT_OF_DATE);
	soft_td_default(&t);
	t.qe_svn = 2;
	expect(&t, REASON_TCB_OUT_OF_DATE);
	soft_td_default(&t);
	publish(SOFT_TDX_EVALUATION, td);
	expect(&t, REASON_REVOKED);
	publish(SOFT_TDX_EVALUATION, NULL);
	expect(&t, REASON_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pinned_or_not),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, setup, lab_dir_close);
}
