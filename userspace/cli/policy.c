// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead policy: what evidence must say.  show asks the daemon (remote.c); check and explain need
 * none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/verify.h"
#include "verifier/policy.h"

static const char usage[] =
	"usage: fairlead policy show [NAME]            what evidence must say\n"
	"       fairlead policy check FILE             every mistake of a policy's file\n"
	"       fairlead policy explain --tee TEE --evidence FILE [--policy FILE] ...\n"
	"                                              all that a policy has against evidence\n";

static int broken(struct conf *y, const char *path)
{
	if (!y) {
		cli_error("policy: %s: %s", path, strerror(ENOMEM));
		return CLI_ERROR;
	}
	conf_print_errors(y, stderr);
	conf_free(y);
	return CLI_REFUSED;
}

static bool readable(const char *path)
{
	if (!access(path, R_OK))
		return true;
	cli_error("policy: %s: %s", path, strerror(errno));
	return false;
}

/* "name" and digest, or every mistake. */
static int check(const struct cli_options *o, const char *path)
{
	struct conf *y = conf_open(path);
	const yaml_node_t *root = y ? conf_root(y) : NULL;
	struct policy *p = root ? policy_read(y, root) : NULL;
	json_t *all;

	if (!y || conf_error_count(y) || !p) {
		policy_free(p);
		return broken(y, path);
	}
	all = o->json ? policy_json(p) : NULL;
	if (all)
		json_dumpf(all, stdout, JSON_INDENT(2));
	if (o->json)
		putchar('\n');
	else
		printf("policy \"%s\" is well-formed, digest %s\n", policy_name(p),
		       policy_digest(p));
	json_decref(all);
	policy_free(p);
	conf_free(y);
	return CLI_DONE;
}

static int check_command(const struct cli_options *o, int argc, char **argv)
{
	if (argc == 2)
		return readable(argv[1]) ? check(o, argv[1]) : CLI_ERROR;
	fputs(usage, stderr);
	return CLI_ERROR;
}

static int explain_command(const struct cli_options *o, int argc, char **argv)
{
	char **with_json = calloc(argc + 2, sizeof(*with_json));
	int n = 0, status;

	if (!with_json) {
		cli_error("out of memory");
		return CLI_ERROR;
	}
	with_json[n++] = argv[0];
	if (o->json)
		with_json[n++] = "-j";
	memcpy(with_json + n, argv + 1, (argc - 1) * sizeof(*argv));
	status = cmd_explain(n + argc - 1, with_json);
	free(with_json);
	return status;
}

static const struct {
	const char *word;
	int (*run)(const struct cli_options *o, int argc, char **argv);
} tools[] = {
	{ "check", check_command },
	{ "explain", explain_command },
};

enum {
	TOOLS = sizeof(tools) / sizeof(*tools),
};

int cmd_policy(const struct cli_options *o, int argc, char **argv)
{
	const char *words[TOOLS + 3] = { NULL };
	int i;

	for (i = 0; i < TOOLS; i++)
		words[i] = tools[i].word;
	words[TOOLS] = "show";
	words[TOOLS + 1] = "help";
	i = argc > 1 ? cli_word(words, argv[1]) : TOOLS;
	if (i >= 0 && i < TOOLS)
		return tools[i].run(o, argc - 1, argv + 1);
	if (i == TOOLS)
		return cmd_policy_show(o, argc, argv);
	fputs(usage, i == TOOLS + 1 ? stdout : stderr);
	return i == TOOLS + 1 ? CLI_DONE : CLI_ERROR;
}
