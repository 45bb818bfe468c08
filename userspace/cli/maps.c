// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commands that read what is pinned: outcome, flow, map.  They show the kernel as it
 * is, also when the daemon is dead.
 */
#include <jansson.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/outcome.h"
#include "cli/cli.h"
#include "cli/pinned.h"
#include "cli/render.h"
#include "steering/counters.h"
#include "steering/flows.h"
#include "steering/tables.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int open_tables(const struct cli_options *o, struct dataplane *d, struct tables **t)
{
	char why[DATAPLANE_WHY_MAX];

	if (dataplane_view(d, o->pins, why)) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	if (tables_view(t, d, why)) {
		cli_error("%s", why);
		dataplane_close(d);
		return CLI_ERROR;
	}
	return CLI_DONE;
}

/* --- outcome */

static json_t *outcome_json(enum outcome o, const struct counter *c)
{
	return json_pack("{s:s s:s s:b s:I s:I}", "outcome", outcome_label(o), "text",
			 outcome_str(o), "refusal", outcome_is_refusal(o), "packets",
			 (json_int_t)c->packets, "bytes", (json_int_t)c->bytes);
}

/* Both programs' counters in one list: they have no outcome but "not ours" and mistakes in common.
 */
static int read_outcomes(const struct pinned *p, struct counter sum[OUT_COUNT])
{
	struct counter guard[OUT_COUNT] = { 0 };
	int err = 0;

	if (p->has_router)
		err = counters_outcomes(&p->router, sum);
	if (!err && p->has_guard)
		err = counters_map(p->guard.map[GUARD_OUTCOMES].fd, guard);
	for (int i = 0; i < OUT_COUNT; i++) {
		sum[i].packets += guard[i].packets;
		sum[i].bytes += guard[i].bytes;
	}
	return err;
}

int cmd_outcome(const struct cli_options *o, int argc, char **argv)
{
	static const char help[] =
		"usage: fairlead outcome [show]   how packets left the programs; "
		"with -s those that never did, too\n";
	static const char *const words[] = { "show", "help", NULL };
	static const struct render_column columns[] = {
		{ "OUTCOME", "outcome", render_text, false, false },
		{ "PACKETS", "packets", render_text, true, false },
		{ "BYTES", "bytes", render_bytes, true, false },
		{ "", "text", render_text, false, false },
	};
	struct counter sum[OUT_COUNT] = { 0 };
	struct pinned p;
	json_t *list;
	int word, err;

	word = pinned_command(argc, argv, words, help);
	if (word)
		return word < 0 ? CLI_ERROR : pinned_usage(stdout, help);
	if (argc > 2)
		return pinned_usage(stderr, help);
	if (pinned_open(o, &p))
		return CLI_ERROR;
	err = read_outcomes(&p, sum);
	pinned_close(&p);
	if (err) {
		cli_error("outcomes: cannot read the counters: %s", strerror(-err));
		return CLI_ERROR;
	}
	list = json_array();
	for (int i = 0; i < OUT_COUNT; i++)
		if (o->json || o->stats || sum[i].packets)
			json_array_append_new(list, outcome_json(i, &sum[i]));
	if (o->json)
		pinned_print(list);
	else
		render_table(list, columns, COUNT(columns), o->stats, stdout);
	json_decref(list);
	return CLI_DONE;
}

/* --- flow */

static json_t *flows_json(const struct tables *t)
{
	size_t count = tables_backends_max(t);
	uint64_t *by_backend = calloc(count, sizeof(*by_backend));
	json_t *backends = json_array();
	struct flow_counts n;

	if (!by_backend) {
		json_decref(backends);
		return NULL;
	}
	flows_count(t, &n, by_backend, count);
	for (size_t id = 1; id < count; id++) {
		const char *name = tables_backend_name(t, (uint16_t)id);

		if (by_backend[id] || name)
			json_array_append_new(backends,
					      json_pack("{s:i s:s? s:I}", "id", (int)id, "backend",
							name, "flows", (json_int_t)by_backend[id]));
	}
	free(by_backend);
	return json_pack("{s:I s:I s:I s:I s:I s:o}", "entries", (json_int_t)n.entries,
			 "active", (json_int_t)n.active, "used",
			 (json_int_t)n.used, "probation", (json_int_t)n.probation, "stale",
			 (json_int_t)n.stale, "backends", backends);
}

