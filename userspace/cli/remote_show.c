// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon answered, as text: which values of which answer, under which headings. */
#include "cli/remote_show.h"

#include <string.h>

#include "cli/render.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

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

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void milliseconds_cell(const json_t *ms, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, json_is_integer(ms) ? "%lldms" : "-", json_integer_value(ms));
}

static void limit_cell(const json_t *limit, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, json_is_object(limit) ? "%lld/s, %lld at once" : "-",
		 number(limit, "per_second"), number(limit, "burst"));
}

static void quic_cell(const json_t *quic, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, json_is_object(quic) ? "server id of %lld bytes at %lld" : "-",
		 number(quic, "length_bytes"), number(quic, "offset_bytes"));
}

/* Those that it has follow in a table. */
static void marks_cell(const json_t *marks, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, "%s",
		 !json_is_object(marks)				  ? "-"
		 : json_is_true(json_object_get(marks, "strict")) ? "strict"
								  : "others raise nothing");
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
	{ "ON LAPSE", "on_lapse", render_text, false, false },
	{ "FORWARD", "forward", render_text, false, false },
	{ "MSS", "mss", render_text, false, false },
	{ "TRACK", "track", render_text, false, false },
	{ "SETTLE", "settle_ms", milliseconds_cell, false, false },
	{ "NEW FLOW LIMIT", "new_flow_limit", limit_cell, false, false },
	{ "QUIC", "quic", quic_cell, false, false },
	{ "MARKS", "marks", marks_cell, false, false },
	{ "RING SLOTS", "ring_slots", render_text, false, false },
	{ "SETTLED", "slots_settled", render_text, false, false },
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

static const struct render_column dscp_columns[] = {
	{ "DSCP", "value", render_text, true, false },
	{ "CLASS", "class", render_text, false, false },
};

static const struct render_column source_columns[] = {
	{ "SOURCE", "prefix", render_text, false, false },
	{ "CLASS", "class", render_text, false, false },
};

static void show_marks(const json_t *list, const struct render_column *columns, size_t count,
		       bool stats)
{
	if (!json_array_size(list))
		return;
	putchar('\n');
	render_table(list, columns, count, stats, stdout);
}

void show_services(const struct cli_options *o, const json_t *result, bool one)
{
	const json_t *service = json_array_get(result, 0);

	if (!one) {
		render_table(result, service_columns, COUNT(service_columns), o->stats, stdout);
		return;
	}
	render_details(service, service_details, COUNT(service_details), stdout);
	show_marks(render_get(service, "marks.dscp"), dscp_columns, COUNT(dscp_columns), o->stats);
	show_marks(render_get(service, "marks.sources"), source_columns, COUNT(source_columns),
		   o->stats);
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
	{ "CHECK PORT", "check_port", render_text, false, false },
	{ "SERVER ID", "server_id", render_text, false, false },
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

void show_backends(const struct cli_options *o, const json_t *result, bool one)
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

void show_hand(const struct cli_options *o, const json_t *result, bool one)
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

void show_leases(const struct cli_options *o, const json_t *result, bool one)
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

static const struct render_column router_columns[] = {
	{ "ROUTER", "name", render_text, false, false },
	{ "STATE", "", state_cell, false, false },
	{ "CONNECTED", "connected", render_yes, false, false },
	{ "LEFT", "seconds_left", render_left, true, false },
	{ "SOURCES", "sources", render_list, false, false },
	{ "WHY", "why", render_text, false, false },
};

static const struct render_column router_details[] = {
	{ "ROUTER", "name", render_text, false, false },
	{ "STATE", "", state_cell, false, false },
	{ "WHY", "why", render_text, false, false },
	{ "ADDRESS", "address", render_text, false, false },
	{ "CONNECTED", "connected", render_yes, false, false },
	{ "SOURCES", "sources", render_list, false, false },
	{ "LEFT", "seconds_left", render_left, false, false },
	{ "POLICY", "policy", render_text, false, false },
	{ "VERDICT", "reason", render_text, false, false },
	{ "DETAIL", "detail", render_text, false, false },
	{ "TEE", "tee", render_text, false, false },
	{ "PRODUCT", "product", render_text, false, false },
	{ "LAB ROOT", "lab_root", lab_cell, false, false },
	{ "EVIDENCE SHA-384", "digest", render_text, false, false },
};

void show_routers(const struct cli_options *o, const json_t *result, bool one)
{
	if (one)
		render_details(json_array_get(result, 0), router_details, COUNT(router_details),
			       stdout);
	else
		render_table(result, router_columns, COUNT(router_columns), o->stats, stdout);
}

static void count_cell(const json_t *list, char out[CELL_MAX])
{
	if (json_is_array(list))
		snprintf(out, CELL_MAX, "%zu", json_array_size(list));
	else
		render_text(list, out);
}

void show_policies(const struct cli_options *o, const json_t *result, bool one)
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

void show_status(const struct cli_options *o, const json_t *result, bool one)
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
