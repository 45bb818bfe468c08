/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy as those files see it that read it, judge by it and print it. */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "verifier/appraise.h"
#include "verifier/nitro_rules.h"
#include "verifier/policy.h"
#include "verifier/snp_rules.h"
#include "verifier/tdx_rules.h"

struct policy {
	char name[NAME_MAX_BYTES];
	bool tees[TEE_COUNT];
	bool sections[TEE_COUNT]; /* it says something about them */
	bool classified_chip_pin; /* pins of chips then decide about classified service alone */
	struct snp_rules snp;
	struct tdx_rules tdx;
	struct nitro_rules nitro;
	char digest[2 * SHA256_BYTES + 1];
};

/* policy_yaml.c: the keys of the mapping, into what policy_default() gave. */
void policy_read_keys(struct conf *y, const yaml_node_t *node, struct policy *p);
/* After a change: policy_digest() is kept, so that it needs no memory.  False without. */
bool policy_seal(struct policy *p);

#endif
