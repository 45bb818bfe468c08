// SPDX-License-Identifier: BSD-2-Clause
/*
 * What can only be judged once all keys are read: names that must differ, names that
 * must be known, and what a class demands of the backends that serve it.
 */
#include "daemon/config_draft.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/outcome.h"
#include "steering/ring.h"

enum {
	KEY_TEXT_MAX = ENDPOINT_TEXT_MAX + 8, /* an endpoint and its protocol */
};

/* Names in order, so that 65,535 of them are compared in a moment. */
struct names {
	struct name {
		const char *text;
		size_t item;
	} * all;
	size_t n;
};

static int name_compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->item > y->item) - (x->item < y->item);
}

/* Room for max; names_add() and then names_sort() fill it. */
static bool names_init(struct names *s, size_t max)
{
	s->n = 0;
	s->all = calloc(max + 1, sizeof(*s->all));
	return s->all;
}

/* One that could not be read has been complained about already. */
static void names_add(struct names *s, const char *text, size_t item)
{
	if (text[0])
		s->all[s->n++] = (struct name){ text, item };
}

static void names_sort(struct names *s)
{
	qsort(s->all, s->n, sizeof(*s->all), name_compare);
}

/* The first item of that name, or SIZE_MAX. */
static size_t names_first(const struct names *s, const char *text)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(s->all[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n && !strcmp(s->all[low].text, text) ? s->all[low].item : SIZE_MAX;
}

/* What is judged, and all that is in it by name. */
struct check {
	struct conf *y;
	struct draft *d;
	struct names policies, backends, services, vips;
	char (*vip_texts)[KEY_TEXT_MAX]; /* of each service */
	size_t *listed_by;		 /* of each backend: the last service that lists it, + 1 */
};

static void check_free(struct check *k)
{
	free(k->policies.all);
	free(k->backends.all);
	free(k->services.all);
	free(k->vips.all);
	free(k->vip_texts);
	free(k->listed_by);
}

static const char *vip_text(const struct service_config *s, char out[KEY_TEXT_MAX])
{
	char text[ENDPOINT_TEXT_MAX];

	out[0] = 0;
	if (s->port && s->proto && !bytes_are_zero(bytes_of(&s->vip, sizeof(s->vip))))
		snprintf(out, KEY_TEXT_MAX, "%s/%s", endpoint_text(&s->vip, s->port, text),
			 s->proto == IPPROTO_TCP ? "tcp" : "udp");
	return out;
}

static bool check_index(struct check *x)
{
	const struct draft *d = x->d;

	x->vip_texts = calloc(d->services_count + 1, sizeof(*x->vip_texts));
	x->listed_by = calloc(d->backends_count + 1, sizeof(*x->listed_by));
	if (!x->vip_texts || !x->listed_by || !names_init(&x->policies, d->policies_count) ||
	    !names_init(&x->backends, d->backends_count) ||
	    !names_init(&x->services, d->services_count) ||
	    !names_init(&x->vips, d->services_count))
		return false;
	for (size_t i = 0; i < d->policies_count; i++)
		if (d->policies[i].policy)
			names_add(&x->policies, policy_name(d->policies[i].policy), i);
	for (size_t i = 0; i < d->backends_count; i++)
		names_add(&x->backends, d->backends[i].config.name, i);
	for (size_t i = 0; i < d->services_count; i++) {
		names_add(&x->services, d->services[i].config.name, i);
		names_add(&x->vips, vip_text(&d->services[i].config, x->vip_texts[i]), i);
	}
	names_sort(&x->policies);
	names_sort(&x->backends);
	names_sort(&x->services);
	names_sort(&x->vips);
	return true;
}

static void check_policies(const struct check *k)
{
	const struct draft *d = k->d;
	const char *wanted = d->config.agent.attest_routers.policy;

	for (size_t i = 0; i < d->policies_count; i++) {
		const struct policy_draft *p = &d->policies[i];
		size_t first = names_first(&k->policies, policy_name(p->policy));

		if (first != i && first != SIZE_MAX)
			conf_complain(k->y, p->node,
				      "policies[%zu]: the name \"%s\" is taken since line %u", i,
				      policy_name(p->policy), conf_line(d->policies[first].node));
	}
	if (wanted[0] && names_first(&k->policies, wanted) == SIZE_MAX)
		conf_complain(k->y, d->attest_policy,
			      "agent: attest-routers: no policy is called \"%s\"", wanted);
}

static void check_attestation(const struct check *k, const struct backend_draft *b)
{
	struct conf *y = k->y;
	const char *name = b->config.name;

	if (b->agent && !b->policy)
		conf_complain(y, b->node,
			      "backend \"%s\": has an agent: want a policy to appraise it by",
			      name);
	if (!b->agent && b->policy)
		conf_complain(y, b->policy,
			      "backend \"%s\": has a policy: want the port of its agent, too",
			      name);
	if (!b->agent && b->node_name)
		conf_complain(y, b->node_name,
			      "backend \"%s\": has a node: want the port of its agent, too", name);
	if (!b->agent && b->egress)
		conf_complain(
			y, b->egress,
			"backend \"%s\": has an egress-digest: want the port of its agent, too",
			name);
	if (b->agent && b->check)
		conf_complain(
			y, b->check,
			"backend \"%s\": its agent's heartbeats tell its health: want no check",
			name);
	if (b->config.policy[0] && names_first(&k->policies, b->config.policy) == SIZE_MAX)
		conf_complain(y, b->policy, "backend \"%s\": no policy is called \"%s\"", name,
			      b->config.policy);
}

static void check_backends(const struct check *k)
{
	const struct draft *d = k->d;

	for (size_t i = 0; i < d->backends_count; i++) {
		const struct backend_draft *b = &d->backends[i];
		size_t first = names_first(&k->backends, b->config.name);

		if (first != i && first != SIZE_MAX)
			conf_complain(k->y, b->name,
				      "backend \"%s\": the name is taken since line %u",
				      b->config.name, conf_line(d->backends[first].name));
		check_attestation(k, b);
	}
}

/* Resolves one name in the list of service i. */
static void check_ref(struct check *k, size_t i, const struct ref *r)
{
	struct service_draft *s = &k->d->services[i];
	size_t found = names_first(&k->backends, r->name);
	const char *name = s->config.name;

	if (!r->name[0])
		return;
	if (found == SIZE_MAX) {
		conf_complain(k->y, r->node, "service \"%s\": no backend is called \"%s\"", name,
			      r->name);
		return;
	}
	if (k->listed_by[found] == i + 1) {
		conf_complain(k->y, r->node, "service \"%s\": lists \"%s\" twice", name, r->name);
		return;
	}
	k->listed_by[found] = i + 1;
	if (s->config.class != CLASS_PUBLIC && !k->d->backends[found].agent)
		conf_complain(k->y, r->node,
			      "service \"%s\": is %s: want backends with an agent, \"%s\" has none",
			      name, class_str(s->config.class), r->name);
	s->config.backends[s->config.backends_count++] = found;
}

static void check_members(struct conf *y, struct service_draft *s)
{
	size_t wanted = s->config.backends_count * RING_SHARE;

	if (s->backends && !s->refs_count)
		conf_complain(y, s->backends, "service \"%s\": want at least one backend",
			      s->config.name);
	if (s->config.ring_slots >= wanted)
		return;
	conf_complain(y, s->ring ? s->ring : s->node,
		      "service \"%s\": want a ring of %u slots, %d for each of its %zu backends, "
		      "got %u",
		      s->config.name, ring_next_prime(wanted), RING_SHARE, s->config.backends_count,
		      s->config.ring_slots);
}

static void check_service(struct check *k, size_t i)
{
	const struct draft *d = k->d;
	struct service_draft *s = &d->services[i];
	size_t first = names_first(&k->services, s->config.name);
	bool attested = false;

	if (first != i && first != SIZE_MAX)
		conf_complain(k->y, s->name, "service \"%s\": the name is taken since line %u",
			      s->config.name, conf_line(d->services[first].name));
	first = names_first(&k->vips, k->vip_texts[i]);
	if (first != i && first != SIZE_MAX)
		conf_complain(k->y, s->vip, "service \"%s\": %s is taken by \"%s\" on line %u",
			      s->config.name, k->vip_texts[i], d->services[first].config.name,
			      conf_line(d->services[first].vip));
	for (size_t j = 0; j < s->refs_count; j++)
		check_ref(k, i, &s->refs[j]);
	check_members(k->y, s);
	for (size_t j = 0; j < s->config.backends_count; j++)
		attested = attested || d->backends[s->config.backends[j]].agent;
	modes_check(k->y, s);
	marks_check(k->y, s, attested);
	quic_check(k->y, d, s);
}

/* False without memory. */
static bool check_services(struct check *k)
{
	for (size_t i = 0; i < k->d->services_count; i++) {
		struct service_draft *s = &k->d->services[i];

		s->config.backends = calloc(s->refs_count + 1, sizeof(*s->config.backends));
		if (!s->config.backends)
			return false;
		check_service(k, i);
	}
	return true;
}

/* Maps have room for as many ids as they are made for; id 0 of the backends is nobody's. */
static void check_sizes(struct conf *y, const struct draft *d)
{
	const struct router_config *r = &d->config.router;
	uint64_t services = r->services_max ? r->services_max : SERVICES_MAX;
	uint64_t backends = r->backends_max ? r->backends_max : BACKENDS_MAX;

	if (d->services_count > services)
		conf_complain(y, d->services_max ? d->services_max : d->router,
			      "router: want sizes.services of at least %zu, got %llu",
			      d->services_count, (unsigned long long)services);
	if (d->backends_count + 1 > backends)
		conf_complain(y, d->backends_max ? d->backends_max : d->router,
			      "router: want sizes.backends of at least %zu, got %llu",
			      d->backends_count + 1, (unsigned long long)backends);
}

static void check_roles(struct conf *y, const struct draft *d)
{
	bool agents = false;

	for (size_t i = 0; i < d->backends_count; i++)
		agents = agents || d->backends[i].agent;
	if (!d->router && !d->agent)
		conf_complain(y, d->root, "want a section router or agent, or both");
	if (!d->identity && (d->agent || agents))
		conf_complain(y, d->root, "want a section identity: %s",
			      d->agent ? "the agent has to show who it is"
				       : "agents want to know who asks them");
}

/* XDP comes first: what it steers, nobody behind it sees. */
static void check_tc(struct conf *y, const struct draft *d)
{
	const struct router_config *r = &d->config.router;

	for (size_t i = 0; i < r->tc_count[TC_IN]; i++)
		for (size_t k = 0; k < r->interfaces_count; k++)
			if (r->tc[TC_IN][i][0] && !strcmp(r->tc[TC_IN][i], r->interfaces[k]))
				conf_complain(y, d->tc,
					      "tc: ingress: \"%s\" is among interfaces, where XDP "
					      "steers what comes in",
					      r->interfaces[k]);
}

/* One node has one source of it. */
static void check_evidence(struct conf *y, const struct draft *d)
{
	if (d->evidence_of_agent && !d->agent)
		conf_complain(y, d->evidence,
			      "router: evidence is the agent's, and there is no section agent: "
			      "want tee, source and so on");
	if (d->evidence && !d->evidence_of_agent && d->agent)
		conf_complain(y, d->evidence,
			      "router: the section agent says where evidence comes from: want "
			      "evidence: agent");
}

static void check_agent(struct conf *y, const struct draft *d)
{
	const struct agent_config *a = &d->config.agent;
	const struct attester_config *e = &d->config.evidence;

	if (e->source == ATTESTER_SOFT && !d->directory)
		conf_complain(y, d->agent, "agent: source is soft: want its directory");
	if (!attester_has(e->tee, e->source))
		conf_complain(y, d->agent, "agent: its source gives no evidence of tee: %s",
			      tee_str(e->tee));
	if (e->source != ATTESTER_SOFT && d->directory)
		conf_complain(y, d->directory, "agent: directory is for source: soft alone");
	if (a->interfaces_count && !a->routers_count)
		conf_complain(y, d->guard,
			      "agent: guards interfaces: want routers, whose packets it lets in");
	egress_check(y, d);
}

void draft_check(struct conf *y, struct draft *d)
{
	struct check k = { .y = y, .d = d };

	check_roles(y, d);
	check_tc(y, d);
	check_evidence(y, d);
	if (d->agent)
		check_agent(y, d);
	if (!check_index(&k)) {
		d->no_memory = true;
	} else {
		check_policies(&k);
		check_backends(&k);
		if (!check_services(&k))
			d->no_memory = true;
		if (d->router)
			check_sizes(y, d);
	}
	check_free(&k);
}
