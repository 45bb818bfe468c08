// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest's way out: what a host needs from its link leaves, in the form that it has
 * and no further than the link.
 */
#include <netinet/in.h>
#include <string.h>

#include "egress_rig.h"

static struct frame arp(uint16_t operation, uint8_t tags)
{
	struct frame f = egress_udp(OURS4, 1, PEER4, 1, tags);
	uint8_t *a = f.b + f.l3;

	put16(a - 2, 0x0806);
	memset(a, 0, 28);
	put16(a, 1);
	put16(a + 2, 0x0800);
	put16(a + 4, 6 << 8 | 4);
	put16(a + 6, operation);
	f.n = f.l3 + 28;
	return f;
}

static void arps(struct egress_rig *r, uint8_t tags)
{
	static const size_t fields[] = { 0, 2, 4, 5, 6 };
	struct frame f = arp(1, tags);

	egress_row(r, "an ARP request", &f, EGRESS_LINK);
	f = arp(2, tags);
	egress_row(r, "an ARP reply", &f, EGRESS_LINK);
	f.n = f.l3 + 46;
	egress_row(r, "padded", &f, EGRESS_LINK);
	f.n++;
	egress_row(r, "with more than padding", &f, EGRESS_NOT_LINK);
	f.n = f.l3 + 27;
	egress_row(r, "cut", &f, EGRESS_MALFORMED);
	f = arp(3, tags);
	egress_row(r, "RARP", &f, EGRESS_NOT_LINK);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		f = arp(1, tags);
		f.b[f.l3 + fields[i]] ^= 0x40;
		egress_row(r, "ARP of something else", &f, EGRESS_NOT_LINK);
	}
}

static struct frame icmpv6(uint8_t type, uint8_t code, const char *dst, uint8_t hops, uint8_t tags)
{
	struct spec s = { .src = OURS6,
			  .dst = dst,
			  .sport = (uint16_t)(type << 8 | code),
			  .proto = IPPROTO_ICMPV6,
			  .payload = 24,
			  .tags = tags };
	struct frame f = frame_of(&s);

	f.b[f.l3 + 7] = hops;
	return f;
}

static void neighbours(struct egress_rig *r, uint8_t tags)
{
	static const char *const good[] = { LINK6, GROUP6, PEER6 };
	struct frame f;

	for (unsigned int type = 0; type < 256; type++) {
		bool needed = type == 133 || type == 135 || type == 136;

		f = icmpv6((uint8_t)type, 0, good[type % 3], 255, tags);
		egress_row(r, "ICMPv6", &f, needed ? EGRESS_LINK : EGRESS_PROTOCOL);
	}
	f = icmpv6(135, 0, OTHER6, 255, tags);
	egress_row(r, "a solicitation to elsewhere", &f, EGRESS_NOT_LINK);
	f = icmpv6(136, 0, PINNED6, 255, tags);
	egress_row(r, "an advertisement to a destination that is no neighbour", &f,
		   EGRESS_NOT_LINK);
	f = icmpv6(136, 0, "ff05::2", 255, tags);
	egress_row(r, "to a group of the site", &f, EGRESS_NOT_LINK);
	f = icmpv6(135, 0, LINK6, 254, tags);
	egress_row(r, "that would be forwarded", &f, EGRESS_NOT_LINK);
	f = icmpv6(135, 1, LINK6, 255, tags);
	egress_row(r, "of another code", &f, EGRESS_NOT_LINK);
	f = icmpv6(135, 0, LINK6, 255, tags);
	put16(f.b + f.l3 + 4, 89);
	f.n = f.l3 + 40 + 89;
	egress_row(r, "longer than it has need of", &f, EGRESS_NOT_LINK);
	f = icmpv6(135, 0, LINK6, 255, tags);
	f.n--;
	egress_row(r, "cut", &f, EGRESS_MALFORMED);
	f.n = f.l4 + 7;
	egress_row(r, "cut within its header", &f, EGRESS_MALFORMED);
	f = icmpv6(135, 0, LINK6, 255, tags);
	f.n += 100;
	egress_row(r, "with more behind it than padding", &f, EGRESS_NOT_LINK);
	put16(f.b + f.l3 + 4, 7);
	f.n = f.l3 + 48;
	egress_row(r, "of a length that its header exceeds", &f, EGRESS_MALFORMED);
}

