// SPDX-License-Identifier: BSD-2-Clause
/*
 * Routers that have dialled our agent, where it wants to know whom it serves.  Each is a node
 * as a backend is to a router: asked, appraised, asked again before its lease ends.  Where
 * there is a guard, it lets in those of the configured routers that hold such a lease, and no
 * others.  Who leaves keeps its lease to its end: its packet path outlives its daemon, too.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"

enum {
	ID_FIRST = BACKENDS_CONFIG_MAX + 1, /* of callers, beyond those of backends */
	ADOPTED_MS = 120000, /* what a former daemon has let in: by then they have dialled anew */
};

/* No heartbeat tells of a caller: who is silent for long, the channel hangs up on. */
static const uint64_t NO_HEARTBEAT_MS = 86400000ull * 3650;

static struct peer_config peer_config_of(const struct attest_routers_config *c)
{
	struct peer_config p = {
		.is_router = true,
		.has_agent = true,
		.heartbeat_ms = NO_HEARTBEAT_MS,
		.heartbeats_missed = 1,
		.reappraise_ms = c->reappraise_ms,
	};

	p.lease_ms[CLASS_CONFIDENTIAL] = c->lease_ms;
	return p;
}

struct node *caller_of(const struct daemon *d, uint32_t id)
{
	return id >= ID_FIRST && id - ID_FIRST < CALLERS_MAX ? d->callers[id - ID_FIRST] : NULL;
}

struct node *caller_in(const struct daemon *d, uint32_t session)
{
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (d->callers[i] && d->callers[i]->caller->session == session)
			return d->callers[i];
	return NULL;
}

static struct node *caller_named(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (d->callers[i] && !strcmp(d->callers[i]->name, name))
			return d->callers[i];
	return NULL;
}

/* A place that is free, or that nobody needs who is there; NULL: there is none. */
static struct node **place(struct daemon *d)
{
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (!d->callers[i])
			return &d->callers[i];
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct node *n = d->callers[i];

		if (n->caller->session || n->peer.until_ms[CLASS_CONFIDENTIAL])
			continue;
		node_free(n);
		d->callers[i] = NULL;
		return &d->callers[i];
	}
	return NULL;
}

static struct node *caller_new(struct daemon *d, const char *name)
{
	const struct attest_routers_config *c = &d->config->agent.attest_routers;
	struct peer_config pc = peer_config_of(c);
	struct caller *caller = calloc(1, sizeof(*caller));
	struct node **at = place(d), *n;

	if (!caller || !at)
		goto fail;
	strcpy(caller->config.name, name); /* arrays of one size */
	strcpy(caller->config.node, name);
	strcpy(caller->config.policy, c->policy);
	n = node_new(d, &caller->config);
	if (!n)
		goto fail;
	n->caller = caller;
	n->id = ID_FIRST + (at - d->callers);
	n->generation = ++d->generations;
	peer_init(&n->peer, n->name, &pc, now_us(), now_ms());
	*at = n;
	return n;
fail:
	log_warnx("router %s: not asked for evidence: %s", name,
		  at ? "no memory" : "too many others are attested");
	free(caller);
	return NULL;
}

bool caller_up(struct daemon *d, const struct ipc_message *m)
{
	struct msg_router r;
	struct node *n;

	if (!msg_router_get(m->body, &r) || !r.node[0])
		return false;
	n = caller_named(d, r.node);
	if (!n)
		n = caller_new(d, r.node);
	if (!n)
		return true;
	n->caller->session = m->id;
	n->caller->addr = r.addr;
	n->caller->fresh.count = 0;
	node_simple_event(n, PEER_CONNECTED, NULL);
	return true;
}

bool caller_sources(struct daemon *d, const struct ipc_message *m)
{
	struct node *n = caller_in(d, m->id);
	struct msg_sources s = { 0 };

	if (!msg_sources_get(m->body, &s))
		return false;
	if (n)
		n->caller->fresh = s;
	return true;
}

void callers_lost(struct daemon *d, const char *why)
{
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct node *n = d->callers[i];

		if (!n || !n->caller->session)
			continue;
		n->caller->session = 0;
		node_simple_event(n, PEER_DISCONNECTED, why);
	}
}

/* Only what came with that very evidence is proved by it. */
void caller_accepted(struct node *n)
{
	static const struct msg_sources none;
	const struct msg_sources *claimed = &n->caller->fresh;

	n->caller->accepted = claimed->request == n->fresh.request ? *claimed : none;
}

