// SPDX-License-Identifier: BSD-2-Clause
/* The keys of "tdx", and the rules that they make as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "verifier/policy_fields.h"
#include "verifier/refuse.h"
#include "verifier/tdx_rules.h"

enum {
	DATE_MAX = 16,
};

static void read_hex16(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_hex(y, node, out, TDX_PLATFORM_ID_BYTES);
}

static void read_hex6(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_hex(y, node, out, TDX_FMSPC_BYTES);
}

static void read_platform_ids(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, TDX_PLATFORM_ID_BYTES, read_hex16);
}

static void read_fmspcs(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, TDX_FMSPC_BYTES, read_hex6);
}

/* Without values there may be none, and not any. */
static void read_service_tds(struct conf *y, const yaml_node_t *node, void *field)
{
	if (node->type != YAML_SEQUENCE_NODE || conf_length(node))
		field_digests(y, node, field);
}

/* Not Revoked: no policy accepts that. */
static void read_status(struct conf *y, const yaml_node_t *node, void *set)
{
	const char *names[TDX_REVOKED];
	unsigned int v;

	for (enum tdx_status s = 0; s < TDX_REVOKED; s++)
		names[s] = tdx_status_str(s);
	if (conf_choice(y, node, names, TDX_REVOKED, &v))
		((bool *)set)[v] = true;
}

static void read_statuses(struct conf *y, const yaml_node_t *node, void *field)
{
	field_word_set(y, node, field, TDX_STATUSES, read_status);
}

static void read_advisory(struct conf *y, const yaml_node_t *node, void *out)
{
	conf_text(y, node, out, TDX_ADVISORY_MAX);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_advisories(struct conf *y, const yaml_node_t *node, void *field)
{
	struct tdx_rules *s = field;
	struct advisory_list *l = &s->advisories;

	l->names = calloc(RULES_ADVISORIES_MAX, sizeof(*l->names));
	if (!l->names) {
		conf_complain(y, node, "no memory");
		return;
	}
	s->any_advisory = false;
	l->count = conf_sequence(y, node, RULES_ADVISORIES_MAX, read_advisory, l->names,
				 sizeof(*l->names));
	qsort(l->names, l->count, sizeof(*l->names), compare_names);
}

bool advisory_list_has(const struct advisory_list *l, const char *name)
{
	return l->count && bsearch(name, l->names, l->count, sizeof(*l->names), compare_names);
}

/* "2025-05-14": its first second, UTC. */
static void read_date(struct conf *y, const yaml_node_t *node, void *field)
{
	struct tm tm = { 0 };
	char text[DATE_MAX];
	const char *end;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	end = strptime(text, "%Y-%m-%d", &tm);
	if (!end || *end || strlen(text) != strlen("2025-05-14")) {
		conf_complain(y, node, "want a date such as 2025-05-14, got \"%s\"", text);
		return;
	}
	*(int64_t *)field = timegm(&tm);
}

static void read_svn(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_hex(y, node, field, TDX_SVN_BYTES);
}

void tdx_rules_read(struct conf *y, const yaml_node_t *node, struct tdx_rules *s)
{
	static const struct conf_key keys[] = {
		{ "roots", false, field_roots, offsetof(struct tdx_rules, roots) },
		{ "mrtd", false, field_digests, offsetof(struct tdx_rules, mrtd) },
		{ "rtmr0", false, field_digests, offsetof(struct tdx_rules, rtmr[0]) },
		{ "rtmr1", false, field_digests, offsetof(struct tdx_rules, rtmr[1]) },
		{ "rtmr2", false, field_digests, offsetof(struct tdx_rules, rtmr[2]) },
		{ "rtmr3", false, field_digests, offsetof(struct tdx_rules, rtmr[3]) },
		{ "mrconfigid", false, field_digests, offsetof(struct tdx_rules, mrconfigid) },
		{ "mrowner", false, field_digests, offsetof(struct tdx_rules, mrowner) },
		{ "mrownerconfig", false, field_digests,
		  offsetof(struct tdx_rules, mrownerconfig) },
		{ "mrseam", false, field_digests, offsetof(struct tdx_rules, mrseam) },
		{ "mrsignerseam", false, field_digests, offsetof(struct tdx_rules, mrsignerseam) },
		{ "service-tds", false, read_service_tds, offsetof(struct tdx_rules, service_tds) },
		{ "attributes", false, field_mask, offsetof(struct tdx_rules, attributes) },
		{ "xfam", false, field_mask, offsetof(struct tdx_rules, xfam) },
		{ "debug", false, field_permission, offsetof(struct tdx_rules, debug) },
		{ "migration", false, field_permission, offsetof(struct tdx_rules, migration) },
		{ "smt", false, field_permission, offsetof(struct tdx_rules, smt) },
		{ "cached-keys", false, field_permission, offsetof(struct tdx_rules, cached_keys) },
		{ "dynamic-platform", false, field_permission,
		  offsetof(struct tdx_rules, dynamic_platform) },
		{ "tcb-status", false, read_statuses, offsetof(struct tdx_rules, status) },
		{ "advisories", false, read_advisories, 0 },
		{ "minimum-tcb-svn", false, read_svn, offsetof(struct tdx_rules, minimum_svn) },
		{ "minimum-tcb-date", false, read_date,
		  offsetof(struct tdx_rules, minimum_tcb_date) },
		{ "minimum-tcb-evaluation", false, field_u32,
		  offsetof(struct tdx_rules, minimum_evaluation) },
		{ "maximum-collateral-age-hours", false, field_crl_age,
		  offsetof(struct tdx_rules, collateral_age_hours) },
		{ "crl", false, field_crl, offsetof(struct tdx_rules, crl) },
		{ "maximum-crl-age-hours", false, field_crl_age,
		  offsetof(struct tdx_rules, crl_age_hours) },
		{ "fmspcs", false, read_fmspcs, offsetof(struct tdx_rules, fmspcs) },
		{ "platform-ids", false, read_platform_ids,
		  offsetof(struct tdx_rules, platform_ids) },
	};

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), s);
}

