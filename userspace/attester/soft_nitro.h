/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lab's software enclave: attestation documents in the genuine format, under a lab's own root.
 * It proves nothing about anything: whoever can read the directory can say whatever they like.  No
 * verifier trusts its root unless a policy names it.
 *
 * A root's directory: root.key region.key zone.key (0600), root.pem region.pem zone.pem.
 * An enclave's, as `fairlead lab enclave` makes it:
 *   enclave.yaml              what its documents say; read again for every quote
 *   instance.key              P-384, 0600: issues the leaves, as the hypervisor does
 *   cabundle0.der … 3.der     root, region, zone, instance
 */
#ifndef SOFT_NITRO_H
#define SOFT_NITRO_H

#include <openssl/types.h>
#include <stdint.h>
#include <stdio.h>

#include "attester/attester.h"

enum {
	SOFT_PCRS = 16,
	SOFT_PCR_BYTES = 48,
	SOFT_BUNDLE = 4,
	SOFT_CERT_MAX = 1024, /* as AWS has it */
	SOFT_DOCUMENT_MAX = 16384,
	SOFT_LEAF_S = 3 * 3600, /* as AWS's */
};

struct soft_enclave {
	char module_id[NAME_MAX_BYTES];
	uint8_t pcrs[SOFT_PCRS][SOFT_PCR_BYTES]; /* the file has those that mean something */
	uint32_t leaf_s;			 /* how long a leaf is valid */
};

/* An enclave of nobody's instance, in which nothing is measured yet. */
void soft_enclave_default(struct soft_enclave *e);

/* enclave.yaml.  0 or -errno and why[]; *e is untouched then. */
int soft_enclave_read(const char *path, struct soft_enclave *e, char why[WHY_MAX]);
int soft_enclave_parse(const char *name, const char *text, size_t n, struct soft_enclave *e,
		       char why[WHY_MAX]);
int soft_enclave_set(struct soft_enclave *e, const char *field, const char *value,
		     char why[WHY_MAX]);
int soft_enclave_write(const char *directory, const struct soft_enclave *e, char why[WHY_MAX]);

/* Makes what is missing of a root.  0 and the SHA-256 of its DER, or -errno and why[]. */
int soft_nitro_root(const char *directory, int64_t now, uint8_t sha256[32], char why[WHY_MAX]);
/* Issues an instance from root into directory: key, certificate and bundle. */
int soft_nitro_issue(const char *root, const char *directory, int64_t now, char why[WHY_MAX]);

/* The keys and certificates that one document needs. */
struct soft_leaf {
	EVP_PKEY *key;
	uint8_t der[SOFT_CERT_MAX];
	size_t n;
	int64_t from, until; /* Unix seconds */
};

/* A new leaf of the instance in directory.  0 or -errno and why[]; soft_leaf_free() what is there.
 */
int soft_leaf_issue(const char *directory, const struct soft_enclave *e, int64_t now,
		    struct soft_leaf *leaf, char why[WHY_MAX]);
void soft_leaf_free(struct soft_leaf *leaf);

/* The document of e over report_data, at now_ms since 1970.  Its length, or -errno and why[]. */
int soft_document(const char *directory, const struct soft_enclave *e, const struct soft_leaf *leaf,
		  const uint8_t report_data[REPORT_DATA_BYTES], int64_t now_ms,
		  uint8_t out[SOFT_DOCUMENT_MAX], char why[WHY_MAX]);

#endif
