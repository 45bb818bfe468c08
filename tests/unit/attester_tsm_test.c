// SPDX-License-Identifier: BSD-2-Clause
/* configfs-tsm against a kernel made of a struct: what is written, in which order, and each trap.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attester/tsm.h"

enum { REPORT = 1184, TRACE_MAX = 512 };

static struct kernel {
	/* What it shall do. */
	const char *provider;
	int exists; /* directories that are there already */
	int make_err, provider_err, inblob_err, outblob_err, auxblob_err;
	bool drops_inblob; /* takes the write, refuses the value, as at close(2) */
	bool racer;	   /* somebody else writes before the report is read */
	bool late_racer;   /* … and after it */
	size_t outblob_n;
	bool zero, tdx;
	size_t padding;
	uint8_t pad;
	size_t auxblob_n;
	const char *generation; /* instead of the true one */

	/* What was done. */
	char trace[TRACE_MAX];
	char path[512];
	unsigned int made, removed, generation_now;
	uint8_t inblob[64];
	size_t inblob_n;
	int64_t now_ms, last_ms;
	bool called, too_soon;
} kernel;

static void trace(const char *what)
{
	strncat(kernel.trace, what, sizeof(kernel.trace) - strlen(kernel.trace) - 1);
	strncat(kernel.trace, " ", sizeof(kernel.trace) - strlen(kernel.trace) - 1);
}

static int fake_make(const char *path)
{
	if (kernel.make_err)
		return kernel.make_err;
	if (kernel.exists-- > 0)
		return -EEXIST;
	kernel.made++;
	kernel.generation_now = 0;
	kernel.inblob_n = 0;
	snprintf(kernel.path, sizeof(kernel.path), "%s", path);
	return 0;
}

static int fake_remove(const char *path)
{
	assert_string_equal(path, kernel.path);
	kernel.removed++;
	return 0;
}

static int fake_write(const char *path, const char *attribute, const void *p, size_t n)
{
	assert_string_equal(path, kernel.path);
	trace(attribute);
	if (!strcmp(attribute, "inblob")) {
		if (kernel.inblob_err)
			return kernel.inblob_err;
		if (kernel.drops_inblob)
			return 0;
		assert_int_equal(n, sizeof(kernel.inblob));
		memcpy(kernel.inblob, p, n);
		kernel.inblob_n = n;
	} else {
		assert_string_equal(attribute, "privlevel");
		assert_int_equal(n, 1);
	}
	kernel.generation_now++;
	return 0;
}

/* As tsm_io has it: no more than size, or -EFBIG. */
static ssize_t put_line(char *buf, size_t size, const char *text)
{
	size_t n = strlen(text) + 1;

	if (n > size)
		return -EFBIG;
	memcpy(buf, text, n - 1);
	buf[n - 1] = '\n';
	return n;
}

static ssize_t outblob(uint8_t *buf, size_t size)
{
	if (kernel.called && kernel.now_ms - kernel.last_ms < CALLS_APART_MS)
		kernel.too_soon = true;
	kernel.called = true;
	kernel.last_ms = kernel.now_ms;
	if (kernel.outblob_err)
		return kernel.outblob_err;
	assert_true(kernel.outblob_n + kernel.padding <= size);
	memset(buf, 0, kernel.outblob_n);
	if (!kernel.zero && kernel.tdx) {
		((uint8_t *)buf)[0] = 4;
		memcpy(buf + 568, kernel.inblob, sizeof(kernel.inblob));
	} else if (!kernel.zero && kernel.outblob_n >= REPORT) {
		buf[0] = 3;
		memcpy(buf + 0x50, kernel.inblob, sizeof(kernel.inblob));
	}
	memset(buf + kernel.outblob_n, kernel.pad, kernel.padding);
	if (kernel.late_racer)
		kernel.generation_now++;
	return kernel.outblob_n + kernel.padding;
}

static ssize_t fake_read(const char *path, const char *attribute, void *buf, size_t size)
{
	assert_string_equal(path, kernel.path);
	trace(attribute);
	if (!strcmp(attribute, "provider"))
		return kernel.provider_err ? kernel.provider_err
					   : put_line(buf, size, kernel.provider);
	if (!strcmp(attribute, "generation")) {
		char text[16];

		kernel.generation_now += kernel.racer;
		snprintf(text, sizeof(text), "%u", kernel.generation_now);
		return put_line(buf, size, kernel.generation ? kernel.generation : text);
	}
	if (!strcmp(attribute, "outblob"))
		return outblob(buf, size);
	assert_string_equal(attribute, "auxblob");
	if (kernel.auxblob_err)
		return kernel.auxblob_err;
	memset(buf, 0xcc, kernel.auxblob_n);
	return kernel.auxblob_n;
}

static int64_t fake_now(void)
{
	return kernel.now_ms;
}

static void fake_sleep(int64_t ms)
{
	kernel.now_ms += ms;
}

