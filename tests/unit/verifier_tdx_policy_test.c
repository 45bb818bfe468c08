// SPDX-License-Identifier: BSD-2-Clause
/* What a policy demands of a TD: one key at a time, on a TD that fits and on one that does not. */
#include "unit/verifier_tdx_lab.h"

#define X6(b)  b b b b b b
#define X16(b) b b b b b b b b b b b b b b b b
#define X48(b) X16(b) X16(b) X16(b)

struct policy_row {
	const char *yaml;
	enum reason want;
	void (*before)(struct tdx_scene *s);
};

static void debug(struct tdx_scene *s)
{
	s->body[BODY_ATTRIBUTES] |= 1;
}

static void perf_prof(struct tdx_scene *s)
{
	s->body[BODY_ATTRIBUTES] |= 0x20;
}

static void migratable(struct tdx_scene *s)
{
	s->body[BODY_ATTRIBUTES + 3] |= 0x20;
}

static void perfmon(struct tdx_scene *s)
{
	s->body[BODY_ATTRIBUTES + 7] |= 0x80;
}

static void bit_40(struct tdx_scene *s)
{
	s->body[BODY_ATTRIBUTES + 5] |= 1;
}

static void no_sse(struct tdx_scene *s)
{
	s->body[BODY_XFAM] = 1;
}

static void service_td(struct tdx_scene *s)
{
	s->version = 5;
	s->body_type = 3;
	memset(s->body + BODY_SERVICE_TD, 0xab, TDX_DIGEST_BYTES);
}

static void old(struct tdx_scene *s)
{
	s->platform.pcesvn = 12;
}

static void no_word_on_smt(struct tdx_scene *s)
{
	s->platform.smt = TDX_FLAG_UNKNOWN;
}

static void no_instance(struct tdx_scene *s)
{
	s->platform.has_instance = false;
}

static struct policy *read_policy(const char *text)
{
	struct conf *y = conf_parse("policy", text, strlen(text));
	const yaml_node_t *root = conf_root(y);
	struct policy *p = root ? policy_read(y, root) : NULL;

	if (conf_error_count(y))
		fail_msg("%s: %s", text, conf_first_error(y));
	conf_free(y);
	return p;
}

static void run(const struct policy_row *rows, size_t count)
{
	struct tdx_scene *s = malloc(sizeof(*s));
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		tdx_scene_begin(s);
		policy_free(s->policy);
		s->policy = read_policy(rows[i].yaml);
		if (rows[i].before)
			rows[i].before(s);
		tdx_scene_build(s);
		reason = tdx_scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].yaml, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		assert_true(reason == REASON_OK || s->claims.detail[0]);
		tdx_scene_end(s);
	}
	free(s);
}

