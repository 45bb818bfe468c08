// SPDX-License-Identifier: BSD-2-Clause
/* Policies: what each key demands, what mistakes in the file are said, and what the digest covers.
 */
#include "unit/verifier_lab.h"

#include <errno.h>

/* Hexadecimal text of the lab's own values. */
#define X4(b)  b b b b
#define X16(b) X4(b) X4(b) X4(b) X4(b)
#define X48(b) X16(b) X16(b) X16(b)
#define X64(b) X48(b) X16(b)

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

/* The verdict on a good Milan report (with ID block and author key) by policy text. */
struct rule {
	const char *text;
	enum snp_product product;
	enum snp_key kind;
	enum reason want;
};

static void dress(struct scene *s)
{
	uint8_t *r = s->report;

	r[0x04] = 7; /* guest SVN */
	memset(r + 0x10, 0x33, 16);
	memset(r + 0x20, 0x44, 16);
	memset(r + 0xe0, 0x55, 48);
	memset(r + 0x110, 0x66, 48);
	r[0x48] |= 1;
	r[0x30] = 1;
	if (r[0] == 5) {
		r[0x1f8] = 3;
		r[0x200] = 1;
	}
}

static void run_rules(const struct rule *rules, size_t count, void (*change)(struct scene *s))
{
	struct scene *s = malloc(sizeof(*s));
	unsigned int errors;
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		scene_begin(s, rules[i].product ? rules[i].product : SNP_MILAN, rules[i].kind);
		policy_free(s->policy);
		s->policy = parse(rules[i].text, &errors);
		assert_int_equal(errors, 0);
		dress(s);
		if (change)
			change(s);
		scene_build(s);
		reason = scene_judge(s);
		if (reason != rules[i].want)
			fail_msg("%s: want %s, got %s: %s", rules[i].text,
				 reason_str(rules[i].want), reason_str(reason), s->claims.detail);
		scene_end(s);
	}
	free(s);
}

static void test_identity(void **state)
{
	static const struct rule rules[] = {
		{ "{}", 0, 0, REASON_OK },
		{ "snp: {measurements: [" X48("11") "]}", 0, 0, REASON_OK },
		{ "snp: {measurements: [" X48("ff") ", " X48("11") ", " X48("00") "]}", 0, 0,
		  REASON_OK },
		{ "snp: {measurements: [" X48("12") "]}", 0, 0, REASON_MEASUREMENT },
		{ "snp: {host-data: [" X16("22") X16("22") "]}", 0, 0, REASON_OK },
		{ "snp: {host-data: [" X16("22") X16("23") "]}", 0, 0, REASON_HOST_DATA },
		{ "snp: {id-keys: [" X48("55") "]}", 0, 0, REASON_OK },
		{ "snp: {id-keys: [" X48("66") "]}", 0, 0, REASON_ID_KEY },
		{ "snp: {author-keys: [" X48("66") "]}", 0, 0, REASON_OK },
		{ "snp: {author-keys: [" X48("55") "]}", 0, 0, REASON_AUTHOR_KEY },
		{ "snp: {family-ids: [" X16("33") "]}", 0, 0, REASON_OK },
		{ "snp: {family-ids: [" X16("44") "]}", 0, 0, REASON_FAMILY_ID },
		{ "snp: {image-ids: [" X16("44") "]}", 0, 0, REASON_OK },
		{ "snp: {image-ids: [" X16("33") "]}", 0, 0, REASON_IMAGE_ID },
		{ "snp: {minimum-guest-svn: 7}", 0, 0, REASON_OK },
		{ "snp: {minimum-guest-svn: 8}", 0, 0, REASON_GUEST_SVN },
		{ "snp: {chip-ids: [" X64("c1") "]}", 0, 0, REASON_OK },
		{ "snp: {chip-ids: [" X64("c2") "]}", 0, 0, REASON_CHIP_NOT_PINNED },
		{ "snp: {chip-ids: [" X4("c1") X4("c1") "]}", SNP_TURIN, 0, REASON_OK },
		{ "snp: {chip-ids: [" X4("c1") X4("c2") "]}", SNP_TURIN, 0,
		  REASON_CHIP_NOT_PINNED },
		{ "snp: {chip-ids: [" X64("c1") "]}", 0, SNP_KEY_VLEK, REASON_CHIP_NOT_PINNED },
		{ "snp: {csp-ids: [CN=cc-lab.example]}", 0, SNP_KEY_VLEK, REASON_OK },
		{ "snp: {csp-ids: [CN=cc-lab.exampl]}", 0, SNP_KEY_VLEK, REASON_CSP_ID },
		{ "snp: {csp-ids: [CN=other]}", 0, SNP_KEY_VCEK, REASON_OK },
	};

	(void)state;
	run_rules(rules, sizeof(rules) / sizeof(*rules), NULL);
}

