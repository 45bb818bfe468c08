/* SPDX-License-Identifier: BSD-2-Clause */
/* A program beside the router, tried by single frames: what it does, counts and leaves of each. */
#ifndef ALONE_H
#define ALONE_H

#include <stdbool.h>

#include "frame.h"

struct alone {
	int program, outcomes; /* descriptors; the latter of counters for each CPU */
	uint32_t count;	       /* of outcomes, at most ALONE_OUTCOMES_MAX */
	unsigned int rows, failed;
};

enum { ALONE_OUTCOMES_MAX = 64 };

/* A row: one frame, which is counted once and under that outcome; wanted: as it is afterwards. */
void alone_row(struct alone *a, const char *what, const struct frame *in, uint32_t outcome,
	       uint32_t action, const struct frame *wanted);
void alone_check(struct alone *a, const char *what, bool good);
int alone_close(const struct alone *a); /* prints the plan; what main returns */

void alone_die(const char *what) __attribute__((noreturn));
/* Exits: with a word where this system does not let us load programs. */
void alone_not_loaded(const char *what) __attribute__((noreturn));

#endif
