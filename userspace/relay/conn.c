// SPDX-License-Identifier: BSD-2-Clause
#include "relay/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/frame.h"
#include "channel/sock.h"

static struct usage_to *usage_of(const struct conn *c)
{
	return &c->server->usage->to[c->destination];
}

/* How many there are of which kind, for our parent to read. */
static void show_usage(const struct server *s)
{
	usage_set(&s->usage->open, s->count);
	usage_set(&s->usage->unproven, s->unproven);
	usage_set(&s->usage->waiting, s->waiting_count);
}

static void conn_free(struct conn *c)
{
	struct event *events[] = { c->client_event, c->timer, c->again };

	c->server->count--;
	c->server->unproven -= c->state < CONN_ASKED;
	ask_forget(c);
	show_usage(c->server);
	if (c->state == CONN_REACH || c->state == CONN_SHAKE)
		usage_add(&usage_of(c)->failed, 1);
	if (!c->up.told)
		end_break(&c->dest);
	reach_stop(c);
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i])
			event_free(events[i]);
	end_close(&c->client);
	end_close(&c->dest);
	admit_leave(c->source);
	TAILQ_REMOVE(&c->server->conns, c, all);
	free(c->claims);
	free(c->up.buf);
	free(c->down.buf);
	free(c);
}

/* Strangers may fail as often as they like; a line each time is worth it up to a point. */
void conn_end(struct conn *c, const char *fmt, ...)
{
	bool relayed = c->state >= CONN_REACH;
	unsigned int silenced = 0;
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	wire_clean(why);
	if (relayed)
		log_info("%s (%s) to %s: %llu bytes up, %llu down, %.3f s: %s", c->from,
			 c->anonymous ? "anonymous" : "enrolled",
			 c->server->config->destinations[c->destination].name,
			 (unsigned long long)c->up.passed, (unsigned long long)c->down.passed,
			 (now_us() - c->begun_us) / 1e6, why);
	else if (quota_take(&c->server->lines, now_us(), &silenced))
		log_info("%s: nothing relayed: %s", c->from, why);
	if (silenced)
		log_info("%u connections more ended so", silenced);
	conn_free(c);
}

static uint64_t limit_ms(const struct conn *c, const char **what)
{
	const struct relay_limits *l = &c->server->config->limits;

	switch (c->state) {
	case CONN_HANDSHAKE:
		*what = "no TLS handshake in time";
		return l->handshake_ms;
	case CONN_HELLO:
	case CONN_ATTEST:
		*what = c->state == CONN_HELLO ? "no HELLO in time" : "no ATTEST in time";
		return l->hello_ms;
	case CONN_RESULT:
		*what = "no RESULT in time";
		return l->result_ms;
	case CONN_REACH:
	case CONN_SHAKE:
		*what = "the destination does not answer in time";
		return l->connect_ms;
	case CONN_RELAY:
		*what = "idle for too long";
		return l->idle_ms;
	case CONN_ASKED:
		break;
	}
	*what = "";
	return 0; /* the evidence queue has a limit of its own */
}

void conn_enter(struct conn *c, enum conn_state state)
{
	struct timeval tv;
	const char *what;

	c->server->unproven += (state < CONN_ASKED) - (c->state < CONN_ASKED);
	c->state = state;
	if (state == CONN_RELAY)
		usage_add(&usage_of(c)->reached, 1);
	show_usage(c->server);
	c->active_us = now_us();
	tv = timeval_of_us(limit_ms(c, &what) * 1000);
	if (tv.tv_sec || tv.tv_usec)
		event_add(c->timer, &tv);
	else
		event_del(c->timer);
}

/* The timer is not set anew for every byte: it looks when the last one was. */
static void on_timer(evutil_socket_t fd, short event, void *arg)
{
	struct conn *c = arg;
	const char *what;
	uint64_t limit_us = limit_ms(c, &what) * 1000, idle_us = now_us() - c->active_us;
	struct timeval rest;

	(void)fd, (void)event;
	if (idle_us < limit_us) {
		rest = timeval_of_us(limit_us - idle_us);
		event_add(c->timer, &rest);
	} else {
		conn_end(c, "%s", what);
	}
}

