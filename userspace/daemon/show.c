// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the control socket answers.  control.h fixes the commands, the keys and their
 * units; -j prints these objects as they are, so a key once here is never renamed.
 */
#include "daemon/rehearsal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/outcome.h"
#include "daemon/collateral.h"
#include "daemon/control.h"
#include "steering/counters.h"

/* Counters of all ids at once: one look at the maps for a whole answer. */
struct totals {
	struct traffic *of;
	uint32_t max;
};

static struct totals backend_totals(struct daemon *d)
{
	struct totals t = { .max = tables_backends_max(d->tables) };

	t.of = calloc(t.max, sizeof(*t.of));
	if (t.of && counters_backends(&d->dataplane, t.of, t.max))
		memset(t.of, 0, t.max * sizeof(*t.of));
	return t;
}

static struct totals service_totals(struct daemon *d)
{
	struct totals t = { .max = tables_services_max(d->tables) };

	t.of = calloc(t.max, sizeof(*t.of));
	if (t.of && counters_services(&d->dataplane, t.of, t.max))
		memset(t.of, 0, t.max * sizeof(*t.of));
	return t;
}

static void set_traffic(json_t *o, const struct totals *t, uint32_t id)
{
	struct traffic none = { 0 };
	const struct traffic *c = t->of && id < t->max ? &t->of[id] : &none;

	json_object_set_new(o, "packets", json_integer(c->packets));
	json_object_set_new(o, "bytes", json_integer(c->bytes));
	json_object_set_new(o, "new_flows", json_integer(c->new_flows));
}

static void set_string(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, value && *value ? json_string(value) : json_null());
}

static void set_hex(json_t *o, const char *key, const uint8_t *p, size_t n)
{
	char text[2 * DIGEST_BYTES + 1];

	for (size_t i = 0; i < n && i < DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	json_object_set_new(o, key, json_string(text));
}

/* Seconds left, null where there is no lease; an endless one has no number either, but true. */
static json_t *lease_left(const struct node *n, enum class c, uint64_t now)
{
	uint64_t until = n->peer.until_ms[c];

	if (until == UINT64_MAX)
		return json_true();
	return until > now ? json_real((until - now) / 1000.0) : json_null();
}

static json_t *leases_json(const struct node *n)
{
	json_t *o = json_object();

	for (int c = 0; c < CLASS_COUNT; c++)
		json_object_set_new(o, class_str(c), lease_left(n, c, now_ms()));
	return o;
}

static json_t *nexthop_json(struct daemon *d, const struct node *n)
{
	const struct nexthop *h = nexthops_get(d->nexthops, n->id);
	char mac[18];
	json_t *o;

	if (!h)
		return json_null();
	o = json_object();
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", h->mac[0], h->mac[1],
		 h->mac[2], h->mac[3], h->mac[4], h->mac[5]);
	set_string(o, "interface", h->interface);
	json_object_set_new(o, "mac", json_string(mac));
	json_object_set_new(o, "state", json_string(nexthop_state_str(h->state)));
	json_object_set_new(o, "mtu", json_integer(h->mtu));
	return o;
}

static void set_verdict(json_t *o, const struct verdict_shown *s)
{
	const char *product = s->claims ? json_string_value(json_object_get(s->claims, "product")) :
					  NULL;

	json_object_set_new(o, "tee", s->known ? json_string(tee_str(s->tee)) : json_null());
	set_string(o, "product", product);
	json_object_set_new(o, "reason", s->known ? json_string(reason_str(s->reason)) : json_null());
	set_string(o, "detail", s->known ? s->detail : NULL);
	json_object_set_new(o, "lab_root", json_boolean(s->known && s->lab_root));
	if (s->known)
		set_hex(o, "digest", s->digest, sizeof(s->digest));
	else
		json_object_set_new(o, "digest", json_null());
	json_object_set_new(o, "claims", s->claims ? json_incref(s->claims) : json_null());
}

