// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is remembered makes appraisals cheaper and none of them different: every row is judged by a
 * cache that has seen the good evidence, after one thing was changed.
 */
#include "unit/verifier_lab.h"

#include "verifier/cache.h"

enum {
	SMALL = 4,
	CHIPS = 10,
	MUTATION_STEP = 3, /* every third byte of a leaf, one bit each */
};

struct thing {
	struct cached head;
	int *released;
};

static void release_thing(struct cached *head)
{
	struct thing *t = (struct thing *)head;

	(*t->released)++;
	free(t);
}

static void keep_number(struct cache *c, unsigned int number, int *released)
{
	struct bytes part = bytes_of((const uint8_t *)&number, sizeof(number));
	struct thing *t = calloc(1, sizeof(*t));
	struct cache_key key;

	t->released = released;
	t->head = (struct cached){ .holders = 1, .release = release_thing };
	assert_true(cache_key(&key, "thing", &part, 1));
	cache_keep(c, &key, &t->head);
	cached_drop(&t->head);
}

static struct cached *find_number(struct cache *c, unsigned int number)
{
	struct bytes part = bytes_of((const uint8_t *)&number, sizeof(number));
	struct cache_key key;

	assert_true(cache_key(&key, "thing", &part, 1));
	return cache_find(c, &key);
}

static void test_bounded(void **state)
{
	struct cache *c = cache_new(SMALL);
	struct cached *held;
	int released = 0;

	(void)state;
	for (unsigned int i = 0; i < SMALL; i++)
		keep_number(c, i, &released);
	held = find_number(c, 0); /* now the last to go */
	assert_non_null(held);
	for (unsigned int i = SMALL; i < 2 * SMALL - 1; i++)
		keep_number(c, i, &released);
	assert_int_equal(released, SMALL - 1);
	assert_int_equal(cache_counts(c).entries, SMALL);
	assert_int_equal(cache_counts(c).evictions, SMALL - 1);
	assert_null(find_number(c, 1));
	keep_number(c, 100, &released); /* 0 goes, but is held */
	assert_null(find_number(c, 0));
	assert_int_equal(released, SMALL - 1);
	cached_drop(held);
	assert_int_equal(released, SMALL);
	keep_number(c, 100, &released); /* in place of itself */
	assert_int_equal(cache_counts(c).entries, SMALL);
	cache_free(c);
	assert_int_equal(released, 2 * SMALL + 1);
	assert_null(find_number(NULL, 0));
	keep_number(NULL, 0, &released);
	assert_int_equal(released, 2 * SMALL + 2);
}

static void test_keys(void **state)
{
	const uint8_t text[] = "abcd";
	const struct bytes one[] = { bytes_of(text, 4) },
			   two[] = { bytes_of(text, 2), bytes_of(text + 2, 2) },
			   three[] = { bytes_of(text, 2), bytes_of(text + 2, 2), { 0 } };
	struct cache_key a, b, c, d;

	(void)state;
	assert_true(cache_key(&a, "x", one, 1) && cache_key(&b, "x", two, 2) &&
		    cache_key(&c, "x", three, 3) && cache_key(&d, "y", one, 1));
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&b, &c, sizeof(a));
	assert_memory_not_equal(&a, &d, sizeof(a));
}

/* A scene that the cache has seen, twice. */
static void warm(struct scene *s, struct cache *c)
{
	struct cache_counts before;
	char *cold, *again;

	scene_build(s);
	assert_int_equal(scene_judge(s), REASON_OK);
	cold = json_dumps(s->claims.json, JSON_SORT_KEYS);
	s->evidence.cache = c;
	assert_int_equal(scene_judge(s), REASON_OK);
	before = cache_counts(c);
	assert_int_equal(scene_judge(s), REASON_OK);
	assert_int_equal(cache_counts(c).hits, before.hits + 1); /* one look-up, and it was there */
	assert_int_equal(cache_counts(c).misses, before.misses);
	again = json_dumps(s->claims.json, JSON_SORT_KEYS);
	assert_string_equal(cold, again);
	assert_int_equal(s->claims.not_after, LAB_TO);
	assert_true(s->claims.lab_root && s->claims.class_mask == 7);
	free(cold);
	free(again);
}

static void later(struct scene *s)
{
	s->evidence.at = LAB_TO + 1;
}

