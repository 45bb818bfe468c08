// SPDX-License-Identifier: BSD-2-Clause
/*
 * Against an agent: strangers and false routers.  Each is refused, the agent says once why,
 * and a router that behaves keeps its session and its heartbeats all the while.
 */
#include "channel_hostile.h"

#include "channel/agent.h"

enum { GOOD_ID = 1 };

static struct kit *kit;
static struct identity agent_id, router_id, evil_id, expired_id, nobody_id, two_id, foreign_id;
static struct channel_config agent_config, router_config;
static struct proc agent, router;
static uint16_t port;

static int setup(void **state)
{
	EVP_PKEY *key = kit_key();

	(void)state;
	kit = kit_new();
	kit_issue(kit, &agent_id, "agent", "URI:fairlead://node/pay-1,IP:127.0.0.1");
	kit_issue(kit, &router_id, "router", "URI:fairlead://node/r1");
	kit_issue(kit, &evil_id, "evil", "URI:fairlead://node/evil");
	kit_issue(kit, &nobody_id, "nobody", "DNS:nobody.example,URI:https://node/x");
	kit_issue(kit, &two_id, "two", "URI:fairlead://node/a,URI:fairlead://node/b");
	kit_issue_key(kit, &expired_id, "expired", "URI:fairlead://node/old", -7200, -3600, key);
	EVP_PKEY_free(key);
	kit_issue_foreign(kit, &foreign_id, "foreign", "URI:fairlead://node/r1");
	kit_config(kit, &router_id, "r1", &router_config);
	kit_config(kit, &agent_id, "pay-1", &agent_config);
	port = kit_port();
	kit_config_agent(&agent_config, port);
	proc_start_good(kit, &agent, &agent_config, &router, &router_config, GOOD_ID);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proc_stop(&router);
	proc_stop(&agent);
	kit_free(kit);
	return 0;
}

static void good_router_goes_on(void)
{
	proc_goes_on(&router, GOOD_ID);
}

static struct hostile *greeted(void)
{
	struct hostile *h = hostile_dial(port, &(struct manners){ .id = &evil_id });

	assert_true(hostile_greets(h, HELLO_OF("router")));
	return h;
}

static const char *attest(char *out, size_t size, int id, const char *ip, int to_port)
{
	snprintf(out, size,
		 "{\"type\":\"ATTEST\",\"v\":1,\"id\":%d,"
		 "\"nonce\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"role\":\"router\","
		 "\"purpose\":\"admit\",\"endpoint\":{\"proto\":\"tcp\",\"ip\":\"%s\",\"port\":%d},"
		 "\"service\":\"pay\",\"policy_epoch\":1,\"want\":[\"evidence\"]}",
		 id, ip, to_port);
	return out;
}

