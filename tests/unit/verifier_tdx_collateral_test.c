// SPDX-License-Identifier: BSD-2-Clause
/*
 * What Intel's collateral can have wrong, and what follows: it is missing or out of its time (it
 * could not be told), or it is wrong (refused), and a TD that policy refuses is refused without it.
 */
#include "unit/verifier_tdx_lab.h"

static void set_info(struct tdx_scene *s, const char *key, json_t *v)
{
	json_object_set_new(s->info, key, v);
}

static void set_qe(struct tdx_scene *s, const char *key, json_t *v)
{
	json_object_set_new(s->qe, key, v);
}

#define INFO(name, key, value)                \
	static void name(struct tdx_scene *s) \
	{                                     \
		set_info(s, key, value);      \
	}
#define QE(name, key, value)                  \
	static void name(struct tdx_scene *s) \
	{                                     \
		set_qe(s, key, value);        \
	}
#define LACKS(name, kind)                           \
	static void name(struct tdx_scene *s)       \
	{                                           \
		s->evidence.collateral[kind].n = 0; \
	}

LACKS(no_info, COLLATERAL_TCB_INFO)
LACKS(no_info_chain, COLLATERAL_TCB_INFO_CHAIN)
LACKS(no_qe, COLLATERAL_QE_IDENTITY)
LACKS(no_qe_chain, COLLATERAL_QE_IDENTITY_CHAIN)

INFO(info_sgx, "id", json_string("SGX"))
INFO(info_v2, "version", json_integer(2))
INFO(info_type_1, "tcbType", json_integer(1))
INFO(info_fmspc, "fmspc", json_string("90c06f000001"))
INFO(info_fmspc_small, "fmspc", json_string("90c06f000000"))
INFO(info_fmspc_short, "fmspc", json_string("90c06f00"))
INFO(info_pceid, "pceId", json_string("0001"))
INFO(info_expired, "nextUpdate", json_string("2026-05-31T23:59:59Z"))
INFO(info_last_second, "nextUpdate", json_string("2026-06-01T00:00:00Z"))
INFO(info_future, "issueDate", json_string("2026-06-01T00:05:01Z"))
INFO(info_skewed, "issueDate", json_string("2026-06-01T00:05:00Z"))
INFO(info_date, "issueDate", json_string("2026-02-30T00:00:00Z"))
INFO(info_date_zone, "issueDate", json_string("2026-05-20T00:00:00+00:00"))
INFO(info_no_levels, "tcbLevels", json_array())
INFO(info_levels_text, "tcbLevels", json_string("UpToDate"))
INFO(info_number, "tcbEvaluationDataNumber", json_integer(-1))
INFO(info_unknown_key, "remark", json_string("of no meaning"))
INFO(info_module_missing, "tdxModule", json_null())

QE(qe_sgx, "id", json_string("QE"))
QE(qe_v1, "version", json_integer(1))
QE(qe_expired, "nextUpdate", json_string("2026-05-31T23:59:59Z"))
QE(qe_future, "issueDate", json_string("2027-06-01T00:00:00Z"))
QE(qe_mrsigner, "mrsigner", json_string("BB000000000000000000000000000000" Z16))
QE(qe_product, "isvprodid", json_integer(1))
QE(qe_miscselect, "miscselect", json_string("00000001"))
QE(qe_no_levels, "tcbLevels", json_array())
QE(qe_number, "tcbEvaluationDataNumber", json_integer(17))

static json_t *level(struct tdx_scene *s, size_t i)
{
	return json_array_get(json_object_get(s->info, "tcbLevels"), i);
}

static void short_components(struct tdx_scene *s)
{
	json_array_remove(json_object_get(json_object_get(level(s, 0), "tcb"), "tdxtcbcomponents"),
			  15);
}

static void component_256(struct tdx_scene *s)
{
	json_t *list = json_object_get(json_object_get(level(s, 1), "tcb"), "sgxtcbcomponents");

	json_object_set_new(json_array_get(list, 0), "svn", json_integer(256));
}

