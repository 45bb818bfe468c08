// SPDX-License-Identifier: BSD-2-Clause
#include "client/exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"

size_t exchange_hello(const char *boot_id, char *buf, size_t size)
{
	struct wire_message m = { .type = WIRE_HELLO };

	strcpy(m.hello.role, "client");
	m.hello.tees = 1u << TEE_NONE;
	strcpy(m.hello.agent, "fairlead-connect/" VERSION);
	snprintf(m.hello.boot_id, sizeof(m.hello.boot_id), "%s", boot_id);
	return wire_write(&m, buf, size);
}

size_t exchange_question(struct exchange *x, const uint8_t nonce[WIRE_NONCE_BYTES], char *buf,
			 size_t size)
{
	struct wire_message m = { .type = WIRE_ATTEST };
	size_t n;

	m.attest.id = ++x->id;
	strcpy(m.attest.role, "client");
	strcpy(m.attest.purpose, "client");
	memcpy(m.attest.nonce, nonce, sizeof(m.attest.nonce));
	m.attest.endpoint = x->endpoint;
	memcpy(m.attest.service, x->service, sizeof(m.attest.service));
	n = wire_write(&m, buf, size);
	return n && sha384(bytes_of(buf, n), x->question) ? n : 0;
}

void exchange_asked(struct exchange *x, const uint8_t exporter[EXPORTER_BYTES])
{
	memcpy(x->exporter, exporter, sizeof(x->exporter));
	x->state = EXCHANGE_ASKED;
}

static bool claims_fit(const struct exchange *x, const struct wire_claims *c, char why[WHY_MAX])
{
	char text[ENDPOINT_TEXT_MAX];

	if (strcmp(c->role, "backend")) {
		snprintf(why, WHY_MAX, "claims: role: want backend, got %s", c->role);
		return false;
	}
	if (x->node[0] && strcmp(c->node, x->node)) {
		snprintf(why, WHY_MAX, "claims: node: want that of its certificate, %s, got %s",
			 x->node, c->node);
		return false;
	}
	for (size_t i = 0; i < c->endpoints_count; i++)
		if (wire_endpoint_equal(&c->endpoints[i], &x->endpoint))
			return true;
	snprintf(why, WHY_MAX, "claims: it does not say that it serves %s, which was dialled",
		 endpoint_text(&x->endpoint.addr, x->endpoint.port, text));
	return false;
}

static enum exchange_event on_evidence(struct exchange *x, const struct wire_evidence *m,
				       struct exchange_answer *out, char why[WHY_MAX])
{
	char reason[WHY_MAX] = "";

	if (m->id != x->id) {
		snprintf(why, WHY_MAX, "EVIDENCE: id %llu, want %llu", (unsigned long long)m->id,
			 (unsigned long long)x->id);
		return EXCHANGE_BREACH;
	}
	out->evidence = *m;
	if (!wire_claims_read(m->claims, &out->claims, reason)) {
		snprintf(why, WHY_MAX, "claims: %.240s", reason);
		return EXCHANGE_BREACH;
	}
	if (!claims_fit(x, &out->claims, why))
		return EXCHANGE_BREACH;
	out->binding = (struct binding){ .role = "backend", .tee = m->tee };
	memcpy(out->binding.exporter, x->exporter, EXPORTER_BYTES);
	memcpy(out->binding.spki_attester, x->spki_peer, DIGEST_BYTES);
	memcpy(out->binding.spki_peer, x->spki_own, DIGEST_BYTES);
	memcpy(out->binding.request, x->question, DIGEST_BYTES);
	if (!sha384(m->claims, out->binding.claims)) {
		snprintf(why, WHY_MAX, "the digest of its claims cannot be made");
		return EXCHANGE_BREACH;
	}
	x->state = EXCHANGE_TOLD;
	return EXCHANGE_EVIDENCE;
}

/* That the endpoint is not its own, or that we broke a rule, does not change by asking again. */
static enum exchange_event on_error(struct exchange *x, const struct wire_error *m,
				    char why[WHY_MAX])
{
	bool ours = x->state == EXCHANGE_ASKED && m->id == x->id;

	snprintf(why, WHY_MAX, "it answers %s: %s", wire_error_str(m->code), m->detail);
	if (!ours || (m->code != WIRE_ERROR_BUSY && m->code != WIRE_ERROR_UNAVAILABLE))
		return EXCHANGE_BREACH;
	x->state = EXCHANGE_ASKING;
	return EXCHANGE_NOT_NOW;
}

static enum exchange_event breach(enum wire_type t, const char *when, char why[WHY_MAX])
{
	snprintf(why, WHY_MAX, "%s %s", wire_type_str(t), when);
	return EXCHANGE_BREACH;
}

static enum exchange_event on_hello(struct exchange *x, const struct wire_hello *m,
				    char why[WHY_MAX])
{
	if (strcmp(m->role, "backend")) {
		snprintf(why, WHY_MAX, "HELLO: role: want backend, got %s", m->role);
		return EXCHANGE_BREACH;
	}
	x->state = EXCHANGE_ASKING;
	return EXCHANGE_ASK;
}

enum exchange_event exchange_take(struct exchange *x, struct bytes raw, uint8_t *room, size_t size,
				  struct exchange_answer *out, char why[WHY_MAX])
{
	struct wire_message m;

	why[0] = 0;
	if (!wire_read(raw, room, size, &m, why))
		return EXCHANGE_BREACH;
	if (m.type == WIRE_ERROR)
		return on_error(x, &m.error, why);
	if (x->state == EXCHANGE_HELLO)
		return m.type == WIRE_HELLO ? on_hello(x, &m.hello, why)
					    : breach(m.type, "before HELLO", why);
	if (x->state == EXCHANGE_ASKED && m.type == WIRE_EVIDENCE)
		return on_evidence(x, &m.evidence, out, why);
	return breach(m.type, "that was not asked for", why);
}

size_t exchange_result(const struct exchange *x, bool ok, const char *code, uint64_t expires_in_ms,
		       char *buf, size_t size)
{
	struct wire_message m = { .type = WIRE_RESULT };

	m.result.id = x->id;
	m.result.ok = ok;
	m.result.expires_in_ms = expires_in_ms;
	snprintf(m.result.code, sizeof(m.result.code), "%.63s", code);
	wire_clean(m.result.code);
	return wire_write(&m, buf, size);
}
