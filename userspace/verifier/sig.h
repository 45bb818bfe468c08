/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests and the report's signature: what needs OpenSSL but no certificate. */
#ifndef SIG_H
#define SIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

enum {
	SHA256_BYTES = 32,
	P384_BYTES = 48, /* of a coordinate or scalar */
};

bool sha256(struct bytes in, uint8_t out[SHA256_BYTES]);

/* Has OpenSSL load all that the verifier uses, while files can be read.  False: it cannot. */
bool sig_prepare(void);

/* A key on the named curve P-384, not one that spells out its own curve parameters. */
bool key_is_p384(const struct evp_pkey_st *key);

/*
 * ECDSA P-384 with SHA-384 over message.  r and s are little endian and of any length; what
 * does not fit 1..n-1 is refused, as is every failure.
 */
bool sig_p384_verify(struct evp_pkey_st *key, struct bytes message, struct bytes r, struct bytes s);

#endif
