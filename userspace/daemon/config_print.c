// SPDX-License-Identifier: BSD-2-Clause
/*
 * A configuration as YAML again: first as the JSON object that has its keys, then that
 * object in YAML's block form.  What is printed reads back as the same configuration.
 */
#include "daemon/config.h"
#include "daemon/config_draft.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/outcome.h"

static void put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void put_text(json_t *o, const char *key, const char *text)
{
	if (text[0])
		put(o, key, json_string(text));
}

static void put_number(json_t *o, const char *key, uint64_t v)
{
	put(o, key, json_integer(v));
}

static json_t *addr_json(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return json_string(addr_text(a, text));
}

static void put_addr(json_t *o, const char *key, const struct addr *a)
{
	static const struct addr none;

	if (!addr_equal(a, &none))
		put(o, key, addr_json(a));
}

static void put_endpoint(json_t *o, const char *key, const struct addr *a, uint16_t port)
{
	char text[ENDPOINT_TEXT_MAX];

	put(o, key, json_string(endpoint_text(a, port, text)));
}

static json_t *protocol_json(uint8_t proto)
{
	return json_string(proto == IPPROTO_TCP ? "tcp" : "udp");
}

static json_t *interfaces_json(const char (*names)[IF_NAMESIZE], size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	return list;
}

const char *server_id_text(const struct backend_config *b, char out[SERVER_ID_TEXT_MAX])
{
	out[0] = 0;
	if (b->server_bytes)
		snprintf(out, SERVER_ID_TEXT_MAX, "%0*x", 2 * b->server_bytes, b->server_id);
	return out;
}

static json_t *backend_json(const struct backend_config *b)
{
	char server_id[SERVER_ID_TEXT_MAX];
	json_t *o = json_object();

	put_text(o, "name", b->name);
	put_addr(o, "address", &b->addr);
	if (b->agent_port) {
		put_number(o, "agent", b->agent_port);
		put_text(o, "node", b->node);
		put_text(o, "policy", b->policy);
		put_text(o, "egress-digest", b->egress);
	} else {
		put(o, "check", b->check_port ? json_integer(b->check_port) : json_string("none"));
	}
	put_text(o, "server-id", server_id_text(b, server_id));
	return o;
}

json_t *marks_json(const struct service_marks *m)
{
	json_t *o = json_object(), *dscp = json_array(), *sources = json_array();
	char text[ADDR_TEXT_MAX], prefix[ADDR_TEXT_MAX + 4];

	for (int i = 0; i < DSCPS; i++)
		if (m->dscp[i])
			json_array_append_new(dscp, json_pack("{si ss}", "value", i, "class",
							      class_str(m->dscp[i] - 1)));
	for (size_t i = 0; i < m->sources_count; i++) {
		const struct source_mark *s = &m->sources[i];

		snprintf(prefix, sizeof(prefix), "%s/%d", addr_text(&s->prefix, text),
			 s->bits - (addr_is_ipv4(&s->prefix) && s->bits >= 96 ? 96 : 0));
		json_array_append_new(sources, json_pack("{ss ss}", "prefix", prefix, "class",
							 class_str(s->class)));
	}
	put(o, "strict", json_boolean(m->strict));
	put(o, "dscp", dscp);
	put(o, "sources", sources);
	return o;
}