static void status_banana(struct tdx_scene *s)
{
	json_object_set_new(level(s, 1), "tcbStatus", json_string("Banana"));
}

/* A status of ours, none of Intel's. */
static void status_relaunch(struct tdx_scene *s)
{
	json_object_set_new(level(s, 1), "tcbStatus", json_string("TDRelaunchAdvised"));
}

static void module_status(struct tdx_scene *s)
{
	json_t *m = json_array_get(json_object_get(s->info, "tdxModuleIdentities"), 0);

	json_object_set_new(json_array_get(json_object_get(m, "tcbLevels"), 0), "tcbStatus",
			    json_string("SWHardeningNeeded"));
}

static void module_twice(struct tdx_scene *s)
{
	json_array_append_new(json_object_get(s->info, "tdxModuleIdentities"),
			      tdx_scene_module("TDX_01"));
}

static void module_named(struct tdx_scene *s)
{
	json_array_append_new(json_object_get(s->info, "tdxModuleIdentities"),
			      tdx_scene_module("TDX_0x"));
}

static void advisory_number(struct tdx_scene *s)
{
	json_object_set_new(level(s, 0), "advisoryIDs", json_pack("[i]", 1));
}

static void too_many_levels(struct tdx_scene *s)
{
	for (int i = 0; i < TDX_LEVELS_MAX; i++)
		json_array_append_new(json_object_get(s->info, "tcbLevels"),
				      json_copy(level(s, 0)));
}

/* Text of one's own, signed well. */
static void sign_text(struct tdx_scene *s, const char *text)
{
	struct tdx_lab_file *f = &s->files[COLLATERAL_TCB_INFO];

	tdx_lab_envelope(f, "tcbInfo", text, LAB_SIGNER);
	s->evidence.collateral[COLLATERAL_TCB_INFO].n = f->n;
}

static void twice(struct tdx_scene *s)
{
	char *text = json_dumps(s->info, JSON_COMPACT), *more = malloc(strlen(text) + 64);

	sprintf(more, "%.*s,\"tcbType\":0}", (int)strlen(text) - 1, text);
	sign_text(s, more);
	free(more);
	free(text);
}

static void deep(struct tdx_scene *s)
{
	char text[8192] = "{\"x\":";

	memset(text + 5, '[', 4000);
	memset(text + 4005, ']', 4000);
	strcpy(text + 8005, "}");
	sign_text(s, text);
}

/* Deeper than any of Intel's, not too deep for a parser. */
static void deeper(struct tdx_scene *s)
{
	json_t *nest = json_array();

	for (int i = 0; i < TDX_JSON_DEPTH; i++)
		nest = json_pack("[o]", nest);
	json_object_set_new(s->info, "x", nest);
}

static void no_object(struct tdx_scene *s)
{
	sign_text(s, "[]");
}

static void cut_text(struct tdx_scene *s)
{
	sign_text(s, "{\"id\":\"TDX\"");
}

/* The signature over other bytes of the same meaning. */
static void reformatted(struct tdx_scene *s)
{
	struct tdx_lab_file *f = &s->files[COLLATERAL_TCB_INFO];
	uint8_t *brace = memchr(f->bytes + 1, '{', f->n);

	memmove(brace + 2, brace + 1, f->n - (brace + 1 - f->bytes));
	brace[1] = ' ';
	s->evidence.collateral[COLLATERAL_TCB_INFO].n = ++f->n;
}

/* White space around the signed object is nobody's business. */
static void spaced(struct tdx_scene *s)
{
	struct tdx_lab_file *f = &s->files[COLLATERAL_TCB_INFO];

	memmove(f->bytes + 1, f->bytes, f->n);
	f->bytes[0] = ' ';
	f->bytes[++f->n] = '\n';
	s->evidence.collateral[COLLATERAL_TCB_INFO].n = ++f->n;
}

