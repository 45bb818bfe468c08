// SPDX-License-Identifier: BSD-2-Clause
/* What is pinned, opened for looking; see pinned.h. */
#include "cli/pinned.h"

#include <errno.h>
#include <string.h>

#include "steering/attach.h"
#include "steering/tc.h"

const char *pinned_dir(const struct cli_options *o)
{
	return o->pins ? o->pins : DATAPLANE_PINS;
}

/* CLI_DONE, or the status after saying what is wrong; nothing there at all is wrong, too. */
int pinned_open(const struct cli_options *o, struct pinned *p)
{
	char why[DATAPLANE_WHY_MAX];
	int err;

	*p = (struct pinned){ 0 };
	err = dataplane_view(&p->router, o->pins, why);
	p->has_router = !err;
	if (err && err != -ENOENT)
		goto out;
	err = guard_view(&p->guard, o->pins, why);
	p->has_guard = !err;
	if (err && err != -ENOENT)
		goto out;
	if (p->has_router || p->has_guard)
		return CLI_DONE;
	cli_error("%s: neither router nor guard is pinned there: start fairleadd, or fairlead "
		  "attach DEV",
		  pinned_dir(o));
	return CLI_ERROR;
out:
	if (p->has_router)
		dataplane_close(&p->router);
	cli_error("%s", why);
	return CLI_ERROR;
}

void pinned_close(struct pinned *p)
{
	if (p->has_router)
		dataplane_close(&p->router);
	if (p->has_guard)
		guard_close(&p->guard);
}

void pinned_try(const struct cli_options *o, struct pinned *p)
{
	char why[DATAPLANE_WHY_MAX];

	*p = (struct pinned){ 0 };
	p->has_router = !dataplane_view(&p->router, o->pins, why);
	p->has_guard = !guard_view(&p->guard, o->pins, why);
}

/* The first interface that carries one of our programs, into out; false when none does. */
bool pinned_carrier(const struct pinned *p, const char *dir, char out[IF_NAMESIZE])
{
	struct if_nameindex *all = if_nameindex();
	char why[DATAPLANE_WHY_MAX];
	bool found = false;

	for (struct if_nameindex *i = all; i && i->if_index && !found; i++) {
		struct carried c = { 0 };
		bool tcx;

		for (int way = 0; way < TC_WAYS; way++)
			if (tc_carried(dir, i->if_name, way, &tcx))
				found = true;
		if (program_carried(i->if_name, &c, why))
			c = (struct carried){ 0 };
		for (int k = 0; k < 2; k++) {
			uint32_t id = k ? p->guard.program_id : p->router.program_id;

			if ((k ? p->has_guard : p->has_router) &&
			    (c.native == id || c.generic == id || c.hardware == id))
				found = true;
		}
		if (found)
			snprintf(out, IF_NAMESIZE, "%s", i->if_name);
	}
	if (all)
		if_freenameindex(all);
	return found;
}

void pinned_print(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
}

int pinned_usage(FILE *to, const char *text)
{
	fputs(text, to);
	return to == stdout ? CLI_DONE : CLI_ERROR;
}

/* The index of argv[1] among words, 0 if there is none; -1 after saying why not. */
int pinned_command(int argc, char **argv, const char *const words[], const char *help)
{
	int i = argc > 1 ? cli_word(words, argv[1]) : 0;

	if (i >= 0)
		return i;
	cli_error("%s: %s command \"%s\"", argv[0], i == -2 ? "ambiguous" : "unknown", argv[1]);
	pinned_usage(stderr, help);
	return -1;
}