static void test_platform(void **state)
{
	static const struct rule rules[] = {
		{ "snp: {products: [Genoa, Turin]}", 0, 0, REASON_PRODUCT },
		{ "snp: {products: [Genoa, Turin]}", SNP_TURIN, 0, REASON_OK },
		{ "snp: {keys: [vlek]}", 0, 0, REASON_KEY_KIND },
		{ "snp: {keys: [vlek]}", 0, SNP_KEY_VLEK, REASON_OK },
		{ "snp: {vmpl: 0}", 0, 0, REASON_VMPL },
		{ "snp: {vmpl: 1}", 0, 0, REASON_OK },
		{ "snp: {vmpl: {minimum: 2}}", 0, 0, REASON_VMPL },
		{ "snp: {vmpl: {minimum: 1, maximum: 1}}", 0, 0, REASON_OK },
		{ "snp: {policy: {required: 0x10000}}", 0, 0, REASON_OK },
		{ "snp: {policy: {required: 0x100000}}", 0, 0, REASON_POLICY_BITS },
		{ "snp: {policy: {forbidden: 0x10000}}", 0, 0, REASON_POLICY_BITS },
		{ "snp: {platform-info: {required: 0x20}}", 0, 0, REASON_OK },
		{ "snp: {platform-info: {required: 0x02}}", 0, 0, REASON_PLATFORM_INFO },
		{ "snp: {platform-info: {forbidden: 0x01}}", 0, 0, REASON_PLATFORM_INFO },
		{ "snp: {minimum-firmware: 1.55.29}", 0, 0, REASON_OK },
		{ "snp: {minimum-firmware: 1.55.30}", 0, 0, REASON_FIRMWARE_TOO_OLD },
		{ "snp: {minimum-firmware: 1.56.0}", 0, 0, REASON_FIRMWARE_TOO_OLD },
		{ "snp: {minimum-firmware: 1.54.99}", 0, 0, REASON_OK },
		{ "snp: {mitigation: {launch-required: 3}}", SNP_TURIN, 0, REASON_OK },
		{ "snp: {mitigation: {launch-required: 4}}", SNP_TURIN, 0, REASON_MITIGATION },
		{ "snp: {mitigation: {current-required: 2}}", SNP_TURIN, 0, REASON_MITIGATION },
		{ "snp: {mitigation: {current-required: 1}}", 0, 0, REASON_MITIGATION },
	};

	(void)state;
	run_rules(rules, sizeof(rules) / sizeof(*rules), NULL);
}

