// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead explain: where a flow goes, and why not elsewhere.  The answer is the packet
 * path's own, run on a frame of the flow (steering/probe.h); the reasons are read from
 * the tables (steering/explain.h).  Neither leaves a trace in them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/outcome.h"
#include "cli/cli.h"
#include "cli/explain_frame.h"
#include "cli/explain_words.h"
#include "cli/pinned.h"
#include "cli/render.h"
#include "hash.h"
#include "steering/clock.h"
#include "steering/probe.h"
#include "steering/tables.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* All that there is to tell of one flow. */
struct told {
	struct explain_request ask;
	struct dataplane d;
	struct tables *tables;
	struct explain_world world;
	struct explanation why;
	struct clock_sample now;
	struct probe_result result;
	uint8_t frame[EXPLAIN_FRAME_MAX];
	size_t bytes;
};

/* The interface that carries the router, or loopback: somewhere it must come in. */
static void choose_interface(const struct cli_options *o, struct explain_request *r)
{
	struct pinned p;

	if (r->interface[0])
		return;
	pinned_try(o, &p);
	if (!p.has_router || !pinned_carrier(&p, pinned_dir(o), r->interface))
		strcpy(r->interface, "lo");
	pinned_close(&p);
}

static void mac_of(const char *interface, uint8_t mac[6])
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (s >= 0 && !ioctl(s, SIOCGIFHWADDR, &r))
		memcpy(mac, r.ifr_hwaddr.sa_data, ETH_ALEN);
	if (s >= 0)
		close(s);
}

static int read_clock(struct clock_sample *now, char why[DATAPLANE_WHY_MAX])
{
	struct clock *c;
	int err = clock_open(&c, why);

	if (err)
		return err;
	err = clock_read(c, now);
	clock_close(c);
	if (err)
		snprintf(why, DATAPLANE_WHY_MAX, "cannot read the kernel's clock: %s",
			 strerror(-err));
	return err;
}

/* A TCP packet of a flow that nobody remembers is taken for the first, unless words say so. */
static void look(struct told *t)
{
	struct explain_request *r = &t->ask;

	r->flow.opens = r->flow.proto == IPPROTO_TCP && r->syn != EXPLAIN_ACK;
	explain_flow(&t->world, &r->flow, t->now.jiffies, &t->why);
	if (r->syn == EXPLAIN_EITHER && t->why.remembered)
		r->flow.opens = false;
}

static int ask(struct told *t, char why[DATAPLANE_WHY_MAX])
{
	struct probe_frame in = { .bytes = t->frame, .ifindex = if_nametoindex(t->ask.interface) };
	uint8_t mac[ETH_ALEN] = { 2 };

	if (!in.ifindex) {
		snprintf(why, DATAPLANE_WHY_MAX, "%s: no such interface", t->ask.interface);
		return -ENODEV;
	}
	mac_of(t->ask.interface, mac);
	look(t);
	t->bytes = explain_frame(&t->ask.flow, mac, t->ask.tos, t->ask.length, t->frame);
	in.length = (uint32_t)t->bytes;
	return probe_run(&t->d, &t->world, &t->ask.flow, t->now.jiffies, &t->why, &in, &t->result,
			 why);
}

/* --- as JSON */

static const char *action_str(uint32_t action)
{
	static const char *const names[] = { "aborted", "drop", "pass", "tx", "redirect" };

	return action < COUNT(names) ? names[action] : "unknown";
}

static json_t *name_json(const struct told *t, uint16_t id)
{
	const char *name = id ? tables_backend_name(t->tables, id) : NULL;

	return name ? json_string(name) : json_null();
}

static json_t *lease_json(const struct told *t, const struct explain_candidate *c)
{
	if (!c->jiffies_left || !t->now.hz)
		return json_null();
	if (c->jiffies_left > (int64_t)t->now.hz << 32)
		return json_true(); /* endless, as elsewhere */
	return json_integer(c->jiffies_left / t->now.hz);
}

/* Whom the reasons choose: the first that may; none after a settled slot's own has lapsed. */
static const struct explain_candidate *chosen(const struct told *t)
{
	const struct explanation *e = &t->why;
	bool moved = e->in_slot.primary & SLOT_MOVED && !t->ask.flow.opens;
	const struct explain_candidate *last = NULL;

	for (size_t i = 0; i < e->candidates; i++) {
		const struct explain_candidate *c = &e->candidate[i];

		if (c->verdict != VERDICT_MAY)
			continue;
		if (c->role == ROLE_REMEMBERED || !moved || c->walk)
			return last ? last : c;
		if (c->role == ROLE_FALLBACK)
			return c;
		last = c; /* the primary of a slot that moved: unless the fallback may */
	}
	return last;
}

