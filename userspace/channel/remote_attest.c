// SPDX-License-Identifier: BSD-2-Clause
/*
 * Evidence: one question at a time, its answer tied to the question and the session.  What
 * is passed on carries our own view of both, never what the peer says about them.
 */
#include "channel/remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "channel/frame.h"
#include "channel/sock.h"

static void tell_failed(struct remote *r, uint64_t request, bool refused, const char *why)
{
	struct msg_failure m = { .generation = r->config.generation,
				 .request = request,
				 .refused = refused };
	struct ipc_writer w = parent_begin(r->host->parent, MSG_EVIDENCE_FAILED, r->id);

	snprintf(m.why, sizeof(m.why), "%s", why);
	wire_clean(m.why);
	msg_failure_put(&w, &m);
	parent_send(r->host->parent, &w);
}

static void stop_waiting(struct remote *r)
{
	r->attest.asked = false;
	event_del(r->answer);
}

static void on_answer_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct remote *r = arg;

	(void)fd;
	(void)what;
	if (!r->attest.asked)
		return;
	stop_waiting(r);
	r->attest.late = true;
	tell_failed(r, r->attest.request, false, "no evidence within 90 s");
}

int remote_attest_start(struct remote *r)
{
	r->answer = evtimer_new(r->host->base, on_answer_timeout, r);
	return r->answer ? 0 : -ENOMEM;
}

void remote_attest_stop(struct remote *r)
{
	if (r->answer)
		event_free(r->answer);
}

void remote_attest_lost(struct remote *r, bool refused, const char *why)
{
	if (!r->attest.asked)
		return;
	stop_waiting(r);
	tell_failed(r, r->attest.request, refused, why);
}

/* Sends the question, and fixes now what its answer has to be bound to.  NULL, or why not. */
static const char *send_question(struct remote *r, const struct msg_attest *m)
{
	struct wire_message q = { .type = WIRE_ATTEST };
	char raw[FRAME_SMALL_MAX];
	size_t n;

	strcpy(q.attest.role, "router");
	q.attest.id = r->attest.id + 1;
	q.attest.endpoint = (struct wire_endpoint){ IPPROTO_TCP, r->config.addr, r->config.port };
	q.attest.policy_epoch = m->policy_epoch;
	memcpy(q.attest.purpose, m->purpose, sizeof(q.attest.purpose));
	memcpy(q.attest.service, m->service, sizeof(q.attest.service));
	if (!tls_random(q.attest.nonce, sizeof(q.attest.nonce)))
		return "no random nonce can be had";
	n = wire_write(&q, raw, sizeof(raw));
	if (!n || !sha384(bytes_of(raw, n), r->attest.digest) ||
	    !session_export(r->session, r->attest.digest, r->attest.exporter))
		return "the question cannot be written";
	if (session_send_bytes(r->session, bytes_of(raw, n)))
		return "it does not read what it is sent";
	return NULL;
}

void remote_attest_ask(struct remote *r, const struct msg_attest *m)
{
	struct timeval limit = timeval_of_us(REMOTE_ANSWER_MS * 1000ULL);
	const char *why = NULL;

	if (!r->up)
		why = "it is not connected";
	else if (r->attest.asked)
		why = "it is being asked already";
	else
		why = send_question(r, m);
	if (why) {
		tell_failed(r, m->request, false, why);
		return;
	}
	r->attest.id++;
	r->attest.request = m->request;
	r->attest.asked = true;
	r->attest.late = false;
	session_expect_evidence(r->session, true);
	event_add(r->answer, &limit);
}

void remote_attest_result(struct remote *r, const struct msg_result *m)
{
	struct wire_message out = { .type = WIRE_RESULT };

	if (!r->up || !r->attest.id || r->attest.asked || r->attest.late ||
	    m->request != r->attest.request)
		return; /* about evidence of an earlier session, or none */
	out.result.id = r->attest.id;
	out.result.ok = m->ok;
	out.result.expires_in_ms = m->expires_in_ms;
	memcpy(out.result.code, m->code, sizeof(out.result.code));
	wire_clean(out.result.code);
	session_send(r->session, &out); /* a courtesy */
	r->attest.request = 0;
}

/* What leaves its guest has to be confined as the operator has pinned it, if so. */
static bool is_confined(const struct remote *r, const struct wire_claims *c, char why[WHY_MAX])
{
	char text[2 * WIRE_KEY_BYTES + 1] = "none";

	if (!r->config.egress[0])
		return true;
	if (c->has_egress)
		wire_key_text(c->egress, text);
	if (!strcmp(text, r->config.egress))
		return true;
	snprintf(why, WHY_MAX, "claims: want egress_digest %s, got %s", r->config.egress, text);
	return false;
}

