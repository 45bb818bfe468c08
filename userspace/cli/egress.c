// SPDX-License-Identifier: BSD-2-Clause
/* `fairlead egress`: what may leave this guest, as the kernel has it, daemon or not. */
#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/pinned.h"
#include "cli/render.h"
#include "daemon/egress_ways.h"
#include "steering/egress.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum {
	WORD_SHOW,
	WORD_RULES,
	WORD_HELP,
	INTERFACES_SHOWN = 1024,
};

static const char help[] =
	"usage: fairlead egress [show]   how packets left this guest, or did not; with -s those\n"
	"                                outcomes that never were, too\n"
	"       fairlead egress rules    what is confined, and what may leave; the SHA-256 of what\n"
	"                                this prints is the agent's claim egress_digest\n";

static json_t *outcomes_json(const struct cli_options *o, const struct counter c[EGRESS_COUNT])
{
	json_t *list = json_array();

	for (int i = 0; i < EGRESS_COUNT; i++)
		if (o->json || o->stats || c[i].packets)
			json_array_append_new(list,
					      json_pack("{s:s s:s s:b s:I s:I}", "outcome",
							egress_label(i), "text", egress_str(i),
							"refusal", egress_is_refusal(i), "packets",
							(json_int_t)c[i].packets, "bytes",
							(json_int_t)c[i].bytes));
	return list;
}

static int show(const struct cli_options *o, const struct egress *e)
{
	static const struct render_column columns[] = {
		{ "OUTCOME", "outcome", render_text, false, false },
		{ "PACKETS", "packets", render_text, true, false },
		{ "BYTES", "bytes", render_bytes, true, false },
		{ "", "text", render_text, false, false },
	};
	struct counter c[EGRESS_COUNT];
	int err = egress_counters(e, c);
	json_t *list;

	if (err) {
		cli_error("%s/outcomes: cannot read the counters: %s", e->pins, strerror(-err));
		return CLI_ERROR;
	}
	list = outcomes_json(o, c);
	if (o->json)
		pinned_print(list);
	else
		render_table(list, columns, COUNT(columns), o->stats, stdout);
	json_decref(list);
	return CLI_DONE;
}

/* Those that carry the program; how many. */
static size_t confined(const struct egress *e, char (*names)[IF_NAMESIZE])
{
	struct if_nameindex *all = if_nameindex();
	size_t n = 0;

	for (struct if_nameindex *i = all; i && i->if_index && n < INTERFACES_SHOWN; i++)
		if (egress_is_attached(e, i->if_name))
			snprintf(names[n++], IF_NAMESIZE, "%s", i->if_name);
	if (all)
		if_freenameindex(all);
	return n;
}

static void print_rules(const struct cli_options *o, char *text)
{
	json_t *list = json_array();

	if (!o->json)
		fputs(text, stdout);
	for (char *rest = text, *line; o->json && (line = strsep(&rest, "\n")) && *line;)
		json_array_append_new(list, json_string(line));
	if (o->json)
		pinned_print(list);
	json_decref(list);
}

static int rules(const struct cli_options *o, const struct egress *e)
{
	char(*names)[IF_NAMESIZE] = calloc(INTERFACES_SHOWN, sizeof(*names));
	struct egress_key *ways = calloc(EGRESS_WAYS_MAX, sizeof(*ways));
	uint16_t mss = 0;
	int n = egress_rules(e, ways, ways ? EGRESS_WAYS_MAX : 0, &mss);
	char *text = NULL;

	if (names && ways && n >= 0)
		text = egress_text((const char(*)[IF_NAMESIZE])names, confined(e, names), ways,
				   (size_t)n, mss);
	if (text)
		print_rules(o, text);
	else if (n < 0)
		cli_error("%s/rules: %s", e->pins,
			  n == -ENOENT ? "none yet, so nothing may leave" : strerror(-n));
	else
		cli_error("egress: no memory");
	free(text);
	free(ways);
	free(names);
	return text ? CLI_DONE : CLI_ERROR;
}

int cmd_egress(const struct cli_options *o, int argc, char **argv)
{
	static const char *const words[] = { "show", "rules", "help", NULL };
	int word = pinned_command(argc, argv, words, help), status;
	char why[DATAPLANE_WHY_MAX];
	struct egress e;

	if (word < 0)
		return CLI_ERROR;
	if (word == WORD_HELP)
		return pinned_usage(stdout, help);
	if (argc > 2)
		return pinned_usage(stderr, help);
	if (egress_view(&e, o->pins, why)) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	status = word == WORD_RULES ? rules(o, &e) : show(o, &e);
	egress_close(&e);
	return status;
}
