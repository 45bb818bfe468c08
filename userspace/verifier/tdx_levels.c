// SPDX-License-Identifier: BSD-2-Clause
/*
 * The status of a TD's TCB: of its platform, its module and its quoting enclave, converged.  None
 * of the three alone says that a TD is up to date.
 */
#include "verifier/refuse.h"
#include "verifier/tdx_tcb.h"

enum {
	SVN_MODULE = 0, /* bytes of TEE_TCB_SVN: the module's SVN, */
	SVN_MAJOR = 1,	/* its major version, */
	SVN_OTHERS = 2, /* and from here on those of loader and microcode */
};

/* What is evaluated for one TEE_TCB_SVN of the two that a quote may have. */
struct evaluation {
	const struct tdx_tcb_info *info;
	const struct tdx_qe_identity *qe;
	const struct tdx_pck *pck;
	const struct tdx_quote *quote;
	const uint8_t *svn;
	const char *which; /* "TEE_TCB_SVN" */
	struct tdx_tcb *out;
	struct claims *why;
};

static bool reaches(const uint8_t *have, const uint8_t *want, size_t from)
{
	for (size_t i = from; i < TDX_COMPONENTS; i++)
		if (have[i] < want[i])
			return false;
	return true;
}

/* Levels come best first.  A module with a major version is judged by its own levels instead. */
static const struct tdx_mark *match_platform(const struct evaluation *e)
{
	size_t from = e->svn[SVN_MAJOR] ? SVN_OTHERS : 0;

	for (size_t i = 0; i < e->info->levels_count; i++) {
		const struct tdx_level *l = &e->info->levels[i];

		if (reaches(e->pck->components, l->sgx, 0) && e->pck->pcesvn >= l->pcesvn &&
		    reaches(e->svn, l->tdx, from))
			return &l->mark;
	}
	return NULL;
}

/* The highest that svn reaches. */
static const struct tdx_mark *match_svn(const struct tdx_svn_levels *l, uint16_t svn)
{
	const struct tdx_mark *best = NULL;
	uint16_t highest = 0;

	for (size_t i = 0; i < l->count; i++)
		if (l->levels[i].isvsvn <= svn && (!best || l->levels[i].isvsvn > highest)) {
			best = &l->levels[i].mark;
			highest = l->levels[i].isvsvn;
		}
	return best;
}

static const struct tdx_module *find_module(const struct evaluation *e)
{
	if (e->svn[SVN_MAJOR] == 0)
		return &e->info->module0;
	for (size_t i = 0; i < e->info->modules_count; i++)
		if (e->info->modules[i].major == e->svn[SVN_MAJOR])
			return &e->info->modules[i];
	return NULL;
}

static enum reason check_module(const struct evaluation *e, const struct tdx_module *m)
{
	const struct tdx_body *b = &e->quote->body;

	if (memcmp(b->mrsignerseam, m->mrsigner, TDX_DIGEST_BYTES))
		return refuse(e->why, REASON_TDX_MODULE, "TDX module signed by %s, want %s",
			      hex_short(b->mrsignerseam).text, hex_short(m->mrsigner).text);
	for (int i = 0; i < 8; i++)
		if ((b->seam_attributes >> 8 * i & m->mask[i]) != m->attributes[i])
			return refuse(
				e->why, REASON_TDX_MODULE,
				"TDX module with attributes 0x%llx, not those of its identity",
				(unsigned long long)b->seam_attributes);
	if (b->seam_attributes)
		return refuse(e->why, REASON_TDX_MODULE,
			      "TDX module with attributes 0x%llx, want 0",
			      (unsigned long long)b->seam_attributes);
	return REASON_OK;
}

/* *mark is NULL for a module of version 0, which has no levels of its own. */
static enum reason match_module(const struct evaluation *e, const struct tdx_mark **mark)
{
	const struct tdx_module *m = find_module(e);
	enum reason reason;

	*mark = NULL;
	if (!m)
		return refuse(e->why, REASON_TCB_UNSUPPORTED,
			      "%s: Intel knows no TDX module of version %u", e->which,
			      e->svn[SVN_MAJOR]);
	reason = check_module(e, m);
	if (reason || e->svn[SVN_MAJOR] == 0)
		return reason;
	*mark = match_svn(&m->levels, e->svn[SVN_MODULE]);
	if (!*mark)
		return refuse(e->why, REASON_TCB_UNSUPPORTED,
			      "%s: TDX module %u with SVN %u is below every level", e->which,
			      m->major, e->svn[SVN_MODULE]);
	return REASON_OK;
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (!strcmp(json_string_value(one), text))
			return true;
	}
	return false;
}

/* The earliest date and all advisories of the levels that count.  False without memory. */
static bool note(struct tdx_tcb *out, const struct tdx_mark *m)
{
	const json_t *one;
	size_t i;

	if (!out->date || m->date < out->date)
		out->date = m->date;
	json_array_foreach(m->advisories, i, one)
	{
		if (!has_text(out->advisories, json_string_value(one)) &&
		    json_array_append(out->advisories, (json_t *)one))
			return false;
	}
	return true;
}

