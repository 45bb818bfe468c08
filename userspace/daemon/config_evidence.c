// SPDX-License-Identifier: BSD-2-Clause
/* Where evidence comes from, as the daemon's configuration says it and the relay's does too. */
#include "daemon/config_draft.h"

enum {
	VMPL_LAST = 3, /* AMD 56860: four levels */
};

static const char *const sources[] = {
	[ATTESTER_AUTO] = "auto", [ATTESTER_TSM] = "tsm", [ATTESTER_SEV_GUEST] = "sev-guest",
	[ATTESTER_SOFT] = "soft", [ATTESTER_NSM] = "nsm", [ATTESTER_TDX_GUEST] = "tdx-guest",
};

/* Those that there is an attester for, by the name of each. */
void read_tee(struct conf *y, const yaml_node_t *node, void *field)
{
	enum tee kinds[TEE_COUNT];
	const char *names[TEE_COUNT];
	unsigned int count = 0, v;

	for (enum tee i = 0; i < TEE_COUNT; i++)
		if (attester_has(i, ATTESTER_AUTO)) {
			kinds[count] = i;
			names[count++] = tee_str(i);
		}
	if (conf_choice(y, node, names, count, &v))
		*(enum tee *)field = kinds[v];
}

void read_attester_source(struct conf *y, const yaml_node_t *node, void *field)
{
	unsigned int v;

	if (conf_choice(y, node, sources, CONFIG_COUNT(sources), &v))
		*(enum attester_source *)field = v;
}

void read_vmpl(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, VMPL_LAST, &v))
		*(unsigned int *)field = v;
}

#define EVIDENCE(field) offsetof(struct attester_config, field)

static const struct conf_key evidence_keys[] = {
	{ "tee", false, read_tee, EVIDENCE(tee) },
	{ "source", false, read_attester_source, EVIDENCE(source) },
	{ "device", false, read_path, EVIDENCE(device) },
	{ "tsm", false, read_path, EVIDENCE(tsm) },
	{ "quote-port", false, read_port, EVIDENCE(quote_port) },
	{ "directory", false, read_path, EVIDENCE(directory) },
	{ "vmpl", false, read_vmpl, EVIDENCE(vmpl) },
};

void read_evidence(struct conf *y, const yaml_node_t *node, void *field)
{
	const struct attester_config *a = field;

	conf_mapping(y, node, evidence_keys, CONFIG_COUNT(evidence_keys), field);
	if (a->source == ATTESTER_SOFT && !a->directory[0])
		conf_complain(y, node, "source is soft: want its directory");
	if (a->source != ATTESTER_SOFT && a->directory[0])
		conf_complain(y, node, "directory is for source: soft alone");
	if (!attester_has(a->tee, a->source))
		conf_complain(y, node, "its source gives no evidence of tee: %s", tee_str(a->tee));
}

static void put_path(json_t *o, const char *key, const char *path)
{
	if (path[0])
		json_object_set_new(o, key, json_string(path));
}

json_t *evidence_json(const struct attester_config *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "tee", json_string(tee_str(c->tee)));
	json_object_set_new(o, "source", json_string(sources[c->source]));
	put_path(o, "device", c->device);
	put_path(o, "tsm", c->tsm);
	if (c->quote_port)
		json_object_set_new(o, "quote-port", json_integer(c->quote_port));
	put_path(o, "directory", c->directory);
	json_object_set_new(o, "vmpl", json_integer(c->vmpl));
	return o;
}