static bool is_among(const struct msg_sources *s, const struct addr *a)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (addr_equal(&s->addrs[i], a))
			return true;
	return false;
}

void caller_refused(struct node *n)
{
	struct daemon *d = n->daemon;
	size_t kept = 0;

	for (size_t i = 0; i < d->adopted_count; i++) {
		const struct addr *a = &d->adopted[i].addr;

		if (!addr_equal(a, &n->caller->addr) && !is_among(&n->caller->fresh, a))
			d->adopted[kept++] = d->adopted[i];
	}
	if (kept == d->adopted_count)
		return;
	d->adopted_count = kept;
	callers_changed(d);
}

/* Until when what comes from there may be let in; 0: not at all. */
static uint64_t until_of(const struct daemon *d, const struct addr *a)
{
	uint64_t until = 0;

	if (!d->config->agent.attest_routers.wanted)
		return UINT64_MAX;
	for (size_t i = 0; i < d->adopted_count; i++)
		if (addr_equal(&d->adopted[i].addr, a))
			until = d->adopted[i].until_ms;
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		const struct node *n = d->callers[i];
		uint64_t lease = n ? n->peer.until_ms[CLASS_CONFIDENTIAL] : 0;

		if (lease > until && is_among(&n->caller->accepted, a))
			until = lease;
	}
	return until;
}

int callers_guard(struct daemon *d, char why[WHY_MAX])
{
	const struct agent_config *a = &d->config->agent;
	struct guard_peer *peers = calloc(a->routers_count + 1, sizeof(*peers));
	struct guard_vip vips[CHANNEL_ENDPOINTS_MAX];
	char long_why[DATAPLANE_WHY_MAX] = "no memory";
	uint64_t now = now_ms();
	size_t count = 0;
	int err = -ENOMEM;

	for (size_t i = 0; i < a->services_count; i++)
		vips[i].addr = a->services[i].addr;
	for (size_t i = 0; peers && i < a->routers_count; i++) {
		uint64_t until = until_of(d, &a->routers[i]);

		if (until > now)
			peers[count++] = (struct guard_peer){ a->routers[i], until };
	}
	if (peers)
		err = guard_set(&d->guard, peers, count, vips, a->services_count, long_why);
	if (err)
		snprintf(why, WHY_MAX, "%.*s", WHY_MAX - 1, long_why);
	free(peers);
	return err;
}

void callers_changed(struct daemon *d)
{
	char why[WHY_MAX];

	if (d->guarding && callers_guard(d, why))
		log_warnx("the guard's list of routers is not as it should be: %s", why);
}

static void on_adopted_end(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	d->adopted_count = 0;
	callers_changed(d);
}

/* What our predecessor let in stays so until those routers have had time to come again. */
static int adopt(struct daemon *d)
{
	struct timeval end = { ADOPTED_MS / 1000, 0 };
	uint64_t now = now_ms();
	size_t count, kept = 0;

	d->adopted = calloc(d->guard.map[GUARD_PEERS].entries, sizeof(*d->adopted));
	d->adopted_event = evtimer_new(d->base, on_adopted_end, d);
	if (!d->adopted || !d->adopted_event)
		return -ENOMEM;
	count = guard_peers(&d->guard, d->adopted);
	for (size_t i = 0; i < count; i++) {
		struct guard_peer p = d->adopted[i];

		if (p.until_ms == UINT64_MAX || p.until_ms <= now)
			continue; /* nobody has attested it, or no longer */
		if (p.until_ms > now + ADOPTED_MS)
			p.until_ms = now + ADOPTED_MS;
		d->adopted[kept++] = p;
	}
	d->adopted_count = kept;
	return event_add(d->adopted_event, &end) ? -ENOMEM : 0;
}

int callers_start(struct daemon *d)
{
	return d->guarding && d->config->agent.attest_routers.wanted ? adopt(d) : 0;
}

void callers_apply(struct daemon *d)
{
	const struct attest_routers_config *c = &d->config->agent.attest_routers;
	struct peer_config pc = peer_config_of(c);

	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct node *n = d->callers[i];

		if (!n)
			continue;
		strcpy(n->caller->config.policy, c->policy);
		node_configure_peer(n, &pc);
		node_simple_event(n, PEER_POLICY_CHANGED, NULL);
	}
}

void callers_stop(struct daemon *d)
{
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		node_free(d->callers[i]);
		d->callers[i] = NULL;
	}
	if (d->adopted_event)
		event_free(d->adopted_event);
	free(d->adopted);
	d->adopted = NULL;
	d->adopted_event = NULL;
	d->adopted_count = 0;
}
