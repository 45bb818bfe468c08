// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay.yaml, read as one with its digest: the bytes that are digested are those that
 * are parsed, so the claims speak of what is obeyed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "daemon/config_draft.h"
#include "relay/relay.h"

_Static_assert((int)RELAY_PATH_MAX == (int)CONFIG_PATH_MAX, "read_path() fills them");
_Static_assert((int)ATTESTER_PATH_MAX == (int)CONFIG_PATH_MAX, "likewise");

enum {
	FILE_MAX = 1 << 20,
};

#define CONFIG(field) offsetof(struct relay_config, field)
#define LIMIT(field)  offsetof(struct relay_limits, field)
#define TARGET(field) offsetof(struct relay_destination, field)

static void read_endpoint(struct conf *y, const yaml_node_t *node, void *item)
{
	struct relay_endpoint *e = item;

	conf_endpoint(y, node, &e->addr, &e->port);
}

static void read_metrics(struct conf *y, const yaml_node_t *node, void *item)
{
	struct relay_endpoint *e = item;

	if (node->type == YAML_SCALAR_NODE && !strcmp((char *)node->data.scalar.value, "off"))
		e->port = 0;
	else
		read_endpoint(y, node, e);
}

static void read_listen(struct conf *y, const yaml_node_t *node, void *field)
{
	struct relay_config *c = field;

	c->listen_count = conf_sequence(y, node, RELAY_LISTEN_MAX, read_endpoint, c->listen,
					sizeof(*c->listen));
	if (!c->listen_count && conf_length(node) == 0)
		conf_complain(y, node, "want 1 to %d of ADDRESS:PORT", RELAY_LISTEN_MAX);
}

static void read_endpoints(struct conf *y, const yaml_node_t *node, void *field)
{
	struct relay_config *c = field;

	c->endpoints_count = conf_sequence(y, node, RELAY_ENDPOINTS_MAX, read_endpoint,
					   c->endpoints, sizeof(*c->endpoints));
}

static void read_unprivileged(struct conf *y, const yaml_node_t *node, void *field)
{
	read_user(y, node, field);
	if (!strcmp(field, "root"))
		conf_complain(y, node, "want a user without privileges, got \"root\"");
}

static const struct conf_key identity_keys[] = {
	{ "certificate", true, read_path, CONFIG(certificate) },
	{ "key", true, read_path, CONFIG(key) },
};

static void read_identity(struct conf *y, const yaml_node_t *node, void *config)
{
	conf_mapping(y, node, identity_keys, CONFIG_COUNT(identity_keys), config);
}

static void read_enrolled(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "optional", "required" };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(bool *)field = v;
}

static const struct conf_key client_keys[] = {
	{ "ca", true, read_path, CONFIG(clients_ca) },
	{ "enrolled", false, read_enrolled, CONFIG(enrolled) },
};

static void read_clients(struct conf *y, const yaml_node_t *node, void *config)
{
	conf_mapping(y, node, client_keys, CONFIG_COUNT(client_keys), config);
}

static void read_count(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, 65536, field);
}

static void read_window(struct conf *y, const yaml_node_t *node, void *field)
{
	/* What came behind RESULT has to fit: a message's length more than one message. */
	conf_number(y, node, 16384, 4 << 20, field);
}

static const struct conf_key limit_keys[] = {
	{ "connections", false, read_count, LIMIT(connections) },
	{ "connections-per-source", false, read_count, LIMIT(per_source) },
	{ "unproven", false, read_count, LIMIT(unproven) },
	{ "new-per-second", false, read_count, LIMIT(rate) },
	{ "new-per-second-per-source", false, read_count, LIMIT(rate_per_source) },
	{ "evidence", false, read_count, LIMIT(evidence) },
	{ "evidence-per-source", false, read_count, LIMIT(evidence_per_source) },
	{ "handshake-ms", false, read_ms, LIMIT(handshake_ms) },
	{ "hello-ms", false, read_ms, LIMIT(hello_ms) },
	{ "result-ms", false, read_ms, LIMIT(result_ms) },
	{ "connect-ms", false, read_ms, LIMIT(connect_ms) },
	{ "idle-ms", false, read_ms, LIMIT(idle_ms) },
	{ "window", false, read_window, LIMIT(window) },
};

static const struct relay_limits defaults = {
	.connections = 1024,
	.per_source = 256,
	.unproven = 256,
	.rate = 500,
	.rate_per_source = 100,
	.evidence = 32,
	.evidence_per_source = 16,
	.handshake_ms = 5000,
	.hello_ms = 10000,
	.result_ms = 900000,
	.connect_ms = 5000,
	.idle_ms = 3600000,
	.window = 65536,
};

