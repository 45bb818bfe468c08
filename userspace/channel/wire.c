// SPDX-License-Identifier: BSD-2-Clause
#include "channel/wire.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "channel/b64url.h"
#include "channel/json.h"

static const char *const type_names[WIRE_TYPES] = {
	"HELLO", "ATTEST", "EVIDENCE", "RESULT", "ERROR", "PING", "PONG",
};
static const char *const error_names[WIRE_ERRORS] = {
	"busy",
	"unavailable",
	"endpoint",
	"protocol",
};

enum {
	TEES_LISTED_MAX = 8, /* in a HELLO; names that we do not know are passed over */
	WANTS_MAX = 8,
};

const char *wire_type_str(enum wire_type t)
{
	return t < WIRE_TYPES ? type_names[t] : "unknown";
}

const char *wire_error_str(enum wire_error_code c)
{
	return c < WIRE_ERRORS ? error_names[c] : "unknown";
}

static int name_index(const char *name, const char *const names[], int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

static bool read_version(json_int_t v, char why[WHY_MAX])
{
	return v == WIRE_VERSION || json_refuse(why, "v: want %d", WIRE_VERSION);
}

static bool read_id(json_int_t id, uint64_t *out, char why[WHY_MAX])
{
	if (id < 1)
		return json_refuse(why, "id: want a positive number");
	*out = id;
	return true;
}

static bool read_tees(const json_t *list, uint32_t *out, char why[WHY_MAX])
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > TEES_LISTED_MAX)
		return json_refuse(why, "tee: want a list of at most %d names", TEES_LISTED_MAX);
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		enum tee t;

		if (!name)
			return json_refuse(why, "tee: want names");
		if (tee_parse(name, &t))
			*out |= 1u << t;
	}
	return true;
}

static bool read_hello(json_t *j, struct wire_hello *m, char why[WHY_MAX])
{
	const char *role, *agent, *boot_id;
	json_t *tees;
	json_int_t v;

	if (!json_take(j, why, "{s:I,s:s,s:o,s:s,s:s!}", "v", &v, "role", &role, "tee", &tees,
		       "agent", &agent, "boot_id", &boot_id))
		return false;
	return read_version(v, why) && json_text(role, "role", m->role, sizeof(m->role), why) &&
	       read_tees(tees, &m->tees, why) &&
	       json_text(agent, "agent", m->agent, sizeof(m->agent), why) &&
	       json_text(boot_id, "boot_id", m->boot_id, sizeof(m->boot_id), why);
}

static bool read_endpoint(json_t *j, bool exact, struct wire_endpoint *out, char why[WHY_MAX])
{
	const char *proto, *ip;
	json_int_t port;

	if (!json_take(j, why, exact ? "{s:s,s:s,s:I!}" : "{s:s,s:s,s:I}", "proto", &proto, "ip",
		       &ip, "port", &port))
		return false;
	if (!strcmp(proto, "tcp"))
		out->proto = IPPROTO_TCP;
	else if (!strcmp(proto, "udp"))
		out->proto = IPPROTO_UDP;
	else
		return json_refuse(why, "endpoint: proto: want tcp or udp");
	if (!addr_parse(ip, &out->addr))
		return json_refuse(why, "endpoint: ip: want an address");
	if (port < 1 || port > UINT16_MAX)
		return json_refuse(why, "endpoint: port: want 1..65535");
	out->port = port;
	return true;
}

/* What is wanted beside evidence is for versions to come; without evidence there is no answer. */
static bool read_want(const json_t *list, char why[WHY_MAX])
{
	size_t n = json_array_size(list);
	bool evidence = false;

	for (size_t i = 0; i < n && n <= WANTS_MAX; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!name)
			return json_refuse(why, "want: want names");
		evidence |= !strcmp(name, "evidence");
	}
	return evidence || json_refuse(why, "want: want a list with \"evidence\"");
}

static bool read_nonce(const char *text, size_t n, uint8_t out[WIRE_NONCE_BYTES], char why[WHY_MAX])
{
	size_t length;

	return (b64url_decode(text, n, out, WIRE_NONCE_BYTES, &length) &&
		length == WIRE_NONCE_BYTES) ||
	       json_refuse(why, "nonce: want %d bytes as base64url", WIRE_NONCE_BYTES);
}

