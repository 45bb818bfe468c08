/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service makes of marks, and how it gets to the packet path: bpf/marks.h. */
#ifndef STEERING_MARKS_H
#define STEERING_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "steering/dataplane.h"

/* A prefix and the class that its flows are raised to. */
struct source_mark {
	struct addr prefix; /* no bits set beyond its length */
	uint8_t bits;	    /* its length as of IPv6: 96 more if it is IPv4 */
	uint8_t class;
};

struct service_marks {
	bool wanted; /* else nothing else matters */
	bool strict;
	uint8_t dscp[DSCPS]; /* class + 1; 0: not listed */
	struct source_mark *sources;
	size_t sources_count;
};

/* enum service_flags */
uint16_t marks_flags(const struct service_marks *m);
/* As the kernel reads it: what is not listed raises nothing, or is refused where strict. */
struct marks marks_table(const struct service_marks *m);

struct service_want;
/*
 * Writes the marks of all services, which have these ids, and takes away prefixes of any other.
 * Before services are shown, so that none is without its marks.  0 or -errno with why.
 */
int marks_write(const struct dataplane *d, const struct service_want *want, const uint16_t *ids,
		size_t count, char why[DATAPLANE_WHY_MAX]);

#endif
