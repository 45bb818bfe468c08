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
	int err = root_list_add(&p->snp.roots, sha256_of_root);

	if (err)
		return err;
	if (!policy_seal(p)) {
		p->snp.roots.count--;
		return -ENOSPC;
	}
	return 0;
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
