// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead policy: what evidence must say.  show asks the daemon (remote.c); check and explain need
 * none; simulate has the daemon appraise again what its backends said last.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/policy_import.h"
#include "cli/verify.h"
#include "daemon/control.h"
#include "verifier/policy.h"

static const char usage[] =
	"usage: fairlead policy show [NAME]            what evidence must say\n"
	"       fairlead policy check FILE             every mistake of a policy's file\n"
	"       fairlead policy explain --tee TEE --evidence FILE [--policy FILE] ...\n"
	"                                              all that a policy has against evidence\n"
	"       fairlead policy simulate FILE [--for NAME]\n"
	"                                              whom it would evict, by their last evidence\n"
	"       fairlead policy import FILE [--tee KIND] [--key FILE] [--partial]\n"
	"                                              reference values of others, as a policy\n";

enum {
	TEXT_MAX = CONTROL_REQUEST_MAX / 2, /* as JSON a text may take twice as much */
};

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

static long long counted(const json_t *outlook, const char *class, const char *when)
{
	return json_integer_value(
		json_object_get(json_object_get(json_object_get(outlook, "classes"), class), when));
}

static void print_class(const json_t *outlook, const char *class)
{
	long long before = counted(outlook, class, "before");
	long long after = counted(outlook, class, "after");

	if (before)
		printf("class %s keeps %lld of %lld, %lld %%\n", class, after, before,
		       after * 100 / before);
}

static void print_outlook(const json_t *outlook)
{
	const json_t *evicted = json_object_get(outlook, "evicted"), *one;
	size_t i;

	printf("would evict %zu of %lld\n", json_array_size(evicted),
	       (long long)json_integer_value(json_object_get(outlook, "attested")));
	json_array_foreach(evicted, i, one)
		printf("  %-20s %s: %s\n", json_string_value(json_object_get(one, "name")),
		       json_string_value(json_object_get(one, "reason")),
		       json_string_value(json_object_get(one, "detail")));
	json_array_foreach(json_object_get(outlook, "undetermined"), i, one)
		printf("  %-20s could not be told, and counts as kept\n", json_string_value(one));
	print_class(outlook, "confidential");
	print_class(outlook, "classified");
	json_array_foreach(json_object_get(outlook, "dark"), i, one)
		printf("service %s goes dark\n", json_string_value(one));
}

/* The file's text, to be freed; NULL after saying why. */
static char *read_text(const char *path)
{
	char *text = malloc(TEXT_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!text || !f) {
		cli_error("policy: %s: %s", path, strerror(errno));
		goto failed;
	}
	n = fread(text, 1, TEXT_MAX, f);
	if (ferror(f) || !feof(f)) {
		cli_error("policy: %s: cannot be read, or has more than %d bytes", path, TEXT_MAX);
		goto failed;
	}
	fclose(f);
	text[n] = 0;
	return text;
failed:
	if (f)
		fclose(f);
	free(text);
	return NULL;
}

static int simulate(const struct cli_options *o, const char *path, const char *name)
{
	char why[WHY_MAX] = "", *text = read_text(path);
	json_t *args, *result = NULL;
	int status;

	if (!text)
		return CLI_ERROR;
	args = json_pack("{s:s, s:s*}", "policy", text, "for", name);
	free(text);
	if (!args) {
		cli_error("policy: %s: want text in UTF-8", path);
		return CLI_ERROR;
	}
	status = control_call(o->socket, "policy simulate", args, &result, why);
	if (status) {
		cli_error("policy simulate: %s", why);
		return status;
	}
	if (o->json)
		json_dumpf(result, stdout, JSON_INDENT(2));
	else
		print_outlook(result);
	if (o->json)
		putchar('\n');
	json_decref(result);
	return fflush(stdout) ? CLI_ERROR : CLI_DONE;
}

static int simulate_command(const struct cli_options *o, int argc, char **argv)
{
	if (argc == 2)
		return simulate(o, argv[1], NULL);
	if (argc == 4 && !strcmp(argv[2], "--for"))
		return simulate(o, argv[1], argv[3]);
	fputs(usage, stderr);
	return CLI_ERROR;
}

static const struct {
	const char *word;
	int (*run)(const struct cli_options *o, int argc, char **argv);
} tools[] = {
	{ "check", check_command },
	{ "explain", explain_command },
	{ "simulate", simulate_command },
	{ "import", policy_import },
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
