// SPDX-License-Identifier: BSD-2-Clause
/* The CBOR reader takes the one form that RFC 8949 calls preferred, and nothing else; the writer
 * writes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/cbor.h"

enum kind { UINT, INT, BYTES, TEXT, NUL, TAG, ARRAY, MAP, SKIP };

/* From a buffer of its own size, so that the sanitizer sees what is read behind it. */
static bool read_as(enum kind kind, struct bytes in, size_t *left)
{
	uint8_t *copy = malloc(in.n ? in.n : 1);
	struct bytes rest = bytes_of(copy, in.n), string;
	struct cbor_items items;
	uint64_t v;
	int64_t i;
	bool ok = false;

	if (in.n)
		memcpy(copy, in.p, in.n);
	switch (kind) {
	case UINT:
		ok = cbor_get_uint(&rest, &v);
		break;
	case INT:
		ok = cbor_get_int(&rest, &i);
		break;
	case BYTES:
		ok = cbor_get_bytes(&rest, &string);
		break;
	case TEXT:
		ok = cbor_get_text(&rest, &string);
		break;
	case NUL:
		ok = cbor_get_null(&rest);
		break;
	case TAG:
		ok = cbor_get_tag(&rest, &v);
		break;
	case ARRAY:
		ok = cbor_get_array(&rest, &items);
		break;
	case MAP:
		ok = cbor_get_map(&rest, &items);
		break;
	case SKIP:
		ok = cbor_skip(&rest);
		break;
	}
	*left = rest.n;
	free(copy);
	return ok;
}

#define IN(text) text, sizeof(text) - 1

