// SPDX-License-Identifier: BSD-2-Clause
/*
 * /dev/tdx_guest against a driver made of a script, and a quote generation service at the other
 * end of a socket that says what it was told to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "attester/tdx_guest.h"

enum {
	QUOTE_SIZE = 5000,
	QUOTE_DATA_OFFSET = 48 + 520, /* REPORTDATA in version 4 */
	ANSWER_SIZE = 16 + 8 + QUOTE_SIZE,
	ANSWER_MAX = 4 + ANSWER_SIZE + 16,
	TRIES_MAX = 4,
};

static struct scene {
	int ioctl_err[TRIES_MAX]; /* of each call */
	int ioctls, connects;
	int connect_err;
	bool mute;		     /* the service neither answers nor closes */
	bool other_data, other_type; /* what the TDREPORT has */
	uint8_t answer[ANSWER_MAX];
	size_t answer_n; /* after which the service closes */
	unsigned int port;
} scene;

static struct quote quote;
static char why[WHY_MAX];

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct tdx_report_request *r = arg;
	int err = scene.ioctl_err[scene.ioctls++];

	(void)fd;
	assert_int_equal(request, 0xc4405401);
	if (err)
		return err;
	memset(r->report, 0, sizeof(r->report));
	r->report[0] = scene.other_type ? 0 : TDREPORT_TYPE;
	memcpy(r->report + TDREPORT_DATA_OFFSET, r->report_data, REPORT_DATA_BYTES);
	r->report[TDREPORT_DATA_OFFSET] ^= scene.other_data;
	return 0;
}

