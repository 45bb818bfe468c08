// SPDX-License-Identifier: BSD-2-Clause
/* What a quote can have wrong: its form, its signatures, its certificates; and any byte of it. */
#include "unit/verifier_tdx_lab.h"

#include "unit/verifier_mutate.h"

enum {
	AT_VERSION = 0,
	AT_KEY_TYPE = 2,
	AT_TEE = 4,
	AT_VENDOR = 12,
	V4_SIGNATURE = TDX_LAB_HEADER + 584 + 4,
	V4_KEY = V4_SIGNATURE + 64,
	V4_QE = V4_KEY + 64,	   /* type and size of the certification */
	V4_AUTH = V4_QE + 6 + 448, /* length of the authentication data */
};

static void poke(struct tdx_scene *s, size_t at, uint8_t v)
{
	assert_true(at < s->quote.n);
	s->quote.bytes[at] = v;
}

#define POKE(name, at, v)                     \
	static void name(struct tdx_scene *s) \
	{                                     \
		poke(s, at, v);               \
	}

POKE(version_3, AT_VERSION, 3)
POKE(version_6, AT_VERSION, 6)
POKE(key_p384, AT_KEY_TYPE, 3)
POKE(tee_sgx, AT_TEE, 0)
POKE(vendor, AT_VENDOR, 0)
POKE(outer_type, V4_QE, 5)
POKE(outer_short, V4_QE + 2, 0)
POKE(outer_huge, V4_QE + 5, 0xff)
POKE(auth_huge, V4_AUTH + 1, 0xff)
POKE(inner_type, V4_AUTH + 2 + 32, 4)
POKE(inner_huge, V4_AUTH + 2 + 32 + 5, 0xff)
POKE(signature_short, V4_SIGNATURE - 3, 1)
POKE(signature_huge, V4_SIGNATURE - 1, 0xff)
POKE(body_type, TDX_LAB_HEADER, 1)
POKE(body_size, TDX_LAB_HEADER + 2, 0)
POKE(body_flip, TDX_LAB_HEADER + BODY_REPORT_DATA, 0x71)
POKE(key_flip, V4_KEY, 0)

static void v5_10(struct tdx_scene *s)
{
	s->version = 5;
}

static void v5_15(struct tdx_scene *s)
{
	s->version = 5;
	s->body_type = 3;
}

static void no_auth(struct tdx_scene *s)
{
	s->auth_n = 0;
}

static void long_auth(struct tdx_scene *s)
{
	s->auth_n = 100;
}

static void padded(struct tdx_scene *s)
{
	s->evidence.report.n += 307;
	memset(s->quote.bytes + s->quote.n, 0, 307);
}

static void junk_behind(struct tdx_scene *s)
{
	padded(s);
	s->quote.bytes[s->quote.n + 306] = 1;
}

/* A byte that is inside the signature data and of none of its parts. */
static void slack(struct tdx_scene *s)
{
	uint8_t *n = s->quote.bytes + V4_SIGNATURE - 4;

	s->quote.bytes[s->quote.n] = 0;
	s->evidence.report.n++;
	if (++n[0] == 0)
		n[1]++;
}

static void too_long(struct tdx_scene *s)
{
	s->evidence.report.n = TDX_QUOTE_MAX + 1;
	memset(s->quote.bytes + s->quote.n, 0, TDX_QUOTE_MAX + 1 - s->quote.n);
}

static void zero_signature(struct tdx_scene *s)
{
	memset(s->quote.bytes + V4_SIGNATURE, 0, 64);
}

static void stranger_signs(struct tdx_scene *s)
{
	s->quote_signer = LAB_OTHER;
}

static void stranger_signs_qe(struct tdx_scene *s)
{
	s->qe_report_signer = LAB_OTHER;
}

static void spoil_binding(struct tdx_scene *s)
{
	s->binding_spoiled = true;
}

/* A key off the curve, well bound: then only the curve speaks against it. */
static void off_curve(struct tdx_scene *s)
{
	uint8_t *qe = s->quote.bytes + V4_QE + 6;

	memset(s->quote.bytes + V4_KEY, 0x33, 64);
	tdx_scene_bind(s, s->quote.bytes + V4_KEY);
	memcpy(qe, s->qe_report, sizeof(s->qe_report));
	tdx_lab_sign(LAB_PCK, qe, TDX_QE_REPORT_BYTES, qe + TDX_QE_REPORT_BYTES);
}

static void newline_behind(struct tdx_scene *s)
{
	s->after_pem = "\n";
}

static void four_certs(struct tdx_scene *s)
{
	s->root.doubled = true;
}

static void no_root(struct tdx_scene *s)
{
	s->root.left_out = true;
}

static void no_leaf(struct tdx_scene *s)
{
	s->pck.left_out = true;
}

static void other_root(struct tdx_scene *s)
{
	s->policy->tdx.roots.count = 0;
}

static void ca_is_none(struct tdx_scene *s)
{
	s->ca.ca = false;
}

static void leaf_is_ca(struct tdx_scene *s)
{
	s->pck.ca = true;
}

