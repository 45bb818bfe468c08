// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commands that the daemon answers: service, backend, lease, router, policy, status, reload.
 * A command is a row: its words, what the daemon is asked, how the answer is shown.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/remote_show.h"
#include "daemon/control.h"

enum {
	REAL_DIGITS = 12, /* as the daemon sends them */
	COMMANDS_MAX = 8, /* of one object */
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum name {
	NAME_NONE,
	NAME_MAY, /* the daemon picks the one of that name */
	NAME_MUST,
	NAME_PICK, /* the same, but picked here from all */
};

struct command {
	const char *word;
	const char *cmd; /* in control.h */
	enum name name;
	const char *name_key; /* NAME_PICK: which key of an item is its name */
	remote_show *show;
	const char *help;
};

struct object {
	const char *what;
	const struct command *commands; /* the first is what the object alone does */
	size_t count;
};

static const struct command service_commands[] = {
	{ "show", "service show", NAME_MAY, NULL, show_services,
	  "services: class, address, how many backends may serve them" },
};

static const struct command backend_commands[] = {
	{ "show", "backend show", NAME_MAY, NULL, show_backends,
	  "backends: state, leases, cost and why" },
	{ "drain", "backend drain", NAME_MUST, NULL, show_hand,
	  "give it no new flows; those that it has stay" },
	{ "evict", "backend evict", NAME_MUST, NULL, show_hand, "take all its leases, now" },
	{ "admit", "backend admit", NAME_MUST, NULL, show_hand, "undo drain and evict" },
};

static const struct command lease_commands[] = {
	{ "show", "lease show", NAME_PICK, "backend", show_leases,
	  "until when each backend may serve each class" },
};

static const struct command router_commands[] = {
	{ "show", "router show", NAME_PICK, "name", show_routers,
	  "whom this guest serves: which routers are attested, until when" },
};

static const struct command policy_commands[] = {
	{ "show", "policy show", NAME_PICK, "name", show_policies, "what evidence must say" },
};

static const struct command status_commands[] = {
	{ "show", "status", NAME_NONE, NULL, show_status, "the daemon: node, age, processes" },
};

static const char *name_usage(enum name n)
{
	return n == NAME_NONE ? "" : n == NAME_MUST ? " NAME" : " [NAME]";
}

static void object_usage(const struct object *object, FILE *to)
{
	for (size_t i = 0; i < object->count; i++) {
		const struct command *c = &object->commands[i];
		char words[64];

		snprintf(words, sizeof(words), "%s %s%s", object->what, c->word,
			 name_usage(c->name));
		fprintf(to, "%s fairlead %-24s %s\n", i ? "      " : "usage:", words, c->help);
	}
}

/* The command that text stands for, or NULL after saying why. */
static const struct command *find(const struct object *object, const char *text)
{
	const char *words[COMMANDS_MAX + 1] = { NULL };
	int i;

	for (size_t k = 0; k < object->count; k++)
		words[k] = object->commands[k].word;
	i = cli_word(words, text);
	if (i >= 0)
		return &object->commands[i];
	cli_error("%s: %s command \"%s\"; try fairlead %s help", object->what,
		  i == -2 ? "ambiguous" : "unknown", text, object->what);
	return NULL;
}

/* A new list of the items called name. */
static json_t *pick(const json_t *list, const char *key, const char *name)
{
	json_t *out = json_array();
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		const char *s = json_string_value(json_object_get(item, key));

		if (s && !strcmp(s, name))
			json_array_append(out, item);
	}
	return out;
}

/* Of the right kind, so that no renderer is surprised by what a daemon of another version says. */
static bool is_expected(const struct command *c, const json_t *result, const char *name)
{
	bool list = c->name == NAME_MAY || c->name == NAME_PICK;

	if (!list)
		return json_is_object(result);
	return json_is_array(result) && (!name || c->name == NAME_PICK || json_array_size(result));
}

static int print(const struct cli_options *o, const struct command *c, const json_t *result,
		 const char *name)
{
	if (o->json) {
		json_dumpf(result, stdout,
			   JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS));
		putchar('\n');
	} else {
		c->show(o, result, name && json_array_size(result) == 1);
	}
	if (fflush(stdout) || ferror(stdout)) {
		cli_error("writing the answer: %s", strerror(errno));
		return CLI_ERROR;
	}
	return CLI_DONE;
}

static int run(const struct cli_options *o, const struct command *c, const char *what,
	       const char *name)
{
	json_t *args = name && c->name != NAME_PICK ? json_pack("{s:s}", "name", name) : NULL;
	char why[WHY_MAX] = "";
	json_t *result;
	int status;

	if (name && c->name != NAME_PICK && !args) {
		cli_error("%s: want a name in UTF-8", what);
		return CLI_ERROR;
	}
	status = control_call(o->socket, c->cmd, args, &result, why);
	if (status) {
		cli_error("%s", why);
		return status;
	}
	if (name && c->name == NAME_PICK) {
		json_t *picked = pick(result, c->name_key, name);

		json_decref(result);
		result = picked;
	}
	if (!is_expected(c, result, name)) {
		cli_error("%s: the daemon's answer is not what was asked for", c->cmd);
		status = CLI_ERROR;
	} else if (name && c->name == NAME_PICK && !json_array_size(result)) {
		cli_error("no %s \"%s\"", what, name);
		status = CLI_REFUSED;
	} else {
		status = print(o, c, result, name);
	}
	json_decref(result);
	return status;
}

static int object_run(const struct cli_options *o, const struct object *object, int argc,
		      char **argv)
{
	const struct command *c = object->commands;
	const char *name;

	if (argc > 1 && !strcmp(argv[1], "help")) {
		object_usage(object, stdout);
		return CLI_DONE;
	}
	if (argc > 1)
		c = find(object, argv[1]);
	if (!c)
		return CLI_ERROR;
	name = argc > 2 ? argv[2] : NULL;
	if (argc > 3 || (name && c->name == NAME_NONE)) {
		cli_error("%s %s: unexpected \"%s\"", object->what, c->word,
			  argv[argc > 3 ? 3 : 2]);
		return CLI_ERROR;
	}
	if (!name && c->name == NAME_MUST) {
		cli_error("%s %s: want the NAME of a %s", object->what, c->word, object->what);
		return CLI_ERROR;
	}
	return run(o, c, object->what, name);
}

int cmd_service(const struct cli_options *o, int argc, char **argv)
{
	static const struct object object = { "service", service_commands,
					      COUNT(service_commands) };

	return object_run(o, &object, argc, argv);
}

int cmd_backend(const struct cli_options *o, int argc, char **argv)
{
	static const struct object object = { "backend", backend_commands,
					      COUNT(backend_commands) };

	return object_run(o, &object, argc, argv);
}

int cmd_lease(const struct cli_options *o, int argc, char **argv)
{
	static const struct object object = { "lease", lease_commands, COUNT(lease_commands) };

	return object_run(o, &object, argc, argv);
}

int cmd_router(const struct cli_options *o, int argc, char **argv)
{
	static const struct object object = { "router", router_commands, COUNT(router_commands) };

	return object_run(o, &object, argc, argv);
}

int cmd_policy_show(const struct cli_options *o, int argc, char **argv)
{
	static const struct object object = { "policy", policy_commands, COUNT(policy_commands) };

	return object_run(o, &object, argc, argv);
}

int cmd_status(const struct cli_options *o, int argc, char **argv)
{
	static const struct object object = { "status", status_commands, COUNT(status_commands) };

	return object_run(o, &object, argc, argv);
}
