// SPDX-License-Identifier: BSD-2-Clause
/* Frames of fairlead explain; see explain_frame.h. */
#include "cli/explain_frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"

enum {
	TTL = 64,
	PORT_GUE = 6080, /* draft-ietf-intarea-gue */
	GUE_BYTES = 4,
	HEX_MAX = 128, /* bytes of outer headers that are printed */
};

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t write_l4(const struct explain_flow *f, size_t length, uint8_t *at)
{
	struct tcphdr tcp = { .source = htons(f->sport), .dest = htons(f->dport), .doff = 5 };
	struct udphdr udp = { htons(f->sport), htons(f->dport), 0, 0 };

	if (f->proto == IPPROTO_UDP) {
		length = length < sizeof(udp) ? sizeof(udp) : length;
		udp.len = htons((uint16_t)length);
		memcpy(at, &udp, sizeof(udp));
		return length;
	}
	tcp.syn = f->opens;
	tcp.ack = !f->opens;
	tcp.window = htons(65535);
	memcpy(at, &tcp, sizeof(tcp));
	return length < sizeof(tcp) ? sizeof(tcp) : length;
}

static size_t write_ipv4(const struct explain_flow *f, uint8_t tos, size_t length, uint8_t *at)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .tos = tos, .ttl = TTL, .protocol = f->proto };
	size_t rest = length > sizeof(ip) ? length - sizeof(ip) : 0;

	rest = write_l4(f, rest, at + sizeof(ip));
	ip.tot_len = htons((uint16_t)(sizeof(ip) + rest));
	ip.frag_off = htons(0x4000);
	ip.saddr = f->src.w[3];
	ip.daddr = f->dst.w[3];
	memcpy(at, &ip, sizeof(ip));
	ip.check = checksum(at, sizeof(ip));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + rest;
}

