// SPDX-License-Identifier: BSD-2-Clause
/* What the store has for an appraisal, and what follows from a verdict for the store. */
#include <string.h>

#include "base/log.h"
#include "daemon/collateral_supply.h"
#include "verifier/refuse.h"

enum {
	HOLD_MS = 20000,  /* an appraisal waits no longer; a peer waits PEER_ANSWER_MS */
	ROUNDS_MAX = 3,	  /* of one appraisal with what the store has */
	DISTRUST_S = 600, /* what was kept for less is not thrown away for a verdict */
};

static bool is_document(enum want_kind k)
{
	return k == WANT_TCB_INFO || k == WANT_QE_IDENTITY;
}

static void add_cert(struct msg_appraise *m, struct bytes cert, bool first)
{
	if (m->certs_count == CERTS_MAX)
		return;
	if (first)
		memmove(m->certs + 1, m->certs, m->certs_count * sizeof(*m->certs));
	m->certs[first ? 0 : m->certs_count] = cert;
	m->certs_count++;
}

/* Beside the operator's own, in one: whom either revokes, is revoked. */
static void add_crl(struct supply *c, struct msg_appraise *m, struct bytes list)
{
	struct bytes own = m->collateral[COLLATERAL_CRL];

	if (own.n + list.n > sizeof(c->crls))
		return;
	if (own.n && own.p != c->crls)
		memcpy(c->crls, own.p, own.n);
	memcpy(c->crls + own.n, list.p, list.n);
	m->collateral[COLLATERAL_CRL] = bytes_of(c->crls, own.n + list.n);
}

static void add(struct supply *c, struct msg_appraise *m, const struct piece *p)
{
	static const struct {
		enum collateral body, chain;
	} slots[WANT_KINDS] = {
		[WANT_TCB_INFO] = { COLLATERAL_TCB_INFO, COLLATERAL_TCB_INFO_CHAIN },
		[WANT_QE_IDENTITY] = { COLLATERAL_QE_IDENTITY, COLLATERAL_QE_IDENTITY_CHAIN },
		[WANT_PCK_CRL] = { COLLATERAL_PCK_CRL, COLLATERAL_PCK_CRL_CHAIN },
		[WANT_ROOT_CRL] = { COLLATERAL_ROOT_CRL, COLLATERAL_COUNT },
	};
	enum want_kind k = p->want.kind;

	if (k == WANT_VCEK)
		add_cert(m, p->body, true); /* before the one that does not fit */
	else if (k == WANT_VCEK_CHAIN || k == WANT_VLEK_CHAIN)
		add_cert(m, p->body, false);
	else if (want_is_amd(&p->want))
		add_crl(c, m, p->body);
	else
		m->collateral[slots[k].body] = p->body;
	if (k >= WANT_TCB_INFO && slots[k].chain != COLLATERAL_COUNT)
		m->collateral[slots[k].chain] = p->chain;
}

/* Wants are kept when a backend sends another platform's evidence; that is not judged by them. */
static bool is_of(const struct want *w, enum tee tee)
{
	return tee == (want_is_amd(w) ? TEE_SNP : TEE_TDX);
}

void collateral_attach(struct daemon *d, const struct node *n, struct appraisal *a,
		       struct msg_appraise *m)
{
	struct supply *c = d->supply;

	bool own_list = m->collateral[COLLATERAL_CRL].n; /* it may be what AMD's are accepted by */

	a->attached = 0;
	a->tee = m->binding.tee;
	for (size_t i = 0; c && i < n->wants_count; i++) {
		const struct want *want = &n->wants[i];
		const struct stored_piece *p = a->proven ? store_proven(c->store, want) : NULL;

		p = p ? p : store_find(c->store, want);
		if (!p || !is_of(want, a->tee))
			continue;
		add(c, m, &p->piece);
		a->attached |= 1u << want->kind;
		a->evaluation[want->kind] = p->piece.evaluation;
		a->serial[want->kind] =
			own_list && want_is_amd(want) && want_is_list(want->kind) ? 0 : p->serial;
	}
}

/* One want of a kind: of another chip's TCB there is another VCEK. */
static void learn_wants(struct node *n, struct appraisal *a, const struct msg_verdict *v)
{
	for (size_t i = 0; i < v->wants_count; i++) {
		const struct want *want = &v->wants[i];
		size_t at = 0;

		while (at < n->wants_count && n->wants[at].kind != want->kind)
			at++;
		if (at == EVIDENCE_WANTS_MAX)
			at = n->wants_count = 0; /* another platform's by now */
		if (at < n->wants_count && !want_equal(&n->wants[at], want))
			a->attached &= ~(1u << want->kind);
		n->wants[at] = *want;
		n->wants_count = at == n->wants_count ? at + 1 : n->wants_count;
	}
}

