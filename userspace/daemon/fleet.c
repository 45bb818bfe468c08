// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backends at run time.  What a peer's state machine wants done is done here, in the
 * order it wants: leases first, and zeros before anything else.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/addr.h"
#include "base/log.h"
#include "steering/lease.h"

static uint64_t random_u64(void)
{
	uint64_t v = 0;

	/* Spreads timers and numbers requests: a short read costs nothing but spread. */
	if (getrandom(&v, sizeof(v), 0) < 0)
		v = now_us();
	return v;
}

static struct peer_config peer_config_of(const struct daemon *d, const struct backend_config *c)
{
	const struct router_config *r = &d->config->router;
	struct peer_config p = {
		.has_agent = c->agent_port != 0,
		.checked = c->check_port != 0,
		.classified = node_classified(d, c),
		.heartbeat_ms = r->heartbeat_ms,
		.heartbeats_missed = r->heartbeats_missed,
		.reappraise_ms = r->reappraise_ms,
	};

	memcpy(p.lease_ms, r->lease_ms, sizeof(p.lease_ms));
	return p;
}

bool node_classified(const struct daemon *d, const struct backend_config *c)
{
	const struct router_config *r = &d->config->router;
	size_t index = c - r->backends;

	for (size_t i = 0; i < r->services_count; i++) {
		const struct service_config *s = &r->services[i];

		if (s->class != CLASS_CLASSIFIED)
			continue;
		for (size_t k = 0; k < s->backends_count; k++)
			if (s->backends[k] == index)
				return true;
	}
	return false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	node_simple_event(arg, PEER_TICK, NULL);
}

struct node *node_new(struct daemon *d, const struct backend_config *c)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->daemon = d;
	n->config = c;
	strcpy(n->name, c->name); /* arrays of one size */
	n->timer = evtimer_new(d->base, on_timer, n);
	if (!n->timer) {
		free(n);
		return NULL;
	}
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	event_free(n->timer);
	free(n->fresh.bytes);
	free(n->cached.bytes);
	json_decref(n->shown.claims);
	free(n->caller);
	free(n);
}

struct node *node_find(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->nodes_count; i++)
		if (!strcmp(d->nodes[i]->name, name))
			return d->nodes[i];
	return NULL;
}

struct node *node_of(const struct daemon *d, uint32_t id, uint32_t generation)
{
	struct node *n = id <= BACKENDS_CONFIG_MAX ? d->by_id[id] : caller_of(d, id);

	return n && n->generation == generation ? n : NULL;
}

struct stored *node_stored(struct node *n, uint64_t request)
{
	if (n->fresh.bytes && n->fresh.request == request)
		return &n->fresh;
	if (n->cached.bytes && n->cached.request == request)
		return &n->cached;
	return NULL;
}

static void node_store(struct node *n, uint64_t request, struct bytes body)
{
	uint8_t *copy = malloc(body.n ? body.n : 1);

	if (!copy)
		return; /* the peer's answer then finds nothing to appraise: undetermined */
	memcpy(copy, body.p, body.n);
	free(n->fresh.bytes);
	n->fresh = (struct stored){ request, body.n, copy };
	n->evidence_us = now_us();
}

void node_evidence(struct node *n, uint64_t request, struct bytes body)
{
	struct peer_event event = { .type = PEER_EVIDENCE, .request = request };

	if (n->peer.asked.request != request)
		return; /* an answer to a question that is no longer asked */
	node_store(n, request, body);
	node_event(n, &event);
}

void node_failure(struct node *n, const struct msg_failure *f)
{
	struct peer_event e = { .type = PEER_EVIDENCE_FAILED,
				.request = f->request,
				.refused = f->refused,
				.why = f->why };

	node_event(n, &e);
}

/* Accepted evidence is what later appraisals go back to. */
static void keep_accepted(struct node *n)
{
	if (!n->fresh.bytes || n->fresh.request != n->peer.cached.request)
		return;
	if (n->caller)
		caller_accepted(n);
	free(n->cached.bytes);
	n->cached = n->fresh;
	n->fresh = (struct stored){ 0 };
}

