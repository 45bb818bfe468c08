// SPDX-License-Identifier: BSD-2-Clause
/* Intel's signed documents: who signed them, what they are about, and for which time. */
#include "verifier/refuse.h"
#include "verifier/tdx.h"

enum {
	SKEW_S = 300, /* by which a document may be younger than our clock */
};

static const char signer_name[] = "Intel SGX TCB Signing";

struct source {
	enum collateral file, chain;
	const char *member; /* of the envelope */
	const char *what;
};

static const struct source tcb_info_source = { COLLATERAL_TCB_INFO, COLLATERAL_TCB_INFO_CHAIN,
					       "tcbInfo", "TCB info" };
static const struct source qe_identity_source = { COLLATERAL_QE_IDENTITY,
						  COLLATERAL_QE_IDENTITY_CHAIN, "enclaveIdentity",
						  "QE identity" };

static enum reason need(const struct tdx_case *c, const struct source *s)
{
	const enum collateral kinds[] = { s->file, s->chain };

	for (int i = 0; i < 2; i++)
		if (!c->evidence->collateral[kinds[i]].n)
			return refuse(c->out, REASON_COLLATERAL_MISSING,
				      "a quote is judged by Intel's %s: there is no %s", s->what,
				      collateral_file(kinds[i]));
	return REASON_OK;
}

/* The first of them that has a signer's name. */
static const struct cert *find_signer(const struct cert_pile *pile, size_t from)
{
	for (size_t i = 0; i < pile->count; i++)
		if (!strcmp(pile->certs[i].subject, signer_name) && pile->certs[i].piece >= from)
			return &pile->certs[i];
	/* Both documents have one signer as a rule: then the pile holds it once. */
	for (size_t i = 0; i < pile->count; i++)
		if (!strcmp(pile->certs[i].subject, signer_name))
			return &pile->certs[i];
	return NULL;
}

/* A signer that has expired is one of a stale collateral, not a wrong one. */
static enum reason of_collateral(enum reason reason)
{
	switch (reason) {
	case REASON_OK:
	case REASON_INTERNAL:
		return reason;
	case REASON_CERT_EXPIRED:
	case REASON_CERT_NOT_YET_VALID:
		return REASON_COLLATERAL_STALE;
	default:
		return REASON_COLLATERAL_SIGNATURE;
	}
}

static enum reason verify_signer(const struct tdx_case *c, const struct source *s,
				 const struct cert *signer)
{
	const struct cert *const path[] = { signer, c->platform->chain.root };
	enum reason reason;

	if (!signer)
		return refuse(c->out, REASON_COLLATERAL_SIGNATURE, "%s holds no certificate \"%s\"",
			      collateral_file(s->chain), signer_name);
	if (signer->is_ca || !cert_may_sign(signer) || !cert_is_ecdsa(signer, CURVE_P256))
		return refuse(c->out, REASON_COLLATERAL_SIGNATURE,
			      "certificate %s of %s is no signer's: want P-256, no authority",
			      signer->subject, collateral_file(s->chain));
	/* The root has been verified as that of the quote's own certificates. */
	reason = cert_path_verify_pinned(path, 2, c->evidence->at, c->out);
	if (!reason)
		cert_remember(signer);
	return of_collateral(reason);
}

/* The body of one document, once it is known to be its signer's words. */
static enum reason open_document(struct tdx_case *c, const struct source *s,
				 const struct cert **signer, struct bytes *body)
{
	struct cert_pile *pile = &c->collateral->signers;
	const struct cert *verified = c->collateral->info_signer;
	size_t from = pile->pieces;
	enum reason reason = REASON_OK;
	struct tdx_signed d;

	if (cert_pile_add(pile, c->evidence->collateral[s->chain]))
		return refuse(c->out, REASON_INTERNAL, "no memory for certificates");
	*signer = find_signer(pile, from);
	/* Intel has one signer for both: the second time it has been verified. */
	if (!*signer || *signer != verified)
		reason = verify_signer(c, s, *signer);
	if (reason)
		return reason;
	if (!tdx_json_open(c->evidence->collateral[s->file], s->member, &d))
		return refuse(c->out, REASON_COLLATERAL,
			      "%s: want an object of \"%s\" and \"signature\", nothing else",
			      collateral_file(s->file), s->member);
	if (!sig_verify(CURVE_P256, cert_key(*signer), d.body,
			bytes_of(d.signature, sizeof(d.signature))))
		return refuse(c->out, REASON_COLLATERAL_SIGNATURE,
			      "%s is not signed by the %s of %s", collateral_file(s->file),
			      signer_name, collateral_file(s->chain));
	*body = d.body;
	return REASON_OK;
}

static enum reason unreadable(const struct tdx_case *c, const struct source *s, const char *wrong)
{
	return refuse(c->out, REASON_COLLATERAL, "%s: \"%s\" is missing, or not what it should be",
		      collateral_file(s->file), wrong);
}

/* By the root's list, which has been read for the platform. */
static enum reason check_signers_revoked(struct tdx_case *c)
{
	const struct crl_list *list = &c->platform->root_crl;
	const struct cert *const signers[] = { c->collateral->info_signer,
					       c->collateral->qe_signer };
	enum reason reason = REASON_OK;

