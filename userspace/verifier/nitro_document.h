/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS Nitro attestation documents: a COSE_Sign1 (RFC 9052) with a CBOR map as payload, taken apart.
 * Nothing is judged here but the form; everything points into the document.
 */
#ifndef NITRO_DOCUMENT_H
#define NITRO_DOCUMENT_H

#include "verifier/appraise.h"

enum {
	NITRO_PAYLOAD_MAX = 16384, /* of AWS's text; genuine ones take 4 to 8 KB */
	NITRO_CERT_MAX = 1024,
	NITRO_BUNDLE_MAX = 8, /* authorities; genuine documents have 4 */
	NITRO_FIELD_MAX = 1024,
	NITRO_MODULE_ID_MAX = 128,
	NITRO_PCRS = 32,
	NITRO_PCR_BYTES = 48, /* with SHA384, which is the only digest */
	NITRO_SIGNATURE_BYTES = 96,
};

/* What the enclave put in: absent, null and empty all occur. */
struct nitro_field {
	bool given; /* not null */
	struct bytes value;
};

struct nitro_document {
	struct bytes protected, payload, signature; /* of the COSE_Sign1 */
	struct bytes module_id;			    /* printable */
	uint64_t timestamp_ms;			    /* since 1970 */
	struct bytes pcrs[NITRO_PCRS];		    /* empty: not in the document */
	struct bytes certificate;		    /* DER, the leaf */
	struct bytes cabundle[NITRO_BUNDLE_MAX];    /* DER, root first */
	size_t cabundle_count;
	struct nitro_field public_key, user_data, nonce;
};

/* REASON_OK, or what is wrong with the form; d is filled as far as it came. */
enum reason nitro_document_parse(struct bytes in, struct nitro_document *d, struct claims *out);

/* The bytes that the signature is over (RFC 9052, 4.4) into buf: how many, 0 if they do not fit. */
size_t nitro_signed_bytes(const struct nitro_document *d, uint8_t *buf, size_t max);

#endif
