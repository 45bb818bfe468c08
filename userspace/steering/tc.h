/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The router behind TC: for what comes in by interfaces without XDP, and for what this
 * host itself sends to a VIP.  Its two programs work on the maps of the router's program
 * (dataplane.h) and are pinned beside it:
 *
 *	PINS/steer_ingress	what comes in
 *	PINS/steer_egress	what goes out
 *	PINS/tcx_ingress_3 …	their links to interfaces, by number, where the kernel has tcx
 *
 * Either way of attaching outlives us: a pinned link, or on older kernels a filter of
 * clsact, which has the same place on every interface.
 */
#ifndef STEERING_TC_H
#define STEERING_TC_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"

enum tc_way {
	TC_IN,
	TC_OUT,
	TC_WAYS
};

enum {
	TC_PRIORITY = 60, /* of our filter, as under libxdp's dispatcher (bpf/dispatch.h) */
	TC_HANDLE = 0xfa17,
};

struct tc_attachment {
	bool tcx;	   /* else clsact */
	bool was_there;	   /* the interface carried our very program already */
	uint32_t replaced; /* the predecessor that it carried till now, or 0 */
};

const char *tc_way_str(enum tc_way way);     /* "ingress" */
const char *tc_program_str(enum tc_way way); /* "steer_ingress" */

/*
 * The program for one way, on d's maps: what is pinned, or loaded and pinned now.  Where d was opened
 * to write, another build gives its pin and its interfaces to ours.  A descriptor, to be closed, or
 * -errno with why.
 */
int tc_open(const struct dataplane *d, enum tc_way way, uint32_t *id, char why[DATAPLANE_WHY_MAX]);
bool tc_is_pinned(const char *pins, enum tc_way way);
/* Removes the pins of both programs and of links.  What is attached by a link alone ends. */
int tc_unpin(const char *pins, char why[DATAPLANE_WHY_MAX]);

/*
 * tc_attach.c.  A predecessor is replaced; -EBUSY when somebody else's filter has our place, -EINVAL
 * when the interface has no Ethernet headers.  0, or -errno with why.
 */
int tc_attach(int program, const char *pins, const char *interface, enum tc_way way,
	      struct tc_attachment *a, char why[DATAPLANE_WHY_MAX]);
/* Takes it off, whichever build it is of: -ENOENT when the interface carries none. */
int tc_detach(const char *pins, const char *interface, enum tc_way way,
	      char why[DATAPLANE_WHY_MAX]);
/* The program of ours that the interface carries, 0 if none. */
uint32_t tc_carried(const char *pins, const char *interface, enum tc_way way, bool *tcx);
/* Puts program in the place of its predecessors wherever they are attached. */
void tc_replace_everywhere(int program, enum tc_way way);

#endif
