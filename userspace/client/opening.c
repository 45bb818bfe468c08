// SPDX-License-Identifier: BSD-2-Clause
#include "client/opening.h"

#include <stdlib.h>

#include "channel/sock.h"
#include "client/attempt.h"
#include "client/keys.h"

struct opening {
	struct client *client;
	const struct opening_ops *ops;
	void *arg;
	struct attempt *attempt;
	struct event *start;
	uint64_t began_ms;
	bool asked_anew; /* agents, about a key that none of them had vouched for */
};

void opening_cancel(struct opening *o)
{
	if (!o)
		return;
	attempt_cancel(o->attempt);
	keyring_forget(o->client->keys, o);
	if (o->start)
		event_free(o->start);
	free(o);
}

static void end_with(struct opening *o, enum verdict status, const char *text)
{
	const struct opening_ops *ops = o->ops;
	void *arg = o->arg;

	opening_cancel(o);
	ops->failed(arg, status, text);
}

static void end_with_plan(struct opening *o, const struct plan *p)
{
	char text[PLAN_TEXT_MAX];

	end_with(o, plan_verdict(p), plan_text(p, text));
}

static void on_ready(void *arg, const struct ready *r)
{
	struct opening *o = arg;
	const struct opening_ops *ops = o->ops;
	void *to = o->arg;

	o->attempt = NULL;
	opening_cancel(o);
	ops->ready(to, r);
}

static void on_keys(void *arg, const struct plan *p);

static void want_keys(struct opening *o, uint64_t since_ms)
{
	if (!keyring_want(o->client->keys, since_ms, on_keys, o))
		end_with(o, VERDICT_ERROR, "no memory to ask the agents");
}

/*
 * A service that has been given a new key shows it before we know: its agents are asked once more
 * before that is held against it.
 */
static void on_failed(void *arg, const struct plan *p)
{
	struct opening *o = arg;

	o->attempt = NULL;
	if (o->client->keys && !o->asked_anew && p->fault.kind == FAULT_HARD) {
		o->asked_anew = true;
		want_keys(o, o->began_ms);
		return;
	}
	end_with_plan(o, p);
}

static const struct attempt_ops attempt_ops = { on_ready, on_failed };

static void attempt(struct opening *o)
{
	struct client *c = o->client;

	o->attempt =
		attempt_start(c, c->keys ? CLIENT_TLS_SERVICE : CLIENT_TLS_INLINE, c->endpoints,
			      c->endpoints_count, c->options->deadline_ms, &attempt_ops, o);
	if (!o->attempt)
		end_with(o, VERDICT_ERROR, "no memory for a connection");
}

static void on_keys(void *arg, const struct plan *p)
{
	if (p)
		end_with_plan(arg, p);
	else
		attempt(arg);
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	struct opening *o = arg;

	(void)fd;
	(void)what;
	if (o->client->keys)
		want_keys(o, 0);
	else
		attempt(o);
}

struct opening *opening_start(struct client *c, const struct opening_ops *ops, void *arg)
{
	static const struct timeval now;
	struct opening *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	*o = (struct opening){ .client = c, .ops = ops, .arg = arg };
	o->began_ms = client_now_ms();
	o->start = evtimer_new(c->base, on_start, o);
	if (o->start && !event_add(o->start, &now))
		return o;
	opening_cancel(o);
	return NULL;
}
