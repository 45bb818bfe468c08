// SPDX-License-Identifier: BSD-2-Clause
/*
 * Services at run time: from who may serve to which ring is published.  A turn of the
 * loop builds rings for a few milliseconds only, so that leases, which matter more,
 * never wait for rings.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	TURN_US = 20000, /* of ring building, then others have a turn */
	COALESCE_MS = 5, /* many backends often change together */
};

struct route *route_find(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->routes_count; i++)
		if (!strcmp(d->routes[i].name, name))
			return &d->routes[i];
	return NULL;
}

static void wake_in(struct daemon *d, uint64_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 }, pending;

	/* An earlier turn that is planned already stays. */
	if (evtimer_pending(d->plan_event, &pending)) {
		struct timeval now, left;

		event_base_gettimeofday_cached(d->base, &now);
		evutil_timersub(&pending, &now, &left);
		if (evutil_timercmp(&left, &tv, <))
			return;
	}
	event_add(d->plan_event, &tv);
}

void steer_wake(struct daemon *d)
{
	if (!d->plan_event)
		return;
	for (size_t i = 0; i < d->routes_count; i++)
		d->routes[i].dirty = true;
	wake_in(d, COALESCE_MS);
}

static struct plan_service plan_of(const struct route *r)
{
	return (struct plan_service){
		.class = r->config->class,
		.cheapest = r->config->select == SELECT_CHEAPEST,
		.backends = r->backends,
		.backends_count = r->config->backends_count,
	};
}

static void withdraw(struct daemon *d, struct route *r)
{
	char why[DATAPLANE_WHY_MAX];

	if (tables_set_ring(d->tables, r->id, NULL, 0, why)) {
		log_warnx("service %s: cannot take its ring away: %s", r->name, why);
		return;
	}
	plan_withdrawn(&r->built);
	log_info("service %s: nobody may serve it; its ring is taken away", r->name);
}

/* Services of one pool begin with one ring: it is drawn once. */
static bool drawn_already(const struct daemon *d, const struct ring_want *w)
{
	return d->drawn_slots == w->slots && d->drawn_count == w->count &&
	       d->drawn_cheapest == w->cheapest &&
	       !memcmp(d->drawn_members, w->members, w->count * sizeof(*w->members));
}

static void remember_drawn(struct daemon *d, const struct ring_want *w)
{
	memcpy(d->drawn_members, w->members, w->count * sizeof(*w->members));
	d->drawn_count = w->count;
	d->drawn_slots = w->slots;
	d->drawn_cheapest = w->cheapest;
}

static int draw(struct daemon *d, const struct ring_want *w, const struct ring_slot *old,
		struct ring_moves *moves)
{
	int err;

	if (!old && drawn_already(d, w))
		return 0;
	d->drawn_slots = 0;
	err = ring_update(d->ring_work, w, old, d->ring_scratch, moves);
	if (!err && !old)
		remember_drawn(d, w);
	return err;
}

static void publish(struct daemon *d, struct route *r, size_t count, enum plan_verdict v)
{
	struct ring_want want = {
		.members = d->member_scratch,
		.count = count,
		.slots = r->config->ring_slots,
		.cheapest = r->config->select == SELECT_CHEAPEST,
		.moved_permille = d->config->router.moved_permille,
	};
	struct ring_moves moves = { 0 };
	char why[DATAPLANE_WHY_MAX];
	const struct ring_slot *old;
	uint32_t slots;
	int err;

	old = tables_ring(d->tables, r->id, &slots);
	if (slots != want.slots)
		old = NULL;
	err = draw(d, &want, old, &moves);
	if (err) {
		log_warnx("service %s: a ring of %zu backends was not published: %s", r->name,
			  count, strerror(-err));
		return;
	}
	if (tables_set_ring(d->tables, r->id, d->ring_scratch, want.slots, why)) {
		log_warnx("service %s: its new ring was not published: %s", r->name, why);
		return;
	}
	plan_published(&r->built, d->member_scratch, count, moves.waiting, now_ms());
	r->rebuilds++;
	r->slots_moved += moves.left + moves.joined + moves.moved;
	r->moved_permille = (moves.left + moves.joined + moves.moved) * 1000ull / want.slots;
	if (v == PLAN_MEMBERS && old)
		log_info("service %s: steered to %zu backend%s, %u.%u %% of its slots moved",
			 r->name, count, count == 1 ? "" : "s", r->moved_permille / 10,
			 r->moved_permille % 10);
	else if (v == PLAN_MEMBERS)
		log_info("service %s: steered to %zu backend%s", r->name, count,
			 count == 1 ? "" : "s");
}