static void write_leases(struct node *n)
{
	struct daemon *d = n->daemon;
	struct clock_sample now;
	bool clock_ok;

	if (n->caller) {
		callers_changed(d);
		return;
	}
	/* What ends, ends before a clock is asked. */
	for (int c = 0; c < CLASS_COUNT; c++)
		if (!n->peer.until_ms[c])
			tables_lease(d->tables, n->id, c, 0);
	clock_ok = clock_read(d->clock, &now) == 0;
	if (!clock_ok)
		log_warnx("backend %s: cannot read the kernel's clock; no lease written", n->name);
	for (int c = 0; c < CLASS_COUNT; c++)
		if (n->peer.until_ms[c])
			tables_lease(d->tables, n->id, c,
				     clock_ok ? lease_clamp(c, n->peer.until_ms[c], &now) : 0);
}

static void write_hand(struct node *n)
{
	tables_set_hand(n->daemon->tables, n->id,
			(n->peer.hand == PEER_DRAINED ? BACKEND_DRAINED : 0) |
				(n->peer.hand == PEER_EVICTED ? BACKEND_EVICTED : 0));
}

static uint32_t id_in_channel(const struct node *n)
{
	return n->caller ? n->caller->session : n->id;
}

static void ask(struct node *n, const struct peer_output *out)
{
	struct daemon *d = n->daemon;
	struct msg_attest m = {
		.generation = n->generation,
		.request = out->ask_request,
		.policy_epoch = d->reloads,
	};
	struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), MSG_ATTEST, id_in_channel(n));

	strcpy(m.purpose, !strcmp(out->purpose, "renew") ? "renew" : "admit");
	msg_attest_put(&w, &m);
	child_send(d->channel, &w); /* lost: the peer asks again when no answer comes */
}

static void send_result(struct node *n, const struct peer_output *out)
{
	struct daemon *d = n->daemon;
	struct msg_result m = {
		.generation = n->generation,
		.request = out->result_request,
		.ok = out->ok,
		.expires_in_ms = out->expires_in_ms,
	};
	struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), MSG_RESULT, id_in_channel(n));

	snprintf(m.code, sizeof(m.code), "%s",
		 reason_str(n->shown.known ? n->shown.reason : REASON_INTERNAL));
	msg_result_put(&w, &m);
	child_send(d->channel, &w); /* a courtesy: the agent asks nothing of it */
}

static void arm(struct node *n, uint64_t next_ms)
{
	uint64_t now = now_ms(), wait = next_ms > now ? next_ms - now : 0;
	struct timeval tv = { wait / 1000, wait % 1000 * 1000 };

	if (next_ms == UINT64_MAX)
		event_del(n->timer);
	else
		event_add(n->timer, &tv);
}

static void carry_out(struct node *n, const struct peer_output *out)
{
	if (out->actions & PEER_WRITE_LEASES)
		write_leases(n);
	if (out->line[0])
		log_info("%s%s", out->line, n->shown.known && n->shown.lab_root ? " (LAB root)" : "");
	if (out->actions & PEER_SEND_RESULT)
		send_result(n, out);
	if (out->actions & PEER_ASK)
		ask(n, out);
	if (out->actions & PEER_APPRAISE)
		appraisal_submit(n, out->appraise_request, out->appraisal);
	if (out->eligibility_changed && !n->caller) {
		write_hand(n);
		steer_wake(n->daemon);
	}
	arm(n, out->next_ms);
}

/* How fast bad evidence ends what good evidence began; the instant, for who watches the wire. */
static void log_eviction(const struct node *n)
{
	uint64_t now = now_us();

	log_info("%s %s: no lease since monotonic %llu.%06llu s, %llu us after its evidence",
		 n->caller ? "router" : "backend", n->name, (unsigned long long)now / 1000000,
		 (unsigned long long)now % 1000000, (unsigned long long)(now - n->evidence_us));
}

