// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process as the daemon starts it: without privileges and under its system call filter it
 * still does all of its work.  And what a start needs, and the metrics page.
 */
#include "channel_kit.h"

/* The leak check at exit traces its own process, which the filter rightly ends. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

struct world {
	struct kit *kit;
	struct identity id;
	struct channel_config c;
	struct proc p;
	uint16_t metrics;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->kit = kit_new();
	kit_issue(w->kit, &w->id, "node", "URI:fairlead://node/n1,IP:127.0.0.1");
	kit_config(w->kit, &w->id, "n1", &w->c);
	kit_config_agent(&w->c, kit_port());
	w->metrics = kit_port();
	w->c.metrics = true;
	w->c.metrics_port = w->metrics;
	addr_parse("127.0.0.1", &w->c.metrics_addr);
	if (geteuid() == 0)
		strcpy(w->c.user, "nobody");
	*state = w;
	return 0;
}

static int setup_running(void **state)
{
	struct world *w;

	setup(state);
	w = *state;
	proc_start(w->kit, &w->p, "node", &w->c, true);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	proc_stop(&w->p);
	kit_free(w->kit);
	free(w);
	return 0;
}

/* One node that is router and agent, and so its own peer. */
static void test_all_of_it_works_confined(void **state)
{
	struct world *w = *state;
	struct msg_evidence e;

	proc_peer(&w->p, MSG_PEER, 1, 1, "n1", w->c.listen_port);
	proc_wants(&w->p, MSG_PEER_UP, 1);
	proc_peer(&w->p, MSG_CHECK, 2, 1, "", w->c.listen_port);
	proc_wants(&w->p, MSG_BEAT, 1);
	proc_wants(&w->p, MSG_BEAT, 2);
	proc_attest(&w->p, 1, 1, 5);
	proc_wants(&w->p, MSG_QUOTE_WANTED, -1);
	proc_quote(&w->p, 50000);
	proc_wants(&w->p, MSG_EVIDENCE, 1);
	assert_true(msg_evidence_get(w->p.m.body, &e));
	assert_int_equal(e.request, 5);
	proc_forget(&w->p, 1);
	proc_wants(&w->p, MSG_BEAT, 2);
}

static bool confined(pid_t pid)
{
	char path[64], line[256];
	int seccomp = 0, no_new_privs = 0, uid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Seccomp: %d", &seccomp);
		sscanf(line, "NoNewPrivs: %d", &no_new_privs);
		sscanf(line, "Uid: %d", &uid);
	}
	if (f)
		fclose(f);
	return seccomp == 2 && no_new_privs == 1 && uid != 0;
}

static void test_it_is_confined(void **state)
{
	struct world *w = *state;

	proc_peer(&w->p, MSG_CHECK, 2, 1, "", w->c.listen_port);
	proc_wants(&w->p, MSG_BEAT, 2);
	assert_true(confined(w->p.pid));
}

/* What a start refuses, and the words it has for it. */
static void test_check(void **state)
{
	struct world *w = *state;
	struct identity other, none, two;
	struct channel_config c;
	char why[WHY_MAX] = "";
	EVP_PKEY *key = kit_key();
	FILE *f;

	assert_int_equal(channel_check(&w->c, why), 0);

	kit_issue(w->kit, &other, "other", "URI:fairlead://node/n2,IP:127.0.0.1");
	kit_config(w->kit, &other, "n1", &c);
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "other.pem: is for node \"n2\", want \"n1\""));

	kit_issue(w->kit, &none, "none", "DNS:n1");
	kit_config(w->kit, &none, "n1", &c);
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "none.pem: its certificate names no node"));

	kit_issue(w->kit, &two, "two", "URI:fairlead://node/n1,URI:fairlead://node/n2");
	kit_config(w->kit, &two, "n1", &c);
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "several nodes"));

	kit_issue_foreign(w->kit, &other, "foreign", "URI:fairlead://node/n1,IP:127.0.0.1");
	kit_config(w->kit, &other, "n1", &c);
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "does not stand up against"));

	/* It may be renewed while we run, and leases of before run on. */
	kit_issue_key(w->kit, &other, "expired", "URI:fairlead://node/n1", -7200, -3600, key);
	EVP_PKEY_free(key);
	kit_config(w->kit, &other, "n1", &c);
	assert_int_equal(channel_check(&c, why), 0);

	c = w->c;
	snprintf(c.key, sizeof(c.key), "%s", other.key);
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "expired.key: "));

	c = w->c;
	strcat(c.certificate, ".not");
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "node.pem.not: No such file"));

	c = w->c;
	strcat(c.ca, ".not");
	assert_int_equal(channel_check(&c, why), -EINVAL);
	assert_non_null(strstr(why, "ca.pem.not: "));

	f = fopen(other.key, "w");
	assert_non_null(f);
	fputs("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	      f);
	fclose(f);
	kit_config(w->kit, &other, "n1", &c);
	assert_int_equal(channel_check(&c, why), -EINVAL); /* and asks nobody for a passphrase */
	assert_non_null(strstr(why, "expired.key: "));
}

/* One that only makes TCP checks speaks to nobody, and needs no certificate. */
static void test_no_identity(void **state)
{
	struct channel_config c = { .node = "n1" };
	struct world *w = *state;
	char why[WHY_MAX] = "";
	struct addr a;
	uint16_t port = kit_port();
	int fd;

	assert_int_equal(channel_check(&c, why), 0);
	addr_parse("127.0.0.1", &a);
	fd = sock_listen(&a, port);
	proc_start(w->kit, &w->p, "nobody", &c, false);
	proc_peer(&w->p, MSG_CHECK, 1, 1, "", port);
	proc_wants(&w->p, MSG_BEAT, 1);
	proc_peer(&w->p, MSG_PEER, 2, 1, "n2", port);
	proc_wants(&w->p, MSG_PEER_DOWN, 2);
	close(fd);
}

