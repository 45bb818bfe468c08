/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of trusted execution environment, and the names they go by on the wire. */
#ifndef TEE_H
#define TEE_H

#include <stdbool.h>

enum tee {
	TEE_NONE,
	TEE_SNP,
	TEE_TDX,
	TEE_NITRO,
	TEE_COUNT
};

const char *tee_str(enum tee t);		     /* "none", "snp", "tdx", "nitro" */
bool tee_parse(const char *text, enum tee *out);
/* The media type of its evidence in a CMW record (RFC 9999): "application/vnd.fairlead.snp". */
const char *tee_media_type(enum tee t);

#endif
