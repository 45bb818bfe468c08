// SPDX-License-Identifier: BSD-2-Clause
#include "channel/session.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel/frame.h"
#include "channel/sock.h"

enum state {
	SESSION_HANDSHAKE, /* TLS is being set up */
	SESSION_HELLO,	   /* ours is sent, theirs awaited */
	SESSION_READY,
	SESSION_FLUSHING, /* over for its owner; the last ERROR is on its way */
};

struct session {
	LIST_ENTRY(session) all;
	struct session_set *set;
	const struct session_ops *ops;
	void *arg;
	struct bufferevent *bev;
	SSL *ssl; /* owned by bev */
	struct event *timer;
	enum state state;
	struct tls_peer peer;
	size_t message_max;
	uint64_t begun_us; /* of what the timer is about: see limit_of() */
	bool partial;	   /* some bytes of a message are here, the rest is not */
};

static void free_session(struct session *s)
{
	LIST_REMOVE(s, all);
	s->set->count--;
	event_free(s->timer);
	bufferevent_free(s->bev);
	free(s);
}

/* The time that may pass from begun_us on, and what has not happened when it has. */
static uint64_t limit_of(const struct session *s, const char **what)
{
	switch (s->state) {
	case SESSION_HANDSHAKE:
		*what = "no TLS handshake within 5 s";
		return SESSION_HANDSHAKE_MS;
	case SESSION_HELLO:
		*what = "no HELLO within 10 s";
		return SESSION_MESSAGE_MS;
	case SESSION_READY:
		*what = s->partial ? "a message took longer than 10 s" : "silent for too long";
		return s->partial ? SESSION_MESSAGE_MS : s->set->silence_ms;
	case SESSION_FLUSHING:
		break;
	}
	*what = "";
	return SESSION_FLUSH_MS;
}

/* Time counts from now on for what is awaited in this state. */
static void restart_timer(struct session *s)
{
	const char *what;
	uint64_t ms = limit_of(s, &what);
	struct timeval tv = timeval_of_us(ms * 1000);

	s->begun_us = now_us();
	if (ms)
		event_add(s->timer, &tv);
	else
		event_del(s->timer);
}

static void tell_over(struct session *s, enum session_end end, const char *why)
{
	char text[WHY_MAX];

	snprintf(text, sizeof(text), "%s", why);
	wire_clean(text);
	s->ops->over(s->arg, end, text);
}

static void end(struct session *s, enum session_end how, const char *why)
{
	tell_over(s, how, why);
	free_session(s);
}

void session_close(struct session *s)
{
	if (s)
		free_session(s);
}

static void on_flushed(struct bufferevent *bev, void *arg)
{
	(void)bev;
	free_session(arg);
}

static void on_event_flushing(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	free_session(arg);
}

void session_refuse(struct session *s, const char *why)
{
	struct wire_message m = { .type = WIRE_ERROR, .error.code = WIRE_ERROR_PROTOCOL };
	bool can_tell = s->state != SESSION_HANDSHAKE;

	tell_over(s, SESSION_REFUSED, why);
	snprintf(m.error.detail, sizeof(m.error.detail), "%s", why);
	wire_clean(m.error.detail);
	if (!can_tell || session_send(s, &m)) {
		free_session(s);
		return;
	}
	s->state = SESSION_FLUSHING;
	bufferevent_disable(s->bev, EV_READ);
	bufferevent_setcb(s->bev, NULL, on_flushed, on_event_flushing, s);
	restart_timer(s);
}

static void on_timer(evutil_socket_t fd, short event, void *arg)
{
	struct session *s = arg;
	const char *what;

	(void)fd;
	(void)event;
	limit_of(s, &what);
	if (s->state == SESSION_FLUSHING)
		free_session(s);
	else if (s->set->paused)
		restart_timer(s); /* what it has said may lie unread */
	else if (s->state == SESSION_READY && s->partial)
		session_refuse(s, what);
	else
		end(s, SESSION_CLOSED, what);
}