bool conn_watch(struct conn *c, struct end *e, struct event **event, event_callback_fn on)
{
	*event = event_new(c->server->base, e->fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on, c);
	return *event && event_add(*event, NULL) == 0;
}

bool conn_say(struct conn *c, const struct wire_message *m)
{
	size_t most = m->type == WIRE_EVIDENCE ? FRAME_MAX : FRAME_SMALL_MAX, n;
	char *text = malloc(most);
	struct window *w = &c->down;
	bool ok = text;

	n = text ? wire_write(m, text, most) : 0;
	if (w->at + w->n + FRAME_HEADER + n > w->size)
		ok = ok && window_resize(w, w->n + FRAME_HEADER + n);
	if (ok && n) {
		uint8_t *p = w->buf + w->at + w->n;

		for (int i = 0; i < FRAME_HEADER; i++)
			p[i] = n >> 8 * (FRAME_HEADER - 1 - i);
		memcpy(p + FRAME_HEADER, text, n);
		w->n += FRAME_HEADER + n;
	}
	free(text);
	return ok && n;
}

bool conn_refuse(char why[WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* The last word, if it gets through at once, and the end. */
static void breach(struct conn *c, const char *why)
{
	struct wire_message m = { .type = WIRE_ERROR, .error.code = WIRE_ERROR_PROTOCOL };

	snprintf(m.error.detail, sizeof(m.error.detail), "%.199s", why);
	wire_clean(m.error.detail);
	if (!c->denied && conn_say(c, &m))
		window_drain(&c->down, &c->client);
	conn_end(c, "refused: %s", why);
}

static bool on_hello(struct conn *c, const struct wire_message *m, char why[WHY_MAX])
{
	if (m->type != WIRE_HELLO || strcmp(m->hello.role, "client"))
		return conn_refuse(why, "want HELLO with the role client");
	conn_enter(c, CONN_ATTEST);
	return true;
}

static bool on_result(struct conn *c, const struct wire_result *m, char why[WHY_MAX])
{
	if (m->id != c->id)
		return conn_refuse(why, "RESULT: its id is not the evidence's");
	c->denied = !m->ok;
	if (c->denied)
		return conn_refuse(why, "it denies us: %s", m->code);
	/* What came behind RESULT is the application's already, and stays. */
	c->down.passed = 0;
	if (!window_resize(&c->up, c->server->config->limits.window) ||
	    !window_resize(&c->down, c->server->config->limits.window))
		return conn_refuse(why, "no memory for a window");
	conn_enter(c, CONN_REACH);
	return true;
}

static bool on_message(struct conn *c, struct bytes raw, char why[WHY_MAX])
{
	uint8_t buf[FRAME_SMALL_MAX];
	struct wire_message m;

	if (!wire_read(raw, buf, sizeof(buf), &m, why))
		return false;
	if (c->state == CONN_HELLO)
		return on_hello(c, &m, why);
	if (m.type == WIRE_ATTEST && c->state == CONN_ATTEST)
		return ask_attest(c, &m.attest, raw, why);
	if (m.type == WIRE_RESULT && c->state == CONN_RESULT)
		return on_result(c, &m.result, why);
	return conn_refuse(why, "%s may not come now", wire_type_str(m.type));
}

/* One message out of the window up: 1, 0 when there is none yet, -1 and why[]. */
static int take_message(struct conn *c, char why[WHY_MAX])
{
	struct bytes in = bytes_of(c->up.buf + c->up.at, c->up.n), raw;
	uint32_t n;

	if (!get_be32(&in, &n))
		return 0;
	if (n == 0 || n > FRAME_SMALL_MAX) {
		snprintf(why, WHY_MAX, "a message's length: want 1..%d", FRAME_SMALL_MAX);
		return -1;
	}
	if (!get(&in, n, &raw))
		return 0;
	/* The bytes stay where they are until the next are read. */
	c->up.at += FRAME_HEADER + n;
	c->up.n -= FRAME_HEADER + n;
	return on_message(c, raw, why) ? 1 : -1;
}

static void converse(struct conn *c)
{
	char why[WHY_MAX] = "";
	int taken;

	do {
		/* What it does not read is answered to no further. */
		while (window_drain(&c->down, &c->client) && !c->down.n &&
		       (taken = take_message(c, why)))
			if (taken < 0) {
				breach(c, why);
				return;
			} else if (c->state == CONN_REACH) {
				reach_begin(c);
				return;
			}
	} while (!c->down.n && window_fill(&c->up, &c->client));
	if (c->up.ended || c->up.cut)
		conn_end(c, "it hung up");
}

static void shake(struct conn *c)
{
	struct wire_message m = { .type = WIRE_HELLO,
				  .hello.tees = 1u << c->server->config->evidence.tee };
	char why[WHY_MAX] = "";
	int r = relay_tls_shake(&c->client, why);

	if (r == 0)
		return;
	strcpy(m.hello.role, "backend");
	strcpy(m.hello.agent, "fairlead/" VERSION);
	strcpy(m.hello.boot_id, c->server->config->boot_id);
	if (r < 0 || !relay_tls_identify(c->client.ssl, c->spki, &c->anonymous, why)) {
		conn_end(c, "%s", why);
	} else if (!conn_say(c, &m)) {
		conn_end(c, "no memory for HELLO");
	} else {
		conn_enter(c, CONN_HELLO);
		converse(c);
	}
}

static void relay(struct conn *c)
{
	static const struct timeval now;
	uint64_t up_before = c->up.passed, down_before = c->down.passed;
	enum moved up = stream_move(&c->up, &c->client, &c->dest);
	enum moved down = stream_move(&c->down, &c->dest, &c->client);

	usage_add(&usage_of(c)->up, c->up.passed - up_before);
	usage_add(&usage_of(c)->down, c->down.passed - down_before);
	if (c->up.passed != up_before || c->down.passed != down_before)
		c->active_us = now_us();
	if (up == MOVED_FAILED) { /* what it has said before is delivered all the same */
		c->up.n = 0;
		c->up.ended = c->up.told = true;
	}
	if (down == MOVED_FAILED || (c->up.cut && !c->up.n))
		conn_end(c, "the client's connection broke");
	else if (c->down.cut && !c->down.n)
		conn_end(c, "the destination's connection broke");
	else if (c->up.told && c->down.told)
		conn_end(c, "ended");
	else if (up == MOVED_ENOUGH || down == MOVED_ENOUGH)
		event_add(c->again, &now);
}

void conn_progress(struct conn *c)
{
	if (c->state == CONN_HANDSHAKE)
		shake(c);
	else if (c->state < CONN_REACH)
		converse(c);
	else if (c->state == CONN_RELAY)
		relay(c);
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	c->client.ready |= what;
	conn_progress(c);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	conn_progress(arg);
}

void conn_new(struct server *s, int fd, struct source *source, const char *from)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		admit_leave(source);
		close(fd);
		return;
	}
	c->server = s;
	c->source = source;
	c->begun_us = now_us();
	snprintf(c->from, sizeof(c->from), "%s", from);
	TAILQ_INSERT_TAIL(&s->conns, c, all);
	s->count++;
	s->unproven++;
	usage_add(&s->usage->let_in, 1);
	end_open(&c->dest, -1, NULL);
	end_open(&c->client, fd, relay_tls_server(s->tls, fd));
	c->timer = evtimer_new(s->base, on_timer, c);
	c->again = evtimer_new(s->base, on_again, c);
	if (!c->client.ssl || !c->timer || !c->again ||
	    !window_resize(&c->up, FRAME_HEADER + FRAME_SMALL_MAX) ||
	    !conn_watch(c, &c->client, &c->client_event, on_client)) {
		conn_end(c, "no memory");
		return;
	}
	sock_tune(fd);
	conn_enter(c, CONN_HANDSHAKE);
}