static void at_the_end(struct scene *s)
{
	s->evidence.at = LAB_TO;
}

static void earlier(struct scene *s)
{
	s->evidence.at = LAB_FROM - 1;
}

static void no_pin(struct scene *s)
{
	policy_free(s->policy);
	s->policy = policy_default();
}

static void revoked(struct scene *s)
{
	s->crl.serials[0] = s->mid.serial;
	s->crl.serials_count = 1;
	lab_build_crl(&s->crl);
	s->evidence.collateral[COLLATERAL_CRL] = bytes_of(s->crl.der, s->crl.n);
}

static void crl_of_a_stranger(struct scene *s)
{
	s->crl.signer = LAB_STRANGER;
	lab_build_crl(&s->crl);
	s->evidence.collateral[COLLATERAL_CRL] = bytes_of(s->crl.der, s->crl.n);
}

static void no_crl(struct scene *s)
{
	s->evidence.collateral[COLLATERAL_CRL] = (struct bytes){ 0 };
	s->policy->snp.crl = CRL_REQUIRED;
}

static void crl_ran_out(struct scene *s)
{
	s->evidence.at = LAB_NOW + 3600;
}

static void crl_too_old(struct scene *s)
{
	s->policy->snp.crl_age_hours = 1;
}

static void no_chain(struct scene *s)
{
	s->evidence.certs_count = 1;
}

static void no_leaf(struct scene *s)
{
	s->evidence.certs[0] = s->evidence.certs[1];
	s->evidence.certs[1] = s->evidence.certs[2];
	s->evidence.certs_count = 2;
}

static void leaf_of_a_stranger(struct scene *s)
{
	s->leaf.signer = LAB_STRANGER;
	lab_build_cert(&s->leaf);
	s->evidence.certs[0] = bytes_of(s->leaf.der, s->leaf.n);
}

static void leaf_expired(struct scene *s)
{
	s->leaf.to = LAB_NOW - 1;
	lab_build_cert(&s->leaf);
	s->evidence.certs[0] = bytes_of(s->leaf.der, s->leaf.n);
}

static void leaf_critical(struct scene *s)
{
	lab_find(&s->leaf, "3.5")->critical = true;
	lab_build_cert(&s->leaf);
	s->evidence.certs[0] = bytes_of(s->leaf.der, s->leaf.n);
}

static void leaf_of_another_chip(struct scene *s)
{
	s->leaf.key = LAB_CHIP2;
	lab_build_cert(&s->leaf);
	s->evidence.certs[0] = bytes_of(s->leaf.der, s->leaf.n);
}

static void report_flipped(struct scene *s)
{
	s->report[0x90] ^= 1;
}

static void report_of_a_vlek(struct scene *s)
{
	s->report[0x48] = SNP_KEY_VLEK << 2;
	lab_sign_report(s->report, s->report_key);
}

static void report_of_another_tcb(struct scene *s)
{
	s->report[0x180]++;
	s->report[0x1e0]++;
	s->report[0x38]++;
	lab_sign_report(s->report, s->report_key);
}

static void other_data(struct scene *s)
{
	s->report_data[63] ^= 1;
}

static const struct {
	const char *what;
	bool crl; /* and is there one, for half an hour */
	void (*change)(struct scene *s);
	enum reason want;
} rows[] = {
	{ "a year later", false, later, REASON_CERT_EXPIRED },
	{ "in its last second", false, at_the_end, REASON_CERT_EXPIRED },
	{ "before it begins", false, earlier, REASON_CERT_NOT_YET_VALID },
	{ "root not in this policy", false, no_pin, REASON_UNTRUSTED_ROOT },
	{ "root not in this policy, with a CRL", true, no_pin, REASON_UNTRUSTED_ROOT },
	{ "a newer CRL revokes the ASK", true, revoked, REASON_REVOKED },
	{ "a first CRL revokes the ASK", false, revoked, REASON_REVOKED },
	{ "a CRL by a stranger", true, crl_of_a_stranger, REASON_CRL },
	{ "no CRL any more", true, no_crl, REASON_CRL_MISSING },
	{ "policy has come to want a CRL", false, no_crl, REASON_CRL_MISSING },
	{ "the CRL ran out", true, crl_ran_out, REASON_CRL_STALE },
	{ "the CRL is too old for the policy", true, crl_too_old, REASON_CRL_STALE },
	{ "no chain any more", false, no_chain, REASON_NO_CHAIN },
	{ "no leaf any more", false, no_leaf, REASON_NO_LEAF },
	{ "a leaf by a stranger", false, leaf_of_a_stranger, REASON_CERT_SIGNATURE },
	{ "a leaf that has expired", true, leaf_expired, REASON_CERT_EXPIRED },
	{ "a leaf with a critical extension", false, leaf_critical, REASON_CERT_LEAF },
	{ "a leaf with another key", false, leaf_of_another_chip, REASON_REPORT_SIGNATURE },
	{ "a report that was changed", false, report_flipped, REASON_REPORT_SIGNATURE },
	{ "a report that says VLEK", false, report_of_a_vlek, REASON_SIGNING_KEY },
	{ "a report of another TCB", false, report_of_another_tcb, REASON_TCB_MISMATCH },
	{ "another question", false, other_data, REASON_REPORT_DATA },
};

