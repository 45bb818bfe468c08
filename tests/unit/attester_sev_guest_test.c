// SPDX-License-Identifier: BSD-2-Clause
/* /dev/sev-guest against a driver made of a script: each way it fails, and the pace it is called
 * at. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/sev-guest.h>
#include <cmocka.h>

#include "attester/sev_guest.h"

/* Our copies of the kernel's structs, against the kernel's. */
_Static_assert(sizeof(struct sev_guest_request) == sizeof(struct snp_guest_request_ioctl), "");
_Static_assert(sizeof(struct sev_report_request) == sizeof(struct snp_report_req), "");
_Static_assert(sizeof(struct sev_report_response) == sizeof(struct snp_report_resp), "");
_Static_assert(sizeof(struct sev_ext_report_request) == sizeof(struct snp_ext_report_req), "");
_Static_assert(SEV_GET_REPORT == SNP_GET_REPORT, "");
_Static_assert(SEV_GET_EXT_REPORT == SNP_GET_EXT_REPORT, "");
_Static_assert(offsetof(struct sev_guest_request, fw_error) ==
		       offsetof(struct snp_guest_request_ioctl, fw_error),
	       "");
_Static_assert(offsetof(struct sev_guest_request, vmm_error) ==
		       offsetof(struct snp_guest_request_ioctl, vmm_error),
	       "");
_Static_assert(offsetof(struct sev_ext_report_request, certs_len) ==
		       offsetof(struct snp_ext_report_req, certs_len),
	       "");

enum { STEPS_MAX = 8, REPORT = 1184 };

/* What the driver shall do at one call. */
struct step {
	unsigned long code;
	int err;
	uint32_t fw_error, vmm_error;
	uint32_t wants;	 /* certs_len to write back */
	uint32_t status; /* of the response */
	bool zero;	 /* an all-zero report */
	bool no_certs;
};

static struct driver {
	struct step steps[STEPS_MAX];
	int calls;
	int64_t now_ms, last_ms; /* last_ms: end of the last call */
	int64_t slow_ms;	 /* how long a call takes */
	uint32_t certs_len;	 /* as the last call offered */
	bool too_soon, out_of_script;
} driver;

static int64_t fake_now(void)
{
	return driver.now_ms;
}

static void fake_sleep(int64_t ms)
{
	driver.now_ms += ms;
}

static void respond(const struct step *s, const struct snp_report_req *q, uint64_t where)
{
	uint8_t *r = (uint8_t *)(uintptr_t)where;

	memset(r, 0, sizeof(struct snp_report_resp));
	r[0] = s->status;
	if (s->status)
		return;
	r[4] = REPORT & 0xff;
	r[5] = REPORT >> 8;
	if (s->zero)
		return;
	r[32] = 3;
	r[32 + 0x30] = q->vmpl;
	memcpy(r + 32 + 0x50, q->user_data, sizeof(q->user_data));
}

static int fake_ioctl(int fd, unsigned long code, void *arg)
{
	const struct step *s = &driver.steps[driver.calls];
	struct snp_guest_request_ioctl *g = arg;
	struct snp_ext_report_req *q = (void *)(uintptr_t)g->req_data;

	(void)fd;
	if (driver.calls == STEPS_MAX || s->code != code || g->msg_version != 1) {
		driver.out_of_script = true;
		return -EINVAL;
	}
	if (driver.calls++ && driver.now_ms - driver.last_ms < CALLS_APART_MS)
		driver.too_soon = true;
	driver.now_ms += driver.slow_ms;
	driver.last_ms = driver.now_ms;
	g->fw_error = s->fw_error;
	g->vmm_error = s->vmm_error;
	if (code == SNP_GET_EXT_REPORT) {
		driver.certs_len = q->certs_len;
		if (s->wants)
			q->certs_len = s->wants;
		if (!s->err && !s->no_certs)
			memset((void *)(uintptr_t)q->certs_address, 0xcc, driver.certs_len);
	}
	if (!s->err)
		respond(s, &q->data, g->resp_data);
	return s->err;
}

static const struct source_clock clock_fake = { fake_now, fake_sleep };
static const struct sev_guest_io io = { fake_ioctl, &clock_fake };

