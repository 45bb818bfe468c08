// SPDX-License-Identifier: BSD-2-Clause
/* Reference values of others: what is taken, what is left out by name, and whose word it is. */
#include "unit/verifier_corim.h"

#include <errno.h>

#include "verifier/policy.h"

static struct reference_set set;
static char why[REFERENCE_WHY_MAX];
static EVP_PKEY *p256, *p384, *other;

static int setup(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	other = EVP_EC_gen("P-256");
	return !(p256 && p384 && other);
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(other);
	return 0;
}

static int read_bytes(const uint8_t *p, size_t n, enum tee tee, EVP_PKEY *key)
{
	struct reference_options o = { tee, CORIM_NOW, key };
	/* A copy of its very size: what is read behind it is seen. */
	uint8_t *copy = malloc(n + 1);
	int err;

	memcpy(copy, p, n);
	err = reference_read(bytes_of(copy, n), &o, &set, why);
	free(copy);
	return err;
}

static int read_corim(const struct corim *c, enum tee tee)
{
	uint8_t buf[CORIM_MAX];

	return read_bytes(buf, corim_build(c, buf), tee, NULL);
}

/* One value, of the byte d1 throughout. */
static bool has(enum reference_key key)
{
	for (size_t i = 0; i < set.count; i++)
		if (set.values[i].key == key && set.values[i].value[0] == 0xd1 &&
		    set.values[i].value[47] == 0xd1)
			return set.count == 1;
	return false;
}

