// SPDX-License-Identifier: BSD-2-Clause
/* Where evidence comes from, as the daemon's configuration says it and the relay's does too. */
#include "daemon/config_draft.h"

enum {
	VMPL_LAST = 3, /* AMD 56860: four levels */
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
	static const char *const names[] = { [ATTESTER_AUTO] = "auto",
					     [ATTESTER_TSM] = "tsm",
					     [ATTESTER_SEV_GUEST] = "sev-guest",
					     [ATTESTER_SOFT] = "soft",
					     [ATTESTER_NSM] = "nsm",
					     [ATTESTER_TDX_GUEST] = "tdx-guest" };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(enum attester_source *)field = v;
}

void read_vmpl(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 0, VMPL_LAST, &v))
		*(unsigned int *)field = v;
}
