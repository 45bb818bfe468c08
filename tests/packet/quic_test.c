// SPDX-License-Identifier: BSD-2-Clause
/*
 * QUIC by connection id: packets whose id the server chose go to that server, wherever
 * they come from; all others by addresses and ports.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rig.h"

enum { V1 = 1, V2 = 0x6b3343cf };

static const struct spec udp4 = { CLIENT4, VIP4, 40002, 53, IPPROTO_UDP, .payload = 60 };
static const struct spec udp6 = { CLIENT6, VIP6, 40004, 53, IPPROTO_UDP, .payload = 60 };

static uint16_t service_of(const struct spec *s)
{
	return strchr(s->dst, ':') ? SERVICE_UDP6 : SERVICE_UDP4;
}

static uint16_t first_of(const struct spec *s)
{
	return strchr(s->dst, ':') ? BACKEND6 : BACKEND4;
}

/* In the last of the buckets where it is looked for. */
static void put_bucket(struct rig *r, uint32_t server, uint16_t service,
		       const struct quic_bucket *b)
{
	uint32_t at = quic_bucket_of(quic_key_of(server, service)) + QUIC_PROBES - 1;

	at &= QUIC_BUCKETS - 1;
	if (bpf_map_update_elem(bpf_map__fd(r->router->maps.quic_servers), &at, b, BPF_ANY))
		abort();
}

/* Names the second backend, where the ring has the first. */
static void name_server(struct rig *r, const struct spec *s, uint32_t server, uint16_t service)
{
	uint16_t backend = first_of(s) + 1;
	struct quic_bucket b = { .slot[2] = { .key = quic_key_of(server, service),
					      .backend = backend,
					      .generation = r->backends[backend].generation } };

	put_bucket(r, server, service, &b);
}

static void forget_server(struct rig *r, uint32_t server, uint16_t service)
{
	static const struct quic_bucket none;

	put_bucket(r, server, service, &none);
}

/* SERVICE_SPECIAL has packets without a tag go the general way, too. */
static uint16_t special;

static void begin(struct rig *r, const struct spec *s, uint8_t offset, uint8_t length)
{
	struct service *service;

	rig_reset(r);
	rig_rings(r, first_of(s), 0);
	service = rig_service(r, service_of(s));
	service->flags = SERVICE_QUIC | special;
	service->quic_offset = offset;
	service->quic_length = length;
}

/* first: the first byte; version 0: a short header.  id: all of its bytes. */
static struct frame packet(const struct spec *s, uint8_t first, uint32_t version, const uint8_t *id,
			   uint8_t length)
{
	struct frame f = frame_of(s);
	uint8_t *at = f.b + f.l4 + 8;

	*at++ = first;
	if (version) {
		put32(at, version);
		at[4] = length;
		at += 5;
	}
	memcpy(at, id, length);
	frame_fix(&f);
	return f;
}

static void goes(struct rig *r, const char *what, const struct spec *s, const struct frame *in,
		 bool named, bool anew)
{
	struct want w = { XDP_TX, OUT_STEERED, service_of(s), (uint16_t)(first_of(s) + named),
			  anew };
	struct frame out;

	rig_row(r, what, in, &w, &out);
}

static void kinds(struct rig *r, struct spec s)
{
	static const uint8_t id[8] = { 0x11, 0xab, 0xcd, 4, 5, 6, 7, 8 };
	static const struct {
		const char *what;
		uint8_t first;
		uint32_t version;
		uint8_t length;
		bool named;
	} rows[] = {
		{ "short", 0x41, 0, 8, true },
		{ "Initial", 0xc0, V1, 8, false },
		{ "0-RTT", 0xd0, V1, 8, false },
		{ "Handshake", 0xe0, V1, 8, true },
		{ "version 2, Initial", 0xd0, V2, 8, false },
		{ "version 2, 0-RTT", 0xe0, V2, 8, false },
		{ "version 2, Handshake", 0xf0, V2, 8, true },
		{ "another version", 0xe0, 0xff00001d, 8, false },
		{ "Handshake, id just long enough", 0xe0, V1, 3, true },
		{ "Handshake, id a byte short", 0xe0, V1, 2, false },
		{ "Handshake, id of 20", 0xe0, V1, 20, true },
		{ "Handshake, id too long", 0xe0, V1, 21, false },
		{ "no QUIC bit", 0x01, 0, 8, false },
		{ "long, no QUIC bit", 0xa0, V1, 8, false },
	};
	uint8_t whole[21] = { 0 };

	memcpy(whole, id, sizeof(id));
	begin(r, &s, 1, 2);
	name_server(r, &s, 0xabcd, service_of(&s));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame f;

		s.sport++;
		f = packet(&s, rows[i].first, rows[i].version, whole, rows[i].length);
		goes(r, rows[i].what, &s, &f, rows[i].named, !rows[i].named);
		rig_check(r, !rig_flow(r, &s) == rows[i].named,
			  "%s: remembered only by its addresses", rows[i].what);
	}
	forget_server(r, 0xabcd, service_of(&s));
}

