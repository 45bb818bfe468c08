// SPDX-License-Identifier: BSD-2-Clause
#include "cli/lab_words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

const char *lab_next(struct words *w)
{
	return w->at < w->argc ? w->argv[w->at++] : NULL;
}

bool lab_takes_value(struct words *w, const char *option, const char *name, const char **value)
{
	if (strcmp(option, name))
		return false;
	*value = lab_next(w);
	if (!*value)
		cli_error("lab: %s: want a value", name);
	return true;
}

int lab_failed(const char *what, const char *why)
{
	cli_error("lab: %s: %s", what, why);
	return CLI_ERROR;
}

int lab_unknown(const char *option)
{
	cli_error("lab: unknown option \"%s\"", option);
	return CLI_ERROR;
}

void lab_print_root(const uint8_t sha256[32])
{
	printf("sha256:");
	for (int i = 0; i < 32; i++)
		printf("%02x", sha256[i]);
	printf("\n");
}

/* Cuts "FIELD=VALUE" in two. */
static bool split_pair(char *pair, const char **field, const char **value)
{
	char *at = pair ? strchr(pair, '=') : NULL;

	if (!at)
		return false;
	*at = 0;
	*field = pair;
	*value = at + 1;
	return true;
}

static int read_changes(struct words *w, struct lab_changes *c)
{
	const char *option, *value;

	while ((option = lab_next(w))) {
		if (!strcmp(option, "--debug")) {
			c->debug = true;
		} else if (lab_takes_value(w, option, "--root", &c->root)) {
			if (!c->root)
				return CLI_ERROR;
		} else if (lab_takes_value(w, option, "--set", &value)) {
			if (c->count == LAB_FIELDS_MAX ||
			    !split_pair((char *)value, &c->fields[c->count], &c->values[c->count]))
				return lab_failed("--set", "want FIELD=VALUE, 16 of them at most");
			c->count++;
		} else {
			return lab_unknown(option);
		}
	}
	return CLI_DONE;
}

int lab_change(struct words *w, lab_maker make)
{
	const char *directory = lab_next(w);
	struct lab_changes c = { 0 };
	char why[WHY_MAX] = "";

	if (read_changes(w, &c))
		return CLI_ERROR;
	if (make(directory, &c, time(NULL), why))
		return lab_failed(directory, why);
	return CLI_DONE;
}
