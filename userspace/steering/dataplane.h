/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's part of fairlead, as one directory in a bpffs: who loads it, who
 * takes it over, and which interface it looks at.
 *
 * What is pinned outlives every daemon.  dataplane_open() adopts what it finds
 * there, whoever loaded it (a former daemon, bpftool), if it is exactly of our
 * making; it refuses anything else by name, and loads only into an empty place.  An adopted
 * program of another build gives its maps and its interfaces to ours (replace.h); else
 * nothing here attaches or detaches: see attach.h.
 *
 *	PINS/router		the program
 *	PINS/settings …		its maps, each under its own name
 *	PINS/names		the daemon's own: which id is whose (tables.h)
 *	PINS/guard/guard	the program of the guests, and its maps beside it
 */
#ifndef DATAPLANE_H
#define DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

enum {
	DATAPLANE_WHY_MAX = 512, /* an error in words, with a path inside */
};

#define DATAPLANE_PINS "/sys/fs/bpf/fairlead"

/* Asked for when the maps are made; 0: the object's own.  Adopted maps keep theirs. */
struct dataplane_sizes {
	uint32_t services;   /* ids */
	uint32_t backends;   /* ids, of which 0 is nobody */
	uint32_t ring_slots; /* of all rings together */
	uint32_t flows;	     /* entries; rounded up to a power of two */
};

enum dataplane_map {
	MAP_SETTINGS,
	MAP_SERVICES,
	MAP_RINGS,
	MAP_BACKENDS,
	MAP_FLOWS,
	MAP_OUTCOMES,
	MAP_SERVICE_STATS,
	MAP_BACKEND_STATS,
	MAP_MARKS,
	MAP_SOURCES,
	MAP_QUIC_SERVERS,
	MAP_EVENTS,
	MAP_NAMES, /* absent (-1) until a daemon has opened the tables */
	MAP_COUNT
};

struct pinned_map {
	int fd; /* -1: absent */
	uint32_t id, type, value_size, entries;
};

struct dataplane {
	char pins[256];
	int lock; /* of the directory, held by the one who may write; -1 in a view */
	int program;
	uint32_t program_id; /* as in bpftool and ip */
	bool adopted;	     /* was there before us: the maps, and the program unless */
	bool renewed;	     /* another build was pinned, in whose place ours is now */
	struct pinned_map map[MAP_COUNT];
};

/*
 * Adopts or loads the router under pins (NULL: DATAPLANE_PINS), mounting a bpffs and making the
 * directory where they lack.  Holds the directory's lock until closed, so that there is one
 * writer: -EBUSY.  0, or -errno with why: what, which, and what was wanted.
 */
int dataplane_open(struct dataplane *d, const char *pins, const struct dataplane_sizes *sizes,
		   char why[DATAPLANE_WHY_MAX]);
/* The same, but never loads, makes or changes anything: -ENOENT when nothing is there. */
int dataplane_view(struct dataplane *d, const char *pins, char why[DATAPLANE_WHY_MAX]);
void dataplane_close(struct dataplane *d); /* closes descriptors; everything goes on running */

/* Removes our pins; programs that are attached go on running until detached. */
int dataplane_unpin(const char *pins, char why[DATAPLANE_WHY_MAX]);

#endif
