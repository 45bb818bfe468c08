// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every vector of $FAIRLEAD_VECTORS/snp gets the verdict that its meta.json expects: with the
 * root that it names, with AMD's pins alone, by the default policy, and from the host's own
 * table where there is one; and the same once more with all that was verified remembered.  Without
 * the directory the test is skipped, and says so.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "verifier/cache.h"
#include "verifier/policy_rules.h"
#include "verifier/snp.h"
#include "verifier/snp_table.h"

enum {
	FILE_MAX = 1 << 20,
	PATH_MAX_BYTES = 1024,
	CLAIMS_MAX = 8192, /* what a verdict may carry */
	CACHED_MAX = 1000,
	VECTORS_MIN = 60,  /* fewer: something is wrong with the directory, not with the code */
};

struct file {
	uint8_t *p;
	size_t n;
	bool there;
};

struct vector {
	char name[256];
	json_t *meta;
	struct file report, leaf, chain, crl, table;
	bool device_response;
};

static const char *root_dir(void)
{
	const char *dir = getenv("FAIRLEAD_VECTORS");

	return dir ? dir : "../shared/vectors";
}

static struct file slurp(const char *vector, const char *name)
{
	struct file f = { malloc(FILE_MAX), 0, false };
	char path[PATH_MAX_BYTES];
	FILE *in;

	snprintf(path, sizeof(path), "%s/snp/%s/%s", root_dir(), vector, name);
	in = fopen(path, "re");
	if (in) {
		f.n = fread(f.p, 1, FILE_MAX, in);
		f.there = true;
		fclose(in);
		/* Of its own size, so that the sanitizer sees what is read behind it. */
		f.p = realloc(f.p, f.n ? f.n : 1);
	}
	return f;
}

static bool load(const char *name, struct vector *v)
{
	char path[PATH_MAX_BYTES];

	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(path, sizeof(path), "%s/snp/%s/meta.json", root_dir(), name);
	v->meta = json_load_file(path, 0, NULL);
	if (!v->meta)
		return false;
	v->report = slurp(name, "report.bin");
	if (!v->report.there) {
		free(v->report.p);
		v->report = slurp(name, "msg_report_rsp.bin");
		v->device_response = v->report.there;
	}
	v->leaf = slurp(name, "vcek.der");
	if (!v->leaf.there) {
		free(v->leaf.p);
		v->leaf = slurp(name, "vlek.der");
	}
	v->chain = slurp(name, "cert_chain.pem");
	v->crl = slurp(name, "crl.der");
	v->table = slurp(name, "auxblob.bin");
	return true;
}

static void unload(struct vector *v)
{
	json_decref(v->meta);
	free(v->report.p);
	free(v->leaf.p);
	free(v->chain.p);
	free(v->crl.p);
	free(v->table.p);
}

static const char *text(const struct vector *v, const char *key)
{
	return json_string_value(json_object_get(v->meta, key));
}

static struct bytes bytes(struct file f)
{
	return bytes_of(f.p, f.there ? f.n : 0);
}

static bool from_hex(const char *s, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sscanf(s + 2 * i, "%2hhx", &out[i]) != 1)
			return false;
	return strlen(s) == 2 * n;
}

static void trust(const struct vector *v, struct policy *p)
{
	static const char *const keys[] = { "der_sha256", "spki_sha256" };
	json_t *root = json_object_get(v->meta, "trust_root");
	uint8_t hash[SHA256_BYTES];

	for (int i = 0; root && i < 2; i++) {
		const char *s = json_string_value(json_object_get(root, keys[i]));

		if (s && from_hex(s, hash, sizeof(hash)))
			assert_int_equal(policy_trust_root(p, hash), 0);
	}
}

static bool expected_report_data(const struct vector *v, uint8_t out[REPORT_DATA_BYTES])
{
	const char *s = text(v, "expected_report_data");

	if (!s)
		s = json_string_value(json_object_get(json_object_get(v->meta, "appraisal"),
						      "expected_report_data"));
	return s && from_hex(s, out, REPORT_DATA_BYTES);
}

static bool fits(const struct vector *v, enum reason reason, const char *expect)
{
	json_t *also = json_object_get(v->meta, "accept_also"), *one;
	size_t i;

	if (!strcmp(reason_str(reason), expect))
		return true;
	json_array_foreach(
		also, i, one) if (expect == text(v, "expect") &&
				  !strcmp(reason_str(reason), json_string_value(one))) return true;
	return false;
}

static void check(const struct vector *v, const char *how, enum reason reason,
		  const struct claims *c, const char *expect)
{
	if (!fits(v, reason, expect))
		fail_msg("%s, %s: want %s, got %s: %s", v->name, how, expect, reason_str(reason),
			 c->detail);
	assert_true(reason == REASON_OK || c->detail[0]); /* a refusal says why */
	assert_true((reason == REASON_OK) == (c->class_mask != 0));
}

/* The verdict by policy p, from leaf and chain or from the host's table. */
static enum reason run(const struct vector *v, const struct policy *p, bool by_table, int64_t at,
		       struct cache *cache, struct claims *c)
{
	uint8_t data[REPORT_DATA_BYTES];
	struct evidence e = { .tee = TEE_SNP, .report = bytes(v->report) };
	enum reason reason;

