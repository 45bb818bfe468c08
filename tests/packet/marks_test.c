// SPDX-License-Identifier: BSD-2-Clause
/*
 * Classes that packets ask for, by DSCP and by source: raised, remembered with the flow,
 * held against leases of every packet, and never lowered.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rig.h"

enum {
	EF = 46, /* asks for classified */
	AF = 10, /* for confidential */
	UNKNOWN = 22,
};

static const struct spec tcp4 = { CLIENT4, VIP4, 40001, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 31 };
static const struct spec tcp6 = { CLIENT6, VIP6, 40003, 443, IPPROTO_TCP, .flags = ACK };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 33 };
static const struct spec *const all[] = { &tcp4, &udp4, &tcp6, &udp6 };

static uint16_t service_of(const struct spec *s)
{
	bool tcp = s->proto == IPPROTO_TCP;

	return strchr(s->dst, ':') ? (tcp ? SERVICE_TCP6 : SERVICE_UDP6)
				   : (tcp ? SERVICE_TCP4 : SERVICE_UDP4);
}

static uint16_t first_of(const struct spec *s)
{
	return strchr(s->dst, ':') ? BACKEND6 : BACKEND4;
}

static void source(struct rig *r, uint16_t service, const char *prefix, uint32_t bits, int class)
{
	struct source_key key = { .bits = 32 + bits + (strchr(prefix, ':') ? 0 : 96),
				  .service = service,
				  .src = addr_of(prefix) };
	int fd = bpf_map__fd(r->router->maps.sources);
	uint32_t value = (uint32_t) class;

	if (class < 0)
		bpf_map_delete_elem(fd, &key);
	else if (bpf_map_update_elem(fd, &key, &value, BPF_ANY))
		abort();
}

/* A public service; the first backend has a public lease, the second one of every class. */
static struct spec begin(struct rig *r, int k, uint8_t tags, uint16_t flags)
{
	struct marks m = { .dscp = { [EF] = CLASS_CLASSIFIED,
				     [AF] = CLASS_CONFIDENTIAL,
				     [UNKNOWN] = MARK_UNKNOWN } };
	struct spec s = *all[k];
	uint32_t id = service_of(&s);
	struct service *service;

	rig_reset(r);
	s.tags = tags;
	service = rig_service(r, (uint16_t)id);
	service->class = CLASS_PUBLIC;
	service->flags = SERVICE_SPECIAL | SERVICE_MARKS | flags;
	if (bpf_map_update_elem(bpf_map__fd(r->router->maps.marks), &id, &m, BPF_ANY))
		abort();
	rig_lease(r, first_of(&s), RIG_LAPSED);
	r->backends[first_of(&s)].until[CLASS_PUBLIC] = UINT64_MAX;
	return s;
}

static void served(struct rig *r, const char *what, const struct spec *s, uint16_t backend,
		   bool anew)
{
	struct want w = { XDP_TX, OUT_STEERED, service_of(s), backend, anew };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
}

static void refused(struct rig *r, const char *what, const struct spec *s, enum outcome why)
{
	struct want w = { .action = XDP_TX, .outcome = why };
	struct frame in = frame_of(s), out;

	rig_row(r, what, &in, &w, &out);
}

static void by_dscp(struct rig *r, int k, uint8_t tags)
{
	struct spec s = begin(r, k, tags, 0), other;
	uint16_t first = first_of(&s), second = first + 1;

	served(r, "no mark: public", &s, first, true);
	s.tos = UNKNOWN << 2 | 1;
	refused(r, "a mark that is not known", &s, OUT_MARK_UNKNOWN);
	other = s;
	other.sport += 50;
	other.tos = EF << 2 | 2;
	served(r, "a new flow that asks for classified", &other, second, true);
	other.tos = AF << 2;
	served(r, "stays there when it asks for less", &other, second, false);
	other.tos = 0;
	served(r, "and when it asks for nothing", &other, second, false);
	r->backends[second].until[CLASS_CLASSIFIED] = 1;
	refused(r, "which another class's lease does not serve", &other, OUT_LEASE_LAPSED);
	other.tos = EF << 2;
	refused(r, "nor whatever it asks for now", &other, OUT_LEASE_LAPSED);
	s.tos = 0;
	served(r, "other flows are as they were", &s, first, false);
}

/* A known flow that asks for more moves only if its backend cannot serve that. */
static void raised_later(struct rig *r, int k, uint8_t tags)
{
	struct spec s = begin(r, k, tags, 0);
	uint16_t first = first_of(&s), second = first + 1;

	served(r, "begins as public", &s, first, true);
	s.tos = AF << 2;
	served(r, "moves to a backend of its class", &s, second, false);
	s.tos = 0;
	served(r, "and stays", &s, second, false);

	s = begin(r, k, tags, 0);
	served(r, "begins as public", &s, first, true);
	rig_lease(r, first, RIG_LIVE);
	rig_rings(r, second, 0);
	s.tos = EF << 2;
	served(r, "stays where it is, that backend may serve it", &s, first, false);
	r->backends[first].until[CLASS_CLASSIFIED] = 1;
	s.tos = 0;
	served(r, "leaves when that lease ends", &s, second, false);

	s = begin(r, k, tags, 0);
	rig_service(r, service_of(&s))->on_lapse = LAPSE_ANSWER;
	served(r, "begins as public", &s, first, true);
	s.tos = AF << 2;
	refused(r, "may not be resteered", &s, OUT_LEASE_LAPSED);
}

