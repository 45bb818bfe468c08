// SPDX-License-Identifier: BSD-2-Clause
/* The leaf's own content, and the forms in which certificates come: DER, PEM, host tables. */
#include "unit/verifier_lab.h"
#include "verifier/pem.h"
#include "verifier/snp_table.h"

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
		{ "RSA", 0, 0, rsa, NULL, REASON_CERT_LEAF },
		{ "an authority", 0, 0, authority, NULL, REASON_CERT_LEAF },
		{ "another name", 0, 0, other_name, NULL, REASON_CERT_LEAF },
		{ "truncated", 0, 0, NULL, truncated, REASON_CERT_LEAF },
		{ "garbled", 0, 0, NULL, garbled, REASON_CERT_LEAF },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/* PEM. */
static uint8_t text[64 * 1024];
static size_t text_n;

static void append(const char *s)
{
	memcpy(text + text_n, s, strlen(s));
	text_n += strlen(s);
}

static void append_pem(const struct lab_cert *c, const char *newline, const char *last)
{
	size_t n = 0;

	append("-----BEGIN CERTIFICATE-----");
	append(newline);
	for (; n < c->n; n += 48) {
		text_n += EVP_EncodeBlock(text + text_n, c->der + n, c->n - n < 48 ? c->n - n : 48);
		append(newline);
	}
	append("-----END CERTIFICATE-----");
	append(last);
}

static void pem_with(struct scene *s, const char *newline, const char *last)
{
	text_n = 0;
	append_pem(&s->leaf, newline, last);
	append_pem(&s->mid, newline, last);
	append_pem(&s->root, newline, last);
	s->evidence.certs[0] = bytes_of(text, text_n);
	s->evidence.certs_count = 1;
}
static void pem_lf(struct scene *s)
{
	pem_with(s, "\n", "\n");
}
static void pem_crlf(struct scene *s)
{
	pem_with(s, "\r\n", "\r\n");
}
static void pem_joined(struct scene *s)
{
	pem_with(s, "\n", "");
}
static void pem_between(struct scene *s)
{
	pem_with(s, "\n", "\nsubject=CN = something\n");
}
static void pem_unended(struct scene *s)
{
	pem_with(s, "\n", "\n");
	s->evidence.certs[0].n -= 10;
}
static void pem_broken(struct scene *s)
{
	pem_with(s, "\n", "\n");
	text[100] = '*';
}
static void der_joined(struct scene *s)
{
	text_n = 0;
	for (int i = 0; i < 3; i++) {
		memcpy(text + text_n, s->evidence.certs[i].p, s->evidence.certs[i].n);
		text_n += s->evidence.certs[i].n;
	}
	append("\n");
	s->evidence.certs[0] = bytes_of(text, text_n);
	s->evidence.certs_count = 1;
}
static void der_and_more(struct scene *s)
{
	der_joined(s);
	append("more");
	s->evidence.certs[0].n = text_n;
}
static void words(struct scene *s)
{
	text_n = 0;
	append("no certificate at all\n");
	s->evidence.certs[0] = bytes_of(text, text_n);
}

