// SPDX-License-Identifier: BSD-2-Clause
#include "channel/question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "channel/frame.h"
#include "channel/sock.h"

void question_failed(struct question *q, uint64_t request, bool refused, const char *why)
{
	struct msg_failure m = { .generation = q->generation,
				 .request = request,
				 .refused = refused };
	struct ipc_writer w = parent_begin(q->host->parent, MSG_EVIDENCE_FAILED, q->about);

	snprintf(m.why, sizeof(m.why), "%s", why);
	wire_clean(m.why);
	msg_failure_put(&w, &m);
	parent_send(q->host->parent, &w);
}

static void stop_waiting(struct question *q)
{
	q->asked = false;
	event_del(q->timer);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;
	char why[WHY_MAX];

	(void)fd;
	(void)what;
	if (!q->asked)
		return;
	stop_waiting(q);
	q->late = true;
	snprintf(why, sizeof(why), "no evidence within %u s", q->host->config->answer_ms / 1000);
	question_failed(q, q->request, false, why);
	if (q->ops->silent)
		q->ops->silent(q->arg);
}

int question_init(struct question *q, const struct channel_host *host,
		  const struct question_ops *ops, void *arg)
{
	q->host = host;
	q->ops = ops;
	q->arg = arg;
	q->timer = evtimer_new(host->base, on_timeout, q);
	return q->timer ? 0 : -ENOMEM;
}

void question_free(struct question *q)
{
	if (q->timer)
		event_free(q->timer);
}

void question_begin(struct question *q, struct session *session)
{
	q->session = session;
	q->asked = q->late = false;
	q->request = q->id = 0;
}

void question_end(struct question *q, bool refused, const char *why)
{
	q->session = NULL;
	if (!q->asked)
		return;
	stop_waiting(q);
	question_failed(q, q->request, refused, why);
}

/* Sends the question, and fixes now what its answer has to be bound to.  NULL, or why not. */
static const char *send_question(struct question *q, const struct msg_attest *m)
{
	struct wire_message out = { .type = WIRE_ATTEST };
	char raw[FRAME_SMALL_MAX];
	size_t n;

	strcpy(out.attest.role, q->ops->role);
	out.attest.id = q->id + 1;
	out.attest.endpoint = q->endpoint;
	out.attest.policy_epoch = m->policy_epoch;
	memcpy(out.attest.purpose, m->purpose, sizeof(out.attest.purpose));
	memcpy(out.attest.service, m->service, sizeof(out.attest.service));
	if (!tls_random(out.attest.nonce, sizeof(out.attest.nonce)))
		return "no random nonce can be had";
	n = wire_write(&out, raw, sizeof(raw));
	if (!n || !sha384(bytes_of(raw, n), q->digest) ||
	    !session_export(q->session, q->digest, q->exporter))
		return "the question cannot be written";
	if (session_send_bytes(q->session, bytes_of(raw, n)))
		return "it does not read what it is sent";
	return NULL;
}

void question_ask(struct question *q, const struct msg_attest *m)
{
	struct timeval limit = timeval_of_us(q->host->config->answer_ms * 1000ULL);
	const char *why = NULL;

	if (!q->session)
		why = "it is not connected";
	else if (q->asked)
		why = "it is being asked already";
	else
		why = send_question(q, m);
	if (why) {
		question_failed(q, m->request, false, why);
		return;
	}
	q->id++;
	q->request = m->request;
	q->asked = true;
	q->late = false;
	session_expect_evidence(q->session, true);
	event_add(q->timer, &limit);
}

bool question_result(struct question *q, const struct msg_result *m)
{
	struct wire_message out = { .type = WIRE_RESULT };

	if (!q->session || !q->id || q->asked || q->late || m->request != q->request)
		return false; /* about evidence of an earlier session, or none */
	out.result.id = q->id;
	out.result.ok = m->ok;
	out.result.expires_in_ms = m->expires_in_ms;
	memcpy(out.result.code, m->code, sizeof(out.result.code));
	wire_clean(out.result.code);
	session_send(q->session, &out); /* a courtesy */
	q->request = 0;
	return true;
}