void node_event(struct node *n, struct peer_event *e)
{
	bool had_lease = n->peer.until_ms[CLASS_CONFIDENTIAL] != 0;
	struct peer_output out = { 0 };

	e->now_ms = now_ms();
	e->random = random_u64();
	peer_step(&n->peer, e, &out);
	keep_accepted(n);
	carry_out(n, &out);
	if (n->caller && n->peer.state == PEER_REFUSED)
		caller_refused(n);
	/* Evidence that is not accepted stays the fresh one; cached evidence is older news. */
	if (e->type == PEER_VERDICT && e->verdict == PEER_REJECTED && had_lease && n->fresh.bytes)
		log_eviction(n);
}

void node_simple_event(struct node *n, enum peer_event_type type, const char *why)
{
	struct peer_event e = { .type = type, .why = why };

	node_event(n, &e);
}

static void adopt_leases(struct node *n)
{
	struct daemon *d = n->daemon;
	uint64_t until_ms[CLASS_COUNT] = { 0 };
	struct clock_sample now;

	if (clock_read(d->clock, &now))
		return;
	for (int c = 0; c < CLASS_COUNT; c++)
		until_ms[c] = lease_boot_ms(tables_lease_of(d->tables, n->id, c), &now);
	peer_adopt(&n->peer, until_ms, now_ms());
}

void node_begin(struct node *n, const struct backend_held *held)
{
	struct daemon *d = n->daemon;
	struct peer_config pc = peer_config_of(d, n->config);
	const struct backend *b;
	uint8_t flags;

	n->id = held->id;
	n->generation = ++d->generations;
	d->by_id[n->id] = n;
	peer_init(&n->peer, n->name, &pc, random_u64() >> 16, now_ms());
	b = tables_backend(d->tables, n->id);
	flags = held->kept && b ? b->flags : 0;
	if (held->kept)
		adopt_leases(n);
	if (flags & BACKEND_EVICTED)
		node_simple_event(n, PEER_EVICT, "evicted by hand before the restart");
	else if (flags & BACKEND_DRAINED)
		node_simple_event(n, PEER_DRAIN, "drained by hand before the restart");
	else
		node_simple_event(n, PEER_TICK, NULL);
	nexthops_add(d->nexthops, n->id, &n->config->addr, now_ms());
	node_connect(n);
}

void node_configure_peer(struct node *n, const struct peer_config *c)
{
	struct peer_output out = { 0 };

	peer_configure(&n->peer, c, now_ms(), &out);
	carry_out(n, &out);
}

void node_configure(struct node *n, const struct backend_config *c)
{
	struct peer_config pc = peer_config_of(n->daemon, c);
	bool reach = n->config->agent_port != c->agent_port ||
		     n->config->check_port != c->check_port || strcmp(n->config->node, c->node) ||
		     strcmp(n->config->egress, c->egress) ||
		     n->peer.config.heartbeat_ms != pc.heartbeat_ms;

	n->config = c;
	node_configure_peer(n, &pc);
	if (reach) {
		node_forget(n);
		n->generation = ++n->daemon->generations;
		node_simple_event(n, PEER_DISCONNECTED, "it was configured anew");
		node_connect(n);
	}
	node_simple_event(n, PEER_POLICY_CHANGED, NULL);
}

void node_connect(struct node *n)
{
	struct daemon *d = n->daemon;
	const struct backend_config *c = n->config;
	struct msg_peer m = {
		.generation = n->generation,
		.addr = c->addr,
		.port = c->agent_port ? c->agent_port : c->check_port,
		.interval_ms = d->config->router.heartbeat_ms,
	};
	struct ipc_writer w;

	if (!m.port)
		return;
	if (c->agent_port)
		strcpy(m.node, c->node);
	strcpy(m.egress, c->egress); /* of the same size */
	w = ipc_begin(d->out, sizeof(d->out), c->agent_port ? MSG_PEER : MSG_CHECK, n->id);
	msg_peer_put(&w, &m);
	child_send(d->channel, &w); /* no child just now: told when it starts */
}

void node_forget(struct node *n)
{
	struct daemon *d = n->daemon;
	struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), MSG_FORGET, n->id);

	child_send(d->channel, &w);
}