static void test_minimum_tcb(void **state)
{
	static const struct rule rules[] = {
		{ "snp: {minimum-tcb: [{product: Milan, microcode: 219, snp: 24}]}", 0, 0,
		  REASON_OK },
		{ "snp: {minimum-tcb: [{product: Milan, microcode: 220}]}", 0, 0,
		  REASON_TCB_TOO_OLD },
		{ "snp: {minimum-tcb: [{product: Milan, bootloader: 5}]}", 0, 0,
		  REASON_TCB_TOO_OLD },
		{ "snp: {minimum-tcb: [{product: Milan, tee: 3}]}", 0, 0, REASON_TCB_TOO_OLD },
		{ "snp: {minimum-tcb: [{product: Turin, fmc: 2}]}", SNP_TURIN, 0,
		  REASON_TCB_TOO_OLD },
		{ "snp: {minimum-tcb: [{product: Turin, fmc: 1}]}", SNP_TURIN, 0, REASON_OK },
		/* One for another product says nothing of this: then it is not let through. */
		{ "snp: {minimum-tcb: [{product: Genoa, snp: 1}]}", 0, 0, REASON_TCB_TOO_OLD },
		{ "snp: {minimum-tcb: [{product: Genoa, snp: 99}, {product: Milan, snp: 24}]}", 0,
		  0, REASON_OK },
		{ "snp: {minimum-tcb: [{product: Milan, family: 0x19, model: 1, snp: 25}]}", 0, 0,
		  REASON_TCB_TOO_OLD },
		{ "snp: {minimum-tcb: [{product: Milan, model: 2, snp: 25}, {product: Milan, "
		  "model: 1, snp: 24}]}",
		  0, 0, REASON_OK },
		{ "snp: {minimum-tcb: [{product: Milan, model: 1, stepping: 0, snp: 1}]}", 0, 0,
		  REASON_TCB_TOO_OLD },
		{ "snp: {minimum-launch-tcb: [{product: Milan, snp: 24}]}", 0, 0, REASON_OK },
		{ "snp: {minimum-launch-tcb: [{product: Milan, snp: 25}]}", 0, 0,
		  REASON_TCB_TOO_OLD },
	};

	(void)state;
	run_rules(rules, sizeof(rules) / sizeof(*rules), NULL);
}

static void no_author_key(struct scene *s)
{
	s->report[0x48] &= ~1;
}
static void provisional(struct scene *s)
{
	s->report[0x38 + 7]++;
}
static void provisional_build(struct scene *s)
{
	s->report[0x1e8]++;
}
static void debug(struct scene *s)
{
	s->report[0x0a] |= 8;
}
static void migrate(struct scene *s)
{
	s->report[0x0a] |= 4;
}
static void policy_bit_40(struct scene *s)
{
	s->report[0x0d] |= 1;
}
static void platform_bit_8(struct scene *s)
{
	s->report[0x41] |= 1;
}
static void version_9(struct scene *s)
{
	s->report[0] = 9;
}
static void version_2(struct scene *s)
{
	s->report[0] = 2;
	memset(s->report + 0x188, 0, 3);
}

