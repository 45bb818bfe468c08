/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The egress program in a rig: loaded, with rules, on no interface.  A row puts one
 * frame in and holds action, counters and bytes against what they must be.
 */
#ifndef EGRESS_RIG_H
#define EGRESS_RIG_H

#include "alone.h"
#include "egress.skel.h"
#include "egress_abi.h"

#define OURS4	   "10.9.0.1"
#define OURS6	   "fd00:9::1"
#define VIP4	   "192.0.2.1"
#define VIP6	   "2001:db8::1"
#define PINNED4	   "198.51.100.50"
#define PINNED6	   "2001:db8:5::50"
#define PREFIX4	   "203.0.113.0"
#define PREFIX6	   "2001:db8:7::"
#define IN_PREFIX4 "203.0.113.200"
#define IN_PREFIX6 "2001:db8:7::1:2"
#define PEER4	   "10.9.0.254"
#define PEER6	   "fd00:9::fe"
#define OTHER4	   "198.51.100.51"
#define OTHER6	   "2001:db8:5::51"
#define LINK6	   "fe80::7"
#define GROUP6	   "ff02::1:ff00:7"

enum { AGENT_PORT = 9478, SERVED_MSS = 1440 };

struct egress_rig {
	struct egress_bpf *e;
	int rules;
	struct alone alone;
	unsigned int told;
	struct egress_event last;
};

/* Exits 77 with a word when this system does not let us load programs.  No rules yet. */
void egress_rig_open(struct egress_rig *r);
void egress_rig_fill(struct egress_rig *r);
int egress_rig_close(struct egress_rig *r); /* prints the plan; what main returns */

int egress_rig_rules(void); /* a trie, empty */
void egress_rig_put(struct egress_rig *r, int rules);
/* bits: of the prefix as written; 0 is a single host. */
void egress_rig_allow(struct egress_rig *r, enum egress_way way, uint8_t proto, uint16_t port,
		      const char *addr, unsigned int bits);
void egress_row(struct egress_rig *r, const char *what, const struct frame *in,
		enum egress_outcome o);
/* wanted: the frame as it is afterwards. */
void egress_row_as(struct egress_rig *r, const char *what, const struct frame *in,
		   enum egress_outcome o, const struct frame *wanted);
void egress_check(struct egress_rig *r, const char *what, bool good);

struct frame egress_tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			uint8_t flags, uint8_t tags);
struct frame egress_udp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			uint8_t tags);

#endif