/* Whether a verdict of that reason may be the fault of a piece of that kind. */
static bool may_be_at_fault(enum reason r, enum want_kind k)
{
	switch (r) {
	case REASON_CERT_CHAIN:
	case REASON_CERT_SIGNATURE:
	case REASON_CERT_LEAF:
	case REASON_CERT_EXPIRED:
		return want_is_certificate(k);
	case REASON_COLLATERAL:
	case REASON_COLLATERAL_SIGNATURE:
	case REASON_COLLATERAL_STALE:
		return is_document(k);
	case REASON_CRL:
	case REASON_CRL_STALE:
		return want_is_list(k);
	default:
		return false;
	}
}

/*
 * What was kept for long and does not help is fetched anew.  A certificate that may be wrong goes
 * at once: the one that came along will do.  A list or document stays until there is another:
 * backends choose what they are judged to be wrong by, and without a list nobody is revoked.
 */
static bool replace_attached(struct supply *c, const struct want *want, enum reason r)
{
	const struct stored_piece *p = store_find(c->store, want);
	char why[COLLATERAL_WHY_MAX];

	if (!p || !may_be_at_fault(r, want->kind) || time(NULL) - p->fetched < DISTRUST_S ||
	    !supply_ask(c, want))
		return false;
	if (!want_is_certificate(want->kind))
		store_doubt(c->store, want);
	else if (r != REASON_CERT_EXPIRED && store_drop(c->store, want, why))
		log_warnx("collateral: %s", why);
	return true;
}

/* What has carried an acceptance is the least that will be believed from now on. */
static void raise_floors(struct supply *c, const struct node *n, const struct appraisal *a)
{
	char why[COLLATERAL_WHY_MAX];

	for (size_t i = 0; i < n->wants_count; i++) {
		const struct want *want = &n->wants[i];

		if (a->attached & 1u << want->kind && is_document(want->kind) &&
		    store_raise_floor(c->store, want, a->evaluation[want->kind], why))
			log_warnx("collateral: %s", why);
	}
}

/* The verifier says which lists it has verified; documents always are. */
static bool was_verified(const json_t *claims, enum want_kind k)
{
	static const char *const lists[WANT_KINDS] = {
		[WANT_VCEK_CRL] = "crl",
		[WANT_VLEK_CRL] = "crl",
		[WANT_PCK_CRL] = "pck_crl",
		[WANT_ROOT_CRL] = "root_crl",
	};

	return !lists[k] || json_is_object(json_object_get(claims, lists[k]));
}

static bool all_proven(const struct supply *c, const struct node *n, const struct appraisal *a)
{
	for (size_t i = 0; i < n->wants_count; i++) {
		const struct stored_piece *p = store_find(c->store, &n->wants[i]);

		if (p && !p->proven && a->attached & 1u << n->wants[i].kind)
			return false;
	}
	return true;
}

static void prove(struct supply *c, const struct node *n, const struct appraisal *a,
		  const struct msg_verdict *v)
{
	json_t *claims;

	if (all_proven(c, n, a))
		return;
	claims = json_loadb((const char *)v->claims.p, v->claims.n, JSON_REJECT_DUPLICATES, NULL);
	for (size_t i = 0; i < n->wants_count; i++) {
		const struct want *want = &n->wants[i];

		if (a->attached & 1u << want->kind && was_verified(claims, want->kind))
			store_prove(c->store, want, a->serial[want->kind]);
	}
	json_decref(claims);
}

/*
 * Whether what was proven may tell more.  For this appraisal alone: backends choose what they are
 * judged to be wrong by, and what has come since may be Intel's or AMD's all the same.
 */
static bool has_proven(const struct supply *c, const struct node *n, const struct appraisal *a,
		       enum reason r)
{
	for (size_t i = 0; !a->proven && i < n->wants_count; i++)
		if (a->attached & 1u << n->wants[i].kind && may_be_at_fault(r, n->wants[i].kind) &&
		    store_proven(c->store, &n->wants[i]))
			return true;
	return false;
}

bool collateral_keeps(struct daemon *d, struct node *n, struct appraisal *a,
		      const struct msg_verdict *v)
{
	struct supply *c = d->supply;
	bool at_hand = false, coming = false, falls_back;

	if (!c)
		return false;
	if (v->reason == REASON_OK) {
		raise_floors(c, n, a);
		prove(c, n, a, v);
	}
	learn_wants(n, a, v);
	falls_back = has_proven(c, n, a, v->reason);
	for (size_t i = 0; i < n->wants_count; i++) {
		const struct want *want = &n->wants[i];

		if (!is_of(want, a->tee))
			continue;
		if (a->attached & 1u << want->kind)
			coming |= replace_attached(c, want, v->reason);
		else if (store_find(c->store, want))
			at_hand = true;
		else
			coming |= supply_ask(c, want);
	}
	supply_pump(c);
	a->proven = falls_back;
	if (falls_back || (at_hand && a->rounds++ < ROUNDS_MAX)) {
		supply_appraise_again(c, a);
		return true;
	}
	if (!coming || a->until_ms || reason_verdict(v->reason) != VERDICT_UNDETERMINED)
		return false;
	a->until_ms = now_ms() + HOLD_MS;
	TAILQ_INSERT_TAIL(&c->waiting, a, next);
	return true;
}
