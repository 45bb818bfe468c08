// SPDX-License-Identifier: BSD-2-Clause
/* /dev/nsm against a driver made of a script: each way it fails, and what hostile answers get. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "attester/nitro_format.h"
#include "attester/nsm.h"
#include "base/cbor.h"

enum { STEPS_MAX = 8 };

/* What the driver shall do at one call: fail, or answer. */
struct step {
	int err;
	void (*answer)(struct cbor_writer *w, struct bytes user_data);
	uint64_t says; /* length written, when it is a lie */
};

static struct driver {
	struct step steps[STEPS_MAX];
	int calls;
	int64_t now_ms, last_ms;
	bool too_soon, bad_request;
} driver;

static int64_t fake_now(void)
{
	return driver.now_ms;
}

static void fake_sleep(int64_t ms)
{
	driver.now_ms += ms;
}

/* COSE around a payload that says what it is over, as far as an attester looks. */
static void put_document(struct cbor_writer *w, struct bytes user_data)
{
	uint8_t payload[256], document[512];
	struct cbor_writer p = { .p = payload, .max = sizeof(payload) },
			   d = { .p = document, .max = sizeof(document) };

	cbor_put_map(&p, 2);
	cbor_put_text(&p, "module_id");
	cbor_put_text(&p, "i-0-enc0");
	cbor_put_text(&p, "user_data");
	cbor_put_bytes(&p, user_data);
	cbor_put_array(&d, 4);
	cbor_put_bytes(&d, bytes_of("\xa1\x01\x38\x22", 4));
	cbor_put_map(&d, 0);
	cbor_put_bytes(&d, bytes_of(payload, p.n));
	cbor_put_bytes(&d, bytes_of(NULL, 0));
	cbor_put_bytes(w, bytes_of(document, d.n));
}

static void good(struct cbor_writer *w, struct bytes user_data)
{
	cbor_put_map(w, 1);
	cbor_put_text(w, "Attestation");
	cbor_put_map(w, 1);
	cbor_put_text(w, "document");
	put_document(w, user_data);
}

static void other_data(struct cbor_writer *w, struct bytes user_data)
{
	uint8_t other[REPORT_DATA_BYTES];

	memcpy(other, user_data.p, sizeof(other));
	other[0] ^= 1;
	good(w, bytes_of(other, sizeof(other)));
}

static void error_of(struct cbor_writer *w, const char *code)
{
	cbor_put_map(w, 1);
	cbor_put_text(w, "Error");
	cbor_put_text(w, code);
}

static void internal_error(struct cbor_writer *w, struct bytes user_data)
{
	(void)user_data;
	error_of(w, "InternalError");
}

static void invalid_argument(struct cbor_writer *w, struct bytes user_data)
{
	(void)user_data;
	error_of(w, "InvalidArgument");
}

static void rude_error(struct cbor_writer *w, struct bytes user_data)
{
	(void)user_data;
	error_of(w, "\033[2J\n");
}

static void other_answer(struct cbor_writer *w, struct bytes user_data)
{
	(void)user_data;
	cbor_put_text(w, "LockPCR");
}

static void trailing(struct cbor_writer *w, struct bytes user_data)
{
	good(w, user_data);
	cbor_put_null(w);
}

static void empty_document(struct cbor_writer *w, struct bytes user_data)
{
	(void)user_data;
	cbor_put_map(w, 1);
	cbor_put_text(w, "Attestation");
	cbor_put_map(w, 1);
	cbor_put_text(w, "document");
	cbor_put_bytes(w, bytes_of(NULL, 0));
}

static void nothing(struct cbor_writer *w, struct bytes user_data)
{
	(void)w;
	(void)user_data;
}

/* A document larger than any buffer, of which the driver gives as much as fits. */
static void endless(struct cbor_writer *w, struct bytes user_data)
{
	(void)user_data;
	cbor_put_map(w, 1);
	cbor_put_text(w, "Attestation");
	cbor_put_map(w, 1);
	cbor_put_text(w, "document");
	memcpy(w->p + w->n, "\x59\xff\xff", 3);
	w->n = w->max;
}

