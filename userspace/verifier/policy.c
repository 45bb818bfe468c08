// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "verifier/policy_rules.h"
#include "verifier/refuse.h"

struct policy *policy_default(void)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	strcpy(p->name, "default"); /* fits */
	for (enum tee i = 0; i < TEE_COUNT; i++)
		p->tees[i] = appraise_knows(i);
	snp_rules_default(&p->snp);
	tdx_rules_default(&p->tdx);
	nitro_rules_default(&p->nitro);
	if (!policy_seal(p)) {
		policy_free(p);
		return NULL;
	}
	return p;
}

struct policy *policy_read(struct conf *y, const yaml_node_t *node)
{
	struct policy *p = policy_default();

	if (!p)
		return NULL;
	policy_read_keys(y, node, p);
	if (!policy_seal(p)) {
		policy_free(p);
		return NULL;
	}
	return p;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	snp_rules_free(&p->snp);
	tdx_rules_free(&p->tdx);
	nitro_rules_free(&p->nitro);
	free(p);
}

const char *policy_name(const struct policy *p)
{
	return p->name;
}

const char *policy_digest(const struct policy *p)
{
	return p->digest;
}

int policy_trust_root(struct policy *p, const uint8_t sha256_of_root[SHA256_BYTES])
{
	/* Each platform's: a hash fits one root only. */
	struct root_list *const lists[] = { &p->snp.roots, &p->tdx.roots, &p->nitro.roots };
	size_t added = 0;
	int err = 0;

	while (!err && added < sizeof(lists) / sizeof(*lists)) {
		err = root_list_add(lists[added], sha256_of_root);
		added += !err;
	}
	if (!err && policy_seal(p))
		return 0;
	while (added)
		lists[--added]->count--;
	return -ENOSPC;
}

bool policy_seal(struct policy *p)
{
	json_t *demands = policy_json(p);
	uint8_t digest[SHA256_BYTES];
	bool ok = false;
	char *text;

	if (!demands || json_object_del(demands, "name") != 0)
		goto out;
	text = json_dumps(demands, JSON_COMPACT | JSON_SORT_KEYS);
	ok = text && sha256(bytes_of(text, strlen(text)), digest);
	if (ok)
		hex(digest, sizeof(digest), p->digest);
	free(text);
out:
	json_decref(demands);
	return ok;
}
