// SPDX-License-Identifier: BSD-2-Clause
/*
 * The form of Nitro's documents, each mistake correctly signed; and that no byte of a good one can
 * be changed without the document being refused, or saying the same as before.
 */
#include "unit/verifier_nitro_lab.h"

#include "unit/verifier_mutate.h"

static void put_null(struct cbor_writer *w)
{
	cbor_put_null(w);
}

static void put_one(struct cbor_writer *w)
{
	cbor_put_int(w, 1);
}

static void put_negative(struct cbor_writer *w)
{
	cbor_put_int(w, -1);
}

static void put_zero(struct cbor_writer *w)
{
	cbor_put_int(w, 0);
}

static void put_text(struct cbor_writer *w)
{
	cbor_put_text(w, "text");
}

static void put_empty_text(struct cbor_writer *w)
{
	cbor_put_text(w, "");
}

static void put_long_text(struct cbor_writer *w)
{
	char text[NITRO_MODULE_ID_MAX + 2];

	memset(text, 'i', sizeof(text));
	text[sizeof(text) - 1] = 0;
	cbor_put_text(w, text);
}

static void put_control_text(struct cbor_writer *w)
{
	cbor_put_text(w, "i-0\033[2J");
}

static void put_sha256(struct cbor_writer *w)
{
	cbor_put_text(w, "SHA256");
}

static void put_empty_array(struct cbor_writer *w)
{
	cbor_put_array(w, 0);
}

static void put_empty_map(struct cbor_writer *w)
{
	cbor_put_map(w, 0);
}

static void put_empty_bytes(struct cbor_writer *w)
{
	cbor_put_bytes(w, bytes_of(NULL, 0));
}

static void put_zeroes(struct cbor_writer *w, size_t n)
{
	static const uint8_t zeroes[2048];

	cbor_put_bytes(w, bytes_of(zeroes, n));
}

static void put_1024(struct cbor_writer *w)
{
	put_zeroes(w, 1024);
}

static void put_1025(struct cbor_writer *w)
{
	put_zeroes(w, 1025);
}

static void put_pcr(struct cbor_writer *w, int64_t index, size_t n)
{
	cbor_put_map(w, 1);
	cbor_put_int(w, index);
	put_zeroes(w, n);
}

static void put_pcr_empty(struct cbor_writer *w)
{
	put_pcr(w, 0, 0);
}

static void put_pcr_32(struct cbor_writer *w)
{
	put_pcr(w, 0, 32);
}

static void put_pcr_47(struct cbor_writer *w)
{
	put_pcr(w, 0, 47);
}

static void put_pcr_64(struct cbor_writer *w)
{
	put_pcr(w, 0, 64);
}

static void put_pcr_beyond(struct cbor_writer *w)
{
	put_pcr(w, NITRO_PCRS, NITRO_PCR_BYTES);
}

static void put_pcr_negative(struct cbor_writer *w)
{
	put_pcr(w, -1, NITRO_PCR_BYTES);
}

static void put_pcr_twice(struct cbor_writer *w)
{
	cbor_put_map(w, 2);
	for (int i = 0; i < 2; i++) {
		cbor_put_int(w, 0);
		put_zeroes(w, NITRO_PCR_BYTES);
	}
}

static void put_bundle_of_text(struct cbor_writer *w)
{
	cbor_put_array(w, 1);
	cbor_put_text(w, "certificate");
}

static void put_bundle_of_nine(struct cbor_writer *w)
{
	cbor_put_array(w, NITRO_BUNDLE_MAX + 1);
	for (int i = 0; i <= NITRO_BUNDLE_MAX; i++)
		put_zeroes(w, 10);
}

static void put_bundle_of_big(struct cbor_writer *w)
{
	cbor_put_array(w, 1);
	put_zeroes(w, NITRO_CERT_MAX + 1);
}

static void put_bundle_of_empty(struct cbor_writer *w)
{
	cbor_put_array(w, 1);
	put_zeroes(w, 0);
}

static void put_deep(struct cbor_writer *w)
{
	for (int i = 0; i < 5000; i++)
		cbor_put_array(w, 1);
	cbor_put_null(w);
}

/* A map that promises more than there is. */
static void put_hollow(struct cbor_writer *w)
{
	cbor_put_map(w, 100000);
}

struct value_row {
	const char *key;
	void (*put)(struct cbor_writer *w);
	enum reason want;
};

