// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead.yaml: its outermost keys, and a configuration made of what they say.
 */
#include "daemon/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/addr.h"
#include "daemon/config_draft.h"
#include "daemon/control.h"
#include "daemon/egress_ways.h"
#include "steering/dataplane.h"

#define METRICS_ADDRESS "127.0.0.1"

enum {
	METRICS_PORT = 9477,
};

#define CONFIG(field) offsetof(struct draft, config.field)

static void read_socket(struct conf *y, const yaml_node_t *node, void *field)
{
	struct sockaddr_un un;
	char *path = field;

	read_path(y, node, path);
	if (strlen(path) >= sizeof(un.sun_path))
		conf_complain(y, node, "want a path of at most %zu characters, got %zu",
			      sizeof(un.sun_path) - 1, strlen(path));
}

static const struct conf_key control_keys[] = {
	{ "socket", false, read_socket, offsetof(struct config, control) },
	{ "group", false, read_user, offsetof(struct config, control_group) },
};

_Static_assert(sizeof(((struct config *)0)->user) == sizeof(((struct config *)0)->control_group),
	       "read_user() fills both");

static void read_control(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_mapping(y, node, control_keys, CONFIG_COUNT(control_keys), field);
}

/* Whom the children become; root would make it a show. */
static void read_unprivileged(struct conf *y, const yaml_node_t *node, void *field)
{
	read_user(y, node, field);
	if (!strcmp(field, "root"))
		conf_complain(y, node, "want a user without privileges, got \"root\"");
}

static void read_metrics(struct conf *y, const yaml_node_t *node, void *field)
{
	struct channel_config *c = field;

	if (node->type == YAML_SCALAR_NODE && !strcmp((char *)node->data.scalar.value, "off"))
		c->metrics = false;
	else
		conf_endpoint(y, node, &c->metrics_addr, &c->metrics_port);
}

static void read_policy(struct conf *y, const yaml_node_t *node, void *item)
{
	struct policy_draft *p = item;

	p->node = node;
	p->policy = policy_read(y, node);
}

static void read_policies(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->policies = calloc(POLICIES_MAX, sizeof(*d->policies));
	if (!d->policies) {
		d->no_memory = true;
		return;
	}
	d->policies_count = conf_sequence(y, node, POLICIES_MAX, read_policy, d->policies,
					  sizeof(*d->policies));
	for (size_t i = 0; i < d->policies_count; i++)
		if (!d->policies[i].policy)
			d->no_memory = true;
}

static const struct conf_key keys[] = {
	{ "node", true, read_name, CONFIG(node) },
	{ "pins", false, read_path, CONFIG(pins) },
	{ "control", false, read_control, offsetof(struct draft, config) },
	{ "user", false, read_unprivileged, CONFIG(user) },
	{ "metrics", false, read_metrics, CONFIG(channel) },
	{ "identity", false, identity_read, 0 },
	{ "router", false, router_read, 0 },
	{ "policies", false, read_policies, 0 },
	{ "collateral", false, collateral_read, 0 },
	{ "agent", false, agent_read, 0 },
};

static struct draft *draft_new(void)
{
	struct draft *d = calloc(1, sizeof(*d));
	struct config *c;

	if (!d)
		return NULL;
	c = &d->config;
	strcpy(c->pins, DATAPLANE_PINS);
	strcpy(c->control, CONTROL_SOCKET);
	strcpy(c->user, "nobody");
	c->channel.metrics = true;
	addr_parse(METRICS_ADDRESS, &c->channel.metrics_addr);
	c->channel.metrics_port = METRICS_PORT;
	c->channel.silence_ms = SILENCE_MS;
	c->channel.answer_ms = CHANNEL_ANSWER_MS;
	c->evidence.tee = TEE_SNP;
	c->agent.attest_routers.reappraise_ms = REAPPRAISE_MS;
	c->agent.attest_routers.lease_ms = LEASE_CONFIDENTIAL_MS;
	collateral_defaults(&c->collateral);
	c->router.heartbeat_ms = HEARTBEAT_MS;
	c->router.heartbeats_missed = HEARTBEATS_MISSED;
	c->router.reappraise_ms = REAPPRAISE_MS;
	c->router.lease_ms[CLASS_CONFIDENTIAL] = LEASE_CONFIDENTIAL_MS;
	c->router.lease_ms[CLASS_CLASSIFIED] = LEASE_CLASSIFIED_MS;
	c->router.rebuild_ms = REBUILD_MS;
	c->router.settle_ms = ROUTER_SETTLE_MS;
	c->router.moved_permille = MOVED_PERMILLE;
	c->router.hysteresis_permille = HYSTERESIS_PERMILLE;
	return d;
}

