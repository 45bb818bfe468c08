// SPDX-License-Identifier: BSD-2-Clause
/* Following the ways to backends; see nexthop.h. */
#include "steering/nexthop.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"
#include "steering/netlink.h"
#include "steering/rtnl.h"
#include "steering/why.h"

enum {
	IDS_MAX = 65536,
	ASK_FIRST_MS = 1000, /* between two requests for a silent neighbour, doubled each time */
	ASK_MAX_MS = 30000,
	FORGOTTEN_MS =
		50, /* the last MAC goes on meanwhile; at once, and a flush would never end */
	REFRESH_MS =
		30000, /* a neighbour that we use is looked after so often: nothing else uses it */
	REFRESH_SPREAD_MS = 10000, /* not all at once */
	SETTLE_MS = 20,		   /* a change of routes comes in many messages */
	RESYNC_MIN_MS = 300,	   /* between two resyncs, however much changes */
	RETRY_MS = 1000,	   /* when the kernel could not be asked */
	READS_MAX = 256,	   /* a call: then others get their turn */
	NUD_GOOD = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE,
};

#define NEVER UINT64_MAX

struct entry {
	uint32_t id;
	struct addr dst;
	struct nexthop now;  /* as last found */
	struct nexthop told; /* as last passed on */
	bool is_told;
	bool asked;	 /* for a neighbour that is not known any more */
	bool permanent;	 /* the neighbour is: not to be asked */
	uint64_t due_ms; /* to ask or refresh */
	uint32_t ask_delay_ms;
};

struct nexthops {
	struct mnl_socket *socket;
	nexthop_changed *changed;
	void *arg;
	struct entry **by_id;
	size_t ids; /* of by_id */
	struct rtnl_link *links;
	size_t links_count;
	uint64_t resync_ms; /* when, or NEVER */
	uint64_t resynced_ms;
};

const char *nexthop_state_str(enum nexthop_state s)
{
	static const char *const text[NEXTHOP_STATES] = {
		[NEXTHOP_ASKING] = "asking for the neighbour",
		[NEXTHOP_RESOLVED] = "resolved",
		[NEXTHOP_FAILED] = "the neighbour does not answer",
		[NEXTHOP_NO_ROUTE] = "no route",
		[NEXTHOP_LOCAL] = "an address of this host",
		[NEXTHOP_LINK_DOWN] = "link down",
		[NEXTHOP_NO_ETHERNET] = "the way out is no Ethernet",
	};

	return s < NEXTHOP_STATES && text[s] ? text[s] : "unknown";
}

static bool has_mac(const struct nexthop *n)
{
	static const uint8_t none[6];

	return memcmp(n->mac, none, sizeof(none)) != 0;
}

bool nexthop_is_usable(const struct nexthop *n)
{
	return (n->state == NEXTHOP_RESOLVED || n->state == NEXTHOP_ASKING) && n->ifindex &&
	       has_mac(n);
}

static bool same(const struct nexthop *a, const struct nexthop *b)
{
	return a->state == b->state && a->ifindex == b->ifindex && a->mtu == b->mtu &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       !memcmp(a->source_mac, b->source_mac, sizeof(a->source_mac)) &&
	       addr_equal(&a->source, &b->source);
}

/* Nothing is said while a neighbour is asked for: until it is found, or not, the last way stays. */
static void tell(struct nexthops *n, struct entry *e)
{
	if (e->now.state == NEXTHOP_ASKING || (e->is_told && same(&e->now, &e->told)))
		return;
	e->told = e->now;
	e->is_told = true;
	n->changed(n->arg, e->id, &e->told);
}

static const struct rtnl_link *link_of(const struct nexthops *n, uint32_t ifindex)
{
	for (size_t i = 0; i < n->links_count; i++)
		if (n->links[i].ifindex == ifindex)
			return &n->links[i];
	return NULL;
}

static uint64_t refresh_at(const struct entry *e, uint64_t now_ms)
{
	return now_ms + REFRESH_MS + e->id * 7919ull % REFRESH_SPREAD_MS;
}

