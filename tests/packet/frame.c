// SPDX-License-Identifier: BSD-2-Clause
/* Frames for the packet rows; see frame.h.  RFC 791, 8200, 9293, 768, 792, 4443, 1071. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

const uint8_t frame_client_mac[6] = { 0x02, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5 };
const uint8_t frame_router_mac[6] = { 0x02, 0x51, 0x52, 0x53, 0x54, 0x55 };

uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

struct addr addr_of(const char *text)
{
	struct addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &a.w[3]) != 1 && inet_pton(AF_INET6, text, &a) != 1)
		abort();
	return a;
}

bool frame_is_ipv6(const struct frame *f)
{
	return f->b[f->l3] >> 4 == 6;
}

/* The sum of big-endian words; a byte left over counts as the high half of one. */
static uint32_t sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
	for (; n > 1; n -= 2, p += 2)
		sum += get16(p);
	if (n)
		sum += (uint32_t)*p << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint8_t protocol_of(const struct frame *f)
{
	return f->b[f->l3 + (frame_is_ipv6(f) ? 6 : 9)];
}

/* Bytes from l4 on, as the IP header has it. */
static size_t l4_bytes(const struct frame *f)
{
	if (frame_is_ipv6(f))
		return get16(f->b + f->l3 + 4);
	return get16(f->b + f->l3 + 2) - (f->l4 - f->l3);
}

static uint32_t l4_sum(const struct frame *f)
{
	const uint8_t *ip = f->b + f->l3;
	size_t n = l4_bytes(f);
	uint32_t sum = 0;

	if (protocol_of(f) != IPPROTO_ICMP)
		sum = (uint32_t)n + protocol_of(f);
	if (frame_is_ipv6(f))
		sum = sum_of(ip + 8, 32, sum);
	else if (protocol_of(f) != IPPROTO_ICMP)
		sum = sum_of(ip + 12, 8, sum);
	return sum_of(f->b + f->l4, n, sum);
}

static int checksum_at(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return -1;
	}
}

void frame_fix(struct frame *f)
{
	int at = checksum_at(protocol_of(f));
	uint8_t *ip = f->b + f->l3;

	if (at >= 0 && f->l4 + l4_bytes(f) <= FRAME_MAX) {
		put16(f->b + f->l4 + at, 0);
		put16(f->b + f->l4 + at, (uint16_t)~l4_sum(f));
	}
	if (frame_is_ipv6(f))
		return;
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sum_of(ip, f->l4 - f->l3, 0));
}

bool frame_checksums_hold(const struct frame *f)
{
	if (f->l4 + l4_bytes(f) > f->n)
		return false;
	if (!frame_is_ipv6(f) && sum_of(f->b + f->l3, f->l4 - f->l3, 0) != 0xffff)
		return false;
	return checksum_at(protocol_of(f)) < 0 || l4_sum(f) == 0xffff;
}

bool frame_parse(struct frame *f)
{
	size_t at = 12;

	while (at + 6 < f->n && (get16(f->b + at) == 0x8100 || get16(f->b + at) == 0x88a8))
		at += 4;
	f->l3 = at + 2;
	if (get16(f->b + at) == 0x0800 && f->n >= f->l3 + 20)
		f->l4 = f->l3 + (f->b[f->l3] & 15) * 4u;
	else if (get16(f->b + at) == 0x86dd && f->n >= f->l3 + 40)
		f->l4 = f->l3 + 40;
	else
		return false;
	return true;
}

static void write_ethernet(struct frame *f, bool ipv6, unsigned int tags)
{
	memcpy(f->b, frame_router_mac, 6);
	memcpy(f->b + 6, frame_client_mac, 6);
	f->l3 = 12;
	for (unsigned int i = 0; i < tags; i++) {
		put16(f->b + f->l3, i + 1 < tags ? 0x88a8 : 0x8100);
		put16(f->b + f->l3 + 2, (uint16_t)(0x6064 + i));
		f->l3 += 4;
	}
	put16(f->b + f->l3, ipv6 ? 0x86dd : 0x0800);
	f->l3 += 2;
}

