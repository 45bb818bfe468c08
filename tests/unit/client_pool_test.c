// SPDX-License-Identifier: BSD-2-Clause
/*
 * A local port before servers that are wrong in one way each: every connection to it is reset
 * without a byte, no server hears one, and nothing is left behind.
 */
#include "client_kit.h"

#include "client/client.h"
#include "client/pool.h"

enum {
	ROUNDS = 12, /* connections to each server */
};

static struct kit *kit;
static struct identity id;

static const char unavailable[] = "{\"type\":\"ERROR\",\"v\":1,\"id\":1,\"code\":\"unavailable\","
				  "\"detail\":\"none\"}";

static bool session(SSL *ssl, char how, uint16_t port)
{
	if (how == 'h')
		return false;
	server_say(ssl, server_hello);
	if (how == 'u')
		server_say(ssl, unavailable);
	else if (how == 'e')
		server_say(ssl, server_evidence(port)); /* before it was asked, as often as not */
	else if (how == 'w')
		server_say(ssl, "HTTP/1.1 200 OK\r\n\r\n");
	else if (how == 's')
		server_say(ssl, server_hello);
	return server_hears_too_much(ssl);
}

struct world {
	struct options options;
	struct client *client;
	struct pool *pool;
	uint16_t port; /* of the local side */
};

static void open_client(struct world *w, const char *endpoint)
{
	char *argv[] = { "fairlead-connect", "--pool",	      "1", "--deadline", "1500", "--listen",
			 "127.0.0.1:0",	     (char *)endpoint };
	struct client *c = calloc(1, sizeof(*c));
	char reason[WHY_MAX];
	struct addr a;
	int fd;

	w->client = c;
	assert_int_equal(
		options_read(&w->options, sizeof(argv) / sizeof(*argv), argv, stderr, stderr),
		OPTIONS_GO_ON);
	c->options = &w->options;
	c->save_fd = -1;
	assert_true(inputs_read("client", &c->options->files, &c->inputs));
	c->endpoints_count = endpoints_resolve(w->options.endpoints, 1, c->endpoints, reason);
	assert_int_equal(c->endpoints_count, 1);
	c->base = event_base_new();
	assert_int_equal(appraiser_new(c->base, c->inputs.policy, KIT_WAIT_MS, &c->appraiser), 0);
	assert_int_equal(client_tls_open(CLIENT_TLS_INLINE, c->options, &c->tls, reason), 0);
	fd = sock_listen(&w->options.listen_addr, 0);
	assert_true(sock_local(fd, &a, &w->port));
	w->pool = pool_new(c, fd);
	assert_non_null(w->pool);
}

static void close_client(struct world *w)
{
	pool_free(w->pool);
	appraiser_free(w->client->appraiser);
	client_tls_close(w->client->tls);
	inputs_free(&w->client->inputs);
	event_base_free(w->client->base);
	free(w->client);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Sends at once, and waits for the end: how many bytes came before it was reset. */
static ssize_t ask(struct world *w)
{
	uint64_t until = now_us() + KIT_WAIT_MS * 1000ULL;
	struct addr a;
	char got[16];
	ssize_t n = -1;
	int fd;

	addr_parse("127.0.0.1", &a);
	fd = sock_connect(&a, w->port);
	assert_true(fd >= 0);
	while (now_us() < until) {
		event_base_loop(w->client->base, EVLOOP_NONBLOCK);
		(void)!send(fd, SERVER_SECRET, strlen(SERVER_SECRET), MSG_NOSIGNAL);
		n = recv(fd, got, sizeof(got), 0);
		if (n >= 0 || errno != EAGAIN)
			break;
		usleep(1000);
	}
	assert_int_equal(n < 0 ? errno : 0, n < 0 ? ECONNRESET : 0);
	close(fd);
	return n < 0 ? 0 : n;
}

static void refuses(char how)
{
	uint16_t port = kit_port();
	pid_t server = how ? server_start(&id, session, how, port) : 0;
	struct world w = { 0 };
	int before;
	char endpoint[32];

	snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", port);
	open_client(&w, endpoint);
	assert_int_equal(ask(&w), 0);
	before = kit_descriptors();
	/* Who cannot answer now is asked again until the deadline. */
	for (int i = how == 'u' ? ROUNDS - 1 : 0; i < ROUNDS; i++)
		assert_int_equal(ask(&w), 0);
	/* One more is on its way to be kept, now and then. */
	assert_in_range(kit_descriptors(), 0, before + 2);
	close_client(&w);
	if (how)
		server_stop(server);
}

static void test_nobody(void **state)
{
	(void)state;
	refuses(0);
}

static void test_hangs_up(void **state)
{
	(void)state;
	refuses('h');
}

static void test_evidence_that_is_none(void **state)
{
	(void)state;
	refuses('e');
}

static void test_another_protocol(void **state)
{
	(void)state;
	refuses('w');
}

static void test_says_hello_twice(void **state)
{
	(void)state;
	refuses('s');
}

static void test_error_before_the_question(void **state)
{
	(void)state;
	refuses('u');
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_init("client", LOG_LEVEL_WARN);
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
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_hangs_up),
		cmocka_unit_test(test_evidence_that_is_none),
		cmocka_unit_test(test_another_protocol),
		cmocka_unit_test(test_says_hello_twice),
		cmocka_unit_test(test_error_before_the_question),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
