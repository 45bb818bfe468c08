// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commands that the daemon answers: service, backend, lease, policy, status, reload.
 * A command is a row: its words, what the daemon is asked, how the answer is shown.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"
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
	void (*show)(const struct cli_options *o, const json_t *result, bool one);
	const char *help;
};

struct object {
	const char *what;
	const struct command *commands; /* the first is what the object alone does */
	size_t count;
};

static void endpoint_cell(const json_t *service, char out[CELL_MAX])
{
	const char *vip = json_string_value(json_object_get(service, "vip"));
	const char *protocol = json_string_value(json_object_get(service, "protocol"));

	snprintf(out, CELL_MAX, vip && strchr(vip, ':') ? "[%s]:%lld/%s" : "%s:%lld/%s",
		 vip ? vip : "?", (long long)json_integer_value(json_object_get(service, "port")),
		 protocol ? protocol : "?");
}

static void eligible_cell(const json_t *members, char out[CELL_MAX])
{
	const json_t *member;
	size_t i, n = 0;

	json_array_foreach((json_t *)members, i, member) n +=
		json_is_true(json_object_get(member, "eligible"));
	snprintf(out, CELL_MAX, "%zu/%zu", n, json_array_size(members));
}

static const struct render_column service_columns[] = {
	{ "SERVICE", "name", render_text, false, false },
	{ "CLASS", "class", render_text, false, false },
	{ "ADDRESS", "", endpoint_cell, false, false },
	{ "SELECT", "select", render_text, false, false },
	{ "REFUSAL", "refusal", render_text, false, false },
	{ "PACKETS", "packets", render_text, true, true },
	{ "BYTES", "bytes", render_bytes, true, true },
	{ "NEW FLOWS", "new_flows", render_text, true, true },
	{ "MOVED", "moved_permille", render_permille, true, true },
	{ "ELIGIBLE", "backends", eligible_cell, true, false },
};

static const struct render_column service_details[] = {
	{ "SERVICE", "name", render_text, false, false },
	{ "ID", "id", render_text, false, false },
	{ "CLASS", "class", render_text, false, false },
	{ "ADDRESS", "", endpoint_cell, false, false },
	{ "SELECT", "select", render_text, false, false },
	{ "REFUSAL", "refusal", render_text, false, false },
	{ "RING SLOTS", "ring_slots", render_text, false, false },
	{ "REBUILDS", "rebuilds", render_text, false, false },
	{ "LAST MOVED", "moved_permille", render_permille, false, false },
	{ "PACKETS", "packets", render_text, false, false },
	{ "BYTES", "bytes", render_bytes, false, false },
	{ "NEW FLOWS", "new_flows", render_text, false, false },
};

static const struct render_column member_columns[] = {
	{ "BACKEND", "name", render_text, false, false },
	{ "ELIGIBLE", "eligible", render_yes, false, false },
	{ "COST", "cost_us", render_us, true, false },
	{ "WEIGHT", "weight_permille", render_permille, true, false },
};

static void show_services(const struct cli_options *o, const json_t *result, bool one)
{
	const json_t *service = json_array_get(result, 0);

	if (!one) {
		render_table(result, service_columns, COUNT(service_columns), o->stats, stdout);
		return;
	}
	render_details(service, service_details, COUNT(service_details), stdout);
	putchar('\n');
	render_table(json_object_get(service, "backends"), member_columns, COUNT(member_columns),
		     o->stats, stdout);
}

/* The state, by whose hand it is otherwise, and whether only a lab vouches for it. */
static void state_cell(const json_t *backend, char out[CELL_MAX])
{
	char state[CELL_MAX];

	render_text(json_object_get(backend, "state"), state);
	snprintf(out, CELL_MAX, "%.64s%s%s%s", state,
		 json_is_true(json_object_get(backend, "evicted")) ? ",evicted" : "",
		 json_is_true(json_object_get(backend, "drained")) ? ",drained" : "",
		 json_is_true(json_object_get(backend, "lab_root")) ? " LAB" : "");
}

static void lab_cell(const json_t *lab_root, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, "%s",
		 json_is_true(lab_root) ? "LAB: no vendor vouches for it" : "-");
}

static const struct render_column backend_columns[] = {
	{ "BACKEND", "name", render_text, false, false },
	{ "STATE", "", state_cell, false, false },
	{ "HEALTH", "health", render_text, false, false },
	{ "CONFIDENTIAL", "leases.confidential", render_left, true, false },
	{ "CLASSIFIED", "leases.classified", render_left, true, false },
	{ "COST", "cost_us", render_us, true, false },
	{ "LOAD", "load_permille", render_permille, true, true },
	{ "PACKETS", "packets", render_text, true, true },
	{ "BYTES", "bytes", render_bytes, true, true },
	{ "NEW FLOWS", "new_flows", render_text, true, true },
	{ "WHY", "why", render_text, false, false },
};