static void ask_later(struct entry *e, uint64_t now_ms)
{
	if (!e->ask_delay_ms)
		e->ask_delay_ms = ASK_FIRST_MS;
	e->due_ms = now_ms + e->ask_delay_ms;
	e->ask_delay_ms = e->ask_delay_ms < ASK_MAX_MS / 2 ? 2 * e->ask_delay_ms : ASK_MAX_MS;
}

/*
 * A known neighbour has failed only when he did not answer us either: entries that people or the
 * garbage collector remove are reported as failed, too, and no packet is to be lost to that.
 */
static enum nexthop_state state_of_neighbour(const struct entry *e,
					     const struct rtnl_neighbour *who)
{
	if (who->state & NUD_GOOD && who->has_mac)
		return NEXTHOP_RESOLVED;
	if (who->state & NUD_FAILED && (e->asked || !has_mac(&e->now)))
		return NEXTHOP_FAILED;
	return NEXTHOP_ASKING;
}

/*
 * What the kernel says of a neighbour, put into words of ours.  A date that stands is kept: were it
 * put off by everything that happens, a busy network would never see it come.
 */
static void learn(struct entry *e, enum nexthop_state was, const struct rtnl_neighbour *who,
		  uint64_t now_ms)
{
	bool dated = e->due_ms > now_ms && e->due_ms != NEVER;

	e->now.state = state_of_neighbour(e, who);
	e->permanent = who->state & (NUD_PERMANENT | NUD_NOARP);
	if (e->now.state == NEXTHOP_RESOLVED) {
		memcpy(e->now.mac, who->mac, sizeof(e->now.mac));
		e->ask_delay_ms = 0;
		e->asked = false;
	} else if (e->now.state == NEXTHOP_FAILED) {
		memset(e->now.mac, 0, sizeof(e->now.mac));
	}
	if (dated && was == e->now.state)
		return;
	if (e->now.state == NEXTHOP_RESOLVED)
		e->due_ms = refresh_at(e, now_ms);
	else if (who->state & NUD_INCOMPLETE || e->now.state == NEXTHOP_FAILED)
		ask_later(e, now_ms); /* the kernel asks, or has just asked in vain */
	else
		e->due_ms = now_ms + (has_mac(&e->now) ? FORGOTTEN_MS : 0);
}

static enum nexthop_state state_of_route(int err, const struct rtnl_route *r)
{
	if (err || !r->oif)
		return NEXTHOP_NO_ROUTE;
	if (r->type == RTN_LOCAL)
		return NEXTHOP_LOCAL;
	return r->type == RTN_UNICAST ? NEXTHOP_ASKING : NEXTHOP_NO_ROUTE;
}

/* The route and the interface, without the neighbour; NEXTHOP_ASKING if it is a way at all. */
static struct nexthop find_way(const struct nexthops *n, const struct addr *dst)
{
	struct rtnl_route r;
	int err = rtnl_route_to(dst, &r);
	struct nexthop w = { .state = state_of_route(err, &r) };
	const struct rtnl_link *l;

	if (w.state == NEXTHOP_NO_ROUTE)
		return w;
	w.ifindex = r.oif;
	w.via = r.via;
	w.source = r.source;
	l = link_of(n, r.oif);
	if (!l) {
		/* It came after the last dump: an event that is still to be read says so. */
		w.state = NEXTHOP_NO_ROUTE;
		return w;
	}
	strcpy(w.interface, l->name);
	memcpy(w.source_mac, l->mac, sizeof(w.source_mac));
	w.mtu = r.mtu && r.mtu < l->mtu ? r.mtu : l->mtu;
	if (w.state == NEXTHOP_LOCAL)
		return w;
	if (!l->up)
		w.state = NEXTHOP_LINK_DOWN;
	else if (!l->ethernet)
		w.state = NEXTHOP_NO_ETHERNET;
	return w;
}

