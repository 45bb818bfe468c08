/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PEM (RFC 7468) as it is met: CRLF or LF, text between blocks, and no newline between one
 * block's END and the next one's BEGIN, which OpenSSL's own reader does not take.
 */
#ifndef PEM_H
#define PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct pem_block {
	struct bytes label; /* "CERTIFICATE", in the text */
	struct bytes body;  /* base64 and white space, in the text */
};

/* The next block of *in, which then begins behind it.  1, 0: none, -EBADMSG: cut or garbled. */
int pem_next(struct bytes *in, struct pem_block *out);
bool pem_label_is(const struct pem_block *b, const char *label);
/* Decodes into out[size]: how many bytes, 0 when it is no base64 or does not fit. */
size_t pem_decode(const struct pem_block *b, uint8_t *out, size_t size);

#endif
