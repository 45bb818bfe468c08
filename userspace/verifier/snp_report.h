/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attestation report of AMD SEV-SNP (AMD 56860, ATTESTATION_REPORT), versions 2 to 5: bytes
 * to fields, and what the format itself demands of them.  What policy demands is elsewhere.
 */
#ifndef SNP_REPORT_H
#define SNP_REPORT_H

#include "base/bytes.h"
#include "verifier/appraise.h"
#include "verifier/snp_product.h"

enum {
	SNP_REPORT_BYTES = 1184,
	SNP_SIGNED_BYTES = 0x2a0,
	SNP_VERSION_FIRST = 2,
	SNP_VERSION_CPUID = 3, /* from here on the report names its processor */
	SNP_VERSION_LAST = 5,
	SNP_VMPL_LAST = 3, /* above: asked for by the host, not by the guest */
	SNP_ID_BYTES = 16,
	SNP_HOST_DATA_BYTES = 32,
};

enum snp_key {
	SNP_KEY_VCEK = 0,
	SNP_KEY_VLEK = 1,
	SNP_KEYS,
	SNP_KEY_NONE = 7,
};

/* Of POLICY; 26 and above have no meaning yet. */
enum snp_policy_bit {
	SNP_POLICY_RESERVED_ONE = 17,
	SNP_POLICY_MIGRATE_MA = 18,
	SNP_POLICY_DEBUG = 19,
	SNP_POLICY_BITS = 26,
};

enum {
	SNP_PLATFORM_BITS = 8, /* of PLATFORM_INFO; 8 and above have no meaning yet */
};

struct snp_firmware {
	uint8_t major, minor, build;
};

/* Pointers lead into the report's bytes. */
struct snp_report {
	struct bytes all;
	uint32_t version, guest_svn, vmpl, signature_algo, key_info;
	uint64_t policy, platform_info;
	const uint8_t *family_id, *image_id;		  /* SNP_ID_BYTES */
	const uint8_t *report_data;			  /* REPORT_DATA_BYTES */
	const uint8_t *measurement;			  /* DIGEST_BYTES */
	const uint8_t *host_data;			  /* SNP_HOST_DATA_BYTES */
	const uint8_t *id_key_digest, *author_key_digest; /* DIGEST_BYTES */
	const uint8_t *report_id, *report_id_ma;	  /* 32 */
	const uint8_t *chip_id;				  /* SNP_CHIP_ID_BYTES */
	const uint8_t *current_tcb, *reported_tcb, *committed_tcb, *launch_tcb; /* SNP_TCB_BYTES */
	uint8_t family, model, stepping; /* zero in version 2 */
	struct snp_firmware current, committed;
	uint64_t launch_mitigation, current_mitigation; /* zero before version 4 */
	struct bytes r, s;				/* little endian, 72 bytes */
};

/*
 * The report inside a MSG_REPORT_RSP as /dev/sev-guest hands it out (4000 bytes); any other
 * bytes are left as they are.  REASON_FORMAT when the response tells of a failure.
 */
enum reason snp_report_unwrap(struct bytes *evidence, struct claims *out);

/* REASON_LENGTH unless it is SNP_REPORT_BYTES long. */
enum reason snp_report_parse(struct bytes in, struct snp_report *r, struct claims *out);

/*
 * Version, signature algorithm, reserved bytes (the unsigned ones at the end too), key
 * information, the policy's must-be bits.  What TCB_VERSION reserves depends on the product and
 * is left to the caller.
 */
enum reason snp_report_shape(const struct snp_report *r, bool newer_versions,
			     bool unknown_policy_bits, struct claims *out);

bool snp_report_author_key(const struct snp_report *r);	 /* AUTHOR_KEY_EN */
bool snp_report_chip_masked(const struct snp_report *r); /* MASK_CHIP_KEY */
enum snp_key snp_report_key(const struct snp_report *r); /* SIGNING_KEY */
const char *snp_key_str(enum snp_key k);		 /* "vcek", "vlek" */

#endif
