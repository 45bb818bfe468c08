// SPDX-License-Identifier: BSD-2-Clause
/* What is wrong between a report and its leaf, chip and session has its own reason each time. */
#include "unit/verifier_rows.h"

static void tcb(struct scene *s, size_t at, int part, int by)
{
	uint8_t v[LAB_PARTS];

	memcpy(v, lab_versions, sizeof(v));
	v[part] += by;
	lab_tcb(s->report + at, s->product, v);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_platform),
		cmocka_unit_test(test_report_data),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