static json_t *candidates_json(const struct told *t)
{
	const struct explain_candidate *end = chosen(t);
	json_t *list = json_array();
	bool reached = true;

	for (size_t i = 0; i < t->why.candidates; i++) {
		const struct explain_candidate *c = &t->why.candidate[i];
		char role[32];

		if (c->walk)
			snprintf(role, sizeof(role), "%s+%u", explain_role_str(c->role), c->walk);
		else
			snprintf(role, sizeof(role), "%s", explain_role_str(c->role));
		json_array_append_new(
			list,
			json_pack("{s:s s:i s:i s:o s:s s:s s:o s:b s:b}", "role", role, "walk",
				  (int)c->walk, "id", c->id, "backend", name_json(t, c->id),
				  "verdict", explain_verdict_label(c->verdict), "text",
				  explain_verdict_str(c->verdict), "lease_seconds",
				  lease_json(t, c), "has_next_hop", c->has_way, "reached",
				  reached));
		reached = reached && c != end;
	}
	return list;
}

static json_t *service_json(const struct told *t)
{
	const struct service *s = &t->why.service;

	if (!t->why.is_service)
		return json_null();
	return json_pack("{s:s? s:i s:s s:s s:i}", "name", tables_service_name(t->tables, s->id),
			 "id", s->id, "class", class_str(s->class), "refusal",
			 s->refusal == REFUSE_DROP ? "drop" : "answer", "ring_slots",
			 (int)s->ring_slots);
}

static json_t *flow_json(const struct explain_request *r)
{
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];

	return json_pack("{s:s s:s s:i s:s s:i s:b}", "protocol",
			 r->flow.proto == IPPROTO_UDP ? "udp" : "tcp", "src",
			 addr_text(&r->flow.src, src), "sport", r->flow.sport, "dst",
			 addr_text(&r->flow.dst, dst), "dport", r->flow.dport, "opens",
			 r->flow.opens);
}

/* The frame is ours to read where it was made anew; what passes or is dropped is as it came. */
static json_t *outer_json(const struct told *t)
{
	const struct probe_result *r = &t->result;
	size_t inner = r->outcome == OUT_STEERED ? t->bytes - ETH_HLEN : 0;

	if (r->action != XDP_TX && r->action != XDP_REDIRECT)
		return json_null();
	return explain_outer(r->frame, r->length, inner);
}

static json_t *told_json(const struct told *t)
{
	const struct explain_candidate *c = chosen(t);
	const struct probe_result *r = &t->result;
	bool steered = r->outcome == OUT_STEERED;
	json_t *slot = t->why.has_ring ? json_integer(t->why.slot) : json_null();

	return json_pack("{s:o s:s s:o s:o s:b s:b s:o s:o s:s s:s s:s s:o s:b s:b s:b s:o}",
			 "flow", flow_json(&t->ask), "interface", t->ask.interface, "service",
			 service_json(t), "slot", slot, "settled", t->why.settled, "moved",
			 !!(t->why.in_slot.primary & SLOT_MOVED), "remembered",
			 name_json(t, t->why.remembered ? flow_backend(t->why.entry) : 0),
			 "candidates", candidates_json(t), "outcome", outcome_label(r->outcome),
			 "text", outcome_str(r->outcome), "action", action_str(r->action),
			 "backend", name_json(t, steered ? r->backend : 0), "remembers",
			 r->remembers, "same_build", r->same_build, "agrees",
			 !steered || (c && c->id == r->backend), "outer", outer_json(t));
}

/* --- as text */

static const char *text_at(const json_t *v, const char *key)
{
	const char *text = json_string_value(render_get(v, key));

	return text ? text : "?";
}

static void print_flow(const struct told *t, const json_t *v)
{
	char from[ENDPOINT_TEXT_MAX], to[ENDPOINT_TEXT_MAX];
	const struct explain_flow *f = &t->ask.flow;

	printf("flow      %s %s to %s%s, in by %s\n", f->proto == IPPROTO_UDP ? "udp" : "tcp",
	       endpoint_text(&f->src, f->sport, from), endpoint_text(&f->dst, f->dport, to),
	       f->proto == IPPROTO_UDP ? "" : f->opens ? ", first packet" : ", a later packet",
	       t->ask.interface);
	if (!t->why.is_service) {
		printf("service   none%s\n",
		       t->why.is_vip ? ": the address is a VIP, but not with this port" : "");
		return;
	}
	printf("service   %s, class %s, answers refused packets: %s\n",
	       text_at(v, "service.name"),
	       class_str(t->why.service.class),
	       t->why.service.refusal == REFUSE_DROP ? "no" : "yes");
	if (!t->why.has_ring)
		printf("slot      none: the service has no ring\n");
	else
		printf("slot      %u of %u%s%s\n", t->why.slot, t->why.service.ring_slots,
		       t->why.settled ? ", settled: every flow in it is its primary's" : "",
		       t->why.in_slot.primary & SLOT_MOVED
			       ? ", moved: flows from before stay with the fallback"
			       : "");
	printf("memory    %s%s\n",
	       t->why.remembered ? text_at(v, "remembered")
	       : t->why.settled	 ? "not needed"
				 : "the flow is not remembered",
	       t->result.remembers ? "; its next packet would find it so" : "");
}