/* Handshakes that must not lead anywhere, and what the agent says of each. */
static void test_handshakes(void **state)
{
	static const struct {
		const char *name;
		struct manners m;
		const char *reason;
	} rows[] = {
		{ "TLS 1.2 only",
		  { .id = &evil_id, .tls12 = true },
		  "refused: TLS: unsupported protocol" },
		{ "no ALPN",
		  { .id = &evil_id, .no_alpn = true },
		  "refused: want the application protocol fairlead/1" },
		{ "other ALPN",
		  { .id = &evil_id, .other_alpn = true },
		  "refused: TLS: no application protocol" },
		{ "no certificate", { 0 }, "refused: TLS: peer did not return a certificate" },
		{ "foreign CA",
		  { .id = &foreign_id },
		  "refused: its certificate: certificate signature failure" },
		{ "expired",
		  { .id = &expired_id },
		  "refused: its certificate: certificate has expired" },
		{ "no node",
		  { .id = &nobody_id },
		  "refused: its certificate names no node, want a URI fairlead://node/NAME" },
		{ "two nodes",
		  { .id = &two_id },
		  "refused: its certificate names several nodes, want one" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h;

		print_message("  %s\n", rows[i].name);
		proc_mark(&agent);
		h = hostile_dial(port, &rows[i].m);
		if (h->ssl)
			hostile_say(h, HELLO_OF("router"));
		assert_false(hostile_hears_type(h, "HELLO"));
		proc_must_say(&agent, rows[i].reason);
		hostile_free(h);
		good_router_goes_on();
	}
}

static void test_not_even_tls(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = hostile_tcp(port);

	(void)state;
	proc_mark(&agent);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	proc_must_say(&agent, "refused: TLS: ");
	close(fd);
	good_router_goes_on();
}

/* What is said in place of HELLO, or after it. */
static void test_messages(void **state)
{
	static const struct {
		const char *name, *before, *text, *reason;
	} rows[] = {
		{ "data before HELLO", NULL, "{\"type\":\"PING\",\"n\":1}",
		  "refused: PING before HELLO" },
		{ "another backend", NULL, HELLO_OF("backend"),
		  "refused: HELLO: role: want router, got backend" },
		{ "HELLO twice", HELLO_OF("router"), HELLO_OF("router"),
		  "refused: a second HELLO" },
		{ "garbage", HELLO_OF("router"), "\x80garbage", "refused: not one JSON object" },
		{ "two objects", HELLO_OF("router"), "{\"type\":\"PING\",\"n\":1}{}",
		  "refused: not one JSON object: end of file expected" },
		{ "a key twice", HELLO_OF("router"), "{\"type\":\"PING\",\"n\":1,\"n\":1}",
		  "refused: not one JSON object: duplicate object key" },
		{ "deep nesting", HELLO_OF("router"), "{\"type\":\"PING\",\"n\":[[[[[[[[1]]]]]]]]}",
		  "refused: brackets nest deeper than 8" },
		{ "an unknown key", HELLO_OF("router"),
		  "{\"type\":\"PING\",\"n\":1,\"report_data\":\"AA\"}",
		  "refused: PING: 1 object item(s) left unpacked: report_data" },
		{ "a line for the log", HELLO_OF("router"),
		  "{\"type\":\"PING\",\"n\":1,\"\\nroot\":1}",
		  "refused: PING: 1 object item(s) left unpacked: ?root" },
		{ "a result of nothing", HELLO_OF("router"),
		  "{\"type\":\"RESULT\",\"v\":1,\"id\":1,\"status\":\"ok\",\"code\":\"\",\"expires_in_ms\":1}",
		  "refused: RESULT: id 1 is of no evidence that awaits one" },
		{ "the agent's own part", HELLO_OF("router"),
		  "{\"type\":\"PONG\",\"n\":1,\"load\":1}", "refused: PONG is not for an agent" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h = hostile_dial(port, &(struct manners){ .id = &evil_id });

		print_message("  %s\n", rows[i].name);
		proc_mark(&agent);
		assert_non_null(h->ssl);
		if (rows[i].before)
			assert_true(hostile_greets(h, rows[i].before));
		assert_true(hostile_say(h, rows[i].text));
		/* It is told what the log says, as far as it fits, and hung up on. */
		assert_true(hostile_hears_type(h, "ERROR"));
		assert_non_null(strstr(h->text, "\"code\":\"protocol\""));
		assert_true(hostile_sees_end(h));
		proc_must_say(&agent, rows[i].reason);
		hostile_free(h);
		good_router_goes_on();
	}
}

static void test_lengths(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		const char *reason;
	} rows[] = {
		{ "no length", "\0\0\0\0", 4, "refused: a message of no length" },
		{ "above what may come", "\0\0\x20\x01", 4,
		  "refused: a message's length: want 1..8192" },
		{ "all ones", "\xff\xff\xff\xff", 4, "refused: a message's length: want 1..8192" },
		{ "cut short", "\0\0\0\x64{\"type\":", 12,
		  "it hung up in the middle of a message" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hostile *h = greeted();

		print_message("  %s\n", rows[i].name);
		proc_mark(&agent);
		assert_true(hostile_write(h, rows[i].bytes, rows[i].n));
		if (rows[i].n == 4)
			assert_true(hostile_sees_end(h));
		else
			shutdown(h->fd, SHUT_RDWR);
		proc_must_say(&agent, rows[i].reason);
		hostile_free(h);
		good_router_goes_on();
	}
}

static void test_foreign_endpoint(void **state)
{
	struct hostile *h = greeted();
	char text[1024];

	(void)state;
	proc_mark(&agent);
	assert_true(hostile_say(h, attest(text, sizeof(text), 1, "192.0.2.9", port)));
	assert_true(hostile_hears_type(h, "ERROR"));
	assert_non_null(strstr(h->text, "\"id\":1,\"code\":\"endpoint\""));
	assert_true(hostile_say(h, attest(text, sizeof(text), 2, "127.0.0.1", port ^ 1)));
	assert_true(hostile_hears_type(h, "ERROR"));
	assert_non_null(strstr(h->text, "\"id\":2,\"code\":\"endpoint\""));
	proc_must_say(&agent, "ATTEST refused: tcp 192.0.2.9:");
	assert_false(proc_gets(&agent, MSG_QUOTE_WANTED, -1, 200));
	hostile_free(h);
	good_router_goes_on();
}

/* Question 5 waits for its quote; 6 was asked meanwhile, and turned away. */
static struct hostile *asked_twice(void)
{
	struct hostile *h = greeted();
	char text[1024];

	assert_true(hostile_say(h, attest(text, sizeof(text), 5, "127.0.0.1", port)));
	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	assert_true(hostile_say(h, attest(text, sizeof(text), 6, "127.0.0.1", port)));
	assert_true(hostile_hears_type(h, "ERROR"));
	return h;
}

/* The answer to the first question is the first one's, whatever was asked meanwhile. */
static void test_answer_names_its_question(void **state)
{
	struct hostile *h = asked_twice();

	(void)state;
	proc_quote(&agent, 0);
	assert_true(hostile_hears_type(h, "EVIDENCE"));
	assert_non_null(strstr(h->text, "\"id\":5,"));
	hostile_free(h);
	good_router_goes_on();
}

static void test_two_at_once_and_a_replay(void **state)
{
	struct hostile *h = asked_twice();
	char text[1024];

	(void)state;
	assert_non_null(strstr(h->text, "\"id\":6,\"code\":\"busy\""));
	assert_false(proc_gets(&agent, MSG_QUOTE_WANTED, -1, 200));

	/* Another router is not kept waiting by this one. */
	proc_attest(&router, GOOD_ID, 1, 1);
	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	proc_quote(&agent, 0);
	proc_wants(&router, MSG_EVIDENCE, GOOD_ID);

	proc_mark(&agent);
	assert_true(hostile_say(h, attest(text, sizeof(text), 5, "127.0.0.1", port)));
	assert_true(hostile_sees_end(h));
	proc_must_say(&agent, "refused: ATTEST: id 5 is not above 6");
	hostile_free(h);
	good_router_goes_on();
}

/* A quote that comes when its session is gone, or whose exchange never was, is nobody's. */
static void test_late_quote(void **state)
{
	struct hostile *h = greeted();
	char text[1024];

	(void)state;
	proc_mark(&agent);
	assert_true(hostile_say(h, attest(text, sizeof(text), 1, "127.0.0.1", port)));
	proc_wants(&agent, MSG_QUOTE_WANTED, -1);
	hostile_free(h);
	proc_must_say(&agent, ": it hung up");
	h = greeted();
	proc_quote(&agent, 0);
	assert_true(hostile_say(h, "{\"type\":\"PING\",\"n\":1}"));
	assert_true(hostile_hears(h));
	assert_non_null(strstr(h->text, "PONG"));
	hostile_free(h);
	good_router_goes_on();
}

/* A session with a ticket, from a server that gives some. */
static SSL_SESSION *session_with_ticket(uint32_t early)
{
	struct hostile client = { .fd = -1 }, server = { .fd = -1 };
	const struct manners m = { .id = &evil_id, .tickets = true };
	BIO *a, *b;
	char c;

	hostile_context(&client, &m, false);
	hostile_context(&server, &m, true);
	SSL_CTX_set_max_early_data(server.ctx, early);
	client.ssl = SSL_new(client.ctx);
	server.ssl = SSL_new(server.ctx);
	SSL_set_app_data(client.ssl, &client);
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client.ssl, a, a);
	SSL_set_bio(server.ssl, b, b);
	SSL_set_connect_state(client.ssl);
	SSL_set_accept_state(server.ssl);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(client.ssl);
		SSL_do_handshake(server.ssl);
		SSL_read(client.ssl, &c, 1);
		SSL_read(server.ssl, &c, 1);
	}
	assert_true(client.tickets > 0);
	SSL_free(client.ssl);
	SSL_free(server.ssl);
	SSL_CTX_free(client.ctx);
	SSL_CTX_free(server.ctx);
	ERR_clear_error();
	return client.session;
}

