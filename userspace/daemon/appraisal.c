// SPDX-License-Identifier: BSD-2-Clause
/*
 * Evidence to the verifier and verdicts back, one at a time: so a verifier that
 * crashes or hangs costs exactly the appraisal that it had in hand, and that one
 * counts as undetermined.  Never answers a peer from within its own call.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
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
	if (!d->in_flight)
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

/* 0 when it is on its way, or why not. */
static const char *send_one(struct daemon *d, const struct appraisal *a)
{
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
	w = ipc_begin(d->out, sizeof(d->out), MSG_APPRAISE, a->id);
	msg_appraise_put(&w, &m);
	return child_send(d->verifier, &w) ? "no verifier is running" : NULL;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval limit = { TIME_LIMIT_S, 0 };
	struct daemon *d = arg;
	struct appraisal *a;
	const char *why;

	(void)fd;
	(void)what;
	if (d->in_flight) { /* its time is up; appraisal_verifier_died() does the rest */
		child_kill(d->verifier, "took too long over one appraisal");
		return;
	}
	a = TAILQ_FIRST(&d->appraisals);
	if (!a || !child_hears(d->verifier))
		return; /* links.c calls again when there is a verifier */
	TAILQ_REMOVE(&d->appraisals, a, next);
	why = send_one(d, a);
	if (why) {
		undetermined(d, a, why);
		free(a);
		turn_soon(d);
		return;
	}
	d->in_flight = a;
	d->in_flight_us = now_us();
	event_add(d->appraisal_event, &limit);
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
	*s = (struct verdict_shown){
		.known = true, .reason = v->reason, .lab_root = v->lab_root
	};
	if (st && msg_evidence_get(bytes_of(st->bytes, st->n), &e))
		s->tee = e.binding.tee;
	memcpy(s->digest, v->digest, sizeof(s->digest));
	strcpy(s->detail, v->detail);
	s->claims = json_loadb((const char *)v->claims.p, v->claims.n, JSON_REJECT_DUPLICATES, NULL);
	n->daemon->attestations[s->tee][v->reason]++;
}

bool appraisal_verdict(struct daemon *d, uint32_t id, const struct msg_verdict *v)
{
	struct appraisal *a = d->in_flight;
	uint64_t wall = daemon_wall_s(d);
	struct peer_event e;
	struct node *n;

	if (!a || a->id != id || v->reason >= REASON_COUNT)
		return false;
	d->in_flight = NULL;
	event_del(d->appraisal_event);
	histogram_add(&d->appraisal_time, now_us() - d->in_flight_us);
	n = node_of(d, a->id, a->generation);
	if (n) {
		show_verdict(n, a, v);
		e = (struct peer_event){
			.type = PEER_VERDICT,
			.appraisal = a->number,
			.verdict = verdict_of(v->reason),
			.class_mask = v->class_mask,
			.not_after_ms = lease_not_after_ms(v->not_after, wall, now_ms()),
			.why = v->detail[0] ? v->detail : reason_str(v->reason),
		};
		node_event(n, &e);
	}
	free(a);
	turn_soon(d);
	return true;
}

void appraisal_verifier_died(struct daemon *d)
{
	struct appraisal *a = d->in_flight;

	d->in_flight = NULL;
	if (!a)
		return;
	event_del(d->appraisal_event);
	undetermined(d, a, "the verifier ended while at it");
	free(a);
}

void appraisal_free(struct daemon *d)
{
	struct appraisal *a;

	while ((a = TAILQ_FIRST(&d->appraisals))) {
		TAILQ_REMOVE(&d->appraisals, a, next);
		free(a);
	}
	free(d->in_flight);
	if (d->appraisal_event)
		event_free(d->appraisal_event);
}
