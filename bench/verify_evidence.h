/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence to be appraised by verify.c: of a lab's guests, made on the spot, and the genuine pieces
 * that lie in $FAIRLEAD_VECTORS where there is such a directory.
 */
#ifndef BENCH_VERIFY_EVIDENCE_H
#define BENCH_VERIFY_EVIDENCE_H

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "attester/authority.h"
#include "attester/pki.h"
#include "verifier/appraise.h"
#include "verifier/policy.h"

enum {
	FILE_MAX = 1 << 20,
	PATH_BYTES = 512,
};

/* One piece of evidence with what it is to be appraised by; its bytes are never freed. */
struct sample {
	const char *platform, *from;
	struct policy *policy;
	struct evidence evidence;
};

static struct bytes slurp(const char *dir, const char *name)
{
	char why[WHY_MAX];
	size_t n = 0;
	uint8_t *p = pki_read(dir, name, FILE_MAX, &n, why);

	return p ? bytes_of(p, n) : (struct bytes){ 0 };
}

static struct bytes want(const char *dir, const char *name)
{
	struct bytes b = slurp(dir, name);

	if (!b.n)
		errx(1, "%s/%s: cannot be read", dir, name);
	return b;
}

static void add_cert(struct evidence *e, struct bytes b)
{
	if (b.n)
		e->certs[e->certs_count++] = b;
}

/* A lab's authority in a new directory, which the caller removes. */
static struct policy *lab_begin(char dir[PATH_BYTES])
{
	struct authority_options o = { .product = SNP_MILAN, .now = time(NULL) };
	struct policy *p = policy_default();
	char why[WHY_MAX] = "";
	uint8_t sha256[32];

	snprintf(dir, PATH_BYTES, "%s/fairlead-bench.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!p || !mkdtemp(dir))
		err(1, "%s", dir);
	if (authority_make(dir, &o, sha256, why) || policy_trust_root(p, sha256))
		errx(1, "a lab's authority: %s", why);
	return p;
}

static void unlink_in(const char *dir, const char *name)
{
	char path[PATH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void lab_end(const char *dir)
{
	static const char *const files[] = {
		"ark.pem",	  "ask.pem",  "asvk.pem", "ark.key", "ask.key",
		"asvk.key",	  "vcek.key", "vlek.key", "crl.der", "vcek_chain.pem",
		"vlek_chain.pem", "vcek.der", "vlek.der",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink_in(dir, files[i]);
	rmdir(dir);
}

/* A guest on a chip of its own: leaf, chain, CRL and a report over report_data. */
static struct sample lab_guest(const char *dir, struct policy *p, unsigned int number,
			       const uint8_t report_data[REPORT_DATA_BYTES])
{
	struct sample s = { .platform = "snp",
			    .from = "(made here)",
			    .policy = p,
			    .evidence = { .at = time(NULL) } };
	uint8_t *report = malloc(SNP_REPORT_BYTES);
	char why[WHY_MAX] = "";
	struct soft_guest g;
	EVP_PKEY *key;

	unlink_in(dir, "vcek.key"); /* each chip has one of its own */
	soft_guest_default(&g, SNP_MILAN);
	memset(g.chip_id, 0xc1, sizeof(g.chip_id));
	memcpy(g.chip_id, &number, sizeof(number));
	if (!report || authority_issue(dir, dir, &g, s.evidence.at, false, why))
		errx(1, "a lab's guest: %s", why);
	key = pki_key_read(dir, "vcek.key", why);
	soft_report_build(&g, report_data, report);
	if (!key || soft_report_sign(report, key))
		errx(1, "a lab's guest: no report");
	EVP_PKEY_free(key);
	s.evidence.tee = TEE_SNP;
	s.evidence.report = bytes_of(report, SNP_REPORT_BYTES);
	s.evidence.report_data = report_data;
	add_cert(&s.evidence, want(dir, "vcek.der"));
	add_cert(&s.evidence, want(dir, "vcek_chain.pem"));
	s.evidence.collateral[COLLATERAL_CRL] = want(dir, "crl.der");
	return s;
}

static bool works(const struct sample *s)
{
	struct claims c;
	enum reason reason = appraise(s->policy, &s->evidence, &c);

	if (reason != REASON_OK)
		printf("%s %s: %s\n", s->platform, s->from, c.detail);
	claims_free(&c);
	return reason == REASON_OK;
}

/* What meta.json of a vector says of its root, its time and its question. */
static bool vector_meta(struct sample *s, const char *dir)
{
	char path[PATH_BYTES];
	const char *root;
	uint8_t sha256[32];
	json_t *meta, *at;

	snprintf(path, sizeof(path), "%s/meta.json", dir);
	meta = json_load_file(path, 0, NULL);
	root = json_string_value(json_object_get(meta, "trusted_root_sha256"));
	at = json_object_get(meta, "verify_at_epoch");
	if (!at)
		at = json_object_get(meta, "verify_time_epoch");
	s->evidence.at = json_integer_value(at);
	for (size_t i = 0; root && i < sizeof(sha256); i++)
		if (sscanf(root + 2 * i, "%2hhx", &sha256[i]) != 1)
			root = NULL;
	if (root && policy_trust_root(s->policy, sha256))
		root = NULL;
	json_decref(meta);
	return s->evidence.at != 0;
}

/* False: there is no such vector. */
static bool vector_sample(struct sample *s, const char *platform, enum tee tee, const char *name)
{
	static const char *const reports[] = { "report.bin", "quote.bin", "doc.cbor" };
	const char *vectors = getenv("FAIRLEAD_VECTORS");
	char dir[PATH_BYTES - 64], collateral[PATH_BYTES];

	*s = (struct sample){ .platform = platform, .from = name, .policy = policy_default() };
	snprintf(dir, sizeof(dir), "%s/%s/%s", vectors ? vectors : "../shared/vectors", platform,
		 name);
	s->evidence.tee = tee;
	for (size_t i = 0; i < 3 && !s->evidence.report.n; i++)
		s->evidence.report = slurp(dir, reports[i]);
	add_cert(&s->evidence, slurp(dir, "vcek.der"));
	add_cert(&s->evidence, slurp(dir, "cert_chain.pem"));
	snprintf(collateral, sizeof(collateral), "%s/collateral", dir);
	for (enum collateral i = 0; i < COLLATERAL_COUNT; i++)
		s->evidence.collateral[i] = slurp(collateral, collateral_file(i));
	if (s->evidence.report.n && s->policy && vector_meta(s, dir) && works(s))
		return true;
	printf("%s: left out, no vector %s that can be appraised\n", platform, name);
	policy_free(s->policy);
	return false;
}

#endif
