// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead: asks the daemon, looks into the kernel's maps, appraises evidence.  This
 * file reads the options and finds the object; fairlead(8) describes them all.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/collateral.h"
#include "cli/lab.h"
#include "cli/verify.h"
#include "daemon/config.h"
#include "daemon/control.h"

enum {
	OPTION_CONFIG = 256, /* past the letters */
	OPTION_SOCKET,
	OPTION_PINS,
};

static int cmd_help(const struct cli_options *o, int argc, char **argv);

/* -j may also be given behind the word verify, which works without any option of ours. */
static int run_verify(const struct cli_options *o, int argc, char **argv)
{
	char **with_json = calloc(argc + 2, sizeof(*with_json));
	int status;

	if (!with_json) {
		cli_error("out of memory");
		return CLI_ERROR;
	}
	with_json[0] = argv[0];
	with_json[1] = "-j";
	memcpy(with_json + 2, argv + 1, (argc - 1) * sizeof(*argv));
	status = o->json ? cmd_verify(argc + 1, with_json) : cmd_verify(argc, argv);
	free(with_json);
	return status;
}

static int run_lab(const struct cli_options *o, int argc, char **argv)
{
	if (!o->json)
		return cmd_lab(argc, argv);
	cli_error("lab: makes files, and has no JSON to print");
	return CLI_ERROR;
}

static int cmd_version(const struct cli_options *o, int argc, char **argv)
{
	if (argc > 1) {
		cli_error("version: unexpected \"%s\"", argv[1]);
		return CLI_ERROR;
	}
	printf(o->json ? "{\"version\":\"%s\"}\n" : "fairlead %s\n", VERSION);
	return CLI_DONE;
}

static const struct {
	const char *name;
	int (*run)(const struct cli_options *o, int argc, char **argv);
	const char *help;
} objects[] = {
	{ "service", cmd_service, "what is steered, and who may serve it" },
	{ "backend", cmd_backend, "who serves, in what state and why; drain, evict, admit" },
	{ "lease", cmd_lease, "until when each backend may serve each class" },
	{ "router", cmd_router, "at a guest: whose packets it wants, and who is attested" },
	{ "policy", cmd_policy, "what evidence must say" },
	{ "outcome", cmd_outcome, "how packets left the programs, counted" },
	{ "monitor", cmd_monitor, "refused packets as they come" },
	{ "egress", cmd_egress, "what may leave this guest, and what was refused" },
	{ "flow", cmd_flow, "flows that the kernel remembers" },
	{ "explain", cmd_explain_flow, "where a flow goes, and why not elsewhere" },
	{ "map", cmd_map, "the kernel's tables" },
	{ "attach", cmd_attach, "put a pinned program on an interface" },
	{ "detach", cmd_detach, "take it off" },
	{ "status", cmd_status, "the daemon" },
	{ "reload", cmd_reload, "have it read its configuration again" },
	{ "doctor", cmd_doctor, "what of this machine is in the way, and what mends it" },
	{ "collateral", cmd_collateral, "what vendors publish: kept, fetched, exported, imported" },
	{ "verify", run_verify, "appraise evidence from files, without a daemon" },
	{ "lab", run_lab, "keys, certificates and guests for a lab" },
	{ "version", cmd_version, "" },
	{ "help", cmd_help, "" },
};

enum {
	OBJECTS = sizeof(objects) / sizeof(*objects),
};

static void usage(FILE *to)
{
	fputs("usage: fairlead [-j] [-s] [--config FILE | --socket PATH] [--pins DIR]\n"
	      "                OBJECT [COMMAND] [ARGUMENT]...\n"
	      "       fairlead OBJECT help\n\n"
	      "  -j, --json       print JSON\n"
	      "  -s, --stats      print counters too\n"
	      "  --config FILE    a daemon's configuration: where its socket and its maps are\n"
	      "  --socket PATH    default " CONTROL_SOCKET "\n"
	      "  --pins DIR       the maps\n\n"
	      "Objects and commands may be shortened as long as they are not ambiguous:\n",
	      to);
	for (int i = 0; i < OBJECTS; i++)
		if (objects[i].help[0])
			fprintf(to, "  %-15s  %s\n", objects[i].name, objects[i].help);
}

static int cmd_help(const struct cli_options *o, int argc, char **argv)
{
	(void)o;
	(void)argc;
	(void)argv;
	usage(stdout);
	return CLI_DONE;
}

/* What the daemon of this configuration uses; the strings live as long as the configuration. */
static struct config *follow(const char *path, struct cli_options *o)
{
	struct config *c = config_read(path, stderr);

	if (!c) {
		cli_error("--config %s: not usable, see above", path);
		return NULL;
	}
	if (!o->socket)
		o->socket = c->control;
	if (!o->pins)
		o->pins = c->pins;
	return c;
}

/* The object's index, or -1 after saying why not. */
static int find_object(const char *text)
{
	const char *words[OBJECTS + 1] = { NULL };
	int i;

	for (i = 0; i < OBJECTS; i++)
		words[i] = objects[i].name;
	i = cli_word(words, text);
	if (i < 0)
		cli_error("%s object \"%s\"; try fairlead help", i == -2 ? "ambiguous" : "unknown",
			  text);
	return i < 0 ? -1 : i;
}

/* False: it is wrong, or done with; then *status is the exit status. */
static bool read_options(int argc, char **argv, struct cli_options *o, const char **config,
			 int *status)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "stats", no_argument, NULL, 's' },
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "pins", required_argument, NULL, OPTION_PINS },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+jshV", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			o->json = true;
			break;
		case 's':
			o->stats = true;
			break;
		case OPTION_CONFIG:
			*config = optarg;
			break;
		case OPTION_SOCKET:
			o->socket = optarg;
			break;
		case OPTION_PINS:
			o->pins = optarg;
			break;
		case 'h':
			usage(stdout);
			*status = CLI_DONE;
			return false;
		case 'V':
			*status = cmd_version(o, 1, argv);
			return false;
		default:
			usage(stderr);
			*status = CLI_ERROR;
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct cli_options o = { 0 };
	const char *path = NULL;
	struct config *config = NULL;
	int status, i;

	if (!read_options(argc, argv, &o, &path, &status))
		return status;
	if (optind == argc) {
		usage(stderr);
		return CLI_ERROR;
	}
	i = find_object(argv[optind]);
	if (i < 0)
		return CLI_ERROR;
	if (path) {
		config = follow(path, &o);
		if (!config)
			return CLI_ERROR;
		o.config = config;
	}
	if (!o.socket)
		o.socket = CONTROL_SOCKET;
	argc -= optind;
	argv += optind;
	optind = 0; /* for an object that has options of its own: glibc begins anew */
	status = objects[i].run(&o, argc, argv);
	config_free(config);
	return status;
}
