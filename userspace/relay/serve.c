// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "channel/acceptor.h"
#include "channel/sock.h"
#include "relay/conn.h"

enum {
	LINES_MAX = 100, /* about those who were refused, in */
	LINES_MS = 10000,
	CONN_BYTES = 256 << 10, /* of OpenSSL's, or a piece of evidence, beside the windows */
	HEADROOM_BYTES = 64 << 20,
};

/* relay_close() tells what each connection has carried. */
static bool stop(struct server *s)
{
	event_base_loopbreak(s->base);
	return true;
}

static bool received(void *arg, const struct ipc_message *m)
{
	return m->type == MSG_STOP	 ? stop(arg)
	       : m->type == MSG_QUOTE	 ? ask_answered(arg, m)
	       : m->type == MSG_RESOLVED ? reach_resolved(arg, m)
					 : false;
}

static void paused(void *arg, bool paused)
{
	(void)arg, (void)paused; /* what we ask is limited without it */
}

static const struct parent_ops parent_ops = { received, paused };

/* The oldest that has lost nothing but time by it goes; false when there is none. */
static bool make_room(struct server *s, bool unproven_only)
{
	struct conn *c;

	for (c = TAILQ_FIRST(&s->conns); c; c = TAILQ_NEXT(c, all))
		if (c->state < CONN_ASKED)
			break;
	for (c = c || unproven_only ? c : TAILQ_FIRST(&s->conns); c; c = TAILQ_NEXT(c, all))
		if (c->state < CONN_ASKED || c->state == CONN_RESULT)
			break;
	if (c)
		conn_end(c, "others wait for its place");
	return c;
}

static bool room(struct server *s, size_t taken, size_t most, bool unproven_only)
{
	return taken < most || make_room(s, unproven_only);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct server *s = arg;
	enum admit_reason why = ADMIT_FULL;
	struct source *source = NULL;
	char text[ENDPOINT_TEXT_MAX];
	struct addr from = { 0 };
	unsigned int silenced;
	uint16_t port = 0;

	(void)l, (void)n;
	sock_addr_of(sa, &from, &port);
	endpoint_text(&from, port, text);
	/* First whether it may come at all: one who may not takes nobody's place. */
	source = admit_enter(s->admit, &from, now_us() / 1000, &why);
	if (source && !(room(s, s->unproven, s->config->limits.unproven, true) &&
			room(s, s->count, s->config->limits.connections, false))) {
		admit_leave(source);
		source = NULL;
		why = ADMIT_FULL;
	}
	if (source) {
		conn_new(s, fd, source, text);
		return;
	}
	sock_abort(fd);
	usage_add(&s->usage->refused[why], 1);
	if (quota_take(&s->lines, now_us(), &silenced))
		log_info("%s: not let in: %s", text, admit_str(why));
}

static int listen_all(struct server *s, char why[WHY_MAX])
{
	const struct relay_config *c = s->config;
	char text[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; i < c->listen_count; i++) {
		const struct relay_endpoint *e = &c->listen[i];
		int fd = sock_listen(&e->addr, e->port);

		if (fd < 0) {
			conn_refuse(why, "listening on %s: %s",
				    endpoint_text(&e->addr, e->port, text), strerror(-fd));
			return fd;
		}
		s->acceptors[i] = acceptor_new(s->base, fd, "relay", on_accept, s);
		if (!s->acceptors[i])
			return -ENOMEM;
	}
	return 0;
}

static int open_all(struct server *s, int fd, char why[WHY_MAX])
{
	const struct relay_config *c = s->config;
	const struct admit_limits limits = { c->limits.connections, c->limits.per_source,
					     c->limits.rate, c->limits.rate_per_source };
	uint64_t seed = 0;
	int err = relay_tls_open(c, &s->tls, why);

	if (err)
		return err;
	RAND_bytes((uint8_t *)&seed, sizeof(seed));
	s->lines = quota_of(LINES_MAX, LINES_MS * 1000ULL);
	s->admit = admit_new(&limits, seed);
	s->base = event_base_new();
	s->parent = s->base ? parent_new(s->base, fd, &parent_ops, s) : NULL;
	if (!s->admit || !s->parent || !ask_open(s))
		return -ENOMEM;
	for (size_t i = 0; i < c->destinations_count; i++)
		if (c->destinations[i].is_literal)
			s->places[i].found = (struct resolved){ 1, { c->destinations[i].addr } };
		else if (!c->destinations[i].path[0])
			reach_resolve(s, i);
	return listen_all(s, why);
}

int relay_open(int fd, const struct relay_config *c, struct usage *usage, struct server **out,
	       char why[WHY_MAX])
{
	struct server *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	conn_refuse(why, "no memory, or no event loop");
	if (s) {
		s->config = c;
		s->usage = usage;
		TAILQ_INIT(&s->conns);
		err = open_all(s, fd, why);
	}
	if (err)
		relay_close(s);
	else
		*out = s;
	return err;
}

int relay_serve(struct server *s)
{
	event_base_dispatch(s->base);
	return parent_has_failed(s->parent);
}

void relay_close(struct server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < RELAY_LISTEN_MAX; i++)
		acceptor_free(s->acceptors[i]);
	while (!TAILQ_EMPTY(&s->conns))
		conn_end(TAILQ_FIRST(&s->conns), "the relay stops");
	parent_free(s->parent);
	if (s->quote_timer)
		event_free(s->quote_timer);
	if (s->base)
		event_base_free(s->base);
	relay_tls_close(s->tls);
	admit_free(s->admit);
	free(s);
}

/* All that it connects to is pinned, so no other port is of use to whoever has taken it over. */
static int lock_ports(const struct relay_config *c)
{
	uint16_t ports[RELAY_DESTINATIONS_MAX];
	size_t n = 0;
	int scope;

	for (size_t i = 0; i < c->destinations_count; i++)
		if (!c->destinations[i].path[0])
			ports[n++] = c->destinations[i].port;
	scope = landlock_enter(ports, n);
	if (scope >= 0)
		log_info("Landlock: %s", landlock_str(scope));
	return scope < 0 ? scope : 0;
}

static int confine(const struct relay_config *c)
{
	uint64_t each = CONN_BYTES + 2 * c->limits.window;
	int err = relay_give_up(c, HEADROOM_BYTES + c->limits.connections * each);

	if (!err)
		err = lock_ports(c);
	return err ? err : sandbox_enter(SANDBOX_NETWORK);
}

void relay_main(int fd, const struct relay_config *c, struct usage *usage)
{
	struct ipc_writer w;
	char why[WHY_MAX];
	struct server *s;
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* from a terminal or systemd: our parent says when */
	signal(SIGTERM, SIG_IGN);
	if (relay_open(fd, c, usage, &s, why))
		fatalx("%s", why);
	err = confine(c);
	if (err)
		fatalx("giving up privileges: %s", strerror(-err));
	log_info("%zu destinations, %zu listening sockets", c->destinations_count, c->listen_count);
	w = parent_begin(s->parent, MSG_LISTENING, 0);
	parent_send(s->parent, &w);
	err = relay_serve(s);
	relay_close(s);
	exit(err);
}