static void print_candidates(const json_t *v, bool all)
{
	static const struct render_column columns[] = {
		{ "CANDIDATE", "role", render_text, false, false },
		{ "BACKEND", "backend", render_text, false, false },
		{ "LEASE", "lease_seconds", render_left, true, false },
		{ "", "text", render_text, false, false },
	};
	json_t *list = json_array(), *c;
	size_t i;

	json_array_foreach(json_object_get(v, "candidates"), i, c) {
		if (all || json_is_true(json_object_get(c, "reached")))
			json_array_append(list, c);
	}
	if (json_array_size(list))
		render_table(list, columns, COUNT(columns), false, stdout);
	json_decref(list);
}

static void print_header(json_t *header)
{
	const char *key;
	json_t *value;

	printf("%-9s", json_string_value(json_object_get(header, "header")));
	json_object_foreach(header, key, value) {
		if (!strcmp(key, "header"))
			continue;
		if (json_is_string(value))
			printf(" %s %s", key, json_string_value(value));
		else if (json_is_boolean(value))
			printf("%s%s", json_is_true(value) ? " " : "",
			       json_is_true(value) ? key : "");
		else
			printf(" %s %" JSON_INTEGER_FORMAT, key, json_integer_value(value));
	}
	putchar('\n');
}

static void print_outcome(const struct told *t, const json_t *v)
{
	const json_t *outer = json_object_get(v, "outer"), *name = json_object_get(v, "backend");
	size_t i;
	json_t *h;

	printf("outcome   %s%s%s (%s)\n", outcome_str(t->result.outcome),
	       json_is_string(name) ? ": " : "",
	       json_is_string(name) ? json_string_value(name) : "", action_str(t->result.action));
	if (!json_is_object(outer))
		return;
	printf("ethernet  src %s dst %s\n",
	       json_string_value(render_get(outer, "ethernet.src")),
	       json_string_value(render_get(outer, "ethernet.dst")));
	json_array_foreach(json_object_get(outer, "headers"), i, h)
		print_header(h);
	printf("bytes     %s\n", json_string_value(json_object_get(outer, "bytes")));
}

static void print(const struct cli_options *o, const struct told *t)
{
	json_t *v = told_json(t);

	if (o->json) {
		pinned_print(v);
	} else {
		print_flow(t, v);
		print_candidates(v, o->stats);
		print_outcome(t, v);
	}
	if (!json_is_true(json_object_get(v, "agrees")))
		cli_error("explain: the program chose another than the reasons say: the tables "
			  "changed in between, or a mark or a connection id decides");
	json_decref(v);
}

static int explain(const struct cli_options *o, struct told *t, char why[DATAPLANE_WHY_MAX])
{
	int err = dataplane_view(&t->d, o->pins, why);

	if (err)
		return err;
	err = tables_view(&t->tables, &t->d, why);
	if (err)
		goto out;
	explain_world_of(t->tables, &t->world);
	err = read_clock(&t->now, why);
	if (!err)
		err = ask(t, why);
	if (!err)
		print(o, t);
	tables_close(t->tables);
out:
	dataplane_close(&t->d);
	return err;
}

int cmd_explain_flow(const struct cli_options *o, int argc, char **argv)
{
	char why[DATAPLANE_WHY_MAX];
	struct told *t = calloc(1, sizeof(*t));
	int status = CLI_ERROR, err;

	if (!t) {
		cli_error("out of memory");
		return CLI_ERROR;
	}
	if (argc == 2 && !strcmp(argv[1], "help")) {
		status = pinned_usage(stdout, explain_help);
		goto out;
	}
	if (explain_words(argc - 1, argv + 1, &t->ask, why)) {
		cli_error("explain: %s", why);
		pinned_usage(stderr, explain_help);
		goto out;
	}
	choose_interface(o, &t->ask);
	err = explain(o, t, why);
	if (err)
		cli_error("%s", why);
	else if (!t->result.same_build)
		cli_error("explain: another build of the router is pinned; this is what ours does");
	if (!err)
		status = t->result.outcome == OUT_STEERED ? CLI_DONE : CLI_REFUSED;
out:
	free(t);
	return status;
}
