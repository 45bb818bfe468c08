/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SNP in a confidential VM of Azure: no guest there can ask for a report of its own.  The paravisor
 * did, at boot, and its REPORT_DATA is the SHA-256 of claims that name the key of a virtual TPM; a
 * quote by that key answers the question of the moment.
 *
 * Evidence is what NV index 0x01400001 holds ("HCLA", 32 bytes of header, report, runtime data), by
 * itself or with a quote in a frame of ours: "HCLQ", then blob, TPMS_ATTEST and the RSA signature
 * of it, each behind its length (32 bits, little endian).
 */
#ifndef AZURE_HCL_H
#define AZURE_HCL_H

#include "verifier/appraise.h"

enum {
	AZURE_NONCE_BYTES =
		32, /* SHA-256 of the session's REPORT_DATA: what a TPM's nonce has room for */
	AZURE_PCRS_BYTES = 32, /* SHA-256 over the PCRs that a quote names */
	AZURE_USER_DATA_BYTES = 64,
};

struct azure_hcl {
	struct bytes report;		/* the SNP report, 1184 bytes */
	struct bytes claims;		/* JSON, the exact bytes that the report digests */
	struct bytes attest, signature; /* of the quote; empty: none came along */
};

/* What a quote says; read it only after azure_quote_verify(). */
struct azure_quote {
	struct bytes nonce;
	struct bytes pcrs; /* digest over the selected PCRs */
	bool all_pcrs;	   /* the 24 PCRs of the SHA-256 bank, no more and no less */
};

/* A key and what was written to NV index 0x01400002, by the claims. */
struct azure_claims {
	struct evp_pkey_st *key; /* HCLAkPub; azure_claims_free() */
	bool has_user_data;
	uint8_t user_data[AZURE_USER_DATA_BYTES];
};

bool azure_hcl_looks_like(struct bytes report);
enum reason azure_hcl_parse(struct bytes in, struct azure_hcl *out, struct claims *c);
/* claims must be known to be the paravisor's: JSON is read here. */
enum reason azure_claims_read(struct bytes claims, struct azure_claims *out, struct claims *c);
void azure_claims_free(struct azure_claims *a);
/* TPM 2.0, part 2: TPMS_ATTEST of a quote. */
enum reason azure_quote_parse(struct bytes attest, struct azure_quote *out, struct claims *c);
/* RSASSA-PKCS1-v1_5 with SHA-256 over attest. */
bool azure_quote_verify(const struct azure_claims *a, struct bytes attest, struct bytes signature);

#endif
