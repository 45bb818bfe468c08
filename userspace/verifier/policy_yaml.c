// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of a policy.  A key that is there replaces the default, whole; lists come out sorted
 * and without doubles, so that the order in the file is no difference.  docs/policy.md lists them.
 */
#include <stdlib.h>

#include "verifier/policy_rules.h"

enum {
	WORD_MAX = 32,
	SHA256_TEXT_MAX = 7 + 2 * SHA256_BYTES + 1, /* "sha256:" and digits */
};

static const char *const deny_allow[] = { "deny", "allow" };

static void read_name(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_text(y, node, field, NAME_MAX_BYTES);
}

static void read_permission(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, deny_allow, 2, &v))
		*(bool *)field = v;
}

static void read_u64(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, UINT64_MAX, field);
}

static void read_u32(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, UINT32_MAX, field);
}

static void read_u8(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, UINT8_MAX, &v))
		*(uint8_t *)field = v;
}

/* Sets of words: an empty list would refuse everything and is no policy but a slip. */
static void read_word_set(struct conf *y, const yaml_node_t *node, bool *set, size_t count,
			  void (*each)(struct conf *, const yaml_node_t *, void *))
{
	memset(set, 0, count * sizeof(*set));
	if (conf_sequence(y, node, count, each, set, 0) == 0)
		conf_complain(y, node, "want at least one");
}

static void read_tee(struct conf *y, const yaml_node_t *node, void *set)
{
	static const char *const names[] = { "snp" }; /* those that there is a verifier for */
	unsigned int v;

	if (conf_choice(y, node, names, sizeof(names) / sizeof(*names), &v))
		((bool *)set)[TEE_SNP + v] = true;
}

static void read_tees(struct conf *y, const yaml_node_t *node, void *field)
{
	read_word_set(y, node, field, TEE_COUNT, read_tee);
}

static void read_product(struct conf *y, const yaml_node_t *node, void *set)
{
	const char *names[SNP_PRODUCTS - 1];
	unsigned int v;

	for (int i = 0; i < SNP_PRODUCTS - 1; i++)
		names[i] = snp_product_str(SNP_UNKNOWN + 1 + i);
	if (conf_choice(y, node, names, SNP_PRODUCTS - 1, &v))
		((bool *)set)[SNP_UNKNOWN + 1 + v] = true;
}

static void read_products(struct conf *y, const yaml_node_t *node, void *field)
{
	read_word_set(y, node, field, SNP_PRODUCTS, read_product);
}

static void read_key(struct conf *y, const yaml_node_t *node, void *set)
{
	static const char *const names[SNP_KEYS] = { "vcek", "vlek" };
	unsigned int v;

	if (conf_choice(y, node, names, SNP_KEYS, &v))
		((bool *)set)[v] = true;
}

static void read_keys(struct conf *y, const yaml_node_t *node, void *field)
{
	read_word_set(y, node, field, SNP_KEYS, read_key);
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

static void read_roots(struct conf *y, const yaml_node_t *node, void *field)
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

static void read_values(struct conf *y, const yaml_node_t *node, struct value_list *l, size_t width,
			void (*each)(struct conf *, const yaml_node_t *, void *))
{
	size_t n = conf_length(node);

	l->width = width;
	l->values = calloc(n < RULES_VALUES_MAX ? n + 1 : RULES_VALUES_MAX, width);
	if (!l->values) {
		conf_complain(y, node, "no memory for %zu values", n);
		return;
	}
	l->count = conf_sequence(y, node, RULES_VALUES_MAX, each, l->values, width);
	sort_values(l);
}

static void read_hex48(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_hex(y, node, out, DIGEST_BYTES);
}

static void read_hex32(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_hex(y, node, out, SNP_HOST_DATA_BYTES);
}

static void read_hex16(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_hex(y, node, out, SNP_ID_BYTES);
}

/* 64 bytes, or a Turin's 8. */
static void read_chip_id(struct conf *y, const yaml_node_t *node, void *out)
{
	bool turin = node->type == YAML_SCALAR_NODE &&
		     node->data.scalar.length == 2 * SNP_CHIP_ID_TURIN_BYTES;
	uint8_t id[SNP_CHIP_ID_BYTES] = { 0 };

	if (!conf_hex(y, node, id, turin ? SNP_CHIP_ID_TURIN_BYTES : SNP_CHIP_ID_BYTES))
		return;
	if (bytes_are_zero(bytes_of(id, sizeof(id))))
		conf_complain(y, node, "want a chip's own id, not zeroes: those hide it");
	memcpy(out, id, sizeof(id));
}

static void read_digests(struct conf *y, const yaml_node_t *node, void *field)
{
	read_values(y, node, field, DIGEST_BYTES, read_hex48);
}

static void read_host_data(struct conf *y, const yaml_node_t *node, void *field)
{
	read_values(y, node, field, SNP_HOST_DATA_BYTES, read_hex32);
}

static void read_ids(struct conf *y, const yaml_node_t *node, void *field)
{
	read_values(y, node, field, SNP_ID_BYTES, read_hex16);
}

static void read_chip_ids(struct conf *y, const yaml_node_t *node, void *field)
{
	read_values(y, node, field, SNP_CHIP_ID_BYTES, read_chip_id);
}

static void read_csp_id(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_text(y, node, out, RULES_CSP_TEXT_MAX);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_csp_ids(struct conf *y, const yaml_node_t *node, void *field)
{
	struct csp_list *l = field;

	l->names = calloc(RULES_CSP_MAX, sizeof(*l->names));
	if (!l->names) {
		conf_complain(y, node, "no memory");
		return;
	}
	l->count = conf_sequence(y, node, RULES_CSP_MAX, read_csp_id, l->names, sizeof(*l->names));
	qsort(l->names, l->count, sizeof(*l->names), compare_text);
}

static void read_mask(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = {
		{ "required", false, read_u64, offsetof(struct mask_rule, required) },
		{ "forbidden", false, read_u64, offsetof(struct mask_rule, forbidden) },
		{ "unknown-bits", false, read_permission, offsetof(struct mask_rule, unknown) },
	};
	struct mask_rule *m = field;

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), m);
	if (m->required & m->forbidden)
		conf_complain(y, node, "bits 0x%llx are both required and forbidden",
			      (unsigned long long)(m->required & m->forbidden));
}

