// SPDX-License-Identifier: BSD-2-Clause
/* What is wrong with a report, or between it and its leaf, has its own reason each time. */
#include "unit/verifier_lab.h"

static void poke(struct scene *s, size_t at, uint8_t v)
{
	s->report[at] = v;
}

/* A row whose report differs in a byte or three, and is signed so. */
struct poke_row {
	const char *what;
	enum snp_product product;
	enum snp_key kind;
	enum reason want;
	struct {
		uint16_t at; /* with value 0 at 0 the list ends */
		uint8_t v;
	} bytes[3];
};

static void run_pokes(const struct poke_row *rows, size_t count)
{
	struct scene *s = malloc(sizeof(*s));
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		scene_begin(s, rows[i].product ? rows[i].product : SNP_MILAN, rows[i].kind);
		for (int k = 0; k < 3 && (rows[i].bytes[k].at || rows[i].bytes[k].v); k++)
			poke(s, rows[i].bytes[k].at, rows[i].bytes[k].v);
		scene_build(s);
		reason = scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		scene_end(s);
	}
	free(s);
}

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

/* Whatever byte changes after signing, all of them, is noticed; the unsigned ones by the rule. */
static void test_every_byte(void **state)
{
	struct scene *s = malloc(sizeof(*s));
	enum reason reason;

	(void)state;
	scene_begin(s, SNP_MILAN, SNP_KEY_VCEK);
	scene_build(s);
	assert_int_equal(scene_judge(s), REASON_OK);
	for (size_t i = 0; i < SNP_REPORT_BYTES; i++) {
		s->report[i] ^= 0x10;
		reason = scene_judge(s);
		if (reason == REASON_OK || (i >= 0x330 && reason != REASON_RESERVED) ||
		    (i >= 0x2a0 && i < 0x330 && reason != REASON_REPORT_SIGNATURE))
			fail_msg("byte 0x%zx: %s", i, reason_str(reason));
		s->report[i] ^= 0x10;
	}
	scene_end(s);
	free(s);
}

