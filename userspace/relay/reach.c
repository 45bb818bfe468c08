// SPDX-License-Identifier: BSD-2-Clause
#include "relay/conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel/sock.h"

static const struct relay_destination *destination(const struct conn *c)
{
	return &c->server->config->destinations[c->destination];
}

void reach_stop(struct conn *c)
{
	dial_cancel(c->dial);
	c->dial = NULL;
	if (c->dest_event)
		event_free(c->dest_event);
	c->dest_event = NULL;
	end_close(&c->dest);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path); /* fits: the configuration was read so */
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

static void on_dialled(void *arg, int fd, uint64_t us);
static void connected(struct conn *c, int fd);

/* The next address; when there is none left, once more with what the resolver says now. */
static void try_next(struct conn *c)
{
	const struct relay_destination *d = destination(c);
	struct place *p = &c->server->places[c->destination];

	if (d->path[0] && !c->tried++) {
		connected(c, connect_unix(d->path));
	} else if (!d->path[0] && c->tried < p->found.count) {
		conn_enter(c, CONN_REACH);
		c->dial = dial_start(c->server->base, &p->found.addrs[c->tried++], d->port,
				     c->server->config->limits.connect_ms, on_dialled, c);
		if (!c->dial)
			conn_end(c, "no memory");
	} else if (!d->path[0] && !d->is_literal && !c->asked_anew) {
		c->asked_anew = true;
		conn_enter(c, CONN_REACH);
		reach_resolve(c->server, c->destination);
	} else {
		conn_end(c, "cannot be reached: %s", c->why[0] ? c->why : "no address is known");
	}
}

static void failed(struct conn *c)
{
	reach_stop(c);
	try_next(c);
}

static void shake(struct conn *c)
{
	int r = relay_tls_shake(&c->dest, c->why);

	if (r > 0 && !relay_tls_agreed(c->dest.ssl, destination(c))) {
		snprintf(c->why, sizeof(c->why), "it does not agree to %s", destination(c)->alpn);
		r = -1;
	}
	if (r < 0) {
		failed(c);
	} else if (r > 0) {
		conn_enter(c, CONN_RELAY);
		conn_progress(c);
	}
}

static void on_dest(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	c->dest.ready |= what;
	if (c->state == CONN_SHAKE)
		shake(c);
	else
		conn_progress(c);
}

/* fd or -errno. */
static void connected(struct conn *c, int fd)
{
	bool tls = destination(c)->tls;

	if (fd < 0) {
		snprintf(c->why, sizeof(c->why), "%s", strerror(-fd));
		failed(c);
		return;
	}
	sock_tune(fd);
	end_open(&c->dest, fd, tls ? relay_tls_client(c->server->tls, c->destination, fd) : NULL);
	if ((tls && !c->dest.ssl) || !conn_watch(c, &c->dest, &c->dest_event, on_dest)) {
		conn_end(c, "no memory");
	} else if (tls) {
		conn_enter(c, CONN_SHAKE);
		shake(c);
	} else {
		conn_enter(c, CONN_RELAY);
		conn_progress(c);
	}
}

static void on_dialled(void *arg, int fd, uint64_t us)
{
	struct conn *c = arg;

	(void)us;
	c->dial = NULL;
	connected(c, fd);
}

void reach_begin(struct conn *c)
{
	try_next(c);
}

void reach_resolve(struct server *s, size_t destination)
{
	struct place *p = &s->places[destination];
	struct ipc_writer w;

	if (p->asked)
		return;
	p->asked = true;
	w = parent_begin(s->parent, MSG_RESOLVE, destination);
	parent_send(s->parent, &w);
}

bool reach_resolved(struct server *s, const struct ipc_message *m)
{
	struct resolved found;
	struct conn *c, *next;

	if (m->id >= s->config->destinations_count || !resolved_get(m->body, &found))
		return false;
	/* An address in the configuration is not the resolver's to change, with or without TLS. */
	if (!s->places[m->id].asked)
		return true;
	s->places[m->id].asked = false;
	if (found.count) /* what was known before may still be right */
		s->places[m->id].found = found;
	for (c = TAILQ_FIRST(&s->conns); c; c = next) {
		next = TAILQ_NEXT(c, all);
		if (c->state == CONN_REACH && !c->dial && c->destination == m->id) {
			c->tried = 0;
			try_next(c);
		}
	}
	return true;
}
