/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lab's software attester: SNP reports in the genuine format, signed by keys that
 * lie in a directory.  It proves nothing about anything: whoever can read the directory
 * can say whatever they like.  No verifier trusts its root unless a policy names it.
 *
 * A guest's directory, as `fairlead lab guest` makes it:
 *   guest.yaml                what its reports say; read again for every quote
 *   vcek.key vlek.key         P-384, 0600
 *   vcek.der vlek.der         leaves, issued for the TCB and chip that guest.yaml named then
 *   vcek_chain.pem vlek_chain.pem   ASK or ASVK, then ARK
 */
#ifndef SOFT_H
#define SOFT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "attester/attester.h"

enum {
	SNP_REPORT_BYTES = 0x4a0, /* AMD 56860, table ATTESTATION_REPORT */
	SNP_SIGNED_BYTES = 0x2a0,
	CHIP_ID_BYTES = 64,
	CSP_ID_MAX = 64,
};

enum snp_product {
	SNP_MILAN,
	SNP_GENOA,
	SNP_TURIN,
	SNP_PRODUCTS
};

enum snp_key {
	SNP_VCEK,
	SNP_VLEK,
	SNP_KEYS
};

struct soft_tcb {
	uint8_t fmc; /* Turin only */
	uint8_t bootloader, tee, snp, microcode;
};

struct soft_firmware {
	uint8_t major, minor, build;
};

/* Every field of a report that a guest's owner, host or firmware decides. */
struct soft_guest {
	char name[NAME_MAX_BYTES];
	enum snp_product product;
	enum snp_key key;
	uint32_t version; /* of the report's layout: 2, 3 or 5 */
	uint32_t guest_svn, vmpl;
	uint64_t policy, platform_info;
	uint8_t family_id[16], image_id[16];
	uint8_t measurement[48], host_data[32];
	uint8_t id_key_digest[48], author_key_digest[48];
	bool author_key, mask_chip_key;
	uint8_t report_id[32], report_id_ma[32];
	struct soft_tcb current_tcb, reported_tcb, committed_tcb, launch_tcb;
	uint8_t cpuid_family, cpuid_model, cpuid_stepping;
	uint8_t chip_id[CHIP_ID_BYTES]; /* Turin: 8 bytes, then zero */
	struct soft_firmware current_firmware, committed_firmware;
	uint64_t launch_mitigations, current_mitigations; /* reports from version 5 on */
	char csp_id[CSP_ID_MAX];			  /* in a VLEK */
};

const char *lab_product_str(enum snp_product p); /* "Milan", … */
bool snp_product_parse(const char *text, enum snp_product *out);
const char *lab_key_str(enum snp_key k); /* "vcek", "vlek": also the stem of the files' names */

/* What an up-to-date part of that line says; identities are zero: the caller draws them. */
void soft_guest_default(struct soft_guest *g, enum snp_product p);

/* guest.yaml.  0 or -errno and why[]; *g is untouched then. */
int soft_guest_read(const char *path, struct soft_guest *g, char why[WHY_MAX]);
int soft_guest_parse(const char *name, const char *text, size_t n, struct soft_guest *g,
		     char why[WHY_MAX]);
/* Changes one field by its name in guest.yaml, which may be spelt with '_' for '-'. */
int soft_guest_set(struct soft_guest *g, const char *field, const char *value, char why[WHY_MAX]);
void soft_guest_print(const struct soft_guest *g, FILE *to);
int soft_guest_write(const char *path, const struct soft_guest *g, char why[WHY_MAX]);

/* The report that g makes over report_data, unsigned. */
void soft_report_build(const struct soft_guest *g, const uint8_t report_data[REPORT_DATA_BYTES],
		       uint8_t out[SNP_REPORT_BYTES]);
/* ECDSA P-384 over the first SNP_SIGNED_BYTES, r and s little-endian.  0 or -errno. */
int soft_report_sign(uint8_t report[SNP_REPORT_BYTES], EVP_PKEY *key);

#endif
