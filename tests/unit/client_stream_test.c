// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stream between a local socket and TLS: every byte, both ways, each way ended by itself, an
 * end that is none told apart, nobody read for who does not read, and nothing left behind.
 */
#include "client_kit.h"

#include "client/client.h"
#include "client/stream.h"

enum {
	BULK = 3 << 20,
	PIECE = 4096,
	STREAMS = 60, /* that come and go */
};

static SSL_CTX *ctx;
static struct event_base *base;

/* The other side of TLS, in a process of its own, which does one thing. */
static void peer(SSL *ssl, char what)
{
	static uint8_t buf[65536];
	size_t total = 0;
	int n;

	if (SSL_accept(ssl) != 1)
		_exit(1);
	switch (what) {
	case 'e': /* echo */
		while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
			if (SSL_write(ssl, buf, n) != n)
				_exit(1);
		break;
	case 'c': /* counts to the end, then says how much it was */
		while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
			total += n;
		n = snprintf((char *)buf, sizeof(buf), "%zu", total);
		SSL_write(ssl, buf, n);
		break;
	case 'b': /* breaks off */
		SSL_write(ssl, "half", 4);
		_exit(0);
	case 'n': /* nothing should come */
		_exit(SSL_read(ssl, buf, sizeof(buf)) > 0);
	case 'm': /* much, without being asked */
		for (total = 0; total < BULK; total += PIECE)
			if (SSL_write(ssl, buf, PIECE) != PIECE)
				_exit(1);
		break;
	}
	SSL_shutdown(ssl);
	SSL_free(ssl);
	_exit(0);
}

struct run {
	struct stream *stream;
	int local; /* our end of the local side */
	pid_t peer;
	bool done;
	char why[WHY_MAX];
};

static void on_done(void *arg, const char *why)
{
	struct run *r = arg;

	r->done = true;
	snprintf(r->why, sizeof(r->why), "%s", why ? why : "");
}

static void begin(struct run *r, char what, uint64_t lifetime_ms)
{
	struct stream_ends ends = { .until_ms = client_now_ms() + lifetime_ms };
	int local[2], tls[2];

	memset(r, 0, sizeof(*r));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, local), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tls), 0);
	r->peer = fork();
	assert_true(r->peer >= 0);
	if (r->peer == 0) {
		SSL *ssl = SSL_new(ctx);

		close(local[0]);
		close(local[1]);
		close(tls[0]);
		SSL_set_fd(ssl, tls[1]);
		peer(ssl, what);
	}
	close(tls[1]);
	ends.in = ends.out = local[1];
	ends.tls_fd = tls[0];
	ends.ssl = SSL_new(ctx);
	SSL_set_fd(ends.ssl, tls[0]);
	SSL_set_mode(ends.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	assert_int_equal(SSL_connect(ends.ssl), 1);
	fcntl(tls[0], F_SETFL, O_NONBLOCK);
	fcntl(local[1], F_SETFL, O_NONBLOCK);
	fcntl(local[0], F_SETFL, O_NONBLOCK);
	r->local = local[0];
	if (what == 'n')
		assert_int_equal(write(r->local, "x", 1), 1);
	r->stream = stream_start(base, &ends, on_done, r);
	assert_non_null(r->stream);
}

static int end(struct run *r)
{
	int status = 0;

	if (r->local >= 0)
		close(r->local);
	if (!r->done)
		stream_close(r->stream);
	waitpid(r->peer, &status, 0);
	return status;
}

static uint64_t deadline(void)
{
	return now_us() + KIT_WAIT_MS * 1000ULL;
}

/* Turns the loop until something came to p[n], was over (0) or broke (-1). */
static ssize_t hear(struct run *r, uint8_t *p, size_t n)
{
	uint64_t until = deadline();
	ssize_t got;

	while ((got = read(r->local, p, n)) < 0 && errno == EAGAIN && now_us() < until) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(100);
	}
	return got;
}