static void test_environments(void **state)
{
	static const struct {
		const char *vendor, *model, *name;
		enum tee tee;
		enum reference_key want;
	} rows[] = {
		{ "AMD", "SEV-SNP", "MEASUREMENT", TEE_NONE, REFERENCE_SNP_MEASUREMENT },
		{ "AMD", "SEV-SNP", NULL, TEE_NONE, REFERENCE_SNP_MEASUREMENT },
		{ "AMD", "SEV-SNP", "MRTD", TEE_NONE, REFERENCE_KEYS },
		{ "AMD", "SEV", "MEASUREMENT", TEE_NONE, REFERENCE_KEYS },
		{ "Intel", "TDX", "MRTD", TEE_NONE, REFERENCE_TDX_MRTD },
		{ "Intel", "TDX", "RTMR2", TEE_NONE, REFERENCE_TDX_RTMR0 + 2 },
		{ "Intel", "TDX", "MEASUREMENT", TEE_NONE, REFERENCE_KEYS },
		{ "Intel", "TDX", NULL, TEE_NONE, REFERENCE_KEYS },
		{ "ACME", "Enclave", "PCR0", TEE_NONE, REFERENCE_KEYS },
		{ "ACME", "Enclave", "PCR0", TEE_NITRO, REFERENCE_NITRO_PCR0 },
		{ "ACME", "Enclave", "PCR16", TEE_NITRO, REFERENCE_KEYS },
		{ NULL, "Enclave", "MRTD", TEE_NITRO, REFERENCE_KEYS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct corim c = corim_of(rows[i].vendor, rows[i].model, rows[i].name);
		bool taken = rows[i].want != REFERENCE_KEYS;

		assert_int_equal(read_corim(&c, rows[i].tee), 0);
		if (taken ? !has(rows[i].want) || set.left_count : set.count || !set.left_count)
			fail_msg("row %zu: %zu values, %zu left", i, set.count, set.left_count);
	}
}

static void test_amd_profile(void **state)
{
	struct corim c = corim_of(NULL, NULL, NULL);

	(void)state;
	c.amd_oid = true;
	c.number = 641;
	c.profile = "http://amd.com/2024/snp-corim-profile";
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_true(has(REFERENCE_SNP_MEASUREMENT));
	assert_int_equal(set.left_count, 0);
	c.number = 642; /* another field of the report */
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_int_equal(set.count, 0);
	assert_string_equal(set.left[0], "measurement 642");
}

static void test_registers(void **state)
{
	struct corim c = corim_of("Intel", "TDX", NULL);

	(void)state;
	for (c.registers = 0; c.registers < 4; c.registers++) {
		assert_int_equal(read_corim(&c, TEE_NONE), 0);
		assert_true(has(REFERENCE_TDX_RTMR0 + c.registers));
	}
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_int_equal(set.count, 0);
	assert_int_equal(set.left_count, 1);
	c = corim_of("ACME", "Enclave", NULL);
	c.registers = 15;
	assert_int_equal(read_corim(&c, TEE_NITRO), 0);
	assert_true(has(REFERENCE_NITRO_PCR15));
}

/* What is demanded and cannot be taken is remembered by name. */
static void test_left(void **state)
{
	struct corim c = corim_of("Intel", "TDX", "MRTD");

	(void)state;
	c.svn = c.group = c.dependent = true;
	c.profile = "https://acme.example/profile";
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_true(has(REFERENCE_TDX_MRTD));
	assert_int_equal(set.left_count, 4);
	c = corim_of("Intel", "TDX", "MRTD");
	c.algorithm = 1; /* SHA-256 */
	c.bytes = 32;
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_int_equal(set.count, 0);
	assert_int_equal(set.left_count, 1);
	c.other_tag = true;
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_int_equal(set.left_count, 1);
}

static void test_wrong(void **state)
{
	struct corim c = corim_of("Intel", "TDX", "MRTD");
	uint8_t buf[CORIM_MAX + 1];
	size_t n;

	(void)state;
	c.bytes = 47;
	assert_int_equal(read_corim(&c, TEE_NONE), -EBADMSG);
	c.bytes = 48;
	c.doubled = true;
	assert_int_equal(read_corim(&c, TEE_NONE), -EBADMSG);
	c.doubled = false;
	c.empty = true; /* would be a demand for nothing */
	assert_int_equal(read_corim(&c, TEE_NONE), -EBADMSG);
	c.registers = 1;
	assert_int_equal(read_corim(&c, TEE_NONE), -EBADMSG);
	c.empty = false;
	c.no_registers = true;
	assert_int_equal(read_corim(&c, TEE_NONE), -EBADMSG);
	c = corim_of("Intel", "TDX", "MRTD");
	c.triples = 0;
	assert_int_equal(read_corim(&c, TEE_NONE), -EBADMSG);
	c.triples = 1;
	n = corim_build(&c, buf);
	buf[n] = 0;
	assert_int_equal(read_bytes(buf, n + 1, TEE_NONE, NULL), -EBADMSG);
	for (size_t i = 0; i < n; i++)
		if (!read_bytes(buf, i, TEE_NONE, NULL))
			fail_msg("taken when cut after %zu bytes", i);
}

static void test_validity(void **state)
{
	static const struct {
		int64_t from, until;
		int want;
	} rows[] = {
		{ CORIM_NOW, 0, 0 },	       { CORIM_NOW + 1, 0, -ESTALE },
		{ 0, CORIM_NOW, 0 },	       { 0, CORIM_NOW - 1, -ESTALE },
		{ 1, CORIM_NOW - 1, -ESTALE }, { CORIM_NOW - 1, CORIM_NOW + 1, 0 },
	};
	struct corim c = corim_of("Intel", "TDX", "MRTD");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		c.from = rows[i].from;
		c.until = rows[i].until;
		if (read_corim(&c, TEE_NONE) != rows[i].want)
			fail_msg("row %zu: %s", i, why);
	}
}

static void test_full(void **state)
{
	struct corim c = corim_of("Intel", "TDX", "MRTD");

	(void)state;
	c.triples = 20; /* the same value: kept once */
	assert_int_equal(read_corim(&c, TEE_NONE), 0);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.sets, 20);
	for (int i = set.count; i < REFERENCE_VALUES_MAX; i++) {
		uint8_t value[48] = { i & 0xff, i >> 8 };

		assert_int_equal(reference_add(&set, REFERENCE_TDX_MRTD, bytes_of(value, 48)), 0);
	}
	assert_int_equal(reference_add(&set, REFERENCE_TDX_MRSEAM, bytes_of(why, 48)), -ENOSPC);
}

