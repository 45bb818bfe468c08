// SPDX-License-Identifier: BSD-2-Clause
/* The attester's process, as its parent sees it: bindings in, quotes or reasons out, in order. */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "attester/pki.h"
#include "attester/soft.h"
#include "attester/source.h"

enum { PATIENCE_MS = 20000, QUEUE = 64 };

/* A source that does as it is told; it lives in the child, so it tells its story in the report. */
static struct script {
	int busy;	 /* so often, then it answers */
	int err;	 /* always */
	int64_t slow_ms; /* how long a quote takes */
	bool other_data; /* a report over something else */
	uint8_t calls;
	int64_t now_ms;
} script;

static int64_t fake_now(void)
{
	return script.now_ms;
}

static void fake_sleep(int64_t ms)
{
	script.now_ms += ms;
}

static const struct source_clock clock_fake = { fake_now, fake_sleep };

static int fake_quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		      char why[WHY_MAX])
{
	(void)source;
	script.calls++;
	script.now_ms += script.slow_ms;
	if (script.err || script.busy-- > 0) {
		snprintf(why, WHY_MAX, "as told");
		return script.err ? script.err : -EBUSY;
	}
	memset(out->buf, 0, SNP_REPORT_SIZE);
	out->buf[0] = script.calls;
	memcpy(out->buf + 0x50, report_data, REPORT_DATA_BYTES);
	out->buf[0x50] ^= script.other_data;
	out->tee = TEE_SNP;
	out->report = bytes_of(out->buf, SNP_REPORT_SIZE);
	memcpy(out->buf + SNP_REPORT_SIZE, "cert", 4);
	out->certs[0] = bytes_of(out->buf + SNP_REPORT_SIZE, 4);
	out->certs_count = 1;
	return 0;
}

static void fake_close(void *source)
{
	(void)source;
}

static const struct source_ops fake = { "fake", TEE_SNP, NULL, fake_quote, fake_close };

static uint8_t buf[IPC_MAX];
static int fds[2];

static struct binding binding_of(uint8_t byte, enum tee tee)
{
	struct binding b = { .role = "backend", .tee = tee };

	memset(b.exporter, byte, sizeof(b.exporter));
	return b;
}

static void request(uint32_t id, const struct binding *b)
{
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_QUOTE_WANTED, id);

	msg_binding_put(&w, b);
	assert_int_equal(ipc_send(fds[0], &w), 0);
}

/* The next answer; its bytes are in buf. */
static struct msg_quote hear(uint32_t *id)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	struct ipc_message m;
	struct msg_quote q;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(ipc_receive(fds[0], buf, sizeof(buf), &m), 1);
	assert_int_equal(m.type, MSG_QUOTE);
	assert_true(msg_quote_get(m.body, &q));
	*id = m.id;
	return q;
}

static pid_t start(struct script s)
{
	pid_t pid;

	script = s;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct attester *a = attester_new(&fake, NULL);
		int err;

		close(fds[0]);
		err = attester_serve(fds[1], a, &clock_fake);
		attester_close(a);
		_exit(-err);
	}
	close(fds[1]);
	return pid;
}

/* Closes our end; the child's exit status. */
static int finish(pid_t pid)
{
	int status;

	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int make_pair(void **state)
{
	(void)state;
	return ipc_pair(fds);
}

static void test_answers_with_its_own_report_data(void **state)
{
	pid_t pid = start((struct script){ 0 });

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct binding b = binding_of(i, TEE_SNP);
		uint8_t want[REPORT_DATA_BYTES];
		struct msg_quote q;
		uint32_t id;

		request(100 + i, &b);
		q = hear(&id);
		assert_int_equal(id, 100 + i);
		assert_int_equal(q.failed, 0);
		assert_int_equal(q.tee, TEE_SNP);
		assert_true(binding_report_data(&b, want));
		assert_int_equal(q.report.n, SNP_REPORT_SIZE);
		assert_memory_equal(q.report.p + 0x50, want, sizeof(want));
		assert_int_equal(q.certs_count, 1);
		assert_memory_equal(q.certs[0].p, "cert", 4);
	}
	assert_int_equal(finish(pid), 0);
}

static void assert_refused(struct script s, enum tee tee, int err, const char *word)
{
	struct binding b = binding_of(1, tee);
	struct msg_quote q;
	uint32_t id;
	pid_t pid;

	assert_int_equal(ipc_pair(fds), 0);
	pid = start(s);
	for (int i = 0; i < 2; i++) { /* one failure does not end the service */
		request(7 + i, &b);
		q = hear(&id);
		assert_int_equal(id, 7 + i);
		assert_int_equal(q.failed, err);
		assert_non_null(strstr(q.why, word));
		assert_int_equal(q.report.n, 0);
		assert_int_equal(q.certs_count, 0);
	}
	assert_int_equal(finish(pid), 0);
}

static void test_says_why_not(void **state)
{
	(void)state;
	assert_refused((struct script){ .err = -ENOTTY }, TEE_SNP, ENOTTY, "fake: as told");
	assert_refused((struct script){ .busy = 100 }, TEE_SNP, EBUSY, "as told");
	assert_refused((struct script){ .other_data = true }, TEE_SNP, EPROTO, "REPORT_DATA");
	assert_refused((struct script){ 0 }, TEE_TDX, EPROTONOSUPPORT, "tdx");
}

