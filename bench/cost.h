/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cost.c measures, made ready; what cannot be ends the program.
 *
 *	cost_load.c	the programs, and the memory of their maps
 *	cost_tables.c	services, rings and backends
 *	cost_frame.c	a packet of each kind
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <stddef.h>
#include <stdint.h>
#include <linux/bpf.h>

#include "abi.h"
#include "router.skel.h"
#include "../bench/wrap.h"

#define VIP4 "192.0.2.1"
#define VIP6 "2001:db8::1"

enum {
	QUIC_SERVER = 0xabcd, /* its id */
};

enum which { NOP, FLOOR4, FLOOR6, ROUTER, UNLEASED, PROGRAMS };

/* Each is of a service of its own; OTHER4 is of none. */
enum kind { TCP4, UDP4, TCP6, OTHER4, LAPSED4, SETTLED4, GUE4, QUIC4 };

struct bench {
	struct router_bpf *router;
	struct bpf_object *floor, *unleased, *wrapper;
	int program[PROGRAMS];
	int next, restore; /* the wrapper's map and program */
	struct wrap *wrap;
	struct settings *settings;
	struct flow_set *flows;
	struct service_bucket *services;
	struct ring_slot *rings;
	struct backend *backends;
};

struct frame {
	uint8_t b[128];
	uint32_t n;
};

void load(struct bench *b, const char *dir);
void *memory_of(int fd, size_t bytes);
void fill_tables(struct bench *b);
int port_of(enum kind k);
struct frame frame_of(enum kind k); /* 60 bytes of IPv4, 74 of IPv6 */
struct addr address(const char *text);
_Noreturn void die(const char *what);

#endif