static const struct value_row values[] = {
	{ "module_id", NULL, REASON_FORMAT },
	{ "module_id", put_null, REASON_FORMAT },
	{ "module_id", put_empty_text, REASON_FORMAT },
	{ "module_id", put_long_text, REASON_FORMAT },
	{ "module_id", put_control_text, REASON_FORMAT },
	{ "module_id", put_text, REASON_OK },
	{ "digest", NULL, REASON_FORMAT },
	{ "digest", put_sha256, REASON_FORMAT },
	{ "digest", put_empty_bytes, REASON_FORMAT },
	{ "timestamp", NULL, REASON_FORMAT },
	{ "timestamp", put_null, REASON_FORMAT },
	{ "timestamp", put_text, REASON_FORMAT },
	{ "timestamp", put_negative, REASON_FORMAT },
	{ "timestamp", put_zero, REASON_FORMAT },
	{ "timestamp", put_one, REASON_TIMESTAMP },
	{ "pcrs", NULL, REASON_FORMAT },
	{ "pcrs", put_empty_map, REASON_FORMAT },
	{ "pcrs", put_empty_array, REASON_FORMAT },
	{ "pcrs", put_pcr_empty, REASON_FORMAT },
	{ "pcrs", put_pcr_32, REASON_FORMAT },
	{ "pcrs", put_pcr_47, REASON_FORMAT },
	{ "pcrs", put_pcr_64, REASON_FORMAT },
	{ "pcrs", put_pcr_beyond, REASON_FORMAT },
	{ "pcrs", put_pcr_negative, REASON_FORMAT },
	{ "pcrs", put_pcr_twice, REASON_FORMAT },
	{ "pcrs", put_hollow, REASON_FORMAT },
	{ "certificate", NULL, REASON_FORMAT },
	{ "certificate", put_empty_bytes, REASON_FORMAT },
	{ "certificate", put_1025, REASON_FORMAT },
	{ "certificate", put_text, REASON_FORMAT },
	{ "certificate", put_1024, REASON_CERT_LEAF },
	{ "cabundle", NULL, REASON_FORMAT },
	{ "cabundle", put_null, REASON_FORMAT },
	{ "cabundle", put_empty_array, REASON_FORMAT },
	{ "cabundle", put_bundle_of_text, REASON_FORMAT },
	{ "cabundle", put_bundle_of_nine, REASON_FORMAT },
	{ "cabundle", put_bundle_of_big, REASON_FORMAT },
	{ "cabundle", put_bundle_of_empty, REASON_FORMAT },
	{ "public_key", NULL, REASON_OK },
	{ "public_key", put_empty_bytes, REASON_OK },
	{ "public_key", put_1024, REASON_OK },
	{ "public_key", put_1025, REASON_FORMAT },
	{ "public_key", put_text, REASON_FORMAT },
	{ "user_data", NULL, REASON_OK },
	{ "user_data", put_null, REASON_OK },
	{ "user_data", put_1024, REASON_OK },
	{ "user_data", put_1025, REASON_FORMAT },
	{ "user_data", put_one, REASON_FORMAT },
	{ "nonce", NULL, REASON_OK },
	{ "nonce", put_empty_bytes, REASON_OK },
	{ "nonce", put_1024, REASON_OK },
	{ "nonce", put_1025, REASON_FORMAT },
	{ "nonce", put_empty_array, REASON_FORMAT },
	{ "nitrotpm_pcrs", put_pcr_47, REASON_FORMAT },
	{ "unknown", put_bundle_of_text, REASON_OK },
	{ "unknown", put_deep, REASON_FORMAT },
	{ "unknown", put_hollow, REASON_FORMAT },
};

static void test_values(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));
	enum reason reason;

	(void)state;
	nlab_begin(s);
	nlab_issue_all(s);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		s->changes[0] = (struct nlab_change){ values[i].key, values[i].put };
		nlab_document(s);
		reason = nlab_judge(s);
		if (reason != values[i].want)
			fail_msg("row %zu, %s: want %s, got %s: %s", i, values[i].key,
				 reason_str(values[i].want), reason_str(reason), s->claims.detail);
		claims_free(&s->claims);
	}
	nlab_end(s);
	free(s);
}

static void twice(struct nlab_scene *s)
{
	s->changes[0] = (struct nlab_change){ "extra", put_one };
	s->changes[1] = (struct nlab_change){ "extra", put_one };
}

static void tag18(struct nlab_scene *s)
{
	s->tagged = true;
}

static void tag98(struct nlab_scene *s)
{
	memmove(s->document + 2, s->document, s->n);
	s->document[0] = 0xd8;
	s->document[1] = 98;
	s->n += 2;
}

static void tag_twice(struct nlab_scene *s)
{
	memmove(s->document + 2, s->document, s->n);
	s->document[0] = s->document[1] = 0xd2;
	s->n += 2;
}

static void trailing(struct nlab_scene *s)
{
	s->document[s->n++] = 0;
}

static void shortened(struct nlab_scene *s)
{
	s->n--;
}

static void nothing(struct nlab_scene *s)
{
	s->n = 0;
}

static void five(struct nlab_scene *s)
{
	s->document[0] = 0x85;
	s->document[s->n++] = 0xf6;
}

static void indefinite(struct nlab_scene *s)
{
	s->document[0] = 0x9f;
	s->document[s->n++] = 0xff;
}

