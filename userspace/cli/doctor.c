// SPDX-License-Identifier: BSD-2-Clause
/* `fairlead doctor`: gathers, judges, prints; see doctor.h. */
#include "cli/doctor.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pinned.h"
#include "cli/render.h"

static const char help[] =
	"usage: fairlead [-j] [--config FILE] doctor\n"
	"  Looks for what keeps packets of this machine from being steered, or makes it slow.\n"
	"  --config FILE names interfaces, backends and VIPs; else those are looked at that the\n"
	"  pinned programs work on.  Exit status 1: there are errors.\n";

static json_t *finding_json(const struct doctor_finding *f)
{
	return json_pack("{s:s s:s s:s s:s s:s s:s}", "severity", doctor_severity_str(f->severity),
			 "check", f->check, "subject", f->subject, "what", f->what, "why", f->why,
			 "fix", f->fix);
}

static json_t *report_json(const struct doctor_report *r)
{
	json_t *list = json_array();

	/* By severity, and else as found. */
	for (int severity = DOCTOR_ERROR; severity <= DOCTOR_NOTE; severity++)
		for (size_t i = 0; i < r->count; i++)
			if ((int)r->list[i].severity == severity)
				json_array_append_new(list, finding_json(&r->list[i]));
	return list;
}

static void print_line(const char *label, const json_t *item, const char *key)
{
	char text[CELL_MAX];

	render_text(json_object_get(item, key), text);
	printf("  %-4s %s\n", label, text);
}

static void print_text(const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach((json_t *)list, i, f)
	{
		char severity[CELL_MAX], subject[CELL_MAX], what[CELL_MAX];

		render_text(json_object_get(f, "severity"), severity);
		render_text(json_object_get(f, "subject"), subject);
		render_text(json_object_get(f, "what"), what);
		printf("%s: %s: %s\n", severity, subject, what);
		print_line("why", f, "why");
		print_line("fix", f, "fix");
	}
}

static void print_sum(const struct doctor_system *s, const struct doctor_report *r)
{
	size_t errors = doctor_errors(r);

	if (!s->uses_count)
		puts("no interface is configured, or carries a program of ours: fairlead --config "
		     "FILE doctor");
	printf("%zu finding%s, %zu of them error%s; looked at %zu interface%s, %zu backend%s, %zu "
	       "VIP%s\n",
	       r->count + r->more, r->count + r->more == 1 ? "" : "s", errors,
	       errors == 1 ? "" : "s", s->uses_count, s->uses_count == 1 ? "" : "s", s->paths_count,
	       s->paths_count == 1 ? "" : "s", s->vips_count, s->vips_count == 1 ? "" : "s");
}

int cmd_doctor(const struct cli_options *o, int argc, char **argv)
{
	struct doctor_report *r;
	struct doctor_system s;
	int err, status;
	json_t *list;

	if (argc == 2 && !strcmp(argv[1], "help"))
		return pinned_usage(stdout, help);
	if (argc > 1)
		return pinned_usage(stderr, help);
	r = calloc(1, sizeof(*r));
	err = r ? doctor_gather(&s, o->pins, o->config) : 0;
	if (!r || err) {
		cli_error("doctor: cannot look at this machine: %s", r ? strerror(-err) : "memory");
		free(r);
		return CLI_ERROR;
	}
	doctor_check(&s, r);
	list = report_json(r);
	if (o->json) {
		pinned_print(list);
	} else {
		print_text(list);
		print_sum(&s, r);
	}
	json_decref(list);
	status = doctor_errors(r) ? CLI_REFUSED : CLI_DONE;
	doctor_free(&s);
	free(r);
	return status;
}