static void test_signed(void **state)
{
	struct corim c = corim_of("AMD", "SEV-SNP", "MEASUREMENT");
	uint8_t plain[CORIM_MAX], cose[CORIM_MAX];
	struct bytes payload = bytes_of(plain, corim_build(&c, plain));
	size_t n;

	(void)state;
	n = corim_sign(p256, 32, -7, payload, cose);
	assert_int_equal(read_bytes(cose, n, TEE_NONE, p256), 0);
	assert_true(set.is_signed && has(REFERENCE_SNP_MEASUREMENT));
	assert_int_equal(read_bytes(cose, n, TEE_NONE, other), -EPERM);
	assert_int_equal(read_bytes(cose, n, TEE_NONE, p384), -EPERM);
	assert_int_equal(read_bytes(cose, n, TEE_NONE, NULL), -EPERM);
	assert_non_null(strstr(why, "--key"));
	assert_int_equal(read_bytes(payload.p, payload.n, TEE_NONE, p256), -EPERM);
	n = corim_sign(p384, 48, -35, payload, cose);
	assert_int_equal(read_bytes(cose, n, TEE_NONE, p384), 0);
	n = corim_sign(p256, 32, -35, payload, cose); /* says ES384 */
	assert_int_equal(read_bytes(cose, n, TEE_NONE, p256), -EPERM);
	n = corim_sign(p256, 32, -8, payload, cose);
	assert_int_equal(read_bytes(cose, n, TEE_NONE, p256), -EPERM);
	n = corim_sign(p256, 32, -7, bytes_of(plain + 3, payload.n - 3),
		       cose); /* without its tag */
	assert_int_equal(read_bytes(cose, n, TEE_NONE, p256), -EBADMSG);
}

/* A signer may say how long its word holds, whatever what it has signed says. */
static void test_signature_validity(void **state)
{
	static const struct {
		int64_t from, until;
		int want;
	} rows[] = {
		{ 0, 0, 0 },	     { CORIM_NOW, 0, 0 },	    { CORIM_NOW + 1, 0, -ESTALE },
		{ 0, CORIM_NOW, 0 }, { 0, CORIM_NOW - 1, -ESTALE },
	};
	struct corim c = corim_of("AMD", "SEV-SNP", "MEASUREMENT");
	uint8_t plain[CORIM_MAX], cose[CORIM_MAX], meta[64];
	struct bytes payload = bytes_of(plain, corim_build(&c, plain));
	size_t n, of_meta;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		of_meta = corim_meta(rows[i].from, rows[i].until, meta);
		n = corim_sign_with(p256, 32, -7, bytes_of(meta, of_meta), payload, cose);
		if (read_bytes(cose, n, TEE_NONE, p256) != rows[i].want)
			fail_msg("row %zu: %s", i, why);
		n = corim_sign_with(p256, 32, -7, bytes_of(meta, of_meta - 1), payload, cose);
		assert_int_equal(read_bytes(cose, n, TEE_NONE, p256), -EBADMSG);
	}
}

/* No byte of a signed one can be another and be taken; the unprotected header is nobody's word. */
static void test_altered(void **state)
{
	struct corim c = corim_of("AMD", "SEV-SNP", "MEASUREMENT");
	uint8_t plain[CORIM_MAX], cose[CORIM_MAX];
	size_t n = corim_sign(p256, 32, -7, bytes_of(plain, corim_build(&c, plain)), cose);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			cose[i] ^= 1 << bit;
			if (!read_bytes(cose, n, TEE_NONE, p256) && !has(REFERENCE_SNP_MEASUREMENT))
				fail_msg("byte %zu, bit %d: other values taken", i, bit);
			cose[i] ^= 1 << bit;
		}
}

static void test_key_of_pem(void **state)
{
	static const char none[] = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";

	(void)state;
	assert_null(key_of_pem(bytes_of(none, strlen(none))));
	assert_null(key_of_pem(bytes_of(NULL, 0)));
}

