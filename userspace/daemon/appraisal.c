// SPDX-License-Identifier: BSD-2-Clause
/*
 * Evidence to the verifiers and verdicts back, one at a time each: so a verifier that
 * crashes or hangs costs exactly the appraisal that it had in hand, and that one
 * counts as undetermined.  Never answers a peer from within its own call.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/collateral.h"
#include "steering/lease.h"

enum {
	TIME_LIMIT_S = 10, /* an appraisal takes 3 ms */
};

static void turn_soon(struct daemon *d)
{
	static const struct timeval now = { 0, 0 };

	event_add(d->appraisal_event, &now);
}

void appraisal_submit(struct node *n, uint64_t request, uint64_t number)
{
	struct daemon *d = n->daemon;
	struct appraisal *a = calloc(1, sizeof(*a));

	if (!a)
		return; /* the peer waits PEER_ANSWER_MS and tries again */
	*a = (struct appraisal){
		.id = n->id, .generation = n->generation, .request = request, .number = number
	};
	TAILQ_INSERT_TAIL(&d->appraisals, a, next);
	turn_soon(d);
}

static void undetermined(struct daemon *d, const struct appraisal *a, const char *why)
{
	struct node *n = node_of(d, a->id, a->generation);
	struct peer_event e = {
		.type = PEER_VERDICT,
		.appraisal = a->number,
		.verdict = PEER_UNDETERMINED,
		.why = why,
	};

	if (n)
		node_event(n, &e);
}

/* NULL when it is on its way, or why not. */
static const char *send_one(struct verifier *v, struct appraisal *a)
{
	struct daemon *d = v->daemon;
	struct node *n = node_of(d, a->id, a->generation);
	struct stored *s = n ? node_stored(n, a->request) : NULL;
	struct msg_evidence e = { 0 };
	struct msg_appraise m = { 0 };
	struct ipc_writer w;

	if (!n)
		return "the backend is gone";
	if (!s || !msg_evidence_get(bytes_of(s->bytes, s->n), &e))
		return "its evidence is gone";
	strcpy(m.policy, n->config->policy); /* arrays of one size */
	m.at = daemon_wall_s(d);
	m.binding = e.binding;
	m.report = e.report;
	memcpy(m.certs, e.certs, sizeof(m.certs));
	m.certs_count = e.certs_count;
	m.collateral[COLLATERAL_CRL] = bytes_of(d->crl, d->crl_bytes);
	collateral_attach(d, n, a, &m);
	w = ipc_begin(d->out, sizeof(d->out), MSG_APPRAISE, a->id);
	msg_appraise_put(&w, &m);
	return child_send(v->child, &w) ? "no verifier is running" : NULL;
}

/* One that is idle; rather the one that has seen the backend's certificates before. */
static struct verifier *idle_verifier(struct daemon *d, const struct appraisal *a)
{
	for (size_t i = 0; i < d->verifiers_count; i++) {
		struct verifier *v = d->verifiers[(a->id + i) % d->verifiers_count];

		if (!v->in_flight && child_hears(v->child))
			return v;
	}
	return NULL;
}

/* One appraisal to a verifier.  False: there is none, or nobody to do it. */
static bool hand_out(struct daemon *d)
{
	static const struct timeval limit = { TIME_LIMIT_S, 0 };
	struct appraisal *a = TAILQ_FIRST(&d->appraisals);
	struct verifier *v = a ? idle_verifier(d, a) : NULL;
	const char *why;

	if (!v)
		return false;
	TAILQ_REMOVE(&d->appraisals, a, next);
	why = send_one(v, a);
	if (why) {
		undetermined(d, a, why);
		free(a);
		return true;
	}
	v->in_flight = a;
	v->in_flight_us = now_us();
	event_add(v->limit, &limit);
	return true;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	while (hand_out(arg)) /* at most once for each verifier, but for what cannot be sent */
		;
}

