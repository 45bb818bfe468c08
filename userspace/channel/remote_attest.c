// SPDX-License-Identifier: BSD-2-Clause
/* Evidence: what a backend's has to say to us, and when ours is given to it. */
#include "channel/remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What leaves its guest has to be confined as the operator has pinned it, if so. */
static bool is_confined(void *arg, const struct wire_claims *c, char why[WHY_MAX])
{
	const struct remote *r = arg;
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

static const struct question_ops question_ops = { "router", "backend", "was dialled", is_confined,
						  NULL };

int remote_attest_start(struct remote *r)
{
	r->question.about = r->id;
	r->question.generation = r->config.generation;
	r->question.node = r->config.node;
	r->question.endpoint =
		(struct wire_endpoint){ IPPROTO_TCP, r->config.addr, r->config.port };
	return question_init(&r->question, r->host, &question_ops, r);
}

void remote_attest_stop(struct remote *r)
{
	prover_free(r->prover);
	question_free(&r->question);
}

void remote_attest_session(struct remote *r)
{
	question_begin(&r->question, r->session);
}

void remote_attest_lost(struct remote *r, bool refused, const char *why)
{
	question_end(&r->question, refused, why);
	prover_free(r->prover);
	r->prover = NULL;
	r->admitted = false;
}

void remote_result(struct remote *r, const struct msg_result *m)
{
	if (question_result(&r->question, m) && m->ok)
		r->admitted = true;
}

/* What our parent has said we wrap from; before it has, what the kernel has chosen for TCP. */
static void list_sources(const struct remote *r, struct msg_sources *out)
{
	const struct msg_sources *known = &r->host->sources;

	*out = *known;
	for (uint32_t i = 0; i < known->count; i++)
		if (addr_is_ipv4(&known->addrs[i]) == addr_is_ipv4(&r->self.addr))
			return;
	if (out->count < ROUTER_SOURCES_MAX)
		out->addrs[out->count++] = r->self.addr;
}

static void claim(void *arg, struct wire_claims *out)
{
	struct remote *r = arg;

	out->endpoints[0] = r->self;
	out->endpoints_count = 1;
	list_sources(r, &r->claimed);
	memcpy(out->sources, r->claimed.addrs, sizeof(out->sources));
	out->sources_count = r->claimed.count;
}

static const char *who(void *arg, char out[PROVER_WHO_MAX])
{
	const struct remote *r = arg;
	char text[ENDPOINT_TEXT_MAX];

	snprintf(out, PROVER_WHO_MAX, "%s at %s", r->config.node,
		 endpoint_text(&r->config.addr, r->config.port, text));
	return out;
}

static void hang_up_on_deaf(void *arg)
{
	remote_hang_up(arg, "it does not read what it is sent");
}

static const struct prover_ops prover_ops = { "router", true, claim, who, hang_up_on_deaf };

bool remote_attest(struct remote *r, const struct wire_attest *m, struct bytes raw,
		   char why[WHY_MAX])
{
	if (!r->admitted) {
		snprintf(why, WHY_MAX, "ATTEST from who has not been admitted");
		return false;
	}
	if (!r->prover)
		r->prover = prover_new(r->host, r->session, &prover_ops, r);
	if (!r->prover) {
		snprintf(why, WHY_MAX, "no memory for an answer");
		return false;
	}
	return prover_attest(r->prover, m, "backend", raw, why);
}

static void tell_denied(struct remote *r, const char *code)
{
	struct msg_why m = { .generation = r->config.generation };
	struct ipc_writer w = parent_begin(r->host->parent, MSG_DENIED, r->id);

	snprintf(m.why, sizeof(m.why), "%s", code);
	wire_clean(m.why);
	msg_why_put(&w, &m);
	parent_send(r->host->parent, &w);
}

bool remote_verdict(struct remote *r, const struct wire_result *m, char why[WHY_MAX])
{
	if (!r->prover) {
		snprintf(why, WHY_MAX, "RESULT of evidence that was not given");
		return false;
	}
	if (!prover_result(r->prover, m, why))
		return false;
	if (!m->ok)
		tell_denied(r, m->code);
	return true;
}

void remote_claims_changed(struct remote *r)
{
	struct msg_sources now;

	if (!r->prover)
		return;
	list_sources(r, &now);
	if (now.count != r->claimed.count || memcmp(now.addrs, r->claimed.addrs, sizeof(now.addrs)))
		remote_hang_up(r, "the addresses that we wrap from have changed");
}