/* "vmpl: 0" is at most 0; { minimum, maximum } for an exact level or a range. */
static void read_vmpl(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = {
		{ "minimum", false, read_u64, offsetof(struct snp_rules, vmpl_minimum) },
		{ "maximum", false, read_u64, offsetof(struct snp_rules, vmpl_maximum) },
	};
	struct snp_rules *s = field;

	if (node->type == YAML_MAPPING_NODE)
		conf_mapping(y, node, keys, 2, s);
	else
		conf_number(y, node, 0, SNP_VMPL_LAST, &s->vmpl_maximum);
	if (s->vmpl_maximum > SNP_VMPL_LAST || s->vmpl_minimum > s->vmpl_maximum)
		conf_complain(y, node, "want minimum <= maximum <= %d, got %llu and %llu",
			      SNP_VMPL_LAST, (unsigned long long)s->vmpl_minimum,
			      (unsigned long long)s->vmpl_maximum);
}

static void read_floor_product(struct conf *y, const yaml_node_t *node, void *field)
{
	bool set[SNP_PRODUCTS] = { false };

	read_product(y, node, set);
	for (int i = 0; i < SNP_PRODUCTS; i++)
		if (set[i])
			*(enum snp_product *)field = i;
}

static void read_cpu(struct conf *y, const yaml_node_t *node, struct tcb_floor *f, int which)
{
	uint64_t v;

	if (!conf_number(y, node, 0, UINT8_MAX, &v))
		return;
	f->cpu[which] = v;
	f->has_cpu[which] = true;
}

static void read_family(struct conf *y, const yaml_node_t *node, void *floor)
{
	read_cpu(y, node, floor, 0);
}

static void read_model(struct conf *y, const yaml_node_t *node, void *floor)
{
	read_cpu(y, node, floor, 1);
}

static void read_stepping(struct conf *y, const yaml_node_t *node, void *floor)
{
	read_cpu(y, node, floor, 2);
}

static void read_floor(struct conf *y, const yaml_node_t *node, void *out)
{
	static const struct conf_key keys[] = {
		{ "product", true, read_floor_product, offsetof(struct tcb_floor, product) },
		{ "family", false, read_family, 0 },
		{ "model", false, read_model, 0 },
		{ "stepping", false, read_stepping, 0 },
		{ "fmc", false, read_u8, offsetof(struct tcb_floor, tcb.part[SNP_FMC]) },
		{ "bootloader", false, read_u8,
		  offsetof(struct tcb_floor, tcb.part[SNP_BOOTLOADER]) },
		{ "tee", false, read_u8, offsetof(struct tcb_floor, tcb.part[SNP_TEE]) },
		{ "snp", false, read_u8, offsetof(struct tcb_floor, tcb.part[SNP_SNP]) },
		{ "microcode", false, read_u8,
		  offsetof(struct tcb_floor, tcb.part[SNP_MICROCODE]) },
	};
	struct tcb_floor *f = out;

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), f);
	if (f->tcb.part[SNP_FMC] && !snp_product_has_part(f->product, SNP_FMC))
		conf_complain(y, node, "fmc is Turin's alone");
}