static void test_changes(void **state)
{
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cache *c = cache_new(SMALL * SMALL);
		enum reason cold, reason;
		char detail[WHY_MAX];

		scene_begin(s, SNP_GENOA, SNP_KEY_VCEK);
		s->crl.given = rows[i].crl;
		s->crl.from = LAB_NOW - 7200;
		s->crl.to = LAB_NOW + 1800;
		warm(s, c);
		rows[i].change(s);
		reason = scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		strcpy(detail, s->claims.detail);
		s->evidence.cache = NULL;
		cold = scene_judge(s);
		assert_int_equal(cold, reason);
		assert_string_equal(s->claims.detail, detail); /* and in the same words */
		scene_end(s);
		cache_free(c);
	}
	free(s);
}

/* What was refused is not remembered, and neither is what only says that it is evidence. */
static void test_only_the_good(void **state)
{
	static void (*const changes[])(struct scene *) = {
		report_flipped, leaf_of_a_stranger, no_pin, later, leaf_of_another_chip,
		no_crl,		crl_ran_out
	};
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct cache *c = cache_new(SMALL);

		scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
		s->crl.given = true;
		s->crl.from = LAB_NOW - 7200;
		s->crl.to = LAB_NOW + 1800;
		scene_build(s);
		changes[i](s);
		s->evidence.cache = c;
		assert_int_not_equal(scene_judge(s), REASON_OK);
		assert_int_equal(cache_counts(c).entries, 0);
		scene_end(s);
		cache_free(c);
	}
	free(s);
}

static void test_many_chips(void **state)
{
	struct cache *c = cache_new(SMALL);
	struct scene *s = malloc(sizeof(*s));
	uint8_t chip[SNP_CHIP_ID_BYTES];

	(void)state;
	for (int i = 0; i < CHIPS; i++) {
		scene_begin(s, SNP_MILAN, i % 2 ? SNP_KEY_VLEK : SNP_KEY_VCEK);
		memset(chip, i + 1, sizeof(chip));
		if (s->kind == SNP_KEY_VCEK) {
			lab_set(&s->leaf, "4", chip, sizeof(chip));
			memcpy(s->report + 0x1a0, chip, sizeof(chip));
		}
		warm(s, c);
		assert_true(cache_counts(c).entries <= SMALL);
		scene_end(s);
	}
	free(s);
	cache_free(c);
}

/* One bit of the leaf: with its issuer known, its signature is still verified. */
static void test_leaf_mutations(void **state)
{
	struct cache *c = cache_new(SMALL * SMALL);
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	scene_begin(s, SNP_TURIN, SNP_KEY_VCEK);
	warm(s, c);
	for (size_t i = 0; i < s->leaf.n; i += MUTATION_STEP) {
		s->leaf.der[i] ^= 1 << i % 8;
		if (scene_judge(s) == REASON_OK)
			fail_msg("accepted with bit %zu of byte %zu flipped", i % 8, i);
		s->leaf.der[i] ^= 1 << i % 8;
	}
	assert_int_equal(scene_judge(s), REASON_OK);
	scene_end(s);
	free(s);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),	   cmocka_unit_test(test_keys),
		cmocka_unit_test(test_changes),	   cmocka_unit_test(test_only_the_good),
		cmocka_unit_test(test_many_chips), cmocka_unit_test(test_leaf_mutations),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