static size_t write_ipv6(const struct explain_flow *f, uint8_t tos, size_t length, uint8_t *at)
{
	struct ipv6hdr ip = { .nexthdr = f->proto, .hop_limit = TTL };
	uint32_t first = htonl(6u << 28 | (uint32_t)tos << 20);
	size_t rest = length > sizeof(ip) ? length - sizeof(ip) : 0;

	rest = write_l4(f, rest, at + sizeof(ip));
	ip.payload_len = htons((uint16_t)rest);
	memcpy(&ip.saddr, &f->src, sizeof(ip.saddr));
	memcpy(&ip.daddr, &f->dst, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	memcpy(at, &first, sizeof(first));
	return sizeof(ip) + rest;
}

size_t explain_frame(const struct explain_flow *f, const uint8_t mac[6], uint8_t tos,
		     size_t length, uint8_t out[EXPLAIN_FRAME_MAX])
{
	bool ipv4 = addr_is_ipv4(&f->dst);
	struct ethhdr eth = { .h_source = { 2 },
			      .h_proto = htons(ipv4 ? ETH_P_IP : ETH_P_IPV6) };

	memset(out, 0, EXPLAIN_FRAME_MAX);
	memcpy(eth.h_dest, mac, ETH_ALEN);
	memcpy(out, &eth, sizeof(eth));
	length = length > EXPLAIN_LENGTH_MAX ? EXPLAIN_LENGTH_MAX : length;
	return sizeof(eth) + (ipv4 ? write_ipv4 : write_ipv6)(f, tos, length, out + sizeof(eth));
}

static json_t *text_of(const uint8_t *p, size_t n, char between)
{
	char text[3 * HEX_MAX + 1] = "";
	size_t at = 0;

	for (size_t i = 0; i < n && i < HEX_MAX; i++) {
		if (i && between)
			text[at++] = between;
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%02x", p[i]);
	}
	return json_string(text);
}

static json_t *addr_json(const void *raw, bool ipv4)
{
	struct addr a = { .w = { 0, 0, htonl(0xffff), 0 } };
	char text[ADDR_TEXT_MAX];

	memcpy(ipv4 ? &a.w[3] : &a.w[0], raw, ipv4 ? 4 : 16);
	return json_string(addr_text(&a, text));
}

/* A header that was read, and what follows it. */
struct layer {
	json_t *json; /* NULL: none that is known */
	int next;     /* IP protocol, or a port of ours beyond them; -1: nothing known */
};

enum {
	NEXT_GUE = 256 + 1,
};

/* .p is NULL when there are fewer. */
static struct bytes take(struct bytes *b, size_t n)
{
	struct bytes h = { NULL, 0 };

	return get(b, n, &h) ? h : (struct bytes){ NULL, 0 };
}

static struct layer ipv4_layer(struct bytes *b)
{
	struct bytes h = take(b, sizeof(struct iphdr));
	struct layer l = { NULL, -1 };
	struct iphdr ip;

	if (!h.p)
		return l;
	memcpy(&ip, h.p, sizeof(ip));
	l.next = ip.protocol;
	l.json = json_pack("{s:s s:o s:o s:i s:i s:i s:b s:i s:i s:i}", "header", "ipv4", "src",
			   addr_json(&ip.saddr, true), "dst", addr_json(&ip.daddr, true), "tos",
			   ip.tos, "ttl", ip.ttl, "id", ntohs(ip.id), "df",
			   !!(ip.frag_off & htons(0x4000)), "protocol", ip.protocol, "length",
			   ntohs(ip.tot_len), "checksum", ntohs(ip.check));
	return l;
}

static struct layer ipv6_layer(struct bytes *b)
{
	struct bytes h = take(b, sizeof(struct ipv6hdr));
	struct layer l = { NULL, -1 };
	struct ipv6hdr ip;
	uint32_t first;

	if (!h.p)
		return l;
	memcpy(&ip, h.p, sizeof(ip));
	memcpy(&first, h.p, sizeof(first));
	first = ntohl(first);
	l.next = ip.nexthdr;
	l.json = json_pack("{s:s s:o s:o s:i s:i s:i s:i s:i}", "header", "ipv6", "src",
			   addr_json(&ip.saddr, false), "dst", addr_json(&ip.daddr, false), "tos",
			   first >> 20 & 0xff, "label", first & 0xfffff, "ttl", ip.hop_limit,
			   "protocol", ip.nexthdr, "length",
			   ntohs(ip.payload_len) + (int)sizeof(ip));
	return l;
}

static struct layer udp_layer(struct bytes *b)
{
	struct bytes h = take(b, sizeof(struct udphdr));
	struct layer l = { NULL, -1 };
	struct udphdr udp;

	if (!h.p)
		return l;
	memcpy(&udp, h.p, sizeof(udp));
	l.next = ntohs(udp.dest) == PORT_GUE ? NEXT_GUE : -1;
	l.json = json_pack("{s:s s:i s:i s:i s:i}", "header", "udp", "sport", ntohs(udp.source),
			   "dport", ntohs(udp.dest), "length", ntohs(udp.len), "checksum",
			   ntohs(udp.check));
	return l;
}

static struct layer tcp_layer(struct bytes *b)
{
	struct bytes h = take(b, sizeof(struct tcphdr));
	struct layer l = { NULL, -1 };
	struct tcphdr tcp;

	if (!h.p)
		return l;
	memcpy(&tcp, h.p, sizeof(tcp));
	l.json = json_pack("{s:s s:i s:i s:b s:b s:b}", "header", "tcp", "sport",
			   ntohs(tcp.source), "dport", ntohs(tcp.dest), "syn", tcp.syn, "ack",
			   tcp.ack, "rst", tcp.rst);
	return l;
}

static struct layer icmp_layer(struct bytes *b, const char *name)
{
	struct bytes h = take(b, 8);
	struct layer l = { NULL, -1 };

	if (h.p)
		l.json = json_pack("{s:s s:i s:i s:i}", "header", name, "type", h.p[0], "code",
				   h.p[1], "mtu", h.p[6] << 8 | h.p[7]);
	return l;
}

/* Version 0, and the protocol of what follows in its second byte. */
static struct layer gue_layer(struct bytes *b)
{
	struct bytes h = take(b, GUE_BYTES);
	struct layer l = { NULL, -1 };

	if (!h.p)
		return l;
	l.next = h.p[1];
	l.json = json_pack("{s:s s:o s:i}", "header", "gue", "bytes", text_of(h.p, GUE_BYTES, 0),
			   "protocol", h.p[1]);
	return l;
}

static struct layer layer_of(struct bytes *b, int what)
{
	switch (what) {
	case IPPROTO_IPIP:
		return ipv4_layer(b);
	case IPPROTO_IPV6:
		return ipv6_layer(b);
	case IPPROTO_UDP:
		return udp_layer(b);
	case IPPROTO_TCP:
		return tcp_layer(b);
	case IPPROTO_ICMP:
		return icmp_layer(b, "icmp");
	case IPPROTO_ICMPV6:
		return icmp_layer(b, "icmpv6");
	case NEXT_GUE:
		return gue_layer(b);
	}
	return (struct layer){ NULL, -1 };
}

/* The Ethernet header; *what is what follows it. */
static json_t *ethernet(struct bytes *b, int *what)
{
	struct bytes h = take(b, ETH_HLEN);
	uint16_t type;

	*what = -1;
	if (!h.p)
		return json_null();
	type = (uint16_t)(h.p[12] << 8 | h.p[13]);
	*what = type == ETH_P_IP ? IPPROTO_IPIP : type == ETH_P_IPV6 ? IPPROTO_IPV6 : -1;
	return json_pack("{s:o s:o s:i}", "dst", text_of(h.p, ETH_ALEN, ':'), "src",
			 text_of(h.p + ETH_ALEN, ETH_ALEN, ':'), "type", type);
}

json_t *explain_outer(const uint8_t *frame, size_t bytes, size_t inner)
{
	struct bytes b = bytes_of(frame, bytes > inner ? bytes - inner : 0);
	json_t *headers = json_array(), *eth;
	size_t all = b.n;
	int what;

	eth = ethernet(&b, &what);
	while (b.n) {
		struct layer l = layer_of(&b, what);

		if (!l.json)
			break;
		json_array_append_new(headers, l.json);
		what = l.next;
	}
	return json_pack("{s:o s:o s:o}", "ethernet", eth, "headers", headers, "bytes",
			 text_of(frame, all < HEX_MAX ? all : HEX_MAX, 0));
}