int session_send_bytes(struct session *s, struct bytes raw)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);

	if (evbuffer_get_length(out) > SESSION_UNREAD_MAX)
		return -ENOBUFS;
	return frame_put(out, raw);
}

int session_send(struct session *s, const struct wire_message *m)
{
	size_t size = m->type == WIRE_EVIDENCE ? FRAME_MAX : FRAME_SMALL_MAX, n;
	char small[FRAME_SMALL_MAX], *buf = small;
	int err;

	if (size > sizeof(small)) {
		buf = malloc(size);
		if (!buf)
			return -ENOMEM;
	}
	n = wire_write(m, buf, size);
	err = n ? session_send_bytes(s, bytes_of(buf, n)) : -EMSGSIZE;
	if (buf != small)
		free(buf);
	return err;
}

static bool read_hello(struct session *s, const struct wire_message *m, char why[WHY_MAX])
{
	const char *wanted = s->set->router ? "backend" : "router";

	if (m->type == WIRE_ERROR) {
		snprintf(why, WHY_MAX, "it refused us: %s", m->error.detail);
		return false;
	}
	if (m->type != WIRE_HELLO) {
		snprintf(why, WHY_MAX, "%s before HELLO", wire_type_str(m->type));
		return false;
	}
	if (strcmp(m->hello.role, wanted) &&
	    !(s->set->clients && !strcmp(m->hello.role, "client"))) {
		snprintf(why, WHY_MAX, "HELLO: role: want %s, got %s", wanted, m->hello.role);
		return false;
	}
	s->state = SESSION_READY;
	s->ops->ready(s->arg, &m->hello);
	return true;
}

static bool handle(struct session *s, const struct wire_message *m, struct bytes raw,
		   char why[WHY_MAX])
{
	if (time(NULL) > s->peer.not_after) {
		snprintf(why, WHY_MAX, "its certificate has expired meanwhile");
		return false;
	}
	if (s->state == SESSION_HELLO)
		return read_hello(s, m, why);
	if (m->type == WIRE_HELLO) {
		snprintf(why, WHY_MAX, "a second HELLO");
		return false;
	}
	return s->ops->message(s->arg, m, raw, why);
}

/* One message out of in; false when the session has come to its end. */
static bool read_one(struct session *s, struct evbuffer *in, struct bytes raw)
{
	uint8_t small[FRAME_SMALL_MAX], *buf = small;
	char why[WHY_MAX] = "";
	struct wire_message m;
	bool ok;

	if (raw.n > sizeof(small)) {
		buf = malloc(raw.n);
		if (!buf) {
			end(s, SESSION_CLOSED, "no memory for its message");
			return false;
		}
	}
	ok = wire_read(raw, buf, raw.n > sizeof(small) ? raw.n : sizeof(small), &m, why) &&
	     handle(s, &m, raw, why);
	if (buf != small)
		free(buf);
	if (!ok) {
		session_refuse(s, why);
		return false;
	}
	frame_drop(in, raw);
	return true;
}

static void refuse_length(struct session *s, enum frame f)
{
	char why[WHY_MAX];

	snprintf(why, sizeof(why), "a message's length: want 1..%zu", s->message_max);
	session_refuse(s, f == FRAME_EMPTY ? "a message of no length" : why);
}

/* Reads on until a message is incomplete, the session ends, or our parent ceases to listen. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct session *s = arg;
	bool moved = false, partial;
	enum frame f = FRAME_MORE;
	struct bytes raw;

	while (!s->set->paused && (f = frame_next(in, s->message_max, &raw)) == FRAME_READY) {
		if (!read_one(s, in, raw))
			return;
		moved = true;
	}
	if (f != FRAME_READY && f != FRAME_MORE) {
		refuse_length(s, f);
		return;
	}
	partial = evbuffer_get_length(in) > 0;
	/* Bytes that trickle in do not buy time; only what they complete does. */
	if (moved || partial != s->partial) {
		s->partial = partial;
		restart_timer(s);
	}
}