static json_t *backend_json(struct daemon *d, const struct node *n, const struct totals *t)
{
	char text[ADDR_TEXT_MAX], server_id[SERVER_ID_TEXT_MAX];
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(n->name));
	json_object_set_new(o, "id", json_integer(n->id));
	json_object_set_new(o, "address", json_string(addr_text(&n->config->addr, text)));
	json_object_set_new(o, "agent_port", n->config->agent_port ?
						     json_integer(n->config->agent_port) :
						     json_null());
	set_string(o, "node", n->config->node);
	set_string(o, "policy", n->config->policy);
	set_string(o, "egress_digest", n->config->egress);
	set_string(o, "server_id", server_id_text(n->config, server_id));
	json_object_set_new(o, "check_port", n->config->check_port ?
						     json_integer(n->config->check_port) :
						     json_null());
	json_object_set_new(o, "state", json_string(peer_state_str(n->peer.state)));
	set_string(o, "why", n->peer.why);
	json_object_set_new(o, "health", json_string(n->peer.up ? "up" : "down"));
	json_object_set_new(o, "drained", json_boolean(n->peer.hand == PEER_DRAINED));
	json_object_set_new(o, "evicted", json_boolean(n->peer.hand == PEER_EVICTED));
	json_object_set_new(o, "connect_us", json_integer(n->connect_us));
	json_object_set_new(o, "rtt_us", json_integer(n->rtt_us));
	json_object_set_new(o, "load_permille", json_integer(n->load_permille));
	json_object_set_new(o, "cost_us", json_integer(n->cost.cost_us));
	set_verdict(o, &n->shown);
	json_object_set_new(o, "leases", leases_json(n));
	json_object_set_new(o, "nexthop", nexthop_json(d, n));
	set_traffic(o, t, n->id);
	return o;
}

static json_t *backend_show(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	struct totals t = backend_totals(d);
	json_t *list = json_array();

	for (size_t i = 0; i < d->nodes_count; i++)
		if (!name || !strcmp(d->nodes[i]->name, name))
			json_array_append_new(list, backend_json(d, d->nodes[i], &t));
	free(t.of);
	if (name && !json_array_size(list)) {
		json_decref(list);
		snprintf(error, WHY_MAX, "no backend \"%.60s\"", name);
		*code = 1;
		return NULL;
	}
	return list;
}

static uint64_t weight_total(const struct plan_ring *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->count; i++)
		sum += r->members[i].weight;
	return sum;
}

static json_t *member_json(const struct route *r, const struct node *n)
{
	uint64_t total = weight_total(&r->built), weight = 0;
	json_t *o = json_object();

	for (size_t i = 0; r->built.published && i < r->built.count; i++)
		if (r->built.members[i].id == n->id)
			weight = r->built.members[i].weight;
	json_object_set_new(o, "name", json_string(n->name));
	json_object_set_new(o, "weight_permille", json_integer(total ? weight * 1000 / total : 0));
	json_object_set_new(o, "cost_us", json_integer(n->cost.cost_us));
	json_object_set_new(o, "eligible",
			    json_boolean(peer_may_serve(&n->peer, r->config->class, now_ms())));
	return o;
}

/* How its packets travel, and which of its flows are taken, raised and remembered. */
static void set_modes(json_t *o, const struct daemon *d, const struct service_config *s)
{
	bool settles = service_settles(s);

	json_object_set_new(o, "forward", json_string(forward_str(s->forward)));
	json_object_set_new(o, "mss", s->mss ? json_integer(s->mss) : json_null());
	json_object_set_new(o, "on_lapse", json_string(lapse_str(s->on_lapse)));
	json_object_set_new(o, "track", json_string(settles ? "moved" : "always"));
	json_object_set_new(o, "settle_ms",
			    settles ? json_integer(d->config->router.settle_ms) : json_null());
	json_object_set_new(o, "new_flow_limit",
			    s->new_rate ? json_pack("{sI sI}", "per_second",
						    (json_int_t)s->new_rate, "burst",
						    (json_int_t)s->new_burst) :
					  json_null());
	json_object_set_new(o, "quic",
			    s->quic_length ? json_pack("{si si}", "offset_bytes", s->quic_offset,
						       "length_bytes", s->quic_length) :
					     json_null());
	json_object_set_new(o, "marks", s->marks.wanted ? marks_json(&s->marks) : json_null());
}

