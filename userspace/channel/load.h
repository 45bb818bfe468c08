/* SPDX-License-Identifier: BSD-2-Clause */
/* How busy this machine is: the one-minute load per processor, 0..1000 permille. */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>

#include "base/bytes.h"

enum { LOAD_MOST = 1000 };

/* text as in /proc/loadavg (proc(5)); 0 when it is not. */
uint32_t load_permille(struct bytes text, unsigned int processors);

/* The same from a descriptor opened before the sandbox closed; 0 when it cannot be read. */
uint32_t load_read(int fd, unsigned int processors);

#endif
