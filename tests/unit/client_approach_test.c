// SPDX-License-Identifier: BSD-2-Clause
/*
 * One server that answers as it should, and a judge that is played here: whatever the verdict is,
 * nothing is released but by one that is good for the class, is bound to this session, and for as
 * long as it is good.
 */
#include "client_kit.h"

#include "client/approach.h"
#include "verifier/reason.h"

enum {
	CONFIDENTIAL = 1u << CLASS_CONFIDENTIAL,
	CLASSIFIED = 1u << CLASS_CLASSIFIED,
	DAY_S = 86400,
};

static struct kit *kit;
static struct identity id;
static time_t wall; /* what the wall clock says */

time_t time(time_t *out)
{
	if (out)
		*out = wall;
	return wall;
}

struct appraisal { /* in place of client/appraiser.c: a verdict that comes when it is told to */
	appraised done;
	void *arg;
	struct msg_appraise of; /* what it points to is gone */
};

static struct appraisal judge;

struct appraisal *appraiser_ask(struct appraiser *a, const struct msg_appraise *m, appraised done,
				void *arg)
{
	(void)a;
	assert_null(judge.done);
	judge = (struct appraisal){ done, arg, *m };
	return &judge;
}

void appraisal_cancel(struct appraisal *p)
{
	if (p)
		p->done = NULL;
}

/* --- the server, in a process of its own */

static bool hear_frame(SSL *ssl)
{
	uint8_t p[FRAME_SMALL_MAX];
	size_t n = FRAME_HEADER, had = 0;
	int got;

	while (had < n && (got = SSL_read(ssl, p + had, n - had)) > 0) {
		had += got;
		if (had == FRAME_HEADER)
			n += (size_t)p[2] << 8 | p[3];
	}
	return had == n;
}

static bool session(SSL *ssl, char how, uint16_t port)
{
	server_say(ssl, server_hello);
	if (!hear_frame(ssl) || !hear_frame(ssl)) /* HELLO, ATTEST */
		return false;
	server_say(ssl, server_evidence(port));
	if (how == 'e') { /* eager */
		usleep(20000);
		server_say(ssl, "220 ready");
	}
	return server_hears_too_much(ssl);
}

/* --- the client, in ours */

struct world {
	struct options options;
	struct client client;
	struct endpoint endpoint;
	pid_t server;
	struct approach *approach;
	bool is_ready, has_failed;
	struct ready ready;
	struct fault fault;
	uint64_t begun_ms, asked_ms; /* around the question */
};

static void on_ready(void *arg, const struct ready *r)
{
	struct world *w = arg;

	w->approach = NULL;
	w->is_ready = true;
	w->ready = *r;
}

static void on_failed(void *arg, const struct fault *f)
{
	struct world *w = arg;

	w->approach = NULL;
	w->has_failed = true;
	w->fault = *f;
}

static void open_client(struct world *w, const char *class, char how)
{
	char *argv[] = { "fairlead-connect", "--class", (char *)class, "127.0.0.1:1" };
	struct client *c = &w->client;
	char why[WHY_MAX];

	memset(w, 0, sizeof(*w));
	memset(&judge, 0, sizeof(judge));
	assert_int_equal(options_read(&w->options, 4, argv, stderr, stderr), OPTIONS_GO_ON);
	c->options = &w->options;
	c->save_fd = -1;
	c->base = event_base_new();
	assert_true(inputs_read("client", &c->options->files, &c->inputs));
	assert_int_equal(client_tls_open(CLIENT_TLS_INLINE, c->options, &c->tls, why), 0);
	strcpy(w->endpoint.host, "127.0.0.1");
	strcpy(w->endpoint.name, "the server");
	addr_parse("127.0.0.1", &w->endpoint.addr);
	w->endpoint.port = kit_port();
	w->server = server_start(&id, session, how, w->endpoint.port);
}

