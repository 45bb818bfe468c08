/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILES_H
#define FILES_H

#include <stdint.h>

/*
 * Lets this process have so many descriptors open where it may raise the limit, else as many as
 * the hard limit allows; never fewer than before.  Answers how many it may have open now.
 */
uint64_t files_limit_raise(uint64_t wanted);

#endif
