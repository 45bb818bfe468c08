// SPDX-License-Identifier: BSD-2-Clause
/* TCB levels: which one matches, how the statuses converge, and the PCK's extension they rest on.
 */
#include "unit/verifier_tdx_lab.h"

static json_t *level(struct tdx_scene *s, size_t i)
{
	return json_array_get(json_object_get(s->info, "tcbLevels"), i);
}

static json_t *module_level(struct tdx_scene *s, size_t i)
{
	json_t *m = json_array_get(json_object_get(s->info, "tdxModuleIdentities"), 1);

	return json_array_get(json_object_get(m, "tcbLevels"), i);
}

static json_t *qe_level(struct tdx_scene *s, size_t i)
{
	return json_array_get(json_object_get(s->qe, "tcbLevels"), i);
}

static void status(json_t *l, const char *text)
{
	json_object_set_new(l, "tcbStatus", json_string(text));
}

/* Of the levels that the scene's TD is at: platform, module, quoting enclave. */
static void all_statuses(struct tdx_scene *s, const char *platform, const char *module,
			 const char *qe)
{
	status(level(s, 0), platform);
	status(module_level(s, 0), module);
	status(qe_level(s, 0), qe);
}

static void test_converged(void **state)
{
	static const struct {
		const char *platform, *module, *qe;
		enum reason want;
		const char *status;
	} rows[] = {
#define OK	 "UpToDate"
#define OLD	 "OutOfDate"
#define SW	 "SWHardeningNeeded"
#define CONF	 "ConfigurationNeeded"
#define CONF_SW	 "ConfigurationAndSWHardeningNeeded"
#define OLD_CONF "OutOfDateConfigurationNeeded"
#define REVOKED	 "Revoked"
		{ OK, OK, OK, REASON_OK, OK },
		{ SW, OK, OK, REASON_TCB_SW_HARDENING, SW },
		{ CONF, OK, OK, REASON_TCB_CONFIGURATION, CONF },
		{ CONF_SW, OK, OK, REASON_TCB_CONFIGURATION_SW, CONF_SW },
		{ OLD, OK, OK, REASON_TCB_OUT_OF_DATE, OLD },
		{ OLD_CONF, OK, OK, REASON_TCB_OUT_OF_DATE, OLD_CONF },
		{ REVOKED, OK, OK, REASON_TCB_REVOKED, REVOKED },
		{ OK, OLD, OK, REASON_TCB_OUT_OF_DATE, OLD },
		{ SW, OLD, OK, REASON_TCB_OUT_OF_DATE, OLD },
		{ CONF, OLD, OK, REASON_TCB_OUT_OF_DATE, OLD_CONF },
		{ CONF_SW, OLD, OK, REASON_TCB_OUT_OF_DATE, OLD_CONF },
		{ OLD, OLD, OK, REASON_TCB_OUT_OF_DATE, OLD },
		{ OK, OK, OLD, REASON_TCB_OUT_OF_DATE, OLD },
		{ SW, OK, OLD, REASON_TCB_OUT_OF_DATE, OLD },
		{ CONF, OK, OLD, REASON_TCB_OUT_OF_DATE, OLD_CONF },
		{ OK, REVOKED, OK, REASON_TCB_REVOKED, REVOKED },
		{ OK, OK, REVOKED, REASON_TCB_REVOKED, REVOKED },
		{ OLD_CONF, OLD, REVOKED, REASON_TCB_REVOKED, REVOKED },
	};
	struct tdx_scene *s = malloc(sizeof(*s));
	enum reason reason;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		tdx_scene_begin(s);
		all_statuses(s, rows[i].platform, rows[i].module, rows[i].qe);
		tdx_scene_build(s);
		reason = tdx_scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("row %zu: want %s, got %s: %s", i, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(s->claims.json, "tcb"), "status")),
				    rows[i].status);
		/* A policy that takes it takes it; Revoked is taken by none. */
		for (int j = 0; j < TDX_STATUSES; j++)
			s->policy->tdx.status[j] = true;
		assert_int_equal(tdx_scene_judge(s), rows[i].want == REASON_TCB_REVOKED
							     ? REASON_TCB_REVOKED
							     : REASON_OK);
		tdx_scene_end(s);
	}
	free(s);
}

