// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "verifier/policy_rules.h"
#include "verifier/refuse.h"

struct policy *policy_default(void)
{
	struct policy *p = calloc(1, sizeof(*p));
	struct snp_rules *s;

	if (!p)
		return NULL;
	strcpy(p->name, "default"); /* fits */
	p->tees[TEE_SNP] = true;
	s = &p->snp;
	for (int i = SNP_UNKNOWN + 1; i < SNP_PRODUCTS; i++)
		s->products[i] = true;
	for (int i = 0; i < SNP_KEYS; i++)
		s->keys[i] = true;
	s->vmpl_maximum = SNP_VMPL_LAST;
	s->provisional_firmware = true; /* clouds roll firmware out before they commit it */
	s->platform.unknown = true;	/* set by the firmware, in real reports before documents */
	s->crl = CRL_GIVEN;
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
	free(p->snp.measurements.values);
	free(p->snp.host_data.values);
	free(p->snp.id_keys.values);
	free(p->snp.author_keys.values);
	free(p->snp.family_ids.values);
	free(p->snp.image_ids.values);
	free(p->snp.chip_ids.values);
	free(p->snp.csp_ids.names);
	free(p->snp.minimum_tcb.floors);
	free(p->snp.minimum_launch_tcb.floors);
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
	struct root_list *l = &p->snp.roots;

	if (l->count == RULES_ROOTS_MAX)
		return -ENOSPC;
	memcpy(l->sha256[l->count++], sha256_of_root, SHA256_BYTES);
	if (!policy_seal(p)) {
		l->count--;
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

bool value_list_has(const struct value_list *l, const uint8_t *value)
{
	size_t from = 0, to = l->count;

	while (from < to) {
		size_t at = from + (to - from) / 2;
		int c = memcmp(value, l->values + at * l->width, l->width);

		if (c == 0)
			return true;
		if (c < 0)
			to = at;
		else
			from = at + 1;
	}
	return false;
}
