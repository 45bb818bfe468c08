// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a pool keeps for the next connection: a session that has proved itself, as long as its
 * verdict lasts; none whose key an agent has vouched for, since that may be taken back.
 */
#include "client_kit.h"

#include "client/client.h"
#include "client/keys.h"
#include "client/opening.h"
#include "client/pool.h"

enum {
	OPENINGS = 64,
};

struct opening { /* in place of client/opening.c: one that ends when it is told to */
	const struct opening_ops *ops;
	void *arg;
	bool under_way;
};

static struct opening openings[OPENINGS];
static size_t started;
static unsigned int released, dropped;

struct opening *opening_start(struct client *c, const struct opening_ops *ops, void *arg)
{
	(void)c;
	assert_true(started < OPENINGS);
	openings[started] = (struct opening){ ops, arg, true };
	return &openings[started++];
}

void opening_cancel(struct opening *o)
{
	if (o)
		o->under_way = false;
}

/* In place of client/approach.c and link.c: the link is none. */
SSL *ready_release(struct ready *r, int *fd)
{
	(void)r;
	(void)fd;
	released++;
	return NULL;
}

void ready_drop(struct ready *r)
{
	dropped += r->link != NULL;
	r->link = NULL;
}

void link_set(struct link *l, const struct link_ops *ops, void *arg)
{
	(void)l;
	(void)ops;
	(void)arg;
}

struct world {
	struct client client;
	struct options options;
	struct pool *pool;
	uint16_t port;
};

static void open_pool(struct world *w, bool by_agents, uint32_t pool)
{
	struct addr a;
	int fd;

	memset(w, 0, sizeof(*w));
	started = released = dropped = 0;
	w->options.deadline_ms = KIT_WAIT_MS;
	w->options.pool = pool;
	w->options.connections = 8;
	w->client.options = &w->options;
	w->client.base = event_base_new();
	w->client.keys = by_agents ? (struct keyring *)w : NULL; /* only whether there is one */
	addr_parse("127.0.0.1", &a);
	fd = sock_listen(&a, 0);
	assert_true(sock_local(fd, &a, &w->port));
	w->pool = pool_new(&w->client, fd);
	assert_non_null(w->pool);
}

static void close_pool(struct world *w)
{
	pool_free(w->pool);
	event_base_free(w->client.base);
}

/* A local connection that has been taken. */
static int dial(struct world *w, size_t openings_then)
{
	uint64_t until = now_us() + KIT_WAIT_MS * 1000ULL;
	struct addr a;
	int fd;

	addr_parse("127.0.0.1", &a);
	fd = sock_connect(&a, w->port);
	while (started < openings_then && now_us() < until)
		event_base_loop(w->client.base, EVLOOP_NONBLOCK);
	assert_int_equal(started, openings_then);
	return fd;
}

static void ready(size_t i, uint64_t lifetime_ms)
{
	static const struct endpoint endpoint = { .name = "the server" };
	const struct ready r = { .link = (struct link *)&openings[i],
				 .endpoint = &endpoint,
				 .attested.until_ms = client_now_ms() + lifetime_ms };

	assert_true(openings[i].under_way);
	openings[i].under_way = false;
	openings[i].ops->ready(openings[i].arg, &r);
}

static void fails(size_t i)
{
	assert_true(openings[i].under_way);
	openings[i].under_way = false;
	openings[i].ops->failed(openings[i].arg, VERDICT_REFUSED, "none");
}

/* Two wait; one is refused while the deadline of both passes, and so nobody waits any more. */
static void nobody_waits(struct world *w)
{
	int one = dial(w, 1), other = dial(w, 2);

	w->options.deadline_ms = 1;
	usleep(5000);
	fails(0);
	close(one);
	close(other);
}

static void test_no_key_is_kept(void **state)
{
	struct world w;

	(void)state;
	open_pool(&w, true, OPTIONS_POOL);
	nobody_waits(&w);
	ready(1, 3600000);
	assert_int_equal(dropped, 1);
	close(dial(&w, 3)); /* who comes now has its own */
	assert_int_equal(released, 0);
	close_pool(&w);
}

static void test_what_has_proved_itself_is_kept(void **state)
{
	struct world w;

	(void)state;
	open_pool(&w, false, 1);
	assert_int_equal(started, 1);
	ready(0, 3600000);
	assert_int_equal(dropped, 0);
	close(dial(&w, 3)); /* of no use here, so one for who waits and one to be kept */
	assert_int_equal(released, 1);
	close_pool(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_key_is_kept),
		cmocka_unit_test(test_what_has_proved_itself_is_kept),
	};

	signal(SIGPIPE, SIG_IGN);
	log_init("client", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