static void test_no_tickets_no_resumption(void **state)
{
	SSL_SESSION *foreign = session_with_ticket(0);
	struct hostile *h = greeted();

	(void)state;
	assert_true(hostile_say(h, "{\"type\":\"PING\",\"n\":1}"));
	assert_true(hostile_hears_type(h, "PONG"));
	assert_int_equal(h->tickets, 0);
	assert_false(SSL_SESSION_is_resumable(SSL_get0_session(h->ssl)));
	hostile_free(h);

	/* What is offered is passed over: a whole handshake takes place, with certificates. */
	h = hostile_dial(port, &(struct manners){ .id = &evil_id, .resume = foreign });
	assert_true(hostile_greets(h, HELLO_OF("router")));
	assert_false(SSL_session_reused(h->ssl));
	assert_int_equal(h->tickets, 0);
	hostile_free(h);

	/* And so it is of no use to who has no certificate. */
	proc_mark(&agent);
	h = hostile_dial(port, &(struct manners){ .resume = foreign });
	assert_true(hostile_sees_end(h));
	proc_must_say(&agent, "refused: TLS: peer did not return a certificate");
	hostile_free(h);
	SSL_SESSION_free(foreign);
	good_router_goes_on();
}

static void test_early_data(void **state)
{
	SSL_SESSION *foreign = session_with_ticket(4096);
	struct hostile *h;

	(void)state;
	assert_int_equal(SSL_SESSION_get_max_early_data(foreign), 4096);
	proc_mark(&agent);
	h = hostile_dial(port,
			 &(struct manners){ .id = &evil_id,
					    .resume = foreign,
					    .early = "\0\0\0\x16{\"type\":\"PING\",\"n\":1}" });
	if (h->ssl)
		assert_int_not_equal(SSL_get_early_data_status(h->ssl), SSL_EARLY_DATA_ACCEPTED);
	assert_false(hostile_hears_type(h, "PONG"));
	hostile_free(h);
	SSL_SESSION_free(foreign);
	good_router_goes_on();
}

