/* SPDX-License-Identifier: BSD-2-Clause */
/* One refused packet as the kernel told it: read, chosen, written.  Pure; time and names are given.
 */
#ifndef MONITOR_EVENT_H
#define MONITOR_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

enum {
	MONITOR_LINE_MAX = 512, /* two endpoints, three names, and words between */
	MONITOR_NO_SERVICE = 0xffff,
	MONITOR_FILTERS_MAX = 64, /* services named on a command line */
};

/* What ids are called now; NULL for one that nobody has. */
struct monitor_names {
	const char *service, *backend, *interface;
};

/* All zero: everything. */
struct monitor_filter {
	uint64_t outcomes; /* bit N: outcome N; 0: any */
	uint16_t services[MONITOR_FILTERS_MAX];
	size_t services_count; /* 0: any */
};

_Static_assert(OUT_COUNT <= 64, "an outcome is a bit of monitor_filter");

/* False: it is no event of ours.  One that is longer has fields that we do not know. */
bool monitor_decode(const void *data, size_t n, struct event *out);
/* An outcome by its label or the beginning of only one; -1 none, -2 several. */
int monitor_outcome(const char *text);
bool monitor_chosen(const struct monitor_filter *f, const struct event *e);

/* Nanoseconds of CLOCK_REALTIME, in UTC. */
void monitor_line(const struct event *e, const struct monitor_names *names, int64_t now_ns,
		  char out[MONITOR_LINE_MAX]);
json_t *monitor_json(const struct event *e, const struct monitor_names *names, int64_t now_ns);

#endif
