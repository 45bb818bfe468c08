// SPDX-License-Identifier: BSD-2-Clause
/* TCB info and QE identity, out of their JSON.  What is not understood makes all of it unusable. */
#include "verifier/tdx_tcb.h"

#include <stdio.h>

static const char *const statuses[TDX_STATUSES] = {
	[TDX_UP_TO_DATE] = "UpToDate",
	[TDX_SW_HARDENING] = "SWHardeningNeeded",
	[TDX_CONFIGURATION] = "ConfigurationNeeded",
	[TDX_CONFIGURATION_SW] = "ConfigurationAndSWHardeningNeeded",
	[TDX_RELAUNCH] = "TDRelaunchAdvised",
	[TDX_RELAUNCH_CONFIGURATION] = "TDRelaunchAdvisedConfigurationNeeded",
	[TDX_OUT_OF_DATE] = "OutOfDate",
	[TDX_OUT_OF_DATE_CONFIGURATION] = "OutOfDateConfigurationNeeded",
	[TDX_REVOKED] = "Revoked",
};

const char *tdx_status_str(enum tdx_status s)
{
	return (unsigned int)s < TDX_STATUSES ? statuses[s] : "unknown";
}

static bool is_a_level(enum tdx_status s, bool svn_only)
{
	if (svn_only)
		return s == TDX_UP_TO_DATE || s == TDX_OUT_OF_DATE || s == TDX_REVOKED;
	return s != TDX_RELAUNCH && s != TDX_RELAUNCH_CONFIGURATION;
}

static enum tdx_status read_status(struct tdx_reader *r, const json_t *level, bool svn_only)
{
	const json_t *v = tdx_read_member(r, level, "tcbStatus", JSON_STRING);

	for (enum tdx_status s = 0; v && s < TDX_STATUSES; s++)
		if (is_a_level(s, svn_only) && !strcmp(json_string_value(v), statuses[s]))
			return s;
	r->wrong = r->wrong ? r->wrong : "tcbStatus";
	return TDX_REVOKED;
}

static const json_t *read_advisories(struct tdx_reader *r, const json_t *level)
{
	const json_t *list, *one;
	size_t i;

	if (!json_object_get(level, "advisoryIDs"))
		return NULL;
	list = tdx_read_list(r, level, "advisoryIDs", 0, TDX_ADVISORIES_MAX);
	json_array_foreach(list, i, one)
	{
		if (!json_is_string(one) || json_string_length(one) >= TDX_ADVISORY_MAX)
			r->wrong = "advisoryIDs";
	}
	return list;
}

static struct tdx_mark read_mark(struct tdx_reader *r, const json_t *level, bool svn_only)
{
	return (struct tdx_mark){ read_status(r, level, svn_only),
				  tdx_read_date(r, level, "tcbDate"), read_advisories(r, level) };
}

static void read_components(struct tdx_reader *r, const json_t *tcb, const char *key,
			    uint8_t out[TDX_COMPONENTS])
{
	const json_t *list = tdx_read_list(r, tcb, key, TDX_COMPONENTS, TDX_COMPONENTS), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		out[i] = tdx_read_number(r, one, "svn", UINT8_MAX);
	}
}

static void read_levels(struct tdx_reader *r, const json_t *body, struct tdx_tcb_info *info)
{
	const json_t *list = tdx_read_list(r, body, "tcbLevels", 1, TDX_LEVELS_MAX), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		struct tdx_level *l = &info->levels[info->levels_count++];
		const json_t *tcb = tdx_read_member(r, one, "tcb", JSON_OBJECT);

		read_components(r, tcb, "sgxtcbcomponents", l->sgx);
		read_components(r, tcb, "tdxtcbcomponents", l->tdx);
		l->pcesvn = tdx_read_number(r, tcb, "pcesvn", UINT16_MAX);
		l->mark = read_mark(r, one, false);
	}
}

static void read_svn_levels(struct tdx_reader *r, const json_t *o, struct tdx_svn_levels *out)
{
	const json_t *list = tdx_read_list(r, o, "tcbLevels", 1, TDX_SVN_LEVELS_MAX), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const json_t *tcb = tdx_read_member(r, one, "tcb", JSON_OBJECT);

		out->levels[i].isvsvn = tdx_read_number(r, tcb, "isvsvn", UINT16_MAX);
		out->levels[i].mark = read_mark(r, one, true);
		out->count = i + 1;
	}
}

static void read_module(struct tdx_reader *r, const json_t *o, struct tdx_module *m)
{
	tdx_read_digits(r, o, "mrsigner", m->mrsigner, sizeof(m->mrsigner));
	tdx_read_digits(r, o, "attributes", m->attributes, sizeof(m->attributes));
	tdx_read_digits(r, o, "attributesMask", m->mask, sizeof(m->mask));
}

/* "TDX_" and two hexadecimal digits. */
static unsigned int read_major(struct tdx_reader *r, const json_t *o)
{
	const json_t *v = tdx_read_member(r, o, "id", JSON_STRING);
	unsigned int major;
	int n = 0;

	if (v && json_string_length(v) == 6 &&
	    sscanf(json_string_value(v), "TDX_%2x%n", &major, &n) == 1 && n == 6 && major)
		return major;
	r->wrong = r->wrong ? r->wrong : "id";
	return 0;
}