static void read_floors(struct conf *y, const yaml_node_t *node, void *field)
{
	struct floor_list *l = field;

	l->floors = calloc(RULES_FLOORS_MAX, sizeof(*l->floors));
	if (!l->floors) {
		conf_complain(y, node, "no memory");
		return;
	}
	l->count =
		conf_sequence(y, node, RULES_FLOORS_MAX, read_floor, l->floors, sizeof(*l->floors));
}

/* "1.55.29" */
static void read_firmware(struct conf *y, const yaml_node_t *node, void *field)
{
	struct snp_firmware *f = field;
	unsigned int v[3];
	char text[WORD_MAX];
	int n = 0;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	if (sscanf(text, "%3u.%3u.%3u%n", &v[0], &v[1], &v[2], &n) != 3 || text[n] ||
	    v[0] > UINT8_MAX || v[1] > UINT8_MAX || v[2] > UINT8_MAX) {
		conf_complain(y, node, "want MAJOR.MINOR.BUILD, such as 1.55.29, got \"%s\"", text);
		return;
	}
	*f = (struct snp_firmware){ v[0], v[1], v[2] };
}

static void read_mitigation(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = {
		{ "launch-required", false, read_u64,
		  offsetof(struct snp_rules, launch_mitigation) },
		{ "current-required", false, read_u64,
		  offsetof(struct snp_rules, current_mitigation) },
	};

	conf_mapping(y, node, keys, 2, field);
}

static void read_crl(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "off", "given", "required" };
	unsigned int v;

	if (conf_choice(y, node, names, 3, &v))
		*(enum crl_mode *)field = v;
}

static void read_crl_age(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, RULES_CRL_AGE_HOURS_MAX, field);
}

static void read_snp(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = {
		{ "roots", false, read_roots, offsetof(struct snp_rules, roots) },
		{ "products", false, read_products, offsetof(struct snp_rules, products) },
		{ "keys", false, read_keys, offsetof(struct snp_rules, keys) },
		{ "measurements", false, read_digests, offsetof(struct snp_rules, measurements) },
		{ "host-data", false, read_host_data, offsetof(struct snp_rules, host_data) },
		{ "id-keys", false, read_digests, offsetof(struct snp_rules, id_keys) },
		{ "author-keys", false, read_digests, offsetof(struct snp_rules, author_keys) },
		{ "family-ids", false, read_ids, offsetof(struct snp_rules, family_ids) },
		{ "image-ids", false, read_ids, offsetof(struct snp_rules, image_ids) },
		{ "minimum-guest-svn", false, read_u32,
		  offsetof(struct snp_rules, minimum_guest_svn) },
		{ "vmpl", false, read_vmpl, 0 },
		{ "policy", false, read_mask, offsetof(struct snp_rules, policy) },
		{ "platform-info", false, read_mask, offsetof(struct snp_rules, platform) },
		{ "minimum-tcb", false, read_floors, offsetof(struct snp_rules, minimum_tcb) },
		{ "minimum-launch-tcb", false, read_floors,
		  offsetof(struct snp_rules, minimum_launch_tcb) },
		{ "minimum-firmware", false, read_firmware,
		  offsetof(struct snp_rules, minimum_firmware) },
		{ "mitigation", false, read_mitigation, 0 },
		{ "chip-ids", false, read_chip_ids, offsetof(struct snp_rules, chip_ids) },
		{ "csp-ids", false, read_csp_ids, offsetof(struct snp_rules, csp_ids) },
		{ "masked-chip-id", false, read_permission,
		  offsetof(struct snp_rules, masked_chip_id) },
		{ "provisional-firmware", false, read_permission,
		  offsetof(struct snp_rules, provisional_firmware) },
		{ "newer-versions", false, read_permission,
		  offsetof(struct snp_rules, newer_versions) },
		{ "debug", false, read_permission, offsetof(struct snp_rules, debug) },
		{ "migration", false, read_permission, offsetof(struct snp_rules, migration) },
		{ "crl", false, read_crl, offsetof(struct snp_rules, crl) },
		{ "maximum-crl-age-hours", false, read_crl_age,
		  offsetof(struct snp_rules, crl_age_hours) },
	};

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), field);
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

void policy_read_keys(struct conf *y, const yaml_node_t *node, struct policy *p)
{
	static const struct conf_key keys[] = {
		{ "name", false, read_name, offsetof(struct policy, name) },
		{ "tee", false, read_tees, offsetof(struct policy, tees) },
		{ "classified", false, read_classified,
		  offsetof(struct policy, classified_chip_pin) },
		{ "snp", false, read_snp, offsetof(struct policy, snp) },
	};

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), p);
}
