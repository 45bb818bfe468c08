/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy as those files see it that read it, judge by it and print it. */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "verifier/policy.h"
#include "verifier/sig.h"
#include "verifier/snp_report.h"

enum {
	RULES_ROOTS_MAX = 16,
	RULES_VALUES_MAX = 65536, /* of one list: chip ids of a large fleet */
	RULES_FLOORS_MAX = 64,	  /* minimum TCBs */
	RULES_CSP_MAX = 64,
	RULES_CSP_TEXT_MAX = 128,
	RULES_CRL_AGE_HOURS_MAX = 24 * 365,
};

/* Byte strings of one width, sorted; empty: anything will do. */
struct value_list {
	uint8_t *values;
	size_t count, width;
};

struct mask_rule {
	uint64_t required, forbidden;
	bool unknown; /* bits without a known meaning may be set */
};

enum crl_mode { CRL_OFF, CRL_GIVEN, CRL_REQUIRED };

/* Applies to a product or, where they are given, to a family, model and stepping of it. */
struct tcb_floor {
	enum snp_product product;
	bool has_cpu[3];
	uint8_t cpu[3]; /* family, model, stepping */
	struct snp_tcb tcb;
};

struct floor_list {
	struct tcb_floor *floors;
	size_t count;
};

struct root_list {
	uint8_t sha256[RULES_ROOTS_MAX][SHA256_BYTES]; /* of a DER or of a SubjectPublicKeyInfo */
	size_t count;
};

struct csp_list {
	char (*names)[RULES_CSP_TEXT_MAX];
	size_t count;
};

struct snp_rules {
	struct root_list roots; /* besides AMD's */
	bool products[SNP_PRODUCTS], keys[SNP_KEYS];
	struct value_list measurements, host_data, id_keys, author_keys, family_ids, image_ids,
		chip_ids; /* chip ids of 8 bytes are padded with zeroes, as in reports */
	struct csp_list csp_ids;
	uint64_t minimum_guest_svn, vmpl_maximum, vmpl_minimum;
	struct mask_rule policy, platform;
	bool debug, migration, masked_chip_id, provisional_firmware, newer_versions;
	struct floor_list minimum_tcb, minimum_launch_tcb;
	struct snp_firmware minimum_firmware;		/* all zero: any */
	uint64_t launch_mitigation, current_mitigation; /* required bits */
	enum crl_mode crl;
	uint64_t crl_age_hours; /* 0: any that has not run out */
};

struct policy {
	char name[NAME_MAX_BYTES];
	bool tees[TEE_COUNT];
	bool classified_chip_pin; /* chip_ids then decide about classified service alone */
	struct snp_rules snp;
	char digest[2 * SHA256_BYTES + 1];
};

/* policy_yaml.c: the keys of the mapping, into what policy_default() gave. */
void policy_read_keys(struct conf *y, const yaml_node_t *node, struct policy *p);
/* After a change: policy_digest() is kept, so that it needs no memory.  False without. */
bool policy_seal(struct policy *p);

bool value_list_has(const struct value_list *l, const uint8_t *value);

#endif