/* One service; when it wants to be looked at again without being asked. */
static uint64_t plan_one(struct daemon *d, struct route *r)
{
	const struct router_config *rc = &d->config->router;
	struct plan_service s = plan_of(r);
	size_t count = 0;
	enum plan_verdict v;

	r->dirty = false;
	v = plan_service(&s, &r->built, now_ms(), rc->rebuild_ms, d->member_scratch, &count);
	switch (v) {
	case PLAN_KEEP:
		return UINT64_MAX;
	case PLAN_LATER:
		r->dirty = true;
		return plan_due_ms(&r->built, rc->rebuild_ms);
	case PLAN_COSTS:
	case PLAN_MEMBERS:
		publish(d, r, count, v);
		break;
	case PLAN_WITHDRAW:
		withdraw(d, r);
		break;
	}
	if (r->built.waiting)
		r->dirty = true;
	return r->dirty ? plan_due_ms(&r->built, rc->rebuild_ms) : UINT64_MAX;
}

static void on_plan(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	uint64_t start = now_us(), due = UINT64_MAX, next;

	(void)fd;
	(void)what;
	if (now_ms() < d->settle_until_ms) {
		wake_in(d, d->settle_until_ms - now_ms());
		return;
	}
	for (size_t i = 0; i < d->routes_count; i++) {
		struct route *r = &d->routes[(d->plan_next + i) % d->routes_count];

		if (!r->dirty)
			continue;
		if (now_us() - start > TURN_US) {
			d->plan_next = r - d->routes;
			wake_in(d, 0);
			return;
		}
		next = plan_one(d, r);
		due = next < due ? next : due;
	}
	d->plan_next = 0;
	if (due != UINT64_MAX)
		wake_in(d, due > now_ms() ? due - now_ms() : 1);
}

void steer_settle(struct daemon *d, uint64_t jiffies)
{
	uint64_t start = now_us(), period = d->config->router.settle_ms;

	for (size_t i = 0; i < d->routes_count; i++) {
		struct route *r = &d->routes[i];

		if (now_ms() < r->settle_due_ms || !service_settles(r->config))
			continue;
		r->settled = tables_settle(d->tables, r->id, jiffies).settled;
		r->settle_due_ms = now_ms() + period;
		if (now_us() - start > TURN_US)
			return; /* the others at the next tick */
	}
}

static void route_clear(struct route *r)
{
	free(r->backends);
	free(r->built.members);
}

static int route_init(struct daemon *d, struct route *r, const struct service_config *s)
{
	*r = (struct route){
		.config = s,
		.dirty = true,
		.settle_due_ms = now_ms() + d->config->router.settle_ms,
	};
	strcpy(r->name, s->name); /* arrays of one size */
	r->backends = calloc(s->backends_count + 1, sizeof(*r->backends));
	r->built.members = calloc(d->nodes_count + 1, sizeof(*r->built.members));
	r->built.capacity = d->nodes_count + 1;
	if (!r->backends || !r->built.members)
		return -ENOMEM;
	for (size_t i = 0; i < s->backends_count; i++) {
		struct node *n = d->nodes[s->backends[i]];

		r->backends[i] = (struct plan_backend){ n->id, ring_key(n->name), &n->peer,
							&n->cost };
	}
	return 0;
}

/* A service that stays keeps what is known of its ring. */
static void inherit(struct route *r, const struct route *old)
{
	if (!old)
		return;
	if (old->settle_due_ms < r->settle_due_ms)
		r->settle_due_ms = old->settle_due_ms;
	r->settled = old->settled;
	r->rebuilds = old->rebuilds;
	r->slots_moved = old->slots_moved;
	r->moved_permille = old->moved_permille;
	if (old->built.count > r->built.capacity)
		return;
	memcpy(r->built.members, old->built.members,
	       old->built.count * sizeof(*old->built.members));
	r->built.count = old->built.count;
	r->built.published = old->built.published;
	r->built.waiting = old->built.waiting;
	r->built.built_ms = old->built.built_ms;
}

/*
 * A ring that is in the maps but not known here is a former daemon's: it stays until its members
 * are others.  One of another size than is wanted now has to be built anew.
 */
static void adopt_ring(struct daemon *d, struct route *r)
{
	const struct ring_slot *ring;
	uint32_t slots;

	ring = tables_ring(d->tables, r->id, &slots);
	if (!ring || slots != r->config->ring_slots)
		plan_withdrawn(&r->built);
	else if (!r->built.published && plan_adopt(&r->built, ring, slots, now_ms()))
		plan_withdrawn(&r->built);
}