/* Each list: one that has the value among others, and one that has not. */
static void test_values(void **state)
{
	static const struct policy_row rows[] = {
		{ "tdx: {mrtd: [" X48("60") ", " X48("00") "]}", REASON_OK, NULL },
		{ "tdx: {mrtd: [" X48("61") "]}", REASON_MEASUREMENT, NULL },
		{ "tdx: {mrconfigid: [" X48("61") "]}", REASON_OK, NULL },
		{ "tdx: {mrconfigid: [" X48("60") "]}", REASON_MRCONFIGID, NULL },
		{ "tdx: {mrowner: [" X48("62") "]}", REASON_OK, NULL },
		{ "tdx: {mrowner: [" X48("60") "]}", REASON_MROWNER, NULL },
		{ "tdx: {mrownerconfig: [" X48("63") "]}", REASON_OK, NULL },
		{ "tdx: {mrownerconfig: [" X48("60") "]}", REASON_MROWNERCONFIG, NULL },
		{ "tdx: {rtmr0: [" X48("64") "], rtmr1: [" X48("65") "], rtmr2: [" X48(
			  "66") "], rtmr3: [" X48("67") "]}",
		  REASON_OK, NULL },
		{ "tdx: {rtmr0: [" X48("65") "]}", REASON_RTMR, NULL },
		{ "tdx: {rtmr1: [" X48("64") "]}", REASON_RTMR, NULL },
		{ "tdx: {rtmr2: [" X48("64") "]}", REASON_RTMR, NULL },
		{ "tdx: {rtmr3: [" X48("64") "]}", REASON_RTMR, NULL },
		{ "tdx: {mrseam: [" X48("51") "]}", REASON_OK, NULL },
		{ "tdx: {mrseam: [" X48("52") "]}", REASON_MRSEAM, NULL },
		{ "tdx: {mrsignerseam: [" X48("00") "]}", REASON_OK, NULL },
		{ "tdx: {mrsignerseam: [" X48("01") "]}", REASON_MRSEAM, NULL },
		{ "tdx: {fmspcs: [90c06f000000]}", REASON_OK, NULL },
		{ "tdx: {fmspcs: [90c06f000001]}", REASON_FMSPC, NULL },
		{ "tdx: {platform-ids: [" X16("11") "]}", REASON_OK, NULL },
		{ "tdx: {platform-ids: [" X16("22") "]}", REASON_OK, NULL },
		{ "tdx: {platform-ids: [" X16("33") "]}", REASON_CHIP_NOT_PINNED, NULL },
		{ "tdx: {platform-ids: [" X16("00") "]}", REASON_CHIP_NOT_PINNED, no_instance },
		{ "tdx: {service-tds: [" X48("ab") "]}", REASON_OK, service_td },
		{ "tdx: {service-tds: [" X48("ac") "]}", REASON_SERVICE_TD, service_td },
		{ "tdx: {service-tds: []}", REASON_SERVICE_TD, service_td },
		{ "tdx: {service-tds: [" X48("ac") "]}", REASON_OK, NULL },
		{ "tdx: {}", REASON_SERVICE_TD, service_td },
	};

	(void)state;
	run(rows, sizeof(rows) / sizeof(*rows));
}

static void test_bits(void **state)
{
	static const struct policy_row rows[] = {
		{ "tdx: {}", REASON_POLICY_DEBUG, debug },
		{ "tdx: {debug: allow}", REASON_OK, debug },
		{ "tdx: {}", REASON_POLICY_DEBUG, perf_prof },
		{ "tdx: {}", REASON_POLICY_MIGRATION, migratable },
		{ "tdx: {migration: allow}", REASON_OK, migratable },
		{ "tdx: {}", REASON_OK, perfmon },
		{ "tdx: {attributes: {forbidden: 0x8000000000000000}}", REASON_POLICY_BITS,
		  perfmon },
		{ "tdx: {attributes: {required: 0x10000000}}", REASON_OK, NULL },
		{ "tdx: {attributes: {required: 0x40000000}}", REASON_POLICY_BITS, NULL },
		{ "tdx: {}", REASON_POLICY_BITS, bit_40 },
		{ "tdx: {attributes: {unknown-bits: allow}}", REASON_OK, bit_40 },
		{ "tdx: {}", REASON_XFAM, no_sse },
		{ "tdx: {xfam: {required: 0}}", REASON_OK, no_sse },
		{ "tdx: {xfam: {forbidden: 0x80}}", REASON_XFAM, NULL },
		{ "tdx: {xfam: {required: 0x67, unknown-bits: deny}}", REASON_XFAM, NULL },
		{ "tdx: {xfam: {required: 0xe7, unknown-bits: deny}}", REASON_OK, NULL },
		{ "tdx: {smt: deny}", REASON_PLATFORM_CONFIGURATION, NULL },
		{ "tdx: {smt: deny}", REASON_PLATFORM_CONFIGURATION, no_word_on_smt },
		{ "tdx: {cached-keys: deny}", REASON_PLATFORM_CONFIGURATION, NULL },
		{ "tdx: {dynamic-platform: deny}", REASON_OK, NULL },
	};

	(void)state;
	run(rows, sizeof(rows) / sizeof(*rows));
}