static void draft_free(struct draft *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->policies_count; i++)
		policy_free(d->policies[i].policy);
	for (size_t i = 0; i < d->services_count; i++) {
		free(d->services[i].refs);
		free(d->services[i].config.backends);
		free(d->services[i].config.marks.sources);
	}
	free(d->config.router.services);
	free(d->config.router.backends);
	free(d->config.agent.routers);
	free(d->config.agent.egress.items);
	free(d->policies);
	free(d->services);
	free(d->backends);
	free(d);
}

/* What the channel process needs of the other sections; false without memory. */
static bool fill_channel(struct config *c)
{
	struct channel_config *ch = &c->channel;

	strcpy(ch->node, c->node); /* of the same size */
	strcpy(ch->user, c->user); /* likewise */
	strcpy(c->collateral.user, c->user);
	ch->agent = c->is_agent;
	ch->tee = c->is_agent ? c->evidence.tee : TEE_NONE;
	ch->router_tee = c->router_gives_evidence ? c->evidence.tee : TEE_NONE;
	ch->attests_routers = c->agent.attest_routers.wanted;
	memcpy(ch->endpoints, c->agent.services, sizeof(ch->endpoints));
	ch->endpoints_count = c->agent.services_count;
	ch->confined = c->agent.egress.wanted;
	return !ch->confined || egress_digest(c, ch->egress);
}

/* Moves what the draft owns into a configuration; NULL without memory. */
static struct config *draft_finish(struct draft *d)
{
	struct router_config *r = &d->config.router;
	struct config *c = malloc(sizeof(*c));

	r->services = calloc(d->services_count + 1, sizeof(*r->services));
	r->backends = calloc(d->backends_count + 1, sizeof(*r->backends));
	if (!c || !r->services || !r->backends || !fill_channel(&d->config)) {
		free(c);
		return NULL;
	}
	for (size_t i = 0; i < d->services_count; i++) {
		r->services[i] = d->services[i].config;
		d->services[i].config.backends = NULL;
		d->services[i].config.marks.sources = NULL;
	}
	for (size_t i = 0; i < d->backends_count; i++)
		r->backends[i] = d->backends[i].config;
	for (size_t i = 0; i < d->policies_count; i++) {
		d->config.policies[i] = d->policies[i].policy;
		d->policies[i].policy = NULL;
	}
	r->services_count = d->services_count;
	r->backends_count = d->backends_count;
	d->config.policies_count = d->policies_count;
	*c = d->config;
	r->services = NULL;
	r->backends = NULL;
	d->config.agent.routers = NULL;
	d->config.agent.egress.items = NULL;
	return c;
}

static struct config *read_conf(struct conf *y, const char *name, FILE *errors)
{
	struct draft *d = y ? draft_new() : NULL;
	struct config *c = NULL;
	bool no_memory = !d;

	if (d) {
		d->root = conf_root(y);
		if (d->root) {
			conf_mapping(y, d->root, keys, CONFIG_COUNT(keys), d);
			if (!d->no_memory)
				draft_check(y, d);
		}
		if (conf_error_count(y))
			conf_print_errors(y, errors);
		else if (!d->no_memory)
			c = draft_finish(d);
		no_memory = !c && !conf_error_count(y);
	}
	if (no_memory)
		fprintf(errors, "%s: not read: out of memory\n", name);
	draft_free(d);
	conf_free(y);
	return c;
}

struct config *config_read(const char *path, FILE *errors)
{
	return read_conf(conf_open(path), path, errors);
}

struct config *config_parse(const char *name, const char *text, size_t n, FILE *errors)
{
	return read_conf(conf_parse(name, text, n), name, errors);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->router.services_count; i++) {
		free(c->router.services[i].backends);
		free(c->router.services[i].marks.sources);
	}
	for (size_t i = 0; i < c->policies_count; i++)
		policy_free(c->policies[i]);
	free(c->router.services);
	free(c->router.backends);
	free(c->agent.routers);
	free(c->agent.egress.items);
	free(c);
}

const struct policy *config_policy(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->policies_count; i++)
		if (!strcmp(policy_name(c->policies[i]), name))
			return c->policies[i];
	return NULL;
}

bool service_settles(const struct service_config *s)
{
	return s->track == TRACK_MOVED;
}

const char *select_str(enum select s)
{
	return s == SELECT_WEIGHTED ? "weighted" : s == SELECT_CHEAPEST ? "cheapest" : "unknown";
}
