// SPDX-License-Identifier: BSD-2-Clause
/* The leaf's own content: every extension missing, doubled, misencoded. */
#include "unit/verifier_rows.h"

/* A row that replaces one extension by these bytes; NULL: takes it out. */
struct extension_row {
	const char *what;
	enum snp_product product;
	enum snp_key kind;
	const char *suffix;
	const char *bytes;
	size_t n;
	enum reason want;
};

static void test_extensions(void **state)
{
	static const struct extension_row rows[] = {
		{ "no microcode", 0, 0, "3.8", NULL, 0, REASON_CERT_LEAF },
		{ "no bootloader", 0, 0, "3.1", NULL, 0, REASON_CERT_LEAF },
		{ "no TEE", 0, SNP_KEY_VLEK, "3.2", NULL, 0, REASON_CERT_LEAF },
		{ "no SNP", 0, 0, "3.3", NULL, 0, REASON_CERT_LEAF },
		{ "no fmc", SNP_TURIN, 0, "3.9", NULL, 0, REASON_CERT_LEAF },
		{ "no spl4", 0, 0, "3.4", NULL, 0, REASON_CERT_LEAF },
		{ "no spl5", SNP_TURIN, 0, "3.5", NULL, 0, REASON_CERT_LEAF },
		{ "no chip", 0, 0, "4", NULL, 0, REASON_CERT_LEAF },
		{ "no provider", 0, SNP_KEY_VLEK, "5", NULL, 0, REASON_CERT_LEAF },
		{ "no structure version", 0, 0, "1", NULL, 0, REASON_CERT_LEAF },
		{ "no product", 0, 0, "2", NULL, 0, REASON_CERT_LEAF },
		{ "negative", 0, 0, "3.8", "\2\1\xdb", 3, REASON_CERT_LEAF },
		{ "256", 0, 0, "3.8", "\2\2\1\0", 4, REASON_CERT_LEAF },
		{ "65536", 0, 0, "3.8", "\2\3\1\0\0", 5, REASON_CERT_LEAF },
		{ "a zero in front", 0, 0, "3.1", "\2\2\0\4", 4, REASON_CERT_LEAF },
		{ "two zeroes in front", 0, 0, "3.8", "\2\3\0\0\xdb", 5, REASON_CERT_LEAF },
		{ "long form", 0, 0, "3.1", "\2\x81\1\4", 4, REASON_CERT_LEAF },
		{ "more behind it", 0, 0, "3.1", "\2\1\4\0", 4, REASON_CERT_LEAF },
		{ "cut", 0, 0, "3.8", "\2\2\0", 3, REASON_CERT_LEAF },
		{ "length 0", 0, 0, "3.1", "\2\0", 2, REASON_CERT_LEAF },
		{ "an OCTET STRING", 0, 0, "3.1", "\4\1\4", 3, REASON_CERT_LEAF },
		{ "nothing in it", 0, 0, "3.1", "", 0, REASON_CERT_LEAF },
		{ "spl6 not 0", 0, 0, "3.6", "\2\1\1", 3, REASON_CERT_LEAF },
		{ "structure version 2", 0, 0, "1", "\2\1\2", 3, REASON_CERT_LEAF },
		{ "Turin's structure", 0, 0, "1", "\2\1\1", 3, REASON_PRODUCT_MISMATCH },
		{ "Milan's structure", SNP_TURIN, 0, "1", "\2\1\0", 3, REASON_PRODUCT_MISMATCH },
		{ "name-stepping", 0, 0, "2", "\x16\010Milan-B0", 10, REASON_OK },
		{ "another stepping", SNP_GENOA, 0, "2", "\x16\010Genoa-ZZ", 10, REASON_OK },
		{ "another product", 0, 0, "2", "\x16\5Genoa", 7, REASON_PRODUCT_MISMATCH },
		{ "a longer name", 0, 0, "2", "\x16\6Milano", 8, REASON_PRODUCT_MISMATCH },
		{ "a shorter name", 0, 0, "2", "\x16\4Mila", 6, REASON_PRODUCT_MISMATCH },
		{ "a UTF8String", 0, 0, "2", "\x0c\5Milan", 7, REASON_CERT_LEAF },
		{ "a NUL in the name", 0, 0, "2", "\x16\6Milan\0", 8, REASON_CERT_LEAF },
		{ "name's length", 0, 0, "2", "\x16\7Milan", 7, REASON_CERT_LEAF },
		{ "an empty provider", 0, SNP_KEY_VLEK, "5", "\x16\0", 2, REASON_CERT_LEAF },
		{ "a chip of 8 bytes", 0, 0, "4", "\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1", 8,
		  REASON_CERT_LEAF },
		{ "a chip in an OCTET STRING", SNP_TURIN, 0, "4",
		  "\4\010\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1", 10, REASON_OK },
		{ "a chip in something", SNP_TURIN, 0, "4",
		  "\5\010\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1", 10, REASON_CERT_LEAF },
		{ "a chip with 0x04 in front", SNP_TURIN, 0, "4", "\4\6\xc1\xc1\xc1\xc1\xc1\xc1", 8,
		  REASON_CHIP_ID_MISMATCH },
	};
	struct scene *s = malloc(sizeof(*s));
	enum reason reason;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		scene_begin(s, rows[i].product ? rows[i].product : SNP_MILAN, rows[i].kind);
		lab_remove(&s->leaf, rows[i].suffix);
		if (rows[i].bytes)
			lab_add(&s->leaf, rows[i].suffix, rows[i].bytes, rows[i].n);
		scene_build(s);
		reason = scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		scene_end(s);
	}
	free(s);
}

