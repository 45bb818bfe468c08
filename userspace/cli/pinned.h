/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands that need no daemon share: what is pinned, and how they speak. */
#ifndef CLI_PINNED_H
#define CLI_PINNED_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"
#include "steering/guard.h"

/* Either, both, or none. */
struct pinned {
	struct dataplane router;
	struct guard guard;
	bool has_router, has_guard;
};

const char *pinned_dir(const struct cli_options *o);
/* CLI_DONE, or the status after saying what is wrong; nothing there at all is wrong, too. */
int pinned_open(const struct cli_options *o, struct pinned *p);
/* The same, but whatever cannot be opened is just not there. */
void pinned_try(const struct cli_options *o, struct pinned *p);
void pinned_close(struct pinned *p);
/* The first interface that carries one of them; false when none does. */
bool pinned_carrier(const struct pinned *p, const char *dir, char out[IF_NAMESIZE]);

/* `fairlead map unpin`: refused while an interface carries a program. */
int pinned_remove(const struct cli_options *o);

void pinned_print(const json_t *value);
int pinned_usage(FILE *to, const char *text); /* the status that goes with it */
/* The index of argv[1] among words, 0 if there is none; -1 after saying why not. */
int pinned_command(int argc, char **argv, const char *const words[], const char *help);

#endif
