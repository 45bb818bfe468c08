// SPDX-License-Identifier: BSD-2-Clause
/* What is wrong with a report by itself has its own reason each time. */
#include "unit/verifier_rows.h"

static void tcb(struct scene *s, size_t at, int part, int by)
{
	uint8_t v[LAB_PARTS];

	memcpy(v, lab_versions, sizeof(v));
	v[part] += by;
	lab_tcb(s->report + at, s->product, v);
}

/* Lengths. */
static void len_0(struct scene *s)
{
	s->evidence.report.n = 0;
}
static void len_793(struct scene *s)
{
	s->evidence.report.n = 793;
}
static void len_1183(struct scene *s)
{
	s->evidence.report.n = 1183;
}

static void test_lengths(void **state)
{
	static const size_t longer[] = { 1185, 2600, 4000 };
	static const struct row rows[] = {
		{ "0 bytes", 0, 0, NULL, len_0, REASON_LENGTH },
		{ "793 bytes", 0, 0, NULL, len_793, REASON_LENGTH },
		{ "1183 bytes", 0, 0, NULL, len_1183, REASON_LENGTH },
	};
	struct scene *s = malloc(sizeof(*s));
	uint8_t *big = calloc(1, 4000);

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
	scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
	scene_build(s);
	memcpy(big, s->report, SNP_REPORT_BYTES);
	for (size_t i = 0; i < sizeof(longer) / sizeof(*longer); i++) {
		s->evidence.report = bytes_of(big, longer[i]);
		assert_int_equal(scene_judge(s), REASON_LENGTH);
	}
	scene_end(s);
	free(big);
	free(s);
}

/* All that is right: every product, kind and version. */
static void version_2(struct scene *s)
{
	poke(s, 0, 2);
	memset(s->report + 0x188, 0, 3);
}
static void provisional(struct scene *s)
{
	tcb(s, 0x38, 4, 1);
	poke(s, 0x1e8, 0x1e);
}
static void lowered(struct scene *s)
{
	tcb(s, 0x180, 4, -2);
	lab_integer(&s->leaf, "3.8", lab_versions[4] - 2);
}
static void launched_before(struct scene *s)
{
	tcb(s, 0x1f0, 3, -1);
}

