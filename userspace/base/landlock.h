/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process gives up by Landlock, where the kernel has it: every file that it has not opened
 * yet, and every TCP port but those it connects to.  It adds to sandbox_enter() and comes before
 * it; a kernel without Landlock, or with less of it, leaves to the others what is missing.
 */
#ifndef LANDLOCK_H
#define LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

/* What was given up, by the version of Landlock that had it first. */
enum landlock_scope {
	LANDLOCK_NOTHING = 0,
	LANDLOCK_FILES = 1,   /* Linux 5.13 */
	LANDLOCK_PORTS = 4,   /* 6.7 */
	LANDLOCK_SIGNALS = 6, /* 6.12: to other processes, and abstract sockets of theirs */
};

/*
 * For this thread and what it starts, which must have given up new privileges: at most one of the
 * values above, or -errno.  Ports are in host order.
 */
int landlock_enter(const uint16_t ports[], size_t count);
/* In words, for the log. */
const char *landlock_str(int scope);

#endif