static void chip_octets(struct scene *s)
{
	uint8_t der[66] = { 4, 64 };

	memset(der + 2, 0xc1, 64);
	lab_set(&s->leaf, "4", der, sizeof(der));
}
static void chip_63(struct scene *s)
{
	uint8_t der[64];

	memset(der, 0xc1, sizeof(der));
	lab_set(&s->leaf, "4", der, 63);
}
static void microcode_twice(struct scene *s)
{
	lab_add(&s->leaf, "3.8", "\2\2\0\xdb", 4);
}
static void chip_twice(struct scene *s)
{
	uint8_t der[64];

	memset(der, 0xc1, sizeof(der));
	lab_add(&s->leaf, "4", der, sizeof(der));
}
static void fmc_on_milan(struct scene *s)
{
	lab_integer(&s->leaf, "3.9", 0);
}
static void provider_in_vcek(struct scene *s)
{
	lab_text(&s->leaf, "5", "CN=cc-lab.example");
}
static void chip_in_vlek(struct scene *s)
{
	lab_add(&s->leaf, "4", "\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1", 8);
}
static void critical(struct scene *s)
{
	lab_find(&s->leaf, "3.8")->critical = true;
}
static void unknown_critical(struct scene *s)
{
	lab_add(&s->leaf, "99", "\5\0", 2)->critical = true;
}
static void unknown_plain(struct scene *s)
{
	lab_add(&s->leaf, "99", "\5\0", 2);
}
static void mid_unknown_critical(struct scene *s)
{
	lab_add(&s->mid, "99", "\5\0", 2)->critical = true;
}
static void p256(struct scene *s)
{
	s->leaf.key = s->report_key = LAB_P256;
}
static void p384_spelled_out(struct scene *s)
{
	s->leaf.key = s->report_key = LAB_SPELLED;
}
static void rsa(struct scene *s)
{
	s->leaf.key = s->report_key = LAB_RSA;
}
static void authority(struct scene *s)
{
	s->leaf.ca = true;
}
static void other_name(struct scene *s)
{
	s->leaf.subject = "SEV-VCEX";
}
static void truncated(struct scene *s)
{
	s->evidence.certs[0].n -= 30;
}
static void garbled(struct scene *s)
{
	s->leaf.der[2] ^= 0x40; /* the outer length */
}

static void test_leaves(void **state)
{
	static const struct row rows[] = {
		{ "chip in an OCTET STRING", 0, 0, chip_octets, NULL, REASON_OK },
		{ "chip of 63 bytes", 0, 0, chip_63, NULL, REASON_CERT_LEAF },
		{ "microcode twice", 0, 0, microcode_twice, NULL, REASON_CERT_LEAF },
		{ "chip twice", 0, 0, chip_twice, NULL, REASON_CERT_LEAF },
		{ "fmc on Milan", 0, 0, fmc_on_milan, NULL, REASON_CERT_LEAF },
		{ "provider in a VCEK", 0, 0, provider_in_vcek, NULL, REASON_CERT_LEAF },
		{ "chip in a VLEK", SNP_TURIN, SNP_KEY_VLEK, chip_in_vlek, NULL, REASON_CERT_LEAF },
		{ "AMD's own, critical", 0, 0, critical, NULL, REASON_CERT_LEAF },
		{ "unknown, critical", 0, 0, unknown_critical, NULL, REASON_CERT_LEAF },
		{ "unknown", 0, 0, unknown_plain, NULL, REASON_OK },
		{ "intermediate's, critical", 0, 0, mid_unknown_critical, NULL, REASON_CERT_CHAIN },
		{ "P-256", 0, 0, p256, NULL, REASON_CERT_LEAF },
		{ "P-384 by its parameters", 0, 0, p384_spelled_out, NULL, REASON_CERT_LEAF },
		{ "RSA", 0, 0, rsa, NULL, REASON_CERT_LEAF },
		{ "an authority", 0, 0, authority, NULL, REASON_CERT_LEAF },
		{ "another name", 0, 0, other_name, NULL, REASON_CERT_LEAF },
		{ "truncated", 0, 0, NULL, truncated, REASON_CERT_LEAF },
		{ "garbled", 0, 0, NULL, garbled, REASON_CERT_LEAF },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_leaves),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