/* A report of MLDv2 without records, behind the option that it always has. */
static struct frame mld(uint8_t type, const char *dst, uint8_t tags)
{
	struct frame f = icmpv6(0, 0, dst, 1, tags);

	f.b[f.l3 + 6] = IPPROTO_HOPOPTS;
	put32(f.b + f.l4, (uint32_t)IPPROTO_ICMPV6 << 24 | 0x0502);
	put32(f.b + f.l4 + 4, 0x100);
	f.b[f.l4 + 8] = type;
	return f;
}

static void reports(struct egress_rig *r, uint8_t tags)
{
	struct frame f = mld(143, "ff02::16", tags);

	egress_row(r, "an MLD report", &f, EGRESS_LINK);
	f = mld(131, GROUP6, tags);
	egress_row(r, "of MLDv1", &f, EGRESS_LINK);
	f = mld(132, "ff02::2", tags);
	egress_row(r, "a group that is left", &f, EGRESS_LINK);
	f = mld(130, "ff02::1", tags);
	egress_row(r, "a query", &f, EGRESS_OPTIONS);
	f = mld(143, OTHER6, tags);
	egress_row(r, "a report to a host", &f, EGRESS_OPTIONS);
	f = mld(143, "ff02::16", tags);
	f.b[f.l3 + 7] = 2;
	egress_row(r, "that would be forwarded", &f, EGRESS_OPTIONS);
	f = mld(143, "ff02::16", tags);
	f.b[f.l4] = IPPROTO_UDP;
	egress_row(r, "another protocol behind it", &f, EGRESS_OPTIONS);
	f = mld(143, "ff02::16", tags);
	f.b[f.l4 + 2] = 1;
	egress_row(r, "another option", &f, EGRESS_OPTIONS);
	f = mld(143, "ff02::16", tags);
	f.b[f.l4 + 1] = 1;
	egress_row(r, "a longer one", &f, EGRESS_OPTIONS);
	f = mld(143, "ff02::16", tags);
	f.n += 100;
	egress_row(r, "with more behind it than padding", &f, EGRESS_NOT_LINK);
	f = mld(143, "ff02::16", tags);
	f.n--;
	egress_row(r, "cut", &f, EGRESS_MALFORMED);
	f = mld(143, "ff02::16", tags);
	put16(f.b + f.l3 + 4, 15);
	egress_row(r, "of a length that its headers exceed", &f, EGRESS_MALFORMED);
}

static void dhcp(struct egress_rig *r)
{
	static const char *const froms[] = { "0.0.0.0", OURS4, "fe80::1" };
	enum egress_outcome wanted = EGRESS_NOT_PINNED;

	for (int allowed = 0; allowed < 2; allowed++) {
		struct frame f = egress_udp(froms[0], 68, "255.255.255.255", 67, 0);

		egress_row(r, "DHCP", &f, wanted);
		f = egress_udp(froms[2], 546, "ff02::1:2", 547, 1);
		egress_row(r, "DHCPv6", &f, wanted);
		f = egress_udp(froms[1], 68, OTHER4, 67, 0);
		egress_row(r, "DHCP to one host", &f, EGRESS_NOT_PINNED);
		f = egress_udp(froms[1], 68, "255.255.255.255", 68, 0);
		egress_row(r, "to another port", &f, EGRESS_NOT_PINNED);
		f = egress_udp(froms[1], 67, "255.255.255.255", 67, 0);
		egress_row(r, "from another port", &f, EGRESS_NOT_PINNED);
		f = egress_udp(OURS6, 546, OTHER6, 547, 0);
		egress_row(r, "DHCPv6 to one host", &f, EGRESS_NOT_PINNED);
		f = egress_tcp(OURS4, 68, "255.255.255.255", 67, SYN, 0);
		egress_row(r, "by TCP", &f, EGRESS_NOT_PINNED);
		if (!allowed)
			egress_rig_allow(r, EGRESS_WAY_DHCP, 0, 0, "::", 0);
		wanted = EGRESS_LINK;
	}
}

int main(void)
{
	struct egress_rig r;
	struct frame f = arp(1, 0);

	egress_rig_open(&r);
	egress_row(&r, "not even ARP leaves before there are rules", &f, EGRESS_NO_RULES);
	egress_rig_fill(&r);
	for (uint8_t tags = 0; tags <= 2; tags++) {
		arps(&r, tags);
		neighbours(&r, tags);
		reports(&r, tags);
	}
	dhcp(&r);
	return egress_rig_close(&r);
}
