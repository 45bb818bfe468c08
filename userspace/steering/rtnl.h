/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four questions that next hops need of rtnetlink: where does this go, who is
 * that neighbour, please find him, which interfaces are there.  No nlattr leaves
 * the file.
 */
#ifndef RTNL_H
#define RTNL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct rtnl_route {
	uint8_t type; /* RTN_… */
	uint32_t oif;
	struct addr via;    /* the gateway, or the destination itself */
	struct addr source; /* all zero: none was given */
	uint32_t mtu;	    /* 0: the interface's */
};

struct rtnl_neighbour {
	uint32_t ifindex;
	struct addr addr;
	uint16_t state; /* NUD_… */
	bool has_mac;
	uint8_t mac[6];
};

struct rtnl_link {
	uint32_t ifindex;
	char name[16];
	bool up;       /* and with a carrier */
	bool ethernet; /* has MAC addresses, and asks for others' */
	uint8_t mac[6];
	uint32_t mtu;
};

/* 0 or -errno: -ENETUNREACH, -EHOSTUNREACH and others as the kernel answers. */
int rtnl_route_to(const struct addr *dst, struct rtnl_route *out);
/* -ENOENT: nobody knows him. */
int rtnl_neighbour(uint32_t ifindex, const struct addr *addr, struct rtnl_neighbour *out);
/* Has the kernel find him, or make sure that he is still there.  Answers come as events. */
int rtnl_neighbour_ask(uint32_t ifindex, const struct addr *addr);
/* All interfaces; the caller frees. */
int rtnl_links(struct rtnl_link **list, size_t *count);

/* An RTM_NEWNEIGH or RTM_DELNEIGH of an IP neighbour; false for any other. */
bool rtnl_neighbour_parse(const struct nlmsghdr *nlh, struct rtnl_neighbour *out);

#endif
