// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of "snp".  A key that is there replaces the default, whole; lists come out sorted
 * and without doubles, so that the order in the file is no difference.
 */
#include <stdio.h>
#include <stdlib.h>

#include "verifier/policy_fields.h"
#include "verifier/snp_rules.h"

enum {
	WORD_MAX = 32,
};

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
	field_word_set(y, node, field, SNP_PRODUCTS, read_product);
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
	field_word_set(y, node, field, SNP_KEYS, read_key);
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

static void read_host_data(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, SNP_HOST_DATA_BYTES, read_hex32);
}

static void read_ids(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, SNP_ID_BYTES, read_hex16);
}

static void read_pcrs(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, SHA256_BYTES, read_hex32);
}

static void read_chip_ids(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, SNP_CHIP_ID_BYTES, read_chip_id);
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
	l->count = field_sequence(y, node, RULES_CSP_MAX, read_csp_id, l->names, sizeof(*l->names));
	qsort(l->names, l->count, sizeof(*l->names), compare_text);
}

/* "vmpl: 0" is at most 0; { minimum, maximum } for an exact level or a range. */
static void read_vmpl(struct conf *y, const yaml_node_t *node, void *field)
{
	static const struct conf_key keys[] = {
		{ "minimum", false, field_u64, offsetof(struct snp_rules, vmpl_minimum) },
		{ "maximum", false, field_u64, offsetof(struct snp_rules, vmpl_maximum) },
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
		{ "fmc", false, field_u8, offsetof(struct tcb_floor, tcb.part[SNP_FMC]) },
		{ "bootloader", false, field_u8,
		  offsetof(struct tcb_floor, tcb.part[SNP_BOOTLOADER]) },
		{ "tee", false, field_u8, offsetof(struct tcb_floor, tcb.part[SNP_TEE]) },
		{ "snp", false, field_u8, offsetof(struct tcb_floor, tcb.part[SNP_SNP]) },
		{ "microcode", false, field_u8,
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
		field_sequence(y, node, RULES_FLOORS_MAX, read_floor, l->floors, sizeof(*l->floors));
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
		{ "launch-required", false, field_u64,
		  offsetof(struct snp_rules, launch_mitigation) },
		{ "current-required", false, field_u64,
		  offsetof(struct snp_rules, current_mitigation) },
	};

	conf_mapping(y, node, keys, 2, field);
}

void snp_rules_read(struct conf *y, const yaml_node_t *node, struct snp_rules *s)
{
	static const struct conf_key keys[] = {
		{ "roots", false, field_roots, offsetof(struct snp_rules, roots) },
		{ "products", false, read_products, offsetof(struct snp_rules, products) },
		{ "keys", false, read_keys, offsetof(struct snp_rules, keys) },
		{ "measurements", false, field_digests, offsetof(struct snp_rules, measurements) },
		{ "host-data", false, read_host_data, offsetof(struct snp_rules, host_data) },
		{ "id-keys", false, field_digests, offsetof(struct snp_rules, id_keys) },
		{ "author-keys", false, field_digests, offsetof(struct snp_rules, author_keys) },
		{ "family-ids", false, read_ids, offsetof(struct snp_rules, family_ids) },
		{ "image-ids", false, read_ids, offsetof(struct snp_rules, image_ids) },
		{ "minimum-guest-svn", false, field_u32,
		  offsetof(struct snp_rules, minimum_guest_svn) },
		{ "vmpl", false, read_vmpl, 0 },
		{ "policy", false, field_mask, offsetof(struct snp_rules, policy) },
		{ "platform-info", false, field_mask, offsetof(struct snp_rules, platform) },
		{ "minimum-tcb", false, read_floors, offsetof(struct snp_rules, minimum_tcb) },
		{ "minimum-launch-tcb", false, read_floors,
		  offsetof(struct snp_rules, minimum_launch_tcb) },
		{ "minimum-firmware", false, read_firmware,
		  offsetof(struct snp_rules, minimum_firmware) },
		{ "mitigation", false, read_mitigation, 0 },
		{ "chip-ids", false, read_chip_ids, offsetof(struct snp_rules, chip_ids) },
		{ "csp-ids", false, read_csp_ids, offsetof(struct snp_rules, csp_ids) },
		{ "azure-vtpm", false, field_permission, offsetof(struct snp_rules, azure_vtpm) },
		{ "azure-pcrs", false, read_pcrs, offsetof(struct snp_rules, azure_pcrs) },
		{ "masked-chip-id", false, field_permission,
		  offsetof(struct snp_rules, masked_chip_id) },
		{ "provisional-firmware", false, field_permission,
		  offsetof(struct snp_rules, provisional_firmware) },
		{ "newer-versions", false, field_permission,
		  offsetof(struct snp_rules, newer_versions) },
		{ "debug", false, field_permission, offsetof(struct snp_rules, debug) },
		{ "migration", false, field_permission, offsetof(struct snp_rules, migration) },
		{ "crl", false, field_crl, offsetof(struct snp_rules, crl) },
		{ "maximum-crl-age-hours", false, field_crl_age,
		  offsetof(struct snp_rules, crl_age_hours) },
	};

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), s);
}

void snp_rules_default(struct snp_rules *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = SNP_UNKNOWN + 1; i < SNP_PRODUCTS; i++)
		s->products[i] = true;
	for (int i = 0; i < SNP_KEYS; i++)
		s->keys[i] = true;
	s->vmpl_maximum = SNP_VMPL_LAST;
	s->provisional_firmware = true; /* clouds roll firmware out before they commit it */
	s->platform.unknown = true;	/* set by the firmware, in real reports before documents */
	s->crl = CRL_GIVEN;
}

void snp_rules_free(struct snp_rules *s)
{
	free(s->measurements.values);
	free(s->host_data.values);
	free(s->id_keys.values);
	free(s->author_keys.values);
	free(s->family_ids.values);
	free(s->image_ids.values);
	free(s->chip_ids.values);
	free(s->azure_pcrs.values);
	free(s->csp_ids.names);
	free(s->minimum_tcb.floors);
	free(s->minimum_launch_tcb.floors);
}
