// SPDX-License-Identifier: BSD-2-Clause
/*
 * The router's and the agent's share of the kernel: what is opened at the start and
 * kept, and how a configuration becomes tables.  Tables are filled before any
 * interface is attached; nothing here ever detaches.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/addr.h"
#include "base/log.h"
#include "steering/attach.h"
#include "steering/flows.h"

enum {
	RING_ROOM_MAX = 1 << 28, /* 1 GiB of slots: 4,000 rings of 65537 */
	SETTLE_MAX_MS = 5000,  /* after a take-over, for peers to be heard before rings change */
};

/* Room for every ring, for new ones beside the two largest, and as much again to grow into. */
static uint32_t ring_room(const struct router_config *r)
{
	uint64_t all = 0, largest = 0;

	for (size_t i = 0; i < r->services_count; i++) {
		all += r->services[i].ring_slots;
		if (r->services[i].ring_slots > largest)
			largest = r->services[i].ring_slots;
	}
	all = 2 * (all + 2 * largest);
	if (all <= RING_SLOTS_MAX)
		return 0; /* the object's own is enough */
	return all > RING_ROOM_MAX ? RING_ROOM_MAX : all;
}

static struct dataplane_sizes sizes_of(const struct router_config *r)
{
	return (struct dataplane_sizes){
		.services = r->services_max,
		.backends = r->backends_max,
		.flows = r->flows_max,
		.ring_slots = ring_room(r),
	};
}

/* Outer source addresses as configured, or else as the kernel would choose towards a backend. */
static void write_source(struct daemon *d, const struct addr *chosen)
{
	static const struct addr none;
	const struct router_config *r = &d->config->router;
	const struct addr was4 = d->source4, was6 = d->source6;

	if (chosen && addr_is_ipv4(chosen))
		d->source4 = *chosen;
	else if (chosen && !addr_equal(chosen, &none))
		d->source6 = *chosen;
	tables_set_source(d->tables, addr_equal(&r->source4, &none) ? &d->source4 : &r->source4,
			  addr_equal(&r->source6, &none) ? &d->source6 : &r->source6);
	if (!chosen || !addr_equal(&was4, &d->source4) || !addr_equal(&was6, &d->source6))
		router_tell_sources(d);
}

void router_tell_sources(struct daemon *d)
{
	static const struct addr none;
	const struct router_config *r = &d->config->router;
	const struct addr *all[] = { addr_equal(&r->source4, &none) ? &d->source4 : &r->source4,
				     addr_equal(&r->source6, &none) ? &d->source6 : &r->source6 };
	struct ipc_writer w = ipc_begin(d->out, sizeof(d->out), MSG_SOURCES, 0);
	struct msg_sources m = { 0 };

	for (int i = 0; i < 2; i++)
		if (!addr_equal(all[i], &none))
			m.addrs[m.count++] = *all[i];
	if (!d->config->router_gives_evidence)
		return;
	msg_sources_put(&w, &m);
	child_send(d->channel, &w); /* no child just now: told when it starts */
}

static void on_nexthop(void *arg, uint32_t id, const struct nexthop *h)
{
	struct daemon *d = arg;
	struct node *n = d->by_id[id];

	if (!n)
		return;
	if (nexthop_is_usable(h))
		write_source(d, &h->source);
	/* While a neighbour is asked for, the way that is in the map may still be good. */
	if (nexthop_is_usable(h) || h->state != NEXTHOP_ASKING)
		tables_set_nexthop(d->tables, id, h);
	if (h->state == NEXTHOP_RESOLVED)
		log_debug("backend %s: by way of %s", n->name, h->interface);
	else
		log_info("backend %s: next hop: %s%s%s", n->name, nexthop_state_str(h->state),
			 h->interface[0] ? " on " : "", h->interface);
}

static void arm_nexthops(struct daemon *d)
{
	uint64_t wait = nexthops_tick(d->nexthops, now_ms());
	struct timeval tv = { wait / 1000, wait % 1000 * 1000 };

	event_add(d->nexthop_timer, &tv);
}

static void on_nexthop_readable(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	int err = nexthops_read(d->nexthops, now_ms());

	(void)fd;
	(void)what;
	if (err)
		log_warnx("listening to routes and neighbours: %s", strerror(-err));
	arm_nexthops(d);
}

static void on_nexthop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	arm_nexthops(arg);
}

