// SPDX-License-Identifier: BSD-2-Clause
/*
 * guest.yaml: what a lab guest's reports say, one flat mapping, every key there, so
 * that sed(1) can change a running guest.  Reading never changes the caller's struct
 * unless the whole file is right.
 */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "attester/soft.h"
#include "base/conf.h"

enum {
	TEXT_MAX = 192,
	FIELD_MAX = 64,
	TURIN_CHIP_ID_BYTES = 8,
};

static const char *const products[SNP_PRODUCTS] = { "Milan", "Genoa", "Turin" };
static const char *const keys[SNP_KEYS] = { "vcek", "vlek" };

const char *lab_product_str(enum snp_product p)
{
	return p < SNP_PRODUCTS ? products[p] : "unknown";
}

bool snp_product_parse(const char *text, enum snp_product *out)
{
	for (unsigned int i = 0; i < SNP_PRODUCTS; i++)
		if (!strcmp(text, products[i])) {
			*out = i;
			return true;
		}
	return false;
}

const char *lab_key_str(enum snp_key k)
{
	return k < SNP_KEYS ? keys[k] : "unknown";
}

static void read_product(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, products, SNP_PRODUCTS, &v))
		*(enum snp_product *)field = v;
}

static void read_key(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, keys, SNP_KEYS, &v))
		*(enum snp_key *)field = v;
}

static void read_version(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (!conf_number(y, node, 2, 5, &v))
		return;
	if (v == 4)
		conf_complain(y, node,
			      "want 2, 3 or 5: nobody has published a report of version 4");
	else
		*(uint32_t *)field = v;
}

static void read_u8(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, UINT8_MAX, &v))
		*(uint8_t *)field = v;
}

static void read_u32(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, UINT32_MAX, &v))
		*(uint32_t *)field = v;
}

static void read_u64(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, UINT64_MAX, field);
}

static void read_bool(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_bool(y, node, field);
}

static void read_hex16(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, 16);
}

static void read_hex32(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, 32);
}

static void read_hex48(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, 48);
}

/* 64 bytes, or the 8 that Turin has. */
static void read_chip_id(struct conf *y, const yaml_node_t *node, void *field)
{
	bool brief = node->type == YAML_SCALAR_NODE &&
		     node->data.scalar.length == (size_t)2 * TURIN_CHIP_ID_BYTES;
	uint8_t id[CHIP_ID_BYTES] = { 0 };

	if (conf_hex(y, node, id, brief ? TURIN_CHIP_ID_BYTES : CHIP_ID_BYTES))
		memcpy(field, id, sizeof(id));
}

/* Text that needs no escapes when it is written back, nor as a name in a certificate. */
static void read_plain(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[NAME_MAX_BYTES];

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	for (const char *s = text; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.=", *s)) {
			conf_complain(y, node, "want letters, digits and -_.= only, got \"%s\"",
				      text);
			return;
		}
	strcpy(field, text); /* both fields are as large */
}
_Static_assert(sizeof(((struct soft_guest *)0)->name) == NAME_MAX_BYTES &&
		       sizeof(((struct soft_guest *)0)->csp_id) == NAME_MAX_BYTES,
	       "read_plain() copies as much");

static uint8_t *tcb_component(struct soft_tcb *t, const char *name)
{
	if (!strcmp(name, "fmc"))
		return &t->fmc;
	if (!strcmp(name, "bootloader"))
		return &t->bootloader;
	if (!strcmp(name, "tee"))
		return &t->tee;
	if (!strcmp(name, "snp"))
		return &t->snp;
	return !strcmp(name, "microcode") ? &t->microcode : NULL;
}

/* "microcode=219" */
static bool read_component(char *word, struct soft_tcb *t)
{
	char *value = strchr(word, '='), *end;
	uint8_t *component;
	unsigned long v;

	if (!value || !isdigit((unsigned char)value[1]))
		return false;
	*value++ = 0;
	component = tcb_component(t, word);
	v = strtoul(value, &end, 10);
	if (!component || *end || v > UINT8_MAX)
		return false;
	*component = v;
	return true;
}