static int show_flows(const struct cli_options *o, const struct tables *t)
{
	static const struct render_column columns[] = {
		{ "BACKEND", "backend", render_text, false, false },
		{ "ID", "id", render_text, true, true },
		{ "FLOWS", "flows", render_text, true, false },
	};
	static const struct render_column totals[] = {
		{ "USED", "used", render_text, true, false },
		{ "ROOM", "entries", render_text, true, false },
		{ "ACTIVE", "active", render_text, true, false },
		{ "PROBATION", "probation", render_text, true, false },
		{ "STALE", "stale", render_text, true, false },
	};
	json_t *all = flows_json(t);

	if (!all) {
		cli_error("flow: out of memory");
		return CLI_ERROR;
	}
	if (o->json) {
		pinned_print(all);
	} else {
		render_details(all, totals, COUNT(totals), stdout);
		render_table(json_object_get(all, "backends"), columns, COUNT(columns), o->stats,
			     stdout);
	}
	json_decref(all);
	return CLI_DONE;
}

static int purge_flows(const struct cli_options *o, struct tables *t, const char *name)
{
	uint16_t id = strcmp(name, "all") ? tables_backend_find(t, name) : 0;
	uint64_t purged;

	if (!id && strcmp(name, "all") != 0) {
		cli_error("flow: no backend has the name \"%s\"; \"all\" means every flow", name);
		return CLI_REFUSED;
	}
	purged = flows_purge(t, id);
	if (o->json)
		printf("{\"purged\":%llu}\n", (unsigned long long)purged);
	else
		printf("%llu flows forgotten\n", (unsigned long long)purged);
	return CLI_DONE;
}

int cmd_flow(const struct cli_options *o, int argc, char **argv)
{
	static const char help[] =
		"usage: fairlead flow [show]              flows that the kernel remembers, by backend\n"
		"       fairlead flow purge BACKEND|all   have it forget them: their next packets choose "
		"anew\n";
	static const char *const words[] = { "show", "purge", "help", NULL };
	struct dataplane d;
	struct tables *t;
	int word, status;

	word = pinned_command(argc, argv, words, help);
	if (word < 0)
		return CLI_ERROR;
	if (word == 2)
		return pinned_usage(stdout, help);
	if (argc > 2 + word || (word == 1 && argc != 3))
		return pinned_usage(stderr, help);
	status = open_tables(o, &d, &t);
	if (status)
		return status;
	status = word == 1 ? purge_flows(o, t, argv[2]) : show_flows(o, t);
	tables_close(t);
	dataplane_close(&d);
	return status;
}

/* --- map */

static const struct {
	enum dataplane_map map;
	const char *name;
} router_maps[] = {
	{ MAP_SETTINGS, "settings" },
	{ MAP_SERVICES, "services" },
	{ MAP_RINGS, "rings" },
	{ MAP_BACKENDS, "backends" },
	{ MAP_FLOWS, "flows" },
	{ MAP_OUTCOMES, "outcomes" },
	{ MAP_NAMES, "names" },
	{ MAP_SERVICE_STATS, "service_stats" },
	{ MAP_BACKEND_STATS, "backend_stats" },
	{ MAP_EVENTS, "events" },
};

/* What the kernel keeps for the values; keys of an array take nothing. */
static json_int_t memory_of(const struct pinned_map *m)
{
	uint64_t value = ((uint64_t)m->value_size + 7) / 8 * 8;
	int cpus = m->type == BPF_MAP_TYPE_PERCPU_ARRAY ? libbpf_num_possible_cpus() : 1;

	if (m->type == BPF_MAP_TYPE_RINGBUF)
		return m->entries; /* its size in bytes */
	return (json_int_t)(value * m->entries * (uint64_t)(cpus > 0 ? cpus : 1));
}