static void look(struct nexthops *n, struct entry *e, uint64_t now_ms)
{
	enum nexthop_state was = e->now.state;
	struct nexthop w = find_way(n, &e->dst);
	struct rtnl_neighbour who = { 0 };
	int err;

	if (w.ifindex != e->now.ifindex || !addr_equal(&w.via, &e->now.via))
		e->due_ms = NEVER; /* another neighbour */
	else
		memcpy(w.mac, e->now.mac, sizeof(w.mac));
	e->now = w;
	if (w.state == NEXTHOP_ASKING) {
		err = rtnl_neighbour(w.ifindex, &w.via, &who);
		if (err && err != -ENOENT) {
			log_warnx("neighbour on %s: cannot ask the kernel: %s", w.interface,
				  strerror(-err));
			e->due_ms = now_ms + RETRY_MS;
			return;
		}
		learn(e, was, &who, now_ms);
	} else {
		memset(e->now.mac, 0, sizeof(e->now.mac));
		e->due_ms = NEVER;
	}
	tell(n, e);
}

/* The time has come: find a neighbour that is not known, or look after one that is. */
static void care(struct nexthops *n, struct entry *e, uint64_t now_ms)
{
	struct rtnl_neighbour who = { 0 };
	int err = 0;

	if (e->now.state == NEXTHOP_RESOLVED) {
		look(n, e, now_ms);
		if (e->now.state != NEXTHOP_RESOLVED || e->permanent)
			return;
		err = rtnl_neighbour(e->now.ifindex, &e->now.via, &who);
		if (!err && who.state & NUD_STALE)
			err = rtnl_neighbour_ask(e->now.ifindex, &e->now.via);
	} else {
		err = rtnl_neighbour_ask(e->now.ifindex, &e->now.via);
		e->asked = true;
		ask_later(e, now_ms);
	}
	if (err)
		log_debug("neighbour on %s: %s", e->now.interface, strerror(-err));
}

static int read_links(struct nexthops *n)
{
	struct rtnl_link *list;
	size_t count;
	int err = rtnl_links(&list, &count);

	if (err)
		return err;
	free(n->links);
	n->links = list;
	n->links_count = count;
	return 0;
}

static void resync(struct nexthops *n, uint64_t now_ms)
{
	int err = read_links(n);

	n->resync_ms = NEVER;
	n->resynced_ms = now_ms;
	if (err) {
		log_warnx("interfaces: cannot ask the kernel: %s", strerror(-err));
		n->resync_ms = now_ms + RETRY_MS;
		return;
	}
	for (size_t i = 0; i < n->ids; i++)
		if (n->by_id[i])
			look(n, n->by_id[i], now_ms);
}

/* Soon, when the burst is over, and not too often. */
static void resync_soon(struct nexthops *n, uint64_t now_ms)
{
	uint64_t at = now_ms + SETTLE_MS;

	if (at < n->resynced_ms + RESYNC_MIN_MS)
		at = n->resynced_ms + RESYNC_MIN_MS;
	if (at < n->resync_ms)
		n->resync_ms = at;
}

int nexthops_open(struct nexthops **out, nexthop_changed *changed, void *arg,
		  char why[DATAPLANE_WHY_MAX])
{
	/* Nexthop objects change under routes without a word about those. */
	const unsigned int groups = RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE |
				    RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				    RTMGRP_IPV4_RULE | 1u << (RTNLGRP_IPV6_RULE - 1) |
				    1u << (RTNLGRP_NEXTHOP - 1);
	struct nexthops *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return because(why, -ENOMEM, "no memory");
	n->changed = changed;
	n->arg = arg;
	n->resync_ms = NEVER;
	/* Listen first: what changes after the dump is then heard. */
	err = netlink_listen(&n->socket, groups);
	if (!err)
		err = read_links(n);
	if (err) {
		because(why, err, "rtnetlink: %s", strerror(-err));
		nexthops_close(n);
		return err;
	}
	*out = n;
	return 0;
}

void nexthops_close(struct nexthops *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->ids; i++)
		free(n->by_id[i]);
	free(n->by_id);
	free(n->links);
	if (n->socket)
		mnl_socket_close(n->socket);
	free(n);
}

int nexthops_fd(const struct nexthops *n)
{
	return mnl_socket_get_fd(n->socket);
}

