// SPDX-License-Identifier: BSD-2-Clause
/*
 * A peer's connection: dialled, identified, kept, dialled again.  The parent is told of
 * every change of state once, and of further failures when the reason is a new one.
 */
#include "channel/remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "channel/sock.h"

uint32_t remote_backoff_next(uint32_t ms)
{
	if (ms < REMOTE_REDIAL_MIN_MS)
		return REMOTE_REDIAL_MIN_MS;
	return ms > REMOTE_REDIAL_MAX_MS / 2 ? REMOTE_REDIAL_MAX_MS : ms * 2;
}

uint32_t remote_spread(uint32_t ms, uint32_t random)
{
	return ms - ms / 2 + random % (ms / 2 + 1);
}

uint32_t remote_random(void)
{
	uint32_t v = 0;

	/* Only spreads timers: without it they would come together, and nothing else. */
	if (!tls_random(&v, sizeof(v)))
		v = now_us();
	return v;
}

static void redial_in(struct remote *r, uint32_t ms)
{
	struct timeval tv = timeval_of_us(remote_spread(ms, remote_random()) * 1000ULL);

	event_add(r->redial, &tv);
}

static void set_shaking(struct remote *r, bool busy)
{
	if (busy != r->shaking)
		*r->handshakes += busy ? 1 : -1;
	r->shaking = busy;
}

static void tell_down(struct remote *r, const char *why, bool changed)
{
	struct msg_why m = { .generation = r->config.generation, .missed = r->missed };
	uint64_t now = now_us(), since_ms = (now - r->told_us) / 1000;
	struct ipc_writer w;

	/* The same again, or reasons that alternate as fast as we dial, are told now and then. */
	if (!changed && since_ms < (strcmp(why, r->why) ? REMOTE_REDIAL_MAX_MS : REMOTE_REPEAT_MS))
		return;
	r->told_us = now;
	snprintf(r->why, sizeof(r->why), "%s", why);
	snprintf(m.why, sizeof(m.why), "%s", why);
	w = parent_begin(r->host->parent, MSG_PEER_DOWN, r->id);
	msg_why_put(&w, &m);
	parent_send(r->host->parent, &w);
}

/* After a connect or a session has come to its end: r->session and r->dial are gone already. */
static void went_down(struct remote *r, bool refused, const char *why)
{
	bool was_up = r->up;

	set_shaking(r, false);
	if (was_up && now_us() - r->up_since_us >= REMOTE_STEADY_MS * 1000ULL)
		r->backoff_ms = 0;
	r->up = false;
	remote_attest_lost(r, refused, why);
	tell_down(r, why, was_up || !r->told_us);
	r->backoff_ms = remote_backoff_next(r->backoff_ms);
	redial_in(r, r->backoff_ms);
}

void remote_hang_up(struct remote *r, const char *why)
{
	session_close(r->session);
	r->session = NULL;
	went_down(r, false, why);
}

static bool identify(void *arg, const struct tls_peer *peer, SSL *ssl, char why[WHY_MAX])
{
	char text[ADDR_TEXT_MAX];
	struct remote *r = arg;

	if (strcmp(peer->node, r->config.node)) {
		snprintf(why, WHY_MAX, "its certificate is for node \"%s\", want \"%s\"",
			 peer->node, r->config.node);
		return false;
	}
	if (!tls_peer_has_address(ssl, &r->config.addr)) {
		snprintf(why, WHY_MAX, "its certificate does not list the address %s",
			 addr_text(&r->config.addr, text));
		return false;
	}
	return true;
}

static void ready(void *arg, const struct wire_hello *hello)
{
	struct remote *r = arg;

	(void)hello;
	set_shaking(r, false);
	r->up = true;
	r->up_since_us = now_us();
	r->why[0] = 0;
	remote_attest_session(r);
	remote_beat_session(r);
	remote_tell_beat(r, MSG_PEER_UP, 0, 0);
}