/* a1 01 38 22 stands at 2, a0 at 6. */
static void no_algorithm(struct nlab_scene *s)
{
	s->document[1] = 0x40;
	memmove(s->document + 2, s->document + 6, s->n - 6);
	s->n -= 4;
}

static void unprotected(struct nlab_scene *s)
{
	memmove(s->document + 9, s->document + 7, s->n - 7);
	memcpy(s->document + 6, "\xa1\x04\x40", 3); /* a key id */
	s->n += 2;
}

static void detached(struct nlab_scene *s)
{
	struct nitro_document d;
	struct claims c = { 0 };

	assert_int_equal(nitro_document_parse(bytes_of(s->document, s->n), &d, &c), REASON_OK);
	s->document[7] = 0xf6;
	memmove(s->document + 8, d.payload.p + d.payload.n, 2 + NITRO_SIGNATURE_BYTES);
	s->n = 8 + 2 + NITRO_SIGNATURE_BYTES;
}

static void es256(struct nlab_scene *s)
{
	s->algorithm = -7;
}

static void es512(struct nlab_scene *s)
{
	s->algorithm = -36;
}

static void critical(struct nlab_scene *s)
{
	s->critical = true;
}

static void other_context(struct nlab_scene *s)
{
	s->context = "Signature";
}

static void no_signature(struct nlab_scene *s)
{
	memset(s->document + s->n - NITRO_SIGNATURE_BYTES, 0, NITRO_SIGNATURE_BYTES);
}

static const struct nlab_row forms[] = {
	{ "as it should be", NULL, NULL, REASON_OK },
	{ "with its tag", tag18, NULL, REASON_OK },
	{ "another tag", NULL, tag98, REASON_FORMAT },
	{ "two tags", NULL, tag_twice, REASON_FORMAT },
	{ "an unknown key twice", twice, NULL, REASON_FORMAT },
	{ "a byte behind it", NULL, trailing, REASON_FORMAT },
	{ "a byte short", NULL, shortened, REASON_FORMAT },
	{ "empty", NULL, nothing, REASON_FORMAT },
	{ "five parts", NULL, five, REASON_FORMAT },
	{ "of indefinite length", NULL, indefinite, REASON_FORMAT },
	{ "no algorithm", NULL, no_algorithm, REASON_FORMAT },
	{ "an unprotected header", NULL, unprotected, REASON_FORMAT },
	{ "detached payload", NULL, detached, REASON_FORMAT },
	{ "a second parameter that is signed", critical, NULL, REASON_FORMAT },
	{ "ES256", es256, NULL, REASON_SIGNATURE_ALGORITHM },
	{ "ES512", es512, NULL, REASON_SIGNATURE_ALGORITHM },
	{ "another context", other_context, NULL, REASON_REPORT_SIGNATURE },
	{ "zero signature", NULL, no_signature, REASON_REPORT_SIGNATURE },
};

static void test_forms(void **state)
{
	(void)state;
	nlab_run(forms, sizeof(forms) / sizeof(*forms));
}

/* Since 2025 the payload's map has no length: the same claims, signed in that form. */
static void test_indefinite_payload(void **state)
{
	static const uint8_t payload[] = { 0xbf, 0x61, 'a', 0x9f, 0x01, 0xff, 0xff };
	struct bytes in = bytes_of(payload, sizeof(payload)), key;
	struct cbor_items items;

	(void)state;
	assert_true(cbor_get_map(&in, &items));
	assert_true(cbor_more(&in, &items));
	assert_true(cbor_get_text(&in, &key));
	assert_true(cbor_skip(&in));
	assert_false(cbor_more(&in, &items));
	assert_int_equal(in.n, 0);
}

static enum reason judge_any(void *scene)
{
	struct nlab_scene *s = scene;

	claims_free(&s->claims);
	return nlab_judge(s);
}

/* Every byte; the certificates, the header and the signature are bytes like others. */
static void test_mutation(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));

	(void)state;
	nlab_begin(s);
	s->report_data = s->user_data;
	nlab_build(s);
	assert_int_equal(mutate(&(struct mutation){ .what = "document",
						    .p = s->document,
						    .n = s->n,
						    .stride = 1,
						    .judge = judge_any,
						    .scene = s,
						    .claims = &s->claims }),
			 0);
	claims_free(&s->claims);
	nlab_end(s);
	free(s);
}

static void test_truncation(void **state)
{
	struct nlab_scene *s = malloc(sizeof(*s));

	(void)state;
	nlab_begin(s);
	nlab_build(s);
	for (size_t n = 0; n < s->n; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, s->document, n);
		assert_int_not_equal(nlab_judge_bytes(s, bytes_of(copy, n)), REASON_OK);
		claims_free(&s->claims);
		free(copy);
	}
	nlab_end(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_indefinite_payload),
		cmocka_unit_test(test_mutation),
		cmocka_unit_test(test_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
