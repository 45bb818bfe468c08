// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kinds of children: what each is, and what each may say.  A message that
 * is not among a child's own, or not of its shape, is that child's death.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/collateral.h"
#include "verifier/process.h"

static struct node *node_or_null(struct daemon *d, const struct ipc_message *m, uint32_t generation)
{
	return m->id >= ROUTER_SESSIONS ? caller_in(d, m->id) : node_of(d, m->id, generation);
}

enum {
	LOAD_UNKNOWN_PERMILLE = 500, /* who has no agent to tell it counts as half loaded */
};

static bool on_beat(struct daemon *d, const struct ipc_message *m)
{
	struct msg_beat b;
	struct node *n;

	if (!msg_beat_get(m->body, &b))
		return false;
	n = node_or_null(d, m, b.generation);
	if (!n)
		return true; /* about somebody who is gone */
	n->connect_us = b.connect_us;
	n->rtt_us = b.rtt_us;
	n->load_permille = n->config->agent_port ? b.load_permille : LOAD_UNKNOWN_PERMILLE;
	if (cost_sample(&n->cost, b.connect_us, n->load_permille,
			d->config->router.hysteresis_permille))
		steer_wake(d);
	node_simple_event(n, m->type == MSG_PEER_UP ? PEER_CONNECTED : PEER_BEAT, NULL);
	return true;
}

static bool on_why(struct daemon *d, const struct ipc_message *m)
{
	struct msg_why w;
	struct peer_event e = { 0 };
	struct node *n;

	if (!msg_why_get(m->body, &w))
		return false;
	n = node_or_null(d, m, w.generation);
	if (!n)
		return true;
	e.type = m->type == MSG_PEER_DOWN ? PEER_DISCONNECTED
		 : m->type == MSG_DENIED  ? PEER_DENIED
					  : PEER_BEAT_MISSED;
	if (n->caller)
		n->caller->session = 0;
	e.missed = w.missed;
	e.why = w.why;
	node_event(n, &e);
	return true;
}

static bool on_evidence(struct daemon *d, const struct ipc_message *m)
{
	struct msg_evidence e;
	struct node *n;

	if (!msg_evidence_get(m->body, &e))
		return false;
	n = node_or_null(d, m, e.generation);
	if (n)
		node_evidence(n, e.request, m->body);
	return true;
}

static bool on_failure(struct daemon *d, const struct ipc_message *m)
{
	struct msg_failure f;
	struct node *n;

	if (!msg_failure_get(m->body, &f))
		return false;
	if (m->id >= ROUTER_SESSIONS)
		d->caller_failures[f.refused ? 1 : 0]++;
	n = node_or_null(d, m, f.generation);
	if (n)
		node_failure(n, &f);
	return true;
}

/* Passes a message on to another child as it is. */
static void pass_on(struct daemon *d, struct child *to, const struct ipc_message *m)
{
	struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), m->type, m->id);

	if (w.size - w.n < m->body.n) {
		log_warnx("a message of %zu bytes is too long to pass on", m->body.n);
		return;
	}
	memcpy(w.buf + w.n, m->body.p, m->body.n);
	w.n += m->body.n;
	child_send(to, &w);
}

static void quote_failed(struct daemon *d, uint32_t id, const char *why)
{
	struct msg_quote q = { .failed = EAGAIN };
	struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), MSG_QUOTE, id);

	snprintf(q.why, sizeof(q.why), "%s", why);
	msg_quote_put(&w, &q);
	child_send(d->channel, &w);
}

static bool gives_evidence(const struct config *c)
{
	return c->is_agent || c->router_gives_evidence;
}

static bool on_quote_wanted(struct daemon *d, const struct ipc_message *m)
{
	struct binding b;

	if (!gives_evidence(d->config) || !msg_binding_get(m->body, &b))
		return false;
	if (!d->attester || !child_pid(d->attester))
		quote_failed(d, m->id, "the evidence source is not running");
	else
		pass_on(d, d->attester, m);
	return true;
}

static void send_page(struct daemon *d, uint32_t scrape)
{
	enum { PIECE = 65536 };
	size_t n = 0, at = 0, piece;
	char *page = metrics_page(d, &n);

	do {
		struct msg_text t;
		struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), MSG_METRICS_TEXT, scrape);

		piece = n - at > PIECE ? PIECE : n - at;
		t.text = bytes_of(page ? page + at : "", piece);
		at += piece;
		t.last = at == n;
		msg_text_put(&w, &t);
		if (child_send(d->channel, &w))
			break;
	} while (at < n);
	free(page);
}

/* Of a backend, or of a router that has dialled us. */
static bool said_of_either(struct daemon *d, const struct ipc_message *m)
{
	switch (m->type) {
	case MSG_PEER_DOWN:
		return on_why(d, m);
	case MSG_EVIDENCE:
		return on_evidence(d, m);
	case MSG_EVIDENCE_FAILED:
		return on_failure(d, m);
	}
	return false;
}

/* About a session that a router has opened to our agent. */
static bool caller_said(struct daemon *d, const struct ipc_message *m)
{
	if (!d->config->agent.attest_routers.wanted)
		return false;
	switch (m->type) {
	case MSG_ROUTER_UP:
		return caller_up(d, m);
	case MSG_ROUTER_SOURCES:
		return caller_sources(d, m);
	}
	return said_of_either(d, m);
}