static const struct source_clock clock_fake = { fake_now, fake_sleep };
static const struct tsm_io io = { fake_make, fake_remove, fake_write, fake_read, &clock_fake };

static struct quote quote;
static char why[WHY_MAX];
static uint8_t data[REPORT_DATA_BYTES], poison = 0xee;

static struct kernel healthy(void)
{
	return (struct kernel){ .provider = "sev_guest", .outblob_n = REPORT, .auxblob_n = 96 };
}

static int ask(struct kernel k, unsigned int vmpl)
{
	struct tsm *t = tsm_new("/tsm", vmpl, &io);
	int err;

	kernel = k;
	memset(data, 0x5a, sizeof(data));
	assert_non_null(t);
	why[0] = 0;
	memset(&quote, poison, sizeof(quote));
	err = tsm_quote(t, data, &quote, why);
	tsm_free(t);
	assert_int_equal(kernel.made, kernel.removed);
	return err;
}

static void test_quotes(void **state)
{
	(void)state;
	assert_int_equal(ask(healthy(), 0), 0);
	assert_string_equal(kernel.trace, "provider inblob generation outblob auxblob generation ");
	assert_int_equal(quote.tee, TEE_SNP);
	assert_int_equal(quote.report.n, REPORT);
	assert_memory_equal(quote.report.p + 0x50, data, sizeof(data));
	assert_int_equal(quote.certs_count, 1);
	assert_int_equal(quote.certs[0].n, 96);
	assert_int_equal(quote.certs[0].p[95], 0xcc);
	assert_int_equal(kernel.made, 1);
}

static int ask_tdx(struct kernel k)
{
	struct tsm *t = tsm_new("/tsm", 0, &io);
	int err;

	kernel = k;
	memset(data, 0x5a, sizeof(data));
	assert_non_null(t);
	tsm_expect(t, TEE_TDX);
	why[0] = 0;
	memset(&quote, poison, sizeof(quote));
	err = tsm_quote(t, data, &quote, why);
	tsm_free(t);
	assert_int_equal(kernel.made, kernel.removed);
	return err;
}

static void test_tdx(void **state)
{
	struct kernel k = { .provider = "tdx_guest", .outblob_n = 5006, .padding = 2994, .tdx = true };

	(void)state;
	assert_int_equal(ask_tdx(k), 0);
	assert_string_equal(kernel.trace, "provider inblob generation outblob generation ");
	assert_int_equal(quote.tee, TEE_TDX);
	assert_int_equal(quote.report.n, 8000);
	assert_memory_equal(quote.report.p + 568, data, sizeof(data));
	assert_int_equal(quote.certs_count, 0);
	k.late_racer = true;
	assert_int_equal(ask_tdx(k), -EBUSY);
	k.late_racer = false;
	k.outblob_err = -ETIMEDOUT;
	assert_int_equal(ask_tdx(k), -ETIMEDOUT);
	k.outblob_err = 0;
	k.zero = true;
	assert_int_equal(ask_tdx(k), -EPROTO);
	/* Neither takes the other's word. */
	assert_int_equal(ask_tdx(healthy()), -EPROTONOSUPPORT);
	assert_non_null(strstr(why, "tdx_guest"));
	k.zero = false;
	assert_int_equal(ask(k, 0), -EPROTONOSUPPORT);
}

static void test_asks_for_a_level(void **state)
{
	(void)state;
	assert_int_equal(ask(healthy(), 2), 0);
	assert_string_equal(kernel.trace,
			    "provider privlevel inblob generation outblob auxblob generation ");
}

static void test_passes_over_what_others_left(void **state)
{
	struct kernel k = healthy();

	(void)state;
	k.exists = 3;
	assert_int_equal(ask(k, 0), 0);
	k.exists = 1000;
	assert_int_equal(ask(k, 0), -EEXIST);
}

static void test_a_host_without_certificates(void **state)
{
	struct kernel k = healthy();

	(void)state;
	k.auxblob_n = 0;
	assert_int_equal(ask(k, 0), 0);
	assert_int_equal(quote.certs_count, 0);
	k.auxblob_err = -ENOENT;
	assert_int_equal(ask(k, 0), 0);
	assert_int_equal(quote.certs_count, 0);
	k.auxblob_err = -EFBIG;
	assert_int_equal(ask(k, 0), -EFBIG);
}

static void test_padding_must_be_zero(void **state)
{
	struct kernel k = healthy();

	(void)state;
	k.padding = 2816;
	assert_int_equal(ask(k, 0), 0);
	assert_int_equal(quote.report.n, REPORT);
	k.pad = 1;
	assert_int_equal(ask(k, 0), -EPROTO);
}

static void test_refuses_what_is_no_report(void **state)
{
	static const size_t sizes[] = { 0, 1, REPORT - 1 };
	struct kernel k = healthy();

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		k.outblob_n = sizes[i / 2];
		poison = i % 2 ? 0xee : 0; /* what was in the buffer before makes no difference */
		assert_int_equal(ask(k, 0), -EPROTO);
		assert_non_null(strstr(why, "want a report of 1184"));
	}
	k.outblob_n = REPORT;
	k.zero = true;
	assert_int_equal(ask(k, 0), -EPROTO);
	assert_non_null(strstr(why, "zero"));
}

