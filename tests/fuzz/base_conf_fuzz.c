// SPDX-License-Identifier: BSD-2-Clause
/* Any text, walked as a list of mappings of every kind of scalar. */
#include "base/conf.h"

struct item {
	char text[16];
	uint64_t number;
	struct addr addr;
	uint16_t port;
	uint8_t hex[8];
	bool on;
};

static void read_any(struct conf *y, const yaml_node_t *n, void *f)
{
	struct item *i = f;

	conf_text(y, n, i->text, sizeof(i->text));
	conf_number(y, n, 1, 1000, &i->number);
	conf_addr(y, n, &i->addr);
	conf_endpoint(y, n, &i->addr, &i->port);
	conf_hex(y, n, i->hex, sizeof(i->hex));
	conf_bool(y, n, &i->on);
}

static const struct conf_key keys[] = { { "a", true, read_any, 0 }, { "b", false, read_any, 0 } };

static void read_item(struct conf *y, const yaml_node_t *n, void *item)
{
	conf_mapping(y, n, keys, 2, item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *y = conf_parse("fuzz", (const char *)data, size);
	const yaml_node_t *root = conf_root(y);
	struct item items[4];

	if (root)
		conf_sequence(y, root, 4, read_item, items, sizeof(*items));
	conf_free(y);
	return 0;
}
