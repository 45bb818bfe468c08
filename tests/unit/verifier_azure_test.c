// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reports of Azure's paravisor: the frame, what binds claims to report, quote to claims and
 * question to quote, each of them broken once.
 */
#include "unit/verifier_lab.h"

#include "verifier/objections.h"
#include "verifier/wants.h"

enum {
	BLOB_BYTES = 2600,
	FRAME_MAX = 8192,
	CLAIMS_AT = 1236,
	ATTEST_MAX = 256,
};

static EVP_PKEY *tpm, *other_tpm;

struct azure {
	struct scene scene;
	char claims[2048];
	uint8_t blob[BLOB_BYTES], frame[FRAME_MAX], attest[ATTEST_MAX], signature[512];
	size_t attest_n, signature_n;
	uint8_t nonce[64], pcrs[32];
	size_t nonce_n;
	bool quoted, second_key, two_keys, no_pcr;
	EVP_PKEY *signer;
	const char *user_data;
};

static void b64url(const uint8_t *p, size_t n, char *out)
{
	size_t at = EVP_EncodeBlock((uint8_t *)out, p, n);

	while (at && out[at - 1] == '=')
		out[--at] = 0;
	for (size_t i = 0; i < at; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
}

static void write_claims(struct azure *a)
{
	uint8_t n[256];
	char text[400];
	BIGNUM *bn = NULL;

	EVP_PKEY_get_bn_param(tpm, OSSL_PKEY_PARAM_RSA_N, &bn);
	BN_bn2binpad(bn, n, sizeof(n));
	BN_free(bn);
	b64url(n, sizeof(n), text);
	snprintf(a->claims, sizeof(a->claims),
		 "{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}%s],"
		 "\"vm-configuration\":{}%s%s%s}",
		 text,
		 a->two_keys
			 ? ",{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}"
			 : "",
		 a->user_data ? ",\"user-data\":\"" : "", a->user_data ? a->user_data : "",
		 a->user_data ? "\"" : "");
}

static void write_blob(struct azure *a)
{
	size_t n = strlen(a->claims);

	memset(a->blob, 0, sizeof(a->blob));
	memcpy(a->blob, "HCLA", 4);
	lab_put32(a->blob + 4, 1);
	lab_put32(a->blob + 8, 32 + SNP_REPORT_BYTES + 20 + n);
	lab_put32(a->blob + 12, 2);
	memcpy(a->blob + 32, a->scene.report, SNP_REPORT_BYTES);
	lab_put32(a->blob + 1216, 20 + n);
	lab_put32(a->blob + 1220, 1);
	lab_put32(a->blob + 1224, 2);
	lab_put32(a->blob + 1228, 1);
	lab_put32(a->blob + 1232, n);
	memcpy(a->blob + CLAIMS_AT, a->claims, n);
}

static void put_be16(struct azure *a, uint16_t v)
{
	a->attest[a->attest_n++] = v >> 8;
	a->attest[a->attest_n++] = v;
}

static void put_2b(struct azure *a, const void *p, size_t n)
{
	put_be16(a, n);
	memcpy(a->attest + a->attest_n, p, n);
	a->attest_n += n;
}

static void write_quote(struct azure *a)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t zeroes[34] = { 0 };

	memcpy(a->attest, "\xffTCG\x80\x18", 6);
	a->attest_n = 6;
	put_2b(a, zeroes, 34);
	put_2b(a, a->nonce, a->nonce_n);
	memset(a->attest + a->attest_n, 7, 25);
	a->attest_n += 25;
	memcpy(a->attest + a->attest_n, "\0\0\0\1\0\x0b\3\xff\xff", 9);
	a->attest[a->attest_n + 9] = a->no_pcr ? 0x7f : 0xff;
	a->attest_n += 10;
	put_2b(a, a->pcrs, sizeof(a->pcrs));
	a->signature_n = sizeof(a->signature);
	EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, a->signer);
	assert_int_equal(EVP_DigestSign(md, a->signature, &a->signature_n, a->attest, a->attest_n),
			 1);
	EVP_MD_CTX_free(md);
}

static size_t put_part(uint8_t *at, const void *p, size_t n)
{
	lab_put32(at, n);
	memcpy(at + 4, p, n);
	return 4 + n;
}

/* blob, quote and signature as they stand now. */
static void write_frame(struct azure *a)
{
	size_t n = 4;

	if (!a->quoted) {
		a->scene.evidence.report = bytes_of(a->blob, sizeof(a->blob));
		return;
	}
	memcpy(a->frame, "HCLQ", 4);
	n += put_part(a->frame + n, a->blob, sizeof(a->blob));
	n += put_part(a->frame + n, a->attest, a->attest_n);
	n += put_part(a->frame + n, a->signature, a->signature_n);
	a->scene.evidence.report = bytes_of(a->frame, n);
}

