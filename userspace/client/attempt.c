// SPDX-License-Identifier: BSD-2-Clause
#include "client/attempt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/dial.h"
#include "channel/sock.h"

enum {
	CONNECT_MS = 5000,
	KEPT_MS = 2000, /* a server waits 5 s for TLS to begin */
};

struct candidate {
	struct attempt *attempt;
	struct dial *dial;
	int fd;		   /* connected and kept, or -1 */
	uint64_t since_us; /* when it was */
};

struct attempt {
	struct client *client;
	enum client_tls_kind kind;
	const struct endpoint *list;
	const struct attempt_ops *ops;
	void *arg;
	struct plan plan;
	struct candidate of[PLAN_MAX];
	struct approach *approach; /* the one that is under way */
	size_t current;
	struct event *deadline;
	uint64_t ends_us;
};

static void next(struct attempt *t);
static void redial(struct attempt *t, size_t i);

void attempt_cancel(struct attempt *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->plan.count; i++) {
		dial_cancel(t->of[i].dial);
		if (t->of[i].fd >= 0)
			sock_abort(t->of[i].fd);
	}
	approach_cancel(t->approach);
	if (t->deadline)
		event_free(t->deadline);
	free(t);
}

static void give_up(struct attempt *t)
{
	const struct attempt_ops *ops = t->ops;
	struct plan plan = t->plan;
	void *arg = t->arg;

	attempt_cancel(t);
	ops->failed(arg, &plan);
}

/* False: the attempt is gone. */
static bool fault(struct attempt *t, size_t i, const struct fault *f)
{
	log_info("%s: %s: %s%s%s", t->list[i].name, step_str(f->step),
		 f->reason ? reason_str(f->reason) : "", f->reason ? ": " : "", f->why);
	if (plan_failed(&t->plan, i, f))
		return true;
	give_up(t);
	return false;
}

static void on_ready(void *arg, const struct ready *r)
{
	struct attempt *t = arg;
	const struct attempt_ops *ops = t->ops;
	void *to = t->arg;

	t->approach = NULL;
	attempt_cancel(t);
	ops->ready(to, r);
}

static void on_failed(void *arg, const struct fault *f)
{
	struct attempt *t = arg;

	t->approach = NULL;
	if (fault(t, t->current, f))
		next(t);
}

static const struct approach_ops approach_ops = { on_ready, on_failed };

/* Whoever is not the last leaves time for the others. */
static void fill_order(const struct attempt *t, struct approach_order *o)
{
	uint64_t now = now_us(), left_ms = t->ends_us > now ? (t->ends_us - now) / 1000 : 0;
	bool last = true;

	for (size_t i = 0; i < t->plan.count; i++)
		last &= t->plan.of[i].state == PLAN_TRIED;
	o->kind = t->kind;
	o->endpoint = &t->list[t->current];
	o->limit_ms = last ? left_ms : left_ms / 2;
	o->patient = last;
}

static void start_approach(struct attempt *t, size_t i)
{
	struct fault f = { .step = STEP_CONNECT, .kind = FAULT_OURS };
	struct approach_order order;
	int fd = t->of[i].fd;

	t->of[i].fd = -1;
	t->current = i;
	fill_order(t, &order);
	t->approach = approach_start(t->client, &order, fd, &approach_ops, t);
	if (t->approach)
		return;
	snprintf(f.why, sizeof(f.why), "no memory for a connection");
	fault(t, i, &f); /* which ends it */
}

static void next(struct attempt *t)
{
	int i;

	if (t->approach)
		return;
	i = plan_next(&t->plan);
	if (i >= 0 && now_us() - t->of[i].since_us > KEPT_MS * 1000ULL)
		redial(t, i);
	else if (i >= 0)
		start_approach(t, i);
	else if (!plan_waits(&t->plan))
		give_up(t);
}

/*
 * Connections that are not needed at once are kept: the peer waits some seconds for TLS to begin,
 * and one that is closed in its face would have cost it as much.
 */
static void on_dialled(void *arg, int fd, uint64_t us)
{
	struct fault f = { .step = STEP_CONNECT, .kind = FAULT_TRANSIENT };
	struct candidate *c = arg;
	struct attempt *t = c->attempt;
	size_t i = c - t->of;

	c->dial = NULL;
	if (fd < 0) {
		snprintf(f.why, sizeof(f.why), "%s", strerror(-fd));
		if (fault(t, i, &f))
			next(t);
		return;
	}
	c->fd = fd;
	c->since_us = now_us();
	plan_measured(&t->plan, i, us);
	next(t);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *t = arg;
	struct fault f = { .step = STEP_CONNECT, .kind = FAULT_TRANSIENT };

	(void)fd;
	(void)what;
	snprintf(f.why, sizeof(f.why), "no answer before the deadline");
	for (size_t i = 0; i < t->plan.count; i++)
		if (t->plan.of[i].state == PLAN_DIALLED)
			plan_failed(&t->plan, i, &f);
	if (t->approach) {
		approach_state(t->approach, &f);
		plan_failed(&t->plan, t->current, &f);
	}
	give_up(t);
}

static bool dial(struct attempt *t, size_t i)
{
	struct candidate *c = &t->of[i];

	c->dial = dial_start(t->client->base, &t->list[i].addr, t->list[i].port, CONNECT_MS,
			     on_dialled, c);
	return c->dial;
}

static bool dial_all(struct attempt *t)
{
	for (size_t i = 0; i < t->plan.count; i++)
		if (!dial(t, i))
			return false;
	return true;
}

/* One that was kept while another failed slowly: the server may have given it up by now. */
static void redial(struct attempt *t, size_t i)
{
	struct fault f = { .step = STEP_CONNECT, .kind = FAULT_OURS };

	sock_abort(t->of[i].fd);
	t->of[i].fd = -1;
	plan_redialled(&t->plan, i);
	if (dial(t, i))
		return;
	snprintf(f.why, sizeof(f.why), "no memory for a connection");
	fault(t, i, &f); /* which ends it */
}

struct attempt *attempt_start(struct client *c, enum client_tls_kind kind,
			      const struct endpoint list[], size_t count, uint64_t limit_ms,
			      const struct attempt_ops *ops, void *arg)
{
	struct timeval limit = timeval_of_us(limit_ms * 1000);
	struct attempt *t = calloc(1, sizeof(*t));
	const char *names[PLAN_MAX];

	if (!t)
		return NULL;
	*t = (struct attempt){ .client = c, .kind = kind, .list = list, .ops = ops, .arg = arg };
	for (size_t i = 0; i < count && i < PLAN_MAX; i++) {
		names[i] = list[i].name;
		t->of[i] = (struct candidate){ .attempt = t, .fd = -1 };
	}
	plan_init(&t->plan, c->options->class, names, count);
	t->ends_us = now_us() + limit_ms * 1000;
	t->deadline = evtimer_new(c->base, on_deadline, t);
	if (t->deadline && !event_add(t->deadline, &limit) && dial_all(t))
		return t;
	attempt_cancel(t);
	return NULL;
}
