// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every vector of $FAIRLEAD_VECTORS/tdx gets the verdict that its meta.json expects, with the root
 * that it names; made-up ones are refused under Intel's pin; and without its collateral no quote is
 * accepted or refused for that.  Without the directory the test is skipped, and says so.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "verifier/policy_rules.h"

enum {
	FILE_MAX = 1 << 20,
	PATH_MAX_BYTES = 1024,
	CLAIMS_MAX = 8192, /* what a verdict may carry */
	VECTORS_MIN = 70,  /* fewer: something is wrong with the directory, not with the code */
};

struct file {
	uint8_t *p;
	size_t n;
};

struct vector {
	char name[256];
	json_t *meta;
	struct file quote, collateral[COLLATERAL_COUNT];
};

/* What meta.json calls them, and which of our reasons say just that. */
static const struct {
	const char *code;
	enum reason reasons[8];
} codes[] = {
	{ "ok", { REASON_OK } },
	{ "bad-format",
	  { REASON_FORMAT, REASON_LENGTH, REASON_VERSION, REASON_SIGNATURE_ALGORITHM } },
	{ "bad-signature", { REASON_REPORT_SIGNATURE, REASON_QE_SIGNATURE } },
	{ "bad-root", { REASON_UNTRUSTED_ROOT } },
	{ "bad-cert", { REASON_CERT_CHAIN, REASON_CERT_LEAF, REASON_CERT_SIGNATURE } },
	{ "bad-cert-expired", { REASON_CERT_EXPIRED, REASON_CERT_NOT_YET_VALID } },
	{ "bad-revoked", { REASON_REVOKED } },
	{ "bad-collateral", { REASON_COLLATERAL, REASON_CRL } },
	{ "bad-collateral-signature", { REASON_COLLATERAL_SIGNATURE } },
	{ "bad-collateral-expired", { REASON_COLLATERAL_STALE, REASON_CRL_STALE } },
	{ "bad-tcb-mismatch", { REASON_TCB_MISMATCH } },
	{ "bad-tcb-unsupported", { REASON_TCB_UNSUPPORTED } },
	{ "bad-tcb-outofdate", { REASON_TCB_OUT_OF_DATE } },
	{ "bad-tcb-revoked", { REASON_TCB_REVOKED } },
	{ "bad-tcb-swhardeningneeded", { REASON_TCB_SW_HARDENING } },
	{ "bad-tcb-configurationneeded", { REASON_TCB_CONFIGURATION } },
	{ "bad-tcb-configurationandswhardeningneeded", { REASON_TCB_CONFIGURATION_SW } },
	{ "bad-tcb-relaunch", { REASON_TCB_RELAUNCH } },
	{ "bad-tdx-module", { REASON_TDX_MODULE } },
	{ "bad-qe-identity", { REASON_QE_IDENTITY } },
	{ "bad-debug", { REASON_POLICY_DEBUG } },
	{ "bad-policy",
	  { REASON_SERVICE_TD, REASON_POLICY_MIGRATION, REASON_POLICY_BITS, REASON_XFAM } },
};

static const char *root_dir(void)
{
	const char *dir = getenv("FAIRLEAD_VECTORS");

	return dir ? dir : "../shared/vectors";
}

static struct file slurp(const char *vector, const char *name)
{
	struct file f = { malloc(FILE_MAX), 0 };
	char path[PATH_MAX_BYTES];
	FILE *in;

	snprintf(path, sizeof(path), "%s/tdx/%s/%s", root_dir(), vector, name);
	in = fopen(path, "re");
	if (in) {
		f.n = fread(f.p, 1, FILE_MAX, in);
		fclose(in);
	}
	/* Of its own size, so that the sanitizer sees what is read behind it. */
	f.p = realloc(f.p, f.n ? f.n : 1);
	return f;
}

