// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of `router`: whom it steers to, for whom, and how often it looks again.
 */
#include "daemon/config_draft.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/outcome.h"
#include "steering/ring.h"

enum {
	SIZE_MAX_OF_MAP = 1 << 26, /* entries; 64 Mi flows are 512 MiB */
	MISSED_MAX = 100,
};

#define ROUTER(field)  offsetof(struct draft, config.router.field)
#define BACKEND(field) offsetof(struct backend_draft, config.field)
#define SERVICE(field) offsetof(struct service_draft, config.field)

static void read_backend_name(struct conf *y, const yaml_node_t *node, void *field)
{
	struct backend_draft *b = field;

	b->name = node;
	read_name(y, node, b->config.name);
}

static void read_agent_port(struct conf *y, const yaml_node_t *node, void *field)
{
	struct backend_draft *b = field;

	b->agent = node;
	read_port(y, node, &b->config.agent_port);
}

static void read_backend_node(struct conf *y, const yaml_node_t *node, void *field)
{
	struct backend_draft *b = field;

	b->node_name = node;
	read_name(y, node, b->config.node);
}

static void read_backend_policy(struct conf *y, const yaml_node_t *node, void *field)
{
	struct backend_draft *b = field;

	b->policy = node;
	read_name(y, node, b->config.policy);
}

static bool is_word(const yaml_node_t *node, const char *word)
{
	return node->type == YAML_SCALAR_NODE && !strcmp((char *)node->data.scalar.value, word);
}

static void read_check(struct conf *y, const yaml_node_t *node, void *field)
{
	struct backend_draft *b = field;

	if (is_word(node, "none"))
		return;
	b->check = node;
	read_port(y, node, &b->config.check_port);
}

static void read_egress_digest(struct conf *y, const yaml_node_t *node, void *field)
{
	struct backend_draft *b = field;
	uint8_t digest[32];

	b->egress = node;
	if (!conf_hex(y, node, digest, sizeof(digest)))
		return;
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(b->config.egress + 2 * i, 3, "%02x", digest[i]);
}

static const struct conf_key backend_keys[] = {
	{ "name", true, read_backend_name, 0 },
	{ "address", true, read_unicast, BACKEND(addr) },
	{ "agent", false, read_agent_port, 0 },
	{ "node", false, read_backend_node, 0 },
	{ "policy", false, read_backend_policy, 0 },
	{ "check", false, read_check, 0 },
	{ "server-id", false, read_server_id, 0 },
	{ "egress-digest", false, read_egress_digest, 0 },
};

static void read_backend(struct conf *y, const yaml_node_t *node, void *item)
{
	struct backend_draft *b = item;

	b->node = node;
	conf_mapping(y, node, backend_keys, CONFIG_COUNT(backend_keys), b);
	if (!b->config.node[0])
		strcpy(b->config.node, b->config.name);
}

static void read_backends(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->backends = calloc(conf_length(node) + 1, sizeof(*d->backends));
	if (!d->backends)
		d->no_memory = true;
	else
		d->backends_count = conf_sequence(y, node, BACKENDS_CONFIG_MAX, read_backend,
						  d->backends, sizeof(*d->backends));
}

static void read_service_name(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;

	s->name = node;
	read_name(y, node, s->config.name);
}

static void read_vip(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;

	s->vip = node;
	read_unicast(y, node, &s->config.vip);
}

static void read_class(struct conf *y, const yaml_node_t *node, void *field)
{
	const char *names[CLASS_COUNT];
	unsigned int v;

	for (int i = 0; i < CLASS_COUNT; i++)
		names[i] = class_str(i);
	if (conf_choice(y, node, names, CLASS_COUNT, &v))
		*(enum class *)field = v;
}

static void read_refusal(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { [REFUSE_ANSWER] = "answer", [REFUSE_DROP] = "drop" };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(enum refusal *)field = v;
}

static void read_select(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = {
		[SELECT_WEIGHTED] = "weighted", [SELECT_CHEAPEST] = "cheapest"
	};
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(enum select *)field = v;
}