#define D16   "d1d1d1d1d1d1d1d1"
#define D96   D16 D16 D16 D16 D16 D16
#define B64   "0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR"
#define NITRO "{\"HashAlgorithm\": \"Sha384 { ... }\", \"PCR0\": \"" D96 "\"}"

static void test_json(void **state)
{
	static const struct {
		const char *text;
		enum tee tee;
		int err;
		enum reference_key want; /* REFERENCE_KEYS: none */
		size_t left;
	} rows[] = {
		{ "{\"Measurements\": " NITRO ", \"IsSigned\": true}", 0, 0, REFERENCE_NITRO_PCR0,
		  0 },
		{ NITRO, 0, 0, REFERENCE_NITRO_PCR0, 0 },
		{ "{\"HashAlgorithm\": \"Sha256\", \"PCR0\": \"" D96 "\"}", 0, -EBADMSG,
		  REFERENCE_KEYS, 0 },
		{ "{\"mr_td\": [\"" D96 "\"]}", 0, 0, REFERENCE_TDX_MRTD, 0 },
		{ "{\"mr_td\": \"0x" D96 "\"}", 0, 0, REFERENCE_TDX_MRTD, 0 },
		{ "{\"rtmr_3\": \"" B64 "\"}", 0, 0, REFERENCE_TDX_RTMR3, 0 },
		{ "{\"rtmr_4\": \"" D96 "\"}", 0, 0, REFERENCE_KEYS, 1 },
		{ "{\"snp_launch_measurement\": \"" B64 "\"}", 0, 0, REFERENCE_SNP_MEASUREMENT, 0 },
		{ "{\"measurement\": \"" D96 "\"}", TEE_SNP, 0, REFERENCE_SNP_MEASUREMENT, 0 },
		{ "{\"measurement\": \"" D96 "\"}", 0, 0, REFERENCE_KEYS, 1 },
		{ "{\"mr_td\": \"" D96 "\", \"xfam\": \"e7\"}", 0, 0, REFERENCE_TDX_MRTD, 1 },
		{ "{\"mr_td\": \"" D96 "\", \"rtmr_1\": []}", 0, 0, REFERENCE_TDX_MRTD, 1 },
		{ "{\"mr_td\": \"" D96 "\", \"host_data\": []}", 0, 0, REFERENCE_TDX_MRTD, 0 },
		{ "{\"mr_td\": \"" D96 D16 "\"}", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "{\"mr_td\": 7}", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "{\"mr_td\": [[\"" D96 "\"]]}", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "{\"mr_td\": \"g1" D16 D16 D16 D16 D16 "d1d1d1d1d1d1d1\"}", 0, -EBADMSG,
		  REFERENCE_KEYS, 0 },
		{ "{\"mr_td\": \"" D96 "\", \"mr_td\": \"" D96 "\"}", 0, -EBADMSG, REFERENCE_KEYS,
		  0 },
		{ "[{\"version\": \"0.1.0\", \"type\": \"sample\", \"payload\": "
		  "\"eyJtcl90ZCI6IFtdfQ==\"}]",
		  0, 0, REFERENCE_KEYS, 0 },
		{ "{\"type\": \"slsa\", \"payload\": \"e30=\"}", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "{\"type\": \"sample\", \"payload\": \"e30\"}", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "[{\"name\": \"mr_td\", \"expiration\": \"2026-06-01T00:00:00Z\", "
		  "\"hash-value\": [{\"alg\": \"sha384\", \"value\": \"" D96 "\"}]}]",
		  0, 0, REFERENCE_TDX_MRTD, 0 },
		{ "[{\"name\": \"mr_td\", \"expiration\": \"2026-05-31T23:59:59Z\", "
		  "\"value\": [\"" D96 "\"]}]",
		  0, -ESTALE, REFERENCE_KEYS, 0 },
		{ "[{\"name\": \"mr_td\", \"expired\": \"soon\", \"value\": [\"" D96 "\"]}]", 0,
		  -EBADMSG, REFERENCE_KEYS, 0 },
		{ "[{\"name\": \"mr_td\", \"hash-value\": [{\"value\": \"" D96 "\"}]}, "
		  "{\"name\": \"rtmr_1\", \"hash-value\": []}]",
		  0, 0, REFERENCE_TDX_MRTD, 1 },
		{ "[{\"name\": \"mr_td\", \"hash-value\": [{\"value\": \"" D96 "\"}]}, "
		  "{\"name\": \"xfam\", \"hash-value\": []}]",
		  0, 0, REFERENCE_TDX_MRTD, 1 },
		{ "{\"name\": \"mr_td\", \"hash-value\": {}, \"value\": []}", 0, -EBADMSG,
		  REFERENCE_KEYS, 0 },
		{ "{\"name\": \"mr_td\", \"expiration\": 1, \"value\": \"" D96 "\"}", 0, -EBADMSG,
		  REFERENCE_KEYS, 0 },
		{ "{\"name\": \"mr_td\", \"expiration\": \"whenever it may be!Z\", \"value\": \"" D96
		  "\"}",
		  0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "{\"name\": \"mr_td\", \"expiration\": \"2026-06-01T00:00:00Z\", \"expired\": "
		  "\"2026-05-31T23:59:59Z\", \"value\": \"" D96 "\"}",
		  0, -ESTALE, REFERENCE_KEYS, 0 },
		{ "{\"Measurements\": " NITRO ", \"mr_td\": \"" D96 "\"}", 0, 0,
		  REFERENCE_NITRO_PCR0, 1 },
		{ "[[[[{}]]]]", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "[7]", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "{", 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ D96 "\n", TEE_SNP, 0, REFERENCE_SNP_MEASUREMENT, 0 },
		{ B64, TEE_TDX, 0, REFERENCE_TDX_MRTD, 0 },
		{ D96, TEE_NITRO, -EBADMSG, REFERENCE_KEYS, 0 },
		{ D96, 0, -EBADMSG, REFERENCE_KEYS, 0 },
		{ "", TEE_SNP, -EBADMSG, REFERENCE_KEYS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int err = read_bytes((const uint8_t *)rows[i].text, strlen(rows[i].text),
				     rows[i].tee, NULL);

		if (err != rows[i].err || set.left_count != rows[i].left ||
		    (!err && (rows[i].want == REFERENCE_KEYS ? set.count : !has(rows[i].want))))
			fail_msg("%s: %d, %zu values, %zu left: %s", rows[i].text, err, set.count,
				 set.left_count, why);
	}
	assert_int_equal(read_bytes((const uint8_t *)NITRO, strlen(NITRO), 0, p256), -EPERM);
}

/* Whatever is taken is a policy that demands just that. */
static void test_policy(void **state)
{
	uint8_t value[REFERENCE_VALUE_MAX];
	struct policy *p;
	struct conf *y;
	char *text = NULL;
	json_t *j, *all;
	FILE *f;
	size_t n;

	(void)state;
	memset(&set, 0, sizeof(set));
	memset(value, 0x5c, sizeof(value));
	for (enum reference_key key = 0; key < REFERENCE_KEYS; key++)
		assert_int_equal(reference_add(&set, key, bytes_of(value, reference_width(key))),
				 0);
	j = reference_policy(&set);
	f = open_memstream(&text, &n);
	reference_print_yaml(j, f);
	fclose(f);
	y = conf_parse("policy", text, n);
	p = policy_read(y, conf_root(y));
	if (conf_error_count(y))
		fail_msg("%s", conf_first_error(y));
	all = policy_json(p);
	for (enum tee t = TEE_SNP; t < TEE_COUNT; t++) {
		const json_t *section = json_object_get(all, tee_str(t)), *want;
		const char *key;

		json_object_foreach(json_object_get(j, tee_str(t)), key, want) assert_true(
			json_equal(json_object_get(section, key), want) || t == TEE_NITRO);
	}
	json_decref(all);
	json_decref(j);
	policy_free(p);
	conf_free(y);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environments),
		cmocka_unit_test(test_amd_profile),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_validity),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_signature_validity),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_key_of_pem),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
