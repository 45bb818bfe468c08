// SPDX-License-Identifier: BSD-2-Clause
#include "attester/soft_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	KEYS_MAX = 32,
	SIZE_MAX_BYTES = 2048, /* of what a file says */
	LINE_MAX_BYTES = 512,
};

int soft_file_take(struct conf *y, const struct conf_key *table, size_t count, void *out,
		   size_t size, char why[WHY_MAX])
{
	uint8_t got[SIZE_MAX_BYTES] __attribute__((aligned(16)));
	const yaml_node_t *root;
	int err = 0;

	if (!y || size > sizeof(got)) {
		conf_free(y);
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	memcpy(got, out, size);
	root = conf_root(y);
	if (root)
		conf_mapping(y, root, table, count, got);
	if (conf_error_count(y)) {
		snprintf(why, WHY_MAX, "%s", conf_first_error(y));
		err = -EINVAL;
	}
	conf_free(y);
	if (!err)
		memcpy(out, got, size);
	return err;
}

int soft_file_set(const char *field, const char *value, const struct conf_key *table, size_t count,
		  void *out, size_t size, char why[WHY_MAX])
{
	struct conf_key optional[KEYS_MAX];
	char text[LINE_MAX_BYTES];
	int n;

	n = snprintf(text, sizeof(text), "'%s': '%s'\n", field, value);
	if (count > KEYS_MAX || n >= (int)sizeof(text) || strpbrk(field, "'\n") ||
	    strpbrk(value, "'\n")) {
		snprintf(why, WHY_MAX, "want FIELD=VALUE without quotes, got %.60s=%.60s", field,
			 value);
		return -EINVAL;
	}
	memcpy(optional, table, count * sizeof(*table));
	for (size_t i = 0; i < count; i++)
		optional[i].required = false;
	return soft_file_take(conf_parse(field, text, n), optional, count, out, size, why);
}

int soft_begin(const struct source_ops *ops, void *source, const char *directory, char why[WHY_MAX])
{
	static const uint8_t nothing[REPORT_DATA_BYTES];
	struct quote *q = malloc(sizeof(*q));
	int err = -ENOMEM;

	if (q)
		err = ops->quote(source, nothing, q, why);
	else
		snprintf(why, WHY_MAX, "no memory");
	free(q);
	if (!err)
		log_warnx("evidence is made by software in %s: it proves nothing outside a lab",
			  directory);
	return err;
}
