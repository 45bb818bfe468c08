// SPDX-License-Identifier: BSD-2-Clause
#include "channel/prover.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/addr.h"
#include "base/log.h"
#include "channel/sock.h"

enum {
	QUOTE_MS = 80000, /* the hardware may ask for 60 s; who has asked waits for 90 */
};

struct provers {
	LIST_HEAD(, prover) all;
	uint32_t exchange;
	uint64_t counter;
};

struct prover {
	LIST_ENTRY(prover) all;
	const struct channel_host *host;
	struct session *session;
	const struct prover_ops *ops;
	void *arg;
	struct event *timer; /* of the quote */

	uint64_t last_id;   /* of its latest ATTEST */
	uint64_t asked_id;  /* of the one that our parent is asked about */
	uint64_t result_id; /* whose RESULT may come; 0: none */
	uint32_t exchange;  /* with our parent about it; 0: none */
	enum tee tee;
	char claims[WIRE_CLAIMS_MAX];
	size_t claims_n;
};

struct provers *provers_new(void)
{
	struct provers *p = calloc(1, sizeof(*p));

	if (p)
		LIST_INIT(&p->all);
	return p;
}

void provers_free(struct provers *p)
{
	free(p);
}

static int answer_error(struct prover *p, uint64_t id, enum wire_error_code code,
			const char *detail)
{
	struct wire_message m = { .type = WIRE_ERROR, .error = { .id = id, .code = code } };

	snprintf(m.error.detail, sizeof(m.error.detail), "%.199s", detail);
	wire_clean(m.error.detail);
	return session_send(p->session, &m);
}

static bool is_ours(const struct wire_claims *claims, const struct wire_endpoint *e)
{
	for (size_t i = 0; i < claims->endpoints_count; i++)
		if (wire_endpoint_equal(&claims->endpoints[i], e))
			return true;
	return false;
}

static enum tee tee_of(const struct prover *p)
{
	const struct channel_config *c = p->host->config;

	return p->ops->router ? c->router_tee : c->tee;
}

static void make_claims(struct prover *p, struct wire_claims *out)
{
	const struct channel_host *h = p->host;

	memset(out, 0, sizeof(*out));
	memcpy(out->node, h->config->node, sizeof(out->node));
	strcpy(out->role, p->ops->role);
	strcpy(out->agent_version, "fairlead/" VERSION);
	memcpy(out->boot_id, h->boot_id, sizeof(out->boot_id));
	out->counter = ++h->provers->counter;
	p->ops->claim(p->arg, out);
}

/* All of it is our own view of the session; nothing of it is what the peer says it is. */
static bool make_binding(struct prover *p, struct bytes request, struct binding *b)
{
	*b = (struct binding){ .tee = tee_of(p) };
	strcpy(b->role, p->ops->role);
	memcpy(b->spki_attester, tls_own_spki(p->host->tls), DIGEST_BYTES);
	memcpy(b->spki_peer, session_peer(p->session)->spki, DIGEST_BYTES);
	return sha384(request, b->request) && sha384(bytes_of(p->claims, p->claims_n), b->claims) &&
	       session_export(p->session, b->request, b->exporter);
}

static bool ask_parent(struct prover *p, struct bytes request)
{
	struct parent *parent = p->host->parent;
	struct provers *all = p->host->provers;
	struct timeval limit = timeval_of_us(QUOTE_MS * 1000ULL);
	struct ipc_writer w;
	struct binding b;

	if (!make_binding(p, request, &b))
		return false;
	if (!++all->exchange)
		all->exchange = 1;
	w = parent_begin(parent, MSG_QUOTE_WANTED, all->exchange);
	msg_binding_put(&w, &b);
	if (parent_send(parent, &w))
		return false;
	p->exchange = all->exchange;
	p->asked_id = p->last_id;
	p->tee = b.tee;
	event_add(p->timer, &limit);
	return true;
}

static int refuse_endpoint(struct prover *p, const struct wire_attest *m)
{
	char text[ENDPOINT_TEXT_MAX], detail[WIRE_DETAIL_MAX], who[PROVER_WHO_MAX];

	snprintf(detail, sizeof(detail), "%s %s is not an endpoint of %s",
		 m->endpoint.proto == IPPROTO_UDP ? "udp" : "tcp",
		 endpoint_text(&m->endpoint.addr, m->endpoint.port, text), p->host->config->node);
	log_info("%s: ATTEST refused: %s", p->ops->who(p->arg, who), detail);
	return answer_error(p, m->id, WIRE_ERROR_ENDPOINT, detail);
}