static void test_tcb(void **state)
{
	static const struct policy_row rows[] = {
		{ "tdx: {}", REASON_TCB_OUT_OF_DATE, old },
		{ "tdx: {tcb-status: [UpToDate, OutOfDate]}", REASON_OK, old },
		{ "tdx: {tcb-status: [OutOfDate]}", REASON_TCB_OUT_OF_DATE, NULL },
		{ "tdx: {advisories: [INTEL-SA-01111]}", REASON_OK, NULL },
		{ "tdx: {advisories: [INTEL-SA-00001]}", REASON_ADVISORY, NULL },
		{ "tdx: {advisories: []}", REASON_ADVISORY, NULL },
		{ "tdx: {minimum-tcb-date: 2025-05-14}", REASON_OK, NULL },
		{ "tdx: {minimum-tcb-date: 2025-05-15}", REASON_TCB_TOO_OLD, NULL },
		{ "tdx: {minimum-tcb-svn: 07010400000000000000000000000000}", REASON_OK, NULL },
		{ "tdx: {minimum-tcb-svn: 08010400000000000000000000000000}", REASON_TCB_TOO_OLD,
		  NULL },
		{ "tdx: {minimum-tcb-svn: 00000000000000000000000000000001}", REASON_TCB_TOO_OLD,
		  NULL },
		{ "tdx: {minimum-tcb-evaluation: 19}", REASON_OK, NULL },
		{ "tdx: {minimum-tcb-evaluation: 20}", REASON_TCB_EVALUATION, NULL },
		{ "tdx: {maximum-collateral-age-hours: 1}", REASON_COLLATERAL_STALE, NULL },
		{ "tdx: {crl: required, maximum-crl-age-hours: 25}", REASON_OK, NULL },
		{ "tdx: {crl: required, maximum-crl-age-hours: 23}", REASON_CRL_STALE, NULL },
		{ "tee: [snp]", REASON_TEE, NULL },
		{ "tee: [snp, tdx]", REASON_OK, NULL },
		{ "snp: {debug: allow}", REASON_TEE, NULL }, /* it speaks of SNP alone */
		{ "name: any", REASON_OK, NULL },
	};

	(void)state;
	run(rows, sizeof(rows) / sizeof(*rows));
}

static void test_classes(void **state)
{
	static const struct {
		const char *yaml;
		unsigned int classes;
	} rows[] = {
		{ "classified: {chip-pin: required}\ntdx: {}", 3 },
		{ "classified: {chip-pin: required}\ntdx: {platform-ids: [" X16("22") "]}", 7 },
		{ "classified: {chip-pin: required}\ntdx: {platform-ids: [" X16("33") "]}", 3 },
		{ "tdx: {}", 7 },
	};
	struct tdx_scene *s = malloc(sizeof(*s));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		tdx_scene_begin(s);
		policy_free(s->policy);
		s->policy = read_policy(rows[i].yaml);
		tdx_scene_build(s);
		assert_int_equal(tdx_scene_judge(s), REASON_OK);
		assert_int_equal(s->claims.class_mask, rows[i].classes);
		assert_int_equal(rows[i].classes != 7, s->claims.detail[0] != 0);
		tdx_scene_end(s);
	}
	free(s);
}

static void test_mistakes(void **state)
{
	static const char *const rows[] = {
		"tdx: []",
		"tdx: {colour: red}",
		"tdx: {mrtd: [00]}",
		"tdx: {fmspcs: [90c06f]}",
		"tdx: {platform-ids: [" X6("11") "]}",
		"tdx: {mrtd: []}",
		"tdx: {rtmr0: []}",
		"tdx: {rtmr3: []}",
		"tdx: {mrconfigid: []}",
		"tdx: {mrowner: []}",
		"tdx: {mrownerconfig: []}",
		"tdx: {mrseam: []}",
		"tdx: {mrsignerseam: []}",
		"tdx: {service-tds: }",
		"tdx: {fmspcs: []}",
		"tdx: {platform-ids: []}",
		"tdx: {tcb-status: []}",
		"tdx: {tcb-status: [Revoked]}",
		"tdx: {tcb-status: [uptodate]}",
		"tdx: {minimum-tcb-date: 2025-13-01}",
		"tdx: {minimum-tcb-date: yesterday}",
		"tdx: {minimum-tcb-date: 2025-5-1}",
		"tdx: {minimum-tcb-svn: 0701}",
		"tdx: {attributes: {required: 1, forbidden: 1}}",
		"tdx: {crl: maybe}",
		"tdx: {debug: 1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conf *y = conf_parse("policy", rows[i], strlen(rows[i]));

		policy_free(policy_read(y, conf_root(y)));
		if (conf_error_count(y) == 0)
			fail_msg("taken: %s", rows[i]);
		conf_free(y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_bits),
		cmocka_unit_test(test_tcb),	 cmocka_unit_test(test_classes),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, tdx_lab_setup, tdx_lab_teardown);
}