/* What is asked: {"Attestation": {"user_data": 64 bytes, "nonce": null, "public_key": null}} */
static bool read_request(struct bytes in, struct bytes *user_data)
{
	struct cbor_items items;
	struct bytes key;

	return cbor_get_map(&in, &items) && items.left == 1 && cbor_get_text(&in, &key) &&
	       bytes_equal(key, bytes_of("Attestation", 11)) && cbor_get_map(&in, &items) &&
	       items.left == 3 && cbor_get_text(&in, &key) &&
	       bytes_equal(key, bytes_of("user_data", 9)) && cbor_get_bytes(&in, user_data) &&
	       user_data->n == REPORT_DATA_BYTES && cbor_get_text(&in, &key) &&
	       bytes_equal(key, bytes_of("nonce", 5)) && cbor_get_null(&in) &&
	       cbor_get_text(&in, &key) && bytes_equal(key, bytes_of("public_key", 10)) &&
	       cbor_get_null(&in) && !in.n;
}

static int fake_ioctl(int fd, unsigned long code, void *arg)
{
	const struct step *s = &driver.steps[driver.calls];
	struct nsm_raw *raw = arg;
	struct cbor_writer w = { .p = (uint8_t *)(uintptr_t)raw->response.addr,
				 .max = raw->response.len };
	struct bytes user_data;

	(void)fd;
	if (driver.calls == STEPS_MAX || code != 0xc0200a00 || raw->response.len != 0x3000 ||
	    !read_request(bytes_of((void *)(uintptr_t)raw->request.addr, raw->request.len),
			  &user_data)) {
		driver.bad_request = true;
		return -EINVAL;
	}
	if (driver.calls++ && driver.now_ms - driver.last_ms < CALLS_APART_MS)
		driver.too_soon = true;
	driver.last_ms = driver.now_ms;
	if (s->err)
		return s->err;
	s->answer(&w, user_data);
	raw->response.len = s->says ? s->says : w.n;
	return 0;
}

static const struct source_clock clock_fake = { fake_now, fake_sleep };
static const struct nsm_io io = { fake_ioctl, &clock_fake };
static struct quote quote;
static char why[WHY_MAX];

/* As attester.c asks and looks at the answer. */
static int ask(const struct step *steps, size_t count)
{
	struct nsm *n = nsm_new(memfd_create("nsm", MFD_CLOEXEC), &io);
	uint8_t data[REPORT_DATA_BYTES];
	int err;

	assert_non_null(n);
	memset(&driver, 0, sizeof(driver));
	memcpy(driver.steps, steps, count * sizeof(*steps));
	memset(data, 0xda, sizeof(data));
	why[0] = 0;
	err = nsm_quote(n, data, &quote, why);
	nsm_free(n);
	assert_false(driver.bad_request);
	assert_false(driver.too_soon);
	assert_true(!err || why[0]);
	return err;
}

static void test_quotes(void **state)
{
	const struct step steps[] = { { .answer = good } };
	struct bytes data;

	(void)state;
	assert_int_equal(ask(steps, 1), 0);
	assert_int_equal(quote.tee, TEE_NITRO);
	assert_int_equal(quote.certs_count, 0);
	assert_true(nitro_user_data(quote.report, &data));
	assert_int_equal(data.n, REPORT_DATA_BYTES);
	assert_int_equal(data.p[0], 0xda);
}

static void test_busy(void **state)
{
	const struct step once[] = { { .err = -EBUSY }, { .answer = good } },
			  always[] = { { .err = -EBUSY }, { .err = -EAGAIN }, { .err = -EINTR } };

	(void)state;
	assert_int_equal(ask(once, 2), 0);
	assert_int_equal(driver.calls, 2);
	assert_int_equal(ask(always, 3), -EBUSY);
	assert_int_equal(driver.calls, 3);
	assert_non_null(strstr(why, "again later"));
}

