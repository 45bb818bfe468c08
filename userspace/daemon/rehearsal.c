// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/rehearsal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/outcome.h"
#include "daemon/collateral.h"
#include "verifier/rehearse.h"

enum {
	LIMIT_MS = 2000, /* for all of them: the loop waits meanwhile */
	NAMED_MAX = 3,	 /* backends that a sentence names */
};

/* What a backend is good for, bit CLASS_…, above public. */
struct prospect {
	unsigned int before, after;
};

struct outlook {
	struct daemon *daemon;
	struct rehearsal *rehearsal;
	struct prospect *prospects; /* of d->nodes */
	json_t *evicted, *undetermined;
	uint64_t until_ms;
};

static unsigned int held_now(const struct node *n)
{
	unsigned int mask = 0;

	for (enum class c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++)
		if (n->peer.until_ms[c] > now_ms())
			mask |= 1U << c;
	return mask;
}

/* As appraisal.c asks. */
static bool compose(struct daemon *d, const struct node *n, const char *policy,
		    struct msg_appraise *m)
{
	const struct stored *s = n->cached.bytes ? &n->cached : &n->fresh;
	struct appraisal none = { 0 };
	struct msg_evidence e = { 0 };

	memset(m, 0, sizeof(*m));
	if (!s->bytes || !msg_evidence_get(bytes_of(s->bytes, s->n), &e))
		return false;
	strcpy(m->policy, policy); /* arrays of one size */
	m->at = daemon_wall_s(d);
	m->binding = e.binding;
	m->report = e.report;
	memcpy(m->certs, e.certs, sizeof(m->certs));
	m->certs_count = e.certs_count;
	m->collateral[COLLATERAL_CRL] = bytes_of(d->crl, d->crl_bytes);
	collateral_attach(d, n, &none, m);
	return true;
}

static bool is_answer(const struct msg_verdict *v)
{
	enum verdict verdict = v->reason < REASON_COUNT ? reason_verdict(v->reason) : VERDICT_ERROR;

	return verdict == VERDICT_ACCEPTED || verdict == VERDICT_REFUSED;
}

/* What could not be told changes nothing, as when the daemon itself could not tell. */
static void judge(struct outlook *o, size_t i, const struct policy *policy)
{
	const struct node *n = o->daemon->nodes[i];
	uint64_t now = now_ms();
	struct msg_appraise m;
	struct msg_verdict v;

	if (!compose(o->daemon, n, policy_name(policy), &m) || now >= o->until_ms ||
	    rehearsal_ask(o->rehearsal, &m, o->until_ms - now, &v) || !is_answer(&v)) {
		json_array_append_new(o->undetermined, json_string(n->name));
		return;
	}
	o->prospects[i].after &= v.class_mask;
	if (!o->prospects[i].after)
		json_array_append_new(o->evicted,
				      json_pack("{s:s, s:s, s:s}", "name", n->name, "reason",
						reason_str(v.reason), "detail", v.detail));
}

static json_t *count_class(const struct outlook *o, enum class c)
{
	size_t before = 0, after = 0;

	for (size_t i = 0; i < o->daemon->nodes_count; i++) {
		before += o->prospects[i].before >> c & 1;
		after += o->prospects[i].after >> c & 1;
	}
	return json_pack("{s:I, s:I}", "before", (json_int_t)before, "after", (json_int_t)after);
}

/* Members are indexes into the configuration's backends, whose order the nodes have. */
static bool goes_dark(const struct outlook *o, const struct service_config *s)
{
	bool before = false, after = false;

	for (size_t i = 0; i < s->backends_count; i++) {
		const struct prospect *p = &o->prospects[s->backends[i]];

		before |= p->before >> s->class & 1;
		after |= p->after >> s->class & 1;
	}
	return before && !after;
}

static json_t *dark_services(const struct outlook *o)
{
	const struct router_config *r = &o->daemon->config->router;
	json_t *list = json_array();

	for (size_t i = 0; i < r->services_count; i++)
		if (r->services[i].class != CLASS_PUBLIC && goes_dark(o, &r->services[i]))
			json_array_append_new(list, json_string(r->services[i].name));
	return list;
}

static json_t *tell(const struct outlook *o)
{
	json_t *classes = json_object();
	size_t attested = 0;

	for (enum class c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++)
		json_object_set_new(classes, class_str(c), count_class(o, c));
	for (size_t i = 0; i < o->daemon->nodes_count; i++)
		attested += o->prospects[i].before != 0;
	return json_pack("{s:I, s:O, s:O, s:o, s:o}", "attested", (json_int_t)attested, "evicted",
			 o->evicted, "undetermined", o->undetermined, "classes", classes, "dark",
			 dark_services(o));
}