/* As far as the appraisal. */
static void begin(struct world *w)
{
	static const struct approach_ops ops = { on_ready, on_failed };
	const struct approach_order order = { CLIENT_TLS_INLINE, &w->endpoint, KIT_WAIT_MS, true };
	uint64_t until = now_us() + KIT_WAIT_MS * 1000ULL;

	w->begun_ms = client_now_ms();
	w->approach = approach_start(&w->client, &order,
				     sock_connect(&w->endpoint.addr, w->endpoint.port), &ops, w);
	assert_non_null(w->approach);
	while (!judge.done && now_us() < until) {
		event_base_loop(w->client.base, EVLOOP_NONBLOCK);
		assert_false(w->is_ready || w->has_failed);
		usleep(100);
	}
	w->asked_ms = client_now_ms();
	assert_non_null(judge.done);
}

static void judged(struct world *w, const struct msg_verdict *v)
{
	appraised done = judge.done;

	judge.done = NULL;
	done(judge.arg, v);
	assert_true(w->is_ready != w->has_failed);
}

static void close_client(struct world *w)
{
	approach_cancel(w->approach);
	client_tls_close(w->client.tls);
	inputs_free(&w->client.inputs);
	event_base_free(w->client.base);
	server_stop(w->server);
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *class;
		enum reason reason;
		uint32_t mask;
		enum fault_kind kind;
	} rows[] = {
		{ "confidential", REASON_OK, 0, FAULT_HARD },
		{ "confidential", REASON_OK, CLASSIFIED, FAULT_HARD },
		{ "classified", REASON_OK, CONFIDENTIAL, FAULT_HARD },
		{ "confidential", REASON_MEASUREMENT, CONFIDENTIAL | CLASSIFIED, FAULT_HARD },
		{ "confidential", REASON_CRL_STALE, CONFIDENTIAL | CLASSIFIED, FAULT_UNSURE },
		{ "confidential", REASON_INTERNAL, CONFIDENTIAL | CLASSIFIED, FAULT_OURS },
		{ "confidential", (enum reason)9999, CONFIDENTIAL | CLASSIFIED, FAULT_OURS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct msg_verdict v = { .reason = rows[i].reason, .class_mask = rows[i].mask };
		struct world w;

		open_client(&w, rows[i].class, 0);
		begin(&w);
		judged(&w, &v);
		assert_true(w.has_failed);
		assert_int_equal(w.fault.kind, rows[i].kind);
		assert_int_equal(w.fault.step, STEP_APPRAISE);
		assert_int_equal(w.fault.reason, rows[i].reason);
		close_client(&w);
	}
}

/* Until when, of client_now_ms(), a session is that was asked in between. */
static void lives(const char *class, uint64_t not_after, uint64_t ms)
{
	const struct msg_verdict v = { .class_mask = CONFIDENTIAL | CLASSIFIED,
				       .not_after = not_after };
	struct world w;

	open_client(&w, class, 0);
	begin(&w);
	judged(&w, &v);
	assert_true(w.is_ready);
	assert_in_range(w.ready.attested.until_ms, w.begun_ms + ms, w.asked_ms + ms);
	ready_drop(&w.ready);
	close_client(&w);
}

static void test_for_how_long(void **state)
{
	(void)state;
	lives("confidential", 0, OPTIONS_CONFIDENTIAL_MS);
	lives("confidential", wall + 2 * DAY_S, OPTIONS_CONFIDENTIAL_MS);
	lives("classified", wall + 2 * DAY_S, OPTIONS_CLASSIFIED_MS);
	lives("confidential", wall + 100, 100000);
	lives("classified", wall + 100, 100000);
}

/* A certificate may run out while its evidence is judged. */
static void test_what_is_over_is_not_ready(void **state)
{
	const struct msg_verdict v = { .class_mask = CONFIDENTIAL, .not_after = wall };
	struct world w;

	(void)state;
	open_client(&w, "confidential", 0);
	begin(&w);
	judged(&w, &v);
	assert_true(w.has_failed);
	assert_int_equal(w.fault.kind, FAULT_TRANSIENT);
	assert_int_equal(w.fault.step, STEP_RELEASE);
	assert_string_equal(w.fault.why, "its evidence is over already");
	close_client(&w);
}