static void on_connected(struct session *s)
{
	struct wire_message m = { .type = WIRE_HELLO, .hello = s->set->hello };
	char why[WHY_MAX] = "";
	bool known;

	s->state = SESSION_HELLO; /* from here on a refusal can be told */
	known = tls_identify(s->ssl, &s->peer, why) &&
		s->ops->identify(s->arg, &s->peer, s->ssl, why);
	if (!known)
		session_refuse(s, why);
	else if (session_send(s, &m))
		end(s, SESSION_CLOSED, "no memory for HELLO");
	else
		restart_timer(s);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct session *s = arg;
	unsigned long err;
	char why[WHY_MAX];
	bool refused;

	if (what & BEV_EVENT_CONNECTED) {
		on_connected(s);
		return;
	}
	err = bufferevent_get_openssl_error(bev);
	if (s->state == SESSION_HANDSHAKE || err) {
		refused = tls_describe(s->ssl, err, why);
		end(s, refused ? SESSION_REFUSED : SESSION_CLOSED, why);
		return;
	}
	end(s, SESSION_CLOSED,
	    evbuffer_get_length(bufferevent_get_input(bev))
		    ? "it hung up in the middle of a message"
		    : "it hung up");
}

static struct bufferevent *open_tls(struct session_set *set, int fd, SSL **ssl)
{
	struct bufferevent *bev;

	if (!set->tls)
		return NULL; /* without an identity we speak to nobody */
	*ssl = set->router ? tls_client(set->tls) : tls_server(set->tls);
	if (!*ssl)
		return NULL;
	/* Deferred: a write never ends the session that is being worked on. */
	bev = bufferevent_openssl_socket_new(set->base, fd, *ssl,
					     set->router ? BUFFEREVENT_SSL_CONNECTING
							 : BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	return bev;
}

struct session *session_start(struct session_set *set, int fd, const struct session_ops *ops,
			      void *arg)
{
	struct session *s = calloc(1, sizeof(*s));

	sock_tune(fd);
	if (s) {
		s->timer = evtimer_new(set->base, on_timer, s);
		s->bev = s->timer ? open_tls(set, fd, &s->ssl) : NULL;
	}
	if (!s || !s->bev) {
		if (s && s->timer)
			event_free(s->timer);
		free(s);
		close(fd);
		return NULL;
	}
	s->set = set;
	s->ops = ops;
	s->arg = arg;
	LIST_INSERT_HEAD(&set->all, s, all);
	set->count++;
	bufferevent_setcb(s->bev, on_read, NULL, on_event, s);
	session_expect_evidence(s, false);
	bufferevent_enable(s->bev, set->paused ? EV_WRITE : EV_READ | EV_WRITE);
	restart_timer(s);
	return s;
}

bool session_export(struct session *s, const uint8_t request[DIGEST_BYTES],
		    uint8_t out[EXPORTER_BYTES])
{
	return tls_export(s->ssl, request, out);
}

const struct tls_peer *session_peer(const struct session *s)
{
	return &s->peer;
}

void session_expect_evidence(struct session *s, bool expected)
{
	s->message_max = expected ? FRAME_MAX : FRAME_SMALL_MAX;
	/* No more is read than the longest message that may come. */
	bufferevent_setwatermark(s->bev, EV_READ, 0, FRAME_HEADER + s->message_max);
}

void session_set_pause(struct session_set *set, bool paused)
{
	struct session *s;

	set->paused = paused;
	for (s = LIST_FIRST(&set->all); s; s = LIST_NEXT(s, all)) {
		if (s->state == SESSION_FLUSHING)
			continue;
		if (paused) {
			bufferevent_disable(s->bev, EV_READ);
			continue;
		}
		bufferevent_enable(s->bev, EV_READ);
		restart_timer(s);
		/* What had already come is not announced a second time. */
		bufferevent_trigger(s->bev, EV_READ,
				    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
	}
}

void session_set_close(struct session_set *set)
{
	while (!LIST_EMPTY(&set->all))
		free_session(LIST_FIRST(&set->all));
}
