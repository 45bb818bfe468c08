// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of `agent` and `identity`: how this node proves itself, and as whom.
 */
#include "daemon/config_draft.h"

#include <stdlib.h>
#include <string.h>

#include "channel/wire.h"

_Static_assert((int)CHANNEL_PATH_MAX == (int)CONFIG_PATH_MAX, "read_path() fills them");
_Static_assert((int)CHANNEL_SERVICE_KEYS_MAX == (int)WIRE_SERVICE_KEYS_MAX, "claims hold them");
_Static_assert((int)ATTESTER_PATH_MAX == (int)CONFIG_PATH_MAX, "read_path() fills them");

#define EVIDENCE(field) offsetof(struct draft, config.evidence.field)
#define CHANNEL(field)	offsetof(struct draft, config.channel.field)

static const struct conf_key identity_keys[] = {
	{ "certificate", true, read_path, CHANNEL(certificate) },
	{ "key", true, read_path, CHANNEL(key) },
	{ "ca", true, read_path, CHANNEL(ca) },
};

void identity_read(struct conf *y, const yaml_node_t *node, void *draft)
{
	struct draft *d = draft;

	d->identity = node;
	conf_mapping(y, node, identity_keys, CONFIG_COUNT(identity_keys), d);
}

static void read_listen(struct conf *y, const yaml_node_t *node, void *field)
{
	struct channel_config *c = field;

	conf_endpoint(y, node, &c->listen_addr, &c->listen_port);
}

static void read_directory(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->directory = node;
	read_path(y, node, d->config.evidence.directory);
}

static void read_guard_interfaces(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;
	struct agent_config *a = &d->config.agent;

	d->guard = node;
	a->interfaces_count = read_interfaces(y, node, a->interfaces);
}

static void read_routers(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;
	struct agent_config *a = &d->config.agent;

	a->routers = calloc(conf_length(node) + 1, sizeof(*a->routers));
	if (!a->routers)
		d->no_memory = true;
	else
		a->routers_count = conf_sequence(y, node, ROUTERS_MAX, read_unicast, a->routers,
						 sizeof(*a->routers));
}

static void read_attest_policy(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->attest_policy = node;
	read_name(y, node, d->config.agent.attest_routers.policy);
}

static void read_lease(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1000, LEASE_CONFIDENTIAL_MS, field);
}

#define ROUTERS(field) offsetof(struct draft, config.agent.attest_routers.field)

static const struct conf_key attest_keys[] = {
	{ "policy", true, read_attest_policy, 0 },
	{ "reappraise-ms", false, read_ms, ROUTERS(reappraise_ms) },
	{ "lease-ms", false, read_lease, ROUTERS(lease_ms) },
};

void read_attest_routers(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->config.agent.attest_routers.wanted = true;
	conf_mapping(y, node, attest_keys, CONFIG_COUNT(attest_keys), d);
}

static void read_service_keys(struct conf *y, const yaml_node_t *node, void *field)
{
	struct channel_config *c = field;

	c->service_keys_count = conf_sequence(y, node, CHANNEL_SERVICE_KEYS_MAX, read_path,
					      c->service_keys, sizeof(*c->service_keys));
}

static const struct conf_key service_keys[] = {
	{ "vip", true, read_unicast, offsetof(struct channel_endpoint, addr) },
	{ "port", true, read_port, offsetof(struct channel_endpoint, port) },
	{ "protocol", true, read_protocol, offsetof(struct channel_endpoint, proto) },
};

static bool endpoint_equal(const struct channel_endpoint *a, const struct channel_endpoint *b)
{
	return !memcmp(&a->addr, &b->addr, sizeof(a->addr)) && a->port == b->port &&
	       a->proto == b->proto;
}

static void read_service(struct conf *y, const yaml_node_t *node, void *item)
{
	conf_mapping(y, node, service_keys, CONFIG_COUNT(service_keys), item);
}

static void read_services(struct conf *y, const yaml_node_t *node, void *field)
{
	struct agent_config *a = field;

	a->services_count = conf_sequence(y, node, CHANNEL_ENDPOINTS_MAX, read_service, a->services,
					  sizeof(*a->services));
	for (size_t i = 1; i < a->services_count; i++)
		for (size_t j = 0; j < i; j++)
			if (a->services[i].port && endpoint_equal(&a->services[i], &a->services[j]))
				conf_complain(y, node, "items %zu and %zu are the same", j, i);
}

static void read_silence(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v = *(unsigned int *)field;

	read_ms(y, node, &v);
	*(unsigned int *)field = v;
}

static const struct conf_key agent_keys[] = {
	{ "listen", true, read_listen, offsetof(struct draft, config.channel) },
	{ "silence-ms", false, read_silence, CHANNEL(silence_ms) },
	{ "tee", false, read_tee, EVIDENCE(tee) },
	{ "source", false, read_attester_source, EVIDENCE(source) },
	{ "device", false, read_path, EVIDENCE(device) },
	{ "tsm", false, read_path, EVIDENCE(tsm) },
	{ "quote-port", false, read_port, EVIDENCE(quote_port) },
	{ "directory", false, read_directory, 0 },
	{ "vmpl", false, read_vmpl, EVIDENCE(vmpl) },
	{ "interfaces", false, read_guard_interfaces, 0 },
	{ "routers", false, read_routers, 0 },
	{ "attest-routers", false, read_attest_routers, 0 },
	{ "services", false, read_services, offsetof(struct draft, config.agent) },
	{ "service-keys", false, read_service_keys, offsetof(struct draft, config.channel) },
	{ "egress", false, read_egress, 0 },
};

void agent_read(struct conf *y, const yaml_node_t *node, void *draft)
{
	struct draft *d = draft;

	d->agent = node;
	d->config.is_agent = true;
	conf_mapping(y, node, agent_keys, CONFIG_COUNT(agent_keys), d);
}
