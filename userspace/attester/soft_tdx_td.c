// SPDX-License-Identifier: BSD-2-Clause
/* td.yaml: what a lab TD's quotes say, one flat mapping, every key there. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft_file.h"
#include "attester/soft_tdx.h"

enum {
	FILE_MAX = 4096,
	VERSION_MIN = 4,
	VERSION_MAX = 5,
};

static const char *const bodies[SOFT_TD_BODIES] = { "1.0", "1.5" };

static void read_digest(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, SOFT_TD_DIGEST_BYTES);
}

static void read_svn(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, SOFT_TD_SVN_BYTES);
}

static void read_u64(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, UINT64_MAX, field);
}

static void read_u16(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, UINT16_MAX, &v))
		*(uint32_t *)field = v;
}

static void read_version(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, VERSION_MIN, VERSION_MAX, &v))
		*(uint32_t *)field = v;
}

static void read_body(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, bodies, SOFT_TD_BODIES, &v))
		*(enum soft_td_body *)field = v;
}

#define AT(field) offsetof(struct soft_td, field)
static const struct conf_key fields[] = {
	{ "version", true, read_version, AT(version) },
	{ "body", true, read_body, AT(body) },
	{ "tcb-svn", true, read_svn, AT(tcb_svn) },
	{ "mrseam", true, read_digest, AT(mrseam) },
	{ "mrtd", true, read_digest, AT(mrtd) },
	{ "mrconfigid", true, read_digest, AT(mrconfigid) },
	{ "mrowner", true, read_digest, AT(mrowner) },
	{ "mrownerconfig", true, read_digest, AT(mrownerconfig) },
	{ "rtmr0", true, read_digest, AT(rtmr[0]) },
	{ "rtmr1", true, read_digest, AT(rtmr[1]) },
	{ "rtmr2", true, read_digest, AT(rtmr[2]) },
	{ "rtmr3", true, read_digest, AT(rtmr[3]) },
	{ "mrservicetd", true, read_digest, AT(mrservicetd) },
	{ "attributes", true, read_u64, AT(attributes) },
	{ "xfam", true, read_u64, AT(xfam) },
	{ "qe-svn", true, read_u16, AT(qe_svn) },
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

/* A quote of version 4 has no room for a body of TD 1.5. */
static int fits(const struct soft_td *t, char why[WHY_MAX])
{
	if (t->version > VERSION_MIN || t->body == SOFT_TD_10)
		return 0;
	snprintf(why, WHY_MAX, "body 1.5 goes with version 5, got version %u", t->version);
	return -EINVAL;
}

static int take_whole(struct conf *y, struct soft_td *t, char why[WHY_MAX])
{
	struct soft_td got = { .version = 0 };
	int err = soft_file_take(y, fields, FIELDS, &got, sizeof(got), why);

	if (!err)
		err = fits(&got, why);
	if (!err)
		*t = got;
	return err;
}

int soft_td_read(const char *path, struct soft_td *t, char why[WHY_MAX])
{
	return take_whole(conf_open(path), t, why);
}

int soft_td_parse(const char *name, const char *text, size_t n, struct soft_td *t,
		  char why[WHY_MAX])
{
	return take_whole(conf_parse(name, text, n), t, why);
}

int soft_td_set(struct soft_td *t, const char *field, const char *value, char why[WHY_MAX])
{
	return soft_file_set(field, value, fields, FIELDS, t, sizeof(*t), why);
}

static void print_hex(FILE *to, const char *key, const uint8_t *p, size_t n)
{
	fprintf(to, "%s: \"", key);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%02x", p[i]);
	fprintf(to, "\"\n");
}

static void print(const struct soft_td *t, FILE *to)
{
	const uint8_t *at = (const uint8_t *)t;

	fprintf(to, "# A lab TD: what its quotes say.  Read again for every quote.\n");
	fprintf(to, "version: %u\nbody: \"%s\"\n", t->version, bodies[t->body]);
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].read == read_digest || fields[i].read == read_svn)
			print_hex(to, fields[i].key, at + fields[i].offset,
				  fields[i].read == read_svn ? SOFT_TD_SVN_BYTES
							     : SOFT_TD_DIGEST_BYTES);
	fprintf(to, "attributes: 0x%llx\nxfam: 0x%llx\nqe-svn: %u\n",
		(unsigned long long)t->attributes, (unsigned long long)t->xfam, t->qe_svn);
}

int soft_td_write(const char *directory, const struct soft_td *t, char why[WHY_MAX])
{
	char text[FILE_MAX];
	FILE *f;
	long n;

	if (fits(t, why))
		return -EINVAL;
	f = fmemopen(text, sizeof(text), "w");
	if (!f) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	print(t, f);
	n = ftell(f);
	fclose(f);
	return pki_write(directory, "td.yaml", bytes_of(text, n), 0644, why);
}

/* TEE_TCB_SVN: the module's SVN and major version, then those of loader and microcode. */
void soft_td_default(struct soft_td *t)
{
	*t = (struct soft_td){
		.version = VERSION_MIN,
		.tcb_svn = { 5, 1, 4 },
		.attributes = 1 << 28, /* SEPT_VE_DISABLE */
		.xfam = 0xe7,	       /* x87, SSE, AVX, AVX-512 and PKRU */
		.qe_svn = 6,
	};
}
