// SPDX-License-Identifier: BSD-2-Clause
#include "channel/agent.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/acceptor.h"
#include "channel/hold.h"
#include "channel/load.h"
#include "channel/prover.h"
#include "channel/question.h"
#include "channel/quota.h"
#include "channel/sock.h"

enum {
	LINES_MAX = 100, /* about those who were refused, in */
	LINES_MS = 10000,
	HOLD_US = 30000000, /* a router that was refused gets no evidence for so long */
};

struct conn {
	TAILQ_ENTRY(conn) all;
	struct agent *agent;
	struct session *session;
	struct prover *prover;		 /* NULL: it has not asked yet */
	struct wire_endpoint self, peer; /* where the router has reached us, and from where */
	char node[NAME_MAX_BYTES];	 /* "" until its certificate is known */
	char from[ENDPOINT_TEXT_MAX];
	bool ready;
	bool client; /* it releases bytes of its own by what it hears; otherwise a router */

	/* Of a router whose own evidence is wanted. */
	bool offers;		  /* it has said that it has some */
	uint32_t id;		  /* in messages to our parent, once it has admitted us; else 0 */
	struct question question; /* of no use before */
};

struct agent {
	const struct channel_host *host;
	struct session_set sessions;
	struct acceptor *acceptor;
	TAILQ_HEAD(conns, conn) conns; /* the oldest first */
	struct quota lines;
	uint32_t serial;    /* of the routers that have admitted us */
	struct holds holds; /* routers that were refused */
};

static const char *who(void *arg, char out[PROVER_WHO_MAX])
{
	const struct conn *c = arg;

	snprintf(out, PROVER_WHO_MAX, "%s%s%s", c->node, c->node[0] ? " at " : "", c->from);
	return out;
}

static void conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->agent->conns, c, all);
	prover_free(c->prover);
	question_free(&c->question);
	free(c);
}

/* Strangers can fail as often as they like, and each time is worth a line only up to a point. */
static void log_end(struct conn *c, enum session_end end, const char *why)
{
	char name[PROVER_WHO_MAX];
	unsigned int silenced;

	if (end == SESSION_CLOSED && !c->ready) {
		log_debug("%s: %s", who(c, name), why);
		return;
	}
	if (!quota_take(&c->agent->lines, now_us(), &silenced))
		return;
	if (silenced)
		log_info("%u connections more were refused", silenced);
	log_info("%s: %s%s", who(c, name), end == SESSION_REFUSED ? "refused: " : "", why);
}

static struct conn *router_of_node(struct agent *a, const char *node, const struct conn *but)
{
	struct conn *c;

	for (c = TAILQ_FIRST(&a->conns); c; c = TAILQ_NEXT(c, all))
		if (c != but && !c->client && !strcmp(c->node, node))
			return c;
	return NULL;
}

/* It may be asked no more: its session is over, or about to be. */
static void forget_router(struct conn *c, bool refused, const char *why)
{
	struct parent *parent = c->agent->host->parent;
	struct msg_why m = { 0 };
	struct ipc_writer w;

	if (!c->id)
		return;
	question_end(&c->question, refused, why);
	w = parent_begin(parent, MSG_PEER_DOWN, c->id);
	snprintf(m.why, sizeof(m.why), "%s", why);
	msg_why_put(&w, &m);
	parent_send(parent, &w);
	c->id = 0;
}

static void drop(struct conn *c, const char *why)
{
	forget_router(c, false, why);
	session_close(c->session);
	conn_free(c);
}

static void drop_deaf(void *arg)
{
	drop(arg, "it does not read what it is sent");
}

/* Its evidence was refused, or did not come: from now on it hears nothing of us. */
static void turn_away(struct conn *c, const char *why)
{
	holds_add(&c->agent->holds, c->node, now_us() + HOLD_US);
	session_refuse(c->session, why);
}

static bool identify(void *arg, const struct tls_peer *peer, SSL *ssl, char why[WHY_MAX])
{
	struct conn *c = arg;

	(void)ssl;
	(void)why;
	memcpy(c->node, peer->node, sizeof(c->node));
	return true; /* any node of the operator's may ask; what it hears is bound to its key */
}

static void ready(void *arg, const struct wire_hello *hello)
{
	struct conn *c = arg, *old;
	char name[PROVER_WHO_MAX];

	c->client = !strcmp(hello->role, "client");
	c->offers = hello->tees & ~(1u << TEE_NONE);
	old = c->client ? NULL : router_of_node(c->agent, c->node, c);
	/* It has dialled anew before we noticed that the old connection was dead. */
	if (old)
		drop(old, "it has dialled anew");
	c->ready = true;
	log_info("%s: %s connected, %s", who(c, name), hello->role, hello->agent);
}

static void over(void *arg, enum session_end end, const char *why)
{
	struct conn *c = arg;
	bool refused = end == SESSION_REFUSED;

	if (refused && c->id && c->question.asked)
		holds_add(&c->agent->holds, c->node, now_us() + HOLD_US);
	forget_router(c, refused, why);
	log_end(c, end, why);
	conn_free(c);
}