static json_t *service_json(struct daemon *d, const struct route *r, const struct totals *t)
{
	const struct service_config *s = r->config;
	char text[ADDR_TEXT_MAX];
	json_t *o = json_object(), *members = json_array();

	json_object_set_new(o, "name", json_string(r->name));
	json_object_set_new(o, "id", json_integer(r->id));
	json_object_set_new(o, "vip", json_string(addr_text(&s->vip, text)));
	json_object_set_new(o, "port", json_integer(s->port));
	json_object_set_new(o, "protocol", json_string(s->proto == IPPROTO_TCP ? "tcp" : "udp"));
	json_object_set_new(o, "class", json_string(class_str(s->class)));
	json_object_set_new(o, "select", json_string(select_str(s->select)));
	json_object_set_new(o, "refusal",
			    json_string(s->refusal == REFUSE_ANSWER ? "answer" : "drop"));
	set_modes(o, d, s);
	json_object_set_new(o, "ring_slots", json_integer(s->ring_slots));
	json_object_set_new(o, "slots_settled", json_integer(r->settled));
	json_object_set_new(o, "moved_permille", json_integer(r->moved_permille));
	json_object_set_new(o, "rebuilds", json_integer(r->rebuilds));
	for (size_t i = 0; i < s->backends_count; i++)
		json_array_append_new(members, member_json(r, d->nodes[s->backends[i]]));
	json_object_set_new(o, "backends", members);
	set_traffic(o, t, r->id);
	return o;
}

static json_t *service_show(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	struct totals t = service_totals(d);
	json_t *list = json_array();

	for (size_t i = 0; i < d->routes_count; i++)
		if (!name || !strcmp(d->routes[i].name, name))
			json_array_append_new(list, service_json(d, &d->routes[i], &t));
	free(t.of);
	if (name && !json_array_size(list)) {
		json_decref(list);
		snprintf(error, WHY_MAX, "no service \"%.60s\"", name);
		*code = 1;
		return NULL;
	}
	return list;
}

static json_t *lease_show(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	json_t *list = json_array();

	(void)args;
	(void)error;
	(void)code;
	for (size_t i = 0; i < d->nodes_count; i++)
		for (int c = 0; c < CLASS_COUNT; c++) {
			const struct node *n = d->nodes[i];
			uint64_t until = n->peer.until_ms[c];
			json_t *o;

			if (!until)
				continue;
			o = json_object();
			json_object_set_new(o, "backend", json_string(n->name));
			json_object_set_new(o, "class", json_string(class_str(c)));
			json_object_set_new(o, "seconds_left", lease_left(n, c, now_ms()));
			json_object_set_new(o, "until_boottime_ms",
					    until == UINT64_MAX ? json_null() : json_integer(until));
			json_object_set_new(o, "until_jiffies",
					    until == UINT64_MAX ?
						    json_null() :
						    json_integer(tables_lease_of(d->tables, n->id, c)));
			json_object_set_new(o, "lab_root", json_boolean(n->shown.lab_root));
			json_array_append_new(list, o);
		}
	return list;
}

static json_t *router_json(const struct node *n)
{
	uint64_t until = n->peer.until_ms[CLASS_CONFIDENTIAL];
	const struct msg_sources *s = &n->caller->accepted;
	json_t *o = json_object(), *sources = json_array();
	char text[ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < s->count; i++)
		json_array_append_new(sources, json_string(addr_text(&s->addrs[i], text)));
	json_object_set_new(o, "name", json_string(n->name));
	json_object_set_new(o, "state", json_string(peer_state_str(n->peer.state)));
	set_string(o, "why", n->peer.why);
	json_object_set_new(o, "address", json_string(addr_text(&n->caller->addr, text)));
	json_object_set_new(o, "connected", json_boolean(n->caller->session));
	json_object_set_new(o, "sources", sources);
	json_object_set_new(o, "seconds_left", lease_left(n, CLASS_CONFIDENTIAL, now_ms()));
	json_object_set_new(o, "until_boottime_ms", until ? json_integer(until) : json_null());
	set_string(o, "policy", n->config->policy);
	set_verdict(o, &n->shown);
	return o;
}

static json_t *router_show(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	json_t *list = json_array();

	(void)args;
	(void)error;
	(void)code;
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (d->callers[i])
			json_array_append_new(list, router_json(d->callers[i]));
	return list;
}

static json_t *policy_show(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	json_t *list = json_array();

	(void)args;
	(void)error;
	(void)code;
	for (size_t i = 0; i < d->config->policies_count; i++)
		json_array_append_new(list, policy_json(d->config->policies[i]));
	return list;
}

