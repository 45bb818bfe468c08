// SPDX-License-Identifier: BSD-2-Clause
/*
 * The relay between those who mean harm: work for nothing that others have to wait for, and an
 * end that nobody has said.
 */
#include "relay_kit.h"

enum {
	FEW = 8,
	MANY = 100000, /* some seconds of work, if somebody did it */
};

static struct kit *kit;
static struct identity relay_id, dest_id;
static struct origin echo, plain;
static struct relay_config *config;
static struct proc relay;
static int slow_fd;

static int setup(void **state)
{
	uint16_t port = kit_port();
	struct addr a;

	(void)state;
	kit = kit_new();
	kit_issue(kit, &relay_id, "relay", "URI:fairlead://node/relay-1,IP:127.0.0.1");
	kit_issue(kit, &dest_id, "dest", "DNS:api.example,IP:127.0.0.1");
	origin_start(&echo, &dest_id, TLS1_3_VERSION);
	origin_start(&plain, NULL, 0);
	config = relay_kit_config(&relay_id);
	relay_kit_pin(relay_kit_add(config, "pinned", echo.port), &dest_id);
	relay_kit_add(config, "plain", plain.port);
	addr_parse("127.0.0.1", &a);
	slow_fd = sock_listen(&a, port);
	assert_true(slow_fd >= 0);
	relay_kit_add(config, "slow", port);
	relay_kit_start(kit, &relay, config, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proc_stop(&relay);
	origin_stop(&echo);
	origin_stop(&plain);
	close(slow_fd);
	free(config);
	kit_free(kit);
	return 0;
}

/* KeyUpdate (RFC 8446 4.6.3) is no data, costs who gets it some 20 µs, and may always come. */
static void test_key_updates(void **state)
{
	struct guest *g = guest_new(config);

	(void)state;
	guest_comes(g, NULL);
	rekey(g->ssl, FEW);
	assert_int_equal(SSL_key_update(g->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	assert_true(guest_asks(g, 1, "pinned"));
	proc_wants(&relay, MSG_QUOTE_WANTED, -1);
	parent_answers(&relay, 0, RELAY_REPORT);
	guest_wants(g, WIRE_EVIDENCE);
	rekey(g->ssl, FEW);
	assert_true(guest_says(g, &(struct wire_message){
					  .type = WIRE_RESULT,
					  .result = { .id = 1, .ok = true, .code = "accepted" } }));
	rekey(g->ssl, FEW);
	guest_exchanges(g, 100000, 1);
	assert_int_equal(SSL_shutdown(g->ssl), 0);
	guest_sees_end(g, false);
	guest_free(g);
	proc_must_say(&relay, "100000 bytes up, 100000 down");
	proc_mark(&relay);
}

static void is_ended(struct guest *g)
{
	char byte;

	rekey(g->ssl, MANY);
	assert_false(guest_reads(g, &byte, 1));
	guest_free(g);
}

static void test_key_updates_for_ever(void **state)
{
	struct guest *before = guest_new(config), *after = guest_new(config);

	(void)state;
	guest_comes(before, NULL);
	is_ended(before);
	proc_must_say(&relay, "nothing relayed: it hung up");
	guest_is_released(after, &relay, "plain");
	guest_exchanges(after, 10, 1);
	is_ended(after);
	proc_must_say(&relay, "10 bytes up, 10 down");
	proc_must_say(&relay, "the client's connection broke");
	proc_mark(&relay);
}

static void test_key_updates_from_a_destination(void **state)
{
	struct guest *g = guest_new(config);
	char back[sizeof(ORIGIN_REKEY)];

	(void)state;
	guest_is_released(g, &relay, "pinned");
	assert_true(guest_writes(g, ORIGIN_REKEY, sizeof(ORIGIN_REKEY)));
	assert_true(guest_reads(g, back, sizeof(back)));
	guest_sees_end(g, true);
	proc_must_say(&relay, "the destination's connection broke");
	guest_free(g);
	proc_mark(&relay);
}

/* Both ends of a client's TLS in this process, over a pair of sockets. */
struct pair {
	struct relay_tls *tls;
	struct end end;
	struct window window;
	SSL_CTX *ctx;
	SSL *peer;
	int fds[2];
};

static void pair_open(struct pair *p)
{
	char why[WHY_MAX];
	int done = 0;

	memset(p, 0, sizeof(*p));
	assert_int_equal(relay_tls_open(config, &p->tls, why), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	end_open(&p->end, p->fds[0], relay_tls_server(p->tls, p->fds[0]));
	p->ctx = SSL_CTX_new(TLS_client_method());
	p->peer = SSL_new(p->ctx);
	SSL_set_alpn_protos(p->peer,
			    (const uint8_t *)"\x0e"
					     "fairlead-app/1",
			    15);
	SSL_set_fd(p->peer, p->fds[1]);
	for (int i = 0; i < 10 && done != 1; i++) {
		SSL_connect(p->peer);
		p->end.ready = EV_READ | EV_WRITE;
		done = relay_tls_shake(&p->end, why);
	}
	assert_int_equal(done, 1);
	assert_true(window_resize(&p->window, 65536));
}

static void pair_close(struct pair *p)
{
	end_close(&p->end);
	free(p->window.buf);
	SSL_free(p->peer);
	SSL_CTX_free(p->ctx);
	close(p->fds[1]);
	relay_tls_close(p->tls);
}

/* However much of it there is already, the library is back before all of it is done. */
static void test_others_have_their_turn(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(rekey_at_once(p.peer, p.fds[1], 3000), 0);
	assert_false(window_fill(&p.window, &p.end));
	assert_true(p.window.cut);
	assert_true(unread(p.fds[0]) > 0);
	pair_close(&p);
}

/* Wherever in what the library reads ahead the new key lies, what follows is not forgotten. */
static void test_nothing_waits_behind_a_key(void **state)
{
	static uint8_t zeros[16384];

	(void)state;
	for (int n = 1; n < 500; n += 40) {
		struct pair p;

		pair_open(&p);
		for (int more = 0; more < 40; more++) {
			size_t sent = sizeof(zeros) + n + more + 5, got = 0;

			assert_int_equal(SSL_write(p.peer, zeros, sizeof(zeros)), sizeof(zeros));
			assert_int_equal(SSL_write(p.peer, zeros, n + more), n + more);
			rekey(p.peer, 1);
			assert_int_equal(SSL_write(p.peer, zeros, 5), 5);
			p.end.ready |= EV_READ;
			while (window_fill(&p.window, &p.end)) {
				got += p.window.n;
				p.window.n = p.window.at = 0;
			}
			assert_int_equal(got, sent);
		}
		pair_close(&p);
	}
}

static void await(const _Atomic unsigned int *count, unsigned int least)
{
	for (uint64_t until = now_us() + KIT_WAIT_MS * 1000ULL; *count < least; usleep(1000))
		assert_true(now_us() < until);
}

/*
 * Where there is no TLS, FIN alone says that bytes have come to their end.  Who stands between
 * the client and us can cut its connection, and must not be able to have that said.
 */
static void test_cut_is_no_end(void **state)
{
	struct guest *g = guest_new(config);
	unsigned int ended = *plain.ended, broke = *plain.broke;

	(void)state;
	guest_is_released(g, &relay, "plain");
	guest_exchanges(g, 10, 1);
	shutdown(g->fd, SHUT_WR); /* a FIN of TCP, which is anybody's */
	await(plain.broke, broke + 1);
	assert_int_equal(*plain.ended, ended);
	proc_must_say(&relay, "the client's connection broke");
	guest_leave(g);
	proc_mark(&relay);

	guest_is_released(g, &relay, "plain");
	guest_exchanges(g, 10, 1);
	assert_int_equal(SSL_shutdown(g->ssl), 0);
	await(plain.ended, ended + 1);
	guest_sees_end(g, false);
	guest_free(g);
	assert_int_equal(*plain.broke, broke + 1);
	proc_mark(&relay);
}

/* What has been handed on before the end is not lost with the connection. */
static void test_end_is_no_cut(void **state)
{
	enum { BYTES = 300000 };
	static uint8_t sent[BYTES], got[BYTES];
	struct guest *g = guest_new(config);
	struct pollfd p = { .fd = slow_fd, .events = POLLIN };
	size_t n = 0;
	ssize_t r;
	int fd;

	(void)state;
	memset(sent, 's', sizeof(sent));
	guest_is_released(g, &relay, "slow");
	assert_int_equal(poll(&p, 1, KIT_WAIT_MS), 1);
	fd = accept(slow_fd, NULL, NULL);
	assert_true(fd >= 0);
	shutdown(fd, SHUT_WR);
	assert_true(guest_writes(g, sent, sizeof(sent)));
	assert_int_equal(SSL_shutdown(g->ssl), 0);
	guest_sees_end(g, false);
	proc_must_say(&relay, "300000 bytes up, 0 down");
	while ((r = read(fd, got + n, sizeof(got) - n)) > 0 && (n += r) < sizeof(got))
		;
	assert_int_equal(n, sizeof(got));
	assert_memory_equal(got, sent, sizeof(got));
	assert_int_equal(read(fd, got, 1), 0);
	close(fd);
	guest_free(g);
	proc_mark(&relay);
}

/*
 * Whoever has taken over the process that reads what name servers say must not be able to lead
 * those bytes elsewhere that no TLS protects.
 */
static void test_unasked_address(void **state)
{
	struct resolved elsewhere = { .count = 1 };
	struct addr a;
	uint8_t buf[256];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_RESOLVED, 1);
	struct guest *g = guest_new(config);
	int evil;

	(void)state;
	addr_parse("127.0.0.2", &a);
	evil = sock_listen(&a, plain.port);
	assert_true(evil >= 0);
	elsewhere.addrs[0] = a;
	resolved_put(&w, &elsewhere);
	proc_send(&relay, &w);
	guest_is_released(g, &relay, "plain");
	guest_exchanges(g, 10, 1);
	assert_int_equal(accept(evil, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close(evil);
	guest_free(g);
	proc_must_say(&relay, "to plain: 10 bytes up, 10 down");
	proc_mark(&relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_updates),
		cmocka_unit_test(test_key_updates_for_ever),
		cmocka_unit_test(test_key_updates_from_a_destination),
		cmocka_unit_test(test_others_have_their_turn),
		cmocka_unit_test(test_nothing_waits_behind_a_key),
		cmocka_unit_test(test_cut_is_no_end),
		cmocka_unit_test(test_end_is_no_cut),
		cmocka_unit_test(test_unasked_address),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