/* Launch and current module: the pure table. */
static void test_both(void **state)
{
	static const struct {
		enum tdx_status launch, current, want;
	} rows[] = {
		{ TDX_UP_TO_DATE, TDX_UP_TO_DATE, TDX_UP_TO_DATE },
		{ TDX_OUT_OF_DATE, TDX_UP_TO_DATE, TDX_RELAUNCH },
		{ TDX_OUT_OF_DATE, TDX_SW_HARDENING, TDX_RELAUNCH },
		{ TDX_OUT_OF_DATE, TDX_CONFIGURATION, TDX_RELAUNCH_CONFIGURATION },
		{ TDX_OUT_OF_DATE_CONFIGURATION, TDX_UP_TO_DATE, TDX_RELAUNCH_CONFIGURATION },
		{ TDX_OUT_OF_DATE, TDX_OUT_OF_DATE, TDX_OUT_OF_DATE },
		{ TDX_OUT_OF_DATE, TDX_REVOKED, TDX_REVOKED },
		{ TDX_REVOKED, TDX_UP_TO_DATE, TDX_REVOKED },
		{ TDX_UP_TO_DATE, TDX_OUT_OF_DATE, TDX_OUT_OF_DATE }, /* Intel's: UpToDate */
		{ TDX_SW_HARDENING, TDX_UP_TO_DATE, TDX_SW_HARDENING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(tdx_status_of_both(rows[i].launch, rows[i].current), rows[i].want);
}

static void td_15(struct tdx_scene *s)
{
	s->version = 5;
	s->body_type = 3;
}

static void pcesvn_below(struct tdx_scene *s)
{
	s->platform.pcesvn = 12;
}

static void pcesvn_none(struct tdx_scene *s)
{
	s->platform.pcesvn = 4;
}

static void component_below(struct tdx_scene *s)
{
	s->platform.components[15] = 2;
}

static void loader_below(struct tdx_scene *s)
{
	s->body[2] = 3;
}

/* Bytes 0 and 1 count in a level only for a module of version 0. */
static void module_bytes_of_level(struct tdx_scene *s)
{
	json_t *list = json_object_get(json_object_get(level(s, 0), "tcb"), "tdxtcbcomponents");

	json_object_set_new(json_array_get(list, 0), "svn", json_integer(200));
	json_object_set_new(json_array_get(list, 1), "svn", json_integer(200));
}

static void module_bytes_of_version_0(struct tdx_scene *s)
{
	module_bytes_of_level(s);
	s->body[1] = 0;
}

static void version_0(struct tdx_scene *s)
{
	s->body[1] = 0;
	json_object_del(s->info, "tdxModuleIdentities");
}

static void no_modules(struct tdx_scene *s)
{
	json_object_del(s->info, "tdxModuleIdentities");
}

static void module_unknown(struct tdx_scene *s)
{
	s->body[1] = 2;
}

static void module_old(struct tdx_scene *s)
{
	s->body[0] = 4;
}

static void module_below(struct tdx_scene *s)
{
	s->body[0] = 1;
}

static void module_signer(struct tdx_scene *s)
{
	s->body[BODY_MRSIGNERSEAM + 47] = 1;
}

static void module_attributes(struct tdx_scene *s)
{
	s->body[BODY_SEAM_ATTRIBUTES + 7] = 0x80;
}

static void module_unmasked_attributes(struct tdx_scene *s)
{
	json_object_set_new(json_array_get(json_object_get(s->info, "tdxModuleIdentities"), 1),
			    "attributesMask", json_string("0000000000000000"));
	module_attributes(s);
}

/* Levels of one SVN out of order: the highest one reached counts. */
static void module_unsorted(struct tdx_scene *s)
{
	json_t *m = json_array_get(json_object_get(s->info, "tdxModuleIdentities"), 1);

	json_array_insert_new(json_object_get(m, "tcbLevels"), 0,
			      tdx_scene_svn_level(1, "Revoked"));
}

static void relaunch(struct tdx_scene *s)
{
	td_15(s);
	s->body[0] = 4;
}

static void current_old(struct tdx_scene *s)
{
	td_15(s);
	s->body[BODY_SVN2] = 4;
}

static void current_below(struct tdx_scene *s)
{
	td_15(s);
	s->body[BODY_SVN2 + 2] = 3;
}

static void current_unknown(struct tdx_scene *s)
{
	td_15(s);
	s->body[BODY_SVN2 + 1] = 9;
}

static void qe_old(struct tdx_scene *s)
{
	s->qe_report[QE_ISVSVN] = 3;
}

static void qe_below(struct tdx_scene *s)
{
	s->qe_report[QE_ISVSVN] = 0;
}

static void qe_debug(struct tdx_scene *s)
{
	s->qe_report[QE_ATTRIBUTES] |= 2;
}

/* Bit 2 of the attributes is outside the mask. */
static void qe_bit_2(struct tdx_scene *s)
{
	s->qe_report[QE_ATTRIBUTES] ^= 4;
}

static void qe_misc(struct tdx_scene *s)
{
	s->qe_report[QE_MISCSELECT] = 1;
}

static void test_levels(void **state)
{
	static const struct tdx_row rows[] = {
		{ "best level", NULL, NULL, REASON_OK },
		{ "PCE below it", pcesvn_below, NULL, REASON_TCB_OUT_OF_DATE },
		{ "PCE below all", pcesvn_none, NULL, REASON_TCB_UNSUPPORTED },
		{ "last component below it", component_below, NULL, REASON_TCB_OUT_OF_DATE },
		{ "loader below it", loader_below, NULL, REASON_TCB_OUT_OF_DATE },
		{ "module's bytes of a level", module_bytes_of_level, NULL, REASON_OK },
		{ "of version 0", module_bytes_of_version_0, NULL, REASON_TCB_OUT_OF_DATE },
		{ "module of version 0", version_0, NULL, REASON_OK },
		{ "no modules known", no_modules, NULL, REASON_TCB_UNSUPPORTED },
		{ "an unknown module", module_unknown, NULL, REASON_TCB_UNSUPPORTED },
		{ "an old module", module_old, NULL, REASON_TCB_OUT_OF_DATE },
		{ "a module below all", module_below, NULL, REASON_TCB_UNSUPPORTED },
		{ "a module's signer", module_signer, NULL, REASON_TDX_MODULE },
		{ "a module's attributes", module_attributes, NULL, REASON_TDX_MODULE },
		{ "outside the mask", module_unmasked_attributes, NULL, REASON_TDX_MODULE },
		{ "module levels unsorted", module_unsorted, NULL, REASON_OK },
		{ "both modules fine", td_15, NULL, REASON_OK },
		{ "launched by an old one", relaunch, NULL, REASON_TCB_RELAUNCH },
		{ "an old one now", current_old, NULL, REASON_TCB_OUT_OF_DATE },
		{ "an old loader now", current_below, NULL, REASON_TCB_OUT_OF_DATE },
		{ "an unknown one now", current_unknown, NULL, REASON_TCB_UNSUPPORTED },
		{ "an old enclave", qe_old, NULL, REASON_TCB_OUT_OF_DATE },
		{ "an enclave below all", qe_below, NULL, REASON_TCB_UNSUPPORTED },
		{ "a debug enclave", qe_debug, NULL, REASON_QE_IDENTITY },
		{ "enclave's bit 2", qe_bit_2, NULL, REASON_OK },
		{ "enclave's MISCSELECT", qe_misc, NULL, REASON_QE_IDENTITY },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_claims(void **state)
{
	struct tdx_scene *s = malloc(sizeof(*s));
	json_t *tcb, *all;

	(void)state;
	tdx_scene_begin(s);
	td_15(s);
	tdx_scene_build(s);
	assert_int_equal(tdx_scene_judge(s), REASON_OK);
	assert_string_equal(s->claims.product, "TDX 1.5");
	assert_memory_equal(s->claims.measurement, s->body + BODY_MRTD, DIGEST_BYTES);
	assert_true(s->claims.lab_root);
	assert_int_equal(s->claims.not_after, INT64_C(1781827200)); /* nextUpdate, not the chain */
	assert_int_equal(s->claims.class_mask, 7);
	tcb = json_object_get(s->claims.json, "tcb");
	assert_string_equal(json_string_value(json_object_get(tcb, "date")),
			    "2025-05-14T00:00:00Z"); /* the earliest of three */
	assert_int_equal(json_array_size(json_object_get(tcb, "advisories")), 1);
	all = appraisal_json(REASON_OK, &s->claims);
	assert_string_equal(json_string_value(json_object_get(all, "tee")), "tdx");
	assert_true(json_is_null(json_object_get(json_object_get(all, "trust_root"), "vendor")));
	json_decref(all);
	tdx_scene_end(s);
	free(s);
}

/* ---- The extension. */

static size_t build(uint8_t out[TDX_LAB_EXTENSION_MAX], struct tdx_pck *p)
{
	tdx_scene_platform(p);
	return tdx_lab_extension(out, p);
}

static void test_extension(void **state)
{
	uint8_t der[TDX_LAB_EXTENSION_MAX];
	struct tdx_pck p, want;
	size_t n = build(der, &want);

	(void)state;
	assert_true(tdx_pck_parse(bytes_of(der, n), &p));
	assert_memory_equal(&p, &want, sizeof(p));
	want.pcesvn = 0x8001;
	want.smt = TDX_FLAG_UNKNOWN;
	n = tdx_lab_extension(der, &want);
	assert_true(tdx_pck_parse(bytes_of(der, n), &p));
	assert_memory_equal(&p, &want, sizeof(p));
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, der, i);
		assert_false(tdx_pck_parse(bytes_of(cut, i), &p));
		free(cut);
	}
	der[n] = 0;
	assert_false(tdx_pck_parse(bytes_of(der, n + 1), &p));
}

/* Every byte with every value: what is read is well-formed, and tags and lengths are fixed. */
static void test_extension_bytes(void **state)
{
	uint8_t der[TDX_LAB_EXTENSION_MAX];
	struct tdx_pck p, want;
	size_t n = build(der, &want), accepted = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint8_t was = der[i];

		for (int v = 0; v < 256; v++) {
			der[i] = v;
			accepted += v != was && tdx_pck_parse(bytes_of(der, n), &p);
		}
		der[i] = was;
	}
	/* 16 of each id, 16 of CPUSVN, 2 of PCE, 6 of FMSPC; 18 small numbers; flags; new OIDs. */
	assert_true(accepted > 50 * 255 && accepted < 80 * 255);
}

static void twice_ppid(struct tdx_scene *s)
{
	uint8_t list[TDX_LAB_EXTENSION_MAX], v[32];
	struct bytes b;
	size_t n = tdx_lab_extension(s->extension, &s->platform), at = n - 4;

	b = bytes_of(s->extension + 4, at); /* 30 82 hi lo */
	memcpy(list, b.p, b.n);
	at += tdx_lab_entry(list + at, 0, 1, v, tdx_lab_tlv(v, 4, s->platform.ppid, 16));
	s->extension_n = tdx_lab_tlv(s->extension, 0x30, list, at);
}

/* PCESVN stands twice where CPUSVN should: nothing is wrong but that one is not there. */
static void no_cpusvn(struct tdx_scene *s)
{
	static const uint8_t pcesvn[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 13, 1, 2, 17 };
	uint8_t *list = s->extension, *at;
	size_t n = tdx_lab_extension(list, &s->platform), entry = 2 + 13 + 18;

	at = memmem(list, n, pcesvn, sizeof(pcesvn));
	assert_non_null(at);
	at += sizeof(pcesvn) + 3; /* its INTEGER of one byte; the entry of CPUSVN follows */
	assert_int_equal(at[sizeof(pcesvn) + 3], 18);
	memmove(at, at + entry, list + n - at - entry);
	s->extension_n = n - entry;
	/* The lengths around it: extension, its second entry, the list in that. */
	list[3] -= entry;
	at = memmem(list + 4, 64, "\x30\x82", 2);
	at[3] -= entry;
	at = memmem(at + 2, 64, "\x30\x82", 2);
	at[3] -= entry;
}

static void no_extension(struct tdx_scene *s)
{
	uint8_t v[32];
	uint8_t list[64];

	s->extension_n =
		tdx_lab_tlv(s->extension, 0x30, list,
			    tdx_lab_entry(list, 0, 1, v, tdx_lab_tlv(v, 4, s->platform.ppid, 16)));
}

static void test_extension_of_leaf(void **state)
{
	static const struct tdx_row rows[] = {
		{ "an entry twice", twice_ppid, NULL, REASON_CERT_LEAF },
		{ "entries missing", no_extension, NULL, REASON_CERT_LEAF },
		{ "CPUSVN missing", no_cpusvn, NULL, REASON_CERT_LEAF },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_converged),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_extension),
		cmocka_unit_test(test_extension_bytes),
		cmocka_unit_test(test_extension_of_leaf),
	};

	return cmocka_run_group_tests(tests, tdx_lab_setup, tdx_lab_teardown);
}