static void leaf_named_otherwise(struct tdx_scene *s)
{
	s->pck.subject = "Intel SGX TCB Signing";
}

static void processor_ca(struct tdx_scene *s)
{
	s->ca.subject = s->pck.issuer = s->pck_crl.issuer = "Intel SGX PCK Processor CA";
	s->platform.has_instance = false;
	s->policy->tdx.smt = true;
}

static void ca_named_otherwise(struct tdx_scene *s)
{
	s->ca.subject = s->pck.issuer = "Intel SGX PCK CA";
}

static void leaf_of_stranger(struct tdx_scene *s)
{
	s->pck.signer = LAB_OTHER;
}

static void ca_of_stranger(struct tdx_scene *s)
{
	s->ca.signer = LAB_OTHER;
}

static void root_of_stranger(struct tdx_scene *s)
{
	s->root.signer = LAB_OTHER;
}

/* Trusted for its key: what it says of itself is then its own word. */
static void trust_key_alone(struct tdx_scene *s)
{
	uint8_t *der = NULL, digest[SHA256_BYTES];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(s->root.x), &der);

	assert_true(sha256(bytes_of(der, n), digest));
	OPENSSL_free(der);
	policy_free(s->policy);
	s->policy = policy_default();
	assert_int_equal(policy_trust_root(s->policy, digest), 0);
}

static void leaf_by_root(struct tdx_scene *s)
{
	s->pck.issuer = s->root.subject;
	s->pck.signer = LAB_ROOT;
}

static void leaf_expired(struct tdx_scene *s)
{
	s->pck.to = TDX_LAB_NOW - 1;
}

static void ca_not_yet(struct tdx_scene *s)
{
	s->ca.from = TDX_LAB_NOW + 60;
}

static void leaf_p384(struct tdx_scene *s)
{
	s->pck.key = LAB_P384;
	s->qe_report_signer = LAB_PCK;
}

static void leaf_sha384(struct tdx_scene *s)
{
	s->pck.md = EVP_sha384;
}

static void leaf_signs_certs(struct tdx_scene *s)
{
	s->pck.may_sign = false;
}

static void wrong_data(struct tdx_scene *s)
{
	static uint8_t want[REPORT_DATA_BYTES];

	memset(want, 0x70, sizeof(want));
	want[63] ^= 1;
	s->evidence.report_data = want;
}

static void right_data(struct tdx_scene *s)
{
	s->evidence.report_data = s->quote.bytes + TDX_LAB_HEADER + BODY_REPORT_DATA;
}