static void on_neighbour(struct nexthops *n, const struct nlmsghdr *nlh, uint64_t now_ms)
{
	struct rtnl_neighbour who;

	if (!rtnl_neighbour_parse(nlh, &who))
		return;
	if (nlh->nlmsg_type == RTM_DELNEIGH)
		who.state = NUD_NONE;
	for (size_t i = 0; i < n->ids; i++) {
		struct entry *e = n->by_id[i];

		if (!e || e->now.ifindex != who.ifindex || !addr_equal(&e->now.via, &who.addr))
			continue;
		if (e->now.state != NEXTHOP_RESOLVED && e->now.state != NEXTHOP_ASKING &&
		    e->now.state != NEXTHOP_FAILED)
			continue;
		learn(e, e->now.state, &who, now_ms);
		tell(n, e);
	}
}

static void on_event(struct nexthops *n, const struct nlmsghdr *nlh, uint64_t now_ms)
{
	if (nlh->nlmsg_type == RTM_NEWNEIGH || nlh->nlmsg_type == RTM_DELNEIGH)
		on_neighbour(n, nlh, now_ms);
	else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		resync_soon(n, now_ms);
}

/* One datagram of the kernel's: 1, 0 when there is none, or -errno. */
static int read_one(struct nexthops *n, uint64_t now_ms)
{
	char buf[NETLINK_BUFFER] __attribute__((aligned(8)));
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(nexthops_fd(n), buf, sizeof(buf), 0, (void *)&from, &from_len);
	const struct nlmsghdr *nlh = (const void *)buf;
	int left = (int)len;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len < 0 && errno == ENOBUFS) {
		log_info("rtnetlink: missed changes; asking for everything anew");
		resync_soon(n, now_ms);
		return 1;
	}
	if (len < 0)
		return -errno;
	if (from.nl_pid)
		return 1; /* not the kernel */
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		on_event(n, nlh, now_ms);
	return 1;
}

int nexthops_read(struct nexthops *n, uint64_t now_ms)
{
	int rc = 1;

	for (int i = 0; rc > 0 && i < READS_MAX; i++)
		rc = read_one(n, now_ms);
	return rc < 0 ? rc : 0;
}

uint64_t nexthops_tick(struct nexthops *n, uint64_t now_ms)
{
	uint64_t next;

	if (n->resync_ms <= now_ms)
		resync(n, now_ms);
	next = n->resync_ms;
	for (size_t i = 0; i < n->ids; i++) {
		struct entry *e = n->by_id[i];

		if (!e)
			continue;
		if (e->due_ms <= now_ms)
			care(n, e, now_ms);
		if (e->due_ms < next)
			next = e->due_ms;
	}
	if (next > now_ms + RETRY_MS)
		return RETRY_MS;
	return next > now_ms ? next - now_ms : 0;
}

static int make_room(struct nexthops *n, uint32_t id)
{
	size_t ids = id + 1;
	struct entry **p;

	if (id >= IDS_MAX)
		return -EINVAL;
	if (ids <= n->ids)
		return 0;
	p = realloc(n->by_id, ids * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + n->ids, 0, (ids - n->ids) * sizeof(*p));
	n->by_id = p;
	n->ids = ids;
	return 0;
}

int nexthops_add(struct nexthops *n, uint32_t id, const struct addr *dst, uint64_t now_ms)
{
	int err = make_room(n, id);
	struct entry *e;

	if (err)
		return err;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	free(n->by_id[id]);
	n->by_id[id] = e;
	e->id = id;
	e->dst = *dst;
	e->due_ms = NEVER;
	look(n, e, now_ms);
	/* The neighbour is asked for at once, so that it may be known at the first packet. */
	if (e->due_ms <= now_ms)
		care(n, e, now_ms);
	return 0;
}

void nexthops_remove(struct nexthops *n, uint32_t id)
{
	if (id >= n->ids)
		return;
	free(n->by_id[id]);
	n->by_id[id] = NULL;
}

const struct nexthop *nexthops_get(const struct nexthops *n, uint32_t id)
{
	return id < n->ids && n->by_id[id] ? &n->by_id[id]->now : NULL;
}
