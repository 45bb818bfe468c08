// SPDX-License-Identifier: BSD-2-Clause
/*
 * The page that Prometheus reads (text format 0.0.4).  Label sets are fixed by the
 * configuration; there is never a label for a flow or a client.
 */
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/outcome.h"
#include "daemon/collateral.h"
#include "steering/counters.h"
#include "steering/flows.h"

/* Upper bounds in microseconds: an appraisal takes some milliseconds. */
static const uint64_t bounds_us[LATENCY_BUCKETS] = {
	500, 1000, 2000, 3000, 5000, 7500, 10000, 25000, 50000, 100000, 1000000, 10000000,
};

void histogram_add(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < LATENCY_BUCKETS && us > bounds_us[i])
		i++;
	h->bucket[i]++;
	h->count++;
	h->sum_us += us;
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP fairlead_%s %s\n# TYPE fairlead_%s %s\n", name, help, name, type);
}

static void write_outcomes(const struct counter *c, bool refused, const char *name,
			   const char *label, FILE *f)
{
	for (int i = 0; i < OUT_COUNT; i++)
		if (!refused || outcome_is_refusal(i))
			fprintf(f, "fairlead_%s{%s=\"%s\"} %llu\n", name, label, outcome_label(i),
				(unsigned long long)c[i].packets);
}

static void write_router_outcomes(struct daemon *d, FILE *f)
{
	struct counter c[OUT_COUNT];

	if (counters_outcomes(&d->dataplane, c))
		return;
	head(f, "packets_total", "counter", "Packets seen by the router, each under one outcome.");
	write_outcomes(c, false, "packets_total", "outcome", f);
	head(f, "refused_packets_total", "counter", "Packets to a service that were not forwarded.");
	write_outcomes(c, true, "refused_packets_total", "reason", f);
}

static void write_guard(struct daemon *d, FILE *f)
{
	struct counter c[OUT_COUNT];

	if (!d->guarding || counters_map(d->guard.map[GUARD_OUTCOMES].fd, c))
		return;
	head(f, "guard_packets_total", "counter", "Packets seen by the guard, each under one outcome.");
	write_outcomes(c, false, "guard_packets_total", "outcome", f);
}

static void write_egress(struct daemon *d, FILE *f)
{
	struct counter c[EGRESS_COUNT];

	if (!d->confining || egress_counters(&d->egress, c))
		return;
	head(f, "egress_packets_total", "counter",
	     "Packets on their way out of this guest, each under one outcome.");
	for (int i = 0; i < EGRESS_COUNT; i++)
		fprintf(f, "fairlead_egress_packets_total{outcome=\"%s\"} %llu\n",
			egress_label(i), (unsigned long long)c[i].packets);
	head(f, "egress_refused_packets_total", "counter",
	     "Packets that nothing lets out of this guest.");
	for (int i = 0; i < EGRESS_COUNT; i++)
		if (egress_is_refusal(i))
			fprintf(f, "fairlead_egress_refused_packets_total{reason=\"%s\"} %llu\n",
				egress_label(i), (unsigned long long)c[i].packets);
}

enum traffic_field {
	PACKETS,
	BYTES,
	NEW_FLOWS,
};

static unsigned long long field(const struct traffic *t, enum traffic_field which)
{
	switch (which) {
	case PACKETS:
		return t->packets;
	case BYTES:
		return t->bytes;
	case NEW_FLOWS:
		break;
	}
	return t->new_flows;
}

static const struct {
	const char *suffix;
	const char *help;
} fields[] = {
	[PACKETS] = { "packets_total", "Packets forwarded." },
	[BYTES] = { "bytes_total", "Bytes forwarded, of the packets as they came." },
	[NEW_FLOWS] = { "new_flows_total", "Flows begun." },
};

static void write_services(struct daemon *d, FILE *f)
{
	uint32_t max = tables_services_max(d->tables);
	struct traffic *t = calloc(max, sizeof(*t));
	char name[64];

	if (t && counters_services(&d->dataplane, t, max) == 0)
		for (int which = PACKETS; which <= NEW_FLOWS; which++) {
			snprintf(name, sizeof(name), "service_%s", fields[which].suffix);
			head(f, name, "counter", fields[which].help);
			for (size_t i = 0; i < d->routes_count; i++)
				fprintf(f, "fairlead_%s{service=\"%s\",class=\"%s\"} %llu\n", name,
					d->routes[i].name, class_str(d->routes[i].config->class),
					field(&t[d->routes[i].id], which));
		}
	free(t);
	head(f, "ring_slots_moved_total", "counter", "Ring slots given to another backend.");
	for (size_t i = 0; i < d->routes_count; i++)
		fprintf(f, "fairlead_ring_slots_moved_total{service=\"%s\"} %llu\n",
			d->routes[i].name, (unsigned long long)d->routes[i].slots_moved);
	head(f, "ring_rebuilds_total", "counter", "Rings published.");
	for (size_t i = 0; i < d->routes_count; i++)
		fprintf(f, "fairlead_ring_rebuilds_total{service=\"%s\"} %llu\n",
			d->routes[i].name, (unsigned long long)d->routes[i].rebuilds);
	head(f, "service_backends", "gauge", "Backends in the service's ring.");
	for (size_t i = 0; i < d->routes_count; i++)
		fprintf(f, "fairlead_service_backends{service=\"%s\"} %zu\n", d->routes[i].name,
			d->routes[i].built.published ? d->routes[i].built.count : 0);
}

