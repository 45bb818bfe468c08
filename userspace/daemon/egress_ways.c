// SPDX-License-Identifier: BSD-2-Clause
/* Rules of egress; see egress_ways.h. */
#include "daemon/egress_ways.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "steering/egress.h"
#include "verifier/sig.h"

enum {
	DNS_PORT = 53,
	HOST_BITS = 128,
};

struct list {
	struct egress_key *ways;
	size_t count, max;
};

static void add(struct list *l, enum egress_way way, uint8_t proto, uint16_t port,
		const struct addr *a, uint8_t bits)
{
	if (l->count < l->max)
		l->ways[l->count] = (struct egress_key){ EGRESS_WAY_BITS + (uint32_t)bits, way,
							 proto, htons(port), *a };
	l->count++;
}

/* A host that we speak to may be looked for; of a whole prefix nobody knows where it is. */
static void add_neighbour(struct list *l, const struct addr *a, uint8_t bits)
{
	if (bits == HOST_BITS)
		add(l, EGRESS_WAY_NEIGHBOUR, 0, 0, a, bits);
}

static void add_item(struct list *l, const struct egress_item *i)
{
	switch (i->list) {
	case EGRESS_DESTINATIONS:
		add(l, EGRESS_WAY_TO, i->proto, i->port, &i->addr, i->bits);
		break;
	case EGRESS_RESOLVERS:
		add(l, EGRESS_WAY_TO, IPPROTO_UDP, DNS_PORT, &i->addr, i->bits);
		add(l, EGRESS_WAY_TO, IPPROTO_TCP, DNS_PORT, &i->addr, i->bits);
		break;
	case EGRESS_ANSWERS:
		add(l, EGRESS_WAY_ANSWER, i->proto, i->port, &i->addr, i->bits);
		break;
	case EGRESS_NEIGHBOURS:
		add(l, EGRESS_WAY_NEIGHBOUR, 0, 0, &i->addr, i->bits);
		return;
	}
	add_neighbour(l, &i->addr, i->bits);
}

size_t egress_ways(const struct config *c, struct egress_key *ways, size_t max)
{
	static const struct addr none;
	const struct agent_config *a = &c->agent;
	struct list l = { ways, 0, max };

	for (size_t i = 0; i < a->egress.count; i++)
		add_item(&l, &a->egress.items[i]);
	for (size_t i = 0; i < a->services_count; i++)
		add(&l, EGRESS_WAY_FROM, a->services[i].proto, a->services[i].port,
		    &a->services[i].addr, HOST_BITS);
	for (size_t i = 0; i < a->routers_count; i++) {
		add(&l, EGRESS_WAY_ANSWER, IPPROTO_TCP, c->channel.listen_port, &a->routers[i],
		    HOST_BITS);
		add_neighbour(&l, &a->routers[i], HOST_BITS);
	}
	if (a->egress.dhcp)
		add(&l, EGRESS_WAY_DHCP, 0, 0, &none, HOST_BITS);
	return l.count;
}

static int compare_ways(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct egress_key));
}

size_t egress_sort(struct egress_key *ways, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(ways, count, sizeof(*ways), compare_ways);
	for (size_t i = 0; i < count; i++)
		if (!i || compare_ways(&ways[i - 1], &ways[i]))
			ways[kept++] = ways[i];
	return kept;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

static char *join(char (*lines)[EGRESS_TEXT_MAX], size_t count)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	bool ok = f;

	qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; ok && i < count; i++)
		ok = fprintf(f, "%s\n", lines[i]) > 0;
	if (f)
		ok = !fclose(f) && ok;
	if (ok)
		return text;
	free(text);
	return NULL;
}

char *egress_text(const char (*interfaces)[IF_NAMESIZE], size_t interfaces_count,
		  const struct egress_key *ways, size_t count, uint16_t mss)
{
	char(*lines)[EGRESS_TEXT_MAX] = calloc(interfaces_count + count + 1, sizeof(*lines));
	size_t n = interfaces_count + count;
	char *text;

	if (!lines)
		return NULL;
	for (size_t i = 0; i < interfaces_count; i++)
		snprintf(lines[i], sizeof(*lines), "interface %s", interfaces[i]);
	for (size_t i = 0; i < count; i++)
		egress_way_text(&ways[i], lines[interfaces_count + i]);
	if (mss)
		snprintf(lines[n++], sizeof(*lines), "mss %u", mss);
	text = join(lines, n);
	free(lines);
	return text;
}

bool egress_digest(const struct config *c, uint8_t out[EGRESS_DIGEST_BYTES])
{
	const struct egress_config *e = &c->agent.egress;
	size_t count = egress_ways(c, NULL, 0);
	struct egress_key *ways = calloc(count + 1, sizeof(*ways));
	char *text = NULL;
	bool ok;

	if (ways) {
		count = egress_sort(ways, egress_ways(c, ways, count));
		text = egress_text(e->interfaces, e->interfaces_count, ways, count,
				   (uint16_t)e->mss);
	}
	ok = text && sha256(bytes_of(text, strlen(text)), out);
	free(text);
	free(ways);
	return ok;
}