/* appraisal_verifier_died() does the rest. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct verifier *v = arg;

	(void)fd;
	(void)what;
	child_kill(v->child, "took too long over one appraisal");
}

struct verifier *appraisal_verifier_new(struct daemon *d, const struct child_ops *ops)
{
	struct verifier *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->daemon = d;
	v->child = child_new(d->base, ops, v);
	v->limit = evtimer_new(d->base, on_limit, v);
	if (v->child && v->limit)
		return v;
	appraisal_verifier_free(v);
	return NULL;
}

void appraisal_verifier_free(struct verifier *v)
{
	if (!v)
		return;
	if (v->in_flight)
		TAILQ_INSERT_HEAD(&v->daemon->appraisals, v->in_flight, next);
	child_free(v->child);
	if (v->limit)
		event_free(v->limit);
	free(v);
}

int appraisal_init(struct daemon *d)
{
	TAILQ_INIT(&d->appraisals);
	d->appraisal_event = evtimer_new(d->base, on_turn, d);
	return d->appraisal_event ? 0 : -ENOMEM;
}

static enum peer_verdict verdict_of(enum reason r)
{
	switch (reason_verdict(r)) {
	case VERDICT_ACCEPTED:
		return PEER_ACCEPTED;
	case VERDICT_REFUSED:
		return PEER_REJECTED;
	case VERDICT_ERROR:
	case VERDICT_UNDETERMINED:
		break;
	}
	return PEER_UNDETERMINED;
}

static void show_verdict(struct node *n, const struct appraisal *a, const struct msg_verdict *v)
{
	struct verdict_shown *s = &n->shown;
	struct stored *st = node_stored(n, a->request);
	struct msg_evidence e;

	json_decref(s->claims);
	*s = (struct verdict_shown){ .known = true, .reason = v->reason, .lab_root = v->lab_root };
	if (st && msg_evidence_get(bytes_of(st->bytes, st->n), &e))
		s->tee = e.binding.tee;
	memcpy(s->digest, v->digest, sizeof(s->digest));
	strcpy(s->detail, v->detail);
	s->claims =
		json_loadb((const char *)v->claims.p, v->claims.n, JSON_REJECT_DUPLICATES, NULL);
}

/* A router is let in or it is not: any class that its evidence is good for will do. */
static uint32_t classes_of(const struct node *n, uint32_t mask)
{
	if (!n->caller)
		return mask;
	return mask & (1 << CLASS_CONFIDENTIAL | 1 << CLASS_CLASSIFIED) ? 1 << CLASS_CONFIDENTIAL
									: 0;
}

static void tell(struct node *n, const struct appraisal *a, const struct msg_verdict *m)
{
	uint64_t wall = daemon_wall_s(n->daemon);
	struct peer_event e = {
		.type = PEER_VERDICT,
		.appraisal = a->number,
		.verdict = verdict_of(m->reason),
		.class_mask = classes_of(n, m->class_mask),
		.not_after_ms = lease_not_after_ms(m->not_after, wall, now_ms()),
		.why = m->detail[0] ? m->detail : reason_str(m->reason),
	};

	show_verdict(n, a, m);
	n->daemon->attestations[n->shown.tee][m->reason]++;
	node_event(n, &e);
}

bool appraisal_verdict(struct verifier *v, uint32_t id, const struct msg_verdict *m)
{
	struct appraisal *a = v->in_flight;
	struct daemon *d = v->daemon;
	struct node *n;

	if (!a || a->id != id || m->reason >= REASON_COUNT)
		return false;
	v->in_flight = NULL;
	event_del(v->limit);
	histogram_add(&d->appraisal_time, now_us() - v->in_flight_us);
	n = node_of(d, a->id, a->generation);
	turn_soon(d);
	if (n && collateral_keeps(d, n, a, m)) {
		show_verdict(n, a, m);
		return true;
	}
	if (n)
		tell(n, a, m);
	free(a);
	return true;
}

void appraisal_verifier_started(struct verifier *v)
{
	turn_soon(v->daemon);
}

void appraisal_verifier_died(struct verifier *v)
{
	struct appraisal *a = v->in_flight;

	v->in_flight = NULL;
	if (!a)
		return;
	event_del(v->limit);
	undetermined(v->daemon, a, "the verifier ended while at it");
	free(a);
}

void appraisal_free(struct daemon *d)
{
	struct appraisal *a;

	while ((a = TAILQ_FIRST(&d->appraisals))) {
		TAILQ_REMOVE(&d->appraisals, a, next);
		free(a);
	}
	if (d->appraisal_event)
		event_free(d->appraisal_event);
}