static void read_limits(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_mapping(y, node, limit_keys, CONFIG_COUNT(limit_keys), field);
}

/* Letters, digits, "-" and "." as in DNS names, which an address is one of here. */
static bool is_host(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			    text[i]))
			return false;
	return n && n < RELAY_HOST_MAX && text[0] != '-' && text[0] != '.';
}

static bool parse_port(const char *text, uint16_t *port)
{
	unsigned long v = 0;

	if (!*text || strlen(text) > 5 || text[strspn(text, "0123456789")])
		return false;
	v = strtoul(text, NULL, 10);
	*port = v;
	return v >= 1 && v <= UINT16_MAX;
}

/* "unix:/PATH", "NAME:PORT", "ADDRESS:PORT", "[V6]:PORT". */
static bool parse_address(struct relay_destination *d, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[ADDR_TEXT_MAX];

	if (!strncmp(text, "unix:/", 6)) {
		if (strlen(text + 5) >= sizeof(d->path))
			return false;
		strcpy(d->path, text + 5);
		return true;
	}
	if (endpoint_parse(text, &d->addr, &d->port)) {
		d->is_literal = true;
		strcpy(d->host, addr_text(&d->addr, host));
		return true;
	}
	if (!colon || !is_host(text, colon - text) || !parse_port(colon + 1, &d->port))
		return false;
	memcpy(d->host, text, colon - text);
	return true;
}

static void read_address(struct conf *y, const yaml_node_t *node, void *item)
{
	char text[RELAY_HOST_MAX + 16];

	if (conf_text(y, node, text, sizeof(text)) && !parse_address(item, text))
		conf_complain(y, node,
			      "want HOST:PORT, [ADDRESS]:PORT or unix:/PATH, got \"%.80s\"", text);
}

static void read_host(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[RELAY_HOST_MAX];
	struct addr a;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	if (!is_host(text, strlen(text)) && !addr_parse(text, &a))
		conf_complain(
			y, node,
			"want the name or address in the destination's certificate, got \"%.80s\"",
			text);
	else
		strcpy(field, text);
}

static void read_sha256(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, SHA256_BYTES);
}

static void read_pins(struct conf *y, const yaml_node_t *node, void *item)
{
	struct relay_destination *d = item;

	d->pins_count =
		conf_sequence(y, node, RELAY_PINS_MAX, read_sha256, d->pins, sizeof(*d->pins));
	if (!conf_length(node))
		conf_complain(y, node, "want 1 to %d digests", RELAY_PINS_MAX);
}

static void read_minimum(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "1.3", "1.2" };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(bool *)field = v;
}

static void read_alpn(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[RELAY_ALPN_MAX];

	if (conf_text(y, node, text, sizeof(text)))
		strcpy(field, text);
}

static const struct conf_key tls_keys[] = {
	{ "ca", false, read_path, TARGET(ca) },
	{ "ca-sha256", false, read_sha256, TARGET(ca_sha256) },
	{ "spki-sha256", false, read_pins, 0 },
	{ "minimum", false, read_minimum, TARGET(tls12) },
	{ "alpn", false, read_alpn, TARGET(alpn) },
};

static void read_tls(struct conf *y, const yaml_node_t *node, void *item)
{
	static const uint8_t none[SHA256_BYTES];
	struct relay_destination *d = item;
	bool has_digest;

	if (node->type == YAML_SCALAR_NODE && !strcmp((char *)node->data.scalar.value, "none"))
		return;
	d->tls = true;
	if (node->type != YAML_MAPPING_NODE) {
		conf_complain(y, node, "want none, or a mapping with ca or spki-sha256");
		return;
	}
	conf_mapping(y, node, tls_keys, CONFIG_COUNT(tls_keys), d);
	has_digest = memcmp(d->ca_sha256, none, sizeof(none));
	if (!d->ca[0] && !conf_length(node) && !d->pins_count)
		conf_complain(y, node, "want ca or spki-sha256: whom to believe");
	if (d->ca[0] && !has_digest)
		conf_complain(
			y, node,
			"want ca-sha256, the SHA-256 of %.80s: a client hears of this file's digest alone",
			d->ca);
	if (!d->ca[0] && has_digest)
		conf_complain(y, node, "has a ca-sha256: want the ca that it is of");
}

static const struct conf_key destination_keys[] = {
	{ "name", true, read_name, TARGET(name) },
	{ "address", true, read_address, 0 },
	{ "server-name", false, read_host, TARGET(server_name) },
	{ "tls", true, read_tls, 0 },
};

static bool is_loopback(const struct addr *a)
{
	struct addr one = { { 0, 0, 0, htonl(1) } };

	return addr_is_ipv4(a) ? ntohl(a->w[3]) >> 24 == 127 : addr_equal(a, &one);
}

