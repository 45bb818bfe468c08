// SPDX-License-Identifier: BSD-2-Clause
#include "client/approach.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/outcome.h"
#include "base/wall.h"
#include "channel/frame.h"
#include "channel/sock.h"
#include "channel/tls.h"
#include "client/exchange.h"
#include "client/keys.h"
#include "client/show.h"

enum {
	AGAIN_MS = 300, /* after who asked for patience */
};

struct approach {
	struct client *client;
	struct approach_order order;
	const struct approach_ops *ops;
	void *arg;
	struct link *link;
	struct event *limit, *again;
	struct appraisal *appraisal;
	struct exchange exchange;
	enum step step;
	uint64_t asked_ms;
	struct attested attested;
	struct sample sample;	/* of the evidence, for who wants to see it */
	char patience[WHY_MAX]; /* why it could not answer so far */
	uint8_t room[FRAME_MAX];
};

void approach_cancel(struct approach *a)
{
	if (!a)
		return;
	appraisal_cancel(a->appraisal);
	link_close(a->link);
	if (a->limit)
		event_free(a->limit);
	if (a->again)
		event_free(a->again);
	sample_free(&a->sample);
	free(a);
}

/* For any terminal: the verifier shortens digits by a character that is none of ASCII's. */
static void make_plain(char *text)
{
	static const char dots[] = "…";
	char *at;

	while ((at = strstr(text, dots)))
		memcpy(at, "...", strlen(dots));
	wire_clean(text);
}

static void fail(struct approach *a, enum fault_kind kind, enum reason reason, const char *why)
{
	struct fault f = { .step = a->step, .kind = kind, .reason = reason };
	const struct approach_ops *ops = a->ops;
	void *arg = a->arg;

	snprintf(f.why, sizeof(f.why), "%s", why);
	make_plain(f.why);
	approach_cancel(a);
	ops->failed(arg, &f);
}

static void succeed(struct approach *a)
{
	const struct ready r = { a->link, a->order.endpoint, a->order.kind, a->exchange.id,
				 a->attested };
	const struct approach_ops *ops = a->ops;
	void *arg = a->arg;

	a->link = NULL;
	approach_cancel(a);
	ops->ready(arg, &r);
}

static bool send_text(struct approach *a, const char *text, size_t n)
{
	if (n && !link_send(a->link, bytes_of(text, n)))
		return true;
	fail(a, FAULT_OURS, REASON_OK, "no memory for a message");
	return false;
}