static void test_permissions(void **state)
{
	static const struct {
		void (*change)(struct scene *s);
		struct rule rules[2];
	} rows[] = {
		{ no_author_key,
		  { { "snp: {author-keys: [" X48("66") "]}", 0, 0, REASON_AUTHOR_KEY },
		    { "{}", 0, 0, REASON_OK } } },
		{ provisional,
		  { { "snp: {provisional-firmware: deny}", 0, 0, REASON_TCB_ORDER },
		    { "{}", 0, 0, REASON_OK } } },
		{ provisional_build,
		  { { "snp: {provisional-firmware: deny}", 0, 0, REASON_TCB_ORDER },
		    { "{}", 0, 0, REASON_OK } } },
		{ debug,
		  { { "{}", 0, 0, REASON_POLICY_DEBUG },
		    { "snp: {debug: allow}", 0, 0, REASON_OK } } },
		{ migrate,
		  { { "{}", 0, 0, REASON_POLICY_MIGRATION },
		    { "snp: {migration: allow}", 0, 0, REASON_OK } } },
		{ policy_bit_40,
		  { { "{}", 0, 0, REASON_POLICY_RESERVED },
		    { "snp: {policy: {unknown-bits: allow}}", 0, 0, REASON_OK } } },
		{ platform_bit_8,
		  { { "{}", 0, 0, REASON_OK },
		    { "snp: {platform-info: {unknown-bits: deny}}", 0, 0,
		      REASON_PLATFORM_INFO } } },
		{ version_9,
		  { { "{}", 0, 0, REASON_VERSION },
		    { "snp: {newer-versions: allow}", 0, 0, REASON_OK } } },
		/* Version 2 does not say which model it is: then all minimums of the product hold.
		 */
		{ version_2,
		  { { "snp: {minimum-tcb: [{product: Milan, model: 9, snp: 25}]}", 0, 0,
		      REASON_TCB_TOO_OLD },
		    { "snp: {minimum-tcb: [{product: Milan, model: 9, snp: 24}]}", 0, 0,
		      REASON_OK } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		run_rules(rows[i].rules, 2, rows[i].change);
}

/* A pin for classified service takes away that class and nothing else. */
static void test_classes(void **state)
{
	static const struct {
		const char *text;
		unsigned int classes;
	} rows[] = {
		{ "{}", 7 },
		{ "classified: {chip-pin: optional}", 7 },
		{ "classified: {chip-pin: required}", 3 },
		{ "{classified: {chip-pin: required}, snp: {chip-ids: [" X64("c2") "]}}", 3 },
		{ "{classified: {chip-pin: required}, snp: {chip-ids: [" X64("c1") "]}}", 7 },
	};
	struct scene *s = malloc(sizeof(*s));
	unsigned int errors;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
		policy_free(s->policy);
		s->policy = parse(rows[i].text, &errors);
		assert_int_equal(errors, 0);
		scene_build(s);
		assert_int_equal(scene_judge(s), REASON_OK);
		assert_int_equal(s->claims.class_mask, rows[i].classes);
		assert_int_equal(s->claims.detail[0] != 0, rows[i].classes != 7);
		scene_end(s);
	}
	free(s);
}

static void test_mistakes(void **state)
{
	static const char *const rows[] = {
		"[]",
		"text",
		"colour: red",
		"tee: [sgx]",
		"tee: []",
		"name: ''",
		"classified: {chip-pin: maybe}",
		"snp: []",
		"snp: {colour: red}",
		"snp: {roots: [" X16("aa") X16("aa") "]}",
		"snp: {roots: ['sha256:" X16("aa") "']}",
		"snp: {roots: ['sha1:" X16("aa") X16("aa") "']}",
		"snp: {products: []}",
		"snp: {products: [Rome]}",
		"snp: {products: Milan}",
		"snp: {keys: [vmek]}",
		"snp: {measurements: [" X16("11") "]}",
		"snp: {measurements: [" X48("1g") "]}",
		"snp: {measurements: " X48("11") "}",
		"snp: {host-data: [" X48("11") "]}",
		"snp: {chip-ids: [" X16("11") "]}",
		"snp: {chip-ids: [" X64("00") "]}",
		"snp: {csp-ids: ['']}",
		"snp: {minimum-guest-svn: -1}",
		"snp: {minimum-guest-svn: 4294967296}",
		"snp: {measurements: []}",
		"snp: {host-data: []}",
		"snp: {id-keys: []}",
		"snp: {author-keys: []}",
		"snp: {family-ids: []}",
		"snp: {image-ids: []}",
		"snp: {chip-ids: []}",
		"snp: {csp-ids: []}",
		"snp: {azure-pcrs: []}",
		"snp: {minimum-tcb: []}",
		"snp: {minimum-launch-tcb: []}",
		"snp: {keys: []}",
		"snp: {measurements: }",
		"snp: {vmpl: 4}",
		"snp: {vmpl: {maximum: 4}}",
		"snp: {vmpl: {minimum: 2, maximum: 1}}",
		"snp: {policy: {required: 1, forbidden: 1}}",
		"snp: {policy: {required: many}}",
		"snp: {platform-info: {optional: 1}}",
		"snp: {minimum-tcb: [{snp: 1}]}",
		"snp: {minimum-tcb: [{product: Milan, snp: 256}]}",
		"snp: {minimum-tcb: [{product: Milan, fmc: 1}]}",
		"snp: {minimum-tcb: {product: Milan}}",
		"snp: {minimum-firmware: 1.55}",
		"snp: {minimum-firmware: 1.55.256}",
		"snp: {minimum-firmware: 1.55.29a}",
		"snp: {mitigation: 3}",
		"snp: {crl: maybe}",
		"snp: {maximum-crl-age-hours: 0}",
		"snp: {debug: yes}",
		"snp: {debug: allow, debug: deny}",
	};
	unsigned int errors;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		policy_free(parse(rows[i], &errors));
		if (!errors)
			fail_msg("taken without a word: %s", rows[i]);
	}
}

static const char whole[] =
	"name: prod\ntee: [snp]\nclassified: {chip-pin: required}\nsnp:\n"
	"  roots: ['sha256:" X16("aa") X16(
		"ab") "']\n  products: [Genoa, Turin]\n  keys: [vcek]\n"
		      "  measurements: [" X48("11") ", " X48("10") "]\n  host-data: [" X16("22") X16(
			      "22") "]\n"
				    "  id-keys: [" X48("55") "]\n  author-keys: [" X48(
					    "66") "]\n"
						  "  family-ids: [" X16("33") "]\n  image-ids: [" X16(
							  "44") "]\n"
								"  minimum-guest-svn: 2\n  vmpl: {minimum: 0, maximum: 1}\n"
								"  policy: {required: 0x100000, forbidden: 0x10000, unknown-bits: allow}\n"
								"  platform-info: {required: 0x20, forbidden: 0x1, unknown-bits: deny}\n"
								"  minimum-tcb: [{product: Genoa, family: 0x19, model: 0x11, stepping: 1, snp: 23}]\n"
								"  minimum-launch-tcb: [{product: Turin, fmc: 1}]\n  minimum-firmware: 1.55.29\n"
								"  mitigation: {launch-required: 1, current-required: 3}\n"
								"  chip-ids: [" X64(
									"c1") ", c1c1c1c1c1c1c1c1]\n  csp-ids: [CN=b, CN=a]\n"
									      "  masked-chip-id: allow\n  provisional-firmware: deny\n  newer-versions: allow\n"
									      "  debug: allow\n  migration: allow\n  crl: required\n  maximum-crl-age-hours: 48\n";

/* Each key changes the digest, the order of a list and the name do not. */
static void test_digest(void **state)
{
	static const char *const alike[] = {
		"{name: a, snp: {measurements: [" X48("11") ", " X48("10") "]}}",
		"{name: b, snp: {measurements: [" X48("10") ", " X48("11") ", " X48("11") "]}}",
	};
	unsigned int errors;
	struct policy *a = parse(whole, &errors), *b;
	const char *line = whole;
	char without[sizeof(whole)];

	(void)state;
	assert_int_equal(errors, 0);
	assert_string_equal(policy_name(a), "prod");
	assert_int_equal(strlen(policy_digest(a)), 64);
	/* Without any one line that is a key of its own the digest is another, but for the name. */
	while ((line = strchr(line, '\n')) && line[1]) {
		const char *next = strchr(++line, '\n');

		if (*line != ' ' && strncmp(line, "classified", 10))
			continue;
		memcpy(without, whole, line - whole);
		strcpy(without + (line - whole), next + 1);
		b = parse(without, &errors);
		assert_int_equal(errors, 0);
		if (!strcmp(policy_digest(a), policy_digest(b)))
			fail_msg("no part of the digest: %.*s", (int)(next - line), line);
		policy_free(b);
	}
	policy_free(a);
	a = parse(alike[0], &errors);
	b = parse(alike[1], &errors);
	assert_string_equal(policy_digest(a), policy_digest(b));
	assert_int_equal(policy_trust_root(b, (const uint8_t[32]){ 1 }), 0);
	assert_string_not_equal(policy_digest(a), policy_digest(b));
	policy_free(a);
	policy_free(b);
}

static void test_json(void **state)
{
	struct policy *p = policy_default();
	json_t *o = policy_json(p), *snp = json_object_get(o, "snp");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(snp, "measurements")), "any");
	assert_string_equal(json_string_value(json_object_get(snp, "debug")), "deny");
	assert_string_equal(json_string_value(json_object_get(snp, "crl")), "given");
	assert_int_equal(json_array_size(json_object_get(snp, "products")), 3);
	json_decref(o);
	for (int i = 0; i < RULES_ROOTS_MAX; i++)
		assert_int_equal(policy_trust_root(p, (const uint8_t[32]){ i }), 0);
	assert_int_equal(policy_trust_root(p, (const uint8_t[32]){ 99 }), -ENOSPC);
	policy_free(p);
	policy_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),    cmocka_unit_test(test_platform),
		cmocka_unit_test(test_minimum_tcb), cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_classes),	    cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_digest),	    cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