static void say(struct run *r, const uint8_t *p, size_t n)
{
	uint64_t until = deadline();

	while (n && now_us() < until) {
		ssize_t done = write(r->local, p, n);

		if (done > 0) {
			p += done;
			n -= done;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(n, 0);
}

static void until_done(struct run *r)
{
	uint64_t until = deadline();

	while (!r->done && now_us() < until) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(100);
	}
	assert_true(r->done);
}

static void test_every_byte_both_ways(void **state)
{
	static uint8_t out[BULK], in[BULK];
	size_t sent = 0, got = 0;
	uint64_t until;
	struct run r;

	(void)state;
	for (size_t i = 0; i < BULK; i++)
		out[i] = i * 2654435761U >> 13;
	begin(&r, 'e', 60000);
	for (until = now_us() + 6 * KIT_WAIT_MS * 1000ULL; got < BULK && now_us() < until;) {
		ssize_t n = sent < BULK ? write(r.local, out + sent, BULK - sent) : 0;

		sent += n > 0 ? n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = read(r.local, in + got, BULK - got);
		got += n > 0 ? n : 0;
	}
	assert_int_equal(got, BULK);
	assert_memory_equal(in, out, BULK);
	shutdown(r.local, SHUT_WR);
	assert_int_equal(hear(&r, in, 1), 0);
	until_done(&r);
	assert_string_equal(r.why, "");
	assert_int_equal(end(&r), 0);
}

/* One way ends; the answer comes by the other. */
static void test_half_close(void **state)
{
	uint8_t text[32] = { 0 };
	struct run r;

	(void)state;
	begin(&r, 'c', 60000);
	say(&r, (const uint8_t *)"12345", 5);
	shutdown(r.local, SHUT_WR);
	assert_int_equal(hear(&r, text, sizeof(text)), 1);
	assert_string_equal((char *)text, "5");
	assert_int_equal(hear(&r, text, sizeof(text)), 0);
	until_done(&r);
	assert_string_equal(r.why, "");
	assert_int_equal(end(&r), 0);
}

/* Without close_notify anybody could have cut it off there. */
static void test_cut_off(void **state)
{
	uint8_t text[32];
	struct run r;

	(void)state;
	begin(&r, 'b', 60000);
	assert_int_equal(hear(&r, text, sizeof(text)), 4);
	until_done(&r);
	assert_string_equal(r.why, "it hung up");
	end(&r);
}

static void test_who_does_not_read_is_not_read_for(void **state)
{
	static uint8_t buf[65536];
	size_t total = 0;
	int status;
	ssize_t n;
	struct run r;

	(void)state;
	begin(&r, 'm', 60000);
	for (int i = 0; i < 200; i++) { /* all that fits in between, and no more */
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_int_equal(waitpid(r.peer, &status, WNOHANG), 0); /* it has not got rid of it */
	while ((n = hear(&r, buf, sizeof(buf))) > 0)
		total += n;
	assert_int_equal(n, 0);
	assert_int_equal(total, BULK);
	shutdown(r.local, SHUT_WR);
	until_done(&r);
	assert_int_equal(end(&r), 0);
}

static void test_its_time_is_over(void **state)
{
	uint8_t text[32];
	struct run r;

	(void)state;
	begin(&r, 'e', 4000);
	say(&r, (const uint8_t *)"x", 1);
	assert_int_equal(hear(&r, text, sizeof(text)), 1);
	until_done(&r);
	assert_string_equal(r.why, "its evidence is over");
	end(&r);
	begin(&r, 'n', 0); /* before its first byte */
	until_done(&r);
	assert_string_equal(r.why, "its evidence is over");
	assert_int_equal(end(&r), 0);
}

/* However they end. */
static void test_nothing_is_left_behind(void **state)
{
	static const char kinds[] = "ecb";
	int before = kit_descriptors();
	uint8_t text[32];
	struct run r;

	(void)state;
	for (int i = 0; i < STREAMS; i++) {
		char kind = kinds[i % 3];

		begin(&r, kind, 60000);
		if (kind != 'b')
			say(&r, (const uint8_t *)"hello", 5);
		if (i % 5 == 0) { /* the local side is gone at once */
			close(r.local);
			r.local = -1;
		} else {
			shutdown(r.local, SHUT_WR);
			while (hear(&r, text, sizeof(text)) > 0)
				;
		}
		until_done(&r);
		end(&r);
	}
	assert_int_equal(kit_descriptors(), before);
}

static int set_up(void **state)
{
	struct kit *k = kit_new();
	struct identity id;

	*state = k;
	signal(SIGPIPE, SIG_IGN);
	kit_issue(k, &id, "peer", "URI:fairlead://node/p");
	ctx = SSL_CTX_new(TLS_method());
	assert_int_equal(SSL_CTX_use_certificate_file(ctx, id.certificate, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, id.key, SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_read_ahead(ctx, 1);
	base = event_base_new();
	return 0;
}

static int tear_down(void **state)
{
	event_base_free(base);
	SSL_CTX_free(ctx);
	kit_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_both_ways),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_who_does_not_read_is_not_read_for),
		cmocka_unit_test(test_its_time_is_over),
		cmocka_unit_test(test_nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