static bool channel_received(void *arg, const struct ipc_message *m)
{
	struct daemon *d = arg;

	switch (m->type) {
	case MSG_METRICS_WANTED:
		send_page(d, m->id);
		return true;
	case MSG_QUOTE_WANTED:
		return on_quote_wanted(d, m);
	}
	if (m->id >= ROUTER_SESSIONS)
		return caller_said(d, m);
	if (!d->routing)
		return false;
	switch (m->type) {
	case MSG_PEER_UP:
	case MSG_BEAT:
		return on_beat(d, m);
	case MSG_BEAT_MISSED:
	case MSG_DENIED:
		return on_why(d, m);
	}
	return said_of_either(d, m);
}

static void channel_run(int fd, void *arg)
{
	const struct daemon *d = arg;

	channel_main(fd, &d->config->channel);
}

static void channel_started(void *arg)
{
	struct daemon *d = arg;

	router_tell_sources(d);
	for (size_t i = 0; d->routing && i < d->nodes_count; i++)
		if (d->nodes[i]->id)
			node_connect(d->nodes[i]);
}

/* Sessions are gone, and that is our fault, not the peers': their leases run on. */
static void channel_died(void *arg)
{
	struct daemon *d = arg;

	for (size_t i = 0; d->routing && i < d->nodes_count; i++)
		if (d->nodes[i]->config->agent_port)
			node_simple_event(d->nodes[i], PEER_DISCONNECTED,
					  "our channel process ended");
	callers_lost(d, "our channel process ended");
}

static void verifier_run(int fd, void *arg)
{
	const struct daemon *d = ((struct verifier *)arg)->daemon;

	verifier_main(fd, d->config->policies, d->config->policies_count);
}

static bool verifier_received(void *arg, const struct ipc_message *m)
{
	struct msg_verdict v;

	return m->type == MSG_VERDICT && msg_verdict_get(m->body, &v) &&
	       appraisal_verdict(arg, m->id, &v);
}

static void verifier_started(void *arg)
{
	appraisal_verifier_started(arg);
}

static void verifier_died(void *arg)
{
	appraisal_verifier_died(arg);
}

static void attester_run(int fd, void *arg)
{
	const struct daemon *d = arg;
	char why[WHY_MAX] = "";
	struct attester *a;

	if (attester_open(&d->config->evidence, &a, why))
		fatalx("no evidence source: %s", why);
	attester_main(fd, a);
}

static bool attester_received(void *arg, const struct ipc_message *m)
{
	struct daemon *d = arg;

	if (m->type != MSG_QUOTE)
		return false;
	pass_on(d, d->channel, m);
	return true;
}

static const struct child_ops channel_ops = {
	"fairlead-chan", channel_run, channel_received, channel_started, channel_died
};
static const struct child_ops verifier_ops = {
	"fairlead-verify", verifier_run, verifier_received, verifier_started, verifier_died
};
static const struct child_ops attester_ops = {
	"fairlead-attest", attester_run, attester_received, NULL, NULL
};

static int start(struct daemon *d, struct child **c, const struct child_ops *ops)
{
	*c = child_new(d->base, ops, d);
	return *c ? child_start(*c) : -ENOMEM;
}

static size_t verifiers_wanted(const struct daemon *d)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!daemon_attests(d))
		return 0;
	if (!d->config->is_router)
		return 1; /* of few routers */
	if (d->config->router.verifiers)
		return d->config->router.verifiers;
	return cpus < 1 ? 1 : cpus < VERIFIERS_MAX ? (size_t)cpus : VERIFIERS_MAX;
}

/* As many as the configuration wants, beginning with those that there are. */
static int count_verifiers(struct daemon *d)
{
	size_t wanted = verifiers_wanted(d);
	int err = 0;

	while (d->verifiers_count > wanted)
		appraisal_verifier_free(d->verifiers[--d->verifiers_count]);
	while (!err && d->verifiers_count < wanted) {
		struct verifier *v = appraisal_verifier_new(d, &verifier_ops);

		err = v ? child_start(v->child) : -ENOMEM;
		if (err)
			appraisal_verifier_free(v);
		else
			d->verifiers[d->verifiers_count++] = v;
	}
	return err;
}

int links_start(struct daemon *d)
{
	int err = 0;

	if (daemon_attests(d))
		err = count_verifiers(d);
	if (!err && gives_evidence(d->config))
		err = start(d, &d->attester, &attester_ops);
	if (!err)
		err = collateral_start(d);
	if (!err)
		err = start(d, &d->channel, &channel_ops);
	if (err)
		log_warnx("cannot start our processes: %s", strerror(-err));
	return err;
}

void links_reaped(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (d->channel && child_reaped(d->channel, pid, status))
			continue;
		if (d->attester && child_reaped(d->attester, pid, status))
			continue;
		if (collateral_reaped(d, pid, status))
			continue;
		for (size_t i = 0; i < d->verifiers_count; i++)
			if (child_reaped(d->verifiers[i]->child, pid, status))
				break;
	}
}

void links_restart(struct daemon *d, const struct config *old)
{
	collateral_apply(d, old);
	for (size_t i = 0; i < d->verifiers_count; i++)
		child_restart(d->verifiers[i]->child); /* they know policies by fork */
	if (count_verifiers(d))
		log_warnx("%zu verifier processes are all that could be started",
			  d->verifiers_count);
	if (d->attester && memcmp(&old->evidence, &d->config->evidence, sizeof(old->evidence)))
		child_restart(d->attester);
	if (memcmp(&old->channel, &d->config->channel, sizeof(old->channel)))
		child_restart(d->channel);
}

void links_stop(struct daemon *d)
{
	collateral_stop(d);
	child_free(d->channel);
	while (d->verifiers_count)
		appraisal_verifier_free(d->verifiers[--d->verifiers_count]);
	child_free(d->attester);
	d->channel = d->attester = NULL;
}