static void write_backend_traffic(struct daemon *d, FILE *f)
{
	uint32_t max = tables_backends_max(d->tables);
	struct traffic *t = calloc(max, sizeof(*t));
	char name[64];

	if (t && counters_backends(&d->dataplane, t, max) == 0)
		for (int which = PACKETS; which <= NEW_FLOWS; which++) {
			snprintf(name, sizeof(name), "backend_%s", fields[which].suffix);
			head(f, name, "counter", fields[which].help);
			for (size_t i = 0; i < d->nodes_count; i++)
				fprintf(f, "fairlead_%s{backend=\"%s\"} %llu\n", name,
					d->nodes[i]->name, field(&t[d->nodes[i]->id], which));
		}
	free(t);
}

static double seconds_left(const struct node *n, enum class c, uint64_t now)
{
	uint64_t until = n->peer.until_ms[c];

	return until > now ? (until - now) / 1000.0 : 0;
}

static void write_leases(struct daemon *d, FILE *f)
{
	uint64_t now = now_ms();

	head(f, "lease_remaining_seconds", "gauge",
	     "Time for which a backend may still receive flows of a class; 0 is not at all.");
	for (size_t i = 0; i < d->nodes_count; i++)
		for (int c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++)
			fprintf(f, "fairlead_lease_remaining_seconds{backend=\"%s\",class=\"%s\"} %.3f\n",
				d->nodes[i]->name, class_str(c), seconds_left(d->nodes[i], c, now));
}

static void write_backend_gauges(struct daemon *d, FILE *f)
{
	head(f, "backend_up", "gauge", "1 while a backend answers its heartbeats or checks.");
	for (size_t i = 0; i < d->nodes_count; i++)
		fprintf(f, "fairlead_backend_up{backend=\"%s\"} %d\n", d->nodes[i]->name,
			d->nodes[i]->peer.up);
	head(f, "backend_state", "gauge", "1 for the state that a backend is in.");
	for (size_t i = 0; i < d->nodes_count; i++)
		for (int s = PEER_UNKNOWN; s <= PEER_REFUSED; s++)
			fprintf(f, "fairlead_backend_state{backend=\"%s\",state=\"%s\"} %d\n",
				d->nodes[i]->name, peer_state_str(s),
				(int)d->nodes[i]->peer.state == s);
	head(f, "backend_cost", "gauge", "Latency in ms and load times 100, smoothed.");
	for (size_t i = 0; i < d->nodes_count; i++)
		fprintf(f, "fairlead_backend_cost{backend=\"%s\"} %.3f\n", d->nodes[i]->name,
			d->nodes[i]->cost.cost_us / 1000.0);
	head(f, "backend_connect_seconds", "gauge", "The latest TCP connect to a backend.");
	for (size_t i = 0; i < d->nodes_count; i++)
		fprintf(f, "fairlead_backend_connect_seconds{backend=\"%s\"} %.6f\n",
			d->nodes[i]->name, d->nodes[i]->connect_us / 1e6);
	head(f, "backend_load_ratio", "gauge", "Load that a backend says it has, 0 to 1.");
	for (size_t i = 0; i < d->nodes_count; i++)
		fprintf(f, "fairlead_backend_load_ratio{backend=\"%s\"} %.3f\n", d->nodes[i]->name,
			d->nodes[i]->load_permille / 1000.0);
}

static void write_attestations(struct daemon *d, FILE *f)
{
	head(f, "attestations_total", "counter", "Appraisals by platform and reason.");
	for (int t = 0; t < TEE_COUNT; t++)
		for (int r = 0; r < REASON_COUNT; r++)
			if (d->attestations[t][r] || (t == TEE_SNP && r == REASON_OK))
				fprintf(f, "fairlead_attestations_total{tee=\"%s\",reason=\"%s\"} %llu\n",
					tee_str(t), reason_str(r),
					(unsigned long long)d->attestations[t][r]);
}

static void write_appraisal_time(const struct histogram *h, FILE *f)
{
	uint64_t sum = 0;

	head(f, "appraisal_seconds", "histogram", "How long an appraisal took.");
	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		sum += h->bucket[i];
		fprintf(f, "fairlead_appraisal_seconds_bucket{le=\"%g\"} %llu\n",
			bounds_us[i] / 1e6, (unsigned long long)sum);
	}
	fprintf(f, "fairlead_appraisal_seconds_bucket{le=\"+Inf\"} %llu\n",
		(unsigned long long)h->count);
	fprintf(f, "fairlead_appraisal_seconds_sum %.6f\n", h->sum_us / 1e6);
	fprintf(f, "fairlead_appraisal_seconds_count %llu\n", (unsigned long long)h->count);
}

