// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every interval: over a session a PING, and beside it a connect of its own, so that the
 * latency is a fresh one; to a peer without an agent the connect alone is the check.
 */
#include "channel/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "channel/sock.h"

enum {
	INTERVAL_MIN_MS = 50, /* what is asked for below this is taken for a mistake */
};

static uint32_t interval_of(const struct remote *r)
{
	return r->config.interval_ms < INTERVAL_MIN_MS ? INTERVAL_MIN_MS : r->config.interval_ms;
}

void remote_tell_beat(struct remote *r, uint32_t type, uint64_t rtt_us, uint32_t load_permille)
{
	struct msg_beat m = {
		.generation = r->config.generation,
		.connect_us = r->connect_us,
		.rtt_us = rtt_us,
		.load_permille = load_permille,
	};
	struct ipc_writer w = parent_begin(r->host->parent, type, r->id);

	msg_beat_put(&w, &m);
	parent_send(r->host->parent, &w);
}

static void missed(struct remote *r, const char *why)
{
	struct msg_why m = { .generation = r->config.generation, .missed = ++r->missed };
	struct ipc_writer w = parent_begin(r->host->parent, MSG_BEAT_MISSED, r->id);

	snprintf(m.why, sizeof(m.why), "%s", why);
	msg_why_put(&w, &m);
	parent_send(r->host->parent, &w);
}

static void on_probe(void *arg, int fd, uint64_t us)
{
	struct remote *r = arg;

	r->probe = NULL;
	if (fd < 0)
		return; /* the session beside it tells whether the peer is there */
	r->connect_us = us;
	sock_abort(fd);
}

static void ping(struct remote *r)
{
	struct wire_message m = { .type = WIRE_PING, .ping.n = r->ping + 1 };
	char why[WHY_MAX];

	if (r->ping_out) {
		snprintf(why, sizeof(why), "no answer to a heartbeat within %u ms", interval_of(r));
		missed(r, why);
	}
	if (r->missed >= REMOTE_BEATS_LOST_MAX || session_send(r->session, &m)) {
		remote_hang_up(r, "it does not answer heartbeats");
		return;
	}
	r->ping++;
	r->ping_us = now_us();
	r->ping_out = true;
	if (!r->probe)
		r->probe = dial_start(r->host->base, &r->config.addr, r->config.port,
				      interval_of(r), on_probe, r);
}

bool remote_beat_answer(struct remote *r, const struct wire_pong *m, char why[WHY_MAX])
{
	if (m->n > r->ping || (m->n == r->ping && !r->ping_out)) {
		snprintf(why, WHY_MAX, "PONG: n %llu answers no PING", (unsigned long long)m->n);
		return false;
	}
	if (m->n < r->ping)
		return true; /* late: it was counted as missed */
	r->ping_out = false;
	r->missed = 0;
	remote_tell_beat(r, MSG_BEAT, now_us() - r->ping_us, m->load_permille);
	return true;
}

void remote_beat_session(struct remote *r)
{
	r->ping = 0;
	r->ping_out = false;
	r->missed = 0;
}

static void on_check(void *arg, int fd, uint64_t us)
{
	struct remote *r = arg;
	char why[WHY_MAX], text[ENDPOINT_TEXT_MAX];

	r->dial = NULL;
	if (fd < 0) {
		snprintf(why, sizeof(why), "connecting to %s: %s",
			 endpoint_text(&r->config.addr, r->config.port, text), strerror(-fd));
		missed(r, why);
		return;
	}
	sock_abort(fd);
	r->connect_us = us;
	r->missed = 0;
	remote_tell_beat(r, MSG_BEAT, 0, 0);
}

static void check(struct remote *r)
{
	uint32_t limit = interval_of(r) < REMOTE_CONNECT_MS ? interval_of(r) : REMOTE_CONNECT_MS;

	if (r->dial)
		return; /* it is about to reach its limit, and then counts */
	r->dial = dial_start(r->host->base, &r->config.addr, r->config.port, limit, on_check, r);
	if (!r->dial)
		missed(r, "no memory to connect");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct remote *r = arg;
	struct timeval next = timeval_of_us(interval_of(r) * 1000ULL);

	(void)fd;
	(void)what;
	event_add(r->tick, &next);
	/* While the parent does not listen, answers lie unread: no beat begins and none is missed.
	 */
	if (parent_is_paused(r->host->parent))
		return;
	if (!r->has_agent)
		check(r);
	else if (r->up)
		ping(r);
}

int remote_beat_start(struct remote *r)
{
	/* Peers told of at one time do not beat at one time. */
	struct timeval first = timeval_of_us(remote_random() % interval_of(r) * 1000ULL);

	r->tick = evtimer_new(r->host->base, on_tick, r);
	return r->tick && event_add(r->tick, &first) == 0 ? 0 : -ENOMEM;
}

void remote_beat_stop(struct remote *r)
{
	dial_cancel(r->probe);
	if (r->tick)
		event_free(r->tick);
}