/* What we serve: the address of this very session, and what the configuration lists. */
static void list_endpoints(const struct conn *c, struct wire_claims *claims)
{
	const struct channel_config *config = c->agent->host->config;

	claims->endpoints[0] = c->self;
	claims->endpoints_count = 1;
	for (size_t i = 0; i < config->endpoints_count && i < CHANNEL_ENDPOINTS_MAX; i++) {
		const struct channel_endpoint *e = &config->endpoints[i];

		claims->endpoints[claims->endpoints_count++] =
			(struct wire_endpoint){ e->proto, e->addr, e->port };
	}
}

/*
 * Read each time, so that a key that was changed is vouched for at once.  What cannot be read is
 * left out: clients refuse a key that is not there.
 */
static void list_service_keys(const struct channel_config *config, struct wire_claims *claims)
{
	char why[WHY_MAX];

	for (size_t i = 0; i < config->service_keys_count && i < CHANNEL_SERVICE_KEYS_MAX; i++)
		if (tls_key_of_file(config->service_keys[i],
				    claims->service_keys[claims->service_keys_count], why))
			claims->service_keys_count++;
		else
			log_warnx("service-keys: %s", why);
}

static void claim(void *arg, struct wire_claims *out)
{
	const struct conn *c = arg;
	const struct channel_config *config = c->agent->host->config;

	out->has_egress = config->confined;
	memcpy(out->egress, config->egress, sizeof(out->egress));
	list_endpoints(c, out);
	if (c->client)
		list_service_keys(config, out);
}

static bool on_ping(struct conn *c, const struct wire_ping *m, char why[WHY_MAX])
{
	const struct channel_host *h = c->agent->host;
	struct wire_message pong = {
		.type = WIRE_PONG,
		.pong = { m->n, load_read(h->load_fd, h->processors) },
	};

	if (!session_send(c->session, &pong))
		return true;
	snprintf(why, WHY_MAX, "it does not read what it is sent");
	return false;
}

static const struct prover_ops prover_ops = { "backend", false, claim, who, drop_deaf };

static bool on_attest(struct conn *c, const struct wire_attest *m, struct bytes raw,
		      char why[WHY_MAX])
{
	if (!c->client && holds_has(&c->agent->holds, c->node, now_us())) {
		snprintf(why, WHY_MAX, "its evidence was refused less than %d s ago",
			 HOLD_US / 1000000);
		return false;
	}
	if (!c->prover)
		c->prover = prover_new(c->agent->host, c->session, &prover_ops, c);
	if (!c->prover) {
		snprintf(why, WHY_MAX, "no memory for an answer");
		return false;
	}
	return prover_attest(c->prover, m, c->client ? "client" : "router", raw, why);
}

/* What our parent has to know of its claims, right before the evidence that covers them. */
static bool claims_fit(void *arg, const struct wire_claims *claims, char why[WHY_MAX])
{
	struct conn *c = arg;
	struct parent *parent = c->agent->host->parent;
	struct msg_sources m = { .request = c->question.request, .count = claims->sources_count };
	struct ipc_writer w;

	if (!claims->sources_count) {
		snprintf(why, WHY_MAX, "claims: want sources, the addresses that it wraps from");
		return false;
	}
	w = parent_begin(parent, MSG_ROUTER_SOURCES, c->id);
	memcpy(m.addrs, claims->sources, sizeof(m.addrs));
	msg_sources_put(&w, &m);
	parent_send(parent, &w);
	return true;
}

static void silent(void *arg)
{
	struct conn *c = arg;

	turn_away(c, "it has not answered with evidence in time");
}

static const struct question_ops question_ops = { "backend", "router", "it has dialled from",
						  claims_fit, silent };

/* It has admitted us, and so we may ask in turn: our parent says when. */
static bool meet_router(struct conn *c, char why[WHY_MAX])
{
	const struct channel_host *h = c->agent->host;
	struct question *q = &c->question;
	struct msg_router m = { .addr = c->peer.addr };
	struct ipc_writer w;

	if (question_init(q, h, &question_ops, c)) {
		snprintf(why, WHY_MAX, "no memory to ask it for evidence");
		return false;
	}
	c->id = ROUTER_SESSIONS | ++c->agent->serial;
	question_begin(q, c->session);
	q->about = c->id;
	q->node = c->node;
	q->endpoint = c->peer;
	w = parent_begin(h->parent, MSG_ROUTER_UP, c->id);
	memcpy(m.node, c->node, sizeof(m.node));
	msg_router_put(&w, &m);
	parent_send(h->parent, &w);
	return true;
}

static bool on_result(struct conn *c, const struct wire_result *m, char why[WHY_MAX])
{
	if (!c->prover) {
		snprintf(why, WHY_MAX, "RESULT: id %llu is of no evidence that awaits one",
			 (unsigned long long)m->id);
		return false;
	}
	if (!prover_result(c->prover, m, why))
		return false;
	return c->id || c->client || !m->ok || !c->agent->host->config->attests_routers ||
	       meet_router(c, why);
}