/* False: the approach is gone. */
static bool ask(struct approach *a)
{
	uint8_t nonce[WIRE_NONCE_BYTES], exporter[EXPORTER_BYTES];
	char text[FRAME_SMALL_MAX];
	size_t n;

	if (!tls_random(nonce, sizeof(nonce))) {
		fail(a, FAULT_OURS, REASON_OK, "no random nonce can be had");
		return false;
	}
	n = exchange_question(&a->exchange, nonce, text, sizeof(text));
	if (!n || !tls_export(link_ssl(a->link), a->exchange.question, exporter)) {
		fail(a, FAULT_OURS, REASON_OK, "the question cannot be written");
		return false;
	}
	exchange_asked(&a->exchange, exporter);
	a->asked_ms = client_now_ms();
	link_expect_evidence(a->link, true);
	return send_text(a, text, n);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

static bool not_now(struct approach *a, const char *why)
{
	struct timeval later = timeval_of_us(AGAIN_MS * 1000ULL);

	if (!a->order.patient || event_add(a->again, &later)) {
		fail(a, FAULT_TRANSIENT, REASON_OK, why);
		return false;
	}
	snprintf(a->patience, sizeof(a->patience), "%s", why);
	make_plain(a->patience);
	link_expect_evidence(a->link, false);
	return true;
}

static void deny(struct approach *a, const char *code)
{
	char text[FRAME_SMALL_MAX];
	size_t n = exchange_result(&a->exchange, false, code, 0, text, sizeof(text));

	if (n)
		link_send(a->link, bytes_of(text, n)); /* a courtesy */
}

/* How long the class lets it be good for; a certificate that ends earlier ends it too. */
static uint64_t lifetime_ms(const struct options *o, const struct msg_verdict *v, uint64_t now_s)
{
	uint64_t left_s = v->not_after > now_s ? v->not_after - now_s : 0;

	if (!v->not_after || left_s > o->lifetime_ms / 1000)
		return o->lifetime_ms;
	return left_s * 1000;
}

static void refuse(struct approach *a, const struct msg_verdict *v)
{
	enum fault_kind kind = FAULT_HARD;

	switch (reason_verdict(v->reason)) {
	case VERDICT_UNDETERMINED:
		kind = FAULT_UNSURE;
		break;
	case VERDICT_ERROR:
		kind = FAULT_OURS;
		break;
	case VERDICT_ACCEPTED:
	case VERDICT_REFUSED:
		break;
	}
	deny(a, reason_str(v->reason));
	fail(a, kind, v->reason, v->detail);
}

/* A relay that is genuine, but may connect to whatever, is not what was pinned. */
static bool may_connect_there(const struct approach *a, char why[WHY_MAX])
{
	const struct options *o = a->client->options;
	const struct wire_claims *c = &a->attested.claims;
	char text[2 * WIRE_KEY_BYTES + 1] = "none";

	if (!o->pins_destinations || a->order.kind != CLIENT_TLS_INLINE ||
	    (c->has_destinations && !memcmp(c->destinations, o->destinations, WIRE_KEY_BYTES)))
		return true;
	if (c->has_destinations)
		wire_key_text(c->destinations, text);
	snprintf(why, WHY_MAX, "claims: destinations_digest is %s, which is not the pinned one",
		 text);
	return false;
}

static void on_verdict(void *arg, const struct msg_verdict *v)
{
	struct approach *a = arg;
	enum class class = a->client->options->class;
	char why[WHY_MAX];

	a->appraisal = NULL;
	sample_tell(a->client, a->order.endpoint, &a->sample, &a->attested.claims, v);
	if (v->reason != REASON_OK) {
		refuse(a, v);
		return;
	}
	if (!(v->class_mask & 1u << class)) {
		snprintf(why, sizeof(why), "it is not good for %s service: %.180s",
			 class_str(class), v->detail);
		deny(a, "class");
		fail(a, FAULT_HARD, REASON_OK, why);
		return;
	}
	if (!may_connect_there(a, why)) {
		deny(a, "destinations");
		fail(a, FAULT_HARD, REASON_OK, why);
		return;
	}
	a->step = STEP_RELEASE;
	a->attested.until_ms =
		a->asked_ms + lifetime_ms(a->client->options, v, wall_s(&a->client->wall_high_s));
	if (client_now_ms() < a->attested.until_ms)
		succeed(a);
	else
		fail(a, FAULT_TRANSIENT, REASON_OK, "its evidence is over already");
}

static void give_certs(const struct client *c, const struct wire_evidence *e,
		       struct msg_appraise *m)
{
	memcpy(m->certs, e->certs, sizeof(m->certs));
	m->certs_count = e->certs_count;
	for (size_t i = 0; i < c->options->files.certs_count && m->certs_count < CERTS_MAX; i++)
		m->certs[m->certs_count++] = bytes_of(c->inputs.certs[i].p, c->inputs.certs[i].n);
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		m->collateral[i] = bytes_of(c->inputs.collateral[i].p, c->inputs.collateral[i].n);
}

static bool appraise_it(struct approach *a, const struct exchange_answer *answer)
{
	struct msg_appraise m = { .at = wall_s(&a->client->wall_high_s),
				  .binding = answer->binding };

	snprintf(m.policy, sizeof(m.policy), "%s", policy_name(a->client->inputs.policy));
	m.report = answer->evidence.report;
	give_certs(a->client, &answer->evidence, &m);
	a->step = STEP_APPRAISE;
	a->attested.claims = answer->claims;
	sample_take(a->client, answer, &a->sample);
	a->appraisal = appraiser_ask(a->client->appraiser, &m, on_verdict, a);
	if (a->appraisal)
		return true;
	fail(a, FAULT_OURS, REASON_OK, "no memory for the appraisal, or it is too long");
	return false;
}

static bool on_message(void *arg, struct bytes raw)
{
	struct approach *a = arg;
	struct exchange_answer answer;
	char why[WHY_MAX];

	switch (exchange_take(&a->exchange, raw, a->room, sizeof(a->room), &answer, why)) {
	case EXCHANGE_ASK:
		return ask(a);
	case EXCHANGE_EVIDENCE:
		link_expect_evidence(a->link, false);
		return appraise_it(a, &answer);
	case EXCHANGE_NOT_NOW:
		return not_now(a, why);
	case EXCHANGE_BREACH:
		break;
	}
	fail(a, FAULT_HARD, REASON_OK, why);
	return false;
}

static void on_over(void *arg, bool breach, const char *why)
{
	struct approach *a = arg;

	/* Who hangs up after asking for patience has said why before. */
	fail(a, breach ? FAULT_HARD : FAULT_TRANSIENT, REASON_OK,
	     a->patience[0] && !breach ? a->patience : why);
}

/* The key of a service beside its agent is the whole of its proof. */
static bool is_vouched_for(struct approach *a, const struct client_peer *peer)
{
	char key[2 * WIRE_KEY_BYTES + 1], why[WHY_MAX];

	if (keys_have(a->client->keys, peer->key, client_now_ms(), &a->attested.until_ms)) {
		a->step = STEP_RELEASE;
		succeed(a);
		return false;
	}
	wire_key_text(peer->key, key);
	snprintf(why, sizeof(why), "no attested agent vouches for its key, sha256:%s", key);
	fail(a, FAULT_HARD, REASON_OK, why);
	return false;
}

static bool greet(struct approach *a, const struct client_peer *peer, const struct client_tls *tls)
{
	struct exchange *x = &a->exchange;
	char text[FRAME_SMALL_MAX];

	x->endpoint = (struct wire_endpoint){ IPPROTO_TCP, a->order.endpoint->addr,
					      a->order.endpoint->port };
	if (a->order.kind == CLIENT_TLS_INLINE)
		snprintf(x->service, sizeof(x->service), "%s", a->client->options->service);
	memcpy(x->node, peer->node, sizeof(x->node));
	memcpy(x->spki_peer, peer->spki, DIGEST_BYTES);
	memcpy(x->spki_own, client_tls_own_spki(tls), DIGEST_BYTES);
	a->step = STEP_ATTEST;
	return send_text(a, text, exchange_hello(a->client->boot_id, text, sizeof(text)));
}

static struct client_tls *tls_for(const struct client *c, enum client_tls_kind kind)
{
	return kind == CLIENT_TLS_AGENT ? c->agent_tls : c->tls;
}

static bool on_up(void *arg)
{
	struct approach *a = arg;
	struct client_tls *tls = tls_for(a->client, a->order.kind);
	struct client_peer peer;
	char why[WHY_MAX] = "";

	if (!client_tls_identify(tls, link_ssl(a->link), &a->order.endpoint->addr, &peer, why)) {
		fail(a, FAULT_HARD, REASON_OK, why);
		return false;
	}
	return a->order.kind == CLIENT_TLS_SERVICE ? is_vouched_for(a, &peer)
						   : greet(a, &peer, tls);
}

static const struct link_ops link_ops = { on_up, on_message, on_over };

void approach_state(const struct approach *a, struct fault *out)
{
	*out = (struct fault){ .step = a->step, .kind = FAULT_TRANSIENT };
	snprintf(out->why, sizeof(out->why), "%s",
		 a->patience[0] ? a->patience : "no answer in time");
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct approach *a = arg;

	struct fault f;

	(void)fd;
	(void)what;
	approach_state(a, &f);
	fail(a, f.kind, f.reason, f.why);
}

struct approach *approach_start(struct client *c, const struct approach_order *o, int fd,
				const struct approach_ops *ops, void *arg)
{
	struct timeval limit = timeval_of_us(o->limit_ms * 1000);
	struct approach *a = calloc(1, sizeof(*a));
	SSL *ssl;

	sock_tune(fd);
	if (!a) {
		close(fd);
		return NULL;
	}
	*a = (struct approach){ .client = c, .order = *o, .ops = ops, .arg = arg };
	a->step = STEP_TLS;
	a->limit = evtimer_new(c->base, on_limit, a);
	a->again = evtimer_new(c->base, on_again, a);
	ssl = client_tls_new(tls_for(c, o->kind), fd, o->endpoint->host);
	a->link = link_new(c->base, fd, ssl, &link_ops, a);
	if (a->limit && a->again && a->link && !event_add(a->limit, &limit))
		return a;
	approach_cancel(a);
	return NULL;
}

/* To who has been asked for evidence; a service beside its agent has not. */
static bool send_result(struct ready *r)
{
	struct exchange x = { .id = r->exchange_id };
	uint64_t now = client_now_ms();
	char text[FRAME_SMALL_MAX];
	size_t n;

	if (now >= r->attested.until_ms || !link_is_quiet(r->link))
		return false;
	if (r->kind == CLIENT_TLS_SERVICE)
		return true;
	n = exchange_result(&x, true, reason_str(REASON_OK), r->attested.until_ms - now, text,
			    sizeof(text));
	return n && !link_send(r->link, bytes_of(text, n));
}

SSL *ready_release(struct ready *r, int *fd)
{
	SSL *ssl = send_result(r) ? link_take(r->link, fd) : NULL;

	if (!ssl)
		link_close(r->link);
	r->link = NULL;
	return ssl;
}

void ready_acknowledge(struct ready *r)
{
	send_result(r);
	ready_drop(r);
}

void ready_drop(struct ready *r)
{
	link_close(r->link);
	r->link = NULL;
}