/* A slice at a time, so that nobody waits for the whole. */
static void on_grow(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct daemon *d = arg;
	struct clock_sample s;

	(void)fd;
	(void)what;
	if (!clock_read(d->clock, &s) && flows_grow(d->tables, s.jiffies))
		evtimer_add(d->grow, &at_once);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct clock_sample s;

	(void)fd;
	(void)what;
	if (clock_read(d->clock, &s))
		return;
	if (!clock_was_suspended(d->clock)) {
		steer_settle(d, s.jiffies);
		on_grow(-1, 0, d);
		return;
	}
	log_warnx("this machine was suspended; every lease lapses until its backend is attested anew");
	tables_revoke_all(d->tables);
	for (size_t i = 0; i < d->nodes_count; i++)
		node_simple_event(d->nodes[i], PEER_RESUMED, "this machine was suspended");
}

static int events_start(struct daemon *d)
{
	static const struct timeval second = { 1, 0 };

	d->nexthop_event = event_new(d->base, nexthops_fd(d->nexthops), EV_READ | EV_PERSIST,
				     on_nexthop_readable, d);
	d->nexthop_timer = evtimer_new(d->base, on_nexthop_timer, d);
	d->second = event_new(d->base, -1, EV_PERSIST, on_second, d);
	d->grow = evtimer_new(d->base, on_grow, d);
	if (!d->nexthop_event || !d->nexthop_timer || !d->second || !d->grow ||
	    event_add(d->nexthop_event, NULL) || event_add(d->second, &second))
		return -ENOMEM;
	arm_nexthops(d);
	return 0;
}

static int attach(const struct config *c, int program, const char (*interfaces)[IF_NAMESIZE],
		  size_t count)
{
	char why[DATAPLANE_WHY_MAX];

	(void)c;
	for (size_t i = 0; i < count; i++) {
		struct attachment a = { 0 };
		int err = program_attach(program, interfaces[i], ATTACH_ANY, &a, why);

		if (err)
			log_warnx("%s", why);
		if (err == -EEXIST)
			continue; /* another version steers there, till somebody swaps them */
		if (err)
			return -EIO;
		if (a.generic)
			log_warnx("%s: GENERIC XDP, slower by far: %s", interfaces[i], a.note);
		else if (!a.was_there)
			log_info("%s: native XDP", interfaces[i]);
		else
			log_info("%s: carries our program already", interfaces[i]);
	}
	return 0;
}

/* The new set of nodes: those of the same name and address go on, others begin. */
static struct node **match_nodes(struct daemon *d, const struct backend_held *held, bool fresh[])
{
	const struct router_config *r = &d->config->router;
	struct node **nodes = calloc(r->backends_count + 1, sizeof(*nodes));

	for (size_t i = 0; nodes && i < r->backends_count; i++) {
		struct node *old = node_find(d, r->backends[i].name);

		fresh[i] = !old || !held[i].kept || old->id != held[i].id;
		nodes[i] = fresh[i] ? node_new(d, &r->backends[i]) : old;
		if (!nodes[i])
			fatalx("no memory for backend %s", r->backends[i].name);
	}
	return nodes;
}

static bool is_among(struct node *const nodes[], size_t count, const struct node *n)
{
	for (size_t i = 0; i < count; i++)
		if (nodes[i] == n)
			return true;
	return false;
}

static void drop_nodes(struct daemon *d, struct node *const keep[], size_t count)
{
	for (size_t i = 0; i < d->nodes_count; i++) {
		struct node *n = d->nodes[i];

		if (is_among(keep, count, n))
			continue;
		log_info("backend %s: gone from the configuration", n->name);
		node_forget(n);
		nexthops_remove(d->nexthops, n->id);
		if (d->by_id[n->id] == n)
			d->by_id[n->id] = NULL;
		node_free(n);
	}
	free(d->nodes);
}