static bool message(void *arg, const struct wire_message *m, struct bytes raw, char why[WHY_MAX])
{
	struct remote *r = arg;

	switch (m->type) {
	case WIRE_PONG:
		return remote_beat_answer(r, &m->pong, why);
	case WIRE_EVIDENCE:
		return question_evidence(&r->question, &m->evidence, why);
	case WIRE_ERROR:
		return question_error(&r->question, &m->error, why);
	case WIRE_ATTEST:
		return remote_attest(r, &m->attest, raw, why);
	case WIRE_RESULT:
		return remote_verdict(r, &m->result, why);
	default:
		snprintf(why, WHY_MAX, "%s is not for a router", wire_type_str(m->type));
		return false;
	}
}

static void over(void *arg, enum session_end end, const char *why)
{
	struct remote *r = arg;

	r->session = NULL;
	went_down(r, end == SESSION_REFUSED, why);
}

static const struct session_ops ops = { identify, ready, message, over };

/* Connects wait for nobody, as most that wait at all are to who does not answer; this does. */
static void begin_session(struct remote *r, int fd)
{
	if (*r->handshakes >= REMOTE_HANDSHAKES_MAX) {
		r->waiting_fd = fd;
		redial_in(r, REMOTE_REDIAL_MIN_MS / 2);
		return;
	}
	set_shaking(r, true);
	r->self.proto = IPPROTO_TCP;
	if (!sock_local(fd, &r->self.addr, &r->self.port))
		r->self.port = 0; /* nobody asks for that: no evidence of ours, then */
	r->session = session_start(r->sessions, fd, &ops, r);
	if (!r->session)
		went_down(r, false, "no memory for a session");
}

static void on_connect(void *arg, int fd, uint64_t us)
{
	struct remote *r = arg;
	char text[ENDPOINT_TEXT_MAX], why[WHY_MAX];

	r->dial = NULL;
	if (fd < 0) {
		snprintf(why, sizeof(why), "connecting to %s: %s",
			 endpoint_text(&r->config.addr, r->config.port, text), strerror(-fd));
		went_down(r, false, why);
		return;
	}
	r->connect_us = us;
	begin_session(r, fd);
}

static void on_redial(evutil_socket_t event_fd, short what, void *arg)
{
	struct remote *r = arg;
	int fd = r->waiting_fd;

	(void)event_fd;
	(void)what;
	if (r->dial || r->session)
		return;
	if (fd >= 0) {
		r->waiting_fd = -1;
		begin_session(r, fd);
		return;
	}
	r->dial = dial_start(r->host->base, &r->config.addr, r->config.port, REMOTE_CONNECT_MS,
			     on_connect, r);
	if (!r->dial)
		went_down(r, false, "no memory to connect");
}

struct remote *remote_new(const struct channel_host *host, struct session_set *sessions,
			  unsigned int *handshakes, uint32_t id, const struct msg_peer *config,
			  bool has_agent)
{
	struct timeval soon = timeval_of_us(remote_random() % 100000);
	struct remote *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->host = host;
	r->sessions = sessions;
	r->handshakes = handshakes;
	r->id = id;
	r->config = *config;
	r->has_agent = has_agent;
	r->waiting_fd = -1;
	r->redial = evtimer_new(host->base, on_redial, r);
	if (!r->redial || remote_attest_start(r) || remote_beat_start(r) ||
	    (has_agent && event_add(r->redial, &soon))) {
		remote_free(r);
		return NULL;
	}
	return r;
}

void remote_free(struct remote *r)
{
	if (!r)
		return;
	set_shaking(r, false);
	session_close(r->session);
	dial_cancel(r->dial);
	if (r->waiting_fd >= 0)
		close(r->waiting_fd);
	remote_beat_stop(r);
	remote_attest_stop(r);
	if (r->redial)
		event_free(r->redial);
	free(r);
}
