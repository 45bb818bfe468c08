// SPDX-License-Identifier: BSD-2-Clause
#include "relay/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static const char *const evidence_labels[USAGE_EVIDENCE] = {
	[USAGE_GIVEN] = "given",
	[USAGE_BUSY] = "busy",
	[USAGE_FAILED] = "failed",
};

struct usage *usage_new(void)
{
	struct usage *u =
		mmap(NULL, sizeof(*u), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return u == MAP_FAILED ? NULL : u;
}

void usage_free(struct usage *u)
{
	if (u)
		munmap(u, sizeof(*u));
}

static unsigned long long read_count(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP fairlead_relay_%s %s\n# TYPE fairlead_relay_%s %s\n", name, help, name,
		type);
}

static void write_one(FILE *f, const char *name, const char *type, const char *help,
		      const uint64_t *count)
{
	head(f, name, type, help);
	fprintf(f, "fairlead_relay_%s %llu\n", name, read_count(count));
}

static void write_clients(const struct usage *u, FILE *f)
{
	write_one(f, "connections", "gauge", "Clients' connections now.", &u->open);
	write_one(f, "unproven_connections", "gauge",
		  "Of them, those that have not asked for evidence.", &u->unproven);
	write_one(f, "waiting_connections", "gauge", "Of them, those that wait for evidence.",
		  &u->waiting);
	write_one(f, "connections_total", "counter", "Connections let in.", &u->let_in);
	head(f, "refused_connections_total", "counter", "Connections not let in.");
	for (int i = 0; i < ADMIT_REASONS; i++)
		fprintf(f, "fairlead_relay_refused_connections_total{reason=\"%s\"} %llu\n",
			admit_label(i), read_count(&u->refused[i]));
	head(f, "evidence_total", "counter", "Requests for evidence, by what came of them.");
	for (int i = 0; i < USAGE_EVIDENCE; i++)
		fprintf(f, "fairlead_relay_evidence_total{result=\"%s\"} %llu\n",
			evidence_labels[i], read_count(&u->evidence[i]));
}

static void write_destinations(const struct usage *u, const struct relay_config *c, FILE *f)
{
	head(f, "destination_connections_total", "counter",
	     "Connections that reached a destination.");
	for (size_t i = 0; i < c->destinations_count; i++)
		fprintf(f,
			"fairlead_relay_destination_connections_total{destination=\"%s\"} %llu\n",
			c->destinations[i].name, read_count(&u->to[i].reached));
	head(f, "destination_failures_total", "counter",
	     "Connections that reached none, or one that did not show what is pinned.");
	for (size_t i = 0; i < c->destinations_count; i++)
		fprintf(f, "fairlead_relay_destination_failures_total{destination=\"%s\"} %llu\n",
			c->destinations[i].name, read_count(&u->to[i].failed));
	head(f, "bytes_total", "counter", "Bytes carried: up from clients, down to them.");
	for (size_t i = 0; i < c->destinations_count; i++)
		fprintf(f,
			"fairlead_relay_bytes_total{destination=\"%s\",direction=\"up\"} %llu\n"
			"fairlead_relay_bytes_total{destination=\"%s\",direction=\"down\"} %llu\n",
			c->destinations[i].name, read_count(&u->to[i].up), c->destinations[i].name,
			read_count(&u->to[i].down));
}

char *usage_page(const struct usage *u, const struct relay_config *c, size_t *n)
{
	char *page = NULL;
	FILE *f = open_memstream(&page, n);

	if (!f)
		return NULL;
	head(f, "build_info", "gauge", "Version of fairlead-relay.");
	fprintf(f, "fairlead_relay_build_info{version=\"%s\"} 1\n", VERSION);
	write_clients(u, f);
	write_destinations(u, c, f);
	if (!fclose(f))
		return page;
	free(page);
	return NULL;
}
