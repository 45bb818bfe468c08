// SPDX-License-Identifier: BSD-2-Clause
/* All objections of a policy are told, and the first is the one that appraise() would have named.
 */
#include "unit/verifier_lab.h"

#include "verifier/objections.h"

static struct objections all;

static enum reason judge_all(struct scene *s)
{
	claims_free(&s->claims);
	return appraise_all(s->policy, &s->evidence, &all, &s->claims);
}

static bool has(enum reason reason, const char *part)
{
	for (size_t i = 0; i < all.count; i++)
		if (all.list[i].reason == reason && strstr(all.list[i].detail, part))
			return true;
	return false;
}

static void list_of(struct value_list *l, size_t width)
{
	*l = (struct value_list){ calloc(1, width), 1, width };
}

/* Wants everything that a lab's report does not have. */
static void want_much(struct policy *p)
{
	struct snp_rules *r = &p->snp;

	r->products[SNP_MILAN] = false;
	r->keys[SNP_KEY_VCEK] = false;
	r->policy.required = 1 << 20;
	r->policy.forbidden = 1 << 16;
	r->platform.required = 0x8;
	r->platform.forbidden = 0x1;
	r->vmpl_minimum = 1;
	r->minimum_firmware = (struct snp_firmware){ 1, 55, 30 };
	r->launch_mitigation = 1;
	r->current_mitigation = 2;
	r->minimum_guest_svn = 7;
	list_of(&r->measurements, DIGEST_BYTES);
	list_of(&r->host_data, SNP_HOST_DATA_BYTES);
	list_of(&r->image_ids, SNP_ID_BYTES);
	r->image_ids.values[0] = 9;
	list_of(&r->chip_ids, SNP_CHIP_ID_BYTES);
}

static void test_all(void **state)
{
	static const struct {
		enum reason reason;
		const char *part;
	} wanted[] = {
		{ REASON_PRODUCT, "Milan" },
		{ REASON_KEY_KIND, "a report under" },
		{ REASON_POLICY_DEBUG, "debugging" },
		{ REASON_POLICY_MIGRATION, "migration agent" },
		{ REASON_POLICY_BITS, "lacks required bits 0x100000" },
		{ REASON_POLICY_BITS, "has forbidden bits 0x10000" },
		{ REASON_PLATFORM_INFO, "lacks required bits 0x8" },
		{ REASON_PLATFORM_INFO, "has forbidden bits 0x1" },
		{ REASON_VMPL, "wants 1..3" },
		{ REASON_FIRMWARE_TOO_OLD, "1.55.30" },
		{ REASON_MITIGATION, "launch" },
		{ REASON_MITIGATION, "current" },
		{ REASON_GUEST_SVN, "at least 7" },
		{ REASON_MEASUREMENT, "111111" },
		{ REASON_HOST_DATA, "222222" },
		{ REASON_IMAGE_ID, "0000" },
		{ REASON_CHIP_NOT_PINNED, "c1c1" },
	};
	struct scene *s = malloc(sizeof(*s));
	enum reason first;

	(void)state;
	scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
	s->report[0x0a] |= 1 << 2 | 1 << 3; /* a migration agent, debugging */
	want_much(s->policy);
	scene_build(s);
	first = scene_judge(s);
	assert_int_equal(judge_all(s), first);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!has(wanted[i].reason, wanted[i].part))
			fail_msg("not told: %s, \"%s\"", reason_str(wanted[i].reason),
				 wanted[i].part);
	assert_int_equal(all.count, sizeof(wanted) / sizeof(*wanted));
	assert_int_equal(all.list[0].reason, first);
	assert_string_equal(s->claims.detail, all.list[0].detail);
	assert_int_equal(s->claims.class_mask, 0);
	scene_end(s);
	free(s);
}

/* Nothing is listed of good evidence; of bad evidence only what is wrong with it. */
/* A list that policy wants and nobody has does not hide what else is wrong. */
static void test_past_missing_list(void **state)
{
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
	s->policy->snp.crl = CRL_REQUIRED;
	scene_build(s);
	assert_int_equal(judge_all(s), REASON_CRL_MISSING);
	assert_int_equal(all.count, 1);
	want_much(s->policy);
	assert_int_equal(judge_all(s), REASON_CRL_MISSING);
	assert_true(all.count > 10);
	assert_int_equal(all.list[0].reason, REASON_CRL_MISSING);
	for (size_t i = 1; i < all.count; i++)
		assert_int_not_equal(all.list[i].reason, REASON_CRL_MISSING);
	assert_int_equal(s->claims.class_mask, 0);
	assert_int_equal(s->policy->snp.crl, CRL_REQUIRED);
	s->report[0x90] ^= 1; /* and of evidence that is wrong in itself, that is said */
	assert_int_equal(judge_all(s), REASON_CRL_MISSING);
	assert_int_equal(all.count, 2);
	assert_int_equal(all.list[1].reason, REASON_REPORT_SIGNATURE);
	scene_end(s);
	free(s);
}

static void test_none_and_one(void **state)
{
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	scene_begin(s, SNP_GENOA, SNP_KEY_VCEK);
	scene_build(s);
	assert_int_equal(judge_all(s), REASON_OK);
	assert_int_equal(all.count, 0);
	assert_int_equal(s->claims.class_mask, 7);
	want_much(s->policy);
	s->report[0x90] ^= 1;
	assert_int_equal(judge_all(s), REASON_REPORT_SIGNATURE);
	assert_int_equal(all.count, 1);
	assert_int_equal(all.list[0].reason, REASON_REPORT_SIGNATURE);
	assert_true(all.list[0].detail[0]);
	assert_int_equal(s->claims.class_mask, 0);
	scene_end(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_past_missing_list), cmocka_unit_test(test_none_and_one),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
