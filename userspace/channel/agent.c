// SPDX-License-Identifier: BSD-2-Clause
#include "channel/agent.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/acceptor.h"
#include "channel/load.h"
#include "channel/quota.h"
#include "channel/sock.h"

enum {
	QUOTE_MS = 80000, /* the hardware may ask for 60 s; the router waits for 90 */
	LINES_MAX = 100,  /* about those who were refused, in */
	LINES_MS = 10000,
	WHO_MAX = NAME_MAX_BYTES + ENDPOINT_TEXT_MAX + 8,
};

struct conn {
	TAILQ_ENTRY(conn) all;
	struct agent *agent;
	struct session *session;
	struct event *timer;	   /* of the quote */
	struct wire_endpoint self; /* where the router has reached us */
	char node[NAME_MAX_BYTES]; /* "" until its certificate is known */
	char from[ENDPOINT_TEXT_MAX];
	bool ready;
	bool client; /* it releases bytes of its own by what it hears; otherwise a router */

	uint64_t last_id;   /* of its latest ATTEST */
	uint64_t asked_id;  /* of the one that our parent is asked about */
	uint64_t result_id; /* whose RESULT may come; 0: none */
	uint32_t exchange;  /* with our parent about it; 0: none */
	enum tee tee;
	char claims[WIRE_CLAIMS_MAX];
	size_t claims_n;
};

struct agent {
	const struct channel_host *host;
	struct session_set sessions;
	struct acceptor *acceptor;
	TAILQ_HEAD(conns, conn) conns; /* the oldest first */
	struct quota lines;
	uint32_t exchange;
	uint64_t counter;
};

static const char *who(const struct conn *c, char out[WHO_MAX])
{
	snprintf(out, WHO_MAX, "%s%s%s", c->node, c->node[0] ? " at " : "", c->from);
	return out;
}

static void conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->agent->conns, c, all);
	event_free(c->timer);
	free(c);
}

