/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy may demand of TDX; docs/policy.md lists the keys. */
#ifndef TDX_RULES_H
#define TDX_RULES_H

#include <jansson.h>

#include "base/conf.h"
#include "verifier/policy_lists.h"
#include "verifier/tdx_tcb.h"

enum {
	RULES_ADVISORIES_MAX = 256,
};

/* Advisories that may be open, sorted. */
struct advisory_list {
	char (*names)[TDX_ADVISORY_MAX];
	size_t count;
};

struct tdx_rules {
	struct root_list roots; /* besides Intel's */
	struct value_list mrtd, rtmr[TDX_RTMRS], mrconfigid, mrowner, mrownerconfig, mrseam,
		mrsignerseam, service_tds, fmspcs;
	struct value_list platform_ids; /* PPID or platform instance id */
	struct mask_rule attributes, xfam;
	bool debug, migration, smt, cached_keys, dynamic_platform;
	bool status[TDX_STATUSES]; /* TCB statuses that are accepted */
	struct advisory_list advisories;
	bool any_advisory;
	uint8_t minimum_svn[TDX_SVN_BYTES]; /* of TEE_TCB_SVN, each byte */
	int64_t minimum_tcb_date;	    /* Unix seconds */
	uint64_t minimum_evaluation;	    /* tcbEvaluationDataNumber */
	uint64_t collateral_age_hours;	    /* 0: any that has not run out */
	enum crl_mode crl;
	uint64_t crl_age_hours;
};

void tdx_rules_default(struct tdx_rules *s);
/* Reads the mapping "tdx" over what is in s, which owns its lists. */
void tdx_rules_read(struct conf *y, const yaml_node_t *node, struct tdx_rules *s);
void tdx_rules_free(struct tdx_rules *s);
/* All of them as a new object, or NULL without memory. */
json_t *tdx_rules_json(const struct tdx_rules *s);

bool advisory_list_has(const struct advisory_list *l, const char *name);

#endif