/* TCB infos of before there was a second module have none. */
static void read_modules(struct tdx_reader *r, const json_t *body, struct tdx_tcb_info *info)
{
	const json_t *list, *one;
	size_t i;

	if (!json_object_get(body, "tdxModuleIdentities"))
		return;
	list = tdx_read_list(r, body, "tdxModuleIdentities", 0, TDX_MODULES_MAX);
	json_array_foreach(list, i, one)
	{
		struct tdx_module *m = &info->modules[i];

		m->major = read_major(r, one);
		for (size_t j = 0; j < i; j++)
			if (info->modules[j].major == m->major)
				r->wrong = "tdxModuleIdentities";
		read_module(r, one, m);
		read_svn_levels(r, one, &m->levels);
		info->modules_count = i + 1;
	}
}

static void read_document(struct tdx_reader *r, const json_t *body, struct tdx_document *d)
{
	d->issued = tdx_read_date(r, body, "issueDate");
	d->next_update = tdx_read_date(r, body, "nextUpdate");
	d->evaluation = tdx_read_number(r, body, "tcbEvaluationDataNumber", UINT32_MAX);
}

/* Lists of advisories outlive the rest of the text, which takes ten times their room. */
static void keep_advisories(struct tdx_reader *r, const struct tdx_mark *m, struct tdx_document *d)
{
	if (m->advisories && json_array_append(d->advisories, (json_t *)m->advisories))
		r->wrong = r->wrong ? r->wrong : "advisoryIDs";
}

static void keep_all(struct tdx_reader *r, const struct tdx_svn_levels *l, struct tdx_document *d)
{
	for (size_t i = 0; i < l->count; i++)
		keep_advisories(r, &l->levels[i].mark, d);
}

static bool ended(const struct tdx_reader *r, json_t *text, struct tdx_document *d,
		  const char **wrong)
{
	json_decref(text);
	*wrong = r->wrong;
	if (r->wrong)
		tdx_document_free(d);
	return !r->wrong;
}

bool tdx_tcb_info_read(struct bytes body, struct tdx_tcb_info *out, const char **wrong)
{
	struct tdx_reader r = { NULL };
	json_t *o = tdx_json_parse(body);

	memset(out, 0, sizeof(*out));
	out->document.advisories = json_array();
	if (!o)
		r.wrong = "tcbInfo";
	tdx_read_text(&r, o, "id", "TDX");
	if (tdx_read_number(&r, o, "version", UINT32_MAX) != 3 && !r.wrong)
		r.wrong = "version";
	tdx_read_number(&r, o, "tcbType", 0);
	read_document(&r, o, &out->document);
	tdx_read_digits(&r, o, "fmspc", out->fmspc, sizeof(out->fmspc));
	tdx_read_digits(&r, o, "pceId", out->pceid, sizeof(out->pceid));
	read_module(&r, tdx_read_member(&r, o, "tdxModule", JSON_OBJECT), &out->module0);
	read_modules(&r, o, out);
	read_levels(&r, o, out);
	for (size_t i = 0; i < out->levels_count; i++)
		keep_advisories(&r, &out->levels[i].mark, &out->document);
	for (size_t i = 0; i < out->modules_count; i++)
		keep_all(&r, &out->modules[i].levels, &out->document);
	return ended(&r, o, &out->document, wrong);
}

static uint32_t be32(const uint8_t b[4])
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool tdx_qe_identity_read(struct bytes body, struct tdx_qe_identity *out, const char **wrong)
{
	struct tdx_reader r = { NULL };
	uint8_t select[4] = { 0 }, mask[4] = { 0 };
	json_t *o = tdx_json_parse(body);

	memset(out, 0, sizeof(*out));
	out->document.advisories = json_array();
	if (!o)
		r.wrong = "enclaveIdentity";
	tdx_read_text(&r, o, "id", "TD_QE");
	if (tdx_read_number(&r, o, "version", UINT32_MAX) != 2 && !r.wrong)
		r.wrong = "version";
	read_document(&r, o, &out->document);
	tdx_read_digits(&r, o, "miscselect", select, sizeof(select));
	tdx_read_digits(&r, o, "miscselectMask", mask, sizeof(mask));
	out->miscselect = be32(select);
	out->miscselect_mask = be32(mask);
	tdx_read_digits(&r, o, "attributes", out->attributes, sizeof(out->attributes));
	tdx_read_digits(&r, o, "attributesMask", out->attributes_mask,
			sizeof(out->attributes_mask));
	tdx_read_digits(&r, o, "mrsigner", out->mrsigner, sizeof(out->mrsigner));
	out->isvprodid = tdx_read_number(&r, o, "isvprodid", UINT16_MAX);
	read_svn_levels(&r, o, &out->levels);
	keep_all(&r, &out->levels, &out->document);
	return ended(&r, o, &out->document, wrong);
}

void tdx_document_free(struct tdx_document *d)
{
	json_decref(d->advisories);
	d->advisories = NULL;
}