/* Who asks, and to what end: a client has its own. */
static bool read_asker(const char *role, const char *purpose, char why[WHY_MAX])
{
	if (!strcmp(role, "client"))
		return !strcmp(purpose, "client") ||
		       json_refuse(why, "purpose: want client from a client");
	if (strcmp(role, "router") && strcmp(role, "backend"))
		return json_refuse(why, "role: want router, backend or client");
	return !strcmp(purpose, "admit") || !strcmp(purpose, "renew") ||
	       json_refuse(why, "purpose: want admit or renew from a %s", role);
}

static bool read_attest(json_t *j, struct wire_attest *m, char why[WHY_MAX])
{
	const char *nonce, *role, *purpose, *service;
	json_int_t v, id, epoch;
	json_t *endpoint, *want;
	size_t nonce_length;

	if (!json_take(j, why, "{s:I,s:I,s:s%,s:s,s:s,s:o,s:s,s:I,s:o!}", "v", &v, "id", &id,
		       "nonce", &nonce, &nonce_length, "role", &role, "purpose", &purpose,
		       "endpoint", &endpoint, "service", &service, "policy_epoch", &epoch, "want",
		       &want))
		return false;
	if (!read_asker(role, purpose, why))
		return false;
	if (epoch < 0 || epoch > UINT32_MAX)
		return json_refuse(why, "policy_epoch: want 32 bits");
	m->policy_epoch = epoch;
	return read_version(v, why) && read_id(id, &m->id, why) &&
	       read_nonce(nonce, nonce_length, m->nonce, why) &&
	       json_text(role, "role", m->role, sizeof(m->role), why) &&
	       json_text(purpose, "purpose", m->purpose, sizeof(m->purpose), why) &&
	       json_text(service, "service", m->service, sizeof(m->service), why) &&
	       read_endpoint(endpoint, true, &m->endpoint, why) && read_want(want, why);
}

/* Where decoded bytes go. */
struct room {
	uint8_t *p;
	size_t n;
};

static bool read_blob(const json_t *j, const char *what, struct room *room, struct bytes *out,
		      char why[WHY_MAX])
{
	const char *text = json_string_value(j);
	size_t n;

	if (!text || !json_string_length(j) ||
	    !b64url_decode(text, json_string_length(j), room->p, room->n, &n))
		return json_refuse(why, "%s: want bytes as base64url", what);
	*out = bytes_of(room->p, n);
	room->p += n;
	room->n -= n;
	return true;
}

static bool read_cmw(const json_t *cmw, struct room *room, struct wire_evidence *m,
		     char why[WHY_MAX])
{
	const char *type = json_string_value(json_array_get(cmw, 0));

	if (json_array_size(cmw) != 2 || !type)
		return json_refuse(why, "cmw: want [type, bytes]");
	for (int t = 0; t < TEE_COUNT; t++)
		if (!strcmp(type, tee_media_type(t))) {
			m->tee = t;
			return read_blob(json_array_get(cmw, 1), "cmw", room, &m->report, why);
		}
	return json_refuse(why, "cmw: type is none of ours: \"%.60s\"", type);
}

static bool read_certs(const json_t *certs, struct room *room, struct wire_evidence *m,
		       char why[WHY_MAX])
{
	size_t n = json_array_size(certs);

	if (!json_is_array(certs) || n > CERTS_MAX)
		return json_refuse(why, "certs: want a list of at most %d", CERTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!read_blob(json_array_get(certs, i), "certs", room, &m->certs[i], why))
			return false;
	m->certs_count = n;
	return true;
}

static bool read_evidence(json_t *j, struct room room, struct wire_evidence *m, char why[WHY_MAX])
{
	json_t *cmw, *certs, *claims;
	json_int_t v, id;

	if (!json_take(j, why, "{s:I,s:I,s:o,s:o,s:o!}", "v", &v, "id", &id, "cmw", &cmw, "certs",
		       &certs, "claims", &claims))
		return false;
	return read_version(v, why) && read_id(id, &m->id, why) && read_cmw(cmw, &room, m, why) &&
	       read_certs(certs, &room, m, why) &&
	       read_blob(claims, "claims", &room, &m->claims, why) &&
	       (m->claims.n <= WIRE_CLAIMS_MAX ||
		json_refuse(why, "claims: want at most %d bytes", WIRE_CLAIMS_MAX));
}

