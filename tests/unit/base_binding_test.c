// SPDX-License-Identifier: BSD-2-Clause
/* REPORT_DATA: the exact bytes that are hashed, and that every part of them counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/sha.h>

#include "base/binding.h"

static struct binding some(void)
{
	struct binding b = { .role = "backend", .tee = TEE_SNP };

	memset(b.exporter, 1, sizeof(b.exporter));
	memset(b.spki_attester, 2, sizeof(b.spki_attester));
	memset(b.spki_peer, 3, sizeof(b.spki_peer));
	memset(b.request, 4, sizeof(b.request));
	memset(b.claims, 5, sizeof(b.claims));
	return b;
}

static size_t put(uint8_t *out, const void *p, size_t n)
{
	out[0] = n >> 8;
	out[1] = n & 0xff;
	memcpy(out + 2, p, n);
	return n + 2;
}

/* Laid out by hand from docs/protocol.md, not by the function under test. */
static void test_layout(void **state)
{
	uint8_t text[512], want[64], got[64];
	struct binding b = some();
	size_t n = 0;

	(void)state;
	n += put(text + n, "fairlead/1", 10);
	n += put(text + n, "backend", 7);
	n += put(text + n, "snp", 3);
	n += put(text + n, b.exporter, 32);
	n += put(text + n, b.spki_attester, 48);
	n += put(text + n, b.spki_peer, 48);
	n += put(text + n, b.request, 48);
	n += put(text + n, b.claims, 48);
	SHA512(text, n, want);
	assert_true(binding_report_data(&b, got));
	assert_memory_equal(got, want, sizeof(want));
}

static void differs(const struct binding *b)
{
	struct binding plain = some();
	uint8_t a[64], c[64];

	assert_true(binding_report_data(&plain, a));
	assert_true(binding_report_data(b, c));
	assert_memory_not_equal(a, c, sizeof(a));
}

static void test_every_part_counts(void **state)
{
	struct binding b;

	(void)state;
	b = some(), strcpy(b.role, "router"), differs(&b);
	b = some(), b.tee = TEE_TDX, differs(&b);
	b = some(), b.exporter[31] ^= 1, differs(&b);
	b = some(), b.spki_attester[47] ^= 1, differs(&b);
	b = some(), b.spki_peer[0] ^= 1, differs(&b);
	b = some(), b.request[47] ^= 1, differs(&b);
	b = some(), b.claims[0] ^= 1, differs(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_every_part_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