static void behind(struct tdx_scene *s)
{
	struct tdx_lab_file *f = &s->files[COLLATERAL_TCB_INFO];

	f->bytes[f->n++] = '{';
	s->evidence.collateral[COLLATERAL_TCB_INFO].n = f->n;
}

static void swapped(struct tdx_scene *s)
{
	s->evidence.collateral[COLLATERAL_TCB_INFO] =
		s->evidence.collateral[COLLATERAL_QE_IDENTITY];
}

static void info_by_stranger(struct tdx_scene *s)
{
	s->info_signer = LAB_OTHER;
}

static void info_by_pck(struct tdx_scene *s)
{
	s->info_signer = LAB_PCK;
}

static void qe_by_stranger(struct tdx_scene *s)
{
	s->qe_signer = LAB_OTHER;
}

static void signer_of_stranger(struct tdx_scene *s)
{
	s->signer.signer = LAB_OTHER;
}

static void signer_named(struct tdx_scene *s)
{
	s->signer.subject = "Intel SGX PCK Certificate";
}

static void signer_is_ca(struct tdx_scene *s)
{
	s->signer.ca = true;
}

static void signer_expired(struct tdx_scene *s)
{
	s->signer.to = TDX_LAB_NOW - 1;
}

/* The PCK authority, which the root has signed, is no signer of collateral. */
static void signed_by_authority(struct tdx_scene *s)
{
	s->signer.signer = LAB_CA;
	s->signer.issuer = s->ca.subject;
}

static void want_number(struct tdx_scene *s)
{
	s->policy->tdx.minimum_evaluation = 20;
}

static void have_number(struct tdx_scene *s)
{
	s->policy->tdx.minimum_evaluation = 19;
}

static void young_enough(struct tdx_scene *s)
{
	s->policy->tdx.collateral_age_hours = 12 * 24;
}

static void too_old(struct tdx_scene *s)
{
	s->policy->tdx.collateral_age_hours = 12 * 24 - 1;
}

static void debug(struct tdx_scene *s)
{
	s->body[BODY_ATTRIBUTES] = 1;
}

static void debug_expired(struct tdx_scene *s)
{
	debug(s);
	info_expired(s);
}

