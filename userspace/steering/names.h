/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map `names`: which id is whose.  One entry per backend id, then one per service
 * id; an empty name is nobody's.  Written so that a daemon killed in between leaves
 * the old name, the new one, or none.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"
#include "steering/dataplane.h"

/* Eight bytes aligned: the first word decides whether there is a name. */
struct name {
	char text[NAME_MAX_BYTES] __attribute__((aligned(8)));
};

bool name_is_set(const struct name *n);
void name_set(struct name *n, const char *text);
void name_clear(struct name *n);

/* Indexes 0..count-1 sorted by the names at first + i * size; for names_find().  NULL: no memory.
 */
uint32_t *names_index(const char *first, size_t size, size_t count);
/* Where text is in that index, or -1. */
int64_t names_find(const uint32_t *index, const char *first, size_t size, size_t count,
		   const char *text);

/* One that is there twice, or -1. */
int64_t names_twice(const uint32_t *index, const char *first, size_t size, size_t count);

/*
 * Opens the map beside the others of d, or makes and pins it: d->map[MAP_NAMES].  *made says
 * which.  One of other sizes is refused by name.
 */
int names_open(struct dataplane *d, bool *made, char why[DATAPLANE_WHY_MAX]);

#endif
