// SPDX-License-Identifier: BSD-2-Clause
/*
 * A chain that is remembered makes no verdict different: not when its time comes, not under a
 * policy with other roots, not for another document, and nothing is remembered of what was refused.
 */
#include "unit/verifier_nitro_lab.h"

#include "verifier/cache.h"

struct bench {
	struct nlab_scene scene;
	struct cache *cache;
};

static enum reason ask(struct bench *b, int64_t at)
{
	struct evidence e = { .tee = TEE_NITRO,
			      .report = bytes_of(b->scene.document, b->scene.n),
			      .at = at,
			      .cache = b->cache };
	enum reason reason = appraise(b->scene.policy, &e, &b->scene.claims);

	claims_free(&b->scene.claims);
	return reason;
}

static struct bench *begin(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	nlab_begin(&b->scene);
	b->cache = cache_new(8);
	assert_non_null(b->cache);
	nlab_build(&b->scene);
	return b;
}

static void end(struct bench *b)
{
	cache_free(b->cache);
	nlab_end(&b->scene);
	free(b);
}

static uint64_t hits(const struct bench *b)
{
	return cache_counts(b->cache).hits;
}

static void test_hit(void **state)
{
	struct bench *b = begin();

	(void)state;
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	assert_int_equal(hits(b), 0);
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	assert_int_equal(hits(b), 1);
	/* Another document of the same leaf. */
	b->scene.timestamp_ms -= 1000;
	nlab_document(&b->scene);
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	assert_int_equal(hits(b), 2);
	assert_int_equal(cache_counts(b->cache).entries, 1);
	end(b);
}

static void test_time(void **state)
{
	struct bench *b = begin();
	const struct nlab_cert *leaf = &b->scene.certs[NLAB_LEAF];

	(void)state;
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	assert_int_equal(ask(b, leaf->to + 1), REASON_CERT_EXPIRED);
	assert_int_equal(ask(b, leaf->from - 1), REASON_CERT_NOT_YET_VALID);
	assert_int_equal(ask(b, leaf->to - 1), REASON_OK);
	end(b);
}

static void test_roots(void **state)
{
	struct bench *b = begin();
	struct policy *trusting = b->scene.policy;

	(void)state;
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	b->scene.policy = policy_default();
	assert_int_equal(ask(b, NLAB_NOW), REASON_UNTRUSTED_ROOT);
	policy_free(b->scene.policy);
	b->scene.policy = trusting;
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	end(b);
}

/* The signature is the document's own, and is verified each time. */
static void test_signature(void **state)
{
	struct bench *b = begin();

	(void)state;
	assert_int_equal(ask(b, NLAB_NOW), REASON_OK);
	b->scene.document[b->scene.n - 1] ^= 1;
	assert_int_equal(ask(b, NLAB_NOW), REASON_REPORT_SIGNATURE);
	assert_int_equal(hits(b), 1);
	end(b);
}

static void test_refused(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	(void)state;
	nlab_begin(&b->scene);
	memset(b->scene.pcr_bytes, 0, 3); /* debug mode, of a good chain */
	b->cache = cache_new(8);
	nlab_build(&b->scene);
	assert_int_equal(ask(b, NLAB_NOW), REASON_POLICY_DEBUG);
	assert_int_equal(cache_counts(b->cache).entries, 0);
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hit),	cmocka_unit_test(test_time),
		cmocka_unit_test(test_roots),	cmocka_unit_test(test_signature),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