static json_t *service_json(const struct config *c, const struct service_config *s)
{
	json_t *o = json_object(), *names = json_array(), *limit = json_object();

	put_text(o, "name", s->name);
	put_addr(o, "vip", &s->vip);
	put_number(o, "port", s->port);
	put(o, "protocol", protocol_json(s->proto));
	put(o, "class", json_string(class_str(s->class)));
	put(o, "refusal", json_string(s->refusal == REFUSE_ANSWER ? "answer" : "drop"));
	put(o, "forward", json_string(forward_str(s->forward)));
	if (s->mss)
		put_number(o, "mss", s->mss);
	if (s->new_rate) {
		put_number(limit, "rate", s->new_rate);
		put_number(limit, "burst", s->new_burst);
		put(o, "new-flows", limit);
	} else {
		json_decref(limit);
	}
	if (s->quic_length)
		put(o, "quic", json_pack("{si si}", "offset", s->quic_offset, "length",
					   s->quic_length));
	if (s->marks.wanted)
		put(o, "marks", marks_json(&s->marks));
	put(o, "on-lapse", json_string(lapse_str(s->on_lapse)));
	put(o, "select", json_string(select_str(s->select)));
	put_number(o, "ring", s->ring_slots);
	put(o, "track", json_string(service_settles(s) ? "moved" : "always"));
	for (size_t i = 0; i < s->backends_count; i++)
		json_array_append_new(names, json_string(c->router.backends[s->backends[i]].name));
	put(o, "backends", names);
	return o;
}

static void put_sizes(json_t *o, const struct router_config *r)
{
	json_t *sizes = json_object();

	if (r->services_max)
		put_number(sizes, "services", r->services_max);
	if (r->backends_max)
		put_number(sizes, "backends", r->backends_max);
	if (r->flows_max)
		put_number(sizes, "flows", r->flows_max);
	put(o, "sizes", sizes);
}

static json_t *router_json(const struct config *c)
{
	const struct router_config *r = &c->router;
	json_t *o = json_object(), *services = json_array(), *backends = json_array();
	json_t *source = json_object(), *leases = json_object(), *tc = json_object();

	put(o, "interfaces", interfaces_json(r->interfaces, r->interfaces_count));
	for (int way = 0; way < TC_WAYS; way++)
		if (r->tc_count[way])
			put(tc, tc_way_str(way), interfaces_json(r->tc[way], r->tc_count[way]));
	put(o, "tc", tc);
	put_addr(source, "ipv4", &r->source4);
	put_addr(source, "ipv6", &r->source6);
	put(o, "source", source);
	put_number(o, "heartbeat-ms", r->heartbeat_ms);
	put_number(o, "heartbeats-missed", r->heartbeats_missed);
	put_number(o, "reappraise-ms", r->reappraise_ms);
	put_number(leases, "confidential-ms", r->lease_ms[CLASS_CONFIDENTIAL]);
	put_number(leases, "classified-ms", r->lease_ms[CLASS_CLASSIFIED]);
	put(o, "leases", leases);
	put_number(o, "rebuild-ms", r->rebuild_ms);
	put_number(o, "settle-ms", r->settle_ms);
	put_number(o, "moved-permille", r->moved_permille);
	put_number(o, "hysteresis-permille", r->hysteresis_permille);
	put_number(o, "verifiers", r->verifiers);
	put_sizes(o, r);
	put_text(o, "crl", r->crl);
	if (c->router_gives_evidence)
		put(o, "evidence",
		    c->is_agent ? json_string("agent") : evidence_json(&c->evidence));
	for (size_t i = 0; i < r->services_count; i++)
		json_array_append_new(services, service_json(c, &r->services[i]));
	put(o, "services", services);
	for (size_t i = 0; i < r->backends_count; i++)
		json_array_append_new(backends, backend_json(&r->backends[i]));
	put(o, "backends", backends);
	return o;
}

static json_t *collateral_json(const struct collateral_config *c)
{
	json_t *o = json_object();

	put_text(o, "directory", c->directory);
	put(o, "offline", json_boolean(c->offline));
	put_text(o, "kds", c->kds);
	put_text(o, "pcs", c->pcs);
	put_text(o, "ca", c->ca);
	put_text(o, "update", c->early ? "early" : "standard");
	put_number(o, "timeout-ms", c->timeout_ms);
	put_number(o, "refresh-ms", c->refresh_ms);
	return o;
}