static void begin(struct azure *a)
{
	memset(a, 0, sizeof(*a));
	scene_begin(&a->scene, SNP_MILAN, SNP_KEY_VCEK);
	a->scene.policy->snp.azure_vtpm = true;
	a->quoted = true;
	a->signer = tpm;
	a->nonce_n = 32;
	assert_true(sha256(bytes_of(a->scene.report_data, 64), a->nonce));
	memset(a->pcrs, 0x33, sizeof(a->pcrs));
}

static void build(struct azure *a)
{
	write_claims(a);
	memset(a->scene.report + 0x50, 0, 64);
	assert_true(sha256(bytes_of(a->claims, strlen(a->claims)), a->scene.report + 0x50));
	scene_build(&a->scene);
	write_blob(a);
	write_quote(a);
	write_frame(a);
}

static void want_pcrs(struct azure *a, uint8_t first)
{
	struct value_list *l = &a->scene.policy->snp.azure_pcrs;

	*l = (struct value_list){ malloc(32), 1, 32 };
	memset(l->values, first, 32);
}

static void before_denied(struct azure *a)
{
	a->scene.policy->snp.azure_vtpm = false;
}

static void before_other_key(struct azure *a)
{
	a->signer = other_tpm;
}

static void before_two_keys(struct azure *a)
{
	a->two_keys = true;
}

static void before_stale(struct azure *a)
{
	a->nonce[31] ^= 1;
}

static void before_no_nonce(struct azure *a)
{
	a->nonce_n = 0;
}

static void before_prefix(struct azure *a)
{
	a->nonce_n = 31;
}

static void before_pcrs(struct azure *a)
{
	want_pcrs(a, 0x33);
}

static void before_other_pcrs(struct azure *a)
{
	want_pcrs(a, 0x34);
}

static void before_some_pcrs(struct azure *a)
{
	want_pcrs(a, 0x33);
	a->no_pcr = true;
}

/* a0, a1, … df: the scene's REPORT_DATA. */
static const char right_data[] = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
				 "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";

static void before_user_data(struct azure *a)
{
	a->quoted = false;
	a->user_data = right_data;
}

static void before_user_data_and_pcrs(struct azure *a)
{
	before_user_data(a);
	want_pcrs(a, 0x33);
}

static void before_short_user_data(struct azure *a)
{
	a->quoted = false;
	a->user_data = right_data + 2;
}

static void before_no_answer(struct azure *a)
{
	a->quoted = false;
}

static void after_claims(struct azure *a)
{
	a->blob[CLAIMS_AT + 20] ^= 1;
	write_frame(a);
}

static void after_report(struct azure *a)
{
	a->blob[32 + 0x90] ^= 1;
	write_frame(a);
}

static void after_attest(struct azure *a)
{
	a->attest[60] ^= 1;
	write_frame(a);
}

static void after_cut(struct azure *a)
{
	a->scene.evidence.report.n--;
}

static void after_longer(struct azure *a)
{
	a->frame[a->scene.evidence.report.n++] = 0;
}

static void after_rest(struct azure *a)
{
	a->blob[BLOB_BYTES - 1] = 1;
	write_frame(a);
}

static void after_status(struct azure *a)
{
	a->blob[16] = 1;
	write_frame(a);
}

static void after_claims_size(struct azure *a)
{
	memset(a->blob + 1232, 0xff, 4);
	write_frame(a);
}

static void after_tdx(struct azure *a)
{
	a->blob[1224] = 4;
	write_frame(a);
}

static const struct {
	const char *what;
	void (*before)(struct azure *a);
	void (*after)(struct azure *a);
	enum reason want;
} rows[] = {
	{ "a quote for this session", NULL, NULL, REASON_OK },
	{ "not in the policy", before_denied, NULL, REASON_TEE },
	{ "signed by another TPM", before_other_key, NULL, REASON_REPORT_SIGNATURE },
	{ "two keys of one name", before_two_keys, NULL, REASON_FORMAT },
	{ "another session's quote", before_stale, NULL, REASON_REPORT_DATA },
	{ "a quote without a question", before_no_nonce, NULL, REASON_REPORT_DATA },
	{ "a quote for most of the question", before_prefix, NULL, REASON_REPORT_DATA },
	{ "PCRs in the policy", before_pcrs, NULL, REASON_OK },
	{ "PCRs not in the policy", before_other_pcrs, NULL, REASON_MEASUREMENT },
	{ "PCRs wanted, some quoted", before_some_pcrs, NULL, REASON_MEASUREMENT },
	{ "the question as user-data", before_user_data, NULL, REASON_OK },
	{ "PCRs wanted, none quoted", before_user_data_and_pcrs, NULL, REASON_MEASUREMENT },
	{ "user-data too short", before_short_user_data, NULL, REASON_FORMAT },
	{ "no answer at all", before_no_answer, NULL, REASON_REPORT_DATA },
	{ "claims changed", NULL, after_claims, REASON_REPORT_DATA },
	{ "report changed", NULL, after_report, REASON_REPORT_SIGNATURE },
	{ "quote changed", NULL, after_attest, REASON_REPORT_SIGNATURE },
	{ "cut", NULL, after_cut, REASON_FORMAT },
	{ "more behind the frame", NULL, after_longer, REASON_FORMAT },
	{ "more behind the claims", NULL, after_rest, REASON_FORMAT },
	{ "a status that is none", NULL, after_status, REASON_FORMAT },
	{ "claims longer than the blob", NULL, after_claims_size, REASON_FORMAT },
	{ "runtime data of a TD", NULL, after_tdx, REASON_FORMAT },
};

