// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a policy demands of a quote that is known to be genuine.  The order is the one of
 * docs/policy.md: the platform's TCB; how the TD is set up, what runs in it, and where.
 */
#include <string.h>

#include "verifier/refuse.h"
#include "verifier/tdx.h"

static enum reason status_reason(enum tdx_status s)
{
	static const enum reason reasons[TDX_STATUSES] = {
		[TDX_SW_HARDENING] = REASON_TCB_SW_HARDENING,
		[TDX_CONFIGURATION] = REASON_TCB_CONFIGURATION,
		[TDX_CONFIGURATION_SW] = REASON_TCB_CONFIGURATION_SW,
		[TDX_RELAUNCH] = REASON_TCB_RELAUNCH,
		[TDX_RELAUNCH_CONFIGURATION] = REASON_TCB_RELAUNCH,
		[TDX_OUT_OF_DATE] = REASON_TCB_OUT_OF_DATE,
		[TDX_OUT_OF_DATE_CONFIGURATION] = REASON_TCB_OUT_OF_DATE,
		[TDX_REVOKED] = REASON_TCB_REVOKED,
	};

	return reasons[s] ? reasons[s] : REASON_TCB_OUT_OF_DATE;
}

static enum reason judge_status(const struct tdx_case *c)
{
	const struct tdx_tcb *t = &c->tcb;

	if (t->status != TDX_REVOKED && c->rules->status[t->status])
		return REASON_OK;
	return refuse(c->out, status_reason(t->status),
		      "TCB is %s (platform %s, TDX module %s, quoting enclave %s), not what policy "
		      "\"%s\" accepts",
		      tdx_status_str(t->status), tdx_status_str(t->platform),
		      tdx_status_str(t->module), tdx_status_str(t->qe), c->policy->name);
}

static enum reason judge_advisories(const struct tdx_case *c)
{
	const json_t *one;
	size_t i;

	if (c->rules->any_advisory)
		return REASON_OK;
	json_array_foreach(c->tcb.advisories, i, one)
	{
		if (!advisory_list_has(&c->rules->advisories, json_string_value(one)))
			return refuse(c->out, REASON_ADVISORY,
				      "advisory %s is open on this platform, and not in policy "
				      "\"%s\"",
				      json_string_value(one), c->policy->name);
	}
	return REASON_OK;
}

static enum reason judge_age(const struct tdx_case *c)
{
	const uint8_t *want = c->rules->minimum_svn, *have = c->quote.body.tcb_svn;

	if (c->tcb.date < c->rules->minimum_tcb_date)
		return refuse(c->out, REASON_TCB_TOO_OLD,
			      "TCB of %s, policy \"%s\" wants %s or later",
			      time_text(c->tcb.date).text, c->policy->name,
			      time_text(c->rules->minimum_tcb_date).text);
	for (int i = 0; i < TDX_SVN_BYTES; i++)
		if (have[i] < want[i])
			return refuse(c->out, REASON_TCB_TOO_OLD,
				      "byte %d of TEE_TCB_SVN is %u, policy \"%s\" wants %u or "
				      "more",
				      i, have[i], c->policy->name, want[i]);
	return REASON_OK;
}

enum reason tdx_judge_tcb(const struct tdx_case *c)
{
	enum reason reason = judge_status(c);

	if (!reason)
		reason = judge_advisories(c);
	return reason ? reason : judge_age(c);
}

static enum reason judge_mask(const struct tdx_case *c, enum reason reason, const char *what,
			      uint64_t bits, uint64_t known, const struct mask_rule *m)
{
	unsigned long long missing = ~bits & m->required, forbidden = bits & m->forbidden,
			   unknown = m->unknown ? 0 : bits & ~known, all = bits;

	if (missing)
		return refuse(c->out, reason, "%s 0x%llx lacks required bits 0x%llx", what, all,
			      missing);
	if (forbidden)
		return refuse(c->out, reason, "%s 0x%llx has forbidden bits 0x%llx", what, all,
			      forbidden);
	if (unknown)
		return refuse(c->out, reason, "%s 0x%llx has bits 0x%llx, which we do not know",
			      what, all, unknown);
	return REASON_OK;
}

static enum reason judge_attributes(const struct tdx_case *c)
{
	uint64_t bits = c->quote.body.attributes;

	if (bits & TDX_ATTRIBUTES_UNDER_DEBUG && !c->rules->debug)
		return refuse(c->out, REASON_POLICY_DEBUG,
			      "TD attributes 0x%llx allow debugging: the host can read its memory",
			      (unsigned long long)bits);
	if (bits >> TDX_ATTRIBUTE_MIGRATABLE & 1 && !c->rules->migration)
		return refuse(c->out, REASON_POLICY_MIGRATION,
			      "TD attributes 0x%llx allow its migration", (unsigned long long)bits);
	return judge_mask(c, REASON_POLICY_BITS, "TD attributes", bits, TDX_ATTRIBUTES_KNOWN,
			  &c->rules->attributes);
}

static enum reason judge_xfam(const struct tdx_case *c)
{
	/* Fixed by the module; of an XSAVE feature that we do not know nothing follows. */
	return judge_mask(c, REASON_XFAM, "XFAM", c->quote.body.xfam, c->rules->xfam.required,
			  &c->rules->xfam);
}

