// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages between our own processes: what was put comes out, and no cut, padded or
 * foreign message is ever taken for a whole one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/messages.h"

static uint8_t buf[IPC_MAX], in_buf[IPC_MAX];

static struct msg_evidence some_evidence(void)
{
	struct msg_evidence e = {
		.generation = 7,
		.request = 0x1122334455667788,
		.report = bytes_of("report", 6),
		.certs = { bytes_of("leaf", 4), bytes_of("", 0) },
		.certs_count = 2,
		.claims = bytes_of("{}", 2),
	};

	strcpy(e.binding.role, "backend");
	e.binding.tee = TEE_SNP;
	memset(e.binding.exporter, 0xe1, sizeof(e.binding.exporter));
	memset(e.binding.claims, 0xc1, sizeof(e.binding.claims));
	return e;
}

static void test_round_trip(void **state)
{
	struct msg_evidence e = some_evidence(), got = { 0 };
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_EVIDENCE, 42);
	struct ipc_message m;
	int fds[2];

	(void)state;
	assert_int_equal(ipc_pair(fds), 0);
	msg_evidence_put(&w, &e);
	assert_int_equal(ipc_send(fds[0], &w), 0);
	assert_int_equal(ipc_receive(fds[1], in_buf, sizeof(in_buf), &m), 1);
	assert_int_equal(m.type, MSG_EVIDENCE);
	assert_int_equal(m.id, 42);
	assert_true(msg_evidence_get(m.body, &got));
	assert_int_equal(got.request, e.request);
	assert_int_equal(got.certs_count, 2);
	assert_true(bytes_equal(got.report, e.report));
	assert_memory_equal(&got.binding, &e.binding, sizeof(e.binding));
	assert_int_equal(ipc_receive(fds[1], in_buf, sizeof(in_buf), &m), -EAGAIN);
	close(fds[0]);
	assert_int_equal(ipc_receive(fds[1], in_buf, sizeof(in_buf), &m), 0);
	close(fds[1]);
}

/* Every shorter body, and one byte more, is refused. */
static void test_any_cut_is_refused(void **state)
{
	struct msg_evidence e = some_evidence(), got;
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_EVIDENCE, 1);
	size_t head = w.n;
	uint8_t *exact;

	(void)state;
	msg_evidence_put(&w, &e);
	for (size_t n = 0; n < w.n - head; n++) {
		exact = malloc(n + 1); /* the sanitizer sees a step past its end */
		memcpy(exact, buf + head, n);
		assert_false(msg_evidence_get(bytes_of(exact, n), &got));
		free(exact);
	}
	buf[w.n] = 0;
	assert_false(msg_evidence_get(bytes_of(buf + head, w.n - head + 1), &got));
	assert_true(msg_evidence_get(bytes_of(buf + head, w.n - head), &got));
}

static void test_limits(void **state)
{
	struct msg_evidence e = some_evidence();
	struct ipc_writer w;
	struct ipc_message m;
	char text[8];
	int fds[2];

	(void)state;
	e.report = bytes_of(buf, IPC_MAX + 1);
	w = ipc_begin(in_buf, sizeof(in_buf), MSG_EVIDENCE, 1);
	msg_evidence_put(&w, &e);
	assert_true(w.overflow);
	assert_int_equal(ipc_pair(fds), 0);
	assert_int_equal(ipc_send(fds[0], &w), -EMSGSIZE);

	assert_int_equal(write(fds[0], "abc", 3), 3); /* no header */
	assert_int_equal(ipc_receive(fds[1], in_buf, sizeof(in_buf), &m), -EPROTO);
	w = ipc_begin(buf, sizeof(buf), 1, 1);
	ipc_put_string(&w, "longer than the buffer that reads it");
	assert_int_equal(ipc_send(fds[0], &w), 0);
	assert_int_equal(ipc_receive(fds[1], in_buf, 16, &m), -EPROTO); /* cut by the kernel */

	w = ipc_begin(buf, sizeof(buf), 1, 1);
	ipc_put_string(&w, "eight by");
	ipc_put_blob(&w, bytes_of("a\0b", 3));
	assert_int_equal(ipc_send(fds[0], &w), 0);
	assert_int_equal(ipc_receive(fds[1], in_buf, sizeof(in_buf), &m), 1);
	assert_false(ipc_get_string(&m.body, text, sizeof(text)));
	assert_true(ipc_get_string(&m.body, (char[9]){ 0 }, 9));
	assert_false(ipc_get_string(&m.body, text, sizeof(text))); /* NUL inside */
	close(fds[0]);
	close(fds[1]);
}

/* The largest evidence that fairlead/1 allows goes through the socket in one piece. */
static void test_largest_message(void **state)
{
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_APPRAISE, 1);
	struct ipc_message m;
	int fds[2];

	(void)state;
	ipc_put_blob(&w, bytes_of(in_buf, IPC_MAX - 64));
	assert_int_equal(ipc_pair(fds), 0);
	assert_int_equal(ipc_send(fds[0], &w), 0);
	assert_int_equal(ipc_receive(fds[1], in_buf, sizeof(in_buf), &m), 1);
	close(fds[0]);
	close(fds[1]);
}

static void test_values_out_of_range(void **state)
{
	struct msg_beat beat = { .load_permille = 1001 }, b;
	struct msg_peer peer = { .port = 65536 }, p;
	struct msg_quote quote = { .tee = TEE_COUNT }, q;
	struct ipc_writer w;

	(void)state;
	w = ipc_begin(buf, sizeof(buf), 1, 1);
	msg_beat_put(&w, &beat);
	assert_false(msg_beat_get(bytes_of(buf + 8, w.n - 8), &b));
	w = ipc_begin(buf, sizeof(buf), 1, 1);
	msg_peer_put(&w, &peer);
	assert_false(msg_peer_get(bytes_of(buf + 8, w.n - 8), &p));
	w = ipc_begin(buf, sizeof(buf), 1, 1);
	msg_quote_put(&w, &quote);
	assert_false(msg_quote_get(bytes_of(buf + 8, w.n - 8), &q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	  cmocka_unit_test(test_any_cut_is_refused),
		cmocka_unit_test(test_limits),		  cmocka_unit_test(test_largest_message),
		cmocka_unit_test(test_values_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