static void test_forms(void **state)
{
	static const struct row rows[] = {
		{ "PEM", 0, 0, NULL, pem_lf, REASON_OK },
		{ "PEM, CRLF", 0, 0, NULL, pem_crlf, REASON_OK },
		{ "PEM, no newline between", 0, 0, NULL, pem_joined, REASON_OK },
		{ "PEM, text between", 0, 0, NULL, pem_between, REASON_OK },
		{ "PEM, cut", 0, 0, NULL, pem_unended, REASON_CERT_CHAIN },
		{ "PEM, garbled leaf", 0, 0, NULL, pem_broken, REASON_CERT_LEAF },
		{ "DER after DER", 0, 0, NULL, der_joined, REASON_OK },
		{ "DER and something else", 0, 0, NULL, der_and_more, REASON_CERT_CHAIN },
		{ "words", 0, 0, NULL, words, REASON_CERT_LEAF },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

static void test_base64(void **state)
{
	static const struct {
		const char *text, *out;
		size_t n;
	} rows[] = {
		{ "QUJD", "ABC", 3 },
		{ "QUI=", "AB", 2 },
		{ "QQ==", "A", 1 },
		{ "Q U\nJ\rD", "ABC", 3 },
		{ "QUJDRA==", "ABCD", 4 },
		{ "QUJ", "", 0 },
		{ "Q", "", 0 },
		{ "QUJD=", "", 0 },
		{ "Q===", "", 0 },
		{ "QU=D", "", 0 },
		{ "QU*D", "", 0 },
		{ "", "", 0 },
	};
	uint8_t out[4];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pem_block b = { .body = bytes_of(rows[i].text, strlen(rows[i].text)) };

		assert_int_equal(pem_decode(&b, out, sizeof(out)), rows[i].n);
		assert_memory_equal(out, rows[i].out, rows[i].n);
	}
	struct pem_block five = { .body = bytes_of("QUJDREU=", 8) };

	assert_int_equal(pem_decode(&five, out, sizeof(out)), 0); /* does not fit */
}

/* Host tables. */
static const uint8_t guid_vcek[] = { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
				     0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd };
static const uint8_t guid_ask[] = { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
				    0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 };
static const uint8_t guid_ark[] = { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
				    0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae };
static const uint8_t guid_crl[] = { 0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d,
				    0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea };
static const uint8_t guid_other[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

enum { HEADER = 24 };

static size_t headers;

static void table_begin(size_t entries)
{
	memset(text, 0, sizeof(text));
	text_n = (entries + 1) * HEADER;
	headers = 0;
}

static uint8_t *table_add(const uint8_t *guid, const void *p, size_t n)
{
	uint8_t *h = text + HEADER * headers++;

	memcpy(h, guid, 16);
	lab_put32(h + 16, text_n);
	lab_put32(h + 20, n);
	memcpy(text + text_n, p, n);
	text_n += n;
	return h;
}

static void table_of(struct scene *s)
{
	table_begin(3);
	table_add(guid_ark, s->root.der, s->root.n);
	table_add(guid_ask, s->mid.der, s->mid.n);
	table_add(guid_vcek, s->leaf.der, s->leaf.n);
}

static void give_table(struct scene *s)
{
	s->evidence.certs[0] = bytes_of(text, text_n);
	s->evidence.certs_count = 1;
}
static void table(struct scene *s)
{
	table_of(s);
	give_table(s);
}
static void table_trailing(struct scene *s)
{
	table_of(s);
	text_n += 4096; /* zeroes of the page */
	give_table(s);
}
static void table_crl(struct scene *s)
{
	table_begin(4);
	table_add(guid_ark, s->root.der, s->root.n);
	table_add(guid_crl, s->crl.der, s->crl.n);
	table_add(guid_ask, s->mid.der, s->mid.n);
	table_add(guid_vcek, s->leaf.der, s->leaf.n);
	s->evidence.crl.n = 0;
	give_table(s);
}
static void revoked_crl(struct scene *s)
{
	s->crl.given = true;
	s->crl.serials[s->crl.serials_count++] = 0x10001;
}
static void table_other(struct scene *s)
{
	table_begin(4);
	table_add(guid_other, "12345678", 8);
	table_add(guid_ark, s->root.der, s->root.n);
	table_add(guid_ask, s->mid.der, s->mid.n);
	table_add(guid_vcek, s->leaf.der, s->leaf.n);
	give_table(s);
}
static void table_leaf_only(struct scene *s)
{
	table_begin(1);
	table_add(guid_vcek, s->leaf.der, s->leaf.n);
	give_table(s);
}
static void table_cut_entry(struct scene *s)
{
	table_begin(3);
	table_add(guid_ark, s->root.der, s->root.n);
	table_add(guid_ask, s->mid.der, s->mid.n);
	table_add(guid_vcek, s->leaf.der, s->leaf.n - 9);
	give_table(s);
}
static void table_twice(struct scene *s)
{
	table_begin(4);
	table_add(guid_vcek, s->leaf.der, s->leaf.n);
	table_add(guid_ark, s->root.der, s->root.n);
	table_add(guid_ask, s->mid.der, s->mid.n);
	table_add(guid_vcek, s->leaf.der, s->leaf.n);
	give_table(s);
}
static void patched(struct scene *s, size_t field, uint32_t v)
{
	table_of(s);
	lab_put32(text + 2 * HEADER + field, v);
	give_table(s);
}
static void table_wraps(struct scene *s)
{
	patched(s, 16, 0xfffffff0);
}
static void table_long(struct scene *s)
{
	patched(s, 20, 0xffffffff);
}
static void table_past_end(struct scene *s)
{
	patched(s, 20, s->leaf.n + 1);
}
static void table_into_header(struct scene *s)
{
	patched(s, 16, 4 * HEADER - 1);
}
static void table_at_zero(struct scene *s)
{
	patched(s, 16, 0);
}
static void table_no_length(struct scene *s)
{
	patched(s, 20, 0);
}
static void table_unended(struct scene *s)
{
	table_of(s);
	text_n = 3 * HEADER;
	give_table(s);
}
static void table_half_header(struct scene *s)
{
	table_of(s);
	text_n = 3 * HEADER + 23;
	give_table(s);
}
static void table_many(struct scene *s)
{
	table_begin(100);
	for (int i = 0; i < 100; i++)
		table_add(guid_other, "1", 1);
	give_table(s);
}

static void test_tables(void **state)
{
	static const struct row rows[] = {
		{ "good", 0, 0, NULL, table, REASON_OK },
		{ "good, zeroes behind", 0, 0, NULL, table_trailing, REASON_OK },
		{ "somebody's own entry", 0, 0, NULL, table_other, REASON_OK },
		{ "a CRL in it", 0, 0, revoked_crl, table_crl, REASON_REVOKED },
		{ "only the leaf", 0, 0, NULL, table_leaf_only, REASON_NO_CHAIN },
		{ "leaf cut", 0, 0, NULL, table_cut_entry, REASON_CERT_LEAF },
		{ "two leaves", 0, 0, NULL, table_twice, REASON_CERT_TABLE },
		{ "32-bit sum wraps", 0, 0, NULL, table_wraps, REASON_CERT_TABLE },
		{ "all of 32 bits long", 0, 0, NULL, table_long, REASON_CERT_TABLE },
		{ "past the end", 0, 0, NULL, table_past_end, REASON_CERT_TABLE },
		{ "into the header", 0, 0, NULL, table_into_header, REASON_CERT_TABLE },
		{ "at 0", 0, 0, NULL, table_at_zero, REASON_CERT_TABLE },
		{ "nothing in an entry", 0, 0, NULL, table_no_length, REASON_CERT_TABLE },
		{ "no terminator", 0, 0, NULL, table_unended, REASON_CERT_TABLE },
		{ "half a terminator", 0, 0, NULL, table_half_header, REASON_CERT_TABLE },
		{ "100 entries", 0, 0, NULL, table_many, REASON_CERT_TABLE },
	};

	(void)state;
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions), cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_forms),	   cmocka_unit_test(test_base64),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