static const struct {
	enum kind kind;
	const char *in;
	size_t n;
	bool good;
} rows[] = {
	{ UINT, IN("\x00"), true },
	{ UINT, IN("\x17"), true },
	{ UINT, IN("\x18\x18"), true },
	{ UINT, IN("\x18\x17"), false },
	{ UINT, IN("\x19\x01\x00"), true },
	{ UINT, IN("\x19\x00\xff"), false },
	{ UINT, IN("\x1a\x00\x01\x00\x00"), true },
	{ UINT, IN("\x1a\x00\x00\xff\xff"), false },
	{ UINT, IN("\x1b\x00\x00\x00\x01\x00\x00\x00\x00"), true },
	{ UINT, IN("\x1b\x00\x00\x00\x00\xff\xff\xff\xff"), false },
	{ UINT, IN("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), true },
	{ UINT, IN("\x1c"), false },
	{ UINT, IN("\x1f"), false },
	{ UINT, IN(""), false },
	{ UINT, IN("\x18"), false },
	{ UINT, IN("\x1b\x00\x00"), false },
	{ UINT, IN("\x20"), false },
	{ UINT, IN("\x40"), false },
	{ INT, IN("\x00"), true },
	{ INT, IN("\x38\x22"), true },
	{ INT, IN("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), true },
	{ INT, IN("\x3b\x80\x00\x00\x00\x00\x00\x00\x00"), false },
	{ INT, IN("\x1b\x80\x00\x00\x00\x00\x00\x00\x00"), false },
	{ INT, IN("\xf5"), false },
	{ BYTES, IN("\x40"), true },
	{ BYTES,
	  IN("\x43"
	     "abc"),
	  true },
	{ BYTES,
	  IN("\x43"
	     "ab"),
	  false },
	{ BYTES,
	  IN("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"
	     "a"),
	  false },
	{ BYTES,
	  IN("\x5f\x41"
	     "a\xff"),
	  false },
	{ BYTES,
	  IN("\x63"
	     "abc"),
	  false },
	{ BYTES, IN("\xf6"), false },
	{ TEXT,
	  IN("\x63"
	     "abc"),
	  true },
	{ TEXT, IN("\x62\xc3\xa9"), true },
	{ TEXT, IN("\x62\xc0\x80"), false },
	{ TEXT, IN("\x61\x80"), false },
	{ TEXT, IN("\x63\xed\xa0\x80"), false },
	{ TEXT, IN("\x63\xe2\x82\xac"), true },
	{ TEXT, IN("\x63\xe0\x82\xac"), false },
	{ TEXT, IN("\x64\xf0\x9f\x98\x80"), true },
	{ TEXT, IN("\x64\xf4\x90\x80\x80"), false },
	{ TEXT, IN("\x64\xf5\x80\x80\x80"), false },
	{ TEXT, IN("\x62\xe2\x82"), false },
	{ TEXT,
	  IN("\x7f\x61"
	     "a\xff"),
	  false },
	{ NUL, IN("\xf6"), true },
	{ NUL, IN("\xf5"), false },
	{ NUL, IN("\xf7"), false },
	{ NUL, IN("\xf8\x16"), false },
	{ TAG, IN("\xd2"), true },
	{ TAG, IN("\xd8\x62"), true },
	{ TAG, IN("\xdf"), false },
	{ ARRAY, IN("\x84"), true },
	{ ARRAY, IN("\x9f"), true },
	{ ARRAY, IN("\xa1"), false },
	{ MAP, IN("\xa9"), true },
	{ MAP, IN("\xbf"), true },
	{ MAP, IN("\xbc"), false },
	{ SKIP, IN("\x00"), true },
	{ SKIP, IN("\x38\x22"), true },
	{ SKIP,
	  IN("\x42"
	     "ab"),
	  true },
	{ SKIP,
	  IN("\x62"
	     "ab"),
	  true },
	{ SKIP, IN("\x61\xff"), false },
	{ SKIP, IN("\x82\x01\x02"), true },
	{ SKIP, IN("\x82\x01"), false },
	{ SKIP, IN("\xa1\x01\x02"), true },
	{ SKIP, IN("\xa1\x01"), false },
	{ SKIP, IN("\x9f\x01\x02\xff"), true },
	{ SKIP, IN("\x9f\x01\x02"), false },
	{ SKIP, IN("\xbf\x01\x02\xff"), true },
	{ SKIP, IN("\xbf\x01\xff"), false },
	{ SKIP, IN("\xff"), false },
	{ SKIP, IN("\x5f"), false },
	{ SKIP, IN("\x7f\xff"), false },
	{ SKIP, IN("\x1f"), false },
	{ SKIP, IN("\xdf\x00"), false },
	{ SKIP, IN("\xc1\x00"), true },
	{ SKIP, IN("\xc1"), false },
	{ SKIP, IN("\xf4"), true },
	{ SKIP, IN("\xf5"), true },
	{ SKIP, IN("\xf7"), false },
	{ SKIP, IN("\xe0"), false },
	{ SKIP, IN("\xf9\x3c\x00"), false },
	{ SKIP, IN("\xfa\x3f\x80\x00\x00"), false },
	{ SKIP, IN("\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x00"), false },
	{ SKIP, IN("\x81\x81\x81\x81\x81\x81\x81\x81\x00"), true },
	{ SKIP, IN("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00"), false },
};

static void test_reader(void **state)
{
	size_t left;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool good = read_as(rows[i].kind, bytes_of(rows[i].in, rows[i].n), &left);

		if (good != rows[i].good)
			fail_msg("row %zu: want %d", i, rows[i].good);
		if (left != (good ? 0 : rows[i].n)) /* all of it taken, or none */
			fail_msg("row %zu: %zu bytes left", i, left);
	}
}

static void test_writer(void **state)
{
	static const int64_t numbers[] = { 0,	  1,	 23,	    24,	       255,	 256,
					   65535, 65536, 1LL << 32, INT64_MAX, -1,	 -24,
					   -25,	  -35,	 -256,	    -257,      INT64_MIN };
	uint8_t buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct cbor_writer w = { .p = buf, .max = sizeof(buf) };
		struct bytes in;
		int64_t v;

		cbor_put_int(&w, numbers[i]);
		in = bytes_of(buf, w.n);
		assert_true(cbor_get_int(&in, &v)); /* it takes the shortest form alone */
		assert_true(v == numbers[i]);
		assert_int_equal(in.n, 0);
	}
}

static void test_writer_full(void **state)
{
	uint8_t buf[4];
	struct cbor_writer w = { .p = buf, .max = sizeof(buf) };

	(void)state;
	cbor_put_text(&w, "abc");
	assert_false(w.full);
	cbor_put_null(&w);
	assert_true(w.full);
	assert_int_equal(w.n, 4);
}

static void test_keys(void **state)
{
	struct cbor_keys keys = { .count = 0 };
	char names[CBOR_KEYS_MAX + 1][4];

	(void)state;
	for (int i = 0; i < CBOR_KEYS_MAX; i++) {
		names[i][0] = 'a' + i % 26;
		names[i][1] = 'a' + i / 26;
		assert_true(cbor_keys_add(&keys, bytes_of(names[i], 2)));
		assert_false(cbor_keys_add(&keys, bytes_of(names[i], 2)));
	}
	assert_false(cbor_keys_add(&keys, bytes_of("zz", 2)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_full),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