static void test_rows(void **state)
{
	struct azure *a = malloc(sizeof(*a));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		enum reason reason;

		begin(a);
		if (rows[i].before)
			rows[i].before(a);
		build(a);
		if (rows[i].after)
			rows[i].after(a);
		reason = scene_judge(&a->scene);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), a->scene.claims.detail);
		assert_int_equal(reason == REASON_OK, a->scene.claims.class_mask != 0);
		scene_end(&a->scene);
	}
	free(a);
}

/* One bit anywhere, but for the padding of the header and its own sizes: never accepted. */
static void test_mutations(void **state)
{
	struct azure *a = malloc(sizeof(*a));
	uint8_t *p;
	size_t n, accepted = 0;

	(void)state;
	begin(a);
	build(a);
	p = (uint8_t *)a->scene.evidence.report.p;
	n = a->scene.evidence.report.n;
	for (size_t i = 0; i < n; i += 2) {
		p[i] ^= 1 << i % 8;
		if (scene_judge(&a->scene) == REASON_OK && ++accepted && i >= 8 + 32)
			fail_msg("accepted with byte %zu of %zu changed", i, n);
		p[i] ^= 1 << i % 8;
	}
	assert_true(accepted < 16); /* the header's size and its reserved bytes say nothing */
	scene_end(&a->scene);
	free(a);
}

/* The report in the blob needs what a report by itself needs; a blob that is none, nothing. */
static void test_wants(void **state)
{
	struct azure *a = malloc(sizeof(*a));
	struct want wants[EVIDENCE_WANTS_MAX];
	struct scene *s = &a->scene;
	char name[WANT_TEXT_MAX];
	enum reason reason;

	(void)state;
	begin(a);
	build(a);
	s->evidence.certs_count = 0;
	reason = scene_judge(s);
	assert_int_equal(reason, REASON_NO_LEAF);
	assert_int_equal(evidence_wants(s->policy, &s->evidence, reason, &s->claims, wants), 3);
	assert_non_null(strstr(want_text(&wants[0], name), "amd/Milan/vcek/"));
	after_cut(a);
	reason = scene_judge(s);
	assert_int_equal(evidence_wants(s->policy, &s->evidence, reason, &s->claims, wants), 0);
	scene_end(s);
	free(a);
}

/* Genuine blobs, without a question: what their vectors expect of the report alone. */
static void test_genuine(void **state)
{
	static const char *const names[] = { "trustee-az-hcl", "ars-az-milan-v3",
					     "trustee-az-evidence-v0", "trustee-az-evidence-v1" };
	const char *dir = getenv("FAIRLEAD_VECTORS");
	static uint8_t files[3][16384];
	static const char *const parts[] = { "hcl-report.bin", "vcek.der", "cert_chain.pem" };
	struct policy *p = policy_default();
	int count = 0;

	(void)state;
	p->snp.azure_vtpm = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct evidence e = { .tee = TEE_SNP, .at = 1775000000, .certs_count = 2 };
		struct claims c;
		size_t n[3] = { 0 };

		for (int k = 0; k < 3; k++) {
			char path[512];
			FILE *f;

			snprintf(path, sizeof(path), "%s/snp/%s/%s",
				 dir ? dir : "../shared/vectors", names[i], parts[k]);
			f = fopen(path, "re");
			n[k] = f ? fread(files[k], 1, sizeof(files[k]), f) : 0;
			if (f)
				fclose(f);
		}
		if (!n[0])
			continue;
		e.report = bytes_of(files[0], n[0]);
		e.certs[0] = bytes_of(files[1], n[1]);
		e.certs[1] = bytes_of(files[2], n[2]);
		if (appraise(p, &e, &c) != REASON_OK)
			fail_msg("%s: %s", names[i], c.detail);
		claims_free(&c);
		count++;
	}
	policy_free(p);
	if (!count) {
		print_message("SKIP: no vectors; FAIRLEAD_VECTORS says where they are\n");
		skip();
	}
}

static int setup(void **state)
{
	tpm = EVP_RSA_gen(2048);
	other_tpm = EVP_RSA_gen(2048);
	return lab_setup(state);
}

static int teardown(void **state)
{
	EVP_PKEY_free(tpm);
	EVP_PKEY_free(other_tpm);
	return lab_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_wants),
		cmocka_unit_test(test_genuine),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
