// SPDX-License-Identifier: BSD-2-Clause
/*
 * A local port before servers that are wrong in one way each: every connection to it is reset
 * without a byte, no server hears one, and nothing is left behind.
 */
#include "channel_kit.h"

#include <dirent.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "channel/frame.h"
#include "client/client.h"
#include "client/pool.h"

enum {
	ROUNDS = 12, /* connections to each server */
};

static const char secret[] = "SECRET";
static struct kit *kit;
static struct identity id;

/* --- the server, in a process of its own */

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
		       const unsigned char *in, unsigned int in_n, void *arg)
{
	(void)ssl;
	(void)arg;
	*out = in + 1;
	*n = in[0];
	return in_n ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static void send_frame(SSL *ssl, const char *text)
{
	uint8_t frame[FRAME_SMALL_MAX + FRAME_HEADER];
	size_t n = strlen(text);

	frame[0] = frame[1] = 0;
	frame[2] = n >> 8;
	frame[3] = n;
	memcpy(frame + FRAME_HEADER, text, n);
	SSL_write(ssl, frame, n + FRAME_HEADER);
}

static const char hello[] = "{\"type\":\"HELLO\",\"v\":1,\"role\":\"backend\",\"tee\":[\"snp\"],"
			    "\"agent\":\"a\",\"boot_id\":\"b\"}";
static const char unavailable[] = "{\"type\":\"ERROR\",\"v\":1,\"id\":1,\"code\":\"unavailable\","
				  "\"detail\":\"none\"}";

/* EVIDENCE whose claims fit, and whose report is none. */
static const char *evidence(uint16_t port)
{
	static char text[4096], claims[1024];
	struct wire_claims c = { .node = "n", .role = "backend", .endpoints_count = 1 };
	struct wire_message m = { .type = WIRE_EVIDENCE };
	size_t n;

	c.counter = 1;
	c.endpoints[0].proto = IPPROTO_TCP;
	c.endpoints[0].port = port;
	addr_parse("127.0.0.1", &c.endpoints[0].addr);
	n = wire_claims_write(&c, claims, sizeof(claims));
	m.evidence.id = 1;
	m.evidence.tee = TEE_SNP;
	m.evidence.report = bytes_of("report", 6);
	m.evidence.claims = bytes_of(claims, n);
	n = wire_write(&m, text, sizeof(text) - 1);
	text[n] = 0;
	return text;
}

/* Whether what came holds the secret, or says that we are believed. */
static bool hears_too_much(SSL *ssl)
{
	static char all[65536];
	size_t total = 0;
	int n;

	while (total < sizeof(all) && (n = SSL_read(ssl, all + total, sizeof(all) - total)) > 0)
		total += n;
	return memmem(all, total, secret, sizeof(secret) - 1) || memmem(all, total, "\"ok\"", 4);
}

static bool session(SSL *ssl, char how, uint16_t port)
{
	if (SSL_accept(ssl) != 1)
		return false;
	if (how == 'h')
		return false;
	send_frame(ssl, hello);
	if (how == 'u')
		send_frame(ssl, unavailable);
	else if (how == 'e')
		send_frame(ssl, evidence(port)); /* before it was asked, as often as not */
	else if (how == 'w')
		send_frame(ssl, "HTTP/1.1 200 OK\r\n\r\n");
	else if (how == 's')
		send_frame(ssl, hello);
	return hears_too_much(ssl);
}

/* Ends with 1 as soon as it has heard what it should not. */
static _Noreturn void serve(int fd, char how, uint16_t port)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int peer;

	fcntl(fd, F_SETFL, 0);
	SSL_CTX_use_certificate_file(ctx, id.certificate, SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(ctx, id.key, SSL_FILETYPE_PEM);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	while ((peer = accept(fd, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(ctx);

		SSL_set_fd(ssl, peer);
		if (session(ssl, how, port))
			_exit(1);
		SSL_free(ssl);
		close(peer);
	}
	_exit(0);
}

static pid_t start_server(char how, uint16_t port)
{
	struct addr a;
	pid_t pid;
	int fd;

	addr_parse("127.0.0.1", &a);
	fd = sock_listen(&a, port);
	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(fd, how, port);
	close(fd);
	return pid;
}

/* --- the client, in ours */

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
	assert_true(inputs_read(c->options, &c->inputs));
	c->endpoints_count = endpoints_resolve(w->options.endpoints, 1, c->endpoints, reason);
	assert_int_equal(c->endpoints_count, 1);
	c->base = event_base_new();
	assert_int_equal(appraiser_new(c->base, c->inputs.policy, &c->appraiser), 0);
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
		(void)!send(fd, secret, sizeof(secret) - 1, MSG_NOSIGNAL);
		n = recv(fd, got, sizeof(got), 0);
		if (n >= 0 || errno != EAGAIN)
			break;
		usleep(1000);
	}
	assert_int_equal(n < 0 ? errno : 0, n < 0 ? ECONNRESET : 0);
	close(fd);
	return n < 0 ? 0 : n;
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void refuses(char how)
{
	uint16_t port = kit_port();
	pid_t server = how ? start_server(how, port) : 0;
	struct world w = { 0 };
	int before, status = 0;
	char endpoint[32];

	snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", port);
	open_client(&w, endpoint);
	assert_int_equal(ask(&w), 0);
	before = descriptors();
	/* Who cannot answer now is asked again until the deadline. */
	for (int i = how == 'u' ? ROUNDS - 1 : 0; i < ROUNDS; i++)
		assert_int_equal(ask(&w), 0);
	/* One more is on its way to be kept, now and then. */
	assert_in_range(descriptors(), 0, before + 2);
	close_client(&w);
	if (!how)
		return;
	assert_int_equal(waitpid(server, &status, WNOHANG), 0); /* it has heard nothing */
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
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