/* Anybody may write to our directory: then the report is nobody's. */
static void test_throws_away_a_raced_report(void **state)
{
	struct kernel k = healthy();

	(void)state;
	k.racer = true;
	assert_int_equal(ask(k, 0), -EBUSY);
	assert_null(strstr(kernel.trace, "outblob")); /* nothing was asked of the firmware */
	k = healthy();
	k.late_racer = true;
	assert_int_equal(ask(k, 0), -EBUSY);
	assert_non_null(strstr(why, "another process"));
}

/* close(2) does not say that the kernel refused the value; the generation does. */
static void test_sees_a_value_not_taken(void **state)
{
	static const char *const nonsense[] = { "", "x", "1x", "-1", "99999999999999999999" };
	struct kernel k = healthy();

	(void)state;
	k.drops_inblob = true;
	assert_int_equal(ask(k, 0), -EINVAL);
	assert_non_null(strstr(why, "did not take"));
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
		k = healthy();
		k.generation = nonsense[i];
		assert_int_not_equal(ask(k, 0), 0);
		assert_null(strstr(kernel.trace, "outblob"));
	}
}

static void test_refuses_another_provider(void **state)
{
	static const char *const others[] = { "tdx_guest", "", "sev_guest2", "sev_gues",
					      "a provider with quite a long name" };
	struct kernel k = healthy();

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		k.provider = others[i];
		assert_int_not_equal(ask(k, 0), 0);
		assert_string_equal(kernel.trace, "provider ");
	}
}

static void test_names_each_failure(void **state)
{
	static const struct {
		size_t where;
		int err, want;
		const char *word;
	} rows[] = {
		{ offsetof(struct kernel, make_err), -ENOENT, -ENOENT, "/tsm" },
		{ offsetof(struct kernel, make_err), -ENXIO, -ENXIO, "driver" },
		{ offsetof(struct kernel, provider_err), -ENXIO, -ENXIO, "provider" },
		{ offsetof(struct kernel, inblob_err), -EFBIG, -EFBIG, "inblob" },
		{ offsetof(struct kernel, outblob_err), -EINVAL, -EINVAL, "VMPL" },
		{ offsetof(struct kernel, outblob_err), -ENOTTY, -ENOTTY, "VMPCK is disabled" },
		{ offsetof(struct kernel, outblob_err), -EIO, -EIO, "outblob" },
		{ offsetof(struct kernel, outblob_err), -EBUSY, -EBUSY, "outblob" },
		{ offsetof(struct kernel, outblob_err), -EAGAIN, -EBUSY, "outblob" },
		{ offsetof(struct kernel, outblob_err), -ETIMEDOUT, -ETIMEDOUT, "outblob" },
		{ offsetof(struct kernel, auxblob_err), -EIO, -EIO, "auxblob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kernel k = healthy();

		*(int *)((char *)&k + rows[i].where) = rows[i].err;
		assert_int_equal(ask(k, 0), rows[i].want);
		assert_non_null(strstr(why, rows[i].word));
	}
}

static void test_keeps_calls_apart(void **state)
{
	struct tsm *t = tsm_new("/tsm", 0, &io);

	(void)state;
	kernel = healthy();
	for (int i = 0; i < 3; i++)
		assert_int_equal(tsm_quote(t, data, &quote, why), 0);
	assert_false(kernel.too_soon);
	assert_int_equal(kernel.now_ms, 2 * CALLS_APART_MS);
	tsm_free(t);
}

/* The check at start must not cost a call to the firmware. */
static void test_checks_without_a_report(void **state)
{
	struct tsm *t = tsm_new("/tsm", 0, &io);

	(void)state;
	kernel = healthy();
	assert_int_equal(tsm_check(t, why), 0);
	assert_string_equal(kernel.trace, "provider ");
	assert_int_equal(kernel.removed, 1);
	kernel.provider = "tdx_guest";
	assert_int_equal(tsm_check(t, why), -EPROTONOSUPPORT);
	assert_int_equal(kernel.removed, 2);
	tsm_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_tdx),
		cmocka_unit_test(test_asks_for_a_level),
		cmocka_unit_test(test_passes_over_what_others_left),
		cmocka_unit_test(test_a_host_without_certificates),
		cmocka_unit_test(test_padding_must_be_zero),
		cmocka_unit_test(test_refuses_what_is_no_report),
		cmocka_unit_test(test_throws_away_a_raced_report),
		cmocka_unit_test(test_sees_a_value_not_taken),
		cmocka_unit_test(test_refuses_another_provider),
		cmocka_unit_test(test_names_each_failure),
		cmocka_unit_test(test_keeps_calls_apart),
		cmocka_unit_test(test_checks_without_a_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
