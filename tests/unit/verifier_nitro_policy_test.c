// SPDX-License-Identifier: BSD-2-Clause
/* What each key of "nitro" in a policy demands, and which mistakes in it are said. */
#include "unit/verifier_nitro_lab.h"

#include "verifier/objections.h"

/* Hexadecimal text of PCRs full of one byte. */
#define X4(b)  b b b b
#define X16(b) X4(b) X4(b) X4(b) X4(b)
#define X48(b) X16(b) X16(b) X16(b)

static struct policy *parse(const char *text, unsigned int *errors)
{
	struct conf *y = conf_parse("policy.yaml", text, strlen(text));
	struct policy *p = policy_read(y, conf_root(y));

	*errors = conf_error_count(y);
	if (*errors && getenv("VERBOSE"))
		conf_print_errors(y, stderr);
	conf_free(y);
	return p;
}

static void debug(struct nlab_scene *s)
{
	s->pcr_bytes[0] = s->pcr_bytes[1] = s->pcr_bytes[2] = 0;
}

static void two_zeroes(struct nlab_scene *s)
{
	s->pcr_bytes[0] = s->pcr_bytes[1] = 0;
}

/* Nothing that was loaded is said. */
static void unsaid(struct nlab_scene *s)
{
	s->no_pcr[0] = s->no_pcr[1] = s->no_pcr[2] = true;
}

static void without_pcr1(struct nlab_scene *s)
{
	s->no_pcr[1] = true;
}

static void put_key(struct cbor_writer *w)
{
	cbor_put_bytes(w, bytes_of("abc", 3));
}

static void keyed(struct nlab_scene *s)
{
	s->changes[0] = (struct nlab_change){ "public_key", put_key };
}

static void no_instance(struct nlab_scene *s)
{
	s->module_id = "module";
}

/* SHA-384 of "abc" (FIPS 180). */
#define ABC                                                                \
	"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" \
	"8086072ba1e7cc2358baeca134c825a7"

static const struct {
	const char *text;
	void (*before)(struct nlab_scene *s);
	enum reason want;
	unsigned int classes; /* 0: those without a pin, or none */
} rules[] = {
	{ "nitro: {}", NULL, REASON_OK, 0 },
	{ "nitro: {}", debug, REASON_POLICY_DEBUG, 0 },
	{ "nitro: {}", unsaid, REASON_POLICY_DEBUG, 0 },
	{ "nitro: {}", two_zeroes, REASON_OK, 0 },
	{ "nitro: {debug: allow}", debug, REASON_OK, 0 },
	{ "nitro: {debug: allow, pcrs: {0: [" X48("10") "]}}", debug, REASON_MEASUREMENT, 0 },
	{ "nitro: {pcrs: {0: [" X48("10") "]}}", NULL, REASON_OK, 0 },
	{ "nitro: {pcrs: {0: [" X48("99") ", " X48("10") "]}}", NULL, REASON_OK, 0 },
	{ "nitro: {pcrs: {0: [" X48("99") "]}}", NULL, REASON_MEASUREMENT, 0 },
	{ "nitro: {pcrs: {1: [" X48("11") "]}}", NULL, REASON_OK, 0 },
	{ "nitro: {pcrs: {1: [" X48("11") "]}}", without_pcr1, REASON_MEASUREMENT, 0 },
	{ "nitro: {pcrs: {0: [" X48("10") "], 2: [" X48("10") "]}}", NULL, REASON_MEASUREMENT, 0 },
	{ "nitro: {pcrs: {8: [" X48("00") "]}}", NULL, REASON_OK, 0 },
	{ "nitro: {pcrs: {8: [" X48("08") "]}}", NULL, REASON_MEASUREMENT, 0 },
	{ "nitro: {pcrs: {31: [" X48("00") "]}}", NULL, REASON_MEASUREMENT, 0 },
	{ "nitro: {public-keys: [" ABC "]}", keyed, REASON_OK, 0 },
	{ "nitro: {public-keys: [" ABC "]}", NULL, REASON_ID_KEY, 0 },
	{ "nitro: {public-keys: [" X48("00") "]}", keyed, REASON_ID_KEY, 0 },
	{ "nitro: {instances: [i-0123456789abcdef0]}", NULL, REASON_OK, 0 },
	{ "nitro: {instances: [i-1, i-0123456789abcdef0, i-2]}", NULL, REASON_OK, 0 },
	{ "nitro: {instances: [i-0123456789abcdef]}", NULL, REASON_CHIP_NOT_PINNED, 0 },
	{ "nitro: {instances: [i-0]}", no_instance, REASON_CHIP_NOT_PINNED, 0 },
	{ "{classified: {chip-pin: required}, nitro: {instances: [i-0123456789abcdef0]}}", NULL,
	  REASON_OK, 7 },
	{ "{classified: {chip-pin: required}, nitro: {instances: [i-1]}}", NULL, REASON_OK, 3 },
	{ "{classified: {chip-pin: required}, nitro: {}}", NULL, REASON_OK, 3 },
	{ "nitro: {maximum-age-seconds: 1}", NULL, REASON_OK, 0 },
	{ "snp: {}", NULL, REASON_TEE, 0 },
	{ "{tee: [snp, nitro], snp: {}}", NULL, REASON_OK, 0 },
	{ "tee: [nitro]", NULL, REASON_OK, 0 },
	{ "tee: [snp]", NULL, REASON_TEE, 0 },
};

