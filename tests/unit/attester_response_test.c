// SPDX-License-Identifier: BSD-2-Clause
/* The firmware's response: only a whole, non-zero report under status 0 gets through. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attester/snp_response.h"

enum { RESPONSE = 4000, HEADER = 32, REPORT = 1184 };

static void make(uint8_t b[RESPONSE])
{
	memset(b, 0, RESPONSE);
	b[4] = REPORT & 0xff;
	b[5] = REPORT >> 8;
	b[HEADER] = 3;
	b[HEADER + REPORT - 1] = 7;
	b[HEADER + REPORT] = 9; /* not of the report */
}

static int parse(const uint8_t *b, size_t n, struct bytes *report, char why[WHY_MAX])
{
	/* In a block of its very size, so that a sanitizer sees a read past the end. */
	uint8_t *copy = malloc(n ? n : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, b, n);
	why[0] = 0;
	err = snp_response_parse(bytes_of(copy, n), report, why);
	if (!err)
		*report = bytes_of(b + (report->p - copy), report->n);
	free(copy);
	return err;
}

static void test_takes_a_report(void **state)
{
	uint8_t b[RESPONSE];
	char why[WHY_MAX];
	struct bytes r;

	(void)state;
	make(b);
	assert_int_equal(parse(b, sizeof(b), &r, why), 0);
	assert_ptr_equal(r.p, b + HEADER);
	assert_int_equal(r.n, REPORT);
}

static void test_refuses_a_status(void **state)
{
	static const struct {
		uint8_t status;
		int err;
		const char *word;
	} rows[] = {
		{ 0x16, -EINVAL, "VMPL" },
		{ 0x27, -ENOKEY, "key" },
		{ 0x01, -EIO, "0x1" },
		{ 0xff, -EIO, "0xff" },
	};
	uint8_t b[RESPONSE];
	char why[WHY_MAX];
	struct bytes r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make(b);
		b[0] = rows[i].status;
		assert_int_equal(parse(b, sizeof(b), &r, why), rows[i].err);
		assert_non_null(strstr(why, rows[i].word));
		assert_null(r.p);
	}
	make(b);
	b[3] = 1; /* the high byte counts, too */
	assert_int_equal(parse(b, sizeof(b), &r, why), -EIO);
}

static void test_refuses_a_size(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 793, 1183, 1185, 2600, 3968, 4000, 0xffffffff };
	uint8_t b[RESPONSE];
	char why[WHY_MAX];
	struct bytes r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		make(b);
		for (int k = 0; k < 4; k++)
			b[4 + k] = sizes[i] >> 8 * k;
		assert_int_equal(parse(b, sizeof(b), &r, why), -EPROTO);
		assert_null(r.p);
	}
}

static void test_refuses_a_cut_response(void **state)
{
	uint8_t b[RESPONSE];
	char why[WHY_MAX];
	struct bytes r = { 0 };

	(void)state;
	make(b);
	for (size_t n = 0; n < HEADER + REPORT; n++)
		assert_int_equal(parse(b, n, &r, why), -EPROTO);
	assert_int_equal(parse(b, HEADER + REPORT, &r, why), 0);
}

static void test_refuses_an_all_zero_report(void **state)
{
	uint8_t b[RESPONSE];
	char why[WHY_MAX];
	struct bytes r = { 0 };

	(void)state;
	make(b);
	memset(b + HEADER, 0, REPORT);
	assert_int_equal(parse(b, sizeof(b), &r, why), -EPROTO);
	assert_non_null(strstr(why, "all zero"));
	b[HEADER + REPORT - 1] = 1; /* one bit anywhere makes it the verifier's business */
	assert_int_equal(parse(b, sizeof(b), &r, why), 0);
}

/* A genuine response of a Milan part, and the report that its finders took from it. */
static void test_takes_a_genuine_response(void **state)
{
	const char *base = getenv("FAIRLEAD_VECTORS");
	char path[512], why[WHY_MAX];
	uint8_t b[RESPONSE];
	struct bytes r;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/snp/lit-msg-report-rsp/msg_report_rsp.bin",
		 base ? base : "../shared/vectors");
	f = fopen(path, "re");
	if (!f) {
		print_message("skipped: no vectors: %s; set FAIRLEAD_VECTORS\n", path);
		skip();
	}
	assert_int_equal(fread(b, 1, sizeof(b), f), sizeof(b));
	fclose(f);
	assert_int_equal(parse(b, sizeof(b), &r, why), 0);
	assert_int_equal(r.n, REPORT);
	assert_int_equal(r.p[0], 2);	    /* version */
	assert_int_equal(r.p[0x34], 1);	    /* ECDSA P-384 with SHA-384 */
	assert_int_equal(r.p[0x187], 0x73); /* reported microcode */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_a_report),
		cmocka_unit_test(test_refuses_a_status),
		cmocka_unit_test(test_refuses_a_size),
		cmocka_unit_test(test_refuses_a_cut_response),
		cmocka_unit_test(test_refuses_an_all_zero_report),
		cmocka_unit_test(test_takes_a_genuine_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
