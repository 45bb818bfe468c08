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
	P256_BYTES = 32, /* of a coordinate or scalar */
	P384_BYTES = 48,
};

/* Each with the hash of its size: SHA-256, SHA-384. */
enum curve { CURVE_P256, CURVE_P384 };

bool sha256(struct bytes in, uint8_t out[SHA256_BYTES]);

/* Has OpenSSL load all that the verifier uses, while files can be read.  False: it cannot. */
bool sig_prepare(void);

/* A key on the named curve, not one that spells out its own curve parameters. */
bool key_is_on(const struct evp_pkey_st *key, enum curve curve);
bool key_is_p384(const struct evp_pkey_st *key);

/* The public key x || y, big endian, for key_free(); NULL when it is no point of the curve. */
struct evp_pkey_st *key_of_point(enum curve curve, struct bytes point);
/* The public key in PEM, its own or a certificate's, for key_free(); NULL when there is none. */
struct evp_pkey_st *key_of_pem(struct bytes pem);
void key_free(struct evp_pkey_st *key);

/*
 * ECDSA over message by a key on the curve.  signature: r || s, big endian, each of the curve's
 * size; what does not fit 1..n-1 is refused, as is every failure.
 */
bool sig_verify(enum curve curve, struct evp_pkey_st *key, struct bytes message,
		struct bytes signature);

/*
 * ECDSA P-384 with SHA-384 over message.  r and s are little endian and of any length; what
 * does not fit 1..n-1 is refused, as is every failure.
 */
bool sig_p384_verify(struct evp_pkey_st *key, struct bytes message, struct bytes r, struct bytes s);

#endif
