// SPDX-License-Identifier: BSD-2-Clause
#include "client/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/acceptor.h"
#include "channel/sock.h"
#include "client/opening.h"
#include "client/stream.h"

enum {
	OPENINGS_MAX = 8, /* at one time: evidence is what hardware is slow at */
	IDLE_MS = 600000, /* a relay waits 900 s for RESULT */
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 30000,
};

/* A local connection: waiting for its session, then with its stream. */
struct local {
	TAILQ_ENTRY(local) next;
	struct pool *pool;
	struct stream *stream;
	int fd; /* while it waits */
	uint64_t since_us;
	char from[ENDPOINT_TEXT_MAX];
};

/* A session that nobody has been given yet. */
struct idle {
	TAILQ_ENTRY(idle) next;
	struct pool *pool;
	struct ready ready;
	struct event *until;
};

struct pending {
	struct pool *pool;
	struct opening *opening; /* NULL: free */
};

TAILQ_HEAD(locals, local);

struct pool {
	struct client *client;
	struct acceptor *acceptor;
	struct event *later; /* to fill up again after a failure */
	uint32_t backoff_ms;
	struct pending pending[OPENINGS_MAX];
	size_t pending_count;
	TAILQ_HEAD(, idle) idles; /* the oldest first */
	size_t idles_count;
	struct locals waiting, streaming;
	size_t waiting_count, locals_count;
};

static void work(struct pool *p);

static void free_idle(struct idle *i)
{
	TAILQ_REMOVE(&i->pool->idles, i, next);
	i->pool->idles_count--;
	ready_drop(&i->ready);
	if (i->until)
		event_free(i->until);
	free(i);
}

static void free_local(struct pool *p, struct local *l)
{
	free(l);
	if (p->locals_count-- == p->client->options->connections)
		acceptor_set(p->acceptor, true);
}

static void on_stream_done(void *arg, const char *why)
{
	struct local *l = arg;

	if (why && !strcmp(why, STREAM_OVER))
		log_warnx("%s: ended: %s", l->from, why);
	else if (why)
		log_info("%s: ended: %s", l->from, why);
	TAILQ_REMOVE(&l->pool->streaming, l, next);
	free_local(l->pool, l);
}

/* The one way from a local connection to a session, and from then on its bytes pass. */
static void release(struct local *l, int tls_fd, SSL *ssl, uint64_t until_ms)
{
	struct pool *p = l->pool;
	struct stream_ends ends = { l->fd, l->fd, tls_fd, ssl, until_ms };

	TAILQ_REMOVE(&p->waiting, l, next);
	p->waiting_count--;
	l->fd = -1;
	l->stream = stream_start(p->client->base, &ends, on_stream_done, l);
	if (l->stream) {
		TAILQ_INSERT_TAIL(&p->streaming, l, next);
		return;
	}
	log_warnx("%s: no memory for its stream", l->from);
	free_local(p, l);
}

/* False: that session is of no use any more. */
static bool give(struct pool *p, struct ready *r)
{
	uint64_t until_ms = r->attested.until_ms;
	int fd;
	SSL *ssl = ready_release(r, &fd);

	if (!ssl)
		return false;
	release(TAILQ_FIRST(&p->waiting), fd, ssl, until_ms);
	return true;
}

static void turn_away(struct pool *p, const char *why)
{
	struct local *l = TAILQ_FIRST(&p->waiting);

	log_warnx("%s: %s", l->from, why);
	TAILQ_REMOVE(&p->waiting, l, next);
	p->waiting_count--;
	sock_abort(l->fd);
	free_local(p, l);
}

static bool idle_message(void *arg, struct bytes raw)
{
	(void)raw;
	log_warnx("%s: spoke before it was given leave",
		  ((struct idle *)arg)->ready.endpoint->name);
	free_idle(arg);
	return false;
}

static void idle_over(void *arg, bool breach, const char *why)
{
	struct idle *i = arg;
	struct pool *p = i->pool;

	(void)breach;
	log_debug("%s: a session kept ready has ended: %s", i->ready.endpoint->name, why);
	free_idle(i);
	/* A server that hangs up at once must not have us dial in circles. */
	event_add(p->later, &(struct timeval){ 1, 0 });
}

static const struct link_ops idle_ops = { .message = idle_message, .over = idle_over };

static void on_idle_until(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = ((struct idle *)arg)->pool;

	(void)fd;
	(void)what;
	free_idle(arg);
	work(p);
}

static void keep(struct pool *p, const struct ready *r)
{
	uint64_t now = client_now_ms(), ends = r->attested.until_ms;
	uint64_t left = ends > now ? ends - now : 0;
	struct timeval until = timeval_of_us((left / 2 < IDLE_MS ? left / 2 : IDLE_MS) * 1000);
	struct idle *i = calloc(1, sizeof(*i));
	struct ready lost = *r;

	if (!i) {
		ready_drop(&lost);
		return;
	}
	i->pool = p;
	i->ready = *r;
	link_set(r->link, &idle_ops, i);
	TAILQ_INSERT_TAIL(&p->idles, i, next);
	p->idles_count++;
	i->until = evtimer_new(p->client->base, on_idle_until, i);
	if (!i->until || event_add(i->until, &until))
		free_idle(i);
}

