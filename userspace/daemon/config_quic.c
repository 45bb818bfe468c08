// SPDX-License-Identifier: BSD-2-Clause
/* The keys about QUIC: where connection ids have the server's, and whose is which. */
#include "daemon/config_draft.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
	OFFSET_DEFAULT = 1, /* behind the first byte of the QUIC-LB draft */
	ID_BYTES_MAX = 20,  /* of a connection id */
};

struct quic_keys {
	uint64_t offset, length;
};

static void read_offset(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 0, ID_BYTES_MAX - QUIC_SERVER_BYTES_MAX, field);
}

static void read_length(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, QUIC_SERVER_BYTES_MAX, field);
}

static const struct conf_key quic_keys[] = {
	{ "offset", false, read_offset, offsetof(struct quic_keys, offset) },
	{ "length", true, read_length, offsetof(struct quic_keys, length) },
};

void read_quic(struct conf *y, const yaml_node_t *node, void *field)
{
	struct quic_keys k = { .offset = OFFSET_DEFAULT };
	struct service_draft *s = field;

	s->quic = node;
	conf_mapping(y, node, quic_keys, CONFIG_COUNT(quic_keys), &k);
	s->config.quic_offset = (uint8_t)k.offset;
	s->config.quic_length = (uint8_t)k.length;
}

void read_server_id(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[2 * QUIC_SERVER_BYTES_MAX + 1];
	struct backend_draft *b = field;
	size_t n;

	b->server_id = node;
	if (!conf_text(y, node, text, sizeof(text)))
		return;
	n = strlen(text);
	if (!n || n % 2 || text[strspn(text, "0123456789abcdefABCDEF")]) {
		conf_complain(y, node, "want 1 to %d bytes as hexadecimal digits, got \"%s\"",
			      QUIC_SERVER_BYTES_MAX, text);
		return;
	}
	b->config.server_id = (uint32_t)strtoul(text, NULL, 16);
	b->config.server_bytes = (uint8_t)(n / 2);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void quic_check(struct conf *y, const struct draft *d, const struct service_draft *s)
{
	uint32_t *ids = calloc(s->config.backends_count + 1, sizeof(*ids));
	size_t n = 0;

	if (s->quic && s->config.proto == IPPROTO_TCP)
		conf_complain(y, s->quic, "service \"%s\": is TCP: quic wants UDP", s->config.name);
	for (size_t i = 0; ids && s->quic && i < s->config.backends_count; i++) {
		const struct backend_config *b = &d->backends[s->config.backends[i]].config;

		if (b->server_bytes != s->config.quic_length)
			conf_complain(y, s->quic,
				      "service \"%s\": want a server-id of %u bytes for backend "
				      "\"%s\", it has %u",
				      s->config.name, s->config.quic_length, b->name,
				      b->server_bytes);
		else
			ids[n++] = b->server_id;
	}
	if (n)
		qsort(ids, n, sizeof(*ids), compare);
	for (size_t i = 1; i < n; i++)
		if (ids[i] == ids[i - 1])
			conf_complain(y, s->quic,
				      "service \"%s\": two backends have the server-id %0*x",
				      s->config.name, 2 * s->config.quic_length, ids[i]);
	free(ids);
}