static bool read_result(json_t *j, struct wire_result *m, char why[WHY_MAX])
{
	json_int_t v, id, expires_in_ms;
	const char *status, *code;

	if (!json_take(j, why, "{s:I,s:I,s:s,s:s,s:I!}", "v", &v, "id", &id, "status", &status,
		       "code", &code, "expires_in_ms", &expires_in_ms))
		return false;
	if (strcmp(status, "ok") && strcmp(status, "deny"))
		return json_refuse(why, "status: want ok or deny");
	if (expires_in_ms < 0)
		return json_refuse(why, "expires_in_ms: want no negative number");
	m->ok = !strcmp(status, "ok");
	m->expires_in_ms = expires_in_ms;
	return read_version(v, why) && read_id(id, &m->id, why) &&
	       json_text(code, "code", m->code, sizeof(m->code), why);
}

static bool read_error(json_t *j, struct wire_error *m, char why[WHY_MAX])
{
	const char *code, *detail;
	json_int_t v, id;
	int known;

	if (!json_take(j, why, "{s:I,s:I,s:s,s:s!}", "v", &v, "id", &id, "code", &code, "detail",
		       &detail))
		return false;
	known = name_index(code, error_names, WIRE_ERRORS);
	if (known < 0 || id < 0)
		return json_refuse(why, known < 0 ? "code: is none of ours" : "id: is negative");
	m->code = known;
	m->id = id;
	return read_version(v, why) &&
	       json_text(detail, "detail", m->detail, sizeof(m->detail), why);
}

static bool read_ping(json_t *j, struct wire_ping *m, char why[WHY_MAX])
{
	json_int_t n;

	return json_take(j, why, "{s:I!}", "n", &n) && read_id(n, &m->n, why);
}

static bool read_pong(json_t *j, struct wire_pong *m, char why[WHY_MAX])
{
	json_int_t n, load;

	if (!json_take(j, why, "{s:I,s:I!}", "n", &n, "load", &load) || !read_id(n, &m->n, why))
		return false;
	if (load < 0 || load > 1000)
		return json_refuse(why, "load: want 0..1000");
	m->load_permille = load;
	return true;
}

static bool read_fields(json_t *j, struct room room, struct wire_message *m, char why[WHY_MAX])
{
	switch (m->type) {
	case WIRE_HELLO:
		return read_hello(j, &m->hello, why);
	case WIRE_ATTEST:
		return read_attest(j, &m->attest, why);
	case WIRE_EVIDENCE:
		return read_evidence(j, room, &m->evidence, why);
	case WIRE_RESULT:
		return read_result(j, &m->result, why);
	case WIRE_ERROR:
		return read_error(j, &m->error, why);
	case WIRE_PING:
		return read_ping(j, &m->ping, why);
	case WIRE_PONG:
		return read_pong(j, &m->pong, why);
	case WIRE_TYPES:
		break;
	}
	return false;
}

/* why[] with the message's type in front, fit to be shown. */
static bool refuse_as(enum wire_type t, char why[WHY_MAX])
{
	char reason[WHY_MAX];

	snprintf(reason, sizeof(reason), "%s", why);
	snprintf(why, WHY_MAX, "%s: %.240s", wire_type_str(t), reason);
	wire_clean(why);
	return false;
}

bool wire_read(struct bytes in, uint8_t *buf, size_t size, struct wire_message *out,
	       char why[WHY_MAX])
{
	json_t *j = json_object_of(in, WIRE_DEPTH_MAX, why);
	const char *name = json_string_value(json_object_get(j, "type"));
	int type = name ? name_index(name, type_names, WIRE_TYPES) : -1;
	bool ok = false;

	memset(out, 0, sizeof(*out));
	if (j && type < 0)
		json_refuse(why, "type: want the name of a message");
	if (type >= 0) {
		out->type = type;
		json_object_del(j, "type");
		ok = read_fields(j, (struct room){ buf, size }, out, why) || refuse_as(type, why);
	}
	wire_clean(why);
	json_decref(j);
	return ok;
}

static bool read_service_keys(const json_t *list, struct wire_claims *c, char why[WHY_MAX])
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > WIRE_SERVICE_KEYS_MAX)
		return json_refuse(why, "svc_spki_sha256: want a list of at most %d",
				   WIRE_SERVICE_KEYS_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !wire_key_parse(text, c->service_keys[i]))
			return json_refuse(why, "svc_spki_sha256: want 64 hexadecimal digits");
	}
	c->service_keys_count = n;
	return true;
}

