/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock, as certificates are judged by it. */
#ifndef WALL_H
#define WALL_H

#include <stdint.h>

/*
 * Unix seconds, and never less than *high_s, the highest it has said before: expired stays
 * expired, whoever turns the clock back.
 */
uint64_t wall_s(uint64_t *high_s);

#endif
