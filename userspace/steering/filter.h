/* SPDX-License-Identifier: BSD-2-Clause */
/* A program in a filter of clsact, which every kernel has and which goes on when we die. */
#ifndef STEERING_FILTER_H
#define STEERING_FILTER_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"

/* Where on an interface: there is one filter at most. */
struct filter_place {
	int ifindex;
	enum bpf_tc_attach_point point;
	uint32_t priority, handle;
};

/*
 * The number of an interface with Ethernet headers, also of lo's if loopback says so; or -errno
 * with why, which has what cannot be done there in its words.
 */
int filter_interface(const char *interface, bool loopback, const char *what,
		     char why[DATAPLANE_WHY_MAX]);
/* The program of the filter in that place, 0 if there is none. */
uint32_t filter_carried(const struct filter_place *at);
/* Is it a program for TC of that name?  So ours is known from another build, or without pins. */
bool filter_is_named(uint32_t program_id, const char *name);
/* In one exchange, where replace says that there is one: 0 or -errno. */
int filter_set(const struct filter_place *at, int program, bool replace);
int filter_remove(const struct filter_place *at);

#endif