static void never_lowered(struct rig *r, int k, uint8_t tags)
{
	struct spec s = begin(r, k, tags, SERVICE_SOURCES);
	uint16_t first = first_of(&s), second = first + 1;

	rig_service(r, service_of(&s))->class = CLASS_CLASSIFIED;
	r->backends[first].until[CLASS_CONFIDENTIAL] = UINT64_MAX;
	source(r, service_of(&s), s.src, strchr(s.src, ':') ? 128 : 32, CLASS_CONFIDENTIAL);
	s.tos = AF << 2;
	served(r, "a lower mark lowers nothing", &s, second, true);
	r->backends[second].until[CLASS_CLASSIFIED] = 1;
	refused(r, "and opens nothing", &s, OUT_LEASE_LAPSED);
	source(r, service_of(&s), s.src, strchr(s.src, ':') ? 128 : 32, -1);
}

static void by_source(struct rig *r, int k, uint8_t tags)
{
	struct spec s = begin(r, k, tags, SERVICE_SOURCES), other;
	uint16_t first = first_of(&s), second = first + 1, id = service_of(&s);
	bool ipv6 = strchr(s.src, ':');
	const char *net = ipv6 ? "2001:db8:c::" : "198.51.100.0";
	uint32_t wide = ipv6 ? 48 : 24, whole = ipv6 ? 128 : 32;

	source(r, id, net, wide, CLASS_PUBLIC);
	source(r, id ^ 1, s.src, whole, CLASS_CLASSIFIED);
	served(r, "in a public prefix; another service's is not asked", &s, first, true);
	source(r, id, s.src, whole, CLASS_CLASSIFIED);
	served(r, "a known flow is not asked again", &s, first, false);
	other = s;
	other.sport += 50;
	served(r, "a new one is: the longest prefix counts", &other, second, true);
	source(r, id, s.src, whole, -1);
	served(r, "and that is remembered", &other, second, false);
	r->backends[second].until[CLASS_CLASSIFIED] = 1;
	refused(r, "with the lease of its class", &other, OUT_LEASE_LAPSED);
	source(r, id, net, wide, -1);
	source(r, id ^ 1, s.src, whole, -1);
}

static void strict(struct rig *r, int k, uint8_t tags)
{
	struct spec s = begin(r, k, tags, SERVICE_SOURCES | SERVICE_STRICT);
	const char *net = strchr(s.src, ':') ? "2001:db8:c::" : "198.51.100.0";

	refused(r, "strict: a source in no prefix", &s, OUT_MARK_UNKNOWN);
	source(r, service_of(&s), net, 24, CLASS_PUBLIC);
	served(r, "strict: one that is", &s, first_of(&s), true);
	source(r, service_of(&s), net, 24, CLASS_COUNT);
	s.sport++;
	refused(r, "a prefix of a class that there is none", &s, OUT_MARK_UNKNOWN);
	source(r, service_of(&s), net, 24, -1);
	rig_service(r, service_of(&s))->flags &= (uint16_t)~SERVICE_STRICT;
	served(r, "not strict: a source in no prefix", &s, first_of(&s), true);
	rig_service(r, service_of(&s))->class = CLASS_COUNT;
	refused(r, "a service of unknown class", &s, OUT_CLASS_UNKNOWN);
}

/* A port unreachable that quotes a flow goes where the flow may, and nowhere else. */
static void quoted(struct rig *r, int k)
{
	struct spec s = begin(r, k, 0, 0), icmp;
	bool ipv6 = strchr(s.dst, ':');
	struct spec answer = { s.dst, s.src, s.dport, s.sport, s.proto, .payload = 40 };
	struct want w = { XDP_TX, OUT_STEERED, service_of(&s), (uint16_t)(first_of(&s) + 1),
			  false };
	struct frame in, out, q = frame_of(&answer);

	s.tos = EF << 2;
	served(r, "a classified flow", &s, first_of(&s) + 1, true);
	icmp = (struct spec){ s.src, s.dst, .sport = ipv6 ? 0x0104 : 0x0303,
			      .proto = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			      .payload = q.n - q.l3 };
	in = frame_of(&icmp);
	memset(in.b + in.l4 + 4, 0, 4);
	memcpy(in.b + in.l4 + 8, q.b + q.l3, q.n - q.l3);
	frame_fix(&in);
	rig_row(r, "an ICMP error about it", &in, &w, &out);
	r->backends[first_of(&s) + 1].until[CLASS_CLASSIFIED] = 1;
	w = (struct want){ .action = XDP_DROP, .outcome = OUT_LEASE_LAPSED };
	rig_row(r, "an ICMP error about it, to nobody without its lease", &in, &w, &out);
}

/* Nor while the table grows, and the flow is remembered where it belonged before. */
static void growing(struct rig *r, int k)
{
	struct spec s = begin(r, k, 0, 0);
	uint32_t mask = FLOW_SETS_FIRST - 1;
	uint64_t h;

	r->settings->flows_mask = mask;
	for (h = rig_flow_hash(r, &s); flow_set_of(h, 2 * mask + 1) == flow_set_of(h, mask);
	     h = rig_flow_hash(r, &s))
		s.sport++;
	s.tos = EF << 2;
	served(r, "a flow that asks for classified", &s, first_of(&s) + 1, true);
	r->settings->flows_before = mask;
	r->settings->flows_mask = 2 * mask + 1;
	s.tos = 0;
	served(r, "stays there when the table has just grown", &s, first_of(&s) + 1, false);
	r->settings->flows_before = 0;
	served(r, "and later", &s, first_of(&s) + 1, false);
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	for (int k = 0; k < 4; k++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			by_dscp(&r, k, tags);
			raised_later(&r, k, tags);
			never_lowered(&r, k, tags);
			by_source(&r, k, tags);
			strict(&r, k, tags);
		}
		quoted(&r, k);
		growing(&r, k);
	}
	return rig_close(&r);
}