static void read_track(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "moved", "always" };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(enum track *)field = v ? TRACK_ALWAYS : TRACK_MOVED;
}

static void read_ring(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;
	uint64_t v;

	s->ring = node;
	if (!conf_number(y, node, 2, RING_SLOTS_MAX, &v))
		return;
	if (!ring_is_prime(v))
		conf_complain(y, node, "want a prime such as %u, got %u", ring_next_prime(v),
			      (unsigned int)v);
	else
		s->config.ring_slots = v;
}

static void read_ref(struct conf *y, const yaml_node_t *node, void *item)
{
	struct ref *r = item;

	r->node = node;
	read_name(y, node, r->name);
}

static void read_refs(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;

	s->backends = node;
	s->refs = calloc(conf_length(node) + 1, sizeof(*s->refs));
	if (!s->refs)
		conf_complain(y, node, "out of memory");
	else
		s->refs_count = conf_sequence(y, node, BACKENDS_CONFIG_MAX, read_ref, s->refs,
					      sizeof(*s->refs));
}

static const struct conf_key service_keys[] = {
	{ "name", true, read_service_name, 0 },
	{ "vip", true, read_vip, 0 },
	{ "port", true, read_port, SERVICE(port) },
	{ "protocol", true, read_protocol, SERVICE(proto) },
	{ "class", true, read_class, SERVICE(class) },
	{ "refusal", false, read_refusal, SERVICE(refusal) },
	{ "on-lapse", false, read_on_lapse, 0 },
	{ "forward", false, read_forward, SERVICE(forward) },
	{ "new-flows", false, read_new_flows, 0 },
	{ "marks", false, read_marks, 0 },
	{ "quic", false, read_quic, 0 },
	{ "mss", false, read_mss, 0 },
	{ "select", false, read_select, SERVICE(select) },
	{ "ring", false, read_ring, 0 },
	{ "track", false, read_track, SERVICE(track) },
	{ "backends", true, read_refs, 0 },
};

static void read_service(struct conf *y, const yaml_node_t *node, void *item)
{
	struct service_draft *s = item;

	s->node = node;
	s->config.ring_slots = RING_SLOTS;
	conf_mapping(y, node, service_keys, CONFIG_COUNT(service_keys), s);
	if (s->config.track == TRACK_DEFAULT)
		s->config.track = s->config.proto == IPPROTO_UDP || s->new_flows || s->marks
					  ? TRACK_ALWAYS
										 : TRACK_MOVED;
}

static void read_services(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->services = calloc(conf_length(node) + 1, sizeof(*d->services));
	if (!d->services)
		d->no_memory = true;
	else
		d->services_count = conf_sequence(y, node, SERVICES_CONFIG_MAX, read_service,
						  d->services, sizeof(*d->services));
}

static void read_router_interfaces(struct conf *y, const yaml_node_t *node, void *field)
{
	struct router_config *r = field;

	r->interfaces_count = read_interfaces(y, node, r->interfaces);
}

static void read_tc_ingress(struct conf *y, const yaml_node_t *node, void *field)
{
	struct router_config *r = field;

	r->tc_count[TC_IN] = read_interfaces(y, node, r->tc[TC_IN]);
}

static void read_tc_egress(struct conf *y, const yaml_node_t *node, void *field)
{
	struct router_config *r = field;

	r->tc_count[TC_OUT] = read_interfaces(y, node, r->tc[TC_OUT]);
}

static const struct conf_key tc_keys[] = {
	{ "ingress", false, read_tc_ingress, 0 },
	{ "egress", false, read_tc_egress, 0 },
};

static void read_tc(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->tc = node;
	conf_mapping(y, node, tc_keys, CONFIG_COUNT(tc_keys), &d->config.router);
}

static void read_source_of(struct conf *y, const yaml_node_t *node, struct addr *out, bool ipv4)
{
	struct addr a = { 0 };

	read_unicast(y, node, &a);
	if (bytes_are_zero(bytes_of(&a, sizeof(a))))
		return;
	if (addr_is_ipv4(&a) != ipv4)
		conf_complain(y, node, "want an %s address", ipv4 ? "IPv4" : "IPv6");
	else
		*out = a;
}

