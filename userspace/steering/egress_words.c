// SPDX-License-Identifier: BSD-2-Clause
/* What the egress program says and is told, in words. */
#include "steering/egress.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/addr.h"

static const struct {
	const char *label, *text;
} words[EGRESS_COUNT] = {
	[EGRESS_PINNED] = { "pinned", "to a pinned destination" },
	[EGRESS_SERVED] = { "served", "from a service of this guest" },
	[EGRESS_ANSWERED] = { "answered", "an answer to a peer" },
	[EGRESS_LINK] = { "link", "ARP, neighbour discovery, MLD or DHCP on this link" },
	[EGRESS_NO_RULES] = { "no_rules", "nobody has said yet what may leave" },
	[EGRESS_NOT_PINNED] = { "not_pinned", "TCP or UDP to where no rule lets it" },
	[EGRESS_OPENS] = { "opens", "a connection begun from a port that only answers" },
	[EGRESS_PROTOCOL] = { "protocol", "neither TCP nor UDP" },
	[EGRESS_ETHERTYPE] = { "ethertype", "neither IP nor ARP, or under too many tags" },
	[EGRESS_FRAGMENT] = { "fragment", "a fragment" },
	[EGRESS_OPTIONS] = { "options", "IPv4 options or IPv6 extension headers" },
	[EGRESS_MALFORMED] = { "malformed", "truncated, or lengths that contradict each other" },
	[EGRESS_NOT_LINK] = { "not_link", "ARP or neighbour discovery of a form or to an address "
					  "that it has no need of" },
};

const char *egress_label(enum egress_outcome o)
{
	return (unsigned int)o < EGRESS_COUNT ? words[o].label : "unknown";
}

const char *egress_str(enum egress_outcome o)
{
	return (unsigned int)o < EGRESS_COUNT ? words[o].text : "of another version";
}

static const char *proto_str(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "?";
}

/* Its length as people count it. */
static unsigned int prefix_bits(const struct egress_key *k)
{
	return k->bits - EGRESS_WAY_BITS - (addr_is_ipv4(&k->addr) ? 96 : 0);
}

const char *egress_way_text(const struct egress_key *k, char out[EGRESS_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];
	unsigned int port = ntohs(k->port);

	addr_text(&k->addr, addr);
	switch (k->way) {
	case EGRESS_WAY_TO:
		snprintf(out, EGRESS_TEXT_MAX, "to %s %s/%u %u", proto_str(k->proto), addr,
			 prefix_bits(k), port);
		break;
	case EGRESS_WAY_FROM:
		snprintf(out, EGRESS_TEXT_MAX, "from %s %s %u", proto_str(k->proto), addr, port);
		break;
	case EGRESS_WAY_ANSWER:
		snprintf(out, EGRESS_TEXT_MAX, "answer %s %s/%u %u", proto_str(k->proto), addr,
			 prefix_bits(k), port);
		break;
	case EGRESS_WAY_NEIGHBOUR:
		snprintf(out, EGRESS_TEXT_MAX, "neighbour %s/%u", addr, prefix_bits(k));
		break;
	case EGRESS_WAY_DHCP:
		snprintf(out, EGRESS_TEXT_MAX, "dhcp");
		break;
	default:
		snprintf(out, EGRESS_TEXT_MAX, "of another version");
	}
	return out;
}

const char *egress_event_text(const struct egress_event *e, char out[EGRESS_TEXT_MAX])
{
	char src[ENDPOINT_TEXT_MAX], dst[ENDPOINT_TEXT_MAX];

	if (!e->proto) {
		snprintf(out, EGRESS_TEXT_MAX, "ethertype 0x%04x", ntohs(e->ethertype));
		return out;
	}
	if (e->sport || e->dport) {
		endpoint_text(&e->src, ntohs(e->sport), src);
		endpoint_text(&e->dst, ntohs(e->dport), dst);
		snprintf(out, EGRESS_TEXT_MAX, "%s %s to %s", proto_str(e->proto), src, dst);
	} else {
		addr_text(&e->src, src);
		addr_text(&e->dst, dst);
		snprintf(out, EGRESS_TEXT_MAX, "protocol %u %s to %s", e->proto, src, dst);
	}
	return out;
}