static json_t *egress_item_json(const struct egress_item *item)
{
	unsigned int bits = item->bits - (addr_is_ipv4(&item->addr) ? 96u : 0u);
	char addr[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 4];
	json_t *o = json_object(), *prefix;

	snprintf(text, sizeof(text), "%s/%u", addr_text(&item->addr, addr), bits);
	prefix = json_string(item->list == EGRESS_RESOLVERS ? addr : text);
	if (!item->proto) {
		json_decref(o);
		return prefix;
	}
	put(o, item->list == EGRESS_ANSWERS ? "to" : "address", prefix);
	put_number(o, "port", item->port);
	put(o, "protocol", protocol_json(item->proto));
	return o;
}

static json_t *egress_json(const struct egress_config *e)
{
	static const char *const names[] = { [EGRESS_DESTINATIONS] = "destinations",
					     [EGRESS_RESOLVERS] = "resolvers",
					     [EGRESS_ANSWERS] = "answers",
					     [EGRESS_NEIGHBOURS] = "neighbours" };
	json_t *o = json_object();

	put(o, "interfaces", interfaces_json(e->interfaces, e->interfaces_count));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		put(o, names[i], json_array());
	for (size_t i = 0; i < e->count; i++)
		json_array_append_new(json_object_get(o, names[e->items[i].list]),
				      egress_item_json(&e->items[i]));
	if (e->mss)
		put_number(o, "mss", e->mss);
	put(o, "dhcp", json_boolean(e->dhcp));
	return o;
}

static void put_service_keys(json_t *o, const struct channel_config *c)
{
	json_t *keys = c->service_keys_count ? json_array() : NULL;

	for (size_t i = 0; i < c->service_keys_count; i++)
		json_array_append_new(keys, json_string(c->service_keys[i]));
	if (keys)
		put(o, "service-keys", keys);
}

static json_t *attest_routers_json(const struct attest_routers_config *c)
{
	json_t *o = json_object();

	put_text(o, "policy", c->policy);
	put_number(o, "reappraise-ms", c->reappraise_ms);
	put_number(o, "lease-ms", c->lease_ms);
	return o;
}

static json_t *agent_json(const struct config *c)
{
	const struct agent_config *a = &c->agent;
	json_t *o = json_object(), *routers = json_array(), *services = json_array();

	put_endpoint(o, "listen", &c->channel.listen_addr, c->channel.listen_port);
	put_number(o, "silence-ms", c->channel.silence_ms);
	json_object_update_new(o, evidence_json(&c->evidence));
	put(o, "interfaces", interfaces_json(a->interfaces, a->interfaces_count));
	for (size_t i = 0; i < a->routers_count; i++)
		json_array_append_new(routers, addr_json(&a->routers[i]));
	put(o, "routers", routers);
	if (a->attest_routers.wanted)
		put(o, "attest-routers", attest_routers_json(&a->attest_routers));
	for (size_t i = 0; i < a->services_count; i++) {
		json_t *s = json_object();

		put_addr(s, "vip", &a->services[i].addr);
		put_number(s, "port", a->services[i].port);
		put(s, "protocol", protocol_json(a->services[i].proto));
		json_array_append_new(services, s);
	}
	put(o, "services", services);
	put_service_keys(o, &c->channel);
	if (a->egress.wanted)
		put(o, "egress", egress_json(&a->egress));
	return o;
}

static bool is_any(const json_t *value)
{
	return json_is_string(value) && !strcmp(json_string_value(value), "any");
}

/* policy_json() speaks to people: "any" is a key left out, and the roots have a longer name. */
static void section_keys(json_t *section)
{
	static const char roots[] = "roots-besides-";
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(section, next, key, value)
	{
		bool are_roots = !strncmp(key, roots, strlen(roots));

		if (are_roots)
			json_object_set(section, "roots", value);
		if (are_roots || is_any(value))
			json_object_del(section, key);
	}
}