/* Who does not read our answers is not kept on our memory. */
static void test_unread_answers(void **state)
{
	static char pings[64 * 1024];
	struct hostile *h = greeted();
	size_t n = 0;

	(void)state;
	proc_mark(&agent);
	while (n + 40 < sizeof(pings)) {
		memcpy(pings + n, "\0\0\0\x15{\"type\":\"PING\",\"n\":1}", 25);
		n += 25;
	}
	for (int i = 0; i < 1000 && hostile_write(h, pings, n); i++)
		;
	proc_must_say(&agent, "refused: it does not read what it is sent");
	hostile_free(h);
	good_router_goes_on();
}

/* Strangers who only connect take no router's place. */
static void test_crowd(void **state)
{
	int crowd[AGENT_CONNECTIONS_MAX + 20];
	struct hostile *h;

	(void)state;
	for (size_t i = 0; i < sizeof(crowd) / sizeof(*crowd); i++)
		crowd[i] = hostile_tcp(port);
	h = greeted();
	good_router_goes_on();
	hostile_free(h);
	for (size_t i = 0; i < sizeof(crowd) / sizeof(*crowd); i++)
		close(crowd[i]);
}

/* Three who are slow, at once: each is given its time and no more. */
static void test_slow_ones(void **state)
{
	int silent = hostile_tcp(port);
	struct hostile *mute = hostile_dial(port, &(struct manners){ .id = &router_id });
	struct hostile *dribbler = greeted();
	uint64_t since = now_us();
	struct pollfd p = { .fd = silent, .events = POLLIN };
	struct timespec second = { 1, 0 };
	int seconds = 0;

	(void)state;
	proc_mark(&agent);
	assert_non_null(mute->ssl);
	assert_int_equal(poll(&p, 1, 15000), 1);
	assert_true(now_us() - since > 4000000 && now_us() - since < 10000000);
	proc_must_say(&agent, "no TLS handshake within 5 s");
	/* A byte a second does not buy time. */
	assert_true(hostile_write(dribbler, "\0\0\0\x40", 4));
	while (seconds++ < 14 && hostile_write(dribbler, " ", 1) &&
	       !proc_says(&agent, "refused: a message took longer than 10 s", 0))
		nanosleep(&second, NULL);
	assert_true(seconds >= 5);
	proc_must_say(&agent, "refused: a message took longer than 10 s");
	proc_must_say(&agent, "no HELLO within 10 s");
	assert_true(hostile_sees_end(mute));
	hostile_free(mute);
	hostile_free(dribbler);
	close(silent);
	good_router_goes_on();
}