static enum reason judge_value(const struct tdx_case *c, enum reason reason, const char *what,
			       const uint8_t *value, const struct value_list *l)
{
	if (!l->count || value_list_has(l, value))
		return REASON_OK;
	return refuse(c->out, reason, "%s %s not in policy \"%s\" (%zu allowed)", what,
		      hex_short(value).text, c->policy->name, l->count);
}

/* None is bound to most TDs; one that is may copy the TD to where its own policy allows. */
static enum reason judge_service_td(const struct tdx_case *c)
{
	const uint8_t *hash = c->quote.body.mrservicetd;

	if (bytes_are_zero(bytes_of(hash, TDX_DIGEST_BYTES)) ||
	    value_list_has(&c->rules->service_tds, hash))
		return REASON_OK;
	return refuse(c->out, REASON_SERVICE_TD,
		      "a service TD (hash %s) is bound, not in policy \"%s\" (%zu allowed)",
		      hex_short(hash).text, c->policy->name, c->rules->service_tds.count);
}

static enum reason judge_measurements(const struct tdx_case *c)
{
	const struct tdx_body *b = &c->quote.body;
	const struct tdx_rules *s = c->rules;
	const struct {
		enum reason reason;
		const char *what;
		const uint8_t *value;
		const struct value_list *list;
	} rows[] = {
		{ REASON_MRSEAM, "MRSEAM", b->mrseam, &s->mrseam },
		{ REASON_MRSEAM, "MRSIGNERSEAM", b->mrsignerseam, &s->mrsignerseam },
		{ REASON_MEASUREMENT, "MRTD", b->mrtd, &s->mrtd },
		{ REASON_RTMR, "RTMR0", b->rtmr[0], &s->rtmr[0] },
		{ REASON_RTMR, "RTMR1", b->rtmr[1], &s->rtmr[1] },
		{ REASON_RTMR, "RTMR2", b->rtmr[2], &s->rtmr[2] },
		{ REASON_RTMR, "RTMR3", b->rtmr[3], &s->rtmr[3] },
		{ REASON_MRCONFIGID, "MRCONFIGID", b->mrconfigid, &s->mrconfigid },
		{ REASON_MROWNER, "MROWNER", b->mrowner, &s->mrowner },
		{ REASON_MROWNERCONFIG, "MROWNERCONFIG", b->mrownerconfig, &s->mrownerconfig },
	};
	enum reason reason = REASON_OK;

	for (size_t i = 0; !reason && i < sizeof(rows) / sizeof(*rows); i++)
		reason = judge_value(c, rows[i].reason, rows[i].what, rows[i].value, rows[i].list);
	return reason;
}

static bool is_pinned(const struct tdx_case *c)
{
	const struct value_list *l = &c->rules->platform_ids;

	return value_list_has(l, c->platform->pck.ppid) ||
	       (c->platform->pck.has_instance && value_list_has(l, c->platform->pck.instance));
}

static enum reason judge_flag(const struct tdx_case *c, const char *what, enum tdx_flag f,
			      bool allowed)
{
	if (allowed || f == TDX_FLAG_NO)
		return REASON_OK;
	return refuse(c->out, REASON_PLATFORM_CONFIGURATION,
		      "platform %s: %s, policy \"%s\" does not allow it", what,
		      f == TDX_FLAG_YES ? "yes" : "its PCK does not say", c->policy->name);
}

/* Platforms that are pinned for classified service alone are judged in tdx_classes(). */
static enum reason judge_place(const struct tdx_case *c)
{
	enum reason reason;

	reason = judge_value(c, REASON_FMSPC, "FMSPC", c->platform->pck.fmspc, &c->rules->fmspcs);
	if (!reason)
		reason = judge_flag(c, "with SMT", c->platform->pck.smt, c->rules->smt);
	if (!reason)
		reason = judge_flag(c, "with cached keys", c->platform->pck.cached_keys,
				    c->rules->cached_keys);
	if (!reason)
		reason = judge_flag(c, "with packages that may change", c->platform->pck.dynamic,
				    c->rules->dynamic_platform);
	if (!reason && !c->policy->classified_chip_pin && c->rules->platform_ids.count &&
	    !is_pinned(c))
		reason = refuse(c->out, REASON_CHIP_NOT_PINNED,
				"platform %s not in policy \"%s\" (%zu allowed)",
				hex_short(c->platform->pck.ppid).text, c->policy->name,
				c->rules->platform_ids.count);
	return reason;
}

enum reason tdx_judge_td(const struct tdx_case *c)
{
	static enum reason (*const rules[])(const struct tdx_case *c) = {
		judge_attributes, judge_xfam, judge_service_td, judge_measurements, judge_place,
	};
	enum reason reason = REASON_OK;

	for (size_t i = 0; !reason && i < sizeof(rules) / sizeof(*rules); i++)
		reason = rules[i](c);
	return reason;
}

unsigned int tdx_classes(const struct tdx_case *c)
{
	unsigned int classes = 1U << CLASS_PUBLIC | 1U << CLASS_CONFIDENTIAL;

	if (!c->policy->classified_chip_pin || is_pinned(c))
		return classes | 1U << CLASS_CLASSIFIED;
	refuse(c->out, REASON_OK,
	       "not for classified service: platform %s not in policy \"%s\" (%zu pinned)",
	       hex_short(c->platform->pck.ppid).text, c->policy->name,
	       c->rules->platform_ids.count);
	return classes;
}