static struct quote quote;
static char why[WHY_MAX];

static struct sev_guest *start(const struct step *steps, size_t count)
{
	struct sev_guest *g;

	memset(&driver, 0, sizeof(driver));
	memcpy(driver.steps, steps, count * sizeof(*steps));
	driver.now_ms = 1000;
	g = sev_guest_new(memfd_create("sev-guest", MFD_CLOEXEC), 1, &io);
	assert_non_null(g);
	return g;
}

static int ask(struct sev_guest *g, uint8_t byte)
{
	uint8_t data[REPORT_DATA_BYTES];

	memset(data, byte, sizeof(data));
	why[0] = 0;
	return sev_guest_quote(g, data, &quote, why);
}

#define START(steps) start(steps, sizeof(steps) / sizeof(*(steps)))

static void test_quotes_with_certificates(void **state)
{
	static const struct step steps[] = { { .code = SNP_GET_EXT_REPORT } };
	struct sev_guest *g = START(steps);

	(void)state;
	assert_int_equal(ask(g, 0xa5), 0);
	assert_int_equal(quote.report.n, REPORT);
	assert_int_equal(quote.report.p[0x30], 1);
	assert_int_equal(quote.report.p[0x8f], 0xa5);
	assert_int_equal(quote.certs_count, 1);
	assert_int_equal(quote.certs[0].p[0], 0xcc);
	assert_int_equal(quote.certs[0].n, driver.certs_len);
	sev_guest_free(g);
}

static void test_a_host_without_certificates(void **state)
{
	static const struct step steps[] = { { .code = SNP_GET_EXT_REPORT, .no_certs = true } };
	struct sev_guest *g = START(steps);

	(void)state;
	assert_int_equal(ask(g, 1), 0);
	assert_int_equal(quote.certs_count, 0);
	sev_guest_free(g);
}

/* The buffer grows once, and stays grown. */
static void test_grows_the_buffer_once(void **state)
{
	static const struct step steps[] = {
		{ .code = SNP_GET_EXT_REPORT, .err = -EIO, .vmm_error = 1, .wants = 0x3000 },
		{ .code = SNP_GET_EXT_REPORT },
		{ .code = SNP_GET_EXT_REPORT },
	};
	struct sev_guest *g = START(steps);

	(void)state;
	assert_int_equal(ask(g, 1), 0);
	assert_int_equal(driver.calls, 2);
	assert_int_equal(driver.certs_len, 0x3000);
	assert_int_equal(quote.certs[0].n, 0x3000);
	assert_int_equal(ask(g, 2), 0);
	assert_int_equal(driver.calls, 3);
	assert_int_equal(driver.certs_len, 0x3000);
	assert_false(driver.too_soon);
	sev_guest_free(g);
}

/* A host that always wants more, or what the driver does not take: a report without certificates.
 */
static void test_gives_up_on_certificates(void **state)
{
	static const uint32_t absurd[] = { 0x8000, 0x3001, 0x1000, 0, 0xfffff000 };
	static const struct step twice[] = {
		{ .code = SNP_GET_EXT_REPORT, .err = -EIO, .vmm_error = 1, .wants = 0x3000 },
		{ .code = SNP_GET_EXT_REPORT, .err = -EIO, .vmm_error = 1, .wants = 0x4000 },
		{ .code = SNP_GET_REPORT },
	};
	struct sev_guest *g = START(twice);

	(void)state;
	assert_int_equal(ask(g, 1), 0);
	assert_int_equal(driver.calls, 3);
	assert_int_equal(quote.certs_count, 0);
	assert_int_equal(quote.report.n, REPORT);
	assert_false(driver.too_soon);
	sev_guest_free(g);
	for (size_t i = 0; i < sizeof(absurd) / sizeof(*absurd); i++) {
		struct step steps[] = {
			{ .code = SNP_GET_EXT_REPORT,
			  .err = -ENOSPC,
			  .vmm_error = 1,
			  .wants = absurd[i] },
			{ .code = SNP_GET_REPORT },
		};

		g = START(steps);
		assert_int_equal(ask(g, 1), 0);
		assert_int_equal(driver.calls, 2);
		assert_int_equal(quote.certs_count, 0);
		sev_guest_free(g);
	}
}

