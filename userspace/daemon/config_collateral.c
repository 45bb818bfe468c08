// SPDX-License-Identifier: BSD-2-Clause
/*
 * The keys of `collateral`: where it is kept, who is asked for it, and how patiently.
 */
#include "daemon/config_draft.h"

#include <string.h>

enum {
	TIMEOUT_MIN_MS = 100,
	TIMEOUT_MAX_MS = 600000,
	REFRESH_MIN_MS = 60000,
	REFRESH_MAX_MS = 86400000,
};

#define COLLATERAL(field) offsetof(struct collateral_config, field)

_Static_assert(COLLATERAL_PATH_MAX == (int)CONFIG_PATH_MAX, "read_path() fills it");

static void read_url(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[COLLATERAL_URL_MAX / 2]; /* a path and a query come behind it */
	const char *fault;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	fault = url_fault(text);
	if (fault)
		conf_complain(y, node, "%s, got \"%.80s\"", fault, text);
	else
		strcpy(field, text);
}

static void read_offline(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_bool(y, node, field);
}

static void read_update(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "standard", "early" };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(bool *)field = v;
}

static void read_timeout(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, field);
}

static void read_refresh(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, REFRESH_MIN_MS, REFRESH_MAX_MS, field);
}

static const struct conf_key keys[] = {
	{ "directory", false, read_path, COLLATERAL(directory) },
	{ "offline", false, read_offline, COLLATERAL(offline) },
	{ "kds", false, read_url, COLLATERAL(kds) },
	{ "pcs", false, read_url, COLLATERAL(pcs) },
	{ "ca", false, read_path, COLLATERAL(ca) },
	{ "update", false, read_update, COLLATERAL(early) },
	{ "timeout-ms", false, read_timeout, COLLATERAL(timeout_ms) },
	{ "refresh-ms", false, read_refresh, COLLATERAL(refresh_ms) },
};

void collateral_read(struct conf *y, const yaml_node_t *node, void *draft)
{
	struct collateral_config *c = &((struct draft *)draft)->config.collateral;

	c->enabled = true;
	conf_mapping(y, node, keys, CONFIG_COUNT(keys), c);
}