static void read_destination(struct conf *y, const yaml_node_t *node, void *item)
{
	struct relay_destination *d = item;

	conf_mapping(y, node, destination_keys, CONFIG_COUNT(destination_keys), d);
	if (!d->host[0] && !d->path[0])
		return; /* that has been said */
	if (!d->tls && !d->path[0] && !(d->is_literal && is_loopback(&d->addr)))
		conf_complain(
			y, node,
			"tls is none: want an address of this guest's loopback, or unix:/PATH");
	if (!d->tls && d->server_name[0])
		conf_complain(y, node, "tls is none: a server-name is for a certificate");
	if (d->tls && d->path[0] && d->ca[0] && !d->server_name[0])
		conf_complain(y, node, "want the server-name that the certificate is for");
	if (d->tls && !d->server_name[0])
		strcpy(d->server_name, d->host);
}

static void read_destinations(struct conf *y, const yaml_node_t *node, void *config)
{
	struct relay_config *c = config;

	c->destinations_count = conf_sequence(y, node, RELAY_DESTINATIONS_MAX, read_destination,
					      c->destinations, sizeof(*c->destinations));
	if (!conf_length(node))
		conf_complain(y, node, "want 1 to %d destinations", RELAY_DESTINATIONS_MAX);
	for (size_t i = 1; i < c->destinations_count; i++)
		for (size_t j = 0; j < i; j++)
			if (c->destinations[i].name[0] &&
			    !strcmp(c->destinations[i].name, c->destinations[j].name))
				conf_complain(y, node, "\"%s\" is there twice",
					      c->destinations[i].name);
}

static const struct conf_key keys[] = {
	{ "node", true, read_name, CONFIG(node) },
	{ "user", false, read_unprivileged, CONFIG(user) },
	{ "listen", true, read_listen, 0 },
	{ "endpoints", false, read_endpoints, 0 },
	{ "identity", true, read_identity, 0 },
	{ "clients", false, read_clients, 0 },
	{ "metrics", false, read_metrics, CONFIG(metrics) },
	{ "evidence", false, read_evidence, CONFIG(evidence) },
	{ "limits", false, read_limits, CONFIG(limits) },
	{ "destinations", true, read_destinations, 0 },
};

static bool is_any(const struct addr *a)
{
	return !a->w[0] && !a->w[1] && !(a->w[2] & ~htonl(0xffff)) && !a->w[3];
}

/* What clients dial is what is listened on, unless the configuration says otherwise. */
static void check_endpoints(struct conf *y, const yaml_node_t *root, struct relay_config *c)
{
	if (c->endpoints_count)
		return;
	for (size_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].port && is_any(&c->listen[i].addr)) {
			conf_complain(
				y, root,
				"listens on every address: want endpoints, what clients dial");
			return;
		}
	memcpy(c->endpoints, c->listen, sizeof(c->listen));
	c->endpoints_count = c->listen_count;
}

static struct relay_config *read_conf(struct conf *y, FILE *errors)
{
	struct relay_config *c = calloc(1, sizeof(*c));
	const yaml_node_t *root = y && c ? conf_root(y) : NULL;

	if (!y || !c) {
		fprintf(errors, "not read: out of memory\n");
		free(c);
		return NULL;
	}
	strcpy(c->user, "nobody");
	c->evidence.tee = TEE_SNP;
	c->limits = defaults;
	if (root) {
		conf_mapping(y, root, keys, CONFIG_COUNT(keys), c);
		check_endpoints(y, root, c);
	}
	if (!conf_error_count(y))
		return c;
	conf_print_errors(y, errors);
	free(c);
	return NULL;
}

struct relay_config *relay_config_parse(const char *name, const char *text, size_t n, FILE *errors)
{
	struct conf *y = conf_parse(name, text, n);
	struct relay_config *c = read_conf(y, errors);

	conf_free(y);
	if (c && EVP_Digest(text, n, c->digest, NULL, EVP_sha256(), NULL) != 1) {
		fprintf(errors, "%s: no memory for its digest\n", name);
		free(c);
		return NULL;
	}
	return c;
}

struct relay_config *relay_config_read(const char *path, FILE *errors)
{
	struct relay_config *c = NULL;
	char *text = malloc(FILE_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n = f && text ? fread(text, 1, FILE_MAX + 1, f) : 0;

	if (!f || !text || ferror(f))
		fprintf(errors, "%s: %s\n", path, strerror(errno));
	else if (n > FILE_MAX)
		fprintf(errors, "%s: longer than %d bytes\n", path, FILE_MAX);
	else
		c = relay_config_parse(path, text, n, errors);
	if (f)
		fclose(f);
	free(text);
	return c;
}