enum tdx_status tdx_status_converge(enum tdx_status platform, enum tdx_status other)
{
	if (platform == TDX_REVOKED || other == TDX_REVOKED)
		return TDX_REVOKED;
	if (other != TDX_OUT_OF_DATE)
		return platform;
	switch (platform) {
	case TDX_UP_TO_DATE:
	case TDX_SW_HARDENING:
		return TDX_OUT_OF_DATE;
	case TDX_CONFIGURATION:
	case TDX_CONFIGURATION_SW:
		return TDX_OUT_OF_DATE_CONFIGURATION;
	default:
		return platform;
	}
}

static bool wants_configuration(enum tdx_status s)
{
	return s == TDX_CONFIGURATION || s == TDX_CONFIGURATION_SW ||
	       s == TDX_OUT_OF_DATE_CONFIGURATION;
}

enum tdx_status tdx_status_of_both(enum tdx_status launch, enum tdx_status current)
{
	bool launch_is_old = launch == TDX_OUT_OF_DATE || launch == TDX_OUT_OF_DATE_CONFIGURATION;

	if (launch_is_old && current <= TDX_CONFIGURATION_SW)
		return wants_configuration(launch) || wants_configuration(current)
			       ? TDX_RELAUNCH_CONFIGURATION
			       : TDX_RELAUNCH;
	return current > launch ? current : launch;
}

static enum reason evaluate(const struct evaluation *e, enum tdx_status *status)
{
	const struct tdx_mark *platform = match_platform(e), *module, *qe;
	enum reason reason;

	if (!platform)
		return refuse(e->why, REASON_TCB_UNSUPPORTED,
			      "%s: the platform (PCE SVN %u) is below every TCB level", e->which,
			      e->pck->pcesvn);
	reason = match_module(e, &module);
	if (reason)
		return reason;
	qe = match_svn(&e->qe->levels, e->quote->qe.isvsvn);
	if (!qe)
		return refuse(e->why, REASON_TCB_UNSUPPORTED,
			      "quoting enclave with SVN %u is below every level",
			      e->quote->qe.isvsvn);
	e->out->platform = platform->status;
	e->out->module = module ? module->status : TDX_UP_TO_DATE;
	e->out->qe = qe->status;
	*status = tdx_status_converge(tdx_status_converge(platform->status, e->out->module),
				      qe->status);
	if (!note(e->out, platform) || !note(e->out, qe) || (module && !note(e->out, module)))
		return refuse(e->why, REASON_INTERNAL, "no memory for advisories");
	return REASON_OK;
}

enum reason tdx_tcb_evaluate(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
			     const struct tdx_pck *pck, const struct tdx_quote *quote,
			     struct tdx_tcb *out, struct claims *why)
{
	struct evaluation e = {
		info, qe, pck, quote, quote->body.tcb_svn, "TEE_TCB_SVN", out, why
	};
	enum tdx_status launch, current;
	struct tdx_tcb now;
	enum reason reason;

	memset(out, 0, sizeof(*out));
	out->advisories = json_array();
	if (!out->advisories)
		return refuse(why, REASON_INTERNAL, "no memory for advisories");
	reason = evaluate(&e, &launch);
	out->status = launch;
	if (reason || !quote->body.is_15)
		return reason;
	now = *out; /* shares date and advisories, keeps the statuses of the launch */
	e.out = &now;
	e.svn = quote->body.tcb_svn2;
	e.which = "TEE_TCB_SVN_2";
	reason = evaluate(&e, &current);
	out->date = now.date;
	out->status = tdx_status_of_both(launch, current);
	return reason;
}

enum reason tdx_qe_check(const struct tdx_qe_identity *id, const struct tdx_qe_report *r,
			 struct claims *why)
{
	if ((r->miscselect & id->miscselect_mask) != id->miscselect)
		return refuse(why, REASON_QE_IDENTITY,
			      "quoting enclave with MISCSELECT 0x%x, want 0x%x under 0x%x",
			      r->miscselect, id->miscselect, id->miscselect_mask);
	for (size_t i = 0; i < sizeof(id->attributes); i++)
		if ((r->attributes[i] & id->attributes_mask[i]) != id->attributes[i])
			return refuse(why, REASON_QE_IDENTITY,
				      "quoting enclave with attributes %s, want %s",
				      hex_short(r->attributes).text,
				      hex_short(id->attributes).text);
	if (memcmp(r->mrsigner, id->mrsigner, SGX_MEASUREMENT_BYTES))
		return refuse(why, REASON_QE_IDENTITY, "quoting enclave signed by %s, want %s",
			      hex_short(r->mrsigner).text, hex_short(id->mrsigner).text);
	if (r->isvprodid != id->isvprodid)
		return refuse(why, REASON_QE_IDENTITY, "quoting enclave of product %u, want %u",
			      r->isvprodid, id->isvprodid);
	return REASON_OK;
}