/* "bootloader=4 tee=0 snp=24 microcode=219"; components not named stay as they are. */
static void read_tcb(struct conf *y, const yaml_node_t *node, void *field)
{
	struct soft_tcb t = *(struct soft_tcb *)field;
	char text[TEXT_MAX], words[TEXT_MAX], *rest = NULL;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	strcpy(words, text);
	for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		if (!read_component(w, &t)) {
			conf_complain(y, node,
				      "want fmc=N bootloader=N tee=N snp=N microcode=N, N 0..255, "
				      "got \"%s\"",
				      text);
			return;
		}
	*(struct soft_tcb *)field = t;
}

static void read_firmware(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int major, minor, build;
	char text[TEXT_MAX], more;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	if (strspn(text, "0123456789.") != strlen(text) ||
	    sscanf(text, "%3u.%3u.%3u%c", &major, &minor, &build, &more) != 3 ||
	    major > UINT8_MAX || minor > UINT8_MAX || build > UINT8_MAX) {
		conf_complain(y, node, "want MAJOR.MINOR.BUILD, each 0..255, got \"%s\"", text);
		return;
	}
	*(struct soft_firmware *)field = (struct soft_firmware){ major, minor, build };
}

#define AT(field) offsetof(struct soft_guest, field)
static const struct conf_key fields[] = {
	{ "name", true, read_plain, AT(name) },
	{ "product", true, read_product, AT(product) },
	{ "key", true, read_key, AT(key) },
	{ "version", true, read_version, AT(version) },
	{ "measurement", true, read_hex48, AT(measurement) },
	{ "policy", true, read_u64, AT(policy) },
	{ "vmpl", true, read_u32, AT(vmpl) },
	{ "guest-svn", true, read_u32, AT(guest_svn) },
	{ "family-id", true, read_hex16, AT(family_id) },
	{ "image-id", true, read_hex16, AT(image_id) },
	{ "host-data", true, read_hex32, AT(host_data) },
	{ "id-key-digest", true, read_hex48, AT(id_key_digest) },
	{ "author-key", true, read_bool, AT(author_key) },
	{ "author-key-digest", true, read_hex48, AT(author_key_digest) },
	{ "report-id", true, read_hex32, AT(report_id) },
	{ "report-id-ma", true, read_hex32, AT(report_id_ma) },
	{ "chip-id", true, read_chip_id, AT(chip_id) },
	{ "mask-chip-key", true, read_bool, AT(mask_chip_key) },
	{ "csp-id", true, read_plain, AT(csp_id) },
	{ "platform-info", true, read_u64, AT(platform_info) },
	{ "current-tcb", true, read_tcb, AT(current_tcb) },
	{ "reported-tcb", true, read_tcb, AT(reported_tcb) },
	{ "committed-tcb", true, read_tcb, AT(committed_tcb) },
	{ "launch-tcb", true, read_tcb, AT(launch_tcb) },
	{ "current-firmware", true, read_firmware, AT(current_firmware) },
	{ "committed-firmware", true, read_firmware, AT(committed_firmware) },
	{ "cpuid-family", true, read_u8, AT(cpuid_family) },
	{ "cpuid-model", true, read_u8, AT(cpuid_model) },
	{ "cpuid-stepping", true, read_u8, AT(cpuid_stepping) },
	{ "launch-mitigations", true, read_u64, AT(launch_mitigations) },
	{ "current-mitigations", true, read_u64, AT(current_mitigations) },
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

/* Walks what y holds into *g.  Frees y. */
static int take(struct conf *y, const struct conf_key *table, struct soft_guest *g,
		char why[WHY_MAX])
{
	struct soft_guest got = *g;
	const yaml_node_t *root;
	int err = 0;

	if (!y) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	root = conf_root(y);
	if (root)
		conf_mapping(y, root, table, FIELDS, &got);
	if (conf_error_count(y)) {
		snprintf(why, WHY_MAX, "%s", conf_first_error(y));
		err = -EINVAL;
	}
	conf_free(y);
	if (err)
		return err;
	*g = got;
	return 0;
}

static int take_whole(struct conf *y, struct soft_guest *g, char why[WHY_MAX])
{
	struct soft_guest got = { 0 };
	int err;

	err = take(y, fields, &got, why);
	if (err)
		return err;
	*g = got;
	return 0;
}

int soft_guest_read(const char *path, struct soft_guest *g, char why[WHY_MAX])
{
	return take_whole(conf_open(path), g, why);
}

int soft_guest_parse(const char *name, const char *text, size_t n, struct soft_guest *g,
		     char why[WHY_MAX])
{
	return take_whole(conf_parse(name, text, n), g, why);
}

int soft_guest_set(struct soft_guest *g, const char *field, const char *value, char why[WHY_MAX])
{
	static const char line[] = ":1: ";
	struct conf_key table[FIELDS];
	char key[FIELD_MAX], text[FIELD_MAX + 2 * TEXT_MAX];
	int n;

	if (strlen(field) >= sizeof(key) || strpbrk(value, "'\n")) {
		snprintf(why, WHY_MAX, "want FIELD=VALUE without quotes, got %.60s=%.60s", field,
			 value);
		return -EINVAL;
	}
	for (n = 0; field[n]; n++)
		key[n] = field[n] == '_' ? '-' : field[n];
	key[n] = 0;
	memcpy(table, fields, sizeof(table));
	for (int i = 0; i < FIELDS; i++)
		table[i].required = false;
	n = snprintf(text, sizeof(text), "'%s': '%s'\n", key, value);
	if (n >= (int)sizeof(text)) {
		snprintf(why, WHY_MAX, "%s: want at most %d characters", field, 2 * TEXT_MAX);
		return -EINVAL;
	}
	n = take(conf_parse("", text, n), table, g, why);
	if (!strncmp(why, line, strlen(line))) /* there is no file that people know */
		memmove(why, why + strlen(line), strlen(why + strlen(line)) + 1);
	return n;
}

static void print_hex(FILE *to, const char *name, const uint8_t *p, size_t n)
{
	fprintf(to, "%s: \"", name);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%02x", p[i]);
	fprintf(to, "\"\n");
}

static void print_tcb(FILE *to, const char *name, const struct soft_guest *g,
		      const struct soft_tcb *t)
{
	fprintf(to, "%s: ", name);
	if (g->product == SNP_TURIN || t->fmc)
		fprintf(to, "fmc=%u ", t->fmc);
	fprintf(to, "bootloader=%u tee=%u snp=%u microcode=%u\n", t->bootloader, t->tee, t->snp,
		t->microcode);
}

static void print_firmware(FILE *to, const char *name, const struct soft_firmware *f)
{
	fprintf(to, "%s: \"%u.%u.%u\"\n", name, f->major, f->minor, f->build);
}

static void print_guest(const struct soft_guest *g, FILE *to)
{
	fprintf(to, "version: %u\n", g->version);
	print_hex(to, "measurement", g->measurement, sizeof(g->measurement));
	fprintf(to, "policy: 0x%llx\n", (unsigned long long)g->policy);
	fprintf(to, "vmpl: %u\n", g->vmpl);
	fprintf(to, "guest-svn: %u\n", g->guest_svn);
	print_hex(to, "family-id", g->family_id, sizeof(g->family_id));
	print_hex(to, "image-id", g->image_id, sizeof(g->image_id));
	print_hex(to, "host-data", g->host_data, sizeof(g->host_data));
	print_hex(to, "id-key-digest", g->id_key_digest, sizeof(g->id_key_digest));
	fprintf(to, "author-key: %s\n", g->author_key ? "true" : "false");
	print_hex(to, "author-key-digest", g->author_key_digest, sizeof(g->author_key_digest));
	print_hex(to, "report-id", g->report_id, sizeof(g->report_id));
	print_hex(to, "report-id-ma", g->report_id_ma, sizeof(g->report_id_ma));
}

static void print_platform(const struct soft_guest *g, FILE *to)
{
	bool brief = g->product == SNP_TURIN &&
		     bytes_are_zero(bytes_of(g->chip_id + TURIN_CHIP_ID_BYTES,
					     CHIP_ID_BYTES - TURIN_CHIP_ID_BYTES));

	print_hex(to, "chip-id", g->chip_id, brief ? TURIN_CHIP_ID_BYTES : CHIP_ID_BYTES);
	fprintf(to, "mask-chip-key: %s\n", g->mask_chip_key ? "true" : "false");
	fprintf(to, "csp-id: \"%s\"\n", g->csp_id);
	fprintf(to, "platform-info: 0x%llx\n", (unsigned long long)g->platform_info);
	print_tcb(to, "current-tcb", g, &g->current_tcb);
	print_tcb(to, "reported-tcb", g, &g->reported_tcb);
	print_tcb(to, "committed-tcb", g, &g->committed_tcb);
	print_tcb(to, "launch-tcb", g, &g->launch_tcb);
	print_firmware(to, "current-firmware", &g->current_firmware);
	print_firmware(to, "committed-firmware", &g->committed_firmware);
	fprintf(to, "cpuid-family: 0x%02x\ncpuid-model: 0x%02x\ncpuid-stepping: 0x%02x\n",
		g->cpuid_family, g->cpuid_model, g->cpuid_stepping);
	fprintf(to, "launch-mitigations: 0x%llx\n", (unsigned long long)g->launch_mitigations);
	fprintf(to, "current-mitigations: 0x%llx\n", (unsigned long long)g->current_mitigations);
}

void soft_guest_print(const struct soft_guest *g, FILE *to)
{
	fprintf(to, "# A lab guest: what its reports say.  Read again for every quote.\n");
	fprintf(to, "name: \"%s\"\n", g->name);
	fprintf(to, "product: %s\n", lab_product_str(g->product));
	fprintf(to, "key: %s\n", lab_key_str(g->key));
	print_guest(g, to);
	print_platform(g, to);
}

int soft_guest_write(const char *path, const struct soft_guest *g, char why[WHY_MAX])
{
	char part[ATTESTER_PATH_MAX + 8];
	int err = -ENAMETOOLONG;
	FILE *f = NULL;

	/* Whole or not at all: a quote may be reading it. */
	if (snprintf(part, sizeof(part), "%s.part", path) < (int)sizeof(part)) {
		f = fopen(part, "we");
		err = -errno;
	}
	if (f) {
		soft_guest_print(g, f);
		err = ferror(f) ? -EIO : 0;
		if (fclose(f) || (!err && rename(part, path)))
			err = -errno;
	}
	if (err)
		snprintf(why, WHY_MAX, "%s: cannot write: %s", path, strerror(-err));
	return err;
}

void soft_guest_default(struct soft_guest *g, enum snp_product p)
{
	/* As the newest genuine reports of each line that we know of. */
	static const struct {
		struct soft_tcb tcb;
		struct soft_firmware firmware;
		uint8_t family, model, stepping;
		uint64_t platform, mitigations;
	} parts[SNP_PRODUCTS] = {
		[SNP_MILAN] = { { 0, 4, 0, 24, 219 }, { 1, 55, 29 }, 0x19, 0x01, 1, 0x25, 0x1 },
		[SNP_GENOA] = { { 0, 10, 0, 25, 84 }, { 1, 55, 43 }, 0x19, 0x11, 1, 0x25, 0x1 },
		[SNP_TURIN] = { { 1, 1, 1, 4, 81 }, { 1, 55, 65 }, 0x1a, 0x02, 1, 0x67, 0x3f },
	};

	memset(g, 0, sizeof(*g));
	strcpy(g->name, "lab");
	strcpy(g->csp_id, "CN=lab.fairlead.invalid");
	g->product = p;
	g->key = SNP_VCEK;
	g->version = p == SNP_MILAN ? 3 : 5;
	g->policy = 0x30000; /* SMT allowed, the reserved bit one */
	g->platform_info = parts[p].platform;
	memset(g->report_id_ma, 0xff, sizeof(g->report_id_ma)); /* no migration agent */
	g->current_tcb = g->reported_tcb = g->committed_tcb = g->launch_tcb = parts[p].tcb;
	g->current_firmware = g->committed_firmware = parts[p].firmware;
	g->cpuid_family = parts[p].family;
	g->cpuid_model = parts[p].model;
	g->cpuid_stepping = parts[p].stepping;
	g->launch_mitigations = g->current_mitigations = parts[p].mitigations;
}
