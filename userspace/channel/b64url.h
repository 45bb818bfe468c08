/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 with the URL alphabet and no padding (RFC 4648, section 5), one spelling per value. */
#ifndef B64URL_H
#define B64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* The text's length without its NUL. */
static inline size_t b64url_length(size_t bytes)
{
	return bytes / 3 * 4 + (bytes % 3 ? bytes % 3 + 1 : 0);
}

/* Writes text and NUL to out[size]; false when they do not fit. */
bool b64url_encode(struct bytes in, char *out, size_t size);

/*
 * Writes the bytes of text[n] to out[size].  False when they do not fit or the text is not
 * what b64url_encode() would have written: padding, other letters, stray bits at the end.
 */
bool b64url_decode(const char *text, size_t n, uint8_t *out, size_t size, size_t *length);

#endif