static void end_pending(struct pending *e)
{
	e->opening = NULL;
	e->pool->pending_count--;
}

static void on_ready(void *arg, const struct ready *r)
{
	struct pending *e = arg;
	struct pool *p = e->pool;
	struct ready ready = *r;

	end_pending(e);
	p->backoff_ms = 0;
	if (p->waiting_count) {
		if (!give(p, &ready))
			log_info("%s: hung up before it was used", r->endpoint->name);
	} else if (p->client->keys) {
		ready_drop(&ready); /* its key may be taken back before it is used */
	} else {
		keep(p, r);
	}
	work(p);
}

static void on_failed(void *arg, enum verdict status, const char *text)
{
	struct pending *e = arg;
	struct pool *p = e->pool;
	struct timeval later;

	(void)status;
	end_pending(e);
	p->backoff_ms = p->backoff_ms ? p->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (p->backoff_ms > BACKOFF_MAX_MS)
		p->backoff_ms = BACKOFF_MAX_MS;
	later = timeval_of_us(p->backoff_ms * 1000ULL);
	event_add(p->later, &later);
	if (p->waiting_count)
		turn_away(p, text);
	else
		log_warnx("%s", text);
	work(p);
}

static const struct opening_ops opening_ops = { on_ready, on_failed };

static bool open_one(struct pool *p)
{
	struct pending *e = p->pending;

	while (e->opening)
		e++;
	e->pool = p;
	e->opening = opening_start(p->client, &opening_ops, e);
	p->pending_count += e->opening != NULL;
	return e->opening;
}

/* How many sessions should be on their way: one for each who waits, and those to be kept. */
static size_t wanted(const struct pool *p)
{
	size_t n = p->waiting_count;
	size_t kept = p->client->keys ? 0 : p->client->options->pool;

	/* After a failure only who asks is worth a try. */
	if (!p->backoff_ms && p->idles_count < kept)
		n += kept - p->idles_count;
	return n < OPENINGS_MAX ? n : OPENINGS_MAX;
}

/* Those whose turn has not come in all the time that an endpoint may take to be found. */
static void turn_away_late(struct pool *p)
{
	uint64_t now = now_us(), limit_us = p->client->options->deadline_ms * 1000ULL;

	while (p->waiting_count && now - TAILQ_FIRST(&p->waiting)->since_us > limit_us)
		turn_away(p, "No verified TEE endpoints available: others were before it, and "
			     "the deadline is past");
}

/* First those who wait get what there is; then what is missing is seen to. */
static void work(struct pool *p)
{
	while (p->waiting_count && p->idles_count) {
		struct idle *i = TAILQ_FIRST(&p->idles);

		if (!give(p, &i->ready))
			log_debug("a session kept ready has ended unheard");
		free_idle(i);
	}
	turn_away_late(p);
	while (p->pending_count < wanted(p))
		if (!open_one(p)) {
			if (p->waiting_count)
				turn_away(p, "no memory for a connection");
			return;
		}
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	uint32_t backoff_ms = p->backoff_ms;

	(void)fd;
	(void)what;
	p->backoff_ms = 0;
	work(p);
	p->backoff_ms = backoff_ms;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
		      int n, void *arg)
{
	struct pool *p = arg;
	struct local *l = calloc(1, sizeof(*l));
	struct addr from = { 0 };
	uint16_t port = 0;

	(void)listener;
	(void)n;
	if (!l) {
		close(fd);
		return;
	}
	sock_tune(fd);
	sock_addr_of(sa, &from, &port);
	endpoint_text(&from, port, l->from);
	l->pool = p;
	l->fd = fd;
	l->since_us = now_us();
	TAILQ_INSERT_TAIL(&p->waiting, l, next);
	p->waiting_count++;
	if (++p->locals_count == p->client->options->connections)
		acceptor_set(p->acceptor, false);
	work(p);
}

struct pool *pool_new(struct client *c, int fd)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p) {
		close(fd);
		return NULL;
	}
	p->client = c;
	TAILQ_INIT(&p->idles);
	TAILQ_INIT(&p->waiting);
	TAILQ_INIT(&p->streaming);
	p->later = evtimer_new(c->base, on_later, p);
	p->acceptor = acceptor_new(c->base, fd, "local", on_accept, p);
	if (!p->later || !p->acceptor) {
		pool_free(p);
		return NULL;
	}
	work(p);
	return p;
}

void pool_free(struct pool *p)
{
	struct local *l;

	if (!p)
		return;
	for (size_t i = 0; i < OPENINGS_MAX; i++)
		opening_cancel(p->pending[i].opening);
	while (!TAILQ_EMPTY(&p->idles))
		free_idle(TAILQ_FIRST(&p->idles));
	while ((l = TAILQ_FIRST(&p->waiting))) {
		TAILQ_REMOVE(&p->waiting, l, next);
		sock_abort(l->fd);
		free(l);
	}
	while ((l = TAILQ_FIRST(&p->streaming))) {
		TAILQ_REMOVE(&p->streaming, l, next);
		stream_close(l->stream);
		free(l);
	}
	acceptor_free(p->acceptor);
	if (p->later)
		event_free(p->later);
	free(p);
}