static void test_names_each_failure(void **state)
{
	static const struct {
		struct step step;
		int err;
		const char *word;
	} rows[] = {
		{ { .err = -EIO, .vmm_error = 2 }, -EBUSY, "throttles" },
		{ { .err = -EAGAIN }, -EBUSY, "throttles" },
		{ { .err = -ETIMEDOUT, .fw_error = 0xff }, -ETIMEDOUT, "minute" },
		{ { .err = -EIO, .fw_error = 0x16 }, -EIO, "VMPL" },
		{ { .err = -EIO, .fw_error = 0x22 }, -EIO, "0x22" },
		{ { .status = 0x16 }, -EINVAL, "VMPL" },
		{ { .status = 0x27 }, -ENOKEY, "key" },
		{ { .zero = true }, -EPROTO, "all zero" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct step s = rows[i].step;
		struct sev_guest *g;

		s.code = SNP_GET_EXT_REPORT;
		g = start(&s, 1);
		assert_int_equal(ask(g, 1), rows[i].err);
		assert_non_null(strstr(why, rows[i].word));
		assert_int_equal(driver.calls, 1);
		sev_guest_free(g);
	}
}

/* Once the key is gone the driver is left alone. */
static void test_enotty_is_for_good(void **state)
{
	static const struct step steps[] = { { .code = SNP_GET_EXT_REPORT, .err = -ENOTTY } };
	struct sev_guest *g = START(steps);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(g, 1), -ENOTTY);
		assert_non_null(strstr(why, "VMPCK is disabled"));
	}
	assert_int_equal(driver.calls, 1);
	assert_false(driver.out_of_script);
	sev_guest_free(g);
}

/* Two seconds between the end of a call and the next, also after a failure and a slow one. */
static void test_keeps_calls_apart(void **state)
{
	static const struct step steps[] = {
		{ .code = SNP_GET_EXT_REPORT },
		{ .code = SNP_GET_EXT_REPORT, .err = -EIO, .vmm_error = 2 },
		{ .code = SNP_GET_EXT_REPORT },
	};
	struct sev_guest *g = START(steps);

	(void)state;
	driver.slow_ms = 5000;
	assert_int_equal(ask(g, 1), 0);
	assert_int_equal(ask(g, 2), -EBUSY);
	assert_int_equal(ask(g, 3), 0);
	assert_false(driver.too_soon);
	assert_int_equal(driver.now_ms, 1000 + 3 * 5000 + 2 * CALLS_APART_MS);
	sev_guest_free(g);
}

/* Somebody else has the lock: we wait with an end, and never call the driver. */
static void test_waits_for_the_lock(void **state)
{
	static const struct step steps[] = { { .code = SNP_GET_EXT_REPORT } };
	char path[] = "/tmp/attester-lock-XXXXXX";
	struct sev_guest *g;
	int other;

	(void)state;
	memset(&driver, 0, sizeof(driver));
	driver.steps[0] = steps[0];
	other = mkstemp(path);
	assert_true(other >= 0);
	assert_int_equal(flock(other, LOCK_EX), 0);
	g = sev_guest_new(open(path, O_RDWR | O_CLOEXEC), 0, &io);
	unlink(path);
	assert_int_equal(ask(g, 1), -EBUSY);
	assert_non_null(strstr(why, "lock"));
	assert_int_equal(driver.calls, 0);
	assert_true(driver.now_ms >= 60000 && driver.now_ms <= 120000);
	flock(other, LOCK_UN);
	assert_int_equal(ask(g, 1), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0); /* let go after the quote */
	close(other);
	sev_guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes_with_certificates),
		cmocka_unit_test(test_a_host_without_certificates),
		cmocka_unit_test(test_grows_the_buffer_once),
		cmocka_unit_test(test_gives_up_on_certificates),
		cmocka_unit_test(test_names_each_failure),
		cmocka_unit_test(test_enotty_is_for_good),
		cmocka_unit_test(test_keeps_calls_apart),
		cmocka_unit_test(test_waits_for_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