void tdx_rules_default(struct tdx_rules *s)
{
	memset(s, 0, sizeof(*s));
	s->status[TDX_UP_TO_DATE] = true;
	s->any_advisory = true;
	s->smt = s->cached_keys = s->dynamic_platform = true; /* the clouds' usual platforms */
	s->xfam.required = 0x3; /* x87 and SSE: fixed to 1 by the module */
	s->xfam.unknown = true;
	s->crl = CRL_GIVEN;
}

void tdx_rules_free(struct tdx_rules *s)
{
	struct value_list *const lists[] = { &s->mrtd,		&s->mrconfigid, &s->mrowner,
					     &s->mrownerconfig, &s->mrseam,	&s->mrsignerseam,
					     &s->service_tds,	&s->fmspcs,	&s->platform_ids };

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		free(lists[i]->values);
	for (int i = 0; i < TDX_RTMRS; i++)
		free(s->rtmr[i].values);
	free(s->advisories.names);
}

static const char *status_name(size_t i)
{
	return tdx_status_str(i);
}

static void put_measurements(struct writer *w, const struct tdx_rules *s)
{
	static const char *const rtmrs[TDX_RTMRS] = { "rtmr0", "rtmr1", "rtmr2", "rtmr3" };

	put_values(w, "mrtd", &s->mrtd);
	for (int i = 0; i < TDX_RTMRS; i++)
		put_values(w, rtmrs[i], &s->rtmr[i]);
	put_values(w, "mrconfigid", &s->mrconfigid);
	put_values(w, "mrowner", &s->mrowner);
	put_values(w, "mrownerconfig", &s->mrownerconfig);
	put_values(w, "mrseam", &s->mrseam);
	put_values(w, "mrsignerseam", &s->mrsignerseam);
	put_values(w, "fmspcs", &s->fmspcs);
	put_values(w, "platform-ids", &s->platform_ids);
	if (s->service_tds.count)
		put_values(w, "service-tds", &s->service_tds);
	else
		put_member(w, "service-tds", json_array()); /* none, where other lists say any */
}

static void put_advisories(struct writer *w, const struct tdx_rules *s)
{
	json_t *list;

	if (s->any_advisory) {
		put_member(w, "advisories", json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < s->advisories.count; i++)
		w->failures +=
			json_array_append_new(list, json_string(s->advisories.names[i])) != 0;
	put_member(w, "advisories", list);
}

static void put_age(struct writer *w, const struct tdx_rules *s)
{
	char svn[2 * TDX_SVN_BYTES + 1];
	struct time_text date = time_text(s->minimum_tcb_date);

	date.text[strlen("2025-05-14")] = 0;
	put_member(w, "minimum-tcb-svn", json_string(hex(s->minimum_svn, TDX_SVN_BYTES, svn)));
	put_member(w, "minimum-tcb-date",
		   s->minimum_tcb_date ? json_string(date.text) : json_string("any"));
	put_member(w, "minimum-tcb-evaluation", json_integer(s->minimum_evaluation));
	put_member(w, "maximum-collateral-age-hours",
		   s->collateral_age_hours ? json_integer(s->collateral_age_hours)
					   : json_string("any"));
}

json_t *tdx_rules_json(const struct tdx_rules *s)
{
	struct writer w = writer_begin();

	put_roots(&w, "roots-besides-intel", &s->roots);
	put_measurements(&w, s);
	put_mask(&w, "attributes", &s->attributes);
	put_mask(&w, "xfam", &s->xfam);
	put_permission(&w, "debug", s->debug);
	put_permission(&w, "migration", s->migration);
	put_permission(&w, "smt", s->smt);
	put_permission(&w, "cached-keys", s->cached_keys);
	put_permission(&w, "dynamic-platform", s->dynamic_platform);
	put_words(&w, "tcb-status", s->status, TDX_STATUSES, status_name);
	put_advisories(&w, s);
	put_age(&w, s);
	put_crl(&w, s->crl, s->crl_age_hours);
	return writer_end(&w);
}