static bool read_digest(const json_t *j, const char *key, bool *has, uint8_t out[WIRE_KEY_BYTES],
			char why[WHY_MAX])
{
	const json_t *value = json_object_get(j, key);
	const char *text = json_string_value(value);

	*has = value;
	return !value || (text && wire_key_parse(text, out)) ||
	       json_refuse(why, "%s: want 64 hexadecimal digits", key);
}

static bool read_sources(const json_t *list, struct wire_claims *c, char why[WHY_MAX])
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > WIRE_SOURCES_MAX)
		return json_refuse(why, "sources: want a list of at most %d", WIRE_SOURCES_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !addr_parse(text, &c->sources[i]))
			return json_refuse(why, "sources: want addresses");
	}
	c->sources_count = n;
	return true;
}

/* Keys that may be left out. */
static bool read_options(const json_t *j, struct wire_claims *c, char why[WHY_MAX])
{
	const json_t *keys = json_object_get(j, "svc_spki_sha256");
	const json_t *sources = json_object_get(j, "sources");

	return (!keys || read_service_keys(keys, c, why)) &&
	       (!sources || read_sources(sources, c, why)) &&
	       read_digest(j, "destinations_digest", &c->has_destinations, c->destinations, why) &&
	       read_digest(j, "egress_digest", &c->has_egress, c->egress, why);
}

static bool read_claims(json_t *j, struct wire_claims *c, char why[WHY_MAX])
{
	const char *node, *role, *version, *boot_id;
	json_int_t counter;
	json_t *endpoints;

	if (!json_take(j, why, "{s:s,s:s,s:o,s:s,s:s,s:I}", "node", &node, "role", &role,
		       "endpoints", &endpoints, "agent_version", &version, "boot_id", &boot_id,
		       "counter", &counter) ||
	    !read_id(counter, &c->counter, why) || !read_options(j, c, why))
		return false;
	c->endpoints_count = json_array_size(endpoints);
	if (!c->endpoints_count || c->endpoints_count > WIRE_ENDPOINTS_MAX)
		return json_refuse(why, "endpoints: want a list of 1 to %d", WIRE_ENDPOINTS_MAX);
	for (size_t i = 0; i < c->endpoints_count; i++)
		if (!read_endpoint(json_array_get(endpoints, i), false, &c->endpoints[i], why))
			return false;
	return json_text(node, "node", c->node, sizeof(c->node), why) &&
	       json_text(role, "role", c->role, sizeof(c->role), why) &&
	       json_text(version, "agent_version", c->agent_version, sizeof(c->agent_version),
			 why) &&
	       json_text(boot_id, "boot_id", c->boot_id, sizeof(c->boot_id), why);
}

bool wire_claims_read(struct bytes in, struct wire_claims *out, char why[WHY_MAX])
{
	json_t *j = in.n <= WIRE_CLAIMS_MAX ? json_object_of(in, WIRE_DEPTH_MAX, why) : NULL;
	bool ok;

	memset(out, 0, sizeof(*out));
	if (in.n > WIRE_CLAIMS_MAX)
		json_refuse(why, "want at most %d bytes", WIRE_CLAIMS_MAX);
	ok = j && read_claims(j, out, why);
	json_decref(j);
	if (!ok)
		wire_clean(why);
	return ok;
}

bool wire_endpoint_equal(const struct wire_endpoint *a, const struct wire_endpoint *b)
{
	return a->proto == b->proto && a->port == b->port && addr_equal(&a->addr, &b->addr);
}

void wire_key_text(const uint8_t key[WIRE_KEY_BYTES], char text[2 * WIRE_KEY_BYTES + 1])
{
	for (int i = 0; i < WIRE_KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
}

bool wire_key_parse(const char *text, uint8_t key[WIRE_KEY_BYTES])
{
	if (strlen(text) != 2 * WIRE_KEY_BYTES ||
	    strspn(text, "0123456789abcdef") != 2 * WIRE_KEY_BYTES)
		return false;
	for (int i = 0; i < WIRE_KEY_BYTES; i++)
		sscanf(text + 2 * i, "%2hhx", &key[i]);
	return true;
}

void wire_clean(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}