/* The signature's two numbers. */
static const uint8_t order_le[48] = {
	0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7, 0xb0, 0x48,
	0xb2, 0x0d, 0x1a, 0x58, 0xdf, 0x2d, 0x37, 0xf4, 0x81, 0x4d, 0x63, 0xc7,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

static void r_zero(struct scene *s)
{
	memset(s->report + 0x2a0, 0, 72);
}
static void s_zero(struct scene *s)
{
	memset(s->report + 0x2e8, 0, 72);
}
static void r_is_n(struct scene *s)
{
	memcpy(s->report + 0x2a0, order_le, 48);
}
static void s_is_n(struct scene *s)
{
	memcpy(s->report + 0x2e8, order_le, 48);
}

static void plus_n(uint8_t *at)
{
	unsigned int carry = 0;

	for (int i = 0; i < 49; i++) {
		carry += at[i] + (i < 48 ? order_le[i] : 0);
		at[i] = carry;
		carry >>= 8;
	}
}
static void r_plus_n(struct scene *s)
{
	plus_n(s->report + 0x2a0);
}
static void s_plus_n(struct scene *s)
{
	plus_n(s->report + 0x2e8);
}

static void swap_rs(struct scene *s)
{
	uint8_t r[72];

	memcpy(r, s->report + 0x2a0, 72);
	memcpy(s->report + 0x2a0, s->report + 0x2e8, 72);
	memcpy(s->report + 0x2e8, r, 72);
}

static void big_endian(struct scene *s)
{
	for (int part = 0; part < 2; part++)
		for (int i = 0; i < 24; i++) {
			uint8_t *at = s->report + 0x2a0 + 72 * part, v = at[i];

			at[i] = at[47 - i];
			at[47 - i] = v;
		}
}
static void by_another(struct scene *s)
{
	s->report_key = LAB_CHIP2;
}
static void by_another_chip(struct scene *s)
{
	s->report_key = LAB_CHIP2;
	poke(s, 0x1a0, 1);
}
static void of_another_product(struct scene *s)
{
	by_another_chip(s);
	poke(s, 0x189, 0x11);
}
static void cpuid_changed(struct scene *s)
{
	s->report[0x189] = 0x11;
}

static void test_signature(void **state)
{
	static const struct row rows[] = {
		{ "r zero", 0, 0, NULL, r_zero, REASON_REPORT_SIGNATURE },
		{ "s zero", 0, 0, NULL, s_zero, REASON_REPORT_SIGNATURE },
		{ "r = n", 0, 0, NULL, r_is_n, REASON_REPORT_SIGNATURE },
		{ "s = n", 0, 0, NULL, s_is_n, REASON_REPORT_SIGNATURE },
		{ "r + n", 0, 0, NULL, r_plus_n, REASON_REPORT_SIGNATURE },
		{ "s + n", 0, 0, NULL, s_plus_n, REASON_REPORT_SIGNATURE },
		{ "r and s swapped", 0, 0, NULL, swap_rs, REASON_REPORT_SIGNATURE },
		{ "big endian", 0, 0, NULL, big_endian, REASON_REPORT_SIGNATURE },
		{ "another key", 0, 0, by_another, NULL, REASON_REPORT_SIGNATURE },
		{ "another key, VLEK", 0, SNP_KEY_VLEK, by_another, NULL, REASON_REPORT_SIGNATURE },
		{ "another chip's leaf", 0, 0, by_another_chip, NULL, REASON_LEAF_MISMATCH },
		{ "another product's leaf", 0, 0, of_another_product, NULL,
		  REASON_PRODUCT_MISMATCH },
		{ "CPUID changed", 0, 0, NULL, cpuid_changed, REASON_REPORT_SIGNATURE },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* Product, TCB, chip. */
static void leaf_ucode_lower(struct scene *s)
{
	lab_integer(&s->leaf, "3.8", 0xda);
}
static void leaf_ucode_higher(struct scene *s)
{
	lab_integer(&s->leaf, "3.8", 0xdc);
}
static void leaf_bl_higher(struct scene *s)
{
	lab_integer(&s->leaf, "3.1", 5);
}
static void leaf_tee_lower(struct scene *s)
{
	lab_integer(&s->leaf, "3.2", 1);
}
static void leaf_snp_lower(struct scene *s)
{
	lab_integer(&s->leaf, "3.3", 23);
}
static void leaf_fmc_lower(struct scene *s)
{
	lab_integer(&s->leaf, "3.9", 0);
}
static void milan_order(struct scene *s)
{
	for (int i = 0; i < 4; i++) {
		static const size_t at[] = { 0x38, 0x180, 0x1e0, 0x1f0 };

		lab_tcb(s->report + at[i], SNP_MILAN, lab_versions);
	}
}
static void reported_above(struct scene *s)
{
	tcb(s, 0x180, 4, 1);
	lab_integer(&s->leaf, "3.8", lab_versions[4] + 1);
}
static void committed_above(struct scene *s)
{
	tcb(s, 0x1e0, 1, 1);
}
static void launch_above(struct scene *s)
{
	tcb(s, 0x1f0, 2, 1);
}
static void masked(struct scene *s)
{
	poke(s, 0x48, 2);
	memset(s->report + 0x1a0, 0, 64);
}
static void masked_allowed(struct scene *s)
{
	masked(s);
	s->policy->snp.masked_chip_id = true;
}
static void zero_not_masked(struct scene *s)
{
	masked_allowed(s);
	poke(s, 0x48, 0);
}

static void test_platform(void **state)
{
	static const struct poke_row pokes[] = {
		{ "Genoa's CPUID", 0, 0, REASON_PRODUCT_MISMATCH, { { 0x189, 0x11 } } },
		{ "Turin's CPUID", 0, 0, REASON_PRODUCT_MISMATCH, { { 0x188, 0x1a } } },
		{ "Venice",
		  SNP_TURIN,
		  0,
		  REASON_PRODUCT_MISMATCH,
		  { { 0x188, 0x1a }, { 0x189, 0x50 } } },
		{ "chip id", 0, 0, REASON_CHIP_ID_MISMATCH, { { 0x1df, 0 } } },
		{ "byte 8 of Turin's", SNP_TURIN, 0, REASON_CHIP_ID_MISMATCH, { { 0x1a8, 1 } } },
		{ "byte 63 of Turin's", SNP_TURIN, 0, REASON_CHIP_ID_MISMATCH, { { 0x1df, 1 } } },
		{ "chip id under a VLEK",
		  0,
		  SNP_KEY_VLEK,
		  REASON_CHIP_ID_MISMATCH,
		  { { 0x1a0, 1 } } },
	};
	static const struct row rows[] = {
		{ "leaf's microcode lower", 0, 0, leaf_ucode_lower, NULL, REASON_TCB_MISMATCH },
		{ "leaf's microcode higher", 0, 0, leaf_ucode_higher, NULL, REASON_TCB_MISMATCH },
		{ "leaf's bootloader", 0, 0, leaf_bl_higher, NULL, REASON_TCB_MISMATCH },
		{ "leaf's TEE", 0, SNP_KEY_VLEK, leaf_tee_lower, NULL, REASON_TCB_MISMATCH },
		{ "leaf's SNP", SNP_GENOA, 0, leaf_snp_lower, NULL, REASON_TCB_MISMATCH },
		{ "leaf's FMC", SNP_TURIN, 0, leaf_fmc_lower, NULL, REASON_TCB_MISMATCH },
		{ "Turin in Milan's order", SNP_TURIN, 0, milan_order, NULL, REASON_TCB_MISMATCH },
		{ "reported > committed", 0, 0, reported_above, NULL, REASON_TCB_ORDER },
		{ "committed > current", 0, 0, committed_above, NULL, REASON_TCB_ORDER },
		{ "launch > current", 0, 0, launch_above, NULL, REASON_TCB_ORDER },
		{ "masked chip id", 0, 0, masked, NULL, REASON_CHIP_ID_MISMATCH },
		{ "masked, allowed", 0, 0, masked_allowed, NULL, REASON_OK },
		{ "zero, not masked", 0, 0, zero_not_masked, NULL, REASON_CHIP_ID_MISMATCH },
	};

	(void)state;
	run_pokes(pokes, sizeof(pokes) / sizeof(*pokes));
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void data_last(struct scene *s)
{
	s->report_data[63] ^= 1;
}
static void data_first(struct scene *s)
{
	s->report_data[0] ^= 1;
}
static void data_prefix(struct scene *s)
{
	memset(s->report_data + 32, 0, 32);
}
static void data_not_asked(struct scene *s)
{
	data_first(s);
	s->evidence.report_data = NULL;
}

static void test_report_data(void **state)
{
	static const struct row rows[] = {
		{ "last byte", 0, 0, NULL, data_last, REASON_REPORT_DATA },
		{ "first byte", 0, 0, NULL, data_first, REASON_REPORT_DATA },
		{ "only a prefix", 0, 0, NULL, data_prefix, REASON_REPORT_DATA },
		{ "not compared", 0, 0, NULL, data_not_asked, REASON_OK },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
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
		assert_int_equal(scene_judge(s), t == TEE_SNP ? REASON_OK : REASON_TEE);
	}
	s->policy->tees[TEE_TDX] = true; /* even if a policy said so */
	s->evidence.tee = TEE_TDX;
	assert_int_equal(scene_judge(s), REASON_TEE);
	assert_non_null(strstr(s->claims.detail, "tdx"));
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
		cmocka_unit_test(test_every_byte),	cmocka_unit_test(test_signature),
		cmocka_unit_test(test_platform),	cmocka_unit_test(test_report_data),
		cmocka_unit_test(test_device_response), cmocka_unit_test(test_other_tee),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
