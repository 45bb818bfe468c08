// SPDX-License-Identifier: BSD-2-Clause
/*
 * One question at a time goes to the evidence device; who has to wait for it waits here,
 * so many in all and from each source, and whoever leaves costs the device nothing.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "channel/sock.h"
#include "channel/tls.h"
#include "relay/conn.h"

enum {
	QUOTE_MS = 80000, /* the hardware may ask for 60 s; the client waits for 90 */
	ASKED_MAX = 64,	  /* by one session: it was told to come back as often */
};

static void answer_error(struct conn *c, enum wire_error_code code, const char *detail)
{
	struct wire_message m = { .type = WIRE_ERROR, .error = { .id = c->id, .code = code } };

	snprintf(m.error.detail, sizeof(m.error.detail), "%.199s", detail);
	wire_clean(m.error.detail);
	usage_add(&c->server->usage->evidence[code == WIRE_ERROR_BUSY ? USAGE_BUSY : USAGE_FAILED],
		  1);
	conn_enter(c, CONN_ATTEST);
	if (!conn_say(c, &m))
		c->up.cut = true; /* without memory for so little, it ends */
}

static bool is_ours(const struct relay_config *c, const struct wire_endpoint *e)
{
	for (size_t i = 0; i < c->endpoints_count; i++)
		if (e->proto == IPPROTO_TCP && e->port == c->endpoints[i].port &&
		    addr_equal(&e->addr, &c->endpoints[i].addr))
			return true;
	return false;
}

/* By its name; none is the first. */
static bool find_destination(struct conn *c, const char *name)
{
	const struct relay_config *config = c->server->config;

	for (c->destination = 0; c->destination < config->destinations_count; c->destination++)
		if (!name[0] || !strcmp(name, config->destinations[c->destination].name))
			return true;
	c->destination = 0;
	return false;
}

static bool make_claims(struct conn *c)
{
	const struct relay_config *config = c->server->config;
	struct wire_claims claims = { .role = "backend", .agent_version = "fairlead/" VERSION };

	strcpy(claims.node, config->node);
	strcpy(claims.boot_id, config->boot_id);
	claims.counter = ++c->server->counter;
	for (size_t i = 0; i < config->endpoints_count; i++)
		claims.endpoints[i] =
			(struct wire_endpoint){ IPPROTO_TCP, config->endpoints[i].addr,
						config->endpoints[i].port };
	claims.endpoints_count = config->endpoints_count;
	claims.has_destinations = true;
	memcpy(claims.destinations, config->digest, sizeof(claims.destinations));
	if (!c->claims)
		c->claims = malloc(WIRE_CLAIMS_MAX);
	c->claims_n = c->claims ? wire_claims_write(&claims, c->claims, WIRE_CLAIMS_MAX) : 0;
	return c->claims_n;
}

/* All of it is our own view of the session; nothing of it is what the client says it is. */
static bool make_binding(struct conn *c, struct bytes request)
{
	struct binding *b = &c->binding;

	*b = (struct binding){ .role = "backend", .tee = c->server->config->evidence.tee };
	memcpy(b->spki_attester, c->server->tls->spki, DIGEST_BYTES);
	memcpy(b->spki_peer, c->spki, DIGEST_BYTES);
	return sha384(request, b->request) && sha384(bytes_of(c->claims, c->claims_n), b->claims) &&
	       tls_export(c->client.ssl, b->request, b->exporter);
}

static void ask_next(struct server *s)
{
	struct timeval limit = timeval_of_us(QUOTE_MS * 1000ULL);
	struct conn *c = TAILQ_FIRST(&s->waiting);
	struct ipc_writer w;

	if (s->busy || !c)
		return;
	TAILQ_REMOVE(&s->waiting, c, waiting);
	s->asker = c;
	s->busy = true;
	w = parent_begin(s->parent, MSG_QUOTE_WANTED, ++s->exchange);
	msg_binding_put(&w, &c->binding);
	parent_send(s->parent, &w);
	event_add(s->quote_timer, &limit);
}