static bool load(const char *name, struct vector *v)
{
	char path[PATH_MAX_BYTES];

	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(path, sizeof(path), "%s/tdx/%s/meta.json", root_dir(), name);
	v->meta = json_load_file(path, 0, NULL);
	if (!v->meta)
		return false;
	v->quote = slurp(name, "quote.bin");
	for (enum collateral i = 0; i < COLLATERAL_COUNT; i++) {
		snprintf(path, sizeof(path), "collateral/%s", collateral_file(i));
		v->collateral[i] = slurp(name, path);
	}
	return true;
}

static void unload(struct vector *v)
{
	json_decref(v->meta);
	free(v->quote.p);
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		free(v->collateral[i].p);
}

static const char *text(const struct vector *v, const char *key)
{
	return json_string_value(json_object_get(v->meta, key));
}

static bool means(const char *code, enum reason reason)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		for (int j = 0; !strcmp(codes[i].code, code) && j < 8; j++)
			if (codes[i].reasons[j] == reason && (reason || j == 0))
				return true;
	return false;
}

static bool fits(const struct vector *v, enum reason reason)
{
	const char *alt = text(v, "expect_alt");
	json_t *list = json_object_get(v->meta, "expect_alt"), *one;
	size_t i;

	if (means(text(v, "expect"), reason) || (alt && means(alt, reason)))
		return true;
	json_array_foreach(list, i, one)
	{
		if (means(json_string_value(one), reason))
			return true;
	}
	return false;
}

static void trust(const struct vector *v, struct policy *p)
{
	const char *hash = text(v, "trusted_root_sha256");
	uint8_t sha256[SHA256_BYTES];

	for (int i = 0; hash && i < SHA256_BYTES; i++)
		assert_int_equal(sscanf(hash + 2 * i, "%2hhx", &sha256[i]), 1);
	if (hash)
		assert_int_equal(policy_trust_root(p, sha256), 0);
}

static enum reason run(const struct vector *v, const struct policy *p, bool collateral,
		       struct claims *c)
{
	struct evidence e = { .tee = TEE_TDX, .report = bytes_of(v->quote.p, v->quote.n) };

	e.at = json_integer_value(json_object_get(v->meta, "verify_at_epoch"));
	for (int i = 0; collateral && i < COLLATERAL_COUNT; i++)
		e.collateral[i] = bytes_of(v->collateral[i].p, v->collateral[i].n);
	return appraise(p, &e, c);
}

static void check_shape(const struct vector *v, enum reason reason, struct claims *c)
{
	if (reason != REASON_OK && !c->detail[0])
		fail_msg("%s: refused without a word", v->name);
	assert_true((reason == REASON_OK) == (c->class_mask != 0));
	assert_true(json_dumpb(c->json, NULL, 0, JSON_COMPACT) <= CLAIMS_MAX);
	if (reason == REASON_OK)
		assert_int_equal(c->lab_root, text(v, "trusted_root_sha256") != NULL);
}

static void check(const struct vector *v)
{
	struct policy *own = policy_default(), *intel = policy_default();
	enum reason reason, without;
	struct claims c;

	trust(v, own);
	reason = run(v, own, true, &c);
	if (!fits(v, reason))
		fail_msg("%s: want %s, got %s: %s", v->name, text(v, "expect"), reason_str(reason),
			 c.detail);
	check_shape(v, reason, &c);
	claims_free(&c);

	reason = run(v, intel, true, &c);
	if (text(v, "trusted_root_sha256") && reason == REASON_OK)
		fail_msg("%s: accepted under Intel's pin", v->name);
	check_shape(v, reason, &c);
	claims_free(&c);

	/* What collateral would be needed for is not told without it. */
	without = run(v, own, false, &c);
	check_shape(v, without, &c);
	if (means("ok", reason))
		assert_int_equal(without, REASON_COLLATERAL_MISSING);
	assert_int_not_equal(without, REASON_OK);
	claims_free(&c);
	policy_free(own);
	policy_free(intel);
}

static void test_vectors(void **state)
{
	char dir[PATH_MAX_BYTES];
	struct dirent *d;
	struct vector v;
	int count = 0;
	DIR *all;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/tdx", root_dir());
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