/* The service lives in a process: it reads a whole request, answers and closes. */
static int fake_connect(unsigned int port, char said[WHY_MAX])
{
	uint8_t request[QGS_REQUEST_SIZE];
	int ends[2];

	scene.connects++;
	scene.port = port;
	if (scene.connect_err) {
		snprintf(said, WHY_MAX, "nobody");
		return scene.connect_err;
	}
	assert_false(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
	fcntl(ends[1], F_SETFL, 0); /* it waits, we do not */
	if (fork() == 0) {
		close(ends[0]);
		if (recv(ends[1], request, sizeof(request), MSG_WAITALL) != sizeof(request))
			_exit(1);
		if (scene.mute)
			_exit(recv(ends[1], request, 1, 0) != 0);
		for (size_t at = 0; at < scene.answer_n; at += 700) /* in pieces */
			send(ends[1], scene.answer + at,
			     scene.answer_n - at < 700 ? scene.answer_n - at : 700, MSG_NOSIGNAL);
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

static struct tdx_guest_io io = { fake_ioctl, fake_connect, &source_clock_real, QGS_PATIENCE_MS };

static void put(uint8_t *p, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void put_length(uint32_t n)
{
	put(scene.answer, __builtin_bswap32(n), 4);
}

/* A service that does what it should; rows change what follows. */
static void set_good(void)
{
	uint8_t *p = scene.answer + 4;

	while (waitpid(-1, NULL, 0) > 0)
		;
	memset(&scene, 0, sizeof(scene));
	put_length(ANSWER_SIZE);
	put(p, 1, 2);
	put(p + 4, 1, 4);
	put(p + 8, ANSWER_SIZE, 4);
	put(p + 20, QUOTE_SIZE, 4);
	memset(p + 24, 0x51, QUOTE_SIZE);
	put(p + 24, 4, 2);
	memset(p + 24 + QUOTE_DATA_OFFSET, 0xda, REPORT_DATA_BYTES);
	scene.answer_n = 4 + ANSWER_SIZE;
}

static int ask_port(unsigned int port)
{
	struct tdx_guest *g = tdx_guest_new(memfd_create("tdx", MFD_CLOEXEC), port, &io);
	uint8_t data[REPORT_DATA_BYTES];
	int err;

	assert_non_null(g);
	memset(data, 0xda, sizeof(data));
	why[0] = 0;
	err = tdx_guest_quote(g, data, &quote, why);
	tdx_guest_free(g);
	assert_true(!err || why[0]);
	return err;
}

static int ask(void)
{
	return ask_port(0);
}

static void test_request(void **state)
{
	static const uint8_t head[] = { 0, 0, 4, 0x18, 1, 0, 0, 0, 0, 0, 0, 0, 0x18, 4,
					0, 0, 0, 0,    0, 0, 0, 4, 0, 0, 0, 0, 0,    0 };
	uint8_t report[TDREPORT_SIZE], out[QGS_REQUEST_SIZE];

	(void)state;
	memset(report, 0xab, sizeof(report));
	qgs_request(report, out);
	assert_memory_equal(out, head, sizeof(head));
	assert_memory_equal(out + sizeof(head), report, sizeof(report));
	assert_int_equal(sizeof(out), sizeof(head) + sizeof(report));
}

static void test_quotes(void **state)
{
	(void)state;
	set_good();
	assert_int_equal(ask(), 0);
	assert_int_equal(quote.tee, TEE_TDX);
	assert_int_equal(quote.certs_count, 0);
	assert_int_equal(quote.report.n, QUOTE_SIZE);
	assert_int_equal(quote.report.p[QUOTE_DATA_OFFSET], 0xda);
	assert_int_equal(scene.port, 4050);
	set_good();
	assert_int_equal(ask_port(4051), 0);
	assert_int_equal(scene.port, 4051);
}

static void test_key_before_quote(void **state)
{
	(void)state;
	set_good();
	put(scene.answer + 4 + 16, 16, 4);
	put(scene.answer + 4 + 20, QUOTE_SIZE - 16, 4);
	assert_int_equal(ask(), 0);
	assert_int_equal(quote.report.n, QUOTE_SIZE - 16);
}

static void test_driver(void **state)
{
	static const struct {
		int err[TRIES_MAX], want, calls;
		const char *says;
	} rows[] = {
		{ { -EBUSY, 0 }, 0, 2, "" },
		{ { -EINTR, -EAGAIN, 0 }, 0, 3, "" },
		{ { -EBUSY, -EBUSY, -EBUSY, -EBUSY }, -EBUSY, 3, "again later" },
		{ { -EIO }, -EIO, 1, "TDX module" },
		{ { -ENOTTY }, -ENOTTY, 1, "6.2" },
		{ { -EPERM }, -EPERM, 1, "TDREPORT" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int err;

		set_good();
		memcpy(scene.ioctl_err, rows[i].err, sizeof(scene.ioctl_err));
		err = ask();
		if (err != rows[i].want || scene.ioctls != rows[i].calls ||
		    (err && !strstr(why, rows[i].says)))
			fail_msg("row %zu: got %d: %s", i, err, why);
		assert_int_equal(scene.connects, err ? 0 : 1);
	}
}

/* A TDREPORT that is none, or over something else, is not even sent on. */
static void test_wrong_report(void **state)
{
	(void)state;
	set_good();
	scene.other_type = true;
	assert_int_equal(ask(), -EPROTO);
	assert_non_null(strstr(why, "type 0x0"));
	set_good();
	scene.other_data = true;
	assert_int_equal(ask(), -EPROTO);
	assert_non_null(strstr(why, "other REPORTDATA"));
	assert_int_equal(scene.connects, 0);
}

static void test_no_service(void **state)
{
	(void)state;
	set_good();
	scene.connect_err = -ECONNRESET;
	assert_int_equal(ask(), -ECONNRESET);
	assert_string_equal(why, "nobody");
}

static void test_mute_service(void **state)
{
	(void)state;
	set_good();
	scene.mute = true;
	io.patience_ms = 50;
	assert_int_equal(ask(), -ETIMEDOUT);
	assert_non_null(strstr(why, "too long"));
	io.patience_ms = QGS_PATIENCE_MS;
}

/* Offsets in the answer behind its length. */
static const struct {
	size_t at, n;
	uint32_t value;
	int want;
	const char *says;
} lies[] = {
	{ 0, 2, 2, -EPROTO, "version 2" },
	{ 4, 4, 0, -EPROTO, "type 0" },
	{ 4, 4, 3, -EPROTO, "type 3" },
	{ 8, 4, ANSWER_SIZE + 1, -EPROTO, "size" },
	{ 8, 4, ANSWER_SIZE - 1, -EPROTO, "size" },
	{ 12, 4, 0x12001, -EIO, "error 0x12001" },
	{ 12, 4, 0x12002, -EBUSY, "error 0x12002" },
	{ 16, 4, 1, -EPROTO, "do not hold" },
	{ 16, 4, UINT32_MAX, -EPROTO, "do not hold" },
	{ 20, 4, QUOTE_SIZE + 1, -EPROTO, "do not hold" },
	{ 20, 4, QUOTE_SIZE - 1, -EPROTO, "do not hold" },
	{ 20, 4, 0, -EPROTO, "do not hold" },
	{ 20, 4, UINT32_MAX, -EPROTO, "do not hold" },
};

static void test_lies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		int err;

		set_good();
		put(scene.answer + 4 + lies[i].at, lies[i].value, lies[i].n);
		err = ask();
		if (err != lies[i].want || !strstr(why, lies[i].says))
			fail_msg("row %zu: got %d: %s", i, err, why);
	}
}

static void test_lengths(void **state)
{
	static const uint32_t bad[] = { 0, 15, EVIDENCE_MAX + 1, INT32_MAX, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		set_good();
		put_length(bad[i]);
		assert_int_equal(ask(), -EPROTO);
		assert_non_null(strstr(why, "want 16 to 65536"));
	}
}

/* The service may die at any byte. */
static void test_truncated(void **state)
{
	(void)state;
	for (size_t n = 0; n < 4 + ANSWER_SIZE; n += n < 40 ? 1 : 811) {
		set_good();
		scene.answer_n = n;
		assert_int_equal(ask(), -ENODATA);
		assert_non_null(strstr(why, "closed before"));
	}
}

/* Every cut of a message, without a service: never a quote from beyond it. */
static void test_cut_messages(void **state)
{
	struct bytes got;

	(void)state;
	set_good();
	for (size_t n = 0; n < ANSWER_SIZE; n++) {
		put(scene.answer + 4 + 8, n, 4);
		assert_int_equal(qgs_response(bytes_of(scene.answer + 4, n), &got, why), -EPROTO);
	}
}

static int quote_any(void *source, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		     char text[WHY_MAX])
{
	return tdx_guest_quote(source, report_data, out, text);
}

static void close_any(void *source)
{
	tdx_guest_free(source);
}

/* Whatever the service gives, what is not over the data asked for goes no further. */
static void test_other_quote(void **state)
{
	static const struct source_ops ops = { "test", TEE_TDX, NULL, quote_any, close_any };
	struct attester *a =
		attester_new(&ops, tdx_guest_new(memfd_create("tdx", MFD_CLOEXEC), 0, &io));
	uint8_t data[REPORT_DATA_BYTES];

	(void)state;
	assert_non_null(a);
	memset(data, 0xda, sizeof(data));
	data[63] ^= 1;
	set_good();
	assert_int_equal(attester_quote(a, data, &quote, why), -EPROTO);
	assert_non_null(strstr(why, "other REPORT_DATA"));
	attester_close(a);
}

static void test_sources(void **state)
{
	struct attester_config c = { .tee = TEE_SNP, .source = ATTESTER_TDX_GUEST };
	struct attester *a;

	(void)state;
	assert_int_equal(attester_open(&c, &a, why), -EPROTONOSUPPORT);
	c = (struct attester_config){ .tee = TEE_TDX,
				      .tsm = "/nonexistent/tsm",
				      .device = "/nonexistent/tdx_guest" };
	assert_int_equal(attester_open(&c, &a, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/tsm"));
	assert_non_null(strstr(why, "/nonexistent/tdx_guest"));
	strcpy(c.device, "/dev/null"); /* it opens, so it is what there is */
	assert_int_equal(attester_open(&c, &a, why), 0);
	assert_int_equal(attester_sandbox(a), SANDBOX_VSOCK);
	attester_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),		 cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_key_before_quote), cmocka_unit_test(test_driver),
		cmocka_unit_test(test_wrong_report),	 cmocka_unit_test(test_no_service),
		cmocka_unit_test(test_mute_service),	 cmocka_unit_test(test_lies),
		cmocka_unit_test(test_lengths),		 cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_cut_messages),	 cmocka_unit_test(test_other_quote),
		cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
