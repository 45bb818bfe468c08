/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TDX quote (Intel TDX DCAP quoting library API, version 4 and 5 of the format), taken apart.
 * Everything points into the quote.  Numbers are little endian, signatures and keys big endian.
 */
#ifndef TDX_QUOTE_H
#define TDX_QUOTE_H

#include "verifier/appraise.h"

enum {
	TDX_QUOTE_MAX = 16384, /* real ones take 5 KiB and are padded to 8000 bytes at most */
	TDX_SVN_BYTES = 16,
	TDX_DIGEST_BYTES = 48,
	TDX_SIGNATURE_BYTES = 64,
	TDX_KEY_BYTES = 64,
	TDX_QE_REPORT_BYTES = 384,
	SGX_MEASUREMENT_BYTES = 32,
	TDX_RTMRS = 4,
};

/* Bits of td_attributes (Intel TDX module ABI, ATTRIBUTES). */
enum {
	TDX_ATTRIBUTE_DEBUG = 0,
	TDX_ATTRIBUTE_SEPT_VE_DISABLE = 28,
	TDX_ATTRIBUTE_MIGRATABLE = 29,
};
#define TDX_ATTRIBUTES_UNDER_DEBUG 0xffULL /* each of them gives the TD's secrets to the host */
/* Those with a meaning: the group above, ICSSD, LASS, SEPT_VE_DISABLE, MIGRATABLE, PKS, KL, TPA,
 * PERFMON. */
#define TDX_ATTRIBUTES_KNOWN 0xc0000000f80100ffULL

/* TD 1.0 report body; the last two are of TD 1.5 and zero before. */
struct tdx_body {
	const uint8_t *tcb_svn; /* of the module that launched the TD; 16 bytes */
	const uint8_t *mrseam, *mrsignerseam;
	uint64_t seam_attributes, attributes, xfam;
	const uint8_t *mrtd, *mrconfigid, *mrowner, *mrownerconfig, *rtmr[TDX_RTMRS];
	const uint8_t *report_data;
	bool is_15;
	const uint8_t *tcb_svn2; /* of the module that runs now */
	const uint8_t *mrservicetd;
};

/* What is needed of the quoting enclave's SGX report. */
struct tdx_qe_report {
	uint32_t miscselect;
	const uint8_t *attributes; /* 16 bytes */
	const uint8_t *mrenclave, *mrsigner;
	uint16_t isvprodid, isvsvn;
	const uint8_t *report_data; /* 64 bytes */
};

struct tdx_quote {
	uint16_t version;
	struct tdx_body body;
	struct tdx_qe_report qe;
	struct bytes signed_part;  /* header and body */
	struct bytes signature;	   /* of it, r || s */
	struct bytes key;	   /* that signed it, x || y */
	struct bytes qe_report;	   /* all of it */
	struct bytes qe_signature; /* by the PCK */
	struct bytes qe_auth;	   /* is hashed with the key */
	struct bytes certificates; /* PEM: PCK, its authority, root */
	struct bytes rest;	   /* behind all of it */
};

/* Refuses all that is no quote of a TD by a P-256 key with its certificates inside. */
enum reason tdx_quote_parse(struct bytes in, struct tdx_quote *out, struct claims *why);

#endif
