// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of a service that say how its packets travel and which flows it takes:
 * on-lapse, forward, new-flows, mss.
 */
#include "daemon/config_draft.h"

#include <netinet/in.h>
#include <string.h>

enum {
	MSS_MIN = 536, /* what may be sent to whoever says nothing: RFC 9293, 3.7.1 */
	MSS_MAX = 65495,
	NEW_FLOWS_MAX = 100000000, /* more than a CPU can start: 10 ns each */
};

static const char *const lapse_names[] = {
	[LAPSE_RESTEER] = "resteer", [LAPSE_ANSWER] = "rst", [LAPSE_DROP] = "drop"
};
static const char *const forward_names[] = {
	[FORWARD_ENCAP] = "ipip", [FORWARD_GUE] = "gue", [FORWARD_L2] = "l2"
};

const char *lapse_str(enum on_lapse o)
{
	return o < CONFIG_COUNT(lapse_names) ? lapse_names[o] : "unknown";
}

const char *forward_str(enum forward f)
{
	return f < CONFIG_COUNT(forward_names) ? forward_names[f] : "unknown";
}

void read_on_lapse(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;
	unsigned int v;

	s->on_lapse = node;
	if (conf_choice(y, node, lapse_names, CONFIG_COUNT(lapse_names), &v))
		s->config.on_lapse = v;
}

void read_forward(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, forward_names, CONFIG_COUNT(forward_names), &v))
		*(enum forward *)field = v;
}

static void read_flows_number(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, NEW_FLOWS_MAX, field);
}

static const struct conf_key new_flows_keys[] = {
	{ "rate", true, read_flows_number, offsetof(struct service_config, new_rate) },
	{ "burst", false, read_flows_number, offsetof(struct service_config, new_burst) },
};

void read_new_flows(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;

	s->new_flows = node;
	conf_mapping(y, node, new_flows_keys, CONFIG_COUNT(new_flows_keys), &s->config);
	if (!s->config.new_burst)
		s->config.new_burst = s->config.new_rate;
}

void read_segment(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, MSS_MIN, MSS_MAX, field);
}

void read_mss(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;

	s->mss = node;
	read_segment(y, node, &s->config.mss);
}

void modes_check(struct conf *y, const struct service_draft *s)
{
	const char *name = s->config.name;

	if (s->on_lapse && s->config.on_lapse == LAPSE_ANSWER && s->config.refusal == REFUSE_DROP)
		conf_complain(y, s->on_lapse,
			      "service \"%s\": refuses by drop, so no RST is sent on a lapse "
			      "either: want on-lapse drop or resteer",
			      name);
	if (s->mss && s->config.proto != IPPROTO_TCP)
		conf_complain(y, s->mss, "service \"%s\": has no segments: want mss for tcp only",
			      name);
	if ((s->new_flows || s->marks) && s->config.track == TRACK_MOVED)
		conf_complain(y, s->new_flows ? s->new_flows : s->marks,
			      "service \"%s\": new flows are known by others being remembered: "
			      "want track: always",
			      name);
}