static void ends_with_2(struct world *w, const char *says)
{
	int status = 0;

	proc_start(w->kit, &w->p, "failing", &w->c, true);
	assert_int_equal(waitpid(w->p.pid, &status, 0), w->p.pid);
	close(w->p.fd);
	w->p.pid = 0;
	proc_must_say(&w->p, says);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

static void test_cannot_start(void **state)
{
	struct world *w = *state;
	struct addr a;
	int fd;

	addr_parse("127.0.0.1", &a);
	fd = sock_listen(&a, w->c.listen_port);
	assert_true(fd >= 0);
	ends_with_2(w, "agent: listening on 127.0.0.1:");
	close(fd);
	strcpy(w->c.node, "n2");
	ends_with_2(w, "is for node \"n1\", want \"n2\"");
}

/* A request, sent; fd to read the answer from. */
static int request(struct world *w, const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(w->metrics) };
	struct timeval limit = { 20, 0 };
	struct timespec nap = { 0, 20000000 };
	int fd = -1, tries = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	do {
		if (fd >= 0)
			close(fd);
		nanosleep(&nap, NULL);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	} while (connect(fd, (struct sockaddr *)&to, sizeof(to)) && tries++ < 100);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static const char *response(int fd)
{
	static char all[1 << 20];
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, all + n, sizeof(all) - 1 - n)) > 0)
		n += got;
	all[n] = 0;
	close(fd);
	return all;
}

static void send_page(struct world *w, uint32_t scrape, size_t pieces)
{
	static char piece[60000];
	static uint8_t buf[65536];

	memset(piece, 'x', sizeof(piece));
	for (size_t i = 1; i <= pieces; i++) {
		struct msg_text t = { i == pieces,
				      bytes_of(piece, i == pieces ? 1 : sizeof(piece)) };
		struct ipc_writer out = ipc_begin(buf, sizeof(buf), MSG_METRICS_TEXT, scrape);

		msg_text_put(&out, &t);
		proc_send(&w->p, &out);
	}
}

static void test_metrics_page(void **state)
{
	struct world *w = *state;
	int fd = request(w, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *text;

	proc_wants(&w->p, MSG_METRICS_WANTED, -1);
	send_page(w, w->p.m.id, 11);
	text = response(fd);
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4\r\n"));
	assert_non_null(strstr(text, "Content-Length: 600001\r\n"));
	assert_int_equal(strlen(strstr(text, "\r\n\r\n") + 4), 600001);

	fd = request(w, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	proc_wants(&w->p, MSG_METRICS_WANTED, -1);
	send_page(w, w->p.m.id, 1);
	text = response(fd);
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");

	/* Nobody is left to hear an answer; one that was never asked for. */
	fd = request(w, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	proc_wants(&w->p, MSG_METRICS_WANTED, -1);
	close(fd);
	send_page(w, w->p.m.id, 2);
	send_page(w, 4711, 2);
	fd = request(w, "GET /metrics HTTP/1.0\r\n\r\n");
	proc_wants(&w->p, MSG_METRICS_WANTED, -1);
	send_page(w, w->p.m.id, 1);
	assert_non_null(strstr(response(fd), " 200 OK\r\n"));
}

static void test_other_requests(void **state)
{
	static char long_header[20000];
	static const struct {
		const char *text, *answer;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET /metrics/../x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 " },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 405 " },
		{ "GET /metricsx HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET  /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /metrics\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /metrics HTTP/2.0\r\n\r\n", "HTTP/1.1 400 " },
		{ "\r\n\r\n", "HTTP/1.1 400 " },
		{ "garbage\r\n\r\n", "HTTP/1.1 400 " },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *text = response(request(w, rows[i].text));

		if (strncmp(text, rows[i].answer, strlen(rows[i].answer)))
			fail_msg("%zu: wanted %s, got %.60s", i, rows[i].answer, text);
	}
	memset(long_header, 'a', sizeof(long_header) - 1);
	memcpy(long_header, "GET /metrics HTTP/1.1\r\nX: ", 26);
	assert_memory_equal(response(request(w, long_header)), "HTTP/1.1 400 ", 13);
	assert_false(proc_gets(&w->p, MSG_METRICS_WANTED, -1, 100));
}

static void test_silent_parent(void **state)
{
	struct world *w = *state;
	int fd = request(w, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	uint64_t since = now_us();

	assert_memory_equal(response(fd), "HTTP/1.1 503 ", 13);
	assert_true(now_us() - since > 4000000 && now_us() - since < 10000000);
	proc_must_say(&w->p, "our parent has written no metrics page within 5 s");
}

/* Sixteen who ask nothing keep the rest waiting for five seconds, not for ever. */
static void test_crowd_of_scrapers(void **state)
{
	struct world *w = *state;
	int crowd[16], fd;
	uint64_t since = now_us();

	for (int i = 0; i < 16; i++)
		crowd[i] = request(w, "GET /metr");
	fd = request(w, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_false(proc_gets(&w->p, MSG_METRICS_WANTED, -1, 1000));
	proc_wants(&w->p, MSG_METRICS_WANTED, -1);
	assert_true(now_us() - since > 3000000);
	send_page(w, w->p.m.id, 1);
	assert_memory_equal(response(fd), "HTTP/1.1 200 ", 13);
	for (int i = 0; i < 16; i++)
		close(crowd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_of_it_works_confined, setup_running,
						teardown),
		cmocka_unit_test_setup_teardown(test_it_is_confined, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_metrics_page, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_other_requests, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_silent_parent, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_crowd_of_scrapers, setup_running, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