static void test_tries_again_while_throttled(void **state)
{
	struct binding b = binding_of(1, TEE_SNP);
	pid_t pid = start((struct script){ .busy = 2 });
	struct msg_quote q;
	uint32_t id;

	(void)state;
	request(1, &b);
	q = hear(&id);
	assert_int_equal(q.failed, 0);
	assert_int_equal(q.report.p[0], 3); /* the third call */
	assert_int_equal(finish(pid), 0);
}

/* 70 requests are there before the first is answered: 6 are turned away, 64 served in order. */
static void test_queue_is_bounded(void **state)
{
	int served = 0, turned_away = 0;
	pid_t pid;

	(void)state;
	for (uint32_t i = 0; i < QUEUE + 6; i++) {
		struct binding b = binding_of(i, TEE_SNP);

		request(i, &b);
	}
	pid = start((struct script){ 0 });
	for (int i = 0; i < QUEUE + 6; i++) {
		uint32_t id;
		struct msg_quote q = hear(&id);

		if (q.failed) {
			assert_int_equal(q.failed, EBUSY);
			assert_int_equal(id, QUEUE + turned_away++);
		} else {
			assert_int_equal(id, served++);
		}
	}
	assert_int_equal(served, QUEUE);
	assert_int_equal(turned_away, 6);
	assert_int_equal(finish(pid), 0);
}

/* Nobody waits longer than a minute for evidence, so none is drawn for him. */
static void test_stale_requests_cost_no_call(void **state)
{
	static const int want[] = { 0, 0, ETIMEDOUT, ETIMEDOUT };
	pid_t pid;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct binding b = binding_of(i, TEE_SNP);

		request(i, &b);
	}
	pid = start((struct script){ .slow_ms = 40000 });
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t id;
		struct msg_quote q = hear(&id);

		assert_int_equal(id, i);
		assert_int_equal(q.failed, want[i]);
	}
	assert_int_equal(finish(pid), 0);
}

static void test_nonsense_ends_it(void **state)
{
	static const uint32_t types[] = { MSG_QUOTE_WANTED, MSG_QUOTE, MSG_APPRAISE, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct ipc_writer w = ipc_begin(buf, sizeof(buf), types[i], 1);
		struct binding b = binding_of(1, TEE_SNP);
		pid_t pid;

		assert_int_equal(ipc_pair(fds), 0);
		if (types[i] != MSG_QUOTE_WANTED)
			msg_binding_put(&w, &b);
		else
			ipc_put_u32(&w, 1); /* the right type, the wrong shape */
		assert_int_equal(ipc_send(fds[0], &w), 0);
		pid = start((struct script){ 0 });
		assert_int_equal(finish(pid), EPROTO);
	}
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

/* The whole process with its sandbox, on a lab guest. */
static void test_main_in_its_sandbox(void **state)
{
	char directory[] = "/tmp/attester-service-XXXXXX", why[WHY_MAX], path[ATTESTER_PATH_MAX];
	struct attester_config c = { .source = ATTESTER_SOFT, .tee = TEE_SNP };
	struct binding b = binding_of(9, TEE_SNP);
	struct attester *a = NULL;
	struct soft_guest g;
	struct msg_quote q;
	uint32_t id;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	EVP_PKEY_free(pki_key(directory, "vcek.key", PKI_P384, why));
	assert_int_equal(pki_write(directory, "vcek.der", bytes_of("x", 1), 0644, why), 0);
	assert_int_equal(pki_write(directory, "vcek_chain.pem", bytes_of("y", 1), 0644, why), 0);
	soft_guest_default(&g, SNP_MILAN);
	assert_int_equal(pki_path(path, directory, "guest.yaml", why), 0);
	assert_int_equal(soft_guest_write(path, &g, why), 0);
	snprintf(c.directory, sizeof(c.directory), "%s", directory);

	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		if (attester_open(&c, &a, why))
			_exit(99);
		attester_main(fds[1], a);
	}
	close(fds[1]);
	for (uint8_t i = 0; i < 3; i++) {
		memset(g.measurement, i, sizeof(g.measurement));
		assert_int_equal(soft_guest_write(path, &g, why), 0);
		request(i, &b);
		q = hear(&id);
		assert_int_equal(q.failed, 0);
		assert_int_equal(q.report.p[0x90], i);
		assert_int_equal(q.certs_count, 2);
	}
	assert_int_equal(finish(pid), 0);
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answers_with_its_own_report_data, make_pair),
		cmocka_unit_test(test_says_why_not),
		cmocka_unit_test_setup(test_tries_again_while_throttled, make_pair),
		cmocka_unit_test_setup(test_queue_is_bounded, make_pair),
		cmocka_unit_test_setup(test_stale_requests_cost_no_call, make_pair),
		cmocka_unit_test(test_nonsense_ends_it),
		cmocka_unit_test_setup(test_main_in_its_sandbox, make_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