	if (!c->platform->root_crl_checked)
		return REASON_OK;
	c->collateral->root_crl = list->facts;
	for (int i = 0; !reason && i < 2; i++)
		if (i == 0 || signers[1] != signers[0])
			reason = crl_judge(list, c->platform->chain.root, signers[i],
					   c->evidence->at, c->rules->crl_age_hours * 3600, c->out);
	return reason;
}

enum reason tdx_collateral_read(struct tdx_case *c)
{
	struct tdx_collateral *d = c->collateral;
	struct bytes info, qe;
	enum reason reason;
	const char *wrong;

	if (c->collateral_known)
		return REASON_OK;
	reason = need(c, &tcb_info_source);
	if (!reason)
		reason = need(c, &qe_identity_source);
	if (!reason)
		reason = open_document(c, &tcb_info_source, &d->info_signer, &info);
	if (!reason)
		reason = open_document(c, &qe_identity_source, &d->qe_signer, &qe);
	if (!reason)
		reason = check_signers_revoked(c);
	if (!reason && !tdx_tcb_info_read(info, &d->info, &wrong))
		reason = unreadable(c, &tcb_info_source, wrong);
	if (!reason && !tdx_qe_identity_read(qe, &d->qe, &wrong))
		reason = unreadable(c, &qe_identity_source, wrong);
	return reason;
}

static enum reason check_time(const struct tdx_case *c, const struct tdx_document *d,
			      const char *what)
{
	uint64_t age_s = c->rules->collateral_age_hours * 3600;
	int64_t at = c->evidence->at;

	if (at < d->issued - SKEW_S)
		return refuse(c->out, REASON_COLLATERAL_STALE,
			      "%s was issued %s, after %s: is the clock right?", what,
			      time_text(d->issued).text, time_text(at).text);
	if (at > d->next_update)
		return refuse(c->out, REASON_COLLATERAL_STALE, "%s ran out %s, wanted one for %s",
			      what, time_text(d->next_update).text, time_text(at).text);
	if (age_s && at > d->issued && (uint64_t)(at - d->issued) > age_s)
		return refuse(c->out, REASON_COLLATERAL_STALE,
			      "%s was issued %s, policy wants it within %llu h", what,
			      time_text(d->issued).text, (unsigned long long)age_s / 3600);
	/* An older one that is still within its time may hide what has become known since. */
	if (d->evaluation < c->rules->minimum_evaluation)
		return refuse(c->out, REASON_TCB_EVALUATION,
			      "%s of TCB evaluation %llu, policy wants %llu or later", what,
			      (unsigned long long)d->evaluation,
			      (unsigned long long)c->rules->minimum_evaluation);
	return REASON_OK;
}

enum reason tdx_collateral_check(const struct tdx_case *c)
{
	const struct tdx_tcb_info *info = &c->collateral->info;
	enum reason reason;

	if (memcmp(info->fmspc, c->platform->pck.fmspc, TDX_FMSPC_BYTES))
		return refuse(c->out, REASON_TCB_MISMATCH,
			      "TCB info of FMSPC %s, the platform's is %s",
			      hex_short(info->fmspc).text, hex_short(c->platform->pck.fmspc).text);
	if (memcmp(info->pceid, c->platform->pck.pceid, TDX_PCEID_BYTES))
		return refuse(c->out, REASON_TCB_MISMATCH,
			      "TCB info of PCE %02x%02x, the platform's is %02x%02x",
			      info->pceid[0], info->pceid[1], c->platform->pck.pceid[0],
			      c->platform->pck.pceid[1]);
	reason = check_time(c, &info->document, tcb_info_source.what);
	if (!reason)
		reason = check_time(c, &c->collateral->qe.document, qe_identity_source.what);
	return reason;
}

/* Whether issuer has revoked cert, by the list of a kind, as far as policy asks for one. */
static enum reason check_list(const struct tdx_case *c, enum collateral kind,
			      const struct cert *issuer, const struct cert *cert,
			      struct crl_list *list, bool *checked)
{
	struct bytes crl = c->evidence->collateral[kind];
	enum reason reason;

	if (!crl.n && c->rules->crl == CRL_REQUIRED)
		return refuse(c->out, REASON_CRL_MISSING,
			      "policy \"%s\" wants a CRL of %s: there is no %s", c->policy->name,
			      issuer->subject, collateral_file(kind));
	if (!crl.n)
		return REASON_OK;
	reason = crl_read(crl, issuer, list, c->out);
	if (!reason)
		reason = crl_judge(list, issuer, cert, c->evidence->at,
				   c->rules->crl_age_hours * 3600, c->out);
	*checked = reason == REASON_OK;
	return reason;
}

enum reason tdx_revocation_check(struct tdx_case *c)
{
	enum reason reason;

	if (c->rules->crl == CRL_OFF || c->platform_known)
		return REASON_OK;
	reason = check_list(c, COLLATERAL_ROOT_CRL, c->platform->chain.root,
			    c->platform->chain.intermediate, &c->platform->root_crl,
			    &c->platform->root_crl_checked);
	/* One that ran out does not keep the other from saying what it knows. */
	if (!reason || reason_verdict(reason) == VERDICT_UNDETERMINED) {
		enum reason of_pck =
			check_list(c, COLLATERAL_PCK_CRL, c->platform->chain.intermediate,
				   c->platform->chain.leaf, &c->platform->pck_crl,
				   &c->platform->pck_crl_checked);

		if (of_pck)
			reason = of_pck;
	}
	return reason;
}
