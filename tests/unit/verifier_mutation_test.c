// SPDX-License-Identifier: BSD-2-Clause
/*
 * SNP: no byte of a report, a host's table, certificates in PEM or the revocation list can be
 * changed into something that is accepted and says something else.  TDX and Nitro have the same
 * in verifier_tdx_quote_test.c and verifier_nitro_document_test.c.
 */
#include "unit/verifier_lab.h"

#include "unit/verifier_mutate.h"

enum {
	TABLE_HEADER = 24, /* an entry: GUID, offset, length */
	TABLE_MAX = 16384,
};

static uint8_t text[TABLE_MAX];
static size_t text_n;

static enum reason judge(void *scene)
{
	return scene_judge(scene);
}

static size_t mutate_part(struct scene *s, const char *what, struct bytes part, size_t stride)
{
	return mutate(&(struct mutation){ .what = what,
					  .p = (uint8_t *)part.p,
					  .n = part.n,
					  .stride = stride,
					  .judge = judge,
					  .scene = s,
					  .claims = &s->claims });
}

static struct scene *begin(enum snp_product product, enum snp_key kind)
{
	struct scene *s = malloc(sizeof(*s));

	assert_non_null(s);
	scene_begin(s, product, kind);
	return s;
}

static void end(struct scene *s)
{
	scene_end(s);
	free(s);
}

/* Milan's with a VCEK is in verifier_signature_test.c, with the reason of each byte. */
static void test_report(void **state)
{
	struct scene *s = begin(SNP_GENOA, SNP_KEY_VLEK);

	(void)state;
	scene_build(s);
	assert_int_equal(mutate_part(s, "report", s->evidence.report, 1), 0);
	end(s);
}

/* As GHCB has it: ARK, ASK and VCEK, each in DER. */
static void make_table(const struct scene *s)
{
	static const uint8_t guids[][16] = {
		{ 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01,
		  0x4c, 0xd0, 0xae },
		{ 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3,
		  0x27, 0xc7, 0x82 },
		{ 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b,
		  0xe8, 0xac, 0xcd },
	};
	const struct lab_cert *const certs[] = { &s->root, &s->mid, &s->leaf };

	memset(text, 0, sizeof(text));
	text_n = 4 * TABLE_HEADER;
	for (int i = 0; i < 3; i++) {
		uint8_t *h = text + i * TABLE_HEADER;

		memcpy(h, guids[i], sizeof(guids[i]));
		lab_put32(h + 16, text_n);
		lab_put32(h + 20, certs[i]->n);
		memcpy(text + text_n, certs[i]->der, certs[i]->n);
		text_n += certs[i]->n;
	}
}

static void test_table(void **state)
{
	struct scene *s = begin(SNP_MILAN, SNP_KEY_VCEK);
	size_t headers;

	(void)state;
	scene_build(s);
	make_table(s);
	s->evidence.certs[0] = bytes_of(text, text_n);
	s->evidence.certs_count = 1;
	/* A GUID that nobody knows makes its certificate missing, or something to be passed over.
	 */
	headers = mutate_part(s, "table's headers", bytes_of(text, 4 * TABLE_HEADER), 1);
	assert_true(headers < 4 * TABLE_HEADER);
	mutate_part(s, "table's certificates",
		    bytes_of(text + 4 * TABLE_HEADER, text_n - 4 * TABLE_HEADER), 5);
	end(s);
}

/* Leaf, intermediate and root, as a guest's own files give them. */
static void test_pem(void **state)
{
	struct scene *s = begin(SNP_TURIN, SNP_KEY_VCEK);
	const struct lab_cert *const certs[] = { &s->leaf, &s->mid, &s->root };
	size_t n;

	(void)state;
	scene_build(s);
	text_n = 0;
	for (int i = 0; i < 3; i++) {
		char *at = (char *)text + text_n;

		n = sprintf(at, "-----BEGIN CERTIFICATE-----\n");
		n += EVP_EncodeBlock((uint8_t *)at + n, certs[i]->der, certs[i]->n);
		n += sprintf(at + n, "\n-----END CERTIFICATE-----\n");
		text_n += n;
	}
	assert_true(text_n < sizeof(text));
	s->evidence.certs[0] = bytes_of(text, text_n);
	s->evidence.certs_count = 1;
	mutate_part(s, "PEM", s->evidence.certs[0], 11);
	end(s);
}

static void test_crl(void **state)
{
	struct scene *s = begin(SNP_GENOA, SNP_KEY_VCEK);

	(void)state;
	s->crl.given = true;
	scene_build(s);
	/* The parameters of SHA-384, outside, which are nothing however they are written. */
	assert_true(mutate_part(s, "CRL", s->evidence.collateral[COLLATERAL_CRL], 2) < 25);
	end(s);
}

/* The same algorithm written in two ways, of which one is not signed: SHA-384 without a NULL. */
static void test_outer_algorithm(void **state)
{
	enum { SIGNATURE = 4 + 1 + 512, ALGORITHM = 67, HASH_PARAMETERS = 30, DER_NULL = 5 };
	struct scene *s = begin(SNP_MILAN, SNP_KEY_VCEK);
	struct lab_cert *const certs[] = { &s->leaf, &s->mid };

	(void)state;
	scene_build(s);
	for (int i = 0; i < 2; i++) {
		uint8_t *p = certs[i]->der + certs[i]->n - SIGNATURE - ALGORITHM + HASH_PARAMETERS;

		assert_int_equal(*p, DER_NULL);
		*p ^= 0x40;
		assert_int_not_equal(scene_judge(s), REASON_OK);
		*p ^= 0x40;
		assert_int_equal(scene_judge(s), REASON_OK);
	}
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_crl),
		cmocka_unit_test(test_outer_algorithm),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