static int answer_attest(struct prover *p, const struct wire_attest *m, struct bytes raw)
{
	struct wire_claims claims;

	if (p->exchange)
		return answer_error(p, m->id, WIRE_ERROR_BUSY, "another ATTEST is being answered");
	if (tee_of(p) == TEE_NONE)
		return answer_error(p, m->id, WIRE_ERROR_UNAVAILABLE,
				    "this node has no source of evidence");
	make_claims(p, &claims);
	if (!is_ours(&claims, &m->endpoint))
		return refuse_endpoint(p, m);
	p->result_id = 0;
	p->claims_n = wire_claims_write(&claims, p->claims, sizeof(p->claims));
	if (!p->claims_n || !ask_parent(p, raw))
		return answer_error(p, m->id, WIRE_ERROR_UNAVAILABLE,
				    "no evidence can be asked for");
	return 0;
}

bool prover_attest(struct prover *p, const struct wire_attest *m, const char *asker,
		   struct bytes raw, char why[WHY_MAX])
{
	if (strcmp(m->role, asker)) {
		snprintf(why, WHY_MAX, "ATTEST: role: HELLO said otherwise");
		return false;
	}
	if (m->id <= p->last_id) {
		snprintf(why, WHY_MAX, "ATTEST: id %llu is not above %llu",
			 (unsigned long long)m->id, (unsigned long long)p->last_id);
		return false;
	}
	p->last_id = m->id;
	if (!answer_attest(p, m, raw))
		return true;
	snprintf(why, WHY_MAX, "it does not read what it is sent");
	return false;
}

bool prover_result(struct prover *p, const struct wire_result *m, char why[WHY_MAX])
{
	char who[PROVER_WHO_MAX];

	if (!p->result_id || m->id != p->result_id) {
		snprintf(why, WHY_MAX, "RESULT: id %llu is of no evidence that awaits one",
			 (unsigned long long)m->id);
		return false;
	}
	p->result_id = 0;
	log_info("%s: %s, %s, for %llu s", p->ops->who(p->arg, who),
		 m->ok ? "admits us" : "denies us", m->code,
		 (unsigned long long)(m->expires_in_ms / 1000));
	return true;
}

bool prover_is_busy(const struct prover *p)
{
	return p->exchange;
}

static void end_exchange(struct prover *p)
{
	p->exchange = 0;
	event_del(p->timer);
}

static void on_quote_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct prover *p = arg;

	(void)fd;
	(void)what;
	end_exchange(p);
	if (answer_error(p, p->asked_id, WIRE_ERROR_UNAVAILABLE, "the hardware did not answer"))
		p->ops->deaf(p->arg);
}

struct prover *prover_new(const struct channel_host *host, struct session *session,
			  const struct prover_ops *ops, void *arg)
{
	struct prover *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->timer = evtimer_new(host->base, on_quote_timeout, p);
	if (!p->timer) {
		free(p);
		return NULL;
	}
	p->host = host;
	p->session = session;
	p->ops = ops;
	p->arg = arg;
	LIST_INSERT_HEAD(&host->provers->all, p, all);
	return p;
}

void prover_free(struct prover *p)
{
	if (!p)
		return;
	LIST_REMOVE(p, all);
	event_free(p->timer);
	free(p);
}

static int send_evidence(struct prover *p, const struct msg_quote *q)
{
	struct wire_message m = { .type = WIRE_EVIDENCE };

	m.evidence.id = p->asked_id;
	m.evidence.tee = q->tee;
	m.evidence.report = q->report;
	m.evidence.certs_count = q->certs_count;
	memcpy(m.evidence.certs, q->certs, sizeof(m.evidence.certs));
	m.evidence.claims = bytes_of(p->claims, p->claims_n);
	p->result_id = p->asked_id;
	return session_send(p->session, &m);
}

static int answer(struct prover *p, const struct msg_quote *q)
{
	char who[PROVER_WHO_MAX];

	if (q->failed) {
		log_info("%s: no evidence: %s", p->ops->who(p->arg, who), q->why);
		return answer_error(p, p->asked_id,
				    q->failed == EBUSY || q->failed == EAGAIN
					    ? WIRE_ERROR_BUSY
					    : WIRE_ERROR_UNAVAILABLE,
				    q->why);
	}
	if (q->tee != p->tee || !q->report.n)
		return answer_error(p, p->asked_id, WIRE_ERROR_UNAVAILABLE,
				    "the evidence is not of the kind that was asked for");
	return send_evidence(p, q);
}

bool provers_receive(struct provers *all, const struct ipc_message *m)
{
	struct msg_quote q;
	struct prover *p;

	if (m->type != MSG_QUOTE || !msg_quote_get(m->body, &q))
		return false;
	for (p = LIST_FIRST(&all->all); p; p = LIST_NEXT(p, all))
		if (m->id && p->exchange == m->id)
			break;
	if (!p)
		return true; /* who asked has left meanwhile */
	end_exchange(p);
	if (answer(p, &q) &&
	    answer_error(p, p->asked_id, WIRE_ERROR_UNAVAILABLE, "the evidence is too long"))
		p->ops->deaf(p->arg);
	return true;
}