json_t *rehearsal_outlook(struct daemon *d, struct policy *const policies[], size_t count,
			  const struct policy *const by_node[])
{
	struct outlook o = { .daemon = d, .until_ms = now_ms() + LIMIT_MS };
	json_t *all = NULL;

	o.prospects = calloc(d->nodes_count + 1, sizeof(*o.prospects));
	o.evicted = json_array();
	o.undetermined = json_array();
	o.rehearsal = rehearsal_begin(policies, count);
	if (o.prospects && o.rehearsal) {
		for (size_t i = 0; i < d->nodes_count; i++) {
			o.prospects[i].before = o.prospects[i].after = held_now(d->nodes[i]);
			if (by_node[i] && o.prospects[i].before)
				judge(&o, i, by_node[i]);
		}
		all = tell(&o);
	}
	rehearsal_end(o.rehearsal);
	json_decref(o.evicted);
	json_decref(o.undetermined);
	free(o.prospects);
	return all;
}

/* What the node would be judged by, if that is not what it is judged by now. */
static const struct policy *changed_policy(const struct daemon *d, const struct config *new,
					   const struct node *n)
{
	const struct policy *was = config_policy(d->config, n->config->policy), *is = NULL;

	for (size_t i = 0; i < new->router.backends_count; i++)
		if (!strcmp(new->router.backends[i].name, n->name))
			is = config_policy(new, new->router.backends[i].policy);
	return was && is && strcmp(policy_digest(was), policy_digest(is)) ? is : NULL;
}

static json_int_t number(const json_t *outlook, const char *class, const char *when)
{
	return json_integer_value(
		json_object_get(json_object_get(json_object_get(outlook, "classes"), class), when));
}

static bool allows(const json_t *outlook, char why[WHY_MAX])
{
	const json_t *first = json_array_get(json_object_get(outlook, "evicted"), 0);

	for (enum class c = CLASS_CONFIDENTIAL; c < CLASS_COUNT; c++) {
		json_int_t before = number(outlook, class_str(c), "before");
		const char *name = json_string_value(json_object_get(first, "name"));
		const char *reason = json_string_value(json_object_get(first, "reason"));

		if (!before || number(outlook, class_str(c), "after"))
			continue;
		snprintf(why, WHY_MAX,
			 "its policies would leave nobody for class %s, of %lld that serve it now "
			 "(%.60s: %.40s); fairlead reload --force applies them all the same",
			 class_str(c), (long long)before, name ? name : "chips that are not pinned",
			 reason ? reason : "ok");
		return false;
	}
	return true;
}

bool rehearsal_allows(struct daemon *d, const struct config *new, char why[WHY_MAX])
{
	const struct policy **by_node = calloc(d->nodes_count + 1, sizeof(*by_node));
	bool changed = false, allowed = true;
	json_t *outlook;

	for (size_t i = 0; by_node && i < d->nodes_count; i++) {
		by_node[i] = changed_policy(d, new, d->nodes[i]);
		changed |= by_node[i] != NULL;
	}
	if (changed) {
		outlook = rehearsal_outlook(d, new->policies, new->policies_count, by_node);
		allowed = !outlook || allows(outlook, why);
		json_decref(outlook);
	}
	free(by_node);
	return allowed;
}

static json_t *simulate(struct daemon *d, struct policy *p, const char *as, char error[WHY_MAX],
			int *code)
{
	const struct policy **by_node = calloc(d->nodes_count + 1, sizeof(*by_node));
	json_t *outlook = NULL;
	bool any = false;

	for (size_t i = 0; by_node && i < d->nodes_count; i++) {
		by_node[i] = strcmp(d->nodes[i]->config->policy, as) ? NULL : p;
		any |= by_node[i] != NULL;
	}
	if (any)
		outlook = rehearsal_outlook(d, &p, 1, by_node);
	if (by_node && !any) {
		snprintf(error, WHY_MAX, "no backend is judged by a policy \"%.60s\"", as);
		*code = 1;
	}
	free(by_node);
	return outlook;
}

json_t *rehearsal_simulate(struct daemon *d, json_t *args, char error[WHY_MAX], int *code)
{
	const char *text = json_string_value(json_object_get(args, "policy"));
	const char *as = json_string_value(json_object_get(args, "for"));
	struct conf *y = text ? conf_parse("policy", text, strlen(text)) : NULL;
	const yaml_node_t *root = y ? conf_root(y) : NULL;
	struct policy *p = root ? policy_read(y, root) : NULL;
	json_t *outlook = NULL;

	if (!text)
		snprintf(error, WHY_MAX, "want \"policy\": the text of one");
	else if (y && conf_error_count(y))
		snprintf(error, WHY_MAX, "%.200s", conf_first_error(y));
	else if (p)
		outlook = simulate(d, p, as ? as : policy_name(p), error, code);
	policy_free(p);
	conf_free(y);
	return outlook;
}