bool ask_attest(struct conn *c, const struct wire_attest *m, struct bytes raw, char why[WHY_MAX])
{
	const struct relay_limits *l = &c->server->config->limits;
	char text[ENDPOINT_TEXT_MAX];

	if (strcmp(m->role, "client") || m->id <= c->id || c->asked++ == ASKED_MAX)
		return conn_refuse(why, "ATTEST: want role client, a higher id, at most %d",
				   ASKED_MAX);
	c->id = m->id;
	if (!is_ours(c->server->config, &m->endpoint)) {
		conn_refuse(why, "%s is not an endpoint of ours",
			    endpoint_text(&m->endpoint.addr, m->endpoint.port, text));
		answer_error(c, WIRE_ERROR_ENDPOINT, why);
	} else if (!find_destination(c, m->service)) {
		conn_refuse(why, "no destination \"%s\"", m->service);
		answer_error(c, WIRE_ERROR_ENDPOINT, why);
	} else if (c->server->waiting_count >= l->evidence ||
		   c->source->waiting >= l->evidence_per_source) {
		answer_error(c, WIRE_ERROR_BUSY, "others wait for evidence");
	} else if (!make_claims(c) || !make_binding(c, raw)) {
		answer_error(c, WIRE_ERROR_UNAVAILABLE, "no evidence can be asked for");
	} else {
		TAILQ_INSERT_TAIL(&c->server->waiting, c, waiting);
		c->server->waiting_count++;
		conn_enter(c, CONN_ASKED);
		c->source->waiting++;
		ask_next(c->server);
	}
	return true;
}

void ask_forget(struct conn *c)
{
	if (c->state != CONN_ASKED)
		return;
	if (c->server->asker == c)
		c->server->asker = NULL;
	else
		TAILQ_REMOVE(&c->server->waiting, c, waiting);
	c->server->waiting_count--;
	c->source->waiting--;
}

static void answer(struct conn *c, const struct msg_quote *q)
{
	struct wire_message m = { .type = WIRE_EVIDENCE };

	ask_forget(c);
	m.evidence.id = c->id;
	m.evidence.tee = q->tee;
	m.evidence.report = q->report;
	m.evidence.certs_count = q->certs_count;
	memcpy(m.evidence.certs, q->certs, sizeof(m.evidence.certs));
	m.evidence.claims = bytes_of(c->claims, c->claims_n);
	if (q->failed)
		answer_error(c,
			     q->failed == EBUSY || q->failed == EAGAIN ? WIRE_ERROR_BUSY
								       : WIRE_ERROR_UNAVAILABLE,
			     q->why);
	else if (q->tee != (uint32_t)c->binding.tee || !q->report.n || !conn_say(c, &m))
		answer_error(c, WIRE_ERROR_UNAVAILABLE, "the evidence is not as it should be");
	else {
		usage_add(&c->server->usage->evidence[USAGE_GIVEN], 1);
		conn_enter(c, CONN_RESULT);
	}
	conn_progress(c);
}

static void end_exchange(struct server *s, const struct msg_quote *q)
{
	struct conn *c = s->asker;

	s->busy = false;
	event_del(s->quote_timer);
	if (c)
		answer(c, q);
	ask_next(s);
}

bool ask_answered(struct server *s, const struct ipc_message *m)
{
	struct msg_quote q;

	if (!msg_quote_get(m->body, &q))
		return false;
	if (s->busy && m->id == s->exchange)
		end_exchange(s, &q);
	return true;
}

static void on_quote_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct msg_quote q = { .failed = ETIMEDOUT, .why = "the hardware did not answer" };

	(void)fd, (void)what;
	end_exchange(arg, &q);
}

bool ask_open(struct server *s)
{
	TAILQ_INIT(&s->waiting);
	s->quote_timer = evtimer_new(s->base, on_quote_timeout, s);
	return s->quote_timer;
}