/* A certificate that was good when the session began does not outlive itself in it. */
static void test_it_expires_meanwhile(void **state)
{
	struct timespec nap = { 8, 0 };
	EVP_PKEY *key = kit_key();
	struct identity id;
	struct hostile *h;

	(void)state;
	kit_issue_key(kit, &id, "short", "URI:fairlead://node/short", -60, 6, key);
	EVP_PKEY_free(key);
	h = hostile_dial(port, &(struct manners){ .id = &id });
	assert_true(hostile_greets(h, HELLO_OF("router")));
	proc_mark(&agent);
	nanosleep(&nap, NULL);
	assert_true(hostile_say(h, "{\"type\":\"PING\",\"n\":1}"));
	assert_false(hostile_hears_type(h, "PONG"));
	proc_must_say(&agent, "refused: its certificate has expired meanwhile");
	hostile_free(h);
	good_router_goes_on();
}

/* A router that says nothing any more is not kept; a second connection of one node replaces it. */
static void test_silence_and_return(void **state)
{
	struct channel_config c = agent_config;
	struct hostile *first, *second;
	struct proc impatient;

	(void)state;
	c.listen_port = kit_port();
	c.silence_ms = 4000; /* the second comes before */
	proc_start(kit, &impatient, "impatient", &c, false);
	for (int i = 0; i < 100; i++) {
		struct timespec nap = { 0, 20000000 };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(c.listen_port) };

		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			i = 100;
		close(fd);
		nanosleep(&nap, NULL);
	}
	first = hostile_dial(c.listen_port, &(struct manners){ .id = &evil_id });
	assert_true(hostile_greets(first, HELLO_OF("router")));
	second = hostile_dial(c.listen_port, &(struct manners){ .id = &evil_id });
	assert_true(hostile_greets(second, HELLO_OF("router")));
	assert_true(hostile_sees_end(first));
	assert_true(hostile_sees_end(second));
	proc_must_say(&impatient, "silent for too long");
	hostile_free(first);
	hostile_free(second);
	proc_stop(&impatient);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_not_even_tls),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_foreign_endpoint),
		cmocka_unit_test(test_answer_names_its_question),
		cmocka_unit_test(test_two_at_once_and_a_replay),
		cmocka_unit_test(test_late_quote),
		cmocka_unit_test(test_no_tickets_no_resumption),
		cmocka_unit_test(test_early_data),
		cmocka_unit_test(test_unread_answers),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_it_expires_meanwhile),
		cmocka_unit_test(test_silence_and_return),
		cmocka_unit_test(test_slow_ones),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