/* length: of what follows. */
static void write_ip(struct frame *f, const struct addr *src, const struct addr *dst,
		     const struct spec *s, size_t length)
{
	bool ipv6 = src->w[0] || src->w[2] != htonl(0xffff);
	uint8_t *ip = f->b + f->l3;

	f->l4 = f->l3 + (ipv6 ? 40 : 20);
	f->n = f->l4 + length;
	if (ipv6) {
		put32(ip, 6u << 28 | (uint32_t)s->tos << 20 | 0x12345);
		put16(ip + 4, (uint16_t)length);
		ip[6] = s->proto;
		ip[7] = 57;
		memcpy(ip + 8, src, 16);
		memcpy(ip + 24, dst, 16);
		return;
	}
	ip[0] = 0x45;
	ip[1] = s->tos;
	put16(ip + 2, (uint16_t)(20 + length));
	put16(ip + 4, 0xbeef);
	put16(ip + 6, 0);
	ip[8] = 57;
	ip[9] = s->proto;
	memcpy(ip + 12, &src->w[3], 4);
	memcpy(ip + 16, &dst->w[3], 4);
}

struct frame frame_of(const struct spec *s)
{
	struct addr src = addr_of(s->src), dst = addr_of(s->dst);
	size_t header = s->proto == IPPROTO_TCP ? 20 : 8;
	struct frame f = { 0 };
	uint8_t *l4;

	write_ethernet(&f, strchr(s->dst, ':'), s->tags);
	write_ip(&f, &src, &dst, s, header + s->payload);
	l4 = f.b + f.l4;
	put16(l4, s->sport);
	put16(l4 + 2, s->dport);
	if (s->proto == IPPROTO_TCP) {
		put32(l4 + 4, s->seq);
		put32(l4 + 8, s->ack);
		l4[12] = 5 << 4;
		l4[13] = s->flags;
		put16(l4 + 14, 0x7210);
	} else {
		put16(l4 + 4, (uint16_t)(header + s->payload));
	}
	for (size_t i = 0; i < s->payload; i++)
		l4[header + i] = (uint8_t)(i * 7 + 1);
	frame_fix(&f);
	return f;
}

/* Outer IPv4: id 0, DF, TTL 64.  Outer IPv6: hop limit 64. */
struct frame frame_wrapped(const struct frame *f, const struct wrapping *w)
{
	struct addr src = addr_of(w->src), dst = addr_of(w->dst);
	bool inner6 = frame_is_ipv6(f), outer6 = strchr(w->dst, ':');
	uint8_t tos = inner6 ? (uint8_t)(get16(f->b + f->l3) >> 4) : f->b[f->l3 + 1];
	struct spec s = { .proto = inner6 ? 41 : 4, .tos = tos };
	struct frame out = { .l3 = f->l3 };

	memcpy(out.b, f->b, f->l3);
	memcpy(out.b, w->mac, 6);
	memcpy(out.b + 6, w->source_mac ? w->source_mac : f->b, 6);
	put16(out.b + out.l3 - 2, outer6 ? 0x86dd : 0x0800);
	write_ip(&out, &src, &dst, &s, f->n - f->l3);
	if (outer6) {
		put32(out.b + out.l3, 6u << 28 | (uint32_t)tos << 20 | w->label);
		out.b[out.l3 + 7] = 64;
	} else {
		put16(out.b + out.l3 + 4, 0);
		put16(out.b + out.l3 + 6, 0x4000);
		out.b[out.l3 + 8] = 64;
	}
	memcpy(out.b + out.l4, f->b + f->l3, f->n - f->l3);
	frame_fix(&out);
	return out;
}

bool frame_equal(const struct frame *a, const struct frame *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		if (a->b[i] == b->b[i])
			continue;
		printf("# byte %zu is %02x, wanted %02x\n", i, a->b[i], b->b[i]);
		return false;
	}
	if (a->n != b->n)
		printf("# %zu bytes, wanted %zu\n", a->n, b->n);
	return a->n == b->n;
}