static void test_missing(void **state)
{
	static const struct tdx_row rows[] = {
		{ "all there", NULL, NULL, REASON_OK },
		{ "no TCB info", NULL, no_info, REASON_COLLATERAL_MISSING },
		{ "no chain of it", NULL, no_info_chain, REASON_COLLATERAL_MISSING },
		{ "no QE identity", NULL, no_qe, REASON_COLLATERAL_MISSING },
		{ "no chain of it", NULL, no_qe_chain, REASON_COLLATERAL_MISSING },
		{ "a debug TD without collateral", debug, no_info, REASON_POLICY_DEBUG },
		{ "with stale one", debug_expired, NULL, REASON_POLICY_DEBUG },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_time(void **state)
{
	static const struct tdx_row rows[] = {
		{ "TCB info ran out", info_expired, NULL, REASON_COLLATERAL_STALE },
		{ "its last second", info_last_second, NULL, REASON_OK },
		{ "from the future", info_future, NULL, REASON_COLLATERAL_STALE },
		{ "from a slow clock's future", info_skewed, NULL, REASON_OK },
		{ "QE identity ran out", qe_expired, NULL, REASON_COLLATERAL_STALE },
		{ "from the future", qe_future, NULL, REASON_COLLATERAL_STALE },
		{ "signer expired", signer_expired, NULL, REASON_COLLATERAL_STALE },
		{ "young enough", young_enough, NULL, REASON_OK },
		{ "older than policy wants", too_old, NULL, REASON_COLLATERAL_STALE },
		{ "evaluation as wanted", have_number, NULL, REASON_OK },
		{ "evaluation below", want_number, NULL, REASON_TCB_EVALUATION },
		{ "QE identity's below", qe_number, have_number, REASON_TCB_EVALUATION },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
	assert_int_equal(reason_verdict(REASON_COLLATERAL_MISSING), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_COLLATERAL_STALE), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_TCB_EVALUATION), VERDICT_UNDETERMINED);
	assert_int_equal(reason_verdict(REASON_COLLATERAL), VERDICT_REFUSED);
}

static void test_signed(void **state)
{
	static const struct tdx_row rows[] = {
		{ "TCB info by a stranger", info_by_stranger, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "TCB info by the PCK", info_by_pck, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "QE identity by one", qe_by_stranger, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "signer by a stranger", signer_of_stranger, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "signer of another name", signer_named, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "signer is an authority", signer_is_ca, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "signer by the PCK's", signed_by_authority, NULL, REASON_COLLATERAL_SIGNATURE },
		{ "another text", NULL, reformatted, REASON_COLLATERAL_SIGNATURE },
		{ "space around", NULL, spaced, REASON_OK },
		{ "something behind", NULL, behind, REASON_COLLATERAL },
		{ "the other document", NULL, swapped, REASON_COLLATERAL },
		{ "a key twice", NULL, twice, REASON_COLLATERAL },
		{ "too deep", NULL, deep, REASON_COLLATERAL },
		{ "deeper than wanted", deeper, NULL, REASON_COLLATERAL },
		{ "no object", NULL, no_object, REASON_COLLATERAL },
		{ "cut", NULL, cut_text, REASON_COLLATERAL },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_contents(void **state)
{
	static const struct tdx_row rows[] = {
		{ "of SGX", info_sgx, NULL, REASON_COLLATERAL },
		{ "version 2", info_v2, NULL, REASON_COLLATERAL },
		{ "TCB type 1", info_type_1, NULL, REASON_COLLATERAL },
		{ "another FMSPC", info_fmspc, NULL, REASON_TCB_MISMATCH },
		{ "FMSPC in small letters", info_fmspc_small, NULL, REASON_OK },
		{ "FMSPC too short", info_fmspc_short, NULL, REASON_COLLATERAL },
		{ "another PCE", info_pceid, NULL, REASON_TCB_MISMATCH },
		{ "no such day", info_date, NULL, REASON_COLLATERAL },
		{ "a zone", info_date_zone, NULL, REASON_COLLATERAL },
		{ "no levels", info_no_levels, NULL, REASON_COLLATERAL },
		{ "levels are text", info_levels_text, NULL, REASON_COLLATERAL },
		{ "too many levels", too_many_levels, NULL, REASON_COLLATERAL },
		{ "a negative number", info_number, NULL, REASON_COLLATERAL },
		{ "an unknown key", info_unknown_key, NULL, REASON_OK },
		{ "no module", info_module_missing, NULL, REASON_COLLATERAL },
		{ "15 components", short_components, NULL, REASON_COLLATERAL },
		{ "a component of 256", component_256, NULL, REASON_COLLATERAL },
		{ "an unknown status", status_banana, NULL, REASON_COLLATERAL },
		{ "a status of ours", status_relaunch, NULL, REASON_COLLATERAL },
		{ "a module's status", module_status, NULL, REASON_COLLATERAL },
		{ "a module twice", module_twice, NULL, REASON_COLLATERAL },
		{ "a module without number", module_named, NULL, REASON_COLLATERAL },
		{ "an advisory that is none", advisory_number, NULL, REASON_COLLATERAL },
		{ "identity of SGX's QE", qe_sgx, NULL, REASON_COLLATERAL },
		{ "identity version 1", qe_v1, NULL, REASON_COLLATERAL },
		{ "identity without levels", qe_no_levels, NULL, REASON_COLLATERAL },
		{ "another signer", qe_mrsigner, NULL, REASON_QE_IDENTITY },
		{ "another product", qe_product, NULL, REASON_QE_IDENTITY },
		{ "another MISCSELECT", qe_miscselect, NULL, REASON_QE_IDENTITY },
	};

	(void)state;
	run_tdx_rows(rows, sizeof(rows) / sizeof(*rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_contents),
	};

	return cmocka_run_group_tests(tests, tdx_lab_setup, tdx_lab_teardown);
}