static void test_accepted(void **state)
{
	static const struct poke_row pokes[] = {
		{ "version 3", SNP_TURIN, 0, REASON_OK, { { 0, 3 } } },
		{ "version 4 with vectors",
		  0,
		  0,
		  REASON_OK,
		  { { 0, 4 }, { 0x1f8, 9 }, { 0x200, 9 } } },
		{ "version 4 without", 0, 0, REASON_OK, { { 0, 4 } } },
		{ "version 5",
		  SNP_GENOA,
		  0,
		  REASON_OK,
		  { { 0, 5 }, { 0x1f8, 0xb }, { 0x207, 1 } } },
		{ "Siena is Genoa", SNP_GENOA, 0, REASON_OK, { { 0x189, 0xa0 }, { 0x18a, 2 } } },
		{ "the range's last model", SNP_GENOA, 0, REASON_OK, { { 0x189, 0xaf } } },
		{ "VMPL 3", 0, 0, REASON_OK, { { 0x30, 3 } } },
		{ "platform info's unknown bits",
		  0,
		  0,
		  REASON_OK,
		  { { 0x40, 0xff }, { 0x41, 1 } } },
	};
	static const struct row rows[] = {
		{ "Milan, VCEK", SNP_MILAN, SNP_KEY_VCEK, NULL, NULL, REASON_OK },
		{ "Genoa, VCEK", SNP_GENOA, SNP_KEY_VCEK, NULL, NULL, REASON_OK },
		{ "Turin, VCEK", SNP_TURIN, SNP_KEY_VCEK, NULL, NULL, REASON_OK },
		{ "Milan, VLEK", SNP_MILAN, SNP_KEY_VLEK, NULL, NULL, REASON_OK },
		{ "Genoa, VLEK", SNP_GENOA, SNP_KEY_VLEK, NULL, NULL, REASON_OK },
		{ "Turin, VLEK", SNP_TURIN, SNP_KEY_VLEK, NULL, NULL, REASON_OK },
		{ "version 2", SNP_GENOA, 0, version_2, NULL, REASON_OK },
		{ "committed below current", 0, 0, provisional, NULL, REASON_OK },
		{ "reported below committed", 0, 0, lowered, NULL, REASON_OK },
		{ "launch below committed", 0, 0, launched_before, NULL, REASON_OK },
	};

	(void)state;
	run_pokes(pokes, sizeof(pokes) / sizeof(*pokes));
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* Versions, algorithm, key information, guest policy. */
static void version_0(struct scene *s)
{
	poke(s, 0, 0);
}
static void key_2(struct scene *s)
{
	poke(s, 0x48, 2 << 2);
}
static void key_none(struct scene *s)
{
	poke(s, 0x48, 7 << 2);
}
static void key_vlek(struct scene *s)
{
	poke(s, 0x48, 1 << 2);
}
static void key_bit_5(struct scene *s)
{
	poke(s, 0x48, 1 << 5);
}
static void all_zero(struct scene *s)
{
	memset(s->report, 0, sizeof(s->report));
}
static void vmpl_host(struct scene *s)
{
	memset(s->report + 0x30, 0xff, 4);
}

static void key_2_alone(struct scene *s)
{
	s->report[0x48] = 2 << 2;
	s->evidence.certs_count = 0;
}

/* Not even a policy that allows any level allows the host's. */
static void vmpl_host_any(struct scene *s)
{
	memset(s->report + 0x30, 0xff, 4);
	s->policy->snp.vmpl_maximum = UINT64_MAX;
}

static void test_header(void **state)
{
	static const struct poke_row pokes[] = {
		{ "version 1", 0, 0, REASON_VERSION, { { 0, 1 } } },
		{ "version 6", 0, 0, REASON_VERSION, { { 0, 6 } } },
		{ "version 0x01000003", 0, 0, REASON_VERSION, { { 3, 1 } } },
		{ "algorithm 0", 0, 0, REASON_SIGNATURE_ALGORITHM, { { 0x34, 0 } } },
		{ "algorithm 2", 0, 0, REASON_SIGNATURE_ALGORITHM, { { 0x34, 2 } } },
		{ "VCEK said, VLEK there", 0, SNP_KEY_VLEK, REASON_SIGNING_KEY, { { 0x48, 0 } } },
		{ "key information bit 31", 0, 0, REASON_RESERVED, { { 0x4b, 0x80 } } },
		{ "policy bit 17 clear", 0, 0, REASON_POLICY_RESERVED, { { 0x0a, 1 } } },
		{ "policy bit 26", 0, 0, REASON_POLICY_RESERVED, { { 0x0b, 4 } } },
		{ "policy bit 63", 0, 0, REASON_POLICY_RESERVED, { { 0x0f, 0x80 } } },
		{ "policy bits 20 to 25", 0, 0, REASON_OK, { { 0x0a, 0xf3 }, { 0x0b, 3 } } },
		{ "debug", 0, 0, REASON_POLICY_DEBUG, { { 0x0a, 0x0b } } },
		{ "migration agent", 0, 0, REASON_POLICY_MIGRATION, { { 0x0a, 0x07 } } },
		{ "VMPL 4", 0, 0, REASON_VMPL, { { 0x30, 4 } } },
	};
	static const struct row rows[] = {
		{ "version 0", 0, 0, version_0, NULL, REASON_VERSION },
		{ "the host's VMPL, any allowed", 0, 0, vmpl_host_any, NULL, REASON_VMPL },
		{ "key 2, no certificates", 0, 0, NULL, key_2_alone, REASON_SIGNING_KEY },
		{ "nothing but zeroes", 0, 0, NULL, all_zero, REASON_VERSION },
		{ "key 2", 0, 0, key_2, NULL, REASON_SIGNING_KEY },
		{ "unsigned", 0, 0, key_none, NULL, REASON_SIGNING_KEY },
		{ "VLEK said, VCEK there", 0, 0, key_vlek, NULL, REASON_SIGNING_KEY },
		{ "key information bit 5", 0, 0, key_bit_5, NULL, REASON_RESERVED },
		{ "the host's VMPL", 0, 0, vmpl_host, NULL, REASON_VMPL },
	};

	(void)state;
	run_pokes(pokes, sizeof(pokes) / sizeof(*pokes));
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* Reserved bytes: first and last of each range, by version; signed, so only the rule can tell. */
static void test_reserved(void **state)
{
	static const struct {
		enum snp_product product;
		uint8_t version;
		uint16_t at;
	} rows[] = {
		{ SNP_MILAN, 3, 0x4c },	 { SNP_MILAN, 3, 0x4f },  { SNP_MILAN, 2, 0x188 },
		{ SNP_MILAN, 2, 0x18a }, { SNP_MILAN, 2, 0x19f }, { SNP_MILAN, 3, 0x18b },
		{ SNP_TURIN, 5, 0x19f }, { SNP_MILAN, 3, 0x1eb }, { SNP_MILAN, 3, 0x1ef },
		{ SNP_MILAN, 2, 0x1f8 }, { SNP_MILAN, 3, 0x1f8 }, { SNP_GENOA, 3, 0x207 },
		{ SNP_MILAN, 3, 0x29f }, { SNP_GENOA, 4, 0x208 }, { SNP_GENOA, 5, 0x208 },
		{ SNP_TURIN, 5, 0x29f }, { SNP_MILAN, 3, 0x3a },  { SNP_MILAN, 3, 0x185 },
		{ SNP_TURIN, 5, 0x186 }, { SNP_TURIN, 5, 0x1e4 }, { SNP_GENOA, 3, 0x1f2 },
		{ SNP_TURIN, 5, 0x3d },
	};
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		scene_begin(s, rows[i].product, SNP_KEY_VCEK);
		poke(s, 0, rows[i].version);
		if (rows[i].version == 2)
			memset(s->report + 0x188, 0, 3);
		poke(s, rows[i].at, 1);
		scene_build(s);
		if (scene_judge(s) != REASON_RESERVED)
			fail_msg("byte 0x%x of version %u: %s", rows[i].at, rows[i].version,
				 s->claims.detail);
		scene_end(s);
	}
	free(s);
}

/* MSG_REPORT_RSP as the guest device gives it. */
static void test_device_response(void **state)
{
	uint8_t *rsp = calloc(1, 4000);
	struct bytes in = bytes_of(rsp, 4000);
	struct claims c = { 0 };

	(void)state;
	lab_put32(rsp + 4, SNP_REPORT_BYTES);
	assert_int_equal(snp_report_unwrap(&in, &c), REASON_OK);
	assert_ptr_equal(in.p, rsp + 0x20);
	assert_int_equal(in.n, SNP_REPORT_BYTES);

	in = bytes_of(rsp, 4000);
	rsp[0] = 0x16;
	assert_int_equal(snp_report_unwrap(&in, &c), REASON_FORMAT);
	assert_non_null(strstr(c.detail, "0x16"));

	rsp[0] = 0;
	lab_put32(rsp + 4, 0);
	assert_int_equal(snp_report_unwrap(&in, &c), REASON_LENGTH);
	in.n = 3999;
	assert_int_equal(snp_report_unwrap(&in, &c), REASON_OK);
	assert_int_equal(in.n, 3999); /* not that, so left alone */
	free(rsp);
}

/* Other platforms: the seam says no, clearly. */
static void test_other_tee(void **state)
{
	struct scene *s = malloc(sizeof(*s));

	(void)state;
	scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
	scene_build(s);
	for (enum tee t = 0; t <= TEE_COUNT; t++) {
		s->evidence.tee = t;
		if (appraise_knows(t) && t != TEE_SNP) /* then it is none of that kind */
			assert_int_equal(reason_verdict(scene_judge(s)), VERDICT_REFUSED);
		else
			assert_int_equal(scene_judge(s), t == TEE_SNP ? REASON_OK : REASON_TEE);
	}
	s->policy->tees[TEE_SNP] = false;
	s->evidence.tee = TEE_SNP;
	assert_int_equal(scene_judge(s), REASON_TEE);
	s->policy->tees[TEE_NONE] = true; /* even if a policy said so */
	s->evidence.tee = TEE_NONE;
	assert_int_equal(scene_judge(s), REASON_TEE);
	assert_non_null(strstr(s->claims.detail, "none"));
	scene_end(s);
	free(s);
}

static void test_claims(void **state)
{
	struct scene *s = malloc(sizeof(*s));
	uint8_t digest[DIGEST_BYTES];
	json_t *all, *root;

	(void)state;
	scene_begin(s, SNP_TURIN, SNP_KEY_VCEK);
	s->root.to = LAB_NOW + 100;
	scene_build(s);
	assert_int_equal(scene_judge(s), REASON_OK);
	assert_string_equal(s->claims.product, "Turin");
	assert_string_equal(s->claims.tcb, "fmc=1 bootloader=4 tee=2 snp=24 microcode=219");
	assert_true(s->claims.lab_root);
	assert_int_equal(s->claims.not_after, LAB_NOW + 100);
	assert_int_equal(s->claims.class_mask, 7);
	assert_memory_equal(s->claims.measurement, s->report + 0x90, DIGEST_BYTES);
	assert_true(sha384(s->evidence.report, digest));
	assert_memory_equal(s->claims.digest, digest, DIGEST_BYTES);
	all = appraisal_json(REASON_OK, &s->claims);
	assert_true(json_is_true(json_object_get(all, "accepted")));
	root = json_object_get(all, "trust_root");
	assert_true(json_is_true(json_object_get(root, "lab")));
	assert_true(json_is_null(json_object_get(root, "vendor")));
	assert_string_equal(json_string_value(json_object_get(root, "sha256")), s->claims.root);
	root = json_object_get(json_object_get(all, "claims"), "trust_root");
	assert_true(json_is_true(json_object_get(root, "lab")));
	json_decref(all);
	scene_end(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_header),		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_device_response), cmocka_unit_test(test_other_tee),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
