/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's revocation lists: every *crl.der of a directory, one after the other. */
#ifndef DAEMON_CRLS_H
#define DAEMON_CRLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"

enum { CRLS_OWN_MAX = 65536 }; /* three products' of some hundred bytes each */

/*
 * All of them or none: who is left out might revoke somebody.  dir "": there are none.  0, and *out
 * is the caller's to free; or -errno and why.
 */
int crls_read(const char *dir, uint8_t **out, size_t *n, char why[WHY_MAX]);

#endif
