/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One program and its maps in a directory of a bpffs: put there, found again, checked.
 *
 * The program is the truth: it is pinned last, so without it whatever maps lie there
 * are leftovers of a loader that died, and with it the maps are those that it uses.
 */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "steering/dataplane.h"

enum {
	PINS_MAPS_MAX = 32,  /* maps that one of our programs uses, its constants too */
	PINS_PATH_MAX = 320, /* a directory of struct dataplane and a name */
};

/* What a map must be like. */
struct pin_spec {
	const char *name;
	uint32_t type, key_size, value_size, flags;
};

struct pin_set {
	const char *program; /* its name, and that of its pin */
	const struct pin_spec *maps;
	size_t count;
	uint32_t type; /* enum bpf_prog_type */
};

/* Makes dir, mounting a bpffs at /sys/fs/bpf where it lacks; 0 or -errno with why. */
int pins_make(const char *dir, char why[DATAPLANE_WHY_MAX]);
/* A descriptor that holds the lock of dir until it is closed, or -errno with why. */
int pins_lock(const char *dir, char why[DATAPLANE_WHY_MAX]);

/*
 * Opens the pinned program and its maps, each checked against the set: fds for the caller to close.
 * With repair, a map whose pin is missing is pinned again.  -ENOENT: no program there.
 */
int pins_adopt(const char *dir, const struct pin_set *set, bool repair, int *program,
	       uint32_t *program_id, struct pinned_map maps[], char why[DATAPLANE_WHY_MAX]);
/* Pins the maps, then the program.  What was left there before goes first. */
int pins_place(const char *dir, const struct pin_set *set, int program,
	       const struct pinned_map maps[], char why[DATAPLANE_WHY_MAX]);
/* Another program in place of the pinned one: whoever opens the pin finds the one or the other. */
int pins_exchange(const char *dir, const char *name, int program, char why[DATAPLANE_WHY_MAX]);
/* Removes our pins and those of constants, the program first.  0 or -errno. */
int pins_clear(const char *dir, const struct pin_set *set, char why[DATAPLANE_WHY_MAX]);

/* Fills m for an open map; 0 or -errno.  m->fd is fd. */
int pins_describe(int fd, struct pinned_map *m);
/* Checks one map that the set does not list. */
int pins_check(const char *path, int fd, const struct pin_spec *spec, char why[DATAPLANE_WHY_MAX]);
void pins_close(int program, struct pinned_map maps[], size_t count);

/* libbpf's own words go to the debug log: what matters is said by us. */
void pins_quiet(void);

#endif