static int apply_backends(struct daemon *d, char why[WHY_MAX])
{
	const struct router_config *r = &d->config->router;
	size_t count = r->backends_count;
	struct backend_want *want = calloc(count + 1, sizeof(*want));
	struct backend_held *held = calloc(count + 1, sizeof(*held));
	bool *fresh = calloc(count + 1, sizeof(*fresh));
	char long_why[DATAPLANE_WHY_MAX] = "no memory";
	struct node **nodes = NULL;
	int err = -ENOMEM;

	if (!want || !held || !fresh)
		goto out;
	for (size_t i = 0; i < count; i++) {
		strcpy(want[i].name, r->backends[i].name);
		want[i].addr = r->backends[i].addr;
	}
	err = tables_set_backends(d->tables, want, count, held, long_why);
	if (err)
		goto out;
	nodes = match_nodes(d, held, fresh);
	if (!nodes)
		fatalx("no memory for %zu backends", count);
	drop_nodes(d, nodes, count);
	d->nodes = nodes;
	d->nodes_count = count;
	for (size_t i = 0; i < count; i++) {
		if (fresh[i])
			node_begin(nodes[i], &held[i]);
		else
			node_configure(nodes[i], &r->backends[i]);
	}
out:
	if (err)
		snprintf(why, WHY_MAX, "%.*s", WHY_MAX - 1, long_why);
	free(want);
	free(held);
	free(fresh);
	return err;
}

int router_apply(struct daemon *d, char why[WHY_MAX])
{
	const struct router_config *r = &d->config->router;
	int err;

	write_source(d, NULL);
	err = apply_backends(d, why);
	if (err)
		return err;
	err = steer_apply(d, why);
	if (err)
		return err;
	err = attach(d->config, d->dataplane.program, r->interfaces, r->interfaces_count);
	return err ? err : router_tc_apply(d);
}

static int open_kernel(struct daemon *d, char why[DATAPLANE_WHY_MAX])
{
	struct dataplane_sizes sizes = sizes_of(&d->config->router);
	int err;

	err = dataplane_open(&d->dataplane, d->config->pins, &sizes, why);
	if (err)
		return err;
	err = tables_open(&d->tables, &d->dataplane, why);
	if (err)
		return err;
	err = clock_open(&d->clock, why);
	if (err)
		return err;
	return nexthops_open(&d->nexthops, on_nexthop, d, why);
}

int router_start(struct daemon *d)
{
	char why[DATAPLANE_WHY_MAX] = "";
	uint64_t keys[2];
	bool live = false;

	if (open_kernel(d, why)) {
		log_warnx("%s", why);
		return -EIO;
	}
	if (getrandom(keys, sizeof(keys), 0) != sizeof(keys))
		return -EIO;
	if (tables_take_over(d->tables, keys, &live, why)) {
		log_warnx("%s", why);
		return -EIO;
	}
	if (router_tc_start(d))
		return -EIO;
	d->routing = true;
	if (live) {
		uint64_t wait = d->config->router.heartbeat_ms;

		d->settle_until_ms = now_ms() + (wait < SETTLE_MAX_MS ? wait : SETTLE_MAX_MS);
	}
	log_info("%s program %u under %s%s",
		 d->dataplane.adopted ? "adopted" : "loaded", d->dataplane.program_id,
		 d->dataplane.pins, live ? "; leases of a former daemon run on" : "");
	return events_start(d);
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void router_stop(struct daemon *d)
{
	if (!d->routing)
		return;
	d->routing = false;
	for (size_t i = 0; i < d->nodes_count; i++)
		node_free(d->nodes[i]);
	free(d->nodes);
	steer_free(d);
	free_event(d->plan_event);
	free_event(d->nexthop_event);
	free_event(d->nexthop_timer);
	free_event(d->second);
	free_event(d->grow);
	ring_work_free(d->ring_work);
	free(d->ring_scratch);
	free(d->member_scratch);
	free(d->drawn_members);
	nexthops_close(d->nexthops);
	clock_close(d->clock);
	router_tc_stop(d);
	tables_close(d->tables);
	dataplane_close(&d->dataplane);
}

int agent_apply(struct daemon *d, char why[WHY_MAX])
{
	const struct agent_config *a = &d->config->agent;
	int err = egress_apply(d, why);

	if (!err && d->guarding)
		err = callers_guard(d, why);
	if (err)
		return err;
	callers_apply(d);
	if (!d->guarding)
		return 0;
	return attach(d->config, d->guard.program, a->interfaces, a->interfaces_count);
}

int agent_start(struct daemon *d)
{
	char why[DATAPLANE_WHY_MAX] = "";

	if (egress_start(d))
		return -EIO;
	if (!d->config->agent.interfaces_count)
		return 0; /* the host decapsulates by other means */
	if (guard_open(&d->guard, d->config->pins, why)) {
		log_warnx("%s", why);
		return -EIO;
	}
	d->guarding = true;
	return callers_start(d);
}

void agent_stop(struct daemon *d)
{
	callers_stop(d);
	egress_stop(d);
	if (d->guarding)
		guard_close(&d->guard);
	d->guarding = false;
}
