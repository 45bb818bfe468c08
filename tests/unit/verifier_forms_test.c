// SPDX-License-Identifier: BSD-2-Clause
/* The forms in which certificates come: DER, PEM, host tables. */
#include "unit/verifier_rows.h"
#include "verifier/pem.h"
#include "verifier/snp_table.h"

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
	s->evidence.collateral[COLLATERAL_CRL].n = 0;
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
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