static const struct render_column backend_details[] = {
	{ "BACKEND", "name", render_text, false, false },
	{ "ID", "id", render_text, false, false },
	{ "ADDRESS", "address", render_text, false, false },
	{ "AGENT PORT", "agent_port", render_text, false, false },
	{ "NODE", "node", render_text, false, false },
	{ "STATE", "", state_cell, false, false },
	{ "WHY", "why", render_text, false, false },
	{ "HEALTH", "health", render_text, false, false },
	{ "LEASE PUBLIC", "leases.public", render_left, false, false },
	{ "LEASE CONFIDENTIAL", "leases.confidential", render_left, false, false },
	{ "LEASE CLASSIFIED", "leases.classified", render_left, false, false },
	{ "POLICY", "policy", render_text, false, false },
	{ "VERDICT", "reason", render_text, false, false },
	{ "DETAIL", "detail", render_text, false, false },
	{ "TEE", "tee", render_text, false, false },
	{ "PRODUCT", "product", render_text, false, false },
	{ "LAB ROOT", "lab_root", lab_cell, false, false },
	{ "EVIDENCE SHA-384", "digest", render_text, false, false },
	{ "NEXT HOP", "nexthop.state", render_text, false, false },
	{ "INTERFACE", "nexthop.interface", render_text, false, false },
	{ "MAC", "nexthop.mac", render_text, false, false },
	{ "MTU", "nexthop.mtu", render_text, false, false },
	{ "CONNECT TIME", "connect_us", render_us, false, false },
	{ "ROUND TRIP", "rtt_us", render_us, false, false },
	{ "LOAD", "load_permille", render_permille, false, false },
	{ "COST", "cost_us", render_us, false, false },
	{ "PACKETS", "packets", render_text, false, false },
	{ "BYTES", "bytes", render_bytes, false, false },
	{ "NEW FLOWS", "new_flows", render_text, false, false },
};

static void show_backends(const struct cli_options *o, const json_t *result, bool one)
{
	const json_t *backend = json_array_get(result, 0);
	const json_t *claims = json_object_get(backend, "claims");

	if (!one) {
		render_table(result, backend_columns, COUNT(backend_columns), o->stats, stdout);
		return;
	}
	render_details(backend, backend_details, COUNT(backend_details), stdout);
	if (json_object_size(claims)) {
		printf("claims\n");
		render_tree(claims, 1, stdout);
	}
}

static void show_hand(const struct cli_options *o, const json_t *result, bool one)
{
	static const struct render_column columns[] = {
		{ "BACKEND", "name", render_text, false, false },
		{ "STATE", "state", render_text, false, false },
		{ "HAND", "hand", render_text, false, false },
	};

	(void)o;
	(void)one;
	render_details(result, columns, COUNT(columns), stdout);
}

static void mark_cell(const json_t *lab_root, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, "%s", json_is_true(lab_root) ? "LAB" : "-");
}

static void show_leases(const struct cli_options *o, const json_t *result, bool one)
{
	static const struct render_column columns[] = {
		{ "BACKEND", "backend", render_text, false, false },
		{ "CLASS", "class", render_text, false, false },
		{ "UNTIL JIFFIES", "until_jiffies", render_text, true, true },
		{ "LEFT", "seconds_left", render_left, true, false },
		{ "ROOT", "lab_root", mark_cell, false, false },
	};

	(void)one;
	render_table(result, columns, COUNT(columns), o->stats, stdout);
}

static void count_cell(const json_t *list, char out[CELL_MAX])
{
	if (json_is_array(list))
		snprintf(out, CELL_MAX, "%zu", json_array_size(list));
	else
		render_text(list, out);
}

static void show_policies(const struct cli_options *o, const json_t *result, bool one)
{
	static const struct render_column columns[] = {
		{ "POLICY", "name", render_text, false, false },
		{ "TEE", "tee", render_list, false, false },
		{ "PRODUCTS", "snp.products", render_list, false, false },
		{ "KEYS", "snp.keys", render_list, false, false },
		{ "MEASUREMENTS", "snp.measurements", count_cell, true, false },
		{ "DEBUG", "snp.debug", render_text, false, false },
		{ "CRL", "snp.crl", render_text, false, false },
		{ "LAB ROOTS", "snp.roots-besides-amd", count_cell, true, false },
	};

	if (one)
		render_tree(json_array_get(result, 0), 0, stdout);
	else
		render_table(result, columns, COUNT(columns), o->stats, stdout);
}

static void show_status(const struct cli_options *o, const json_t *result, bool one)
{
	static const struct render_column columns[] = {
		{ "NODE", "node", render_text, false, false },
		{ "VERSION", "version", render_text, false, false },
		{ "PID", "pid", render_text, false, false },
		{ "UP", "uptime_s", render_seconds, false, false },
		{ "CONFIG", "config", render_text, false, false },
		{ "RELOADS", "reloads", render_text, false, false },
		{ "ROUTER", "router", render_yes, false, false },
		{ "INTERFACES", "interfaces", render_list, false, false },
		{ "PINS", "pins", render_text, false, false },
		{ "PROGRAM", "program_id", render_text, false, false },
		{ "AGENT", "agent", render_yes, false, false },
		{ "GUARDED", "guard_interfaces", render_list, false, false },
		{ "CHANNEL PID", "children.channel", render_text, false, false },
		{ "VERIFIER PID", "children.verifier", render_text, false, false },
		{ "ATTESTER PID", "children.attester", render_text, false, false },
	};

	(void)o;
	(void)one;
	render_details(result, columns, COUNT(columns), stdout);
}

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