static void test_form(void **state)
{
	static const struct tdx_row rows[] = {
		{ "version 4", NULL, NULL, REASON_OK },
		{ "version 5, TD 1.0", v5_10, NULL, REASON_OK },
		{ "version 5, TD 1.5", v5_15, NULL, REASON_OK },
		{ "no authentication data", no_auth, NULL, REASON_OK },
		{ "more authentication data", long_auth, NULL, REASON_OK },
		{ "zeroes behind", NULL, padded, REASON_OK },
		{ "something behind", NULL, junk_behind, REASON_FORMAT },
		{ "slack", NULL, slack, REASON_LENGTH },
		{ "too long", NULL, too_long, REASON_LENGTH },
		{ "version 3", NULL, version_3, REASON_VERSION },
		{ "version 6", NULL, version_6, REASON_VERSION },
		{ "P-384 key", NULL, key_p384, REASON_SIGNATURE_ALGORITHM },
		{ "SGX", NULL, tee_sgx, REASON_FORMAT },
		{ "another vendor", NULL, vendor, REASON_FORMAT },
		{ "certified by certificates alone", NULL, outer_type, REASON_FORMAT },
		{ "certification cut", NULL, outer_short, REASON_LENGTH },
		{ "certification huge", NULL, outer_huge, REASON_LENGTH },
		{ "authentication data huge", NULL, auth_huge, REASON_LENGTH },
		{ "leaf alone", NULL, inner_type, REASON_FORMAT },
		{ "certificates huge", NULL, inner_huge, REASON_LENGTH },
		{ "signature short", NULL, signature_short, REASON_LENGTH },
		{ "signature huge", NULL, signature_huge, REASON_LENGTH },
		{ "SGX body", v5_15, body_type, REASON_FORMAT },
		{ "body of another size", v5_15, body_size, REASON_LENGTH },
		{ "REPORTDATA asked for", NULL, right_data, REASON_OK },
		{ "another REPORTDATA", NULL, wrong_data, REASON_REPORT_DATA },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_signatures(void **state)
{
	static const struct tdx_row rows[] = {
		{ "a bit of the body", NULL, body_flip, REASON_REPORT_SIGNATURE },
		{ "a zero signature", NULL, zero_signature, REASON_REPORT_SIGNATURE },
		{ "a stranger's signature", stranger_signs, NULL, REASON_REPORT_SIGNATURE },
		{ "a key off the curve", NULL, off_curve, REASON_REPORT_SIGNATURE },
		{ "another key", NULL, key_flip, REASON_QE_SIGNATURE },
		{ "a stranger's enclave", stranger_signs_qe, NULL, REASON_QE_SIGNATURE },
		{ "second half of its data", spoil_binding, NULL, REASON_QE_SIGNATURE },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_chain(void **state)
{
	static const struct tdx_row rows[] = {
		{ "a newline more", newline_behind, NULL, REASON_OK },
		{ "Processor CA", processor_ca, NULL, REASON_OK },
		{ "a certificate twice", four_certs, NULL, REASON_CERT_CHAIN },
		{ "no root", no_root, NULL, REASON_CERT_CHAIN },
		{ "no leaf", no_leaf, NULL, REASON_CERT_CHAIN },
		{ "a root that nobody trusts", NULL, other_root, REASON_UNTRUSTED_ROOT },
		{ "intermediate is no authority", ca_is_none, NULL, REASON_CERT_CHAIN },
		{ "leaf is an authority", leaf_is_ca, NULL, REASON_CERT_CHAIN },
		{ "leaf of another name", leaf_named_otherwise, NULL, REASON_CERT_CHAIN },
		{ "authority of another name", ca_named_otherwise, NULL, REASON_CERT_CHAIN },
		{ "leaf by a stranger", leaf_of_stranger, NULL, REASON_CERT_SIGNATURE },
		{ "authority by a stranger", ca_of_stranger, NULL, REASON_CERT_SIGNATURE },
		{ "root by a stranger", root_of_stranger, trust_key_alone, REASON_CERT_SIGNATURE },
		{ "the same, trusted by its bytes", root_of_stranger, NULL, REASON_OK },
		{ "trusted by its key", NULL, trust_key_alone, REASON_OK },
		{ "leaf by the root", leaf_by_root, NULL, REASON_CERT_CHAIN },
		{ "leaf expired", leaf_expired, NULL, REASON_CERT_EXPIRED },
		{ "authority not yet valid", ca_not_yet, NULL, REASON_CERT_NOT_YET_VALID },
		{ "leaf with a P-384 key", leaf_p384, NULL, REASON_CERT_CHAIN },
		{ "leaf signed with SHA-384", leaf_sha384, NULL, REASON_CERT_CHAIN },
		{ "leaf for certificates alone", leaf_signs_certs, NULL, REASON_CERT_LEAF },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* Cut anywhere, it is refused and nothing behind its end is read. */
static void test_truncated(void **state)
{
	struct tdx_scene *s = malloc(sizeof(*s));

	(void)state;
	tdx_scene_begin(s);
	v5_15(s);
	tdx_scene_build(s);
	for (size_t n = 0; n < s->quote.n; n += n < 1500 ? 1 : 97) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, s->quote.bytes, n);
		s->evidence.report = bytes_of(copy, n);
		assert_int_equal(tdx_scene_judge(s), REASON_LENGTH);
		free(copy);
	}
	tdx_scene_end(s);
	free(s);
}

static enum reason judge_any(void *scene)
{
	return tdx_scene_judge(scene);
}

static void flip_all(struct tdx_scene *s, uint8_t *p, size_t n, const char *what)
{
	struct mutation m = { .what = what,
			      .p = p,
			      .n = n,
			      .stride = 1,
			      .judge = judge_any,
			      .scene = s,
			      .claims = &s->claims };
	size_t accepted = mutate(&m);

	/* Newlines; and of a PEM chain the root, and the second of two that are the same. */
	assert_true(strstr(what, ".pem") || accepted < m.tried / 50);
}

static void test_flips(void **state)
{
	struct tdx_scene *s = malloc(sizeof(*s));

	(void)state;
	tdx_scene_begin(s);
	v5_15(s);
	tdx_scene_build(s);
	flip_all(s, s->quote.bytes, s->quote.n, "quote");
	for (enum collateral i = COLLATERAL_TCB_INFO; i < COLLATERAL_COUNT; i++)
		if (s->files[i].n)
			flip_all(s, s->files[i].bytes, s->files[i].n, collateral_file(i));
	tdx_scene_end(s);
	free(s);
}

static void test_wanted(void **state)
{
	struct tdx_scene *s = malloc(sizeof(*s));
	struct tdx_wanted wanted;

	(void)state;
	tdx_scene_begin(s);
	tdx_scene_build(s);
	assert_true(tdx_collateral_wanted(s->evidence.report, &wanted));
	assert_memory_equal(wanted.fmspc, s->platform.fmspc, TDX_FMSPC_BYTES);
	assert_string_equal(wanted.authority, "platform");
	s->evidence.report.n--;
	assert_false(tdx_collateral_wanted(s->evidence.report, &wanted));
	tdx_scene_end(s);
	tdx_scene_begin(s);
	processor_ca(s);
	tdx_scene_build(s);
	assert_true(tdx_collateral_wanted(s->evidence.report, &wanted));
	assert_string_equal(wanted.authority, "processor");
	tdx_scene_end(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),  cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_chain), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flips), cmocka_unit_test(test_wanted),
	};

	return cmocka_run_group_tests(tests, tdx_lab_setup, tdx_lab_teardown);
}