static const struct {
	struct step step;
	int want;
	const char *says;
} rows[] = {
	{ { .err = -EACCES }, -EACCES, "does not let" },
	{ { .err = -EMSGSIZE }, -EMSGSIZE, "want a document" },
	{ { .err = -EIO }, -EIO, "want a document" },
	{ { .answer = internal_error }, -EIO, "InternalError" },
	{ { .answer = invalid_argument }, -EINVAL, "InvalidArgument" },
	{ { .answer = rude_error }, -EPROTO, "no word" },
	{ { .answer = other_answer }, -EPROTO, "not {Attestation" },
	{ { .answer = trailing }, -EPROTO, "not {Attestation" },
	{ { .answer = empty_document }, -EPROTO, "not {Attestation" },
	{ { .answer = nothing }, -EPROTO, "0 bytes" },
	{ { .answer = endless }, -EPROTO, "cut off" },
	{ { .answer = good, .says = 0x3001 }, -EPROTO, "12289" },
	{ { .answer = good, .says = UINT64_MAX }, -EPROTO, "wrote" },
	{ { .answer = good, .says = 100 }, -EPROTO, "100 bytes" },
};

static void test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int err = ask(&rows[i].step, 1);

		if (err != rows[i].want || !strstr(why, rows[i].says))
			fail_msg("row %zu: got %d: %s", i, err, why);
		assert_int_equal(driver.calls, 1);
		for (const char *s = why; *s; s++)
			assert_true(*s >= ' '); /* it is shown to people */
	}
}

/* The driver waits for two minutes by itself: it is not asked again at once. */
static void test_timeout(void **state)
{
	const struct step steps[] = { { .err = -ETIMEDOUT }, { .answer = good } };

	(void)state;
	assert_int_equal(ask(steps, 2), -ETIMEDOUT);
	assert_int_equal(driver.calls, 1);
}

/* A source of one answer, to see what attester.c makes of it. */
static int quote_other(void *source, const uint8_t report_data[REPORT_DATA_BYTES],
		       struct quote *out, char text[WHY_MAX])
{
	return nsm_quote(source, report_data, out, text);
}

static void close_other(void *source)
{
	nsm_free(source);
}

static void test_other_data(void **state)
{
	static const struct source_ops ops = { "test", TEE_NITRO, NULL, quote_other, close_other };
	struct attester *a = attester_new(&ops, nsm_new(memfd_create("nsm", MFD_CLOEXEC), &io));
	uint8_t data[REPORT_DATA_BYTES] = { 1 };

	(void)state;
	memset(&driver, 0, sizeof(driver));
	driver.steps[0].answer = other_data;
	driver.steps[1].answer = good;
	driver.now_ms = CALLS_APART_MS;
	assert_int_equal(attester_quote(a, data, &quote, why), -EPROTO);
	assert_non_null(strstr(why, "other REPORT_DATA"));
	driver.now_ms += CALLS_APART_MS;
	assert_int_equal(attester_quote(a, data, &quote, why), 0);
	attester_close(a);
}

static void test_sources(void **state)
{
	struct attester_config c = { .tee = TEE_NITRO, .source = ATTESTER_SEV_GUEST };
	struct attester *a;

	(void)state;
	assert_int_equal(attester_open(&c, &a, why), -EPROTONOSUPPORT);
	c = (struct attester_config){ .tee = TEE_SNP, .source = ATTESTER_NSM };
	assert_int_equal(attester_open(&c, &a, why), -EPROTONOSUPPORT);
	c = (struct attester_config){ .tee = TEE_NITRO, .device = "/nonexistent/nsm" };
	assert_int_equal(attester_open(&c, &a, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/nsm"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotes),	   cmocka_unit_test(test_busy),
		cmocka_unit_test(test_failures),   cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_other_data), cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
