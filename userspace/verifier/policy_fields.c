// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/policy_fields.h"

#include <errno.h>
#include <stdlib.h>

enum {
	SHA256_TEXT_MAX = 7 + 2 * SHA256_BYTES + 1, /* "sha256:" and digits */
	DIGEST_BYTES = 48,
};

static const char *const deny_allow[] = { "deny", "allow" };

void field_permission(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, deny_allow, 2, &v))
		*(bool *)field = v;
}

void field_u64(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, UINT64_MAX, field);
}

void field_u32(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, UINT32_MAX, field);
}

void field_u8(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, UINT8_MAX, &v))
		*(uint8_t *)field = v;
}

size_t field_sequence(struct conf *y, const yaml_node_t *node, size_t max, field_reader each,
		      void *out, size_t size)
{
	size_t n = conf_sequence(y, node, max, each, out, size);

	if (node->type == YAML_SEQUENCE_NODE && !n)
		conf_complain(y, node, "want at least one: leave the key out for what is usual");
	return n;
}

void field_word_set(struct conf *y, const yaml_node_t *node, bool *set, size_t count,
		    void (*each)(struct conf *, const yaml_node_t *, void *))
{
	memset(set, 0, count * sizeof(*set));
	field_sequence(y, node, count, each, set, 0);
}

/* "sha256:" and 64 digits. */
static void read_root(struct conf *y, const yaml_node_t *node, void *out)
{
	static const char prefix[] = "sha256:";
	char text[SHA256_TEXT_MAX];
	yaml_node_t digits = *node;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	if (strncmp(text, prefix, strlen(prefix))) {
		conf_complain(y, node, "want \"sha256:\" and %d hexadecimal digits, got \"%.80s\"",
			      2 * SHA256_BYTES, text);
		return;
	}
	digits.data.scalar.value += strlen(prefix);
	digits.data.scalar.length -= strlen(prefix);
	conf_hex(y, &digits, out, SHA256_BYTES);
}

static int compare_roots(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_BYTES);
}

void field_roots(struct conf *y, const yaml_node_t *node, void *field)
{
	struct root_list *l = field;

	l->count = conf_sequence(y, node, RULES_ROOTS_MAX, read_root, l->sha256, SHA256_BYTES);
	qsort(l->sha256, l->count, SHA256_BYTES, compare_roots);
}

static int compare_values(const void *a, const void *b, void *width)
{
	return memcmp(a, b, *(size_t *)width);
}

static void sort_values(struct value_list *l)
{
	size_t kept = 0;

	qsort_r(l->values, l->count, l->width, compare_values, &l->width);
	for (size_t i = 0; i < l->count; i++) {
		uint8_t *at = l->values + i * l->width;

		if (kept && !memcmp(l->values + (kept - 1) * l->width, at, l->width))
			continue;
		memmove(l->values + kept++ * l->width, at, l->width);
	}
	l->count = kept;
}

void field_values(struct conf *y, const yaml_node_t *node, struct value_list *l, size_t width,
		  void (*each)(struct conf *, const yaml_node_t *, void *))
{
	size_t n = conf_length(node);

	l->width = width;
	l->values = calloc(n < RULES_VALUES_MAX ? n + 1 : RULES_VALUES_MAX, width);
	if (!l->values) {
		conf_complain(y, node, "no memory for %zu values", n);
		return;
	}
	l->count = field_sequence(y, node, RULES_VALUES_MAX, each, l->values, width);
	sort_values(l);
}

static void read_hex48(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_hex(y, node, out, DIGEST_BYTES);
}

void field_digests(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, DIGEST_BYTES, read_hex48);
}

void field_mask(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = {
		{ "required", false, field_u64, offsetof(struct mask_rule, required) },
		{ "forbidden", false, field_u64, offsetof(struct mask_rule, forbidden) },
		{ "unknown-bits", false, field_permission, offsetof(struct mask_rule, unknown) },
	};
	struct mask_rule *m = field;

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), m);
	if (m->required & m->forbidden)
		conf_complain(y, node, "bits 0x%llx are both required and forbidden",
			      (unsigned long long)(m->required & m->forbidden));
}

void field_crl(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "off", "given", "required" };
	unsigned int v;

	if (conf_choice(y, node, names, 3, &v))
		*(enum crl_mode *)field = v;
}

void field_crl_age(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, RULES_CRL_AGE_HOURS_MAX, field);
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

bool root_list_has(const struct root_list *l, const uint8_t sha256[SHA256_BYTES])
{
	for (size_t i = 0; i < l->count; i++)
		if (!memcmp(l->sha256[i], sha256, SHA256_BYTES))
			return true;
	return false;
}

int root_list_add(struct root_list *l, const uint8_t sha256[SHA256_BYTES])
{
	if (l->count == RULES_ROOTS_MAX)
		return -ENOSPC;
	memcpy(l->sha256[l->count++], sha256, SHA256_BYTES);
	return 0;
}