static void read_source4(struct conf *y, const yaml_node_t *node, void *field)
{
	read_source_of(y, node, field, true);
}

static void read_source6(struct conf *y, const yaml_node_t *node, void *field)
{
	read_source_of(y, node, field, false);
}

static const struct conf_key source_keys[] = {
	{ "ipv4", false, read_source4, offsetof(struct router_config, source4) },
	{ "ipv6", false, read_source6, offsetof(struct router_config, source6) },
};

static void read_source(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_mapping(y, node, source_keys, CONFIG_COUNT(source_keys), field);
}

static void read_confidential(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, LEASE_CONFIDENTIAL_MS, field);
}

static void read_classified(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, LEASE_CLASSIFIED_MS, field);
}

static const struct conf_key lease_keys[] = {
	{ "confidential-ms", false, read_confidential,
	  offsetof(struct router_config, lease_ms[CLASS_CONFIDENTIAL]) },
	{ "classified-ms", false, read_classified,
	  offsetof(struct router_config, lease_ms[CLASS_CLASSIFIED]) },
};

static void read_leases(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_mapping(y, node, lease_keys, CONFIG_COUNT(lease_keys), field);
}

static void read_services_max(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->services_max = node;
	conf_number(y, node, 1, SERVICES_CONFIG_MAX, &d->config.router.services_max);
}

static void read_backends_max(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->backends_max = node;
	conf_number(y, node, 2, BACKENDS_CONFIG_MAX + 1, &d->config.router.backends_max);
}

static void read_flows_max(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, FLOW_WAYS, SIZE_MAX_OF_MAP, field);
}

static const struct conf_key size_keys[] = {
	{ "services", false, read_services_max, 0 },
	{ "backends", false, read_backends_max, 0 },
	{ "flows", false, read_flows_max, ROUTER(flows_max) },
};

static void read_sizes(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_mapping(y, node, size_keys, CONFIG_COUNT(size_keys), field);
}

static void read_missed(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, MISSED_MAX, field);
}

static void read_moved(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, 1000, field);
}

static void read_hysteresis(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, 1000, field);
}

static void read_verifiers(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, VERIFIERS_MAX, field);
}

static void read_router_evidence(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->evidence = node;
	d->config.router_gives_evidence = true;
	d->evidence_of_agent = node->type == YAML_SCALAR_NODE &&
			       !strcmp((const char *)node->data.scalar.value, "agent");
	if (!d->evidence_of_agent)
		read_evidence(y, node, &d->config.evidence);
}

static const struct conf_key router_keys[] = {
	{ "interfaces", false, read_router_interfaces, offsetof(struct draft, config.router) },
	{ "tc", false, read_tc, 0 },
	{ "source", false, read_source, offsetof(struct draft, config.router) },
	{ "heartbeat-ms", false, read_ms, ROUTER(heartbeat_ms) },
	{ "heartbeats-missed", false, read_missed, ROUTER(heartbeats_missed) },
	{ "reappraise-ms", false, read_ms, ROUTER(reappraise_ms) },
	{ "leases", false, read_leases, offsetof(struct draft, config.router) },
	{ "rebuild-ms", false, read_ms, ROUTER(rebuild_ms) },
	{ "settle-ms", false, read_ms, ROUTER(settle_ms) },
	{ "moved-permille", false, read_moved, ROUTER(moved_permille) },
	{ "hysteresis-permille", false, read_hysteresis, ROUTER(hysteresis_permille) },
	{ "verifiers", false, read_verifiers, ROUTER(verifiers) },
	{ "sizes", false, read_sizes, 0 },
	{ "crl", false, read_path, ROUTER(crl) },
	{ "evidence", false, read_router_evidence, 0 },
	{ "services", true, read_services, 0 },
	{ "backends", true, read_backends, 0 },
};

void router_read(struct conf *y, const yaml_node_t *node, void *draft)
{
	struct draft *d = draft;

	d->router = node;
	d->config.is_router = true;
	conf_mapping(y, node, router_keys, CONFIG_COUNT(router_keys), d);
}