static json_t *policy_keys(json_t *policy)
{
	for (enum tee i = 0; i < TEE_COUNT; i++)
		section_keys(json_object_get(policy, tee_str(i)));
	return policy;
}

static json_t *config_json(const struct config *c)
{
	json_t *o = json_object(), *control = json_object(), *identity = json_object();
	json_t *policies = json_array();
	const struct channel_config *ch = &c->channel;

	put_text(o, "node", c->node);
	put_text(o, "pins", c->pins);
	put_text(control, "socket", c->control);
	put_text(control, "group", c->control_group);
	put(o, "control", control);
	put_text(o, "user", c->user);
	if (ch->metrics)
		put_endpoint(o, "metrics", &ch->metrics_addr, ch->metrics_port);
	else
		put_text(o, "metrics", "off");
	put_text(identity, "certificate", ch->certificate);
	put_text(identity, "key", ch->key);
	put_text(identity, "ca", ch->ca);
	if (json_object_size(identity))
		json_object_set(o, "identity", identity);
	json_decref(identity);
	if (c->is_router)
		put(o, "router", router_json(c));
	if (c->is_agent)
		put(o, "agent", agent_json(c));
	if (c->collateral.enabled)
		put(o, "collateral", collateral_json(&c->collateral));
	for (size_t i = 0; i < c->policies_count; i++)
		json_array_append_new(policies, policy_keys(policy_json(c->policies[i])));
	put(o, "policies", policies);
	return o;
}

/* Text that YAML takes for itself needs no quotes; JSON's are YAML's, too. */
static bool is_plain(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-/:";
	size_t n = strlen(s);

	return n && strspn(s, letters) == n && !strchr("-:", s[0]) && s[n - 1] != ':';
}

static int print_scalar(const json_t *v, FILE *to)
{
	char *text;

	if (json_is_string(v) && is_plain(json_string_value(v))) {
		fputs(json_string_value(v), to);
		return 0;
	}
	text = json_dumps(v, JSON_ENCODE_ANY);
	if (!text)
		return -ENOMEM;
	fputs(text, to);
	free(text);
	return 0;
}

static int print_value(json_t *v, int depth, FILE *to);

static void print_indent(int depth, FILE *to)
{
	fprintf(to, "%*s", 2 * depth, "");
}

/* The first key of an item of a list stands behind its dash. */
static int print_mapping(json_t *o, int depth, bool in_list, FILE *to)
{
	json_t *value;
	const char *key;
	int err = 0;

	json_object_foreach(o, key, value)
	{
		if (!in_list)
			print_indent(depth, to);
		in_list = false;
		fprintf(to, "%s:", key);
		err = print_value(value, depth + 1, to);
		if (err)
			break;
	}
	return err;
}

static int print_list(json_t *list, int depth, FILE *to)
{
	json_t *item;
	size_t i;
	int err = 0;

	json_array_foreach(list, i, item)
	{
		print_indent(depth, to);
		fputc('-', to);
		if (json_object_size(item)) {
			fputc(' ', to);
			err = print_mapping(item, depth + 1, true, to);
		} else {
			err = print_value(item, depth + 1, to);
		}
		if (err)
			break;
	}
	return err;
}

/* What follows "key:" or "-", to the end of the line or below. */
static int print_value(json_t *v, int depth, FILE *to)
{
	int err;

	if (json_object_size(v)) {
		fputc('\n', to);
		return print_mapping(v, depth, false, to);
	}
	if (json_array_size(v)) {
		fputc('\n', to);
		return print_list(v, depth, to);
	}
	fputc(' ', to);
	err = print_scalar(v, to); /* an empty mapping or list, too */
	fputc('\n', to);
	return err;
}

int config_print(const struct config *c, FILE *to)
{
	json_t *o = config_json(c);
	int err;

	if (!o)
		return -ENOMEM;
	err = print_mapping(o, 0, false, to);
	json_decref(o);
	if (!err && fflush(to))
		err = -errno;
	return err;
}
