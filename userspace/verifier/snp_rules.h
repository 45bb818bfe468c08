/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy may demand of SEV-SNP; docs/policy.md lists the keys. */
#ifndef SNP_RULES_H
#define SNP_RULES_H

#include <jansson.h>

#include "base/conf.h"
#include "verifier/policy_lists.h"
#include "verifier/snp_report.h"

enum {
	RULES_FLOORS_MAX = 64, /* minimum TCBs */
	RULES_CSP_MAX = 64,
	RULES_CSP_TEXT_MAX = 128,
};

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
	bool azure_vtpm; /* reports of Azure's paravisor */
	struct value_list azure_pcrs;
	uint64_t minimum_guest_svn, vmpl_maximum, vmpl_minimum;
	struct mask_rule policy, platform;
	bool debug, migration, masked_chip_id, provisional_firmware, newer_versions;
	struct floor_list minimum_tcb, minimum_launch_tcb;
	struct snp_firmware minimum_firmware;		/* all zero: any */
	uint64_t launch_mitigation, current_mitigation; /* required bits */
	enum crl_mode crl;
	uint64_t crl_age_hours; /* 0: any that has not run out */
};

void snp_rules_default(struct snp_rules *s);
/* Reads the mapping "snp" over what is in s, which owns its lists. */
void snp_rules_read(struct conf *y, const yaml_node_t *node, struct snp_rules *s);
void snp_rules_free(struct snp_rules *s);
/* All of them as a new object, or NULL without memory. */
json_t *snp_rules_json(const struct snp_rules *s);

#endif
