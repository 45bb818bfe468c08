/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lab's software TD: TDX quotes in the genuine format, under a lab's own root.  It proves
 * nothing about anything: whoever can read the directory can say whatever they like.  No verifier
 * trusts its root unless a policy names it.
 *
 * A root's directory, as `fairlead lab tdx-root` makes it:
 *   root.key ca.key signer.key   P-256, 0600
 *   root.pem ca.pem signer.pem   the root, its PCK authority, the signer of TCB info
 *   collateral/                  what PCS would publish, as `fairlead verify --collateral` reads it
 * A TD's, as `fairlead lab td` makes it:
 *   td.yaml                      what its quotes say; read again for every quote
 *   pck.key quote.key            P-256, 0600: the platform's, and its quoting enclave's
 *   pck.pem pck_chain.pem        the PCK; and with its authority and root, as quotes carry it
 */
#ifndef SOFT_TDX_H
#define SOFT_TDX_H

#include <openssl/x509.h>
#include <stdint.h>

#include "attester/attester.h"

enum {
	SOFT_TD_DIGEST_BYTES = 48,
	SOFT_TD_SVN_BYTES = 16,
	SOFT_RTMRS = 4,
	SOFT_QUOTE_MAX = 8192, /* genuine ones take 5 KiB */
	SOFT_EXTENSION_MAX = 1024,
	SOFT_FMSPC_BYTES = 6,
	SOFT_PLATFORM_ID_BYTES = 16,
	SOFT_SIGNATURE_BYTES = 64,
};

enum soft_td_body {
	SOFT_TD_10, /* 584 bytes */
	SOFT_TD_15, /* 648, in quotes of version 5 alone */
	SOFT_TD_BODIES
};

struct soft_td {
	uint32_t version; /* of the quote: 4 or 5 */
	enum soft_td_body body;
	uint8_t tcb_svn[SOFT_TD_SVN_BYTES]; /* of the module, that launched the TD and runs now */
	uint8_t mrseam[SOFT_TD_DIGEST_BYTES], mrtd[SOFT_TD_DIGEST_BYTES];
	uint8_t mrconfigid[SOFT_TD_DIGEST_BYTES], mrowner[SOFT_TD_DIGEST_BYTES];
	uint8_t mrownerconfig[SOFT_TD_DIGEST_BYTES];
	uint8_t rtmr[SOFT_RTMRS][SOFT_TD_DIGEST_BYTES];
	uint8_t mrservicetd[SOFT_TD_DIGEST_BYTES]; /* in bodies of TD 1.5 */
	uint64_t attributes, xfam;
	uint32_t qe_svn; /* of the quoting enclave */
};

/* A TD that is up to date by its lab's TCB info, in which nothing is measured yet. */
void soft_td_default(struct soft_td *t);

/* td.yaml.  0 or -errno and why[]; *t is untouched then. */
int soft_td_read(const char *path, struct soft_td *t, char why[WHY_MAX]);
int soft_td_parse(const char *name, const char *text, size_t n, struct soft_td *t,
		  char why[WHY_MAX]);
int soft_td_set(struct soft_td *t, const char *field, const char *value, char why[WHY_MAX]);
int soft_td_write(const char *directory, const struct soft_td *t, char why[WHY_MAX]);

struct soft_tdx_options {
	int64_t now;
	uint64_t evaluation; /* tcbEvaluationDataNumber of what it publishes */
	const char *revoke;  /* a TD's directory, whose PCK goes on the list; or NULL */
};

enum { SOFT_TDX_EVALUATION = 17 };

/* Makes what is missing of a root, and its collateral anew.  0 and the SHA-256 of its DER, or
 * -errno and why[]. */
int soft_tdx_root(const char *directory, const struct soft_tdx_options *o, uint8_t sha256[32],
		  char why[WHY_MAX]);
/* Issues a platform from root into directory: keys, PCK and chain. */
int soft_tdx_issue(const char *root, const char *directory, int64_t now, char why[WHY_MAX]);

/* The quote of t over report_data.  Its length, or -errno and why[]. */
int soft_quote(const char *directory, const struct soft_td *t,
	       const uint8_t report_data[REPORT_DATA_BYTES], uint8_t out[SOFT_QUOTE_MAX],
	       char why[WHY_MAX]);

/* --- between the files that make all this */

/* What is said of the platform in PCKs and TCB info alike. */
extern const uint8_t soft_fmspc[SOFT_FMSPC_BYTES];
extern const uint8_t soft_components[16];
enum { SOFT_PCESVN = 13, SOFT_QE_PRODUCT = 2 };

/* Intel's extension 1.2.840.113741.1.13.1, of a platform with these ids.  Its length. */
size_t soft_sgx_extension(const uint8_t ppid[SOFT_PLATFORM_ID_BYTES],
			  const uint8_t instance[SOFT_PLATFORM_ID_BYTES],
			  uint8_t out[SOFT_EXTENSION_MAX]);
/* SHA-256 of the name of the lab's stand-in for Intel's quoting enclave.  False: no SHA-256. */
bool soft_qe_mrsigner(uint8_t out[32]);
/* ECDSA P-256 over SHA-256, r || s, big endian. */
bool soft_sign_p256(EVP_PKEY *key, struct bytes message, uint8_t out[SOFT_SIGNATURE_BYTES]);
/* TCB info and QE identity, signed, into directory.  0 or -errno and why[]. */
int soft_tdx_documents(const char *directory, EVP_PKEY *signer, const struct soft_tdx_options *o,
		       char why[WHY_MAX]);

#endif