/* Some values hold several of what people count. */
static json_int_t capacity_of(enum dataplane_map map, const struct pinned_map *m)
{
	switch (map) {
	case MAP_RINGS:
		return (json_int_t)m->entries * RING_BLOCK;
	case MAP_FLOWS:
		return (json_int_t)m->entries * FLOW_WAYS;
	default:
		return m->entries;
	}
}

static json_t *map_json(const char *name, const struct pinned_map *m, json_int_t capacity,
			json_t *used)
{
	return json_pack("{s:s s:I s:I s:I s:o s:I}", "map", name, "id", (json_int_t)m->id,
			 "entries", (json_int_t)m->entries, "capacity", capacity, "used", used,
			 "bytes", memory_of(m));
}

/* How much of a map is taken, where that can be said. */
static json_t *used_of(const struct tables *t, enum dataplane_map map)
{
	struct flow_counts flows;
	json_int_t n = 0;

	switch (map) {
	case MAP_SERVICES:
	case MAP_SERVICE_STATS:
		for (uint32_t id = 0; id < tables_services_max(t); id++)
			n += tables_service_name(t, (uint16_t)id) != NULL;
		break;
	case MAP_BACKENDS:
	case MAP_BACKEND_STATS:
		for (uint32_t id = 1; id < tables_backends_max(t); id++)
			n += tables_backend_name(t, (uint16_t)id) != NULL;
		break;
	case MAP_RINGS:
		n = (json_int_t)tables_ring_slots(t) - tables_ring_slots_free(t);
		break;
	case MAP_FLOWS:
		flows_count(t, &flows, NULL, 0);
		n = (json_int_t)flows.used;
		break;
	default:
		return json_null();
	}
	return json_integer(n);
}

static int list_maps(const struct pinned *p, json_t *list)
{
	static const char *const guard_maps[GUARD_MAPS] = { "guard/peers", "guard/vips",
							    "guard/outcomes" };
	struct dataplane d = p->router;
	char why[DATAPLANE_WHY_MAX];
	struct tables *t;

	if (p->has_router && tables_view(&t, &d, why)) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	for (size_t i = 0; p->has_router && i < COUNT(router_maps); i++) {
		const struct pinned_map *m = &d.map[router_maps[i].map];

		if (m->fd >= 0)
			json_array_append_new(list, map_json(router_maps[i].name, m,
							     capacity_of(router_maps[i].map, m),
							     used_of(t, router_maps[i].map)));
	}
	if (p->has_router)
		tables_close(t);
	for (int i = 0; p->has_guard && i < GUARD_MAPS; i++)
		json_array_append_new(list, map_json(guard_maps[i], &p->guard.map[i],
						     p->guard.map[i].entries, json_null()));
	return CLI_DONE;
}

static int show_maps(const struct cli_options *o)
{
	static const struct render_column columns[] = {
		{ "MAP", "map", render_text, false, false },
		{ "ID", "id", render_text, true, false },
		{ "ROOM", "capacity", render_text, true, false },
		{ "USED", "used", render_text, true, false },
		{ "MEMORY", "bytes", render_bytes, true, false },
	};
	struct pinned p;
	json_t *list;
	int status;

	if (pinned_open(o, &p))
		return CLI_ERROR;
	list = json_array();
	status = list_maps(&p, list);
	if (!status && o->json)
		pinned_print(list);
	else if (!status)
		render_table(list, columns, COUNT(columns), o->stats, stdout);
	json_decref(list);
	pinned_close(&p);
	return status;
}

int cmd_map(const struct cli_options *o, int argc, char **argv)
{
	static const char help[] =
		"usage: fairlead map [show]   the kernel's tables, and how full they are\n"
		"       fairlead map unpin    remove all pins, when no interface carries a program\n";
	static const char *const words[] = { "show", "unpin", "help", NULL };
	int word = pinned_command(argc, argv, words, help);

	if (word < 0)
		return CLI_ERROR;
	if (word == 2)
		return pinned_usage(stdout, help);
	if (argc > 2)
		return pinned_usage(stderr, help);
	return word == 1 ? pinned_remove(o) : show_maps(o);
}
