/* SPDX-License-Identifier: BSD-2-Clause */
/* An error in words for the caller, who prints it once. */
#ifndef WHY_H
#define WHY_H

#include <stdarg.h>
#include <stdio.h>

#include "steering/dataplane.h"

/* Says why in the caller's buffer and hands err back, so that a refusal is one line. */
__attribute__((format(printf, 3, 4))) static inline int because(char why[DATAPLANE_WHY_MAX],
								int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, DATAPLANE_WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

#endif
