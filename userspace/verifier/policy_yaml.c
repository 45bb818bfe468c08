// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of a policy.  A key that is there replaces the default, whole; lists come out sorted
 * and without doubles, so that the order in the file is no difference.  docs/policy.md lists them.
 */
#include "verifier/policy_fields.h"
#include "verifier/policy_rules.h"

static void read_name(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_text(y, node, field, NAME_MAX_BYTES);
}

/* Those that there is a verifier for, by the name of each. */
static void read_tee(struct conf *y, const yaml_node_t *node, void *set)
{
	enum tee kinds[TEE_COUNT];
	const char *names[TEE_COUNT];
	unsigned int count = 0, v;

	for (enum tee i = 0; i < TEE_COUNT; i++)
		if (appraise_knows(i)) {
			kinds[count] = i;
			names[count++] = tee_str(i);
		}
	if (conf_choice(y, node, names, count, &v))
		((bool *)set)[kinds[v]] = true;
}

static void read_tees(struct conf *y, const yaml_node_t *node, void *field)
{
	field_word_set(y, node, field, TEE_COUNT, read_tee);
}

/* A policy that says something about a platform says that it is one of those meant. */
static void read_snp(struct conf *y, const yaml_node_t *node, void *field)
{
	struct policy *p = field;

	p->sections[TEE_SNP] = true;
	snp_rules_read(y, node, &p->snp);
}

static void read_tdx(struct conf *y, const yaml_node_t *node, void *field)
{
	struct policy *p = field;

	p->sections[TEE_TDX] = true;
	tdx_rules_read(y, node, &p->tdx);
}

static void read_nitro(struct conf *y, const yaml_node_t *node, void *field)
{
	struct policy *p = field;

	p->sections[TEE_NITRO] = true;
	nitro_rules_read(y, node, &p->nitro);
}

static void read_chip_pin(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "optional", "required" };
	unsigned int v;

	if (conf_choice(y, node, names, 2, &v))
		*(bool *)field = v;
}

static void read_classified(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = { { "chip-pin", false, read_chip_pin, 0 } };

	conf_mapping(y, node, keys, 1, field);
}

static bool any(const bool set[TEE_COUNT])
{
	for (enum tee i = 0; i < TEE_COUNT; i++)
		if (set[i])
			return true;
	return false;
}

void policy_read_keys(struct conf *y, const yaml_node_t *node, struct policy *p)
{
	static const struct conf_key keys[] = {
		{ "name", false, read_name, offsetof(struct policy, name) },
		{ "tee", false, read_tees, offsetof(struct policy, tees) },
		{ "classified", false, read_classified,
		  offsetof(struct policy, classified_chip_pin) },
		{ "snp", false, read_snp, 0 },
		{ "tdx", false, read_tdx, 0 },
		{ "nitro", false, read_nitro, 0 },
	};
	bool all[TEE_COUNT];

	memcpy(all, p->tees, sizeof(all));
	memset(p->tees, 0, sizeof(p->tees));
	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), p);
	/* Unasked, a measurement demanded of one platform must not let another's anything in. */
	if (!any(p->tees))
		memcpy(p->tees, any(p->sections) ? p->sections : all, sizeof(p->tees));
}