static int scratch_init(struct daemon *d)
{
	uint32_t slots = 1;

	for (size_t i = 0; i < d->config->router.services_count; i++)
		if (d->config->router.services[i].ring_slots > slots)
			slots = d->config->router.services[i].ring_slots;
	ring_work_free(d->ring_work);
	free(d->ring_scratch);
	free(d->member_scratch);
	free(d->drawn_members);
	d->drawn_slots = 0;
	d->drawn_members = calloc(d->nodes_count + 1, sizeof(*d->drawn_members));
	d->ring_work = ring_work_new(d->nodes_count + 1, slots);
	d->ring_scratch = calloc(slots, sizeof(*d->ring_scratch));
	d->member_scratch = calloc(d->nodes_count + 1, sizeof(*d->member_scratch));
	if (!d->plan_event)
		d->plan_event = evtimer_new(d->base, on_plan, d);
	return d->ring_work && d->ring_scratch && d->member_scratch && d->drawn_members &&
			       d->plan_event ? 0 : -ENOMEM;
}

static struct service_want want_of(const struct service_config *s)
{
	struct service_want w = {
		.vip = s->vip,
		.port = s->port,
		.proto = s->proto,
		.class = s->class,
		.refusal = s->refusal,
		.on_lapse = s->on_lapse,
		.forward = s->forward,
		.marks = s->marks,
		.quic_offset = s->quic_offset,
		.quic_length = s->quic_length,
		.mss = (uint16_t)s->mss,
		.new_rate = (uint32_t)s->new_rate,
		.new_burst = (uint32_t)s->new_burst,
		.settles = service_settles(s),
	};

	strcpy(w.name, s->name);
	return w;
}

static int write_quic(struct daemon *d, const uint16_t *ids, char why[DATAPLANE_WHY_MAX])
{
	const struct router_config *rc = &d->config->router;
	struct quic_server *entries;
	size_t n = 0;
	int err;

	for (size_t i = 0; i < rc->services_count; i++)
		n += rc->services[i].quic_length ? rc->services[i].backends_count : 0;
	entries = calloc(n + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < rc->services_count; i++) {
		const struct service_config *s = &rc->services[i];

		for (size_t j = 0; s->quic_length && j < s->backends_count; j++) {
			uint16_t id = d->nodes[s->backends[j]]->id;
			const struct backend *b = tables_backend(d->tables, id);

			if (!b)
				continue;
			entries[n++] = (struct quic_server){
				.key = quic_key_of(rc->backends[s->backends[j]].server_id, ids[i]),
				.backend = id,
				.generation = b->generation,
			};
		}
	}
	err = tables_set_quic(d->tables, entries, n, why);
	free(entries);
	return err;
}

int steer_apply(struct daemon *d, char why[WHY_MAX])
{
	const struct router_config *rc = &d->config->router;
	size_t count = rc->services_count;
	struct service_want *want = calloc(count + 1, sizeof(*want));
	struct route *routes = calloc(count + 1, sizeof(*routes));
	uint16_t *ids = calloc(count + 1, sizeof(*ids));
	char long_why[DATAPLANE_WHY_MAX] = "no memory";
	int err = -ENOMEM;

	if (!want || !routes || !ids || scratch_init(d))
		goto out;
	for (size_t i = 0; i < count; i++) {
		want[i] = want_of(&rc->services[i]);
		err = route_init(d, &routes[i], &rc->services[i]);
		if (err)
			goto out;
		inherit(&routes[i], route_find(d, rc->services[i].name));
	}
	err = tables_set_services(d->tables, want, count, ids, long_why);
	if (!err)
		err = write_quic(d, ids, long_why);
	if (err)
		goto out;
	for (size_t i = 0; i < count; i++) {
		routes[i].id = ids[i];
		adopt_ring(d, &routes[i]);
	}
	steer_free(d);
	d->routes = routes;
	d->routes_count = count;
	d->plan_next = 0;
	routes = NULL;
	steer_wake(d);
out:
	if (err)
		snprintf(why, WHY_MAX, "%.*s", WHY_MAX - 1, long_why);
	for (size_t i = 0; routes && i < count; i++)
		route_clear(&routes[i]);
	free(routes);
	free(want);
	free(ids);
	return err;
}

void steer_free(struct daemon *d)
{
	for (size_t i = 0; i < d->routes_count; i++)
		route_clear(&d->routes[i]);
	free(d->routes);
	d->routes = NULL;
	d->routes_count = 0;
}