static void places(struct rig *r, struct spec s)
{
	for (uint8_t offset = 0; offset <= 16; offset++) {
		for (uint8_t length = 1; length <= 4; length++) {
			uint8_t id[20] = { 0x20 };
			uint32_t server = 0;
			struct frame f;

			for (uint8_t i = 0; i < length; i++) {
				id[offset + i] = (uint8_t)(0x31 + i);
				server = server << 8 | (0x31u + i);
			}
			s.sport++;
			begin(r, &s, offset, length);
			name_server(r, &s, server, service_of(&s));
			f = packet(&s, 0x42, 0, id, sizeof(id));
			goes(r, "server id somewhere", &s, &f, true, false);
			forget_server(r, server, service_of(&s));
			goes(r, "the same, named no more", &s, &f, false, true);
		}
	}
}

static void not_believed(struct rig *r, struct spec s)
{
	static const uint8_t id[8] = { 0x11, 0xab, 0xcd }, unroutable[8] = { 0xf1, 0xab, 0xcd };
	uint16_t second = first_of(&s) + 1;
	struct want lapsed = { .action = XDP_TX, .outcome = OUT_LEASE_LAPSED };
	struct frame f = packet(&s, 0x41, 0, id, 8), out;

	begin(r, &s, 1, 2);
	name_server(r, &s, 0xabcd, service_of(&s) ^ 1);
	goes(r, "a server of another service", &s, &f, false, true);
	forget_server(r, 0xabcd, service_of(&s) ^ 1);

	begin(r, &s, 1, 2);
	name_server(r, &s, 0xabcd, service_of(&s));
	r->backends[second].flags = BACKEND_DRAINED;
	goes(r, "a drained server keeps what is its own", &s, &f, true, false);
	r->backends[second].generation++;
	goes(r, "the next user of its id does not", &s, &f, false, true);
	r->backends[second].generation--;
	rig_lease(r, second, RIG_LAPSED);
	goes(r, "without a lease: by addresses", &s, &f, false, false);
	rig_service(r, service_of(&s))->on_lapse = LAPSE_ANSWER;
	rig_row(r, "without a lease: answered", &f, &lapsed, &out);
	rig_service(r, service_of(&s))->on_lapse = LAPSE_DROP;
	lapsed.action = XDP_DROP;
	rig_row(r, "without a lease: dropped", &f, &lapsed, &out);
	rig_lease(r, second, RIG_LIVE);
	f = packet(&s, 0x41, 0, unroutable, 8);
	goes(r, "an id that says it names none", &s, &f, false, false);
	s.payload = 1;
	f = packet(&s, 0x41, 0, id, 0);
	goes(r, "nothing but its first byte", &s, &f, false, false);
	s.payload = 0;
	f = frame_of(&s);
	goes(r, "nothing at all", &s, &f, false, false);
	forget_server(r, 0xabcd, service_of(&s));
}

int main(void)
{
	struct rig r;

	rig_open(&r);
	for (int k = 0; k < 2; k++) {
		for (uint8_t tags = 0; tags <= 2; tags++) {
			struct spec s = k ? udp6 : udp4;

			s.tags = tags;
			for (int way = 0; way < 2; way++) {
				special = way ? SERVICE_SPECIAL : 0;
				kinds(&r, s);
				places(&r, s);
				not_believed(&r, s);
			}
		}
	}
	return rig_close(&r);
}