/* A name that a certificate gives may have any letters; the format's own are escaped. */
static void write_label(const char *text, FILE *f)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
}

static void write_callers(struct daemon *d, FILE *f)
{
	uint64_t now = now_ms();

	if (!d->config->agent.attest_routers.wanted)
		return;
	head(f, "router_lease_remaining_seconds", "gauge",
	     "Time for which a router that has dialled this guest is attested; 0 is not at all.");
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		if (!d->callers[i])
			continue;
		fprintf(f, "fairlead_router_lease_remaining_seconds{router=\"");
		write_label(d->callers[i]->name, f);
		fprintf(f, "\"} %.3f\n", seconds_left(d->callers[i], CLASS_CONFIDENTIAL, now));
	}
	head(f, "router_evidence_failures_total", "counter",
	     "Times that a router gave no evidence to appraise: none now, or it was turned away.");
	fprintf(f, "fairlead_router_evidence_failures_total{result=\"unavailable\"} %llu\n",
		(unsigned long long)d->caller_failures[0]);
	fprintf(f, "fairlead_router_evidence_failures_total{result=\"refused\"} %llu\n",
		(unsigned long long)d->caller_failures[1]);
}

static void write_maps(struct daemon *d, FILE *f)
{
	struct flow_counts flows = { 0 };
	uint32_t slots = d->dataplane.map[MAP_RINGS].entries * RING_BLOCK;

	flows_count(d->tables, &flows, NULL, 0);
	head(f, "map_entries", "gauge", "Entries in use of a map of the packet path.");
	fprintf(f, "fairlead_map_entries{map=\"flows\"} %llu\n", (unsigned long long)flows.used);
	fprintf(f, "fairlead_map_entries{map=\"backends\"} %zu\n", d->nodes_count);
	fprintf(f, "fairlead_map_entries{map=\"services\"} %zu\n", d->routes_count);
	fprintf(f, "fairlead_map_entries{map=\"rings\"} %u\n",
		slots - tables_ring_slots_free(d->tables));
	head(f, "map_max_entries", "gauge", "Room in a map of the packet path.");
	fprintf(f, "fairlead_map_max_entries{map=\"flows\"} %llu\n", (unsigned long long)flows.entries);
	fprintf(f, "fairlead_map_max_entries{map=\"backends\"} %u\n", tables_backends_max(d->tables) - 1);
	fprintf(f, "fairlead_map_max_entries{map=\"services\"} %u\n", tables_services_max(d->tables));
	fprintf(f, "fairlead_map_max_entries{map=\"rings\"} %u\n", slots);
}

static void write_daemon(struct daemon *d, FILE *f)
{
	head(f, "build_info", "gauge", "1, with what was built as labels.");
	fprintf(f, "fairlead_build_info{version=\"%s\",abi=\"%d\"} 1\n", VERSION, ABI_VERSION);
	head(f, "config_reloads_total", "counter", "Reloads of the configuration by result.");
	fprintf(f, "fairlead_config_reloads_total{result=\"done\"} %llu\n",
		(unsigned long long)d->reloads);
	fprintf(f, "fairlead_config_reloads_total{result=\"refused\"} %llu\n",
		(unsigned long long)d->reload_failures);
	unsigned int verifier_restarts = 0;

	head(f, "config_reload_success_timestamp_seconds", "gauge",
	     "When the configuration in force was read.");
	fprintf(f, "fairlead_config_reload_success_timestamp_seconds %llu\n",
		(unsigned long long)d->reloaded_at_s);
	head(f, "process_restarts_total", "counter", "Deaths of our own processes.");
	fprintf(f, "fairlead_process_restarts_total{process=\"channel\"} %u\n",
		child_restarts(d->channel));
	for (size_t i = 0; i < d->verifiers_count; i++)
		verifier_restarts += child_restarts(d->verifiers[i]->child);
	if (d->verifiers_count)
		fprintf(f, "fairlead_process_restarts_total{process=\"verifier\"} %u\n",
			verifier_restarts);
	if (d->attester)
		fprintf(f, "fairlead_process_restarts_total{process=\"attester\"} %u\n",
			child_restarts(d->attester));
}

char *metrics_page(struct daemon *d, size_t *n)
{
	char *page = NULL;
	FILE *f = open_memstream(&page, n);

	if (!f)
		return NULL;
	write_daemon(d, f);
	if (d->routing) {
		write_router_outcomes(d, f);
		write_services(d, f);
		write_backend_traffic(d, f);
		write_backend_gauges(d, f);
		write_leases(d, f);
		write_maps(d, f);
	}
	if (daemon_attests(d)) {
		write_attestations(d, f);
		write_appraisal_time(&d->appraisal_time, f);
		collateral_metrics(d, f);
	}
	write_callers(d, f);
	write_guard(d, f);
	write_egress(d, f);
	if (fclose(f)) {
		free(page);
		return NULL;
	}
	return page;
}
