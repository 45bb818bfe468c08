/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One program in the place of another, without a packet in between: the maps stay, and
 * each interface goes from the one to the other by a single exchange of pointers.
 *
 * A predecessor is a program of the same type and name that shares a map with ours: maps
 * are handed on from program to program, and to nobody else.  Which of two is the
 * younger nobody can tell from their code, so the tag (a digest of the instructions)
 * only says that they differ; who starts last brings the code that stays.
 */
#ifndef REPLACE_H
#define REPLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"

struct bpf_object;

/*
 * Loads obj, which is open, onto the maps of *program, pinned as dir/name.  Where its code is
 * another, it takes the pin and *program, *id: 1.  0 when the code is the same: obj was loaded in
 * vain.  -errno with why, and nothing has changed.
 */
int replace_pinned(const char *dir, const char *name, struct bpf_object *obj, int *program,
		   uint32_t *id, char why[DATAPLANE_WHY_MAX]);

/* Makes obj, which is open, use the maps of program wherever names and shapes agree. */
int replace_share_maps(struct bpf_object *obj, int program);

/* Is the program with that id a predecessor of ours?  False for ours, and where we may not ask. */
bool replace_is_due(int program, uint32_t id);
/*
 * Puts program in the place of its predecessors on every interface of this network namespace and
 * in every BPF link.  What cannot be replaced runs on with the same maps, and is logged.
 */
void replace_everywhere(int program);
/* In a BPF link that holds the program with that id: how many there were. */
unsigned int replace_in_links(int program, uint32_t id);

#endif
