// SPDX-License-Identifier: BSD-2-Clause
/* The keys of agent.egress: what may leave this guest, whoever in it sends it. */
#include "daemon/config_draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "daemon/egress_ways.h"

enum {
	MAPPED_BITS = 96,
};

/* All of IPv4, which is kept as ::ffff:0:0/96, or an IPv6 prefix that may hold that. */
static bool holds_ipv4(const struct prefix *p)
{
	static const struct addr zero;

	if (p->bits > MAPPED_BITS)
		return false;
	return addr_is_ipv4(&p->addr) || !memcmp(&p->addr, &zero, 10);
}

static void read_address(struct conf *y, const yaml_node_t *node, void *field)
{
	struct egress_item *item = field;
	struct prefix p;

	if (!config_prefix(y, node, true, &p))
		return;
	if (holds_ipv4(&p))
		conf_complain(y, node, "want fewer addresses than all of IPv4");
	else
		memcpy(item, &p, offsetof(struct egress_item, list));
}

_Static_assert(offsetof(struct prefix, bits) == offsetof(struct egress_item, bits),
	       "an item begins as a prefix");

static const struct conf_key destination_keys[] = {
	{ "address", true, read_address, 0 },
	{ "port", true, read_port, offsetof(struct egress_item, port) },
	{ "protocol", true, read_protocol, offsetof(struct egress_item, proto) },
};

static void read_destination(struct conf *y, const yaml_node_t *node, void *item)
{
	conf_mapping(y, node, destination_keys, CONFIG_COUNT(destination_keys), item);
}

static const struct conf_key answer_keys[] = {
	{ "to", true, read_address, 0 },
	{ "port", true, read_port, offsetof(struct egress_item, port) },
	{ "protocol", true, read_protocol, offsetof(struct egress_item, proto) },
};

static void read_answer(struct conf *y, const yaml_node_t *node, void *item)
{
	conf_mapping(y, node, answer_keys, CONFIG_COUNT(answer_keys), item);
}

static void read_resolver(struct conf *y, const yaml_node_t *node, void *item)
{
	struct egress_item *i = item;

	read_unicast(y, node, &i->addr);
	i->bits = 128;
}

/* Puts a list of the file among the items, which are in the order of enum egress_list. */
static void insert(struct conf *y, const yaml_node_t *node, struct draft *d, enum egress_list list,
		   void (*read)(struct conf *y, const yaml_node_t *node, void *item))
{
	struct egress_config *e = &d->config.agent.egress;
	size_t length = conf_length(node), at = 0, n;
	struct egress_item *items = calloc(e->count + length + 1, sizeof(*items));

	if (!items) {
		d->no_memory = true;
		return;
	}
	n = conf_sequence(y, node, EGRESS_ITEMS_MAX, read, items + e->count, sizeof(*items));
	for (size_t i = 0; i < n; i++)
		items[e->count + i].list = (uint8_t)list;
	while (at < e->count && e->items[at].list <= list)
		at++;
	memmove(items + at, items + e->count, n * sizeof(*items));
	if (at)
		memcpy(items, e->items, at * sizeof(*items));
	if (at < e->count)
		memcpy(items + at + n, e->items + at, (e->count - at) * sizeof(*items));
	free(e->items);
	e->items = items;
	e->count += n;
}

static void read_destinations(struct conf *y, const yaml_node_t *node, void *draft)
{
	insert(y, node, draft, EGRESS_DESTINATIONS, read_destination);
}

static void read_resolvers(struct conf *y, const yaml_node_t *node, void *draft)
{
	insert(y, node, draft, EGRESS_RESOLVERS, read_resolver);
}

static void read_answers(struct conf *y, const yaml_node_t *node, void *draft)
{
	insert(y, node, draft, EGRESS_ANSWERS, read_answer);
}

static void read_neighbours(struct conf *y, const yaml_node_t *node, void *draft)
{
	insert(y, node, draft, EGRESS_NEIGHBOURS, read_address);
}

static void read_egress_interfaces(struct conf *y, const yaml_node_t *node, void *draft)
{
	struct egress_config *e = &((struct draft *)draft)->config.agent.egress;

	e->interfaces_count = read_interfaces(y, node, e->interfaces);
	if (!e->interfaces_count)
		conf_complain(y, node, "want one, or nothing is confined");
}

static void read_dhcp(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_bool(y, node, field);
}

static const struct conf_key egress_keys[] = {
	{ "interfaces", true, read_egress_interfaces, 0 },
	{ "destinations", false, read_destinations, 0 },
	{ "resolvers", false, read_resolvers, 0 },
	{ "answers", false, read_answers, 0 },
	{ "neighbours", false, read_neighbours, 0 },
	{ "mss", false, read_segment, offsetof(struct draft, config.agent.egress.mss) },
	{ "dhcp", false, read_dhcp, offsetof(struct draft, config.agent.egress.dhcp) },
};

void read_egress(struct conf *y, const yaml_node_t *node, void *field)
{
	struct draft *d = field;

	d->egress = node;
	d->config.agent.egress.wanted = true;
	conf_mapping(y, node, egress_keys, CONFIG_COUNT(egress_keys), d);
}

void egress_check(struct conf *y, const struct draft *d)
{
	size_t count = egress_ways(&d->config, NULL, 0);

	if (d->egress && count > EGRESS_WAYS_MAX)
		conf_complain(y, d->egress, "agent.egress: want at most %d rules, these make %zu",
			      EGRESS_WAYS_MAX, count);
}
