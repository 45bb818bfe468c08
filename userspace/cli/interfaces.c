// SPDX-License-Identifier: BSD-2-Clause
/* The commands that change what the kernel runs: attach, detach, map unpin. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/pinned.h"
#include "steering/attach.h"

/*
 * What is attached would go on with maps that nobody finds again, so it has to be detached
 * first.  Pins of another version cannot be opened, and are removed all the same.
 */
int pinned_remove(const struct cli_options *o)
{
	char why[DATAPLANE_WHY_MAX], interface[IF_NAMESIZE];
	struct pinned p;
	int err;

	pinned_try(o, &p);
	err = pinned_carrier(&p, interface) ? -EBUSY : 0;
	pinned_close(&p);
	if (err) {
		cli_error("map: %s still carries a program of %s; fairlead detach %s first",
			  interface, pinned_dir(o), interface);
		return CLI_REFUSED;
	}
	err = guard_unpin(o->pins, why);
	if (!err || err == -ENOENT)
		err = dataplane_unpin(o->pins, why);
	if (err) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	return CLI_DONE;
}

static const char attach_help[] =
	"usage: fairlead attach DEV [guard] [native|generic]\n"
	"  Puts the pinned router, or guard, on an interface; loads it when it is not pinned yet.\n"
	"  In the driver, or in generic mode where the driver has no XDP; the words insist.\n";

static const char detach_help[] = "usage: fairlead detach DEV   takes router or guard off it\n";

/* The program to be attached: pinned, or loaded now.  Its fd stays open until the process ends. */
static int program_of(const struct cli_options *o, bool guard, uint32_t *id,
		      char why[DATAPLANE_WHY_MAX])
{
	struct dataplane d;
	struct guard g;
	int err;

	if (guard) {
		err = guard_view(&g, o->pins, why);
		if (err == -ENOENT)
			err = guard_open(&g, o->pins, why);
		*id = err ? 0 : g.program_id;
		return err ? err : g.program;
	}
	err = dataplane_view(&d, o->pins, why);
	if (err == -ENOENT)
		err = dataplane_open(&d, o->pins, NULL, why);
	*id = err ? 0 : d.program_id;
	return err ? err : d.program;
}

static int attach(const struct cli_options *o, const char *interface, bool guard,
		  enum attach_mode mode)
{
	char why[DATAPLANE_WHY_MAX];
	struct attachment a;
	uint32_t id;
	int program = program_of(o, guard, &id, why);

	if (program < 0 || program_attach(program, interface, mode, &a, why)) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	if (a.generic)
		cli_error("%s: GENERIC XDP, slower by far: %s", interface, a.note);
	if (o->json) {
		json_t *v = json_pack("{s:s s:s s:I s:s s:b}", "interface", interface, "program",
				      guard ? "guard" : "router", "id", (json_int_t)id, "mode",
				      a.generic ? "generic" : "native", "was_there", a.was_there);
		pinned_print(v);
		json_decref(v);
	}
	return CLI_DONE;
}

int cmd_attach(const struct cli_options *o, int argc, char **argv)
{
	static const char *const words[] = { "guard", "native", "generic", NULL };
	enum attach_mode mode = ATTACH_ANY;
	bool guard = false;

	if (argc < 2)
		return pinned_usage(stderr, attach_help);
	if (!strcmp(argv[1], "help"))
		return pinned_usage(stdout, attach_help);
	for (int i = 2; i < argc; i++) {
		switch (cli_word(words, argv[i])) {
		case 0:
			guard = true;
			break;
		case 1:
			mode = ATTACH_NATIVE;
			break;
		case 2:
			mode = ATTACH_GENERIC;
			break;
		default:
			cli_error("attach: unexpected \"%s\"", argv[i]);
			return pinned_usage(stderr, attach_help);
		}
	}
	return attach(o, argv[1], guard, mode);
}

int cmd_detach(const struct cli_options *o, int argc, char **argv)
{
	char why[DATAPLANE_WHY_MAX];
	struct carried c;
	struct pinned p;
	bool guard;
	int err;

	if (argc == 2 && !strcmp(argv[1], "help"))
		return pinned_usage(stdout, detach_help);
	if (argc != 2)
		return pinned_usage(stderr, detach_help);
	if (pinned_open(o, &p))
		return CLI_ERROR;
	err = program_carried(argv[1], &c, why);
	if (!err) {
		guard = p.has_guard && (!p.has_router || c.native == p.guard.program_id ||
					c.generic == p.guard.program_id);
		err = program_detach(guard ? p.guard.program : p.router.program, argv[1], why);
	}
	pinned_close(&p);
	if (err) {
		cli_error("%s", why);
		return err == -ENOENT || err == -EBUSY ? CLI_REFUSED : CLI_ERROR;
	}
	if (o->json) {
		json_t *v = json_pack("{s:s s:b}", "interface", argv[1], "detached", 1);

		pinned_print(v);
		json_decref(v);
	}
	return CLI_DONE;
}