static bool on_evidence(struct conn *c, const struct wire_evidence *m, char why[WHY_MAX])
{
	if (c->id)
		return question_evidence(&c->question, m, why);
	snprintf(why, WHY_MAX, "EVIDENCE that was not asked for");
	return false;
}

static bool on_error(struct conn *c, const struct wire_error *m, char why[WHY_MAX])
{
	if (c->id)
		return question_error(&c->question, m, why);
	snprintf(why, WHY_MAX, "it refused us: %s", m->detail);
	return false;
}

static bool message(void *arg, const struct wire_message *m, struct bytes raw, char why[WHY_MAX])
{
	struct conn *c = arg;

	switch (m->type) {
	case WIRE_ATTEST:
		return on_attest(c, &m->attest, raw, why);
	case WIRE_RESULT:
		return on_result(c, &m->result, why);
	case WIRE_PING:
		return on_ping(c, &m->ping, why);
	case WIRE_EVIDENCE:
		return on_evidence(c, &m->evidence, why);
	case WIRE_ERROR:
		return on_error(c, &m->error, why);
	default:
		snprintf(why, WHY_MAX, "%s is not for an agent", wire_type_str(m->type));
		return false;
	}
}

static const struct session_ops ops = { identify, ready, message, over };

static struct conn *conn_of(struct agent *a, uint32_t id)
{
	struct conn *c;

	for (c = TAILQ_FIRST(&a->conns); c; c = TAILQ_NEXT(c, all))
		if (c->id == id)
			return c;
	return NULL;
}

static bool ask_router(struct agent *a, const struct ipc_message *m)
{
	struct conn *c = conn_of(a, m->id);
	struct msg_attest ask;

	if (!msg_attest_get(m->body, &ask))
		return false;
	if (!c)
		return true; /* it has left meanwhile */
	if (c->offers) {
		question_ask(&c->question, &ask);
		return true;
	}
	question_failed(&c->question, ask.request, true, "it offers no evidence");
	turn_away(c, "this agent wants evidence of its routers, and it offers none");
	return true;
}

static bool tell_router(struct agent *a, const struct ipc_message *m)
{
	struct conn *c = conn_of(a, m->id);
	char why[WHY_MAX];
	struct msg_result r;

	if (!msg_result_get(m->body, &r))
		return false;
	if (!c || !question_result(&c->question, &r) || r.ok)
		return true;
	snprintf(why, sizeof(why), "its evidence is refused: %s", r.code);
	turn_away(c, why);
	return true;
}

bool agent_receive(struct agent *a, const struct ipc_message *m)
{
	if (m->type == MSG_ATTEST)
		return ask_router(a, m);
	return m->type == MSG_RESULT && tell_router(a, m);
}

/* Who may have to make room for another: nobody has lost anything by it but time. */
static bool can_go(const struct conn *c)
{
	return !c->ready || (c->client && !(c->prover && prover_is_busy(c->prover)));
}

/* Room for one more: at the expense of the oldest who is no router. */
static bool make_room(struct agent *a)
{
	struct conn *c;

	if (a->sessions.count < AGENT_CONNECTIONS_MAX)
		return true;
	for (c = TAILQ_FIRST(&a->conns); c && !can_go(c); c = TAILQ_NEXT(c, all))
		;
	if (!c)
		return false;
	log_end(c, SESSION_REFUSED,
		c->ready ? "others wait, and it has had its answer"
			 : "others wait, and it has not said HELLO");
	drop(c, "others wait");
	return true;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct agent *a = arg;
	struct conn *c = make_room(a) ? calloc(1, sizeof(*c)) : NULL;
	(void)l;
	(void)n;

	if (!c || !sock_local(fd, &c->self.addr, &c->self.port)) {
		free(c);
		close(fd);
		return;
	}
	c->agent = a;
	c->self.proto = c->peer.proto = IPPROTO_TCP;
	sock_addr_of(sa, &c->peer.addr, &c->peer.port);
	endpoint_text(&c->peer.addr, c->peer.port, c->from);
	TAILQ_INSERT_TAIL(&a->conns, c, all);
	c->session = session_start(&a->sessions, fd, &ops, c);
	if (!c->session)
		conn_free(c);
}

struct agent *agent_new(const struct channel_host *host, int fd)
{
	struct agent *a = calloc(1, sizeof(*a));

	if (!a) {
		close(fd);
		return NULL;
	}
	a->host = host;
	a->lines = quota_of(LINES_MAX, LINES_MS * 1000ULL);
	TAILQ_INIT(&a->conns);
	channel_host_sessions(host, "backend", &a->sessions);
	a->sessions.clients = true;
	a->sessions.silence_ms = host->config->silence_ms;
	a->acceptor = acceptor_new(host->base, fd, "agent", on_accept, a);
	if (!a->acceptor) {
		free(a);
		return NULL;
	}
	return a;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	acceptor_free(a->acceptor);
	while (!TAILQ_EMPTY(&a->conns))
		drop(TAILQ_FIRST(&a->conns), "we are ending");
	session_set_close(&a->sessions);
	free(a);
}

void agent_set_pause(struct agent *a, bool paused)
{
	session_set_pause(&a->sessions, paused);
}