/* Strangers can fail as often as they like, and each time is worth a line only up to a point. */
static void log_end(struct conn *c, enum session_end end, const char *why)
{
	char name[WHO_MAX];
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

static void drop(struct conn *c)
{
	session_close(c->session);
	conn_free(c);
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
	char name[WHO_MAX];

	c->client = !strcmp(hello->role, "client");
	old = c->client ? NULL : router_of_node(c->agent, c->node, c);
	/* It has dialled anew before we noticed that the old connection was dead. */
	if (old)
		drop(old);
	c->ready = true;
	log_info("%s: %s connected, %s", who(c, name), hello->role, hello->agent);
}

static void over(void *arg, enum session_end end, const char *why)
{
	log_end(arg, end, why);
	conn_free(arg);
}

static int answer_error(struct conn *c, uint64_t id, enum wire_error_code code, const char *detail)
{
	struct wire_message m = { .type = WIRE_ERROR, .error = { .id = id, .code = code } };

	snprintf(m.error.detail, sizeof(m.error.detail), "%.199s", detail);
	wire_clean(m.error.detail);
	return session_send(c->session, &m);
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

static bool is_ours(const struct wire_claims *claims, const struct wire_endpoint *e)
{
	for (size_t i = 0; i < claims->endpoints_count; i++)
		if (wire_endpoint_equal(&claims->endpoints[i], e))
			return true;
	return false;
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

static void make_claims(const struct conn *c, struct wire_claims *out)
{
	const struct channel_host *h = c->agent->host;

	memset(out, 0, sizeof(*out));
	memcpy(out->node, h->config->node, sizeof(out->node));
	strcpy(out->role, "backend");
	strcpy(out->agent_version, "fairlead/" VERSION);
	memcpy(out->boot_id, h->boot_id, sizeof(out->boot_id));
	out->counter = ++c->agent->counter;
	out->has_egress = h->config->confined;
	memcpy(out->egress, h->config->egress, sizeof(out->egress));
	list_endpoints(c, out);
	if (c->client)
		list_service_keys(h->config, out);
}

/* All of it is our own view of the session; nothing of it is what the peer says it is. */
static bool make_binding(struct conn *c, struct bytes request, struct binding *b)
{
	*b = (struct binding){ .role = "backend", .tee = c->agent->host->config->tee };
	memcpy(b->spki_attester, tls_own_spki(c->agent->host->tls), DIGEST_BYTES);
	memcpy(b->spki_peer, session_peer(c->session)->spki, DIGEST_BYTES);
	return sha384(request, b->request) && sha384(bytes_of(c->claims, c->claims_n), b->claims) &&
	       session_export(c->session, b->request, b->exporter);
}

static bool ask_parent(struct conn *c, struct bytes request)
{
	struct parent *parent = c->agent->host->parent;
	struct timeval limit = timeval_of_us(QUOTE_MS * 1000ULL);
	struct ipc_writer w;
	struct binding b;

	if (!make_binding(c, request, &b))
		return false;
	if (!++c->agent->exchange)
		c->agent->exchange = 1;
	w = parent_begin(parent, MSG_QUOTE_WANTED, c->agent->exchange);
	msg_binding_put(&w, &b);
	if (parent_send(parent, &w))
		return false;
	c->exchange = c->agent->exchange;
	c->asked_id = c->last_id;
	c->tee = b.tee;
	event_add(c->timer, &limit);
	return true;
}

static bool on_attest(struct conn *c, const struct wire_attest *m, struct bytes raw,
		      char why[WHY_MAX])
{
	struct wire_claims claims;
	int err = 0;

	if (strcmp(m->role, c->client ? "client" : "router")) {
		snprintf(why, WHY_MAX, "ATTEST: role: HELLO said otherwise");
		return false;
	}
	if (m->id <= c->last_id) {
		snprintf(why, WHY_MAX, "ATTEST: id %llu is not above %llu",
			 (unsigned long long)m->id, (unsigned long long)c->last_id);
		return false;
	}
	c->last_id = m->id;
	if (c->exchange)
		return !answer_error(c, m->id, WIRE_ERROR_BUSY, "another ATTEST is being answered");
	make_claims(c, &claims);
	if (!is_ours(&claims, &m->endpoint)) {
		char text[ENDPOINT_TEXT_MAX], detail[WIRE_DETAIL_MAX], name[WHO_MAX];

		snprintf(detail, sizeof(detail), "%s %s is not an endpoint of %s",
			 m->endpoint.proto == IPPROTO_UDP ? "udp" : "tcp",
			 endpoint_text(&m->endpoint.addr, m->endpoint.port, text), claims.node);
		log_info("%s: ATTEST refused: %s", who(c, name), detail);
		return !answer_error(c, m->id, WIRE_ERROR_ENDPOINT, detail);
	}
	c->result_id = 0;
	c->claims_n = wire_claims_write(&claims, c->claims, sizeof(c->claims));
	if (!c->claims_n || !ask_parent(c, raw))
		err = answer_error(c, m->id, WIRE_ERROR_UNAVAILABLE,
				   "no evidence can be asked for");
	if (err)
		snprintf(why, WHY_MAX, "it does not read what it is sent");
	return !err;
}

static bool on_result(struct conn *c, const struct wire_result *m, char why[WHY_MAX])
{
	char name[WHO_MAX];

	if (!c->result_id || m->id != c->result_id) {
		snprintf(why, WHY_MAX, "RESULT: id %llu is of no evidence that awaits one",
			 (unsigned long long)m->id);
		return false;
	}
	c->result_id = 0;
	log_info("%s: %s, %s, for %llu s", who(c, name), m->ok ? "admits us" : "denies us", m->code,
		 (unsigned long long)(m->expires_in_ms / 1000));
	return true;
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
	case WIRE_ERROR:
		snprintf(why, WHY_MAX, "it refused us: %s", m->error.detail);
		return false;
	default:
		snprintf(why, WHY_MAX, "%s is not for an agent", wire_type_str(m->type));
		return false;
	}
}

static const struct session_ops ops = { identify, ready, message, over };

static void end_exchange(struct conn *c)
{
	c->exchange = 0;
	event_del(c->timer);
}

static void on_quote_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	end_exchange(c);
	if (answer_error(c, c->asked_id, WIRE_ERROR_UNAVAILABLE, "the hardware did not answer"))
		drop(c);
}

static int send_evidence(struct conn *c, const struct msg_quote *q)
{
	struct wire_message m = { .type = WIRE_EVIDENCE };

	m.evidence.id = c->asked_id;
	m.evidence.tee = q->tee;
	m.evidence.report = q->report;
	m.evidence.certs_count = q->certs_count;
	memcpy(m.evidence.certs, q->certs, sizeof(m.evidence.certs));
	m.evidence.claims = bytes_of(c->claims, c->claims_n);
	c->result_id = c->asked_id;
	return session_send(c->session, &m);
}

static int answer(struct conn *c, const struct msg_quote *q)
{
	char name[WHO_MAX];

	if (q->failed) {
		log_info("%s: no evidence: %s", who(c, name), q->why);
		return answer_error(c, c->asked_id,
				    q->failed == EBUSY || q->failed == EAGAIN
					    ? WIRE_ERROR_BUSY
					    : WIRE_ERROR_UNAVAILABLE,
				    q->why);
	}
	if (q->tee != c->tee || !q->report.n)
		return answer_error(c, c->asked_id, WIRE_ERROR_UNAVAILABLE,
				    "the evidence is not of the kind that was asked for");
	return send_evidence(c, q);
}

bool agent_receive(struct agent *a, const struct ipc_message *m)
{
	struct msg_quote q;
	struct conn *c;

	if (m->type != MSG_QUOTE || !msg_quote_get(m->body, &q))
		return false;
	for (c = TAILQ_FIRST(&a->conns); c; c = TAILQ_NEXT(c, all))
		if (m->id && c->exchange == m->id)
			break;
	if (!c)
		return true; /* the router has left meanwhile */
	end_exchange(c);
	if (answer(c, &q) &&
	    answer_error(c, c->asked_id, WIRE_ERROR_UNAVAILABLE, "the evidence is too long"))
		drop(c);
	return true;
}

/* Who may have to make room for another: nobody has lost anything by it but time. */
static bool can_go(const struct conn *c)
{
	return !c->ready || (c->client && !c->exchange);
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
	drop(c);
	return true;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n,
		      void *arg)
{
	struct agent *a = arg;
	struct conn *c = make_room(a) ? calloc(1, sizeof(*c)) : NULL;
	struct addr from = { 0 };
	uint16_t port = 0;

	(void)l;
	(void)n;
	if (c)
		c->timer = evtimer_new(a->host->base, on_quote_timeout, c);
	if (!c || !c->timer || !sock_local(fd, &c->self.addr, &c->self.port)) {
		if (c && c->timer)
			event_free(c->timer);
		free(c);
		close(fd);
		return;
	}
	c->agent = a;
	c->self.proto = IPPROTO_TCP;
	sock_addr_of(sa, &from, &port);
	endpoint_text(&from, port, c->from);
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
		drop(TAILQ_FIRST(&a->conns));
	session_set_close(&a->sessions);
	free(a);
}

void agent_set_pause(struct agent *a, bool paused)
{
	session_set_pause(&a->sessions, paused);
}
