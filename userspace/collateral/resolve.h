/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COLLATERAL_RESOLVE_H
#define COLLATERAL_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

/* Before the sandbox is entered. */
void resolve_prepare(void);

/*
 * The addresses of a URL's host as CURLOPT_RESOLVE wants them, into out[size]; "" when the host
 * is an address.  False, and *why, when there are none.
 */
bool resolve(const char *url, char *out, size_t size, const char **why);

#endif
