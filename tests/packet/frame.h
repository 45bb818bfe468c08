/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames for the packet rows, made and read byte by byte and without any code of
 * the packet path: what one got wrong the other must not get wrong alike.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

enum {
	FRAME_MAX = 3072,
	/* TCP flags, RFC 9293 3.1 */
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
};

struct frame {
	uint8_t b[FRAME_MAX];
	size_t n;
	size_t l3; /* where the IP header begins */
	size_t l4; /* and what follows it */
};

/* Of a TCP, UDP or other packet; the family is that of the addresses. */
struct spec {
	const char *src;
	const char *dst;
	uint16_t sport;
	uint16_t dport;
	uint8_t proto;
	uint8_t tos;
	uint8_t flags;
	uint8_t tags; /* VLAN tags: 0 to 3 */
	size_t payload;
	uint32_t seq;
	uint32_t ack;
};

/* An outer header, as it should be. */
struct wrapping {
	const char *src;
	const char *dst;
	const uint8_t *mac;
	const uint8_t *source_mac; /* NULL: what the frame was sent to */
	uint32_t label;
};

extern const uint8_t frame_client_mac[6], frame_router_mac[6];

struct addr addr_of(const char *text);
bool frame_is_ipv6(const struct frame *f);
/* With right checksums and, from Ethernet on, no byte that is zero by chance. */
struct frame frame_of(const struct spec *s);
/* After a change of headers: checksums again. */
void frame_fix(struct frame *f);
/* The frame in another IP header, tags kept. */
struct frame frame_wrapped(const struct frame *f, const struct wrapping *w);
/* Finds l3 and l4 of a frame that came out of the kernel; false if it has no IP header. */
bool frame_parse(struct frame *f);
bool frame_checksums_hold(const struct frame *f);

uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
void put16(uint8_t *p, uint16_t v);
void put32(uint8_t *p, uint32_t v);

/* Says where they differ. */
bool frame_equal(const struct frame *a, const struct frame *b);

#endif
