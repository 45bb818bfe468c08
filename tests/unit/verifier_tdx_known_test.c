// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is remembered of platforms and collateral makes appraisals cheaper and none different: with
 * a cache that knows the scene, each change has the verdict that it has without one.
 */
#include "unit/verifier_tdx_lab.h"
#include "verifier/cache.h"

enum {
	ENTRIES = 16,
};

static char *said(struct tdx_scene *s)
{
	char *text = json_dumps(s->claims.json, JSON_COMPACT | JSON_SORT_KEYS);

	assert_non_null(text);
	return text;
}

/* Verdict and words are the same cold and warm; gives the verdict. */
static enum reason compare(struct tdx_scene *s, struct cache *warm, const char *what)
{
	enum reason cold, hot;
	char detail[WHY_MAX], *before, *after;

	s->evidence.cache = NULL;
	cold = tdx_scene_judge(s);
	before = said(s);
	memcpy(detail, s->claims.detail, sizeof(detail));
	s->evidence.cache = warm;
	hot = tdx_scene_judge(s);
	after = said(s);
	if (cold != hot || strcmp(before, after) || strcmp(detail, s->claims.detail))
		fail_msg("%s: cold %s (%s), warm %s (%s)", what, reason_str(cold), detail,
			 reason_str(hot), s->claims.detail);
	free(before);
	free(after);
	return cold;
}

static struct tdx_scene *scene(void)
{
	struct tdx_scene *s = malloc(sizeof(*s));

	tdx_scene_begin(s);
	s->version = 5;
	s->body_type = 3;
	tdx_scene_build(s);
	return s;
}

static void end(struct tdx_scene *s, struct cache *warm)
{
	tdx_scene_end(s);
	free(s);
	cache_free(warm);
}

static void test_hits(void **state)
{
	struct cache *warm = cache_new(ENTRIES);
	struct tdx_scene *s = scene();

	(void)state;
	assert_int_equal(compare(s, warm, "first"), REASON_OK);
	assert_int_equal(cache_counts(warm).entries, 2);
	assert_int_equal(cache_counts(warm).hits, 0);
	assert_int_equal(compare(s, warm, "second"), REASON_OK);
	assert_int_equal(cache_counts(warm).hits, 2);
	assert_int_equal(cache_counts(warm).entries, 2);
	end(s, warm);
}

/* Refused evidence is not remembered as good. */
static void test_kept(void **state)
{
	struct cache *warm = cache_new(ENTRIES);
	struct tdx_scene *s = malloc(sizeof(*s));

	(void)state;
	tdx_scene_begin(s);
	s->pck_crl.revoked = s->pck.serial;
	tdx_scene_build(s);
	assert_int_equal(compare(s, warm, "revoked"), REASON_REVOKED);
	assert_int_equal(cache_counts(warm).entries, 0);
	tdx_scene_end(s);
	tdx_scene_begin(s);
	s->qe_signer = LAB_OTHER;
	tdx_scene_build(s);
	assert_int_equal(compare(s, warm, "unsigned"), REASON_COLLATERAL_SIGNATURE);
	assert_int_equal(cache_counts(warm).entries, 1); /* the platform is good */
	end(s, warm);
}

static void test_time(void **state)
{
	static const int64_t times[] = {
		TDX_LAB_FROM - 1,	 TDX_LAB_FROM,	 TDX_LAB_FROM + 1, TDX_LAB_NOW,
		INT64_C(1781827200), /* nextUpdate of the documents */
		INT64_C(1781827200) + 1, TDX_LAB_TO - 1, TDX_LAB_TO,	   TDX_LAB_TO + 1,
	};
	struct cache *warm = cache_new(ENTRIES);
	struct tdx_scene *s = scene();

	(void)state;
	compare(s, warm, "now");
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		s->evidence.at = times[i];
		compare(s, warm, time_text(times[i]).text);
	}
	assert_int_equal(compare(s, warm, "late"), REASON_CERT_EXPIRED);
	end(s, warm);
}

static void test_policy(void **state)
{
	struct cache *warm = cache_new(ENTRIES);
	struct tdx_scene *s = scene();
	struct tdx_rules *r = &s->policy->tdx;

	(void)state;
	compare(s, warm, "as it is");
	r->crl_age_hours = 1;
	assert_int_equal(compare(s, warm, "young lists"), REASON_CRL_STALE);
	r->crl_age_hours = 0;
	r->minimum_evaluation = 20;
	assert_int_equal(compare(s, warm, "evaluation"), REASON_TCB_EVALUATION);
	r->minimum_evaluation = 0;
	r->crl = CRL_REQUIRED;
	assert_int_equal(compare(s, warm, "lists wanted"), REASON_OK);
	s->evidence.collateral[COLLATERAL_PCK_CRL].n = 0;
	assert_int_equal(compare(s, warm, "none there"), REASON_CRL_MISSING);
	r->crl = CRL_OFF;
	assert_int_equal(compare(s, warm, "lists off"), REASON_OK);
	r->roots.count = 0;
	assert_int_equal(compare(s, warm, "root not trusted"), REASON_UNTRUSTED_ROOT);
	end(s, warm);
}

static void test_other_collateral(void **state)
{
	struct cache *warm = cache_new(ENTRIES);
	struct tdx_scene *s = scene(), *other = malloc(sizeof(*other));

	(void)state;
	compare(s, warm, "as it is");
	tdx_scene_begin(other);
	other->pck_crl.revoked = other->pck.serial;
	tdx_scene_build(other);
	s->evidence.collateral[COLLATERAL_PCK_CRL] = other->evidence.collateral[COLLATERAL_PCK_CRL];
	assert_int_equal(compare(s, warm, "a list that names it"), REASON_REVOKED);
	tdx_scene_end(other);
	free(other);
	for (enum collateral i = COLLATERAL_TCB_INFO; i <= COLLATERAL_QE_IDENTITY_CHAIN; i++) {
		struct bytes kept = s->evidence.collateral[i];

		s->evidence.collateral[COLLATERAL_PCK_CRL].n = 0;
		s->evidence.collateral[i].n = 0;
		assert_int_equal(compare(s, warm, collateral_file(i)), REASON_COLLATERAL_MISSING);
		s->evidence.collateral[i] = kept;
	}
	end(s, warm);
}

/* A bit of bytes all over the quote: the quote's own part is verified each time. */
static void test_flips(void **state)
{
	struct cache *warm = cache_new(ENTRIES);
	struct tdx_scene *s = scene();

	(void)state;
	compare(s, warm, "as it is");
	for (size_t i = 0; i < s->quote.n; i += 11) {
		s->quote.bytes[i] ^= 1;
		compare(s, warm, "flipped");
		s->quote.bytes[i] ^= 1;
	}
	end(s, warm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hits),  cmocka_unit_test(test_kept),
		cmocka_unit_test(test_time),  cmocka_unit_test(test_policy),
		cmocka_unit_test(test_flips), cmocka_unit_test(test_other_collateral),
	};

	return cmocka_run_group_tests(tests, tdx_lab_setup, tdx_lab_teardown);
}