static json_t *by_hand(struct daemon *d, enum peer_event_type type, json_t *args,
		       char error[WHY_MAX], int *code)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	struct node *n = name ? node_find(d, name) : NULL;

	if (!n) {
		snprintf(error, WHY_MAX, name ? "no backend \"%.60s\"" : "want the name of a backend%s",
			 name ? name : "");
		*code = name ? 1 : 2;
		return NULL;
	}
	node_simple_event(n, type, "by hand");
	return json_pack("{s:s, s:s, s:s}", "name", n->name, "state", peer_state_str(n->peer.state),
			 "hand", peer_hand_str(n->peer.hand));
}

static json_t *backend_drain(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	return by_hand(d, PEER_DRAIN, args, error, code);
}

static json_t *backend_evict(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	return by_hand(d, PEER_EVICT, args, error, code);
}

static json_t *backend_admit(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	return by_hand(d, PEER_ADMIT, args, error, code);
}

static json_t *reload(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	bool force = json_is_true(json_object_get(args, "force"));

	if (force ? daemon_reload_anyway(d, error) : daemon_reload(d, error)) {
		*code = 1;
		return NULL;
	}
	return json_pack("{s:I}", "reloads", (json_int_t)d->reloads);
}

static json_t *interfaces_json(const char (*names)[IF_NAMESIZE], size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	return list;
}

static json_t *status(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	json_t *o = json_object(), *children = json_object(), *verifiers = json_array();

	(void)args;
	(void)error;
	(void)code;
	json_object_set_new(o, "version", json_string(VERSION));
	json_object_set_new(o, "node", json_string(d->config->node));
	json_object_set_new(o, "pid", json_integer(getpid()));
	json_object_set_new(o, "uptime_s", json_integer((now_ms() - d->started_ms) / 1000));
	json_object_set_new(o, "config", json_string(d->path));
	json_object_set_new(o, "reloads", json_integer(d->reloads));
	json_object_set_new(o, "router", json_boolean(d->config->is_router));
	json_object_set_new(o, "agent", json_boolean(d->config->is_agent));
	json_object_set_new(o, "interfaces",
			    interfaces_json(d->config->router.interfaces,
					    d->config->router.interfaces_count));
	json_object_set_new(o, "guard_interfaces",
			    interfaces_json(d->config->agent.interfaces,
					    d->config->agent.interfaces_count));
	json_object_set_new(o, "pins", json_string(d->config->pins));
	json_object_set_new(o, "program_id", json_integer(d->routing ? d->dataplane.program_id : 0));
	json_object_set_new(children, "channel", json_integer(child_pid(d->channel)));
	json_object_set_new(
		children, "verifier",
		json_integer(d->verifiers_count ? child_pid(d->verifiers[0]->child) : 0));
	for (size_t i = 0; i < d->verifiers_count; i++)
		json_array_append_new(verifiers, json_integer(child_pid(d->verifiers[i]->child)));
	json_object_set_new(children, "verifiers", verifiers);
	json_object_set_new(children, "attester",
			    json_integer(d->attester ? child_pid(d->attester) : 0));
	json_object_set_new(children, "fetcher", json_integer(collateral_fetcher(d)));
	json_object_set_new(o, "children", children);
	return o;
}

static const struct {
	const char *cmd;
	bool router; /* only where there is a router */
	json_t *(*answer)(struct daemon *d, json_t *args, char error[WHY_MAX], int *code);
} commands[] = {
	{ "service show", true, service_show },	  { "backend show", true, backend_show },
	{ "lease show", true, lease_show },	  { "policy show", false, policy_show },
	{ "router show", false, router_show },
	{ "backend drain", true, backend_drain }, { "backend evict", true, backend_evict },
	{ "backend admit", true, backend_admit }, { "reload", false, reload },
	{ "status", false, status },		  { "policy simulate", true, rehearsal_simulate },
};

json_t *show_handler(void *arg, const char *cmd, json_t *args, char error[WHY_MAX], int *code)
{
	struct daemon *d = arg;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].cmd, cmd))
			continue;
		if (commands[i].router && !d->routing) {
			snprintf(error, WHY_MAX, "%s: this node is no router", cmd);
			*code = 2;
			return NULL;
		}
		return commands[i].answer(d, args, error, code);
	}
	snprintf(error, WHY_MAX, "unknown command \"%.60s\"", cmd);
	*code = 2;
	return NULL;
}
