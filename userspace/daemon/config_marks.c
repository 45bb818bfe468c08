// SPDX-License-Identifier: BSD-2-Clause
/* The keys of a service's marks: which DSCP and which sources raise its class. */
#include "daemon/config_draft.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/outcome.h"

enum {
	SERVICE_SOURCES_MAX = 4096,
	UNREAD = 0xff, /* bits of a prefix that was complained about */
};

/* One item of dscp or sources. */
struct mark_draft {
	struct conf *y;
	uint64_t value;
	struct source_mark source;
	enum class class;
};

#define MARK(field) offsetof(struct mark_draft, field)

static void read_mark_class(struct conf *y, const yaml_node_t *node, void *field)
{
	const char *names[CLASS_COUNT];
	unsigned int v;

	for (int i = 0; i < CLASS_COUNT; i++)
		names[i] = class_str(i);
	if (conf_choice(y, node, names, CLASS_COUNT, &v))
		*(enum class *)field = v;
}

static void read_dscp_value(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, DSCPS - 1, field);
}

/* No bits set beyond its length, or two that look different could be the same. */
static bool is_prefix(const struct addr *a, uint32_t bits)
{
	const uint8_t *b = (const uint8_t *)a;

	for (uint32_t i = bits; i < 128; i++)
		if (b[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

bool config_prefix(struct conf *y, const yaml_node_t *node, bool bare, struct prefix *out)
{
	char text[ADDR_TEXT_MAX + 4], *slash, *end;
	struct addr a = { { 0, 0, htonl(0xffff), 0 } };
	unsigned long bits;
	bool ipv4;

	if (!conf_text(y, node, text, sizeof(text)))
		return false;
	slash = strchr(text, '/');
	if (slash)
		*slash = 0;
	ipv4 = inet_pton(AF_INET, text, &a.w[3]) == 1;
	bits = slash ? strtoul(slash + 1, &end, 10) : ipv4 ? 32 : 128;
	if ((!slash && !bare) || (slash && (slash[1] < '0' || slash[1] > '9' || *end)) ||
	    bits > (ipv4 ? 32 : 128) || (!ipv4 && inet_pton(AF_INET6, text, &a) != 1)) {
		conf_complain(y, node, "want %s, got \"%s%s%s\"",
			      bare ? "ADDRESS or ADDRESS/LENGTH" : "ADDRESS/LENGTH", text,
			      slash ? "/" : "", slash ? slash + 1 : "");
		return false;
	}
	if (!is_prefix(&a, (uint32_t)bits + (ipv4 ? 96 : 0))) {
		conf_complain(y, node, "want a prefix, %s has bits beyond %lu", text, bits);
		return false;
	}
	*out = (struct prefix){ a, (uint8_t)(bits + (ipv4 ? 96 : 0)) };
	return true;
}

static void read_prefix(struct conf *y, const yaml_node_t *node, void *field)
{
	struct source_mark *s = field;
	struct prefix p;

	if (config_prefix(y, node, false, &p))
		*s = (struct source_mark){ p.addr, p.bits, 0 };
}

static const struct conf_key dscp_keys[] = {
	{ "value", true, read_dscp_value, MARK(value) },
	{ "class", true, read_mark_class, MARK(class) },
};
static const struct conf_key source_keys[] = {
	{ "prefix", true, read_prefix, MARK(source) },
	{ "class", true, read_mark_class, MARK(class) },
};

static void read_dscp_item(struct conf *y, const yaml_node_t *node, void *item)
{
	struct mark_draft *m = item;

	m->value = DSCPS;
	conf_mapping(y, node, dscp_keys, CONFIG_COUNT(dscp_keys), m);
}

static void read_source_item(struct conf *y, const yaml_node_t *node, void *item)
{
	struct mark_draft *m = item;

	m->source.bits = UNREAD;
	conf_mapping(y, node, source_keys, CONFIG_COUNT(source_keys), m);
}

static void read_dscp(struct conf *y, const yaml_node_t *node, void *field)
{
	struct mark_draft items[DSCPS] = { 0 };
	struct service_marks *m = field;
	size_t n = conf_sequence(y, node, DSCPS, read_dscp_item, items, sizeof(*items));

	for (size_t i = 0; i < n; i++) {
		if (items[i].value >= DSCPS)
			continue; /* has been complained about */
		if (m->dscp[items[i].value])
			conf_complain(y, node, "%u is listed twice", (unsigned)items[i].value);
		m->dscp[items[i].value] = (uint8_t)(items[i].class + 1);
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct source_mark, class));
}

static void read_sources(struct conf *y, const yaml_node_t *node, void *field)
{
	size_t room = conf_length(node) + 1, n;
	struct mark_draft *items = calloc(room, sizeof(*items));
	struct service_marks *m = field;

	free(m->sources); /* the key may be there twice, which is a mistake but no leak */
	m->sources = calloc(room, sizeof(*m->sources));
	if (!items || !m->sources) {
		conf_complain(y, node, "out of memory");
		free(items);
		return;
	}
	n = conf_sequence(y, node, SERVICE_SOURCES_MAX, read_source_item, items, sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		m->sources[i] = items[i].source;
		m->sources[i].class = (uint8_t)items[i].class;
	}
	m->sources_count = n;
	qsort(m->sources, n, sizeof(*m->sources), compare);
	for (size_t i = 1; i < n; i++)
		if (m->sources[i].bits != UNREAD && !compare(&m->sources[i - 1], &m->sources[i]))
			conf_complain(y, node, "one prefix is listed twice");
	free(items);
}

static void read_strict(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_bool(y, node, field);
}

static const struct conf_key marks_keys[] = {
	{ "strict", false, read_strict, offsetof(struct service_marks, strict) },
	{ "dscp", false, read_dscp, 0 },
	{ "sources", false, read_sources, 0 },
};

void read_marks(struct conf *y, const yaml_node_t *node, void *field)
{
	struct service_draft *s = field;

	s->marks = node;
	s->config.marks.wanted = true;
	conf_mapping(y, node, marks_keys, CONFIG_COUNT(marks_keys), &s->config.marks);
}

void marks_check(struct conf *y, const struct service_draft *s, bool attested)
{
	const struct service_marks *m = &s->config.marks;
	enum class most = CLASS_PUBLIC;

	for (int i = 0; i < DSCPS; i++)
		if (m->dscp[i] && (enum class)(m->dscp[i] - 1) > most)
			most = m->dscp[i] - 1;
	for (size_t i = 0; i < m->sources_count; i++)
		most = m->sources[i].class > most ? m->sources[i].class : most;
	if (m->wanted && most > CLASS_PUBLIC && !attested)
		conf_complain(y, s->marks,
			      "service \"%s\": marks raise to %s: want a backend with an agent, it "
			      "has none",
			      s->config.name, class_str(most));
}