static void test_rules(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));
	unsigned int errors;
	enum reason reason;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		nlab_begin(s);
		policy_free(s->policy);
		s->policy = parse(rules[i].text, &errors);
		assert_int_equal(errors, 0);
		if (rules[i].before)
			rules[i].before(s);
		nlab_build(s);
		reason = nlab_judge(s);
		if (reason != rules[i].want)
			fail_msg("%s: want %s, got %s: %s", rules[i].text,
				 reason_str(rules[i].want), reason_str(reason), s->claims.detail);
		if (rules[i].classes)
			assert_int_equal(s->claims.class_mask, rules[i].classes);
		nlab_end(s);
	}
	free(s);
}

static void test_age(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));
	unsigned int errors;

	(void)state;
	nlab_begin(s);
	policy_free(s->policy);
	s->policy = parse("nitro: {maximum-age-seconds: 60}", &errors);
	nlab_issue_all(s);
	for (int age = 60; age <= 61; age++) {
		s->timestamp_ms = (NLAB_NOW - age) * 1000;
		nlab_document(s);
		assert_int_equal(nlab_judge(s), age == 60 ? REASON_OK : REASON_TIMESTAMP);
		claims_free(&s->claims);
	}
	nlab_end(s);
	free(s);
}

static void test_binding(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));
	uint8_t other[REPORT_DATA_BYTES];

	(void)state;
	nlab_begin(s);
	nlab_build(s);
	s->report_data = s->user_data;
	assert_int_equal(nlab_judge(s), REASON_OK);
	claims_free(&s->claims);
	memcpy(other, s->user_data, sizeof(other));
	other[REPORT_DATA_BYTES - 1] ^= 1;
	s->report_data = other;
	assert_int_equal(nlab_judge(s), REASON_REPORT_DATA);
	claims_free(&s->claims);
	s->changes[0] = (struct nlab_change){ "user_data", NULL };
	nlab_document(s);
	assert_int_equal(nlab_judge(s), REASON_REPORT_DATA);
	nlab_end(s);
	free(s);
}

/* Whoever wants to know all hears of each rule, and of each PCR. */
static void test_all_objections(void **state)
{
	static const struct {
		enum reason reason;
		const char *says;
	} wanted[] = {
		{ REASON_POLICY_DEBUG, "debug mode" },
		{ REASON_MEASUREMENT, "PCR0" },
		{ REASON_MEASUREMENT, "PCR8" },
		{ REASON_MEASUREMENT, "no PCR20" },
		{ REASON_ID_KEY, "public_key" },
		{ REASON_TIMESTAMP, "old" },
		{ REASON_CHIP_NOT_PINNED, "instance \"i-0" },
	};
	struct nlab_scene *s = malloc(sizeof(*s));
	struct evidence e = { .tee = TEE_NITRO, .at = NLAB_NOW };
	struct objections all;
	unsigned int errors;

	(void)state;
	nlab_begin(s);
	policy_free(s->policy);
	s->policy = parse("nitro: {pcrs: {0: [" X48("99") "], 8: [" X48("99") "], 20: [" X48(
				  "99") "]}, public-keys: [" ABC "], instances: [i-1],"
					" maximum-age-seconds: 1}",
			  &errors);
	assert_int_equal(errors, 0);
	debug(s);
	s->timestamp_ms -= 5000;
	nlab_build(s);
	e.report = bytes_of(s->document, s->n);
	assert_int_equal(appraise_all(s->policy, &e, &all, &s->claims), REASON_POLICY_DEBUG);
	assert_int_equal(all.count, sizeof(wanted) / sizeof(*wanted));
	for (size_t i = 0; i < all.count; i++) {
		assert_int_equal(all.list[i].reason, wanted[i].reason);
		assert_non_null(strstr(all.list[i].detail, wanted[i].says));
	}
	assert_int_equal(s->claims.class_mask, 0);
	nlab_end(s);
	free(s);
}

static void test_mistakes(void **state)
{
	static const char *const texts[] = {
		"nitro: {colour: red}",
		"nitro: {pcrs: {32: [" X48("10") "]}}",
		"nitro: {pcrs: {0: [10]}}",
		"nitro: {pcrs: {0: [" X48("00") "]}}",
		"nitro: {pcrs: {2: [" X48("00") "]}}",
		"nitro: {pcrs: [" X48("10") "]}",
		"nitro: {instances: [0123]}",
		"nitro: {pcrs: {0: []}}",
		"nitro: {pcrs: {8: []}}",
		"nitro: {public-keys: []}",
		"nitro: {instances: []}",
		"nitro: {instances: [i-]}",
		"nitro: {instances: [i-XYZ]}",
		"nitro: {debug: perhaps}",
		"nitro: {maximum-age-seconds: 0}",
		"nitro: {maximum-age-seconds: 86401}",
		"nitro: {roots: [" X48("10") "]}",
	};
	unsigned int errors;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		policy_free(parse(texts[i], &errors));
		if (errors != 1)
			fail_msg("%s: want one mistake, got %u", texts[i], errors);
	}
}

/* Two policies that demand other things have other digests, and what is demanded can be read. */
static void test_json(void **state)
{
	unsigned int errors;
	struct policy *a = parse("nitro: {pcrs: {0: [" X48("10") "]}}", &errors),
		      *b = parse("nitro: {pcrs: {1: [" X48("10") "]}}", &errors);
	json_t *all = policy_json(a), *nitro = json_object_get(all, "nitro");

	(void)state;
	assert_string_not_equal(policy_digest(a), policy_digest(b));
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(json_object_get(nitro, "pcrs"), "0"), 0)),
			    X48("10"));
	assert_string_equal(json_string_value(json_object_get(nitro, "debug")), "deny");
	json_decref(all);
	policy_free(a);
	policy_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),	cmocka_unit_test(test_age),
		cmocka_unit_test(test_binding), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_all_objections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