/* What the peer claims has to be about the node and the endpoint that we have dialled. */
static bool claims_fit(const struct remote *r, struct bytes claims, char why[WHY_MAX])
{
	const struct wire_endpoint dialled = { IPPROTO_TCP, r->config.addr, r->config.port };
	char reason[WHY_MAX] = "";
	struct wire_claims c;

	if (!wire_claims_read(claims, &c, reason)) {
		snprintf(why, WHY_MAX, "claims: %.240s", reason);
		return false;
	}
	if (strcmp(c.node, r->config.node) || strcmp(c.role, "backend")) {
		snprintf(why, WHY_MAX, "claims: want backend \"%s\", got %s \"%s\"", r->config.node,
			 c.role, c.node);
		return false;
	}
	if (!is_confined(r, &c, why))
		return false;
	for (size_t i = 0; i < c.endpoints_count; i++)
		if (wire_endpoint_equal(&c.endpoints[i], &dialled))
			return true;
	snprintf(why, WHY_MAX, "claims: the endpoint that was dialled is not among them");
	return false;
}

static bool make_binding(const struct remote *r, const struct wire_evidence *m, struct binding *b)
{
	*b = (struct binding){ .role = "backend", .tee = m->tee };
	memcpy(b->exporter, r->attest.exporter, sizeof(b->exporter));
	memcpy(b->spki_attester, session_peer(r->session)->spki, DIGEST_BYTES);
	memcpy(b->spki_peer, tls_own_spki(r->host->tls), DIGEST_BYTES);
	memcpy(b->request, r->attest.digest, DIGEST_BYTES);
	return sha384(m->claims, b->claims);
}

static bool pass_on(struct remote *r, const struct wire_evidence *m, char why[WHY_MAX])
{
	struct msg_evidence e = {
		.generation = r->config.generation,
		.request = r->attest.request,
		.report = m->report,
		.certs_count = m->certs_count,
		.claims = m->claims,
	};
	struct ipc_writer w;

	memcpy(e.certs, m->certs, sizeof(e.certs));
	if (!make_binding(r, m, &e.binding)) {
		snprintf(why, WHY_MAX, "the digest of its claims cannot be made");
		return false;
	}
	w = parent_begin(r->host->parent, MSG_EVIDENCE, r->id);
	msg_evidence_put(&w, &e);
	if (parent_send(r->host->parent, &w) == -EMSGSIZE) {
		snprintf(why, WHY_MAX, "its evidence is too long");
		return false;
	}
	return true;
}

bool remote_attest_evidence(struct remote *r, const struct wire_evidence *m, char why[WHY_MAX])
{
	if (!r->attest.asked && !r->attest.late) {
		snprintf(why, WHY_MAX, "EVIDENCE that was not asked for");
		return false;
	}
	if (m->id != r->attest.id) {
		snprintf(why, WHY_MAX, "EVIDENCE: id %llu, want %llu", (unsigned long long)m->id,
			 (unsigned long long)r->attest.id);
		return false;
	}
	session_expect_evidence(r->session, false);
	if (r->attest.late) {
		r->attest.late = false;
		r->attest.request = 0;
		return true;
	}
	if (!claims_fit(r, m->claims, why) || !pass_on(r, m, why))
		return false; /* the session ends, and remote_attest_lost() tells */
	stop_waiting(r);
	return true;
}

bool remote_attest_error(struct remote *r, const struct wire_error *m, char why[WHY_MAX])
{
	char text[WHY_MAX];

	if (m->code == WIRE_ERROR_PROTOCOL) {
		snprintf(why, WHY_MAX, "it refused us: %s", m->detail);
		return false;
	}
	if ((!r->attest.asked && !r->attest.late) || m->id != r->attest.id) {
		snprintf(why, WHY_MAX, "ERROR: id %llu is of no ATTEST that awaits an answer",
			 (unsigned long long)m->id);
		return false;
	}
	session_expect_evidence(r->session, false);
	r->attest.late = false;
	if (!r->attest.asked)
		return true;
	stop_waiting(r);
	snprintf(text, sizeof(text), "%s: %s", wire_error_str(m->code), m->detail);
	/* Who says that the endpoint is not its own is not whom we want to send flows to. */
	tell_failed(r, r->attest.request, m->code == WIRE_ERROR_ENDPOINT, text);
	r->attest.request = 0;
	return true;
}