/* Expired stays expired, whatever happens to the clock between two questions. */
static void test_the_wall_clock_goes_back(void **state)
{
	struct world w;
	time_t was;

	(void)state;
	open_client(&w, "confidential", 0);
	begin(&w);
	assert_int_equal(judge.of.at, wall);
	was = wall;
	approach_cancel(w.approach);
	wall -= 30 * DAY_S;
	begin(&w);
	assert_int_equal(judge.of.at, was);
	judged(&w, &(struct msg_verdict){ .class_mask = CONFIDENTIAL, .not_after = was + 100 });
	assert_true(w.is_ready);
	assert_in_range(w.ready.attested.until_ms, w.begun_ms + 100000, w.asked_ms + 100000);
	ready_drop(&w.ready);
	close_client(&w);
	wall = was;
}

static void test_release(void **state)
{
	const struct msg_verdict v = { .class_mask = CONFIDENTIAL };
	struct world w;
	int status, fd;
	SSL *ssl;

	(void)state;
	open_client(&w, "confidential", 0);
	begin(&w);
	judged(&w, &v);
	assert_true(w.is_ready);
	usleep(20000);
	assert_int_equal(waitpid(w.server, &status, WNOHANG), 0); /* it has not heard of it */
	ssl = ready_release(&w.ready, &fd);
	assert_non_null(ssl);
	assert_int_equal(SSL_write(ssl, SERVER_SECRET, strlen(SERVER_SECRET)),
			 strlen(SERVER_SECRET));
	SSL_shutdown(ssl);
	assert_int_equal(waitpid(w.server, &status, 0), w.server);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1); /* now it has */
	SSL_free(ssl);
	close(fd);
	w.server = server_start(&id, session, 0, w.endpoint.port);
	close_client(&w);
}

/* A verdict may end while its session is kept, or the machine asleep. */
static void test_nothing_when_its_time_is_over(void **state)
{
	const struct msg_verdict v = { .class_mask = CONFIDENTIAL };
	struct world w;
	int fd;

	(void)state;
	open_client(&w, "confidential", 0);
	begin(&w);
	judged(&w, &v);
	assert_true(w.is_ready);
	w.ready.attested.until_ms = client_now_ms();
	assert_null(ready_release(&w.ready, &fd));
	usleep(20000);
	close_client(&w); /* the server has heard of nothing */
}

static void test_nothing_to_who_speaks_too_early(void **state)
{
	const struct msg_verdict v = { .class_mask = CONFIDENTIAL };
	uint64_t until = now_us() + KIT_WAIT_MS * 1000ULL;
	struct world w;
	int fd;

	(void)state;
	open_client(&w, "confidential", 'e');
	begin(&w);
	judged(&w, &v);
	assert_true(w.is_ready);
	while (link_is_quiet(w.ready.link) && now_us() < until)
		usleep(1000);
	assert_null(ready_release(&w.ready, &fd));
	close_client(&w);
}

static void spki_of(const struct identity *of, uint8_t out[DIGEST_BYTES])
{
	FILE *f = fopen(of->certificate, "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	fclose(f);
	assert_true(n > 0 && sha384(bytes_of(der, n), out));
	OPENSSL_free(der);
	X509_free(x);
}

/* What the evidence has to be bound to: who answers, and this one question of this one session. */
static void test_bound_to_the_session(void **state)
{
	uint8_t key[DIGEST_BYTES];
	struct binding b[2];

	(void)state;
	spki_of(&id, key);
	for (int i = 0; i < 2; i++) {
		struct world w;

		open_client(&w, "confidential", 0);
		begin(&w);
		b[i] = judge.of.binding;
		close_client(&w);
		assert_string_equal(b[i].role, "backend");
		assert_memory_equal(b[i].spki_attester, key, DIGEST_BYTES);
	}
	assert_memory_not_equal(b[0].exporter, b[1].exporter, EXPORTER_BYTES);
	assert_memory_not_equal(b[0].request, b[1].request, DIGEST_BYTES);
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_init("client", LOG_LEVEL_WARN);
	wall = 1800000000;
	kit = kit_new();
	kit_issue(kit, &id, "server", "URI:fairlead://node/n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kit_free(kit);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_for_how_long),
		cmocka_unit_test(test_what_is_over_is_not_ready),
		cmocka_unit_test(test_the_wall_clock_goes_back),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_nothing_when_its_time_is_over),
		cmocka_unit_test(test_nothing_to_who_speaks_too_early),
		cmocka_unit_test(test_bound_to_the_session),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
