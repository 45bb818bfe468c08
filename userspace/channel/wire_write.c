// SPDX-License-Identifier: BSD-2-Clause
/* Our own messages as JSON.  What comes out is read by wire.c, in every case: tested so. */
#include "channel/wire.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/addr.h"
#include "channel/b64url.h"

/* What every JSON reader keeps exact (RFC 8259, section 6); an endless lease says this. */
static const uint64_t NUMBER_MAX = (1ULL << 53) - 1;

static json_t *base64(struct bytes b)
{
	size_t size = b64url_length(b.n) + 1;
	char *text = malloc(size);
	json_t *j = text && b64url_encode(b, text, size) ? json_stringn(text, size - 1) : NULL;

	free(text);
	return j;
}

static json_t *tee_list(uint32_t tees)
{
	json_t *list = json_array();

	for (int t = 0; list && t < TEE_COUNT; t++)
		if (tees & 1u << t && json_array_append_new(list, json_string(tee_str(t)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *endpoint(const struct wire_endpoint *e)
{
	char ip[ADDR_TEXT_MAX];

	return json_pack("{s:s,s:s,s:i}", "proto", e->proto == IPPROTO_UDP ? "udp" : "tcp", "ip",
			 addr_text(&e->addr, ip), "port", e->port);
}

static json_t *endpoint_list(const struct wire_endpoint *e, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++)
		if (json_array_append_new(list, endpoint(&e[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *cert_list(const struct wire_evidence *m)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < m->certs_count; i++)
		if (json_array_append_new(list, base64(m->certs[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* json_pack() takes o from us, and gives up with NULL when one is NULL. */
static json_t *message(const struct wire_message *m)
{
	const char *type = wire_type_str(m->type);
	int v = WIRE_VERSION;

	switch (m->type) {
	case WIRE_HELLO:
		return json_pack("{s:s,s:i,s:s,s:o,s:s,s:s}", "type", type, "v", v, "role",
				 m->hello.role, "tee", tee_list(m->hello.tees), "agent",
				 m->hello.agent, "boot_id", m->hello.boot_id);
	case WIRE_ATTEST:
		return json_pack("{s:s,s:i,s:I,s:o,s:s,s:s,s:o,s:s,s:I,s:[s]}", "type", type, "v",
				 v, "id", (json_int_t)m->attest.id, "nonce",
				 base64(bytes_of(m->attest.nonce, WIRE_NONCE_BYTES)), "role",
				 m->attest.role, "purpose", m->attest.purpose, "endpoint",
				 endpoint(&m->attest.endpoint), "service", m->attest.service,
				 "policy_epoch", (json_int_t)m->attest.policy_epoch, "want",
				 "evidence");
	case WIRE_EVIDENCE:
		return json_pack("{s:s,s:i,s:I,s:[s,o],s:o,s:o}", "type", type, "v", v, "id",
				 (json_int_t)m->evidence.id, "cmw", tee_media_type(m->evidence.tee),
				 base64(m->evidence.report), "certs", cert_list(&m->evidence),
				 "claims", base64(m->evidence.claims));
	case WIRE_RESULT:
		return json_pack("{s:s,s:i,s:I,s:s,s:s,s:I}", "type", type, "v", v, "id",
				 (json_int_t)m->result.id, "status", m->result.ok ? "ok" : "deny",
				 "code", m->result.code, "expires_in_ms",
				 (json_int_t)(m->result.expires_in_ms < NUMBER_MAX
						      ? m->result.expires_in_ms
						      : NUMBER_MAX));
	case WIRE_ERROR:
		return json_pack("{s:s,s:i,s:I,s:s,s:s}", "type", type, "v", v, "id",
				 (json_int_t)m->error.id, "code", wire_error_str(m->error.code),
				 "detail", m->error.detail);
	case WIRE_PING:
		return json_pack("{s:s,s:I}", "type", type, "n", (json_int_t)m->ping.n);
	case WIRE_PONG:
		return json_pack("{s:s,s:I,s:I}", "type", type, "n", (json_int_t)m->pong.n, "load",
				 (json_int_t)m->pong.load_permille);
	case WIRE_TYPES:
		break;
	}
	return NULL;
}

static size_t dump(json_t *j, char *buf, size_t size)
{
	size_t n = j ? json_dumpb(j, buf, size, JSON_COMPACT) : 0;

	json_decref(j);
	return n <= size ? n : 0;
}

size_t wire_write(const struct wire_message *m, char *buf, size_t size)
{
	return dump(message(m), buf, size);
}

static json_t *key(const uint8_t digest[WIRE_KEY_BYTES])
{
	char text[2 * WIRE_KEY_BYTES + 1];

	wire_key_text(digest, text);
	return json_string(text);
}

/* NULL for none, which json_pack() leaves out. */
static json_t *key_list(const struct wire_claims *c)
{
	json_t *list = c->service_keys_count ? json_array() : NULL;

	for (size_t i = 0; list && i < c->service_keys_count; i++)
		if (json_array_append_new(list, key(c->service_keys[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* NULL for none, likewise. */
static json_t *source_list(const struct wire_claims *c)
{
	json_t *list = c->sources_count ? json_array() : NULL;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; list && i < c->sources_count; i++)
		if (json_array_append_new(list, json_string(addr_text(&c->sources[i], text)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

size_t wire_claims_write(const struct wire_claims *c, char *buf, size_t size)
{
	json_t *keys = key_list(c), *sources = source_list(c);

	if ((c->service_keys_count && !keys) || (c->sources_count && !sources)) {
		json_decref(keys);
		json_decref(sources);
		return 0;
	}
	return dump(
		json_pack("{s:s,s:s,s:o,s:s,s:s,s:I,s:o*,s:o*,s:o*,s:o*}", "node", c->node, "role",
			  c->role, "endpoints", endpoint_list(c->endpoints, c->endpoints_count),
			  "agent_version", c->agent_version, "boot_id", c->boot_id, "counter",
			  (json_int_t)c->counter, "svc_spki_sha256", keys, "destinations_digest",
			  c->has_destinations ? key(c->destinations) : NULL, "egress_digest",
			  c->has_egress ? key(c->egress) : NULL, "sources", sources),
		buf, size);
}