	e.at = at;
	e.cache = cache;
	e.collateral[COLLATERAL_CRL] = bytes(v->crl);
	if (expected_report_data(v, data))
		e.report_data = data;
	if (by_table) {
		e.certs[e.certs_count++] = bytes(v->table);
	} else {
		e.certs[e.certs_count++] = bytes(v->leaf);
		e.certs[e.certs_count++] = bytes(v->chain);
	}
	if (v->device_response) {
		memset(c, 0, sizeof(*c));
		reason = snp_report_unwrap(&e.report, c);
		if (reason)
			return reason;
	}
	return appraise(p, &e, c);
}

/* Without the checks that README's "ok" leaves out: debugging, unless the vector is about it. */
static struct policy *policy_of(const struct vector *v, bool roots, bool lenient)
{
	struct policy *p = policy_default();

	if (roots)
		trust(v, p);
	p->snp.debug = lenient && text(v, "expect_default_policy");
	return p;
}

/* Of all vectors. */
static struct cache *all_verified;

/* Neither the first time nor the second does what is remembered make any difference. */
static void same_from_cache(const struct vector *v, const struct policy *p, bool by_table,
			    int64_t at, enum reason reason, const struct claims *c)
{
	struct claims again;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(v, p, by_table, at, all_verified, &again), reason);
		assert_string_equal(again.detail, c->detail);
		assert_int_equal(again.class_mask, c->class_mask);
		assert_int_equal(again.not_after, c->not_after);
		assert_true(!c->json || json_equal(again.json, c->json));
		claims_free(&again);
	}
}

static void one(const struct vector *v, const char *how, const struct policy *p, bool by_table,
		int64_t at, const char *expect)
{
	struct claims c;
	enum reason reason = run(v, p, by_table, at, NULL, &c);

	if (reason == REASON_OK)
		assert_int_equal(c.lab_root, json_object_get(v->meta, "trust_root") != NULL);
	assert_true(json_dumpb(c.json, NULL, 0, JSON_COMPACT) <= CLAIMS_MAX);
	check(v, how, reason, &c, expect);
	same_from_cache(v, p, by_table, at, reason, &c);
	claims_free(&c);
}

static void check_report(const struct vector *v)
{
	const char *expect = text(v, "expect"), *strict = text(v, "expect_default_policy"),
		   *now = text(v, "expect_at_present_time"),
		   *amd = text(v, "expect_with_real_amd_pins");
	int64_t at = json_integer_value(json_object_get(v->meta, "verify_time_epoch"));
	struct policy *lenient = policy_of(v, true, true), *standard = policy_of(v, true, false),
		      *pins = policy_of(v, false, false);

	one(v, "with its root", lenient, false, at, expect);
	one(v, "default policy", standard, false, at, strict ? strict : expect);
	if (amd)
		one(v, "AMD's pins", pins, false, at, amd);
	if (now)
		one(v, "now", standard, false, time(NULL), now);
	if (v->table.there)
		one(v, "host's table", lenient, true, at, expect);
	policy_free(lenient);
	policy_free(standard);
	policy_free(pins);
}

/* Vectors of a table: what can be read from it. */
static void check_table(const struct vector *v)
{
	struct evidence e = { .certs = { bytes(v->table) }, .certs_count = 1 };
	const char *expect = text(v, "expect");
	struct claims c = { 0 };
	struct snp_certs certs;
	enum reason reason = snp_certs_gather(&e, &certs, &c);

	if (!strcmp(expect, "ok-no-certs")) {
		check(v, "table", reason, &(struct claims){ .class_mask = 1 }, "ok");
		assert_int_equal(certs.pile.count, 0);
	} else {
		c.class_mask = reason == REASON_OK;
		check(v, "table", reason, &c, expect);
		if (reason == REASON_OK)
			assert_int_equal(certs.pile.count, 3);
	}
	assert_int_equal(certs.pile.broken, 0);
	snp_certs_free(&certs);
}

/* Vectors without a report. */
static void check_certs(const struct vector *v)
{
	struct evidence e = { .tee = TEE_SNP,
			      .certs = { bytes(v->leaf), bytes(v->chain) },
			      .certs_count = 2 };
	struct policy *p = policy_of(v, true, false);
	struct claims c = { 0 };
	enum reason reason;

	e.at = json_integer_value(json_object_get(v->meta, "verify_time_epoch"));
	reason = snp_appraise_certs(p, &e, !strcmp(text(v, "key"), "vlek"), &c);
	c.class_mask = reason == REASON_OK;
	check(v, "certificates", reason, &c, text(v, "expect"));
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
	snprintf(dir, sizeof(dir), "%s/snp", root_dir());
	all = opendir(dir);
	if (!all) {
		print_message("SKIP: no vectors in %s; FAIRLEAD_VECTORS says where they are\n",
			      dir);
		skip();
	}
	all_verified = cache_new(CACHED_MAX);
	while ((d = readdir(all))) {
		if (d->d_name[0] == '.' || !load(d->d_name, &v))
			continue;
		if (!strcmp(text(&v, "expect"), "n/a")) {
			unload(&v);
			continue;
		}
		if (v.report.there)
			check_report(&v);
		else if (v.table.there)
			check_table(&v);
		else
			check_certs(&v);
		count++;
		unload(&v);
	}
	closedir(all);
	print_message("%d vectors\n", count);
	assert_true(cache_counts(all_verified).hits > VECTORS_MIN / 4);
	cache_free(all_verified);
	assert_true(count >= VECTORS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
