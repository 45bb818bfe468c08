// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every vector of $FAIRLEAD_VECTORS/nitro gets the verdict that its meta.json expects, with the
 * root that it names; and none that needs one passes by AWS's pin alone.  Without the directory
 * the test is skipped, and says so.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "verifier/nitro.h"
#include "verifier/policy_rules.h"

enum {
	DOCUMENT_MAX = 1 << 16,
	PATH_MAX_BYTES = 1024,
	CLAIMS_MAX = 8192,
	VECTORS_MIN = 60,
};

struct vector {
	char name[256];
	json_t *meta;
	uint8_t *p; /* of its own size, so that the sanitizer sees what is read behind it */
	size_t n;
};

/* The words of the vectors' README, and which of our reasons are meant by each. */
static const struct {
	const char *expect;
	enum reason reasons[5];
} words[] = {
	{ "ok", { REASON_OK } },
	{ "bad-format", { REASON_FORMAT, REASON_LENGTH, REASON_SIGNATURE_ALGORITHM } },
	{ "bad-signature", { REASON_REPORT_SIGNATURE } },
	{ "bad-root", { REASON_UNTRUSTED_ROOT } },
	{ "bad-chain", { REASON_CERT_CHAIN, REASON_CERT_LEAF, REASON_CERT_SIGNATURE } },
	{ "bad-time", { REASON_CERT_EXPIRED, REASON_CERT_NOT_YET_VALID, REASON_TIMESTAMP } },
	{ "bad-debug", { REASON_POLICY_DEBUG } },
};

static const char *root_dir(void)
{
	const char *dir = getenv("FAIRLEAD_VECTORS");

	return dir ? dir : "../shared/vectors";
}

static bool load(const char *name, struct vector *v)
{
	char path[PATH_MAX_BYTES];
	FILE *in;

	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(path, sizeof(path), "%s/nitro/%s/meta.json", root_dir(), name);
	v->meta = json_load_file(path, 0, NULL);
	if (!v->meta)
		return false;
	snprintf(path, sizeof(path), "%s/nitro/%s/doc.cbor", root_dir(), name);
	in = fopen(path, "re");
	assert_non_null(in);
	v->p = malloc(DOCUMENT_MAX);
	v->n = fread(v->p, 1, DOCUMENT_MAX, in);
	v->p = realloc(v->p, v->n ? v->n : 1);
	fclose(in);
	return true;
}

static void unload(struct vector *v)
{
	json_decref(v->meta);
	free(v->p);
}

static const char *text(const struct vector *v, const char *key)
{
	return json_string_value(json_object_get(v->meta, key));
}

static void trust(const struct vector *v, struct policy *p)
{
	const char *digits = text(v, "trusted_root_sha256");
	uint8_t hash[SHA256_BYTES];

	if (!digits)
		return;
	for (int i = 0; i < SHA256_BYTES; i++)
		assert_int_equal(sscanf(digits + 2 * i, "%2hhx", &hash[i]), 1);
	assert_int_equal(policy_trust_root(p, hash), 0);
}

static bool means(const char *expect, enum reason reason)
{
	for (size_t i = 0; expect && i < sizeof(words) / sizeof(*words); i++)
		for (int k = 0; !strcmp(words[i].expect, expect) && k < 5; k++)
			if (words[i].reasons[k] == reason &&
			    (k == 0 || words[i].reasons[k] != REASON_OK))
				return true;
	return false;
}

static enum reason run(const struct vector *v, const struct policy *p, struct claims *c)
{
	struct evidence e = {
		.tee = TEE_NITRO,
		.report = bytes_of(v->p, v->n),
		.at = json_integer_value(json_object_get(v->meta, "verify_at_epoch")),
	};

	return appraise(p, &e, c);
}

static void check(const struct vector *v)
{
	struct policy *p = policy_default();
	enum reason reason;
	struct claims c;

	trust(v, p);
	reason = run(v, p, &c);
	if (!means(text(v, "expect"), reason) && !means(text(v, "expect_alt"), reason))
		fail_msg("%s: want %s, got %s: %s", v->name, text(v, "expect"), reason_str(reason),
			 c.detail);
	assert_true(reason == REASON_OK || c.detail[0]); /* a refusal says why */
	assert_true((reason == REASON_OK) == (c.class_mask != 0));
	assert_true(reason != REASON_OK || c.lab_root == (text(v, "trusted_root_sha256") != NULL));
	assert_true(reason != REASON_OK || c.not_after > 0);
	assert_true(json_dumpb(c.json, NULL, 0, JSON_COMPACT) <= CLAIMS_MAX);
	claims_free(&c);
	policy_free(p);
}

/* What somebody else's root vouches for is nothing by the default policy. */
static void check_pin(const struct vector *v)
{
	struct policy *p = policy_default();
	struct claims c;

	if (text(v, "trusted_root_sha256") && run(v, p, &c) == REASON_OK)
		fail_msg("%s: accepted without its root", v->name);
	if (text(v, "trusted_root_sha256"))
		claims_free(&c);
	policy_free(p);
}

static void test_vectors(void **state)
{
	char dir[PATH_MAX_BYTES];
	struct dirent *d;
	struct vector v;
	int count = 0;
	DIR *all;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/nitro", root_dir());
	all = opendir(dir);
	if (!all) {
		print_message("SKIP: no vectors in %s; FAIRLEAD_VECTORS says where they are\n",
			      dir);
		skip();
	}
	while ((d = readdir(all))) {
		if (d->d_name[0] == '.' || !load(d->d_name, &v))
			continue;
		check(&v);
		check_pin(&v);
		count++;
		unload(&v);
	}
	closedir(all);
	print_message("%d vectors\n", count);
	assert_true(count >= VECTORS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
