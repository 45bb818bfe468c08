// SPDX-License-Identifier: BSD-2-Clause
/* fairlead reload: have the daemon read its configuration again. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"
#include "daemon/control.h"

static const char usage[] =
	"usage: fairlead reload [config] [--force]  read the configuration again\n"
	"  --force   even if its policies leave a class to nobody, by the backends' last evidence\n";

static int print(const struct cli_options *o, const json_t *result)
{
	char times[CELL_MAX];

	if (o->json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		render_text(json_object_get(result, "reloads"), times);
		printf("reloaded; reloads since the start: %s\n", times);
	}
	return fflush(stdout) ? CLI_ERROR : CLI_DONE;
}

static int reload(const struct cli_options *o, bool force)
{
	json_t *args = json_pack("{s:b}", "force", force), *result = NULL;
	char why[WHY_MAX] = "";
	int status = control_call(o->socket, "reload", args, &result, why);

	if (status) {
		cli_error("%s", why);
		return status;
	}
	status = print(o, result);
	json_decref(result);
	return status;
}

int cmd_reload(const struct cli_options *o, int argc, char **argv)
{
	bool force = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--force")) {
			force = true;
		} else if (!strcmp(argv[i], "help")) {
			fputs(usage, stdout);
			return CLI_DONE;
		} else if (strcmp(argv[i], "config")) {
			cli_error("reload: unexpected \"%s\"", argv[i]);
			return CLI_ERROR;
		}
	}
	return reload(o, force);
}