/* What the peer claims has to be about its node, its side and the endpoint that was asked for. */
static bool claims_fit(const struct question *q, struct bytes claims, char why[WHY_MAX])
{
	char reason[WHY_MAX] = "";
	struct wire_claims c;

	if (!wire_claims_read(claims, &c, reason)) {
		snprintf(why, WHY_MAX, "claims: %.240s", reason);
		return false;
	}
	if (strcmp(c.node, q->node) || strcmp(c.role, q->ops->peer)) {
		snprintf(why, WHY_MAX, "claims: want %s \"%s\", got %s \"%s\"", q->ops->peer,
			 q->node, c.role, c.node);
		return false;
	}
	if (!q->ops->fits(q->arg, &c, why))
		return false;
	for (size_t i = 0; i < c.endpoints_count; i++)
		if (wire_endpoint_equal(&c.endpoints[i], &q->endpoint))
			return true;
	snprintf(why, WHY_MAX, "claims: the endpoint that %s is not among them", q->ops->endpoint);
	return false;
}

static bool make_binding(const struct question *q, const struct wire_evidence *m, struct binding *b)
{
	*b = (struct binding){ .tee = m->tee };
	strcpy(b->role, q->ops->peer);
	memcpy(b->exporter, q->exporter, sizeof(b->exporter));
	memcpy(b->spki_attester, session_peer(q->session)->spki, DIGEST_BYTES);
	memcpy(b->spki_peer, tls_own_spki(q->host->tls), DIGEST_BYTES);
	memcpy(b->request, q->digest, DIGEST_BYTES);
	return sha384(m->claims, b->claims);
}

static bool pass_on(struct question *q, const struct wire_evidence *m, char why[WHY_MAX])
{
	struct msg_evidence e = {
		.generation = q->generation,
		.request = q->request,
		.report = m->report,
		.certs_count = m->certs_count,
		.claims = m->claims,
	};
	struct ipc_writer w;

	memcpy(e.certs, m->certs, sizeof(e.certs));
	if (!make_binding(q, m, &e.binding)) {
		snprintf(why, WHY_MAX, "the digest of its claims cannot be made");
		return false;
	}
	w = parent_begin(q->host->parent, MSG_EVIDENCE, q->about);
	msg_evidence_put(&w, &e);
	if (parent_send(q->host->parent, &w) == -EMSGSIZE) {
		snprintf(why, WHY_MAX, "its evidence is too long");
		return false;
	}
	return true;
}

bool question_evidence(struct question *q, const struct wire_evidence *m, char why[WHY_MAX])
{
	if (!q->asked && !q->late) {
		snprintf(why, WHY_MAX, "EVIDENCE that was not asked for");
		return false;
	}
	if (m->id != q->id) {
		snprintf(why, WHY_MAX, "EVIDENCE: id %llu, want %llu", (unsigned long long)m->id,
			 (unsigned long long)q->id);
		return false;
	}
	session_expect_evidence(q->session, false);
	if (q->late) {
		q->late = false;
		q->request = 0;
		return true;
	}
	if (!claims_fit(q, m->claims, why) || !pass_on(q, m, why))
		return false; /* the session ends, and question_end() tells */
	stop_waiting(q);
	return true;
}

bool question_error(struct question *q, const struct wire_error *m, char why[WHY_MAX])
{
	char text[WHY_MAX];

	if (m->code == WIRE_ERROR_PROTOCOL) {
		snprintf(why, WHY_MAX, "it refused us: %s", m->detail);
		return false;
	}
	if ((!q->asked && !q->late) || m->id != q->id) {
		snprintf(why, WHY_MAX, "ERROR: id %llu is of no ATTEST that awaits an answer",
			 (unsigned long long)m->id);
		return false;
	}
	session_expect_evidence(q->session, false);
	q->late = false;
	if (!q->asked)
		return true;
	stop_waiting(q);
	snprintf(text, sizeof(text), "%s: %s", wire_error_str(m->code), m->detail);
	/* Who says that the endpoint is not its own is not whom we want to deal with. */
	question_failed(q, q->request, m->code == WIRE_ERROR_ENDPOINT, text);
	q->request = 0;
	return true;
}
