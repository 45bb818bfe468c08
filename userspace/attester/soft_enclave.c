// SPDX-License-Identifier: BSD-2-Clause
/* enclave.yaml: what a lab enclave's documents say, one flat mapping, every key there. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft_file.h"
#include "attester/soft_nitro.h"

enum {
	LEAF_MIN_S = 4, /* shorter, and it has run out before anybody could verify it */
	LEAF_MAX_S = 365 * 24 * 3600,
	FILE_MAX = 4096,
};

static const char file_name[] = "enclave.yaml";

static void read_module_id(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[NAME_MAX_BYTES];

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	for (const char *s = text; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '-') {
			conf_complain(y, node, "want letters, digits and - only, got \"%s\"", text);
			return;
		}
	strcpy(field, text); /* as large */
}

static void read_pcr(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, SOFT_PCR_BYTES);
}

static void read_leaf_s(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, LEAF_MIN_S, LEAF_MAX_S, &v))
		*(uint32_t *)field = v;
}

#define AT(field) offsetof(struct soft_enclave, field)
static const struct conf_key fields[] = {
	{ "module-id", true, read_module_id, AT(module_id) },
	{ "pcr0", true, read_pcr, AT(pcrs[0]) },
	{ "pcr1", true, read_pcr, AT(pcrs[1]) },
	{ "pcr2", true, read_pcr, AT(pcrs[2]) },
	{ "pcr3", true, read_pcr, AT(pcrs[3]) },
	{ "pcr4", true, read_pcr, AT(pcrs[4]) },
	{ "pcr8", true, read_pcr, AT(pcrs[8]) },
	{ "leaf-seconds", true, read_leaf_s, AT(leaf_s) },
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

static int take_whole(struct conf *y, struct soft_enclave *e, char why[WHY_MAX])
{
	struct soft_enclave got = { .leaf_s = 0 };
	int err = soft_file_take(y, fields, FIELDS, &got, sizeof(got), why);

	if (!err)
		*e = got;
	return err;
}

int soft_enclave_read(const char *path, struct soft_enclave *e, char why[WHY_MAX])
{
	return take_whole(conf_open(path), e, why);
}

int soft_enclave_parse(const char *name, const char *text, size_t n, struct soft_enclave *e,
		       char why[WHY_MAX])
{
	return take_whole(conf_parse(name, text, n), e, why);
}

int soft_enclave_set(struct soft_enclave *e, const char *field, const char *value,
		     char why[WHY_MAX])
{
	return soft_file_set(field, value, fields, FIELDS, e, sizeof(*e), why);
}

static void print_pcr(FILE *to, int index, const uint8_t pcr[SOFT_PCR_BYTES])
{
	fprintf(to, "pcr%d: \"", index);
	for (int i = 0; i < SOFT_PCR_BYTES; i++)
		fprintf(to, "%02x", pcr[i]);
	fprintf(to, "\"\n");
}

static void print(const struct soft_enclave *e, FILE *to)
{
	fprintf(to, "# A lab enclave: what its documents say.  Read again for every quote.\n");
	fprintf(to, "module-id: \"%s\"\n", e->module_id);
	for (int i = 0; i <= 4; i++)
		print_pcr(to, i, e->pcrs[i]);
	print_pcr(to, 8, e->pcrs[8]);
	fprintf(to, "leaf-seconds: %u\n", e->leaf_s);
}

int soft_enclave_write(const char *directory, const struct soft_enclave *e, char why[WHY_MAX])
{
	char text[FILE_MAX];
	FILE *f = fmemopen(text, sizeof(text), "w");
	long n;

	if (!f) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	print(e, f);
	n = ftell(f);
	fclose(f);
	return pki_write(directory, file_name, bytes_of(text, n), 0644, why);
}

void soft_enclave_default(struct soft_enclave *e)
{
	*e = (struct soft_enclave){ .leaf_s = SOFT_LEAF_S };
	strcpy(e->module_id, "i-0-enc0"); /* fits */
}
