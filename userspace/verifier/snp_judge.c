// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a policy demands of a report that is known to be genuine.  The order is the one of
 * docs/policy.md: what the platform is, how it is set up, how new it is, what runs on it, where.
 * A rule says one thing: appraise_all() goes on behind one that is broken.
 */
#include <stdio.h>

#include "verifier/refuse.h"
#include "verifier/snp.h"

static enum reason judge_product(const struct snp_case *c)
{
	if (!c->rules->products[c->certs.product])
		return refuse(c->out, REASON_PRODUCT, "product %s is not in policy \"%s\"",
			      snp_product_str(c->certs.product), c->policy->name);
	return REASON_OK;
}

static enum reason judge_key(const struct snp_case *c)
{
	if (!c->rules->keys[c->certs.kind])
		return refuse(c->out, REASON_KEY_KIND, "a report under a %s, not in policy \"%s\"",
			      snp_key_str(c->certs.kind), c->policy->name);
	return REASON_OK;
}

static enum reason judge_mask(const struct snp_case *c, enum reason reason, const char *what,
			      uint64_t bits, const struct mask_rule *m)
{
	enum reason found = REASON_OK;

	if (~bits & m->required)
		found = refuse(c->out, reason, "%s 0x%llx lacks required bits 0x%llx", what,
			       (unsigned long long)bits,
			       (unsigned long long)(~bits & m->required));
	if (!found && bits & m->forbidden)
		found = refuse(c->out, reason, "%s 0x%llx has forbidden bits 0x%llx", what,
			       (unsigned long long)bits,
			       (unsigned long long)(bits & m->forbidden));
	return found;
}

static enum reason judge_debug(const struct snp_case *c)
{
	uint64_t bits = c->report.policy;

	if (bits >> SNP_POLICY_DEBUG & 1 && !c->rules->debug)
		return refuse(c->out, REASON_POLICY_DEBUG,
			      "guest policy 0x%llx allows debugging: the host can read its memory",
			      (unsigned long long)bits);
	return REASON_OK;
}

static enum reason judge_migration(const struct snp_case *c)
{
	uint64_t bits = c->report.policy;

	if (bits >> SNP_POLICY_MIGRATE_MA & 1 && !c->rules->migration)
		return refuse(c->out, REASON_POLICY_MIGRATION,
			      "guest policy 0x%llx allows a migration agent",
			      (unsigned long long)bits);
	return REASON_OK;
}

static enum reason judge_guest_policy(const struct snp_case *c)
{
	return judge_mask(c, REASON_POLICY_BITS, "guest policy", c->report.policy,
			  &c->rules->policy);
}

static enum reason judge_platform_unknown(const struct snp_case *c)
{
	uint64_t bits = c->report.platform_info;

	if (bits >> SNP_PLATFORM_BITS && !c->rules->platform.unknown)
		return refuse(c->out, REASON_PLATFORM_INFO,
			      "platform info 0x%llx has bits from %d on, which we do not know",
			      (unsigned long long)bits, SNP_PLATFORM_BITS);
	return REASON_OK;
}

static enum reason judge_platform(const struct snp_case *c)
{
	return judge_mask(c, REASON_PLATFORM_INFO, "platform info", c->report.platform_info,
			  &c->rules->platform);
}

static enum reason judge_vmpl(const struct snp_case *c)
{
	if (c->report.vmpl < c->rules->vmpl_minimum || c->report.vmpl > c->rules->vmpl_maximum)
		return refuse(c->out, REASON_VMPL, "VMPL %u, policy \"%s\" wants %llu..%llu",
			      c->report.vmpl, c->policy->name,
			      (unsigned long long)c->rules->vmpl_minimum,
			      (unsigned long long)c->rules->vmpl_maximum);
	return REASON_OK;
}

/* Whether a floor is about this processor.  Version 2 does not say which it is: then it may be. */
static bool floor_applies(const struct snp_case *c, const struct tcb_floor *f)
{
	const uint8_t cpu[] = { c->report.family, c->report.model, c->report.stepping };

	if (f->product != c->certs.product)
		return false;
	for (int i = 0; c->report.version >= SNP_VERSION_CPUID && i < 3; i++)
		if (f->has_cpu[i] && f->cpu[i] != cpu[i])
			return false;
	return true;
}

/* Where there are floors, a processor that none is about is not let through below them all. */
static enum reason judge_tcb(const struct snp_case *c, const struct floor_list *l,
			     const struct snp_tcb *tcb, const char *name)
{
	bool judged = l->count == 0;

	for (size_t i = 0; i < l->count; i++) {
		enum snp_part p = snp_tcb_above(&l->floors[i].tcb, tcb);

		if (!floor_applies(c, &l->floors[i]))
			continue;
		judged = true;
		if (p != SNP_PARTS)
			return refuse(c->out, REASON_TCB_TOO_OLD,
				      "%s: %s %u, policy \"%s\" wants at least %u", name,
				      snp_part_str(p), tcb->part[p], c->policy->name,
				      l->floors[i].tcb.part[p]);
	}
	if (!judged)
		return refuse(c->out, REASON_TCB_TOO_OLD,
			      "%s: policy \"%s\" has no minimum for %s 0x%02x/0x%02x/%u", name,
			      c->policy->name, snp_product_str(c->certs.product), c->report.family,
			      c->report.model, c->report.stepping);
	return REASON_OK;
}

static uint32_t firmware_number(const struct snp_firmware *f)
{
	return (uint32_t)f->major << 16 | (uint32_t)f->minor << 8 | f->build;
}

static enum reason judge_provisional(const struct snp_case *c)
{
	const struct snp_firmware *is = &c->report.current;
	enum snp_part p = snp_tcb_above(&c->current, &c->committed);

	if (!c->rules->provisional_firmware && p != SNP_PARTS)
		return refuse(c->out, REASON_TCB_ORDER,
			      "provisional firmware: %s %u is current, %u committed",
			      snp_part_str(p), c->current.part[p], c->committed.part[p]);
	if (!c->rules->provisional_firmware &&
	    firmware_number(is) != firmware_number(&c->report.committed))
		return refuse(c->out, REASON_TCB_ORDER,
			      "provisional firmware: %u.%u.%u is current, but not committed",
			      is->major, is->minor, is->build);
	return REASON_OK;
}

static enum reason judge_firmware(const struct snp_case *c)
{
	const struct snp_firmware *is = &c->report.current, *want = &c->rules->minimum_firmware;

	if (firmware_number(is) < firmware_number(want))
		return refuse(c->out, REASON_FIRMWARE_TOO_OLD,
			      "firmware %u.%u.%u, policy \"%s\" wants at least %u.%u.%u", is->major,
			      is->minor, is->build, c->policy->name, want->major, want->minor,
			      want->build);
	return REASON_OK;
}

static enum reason judge_mitigation(const struct snp_case *c)
{
	uint64_t launch = c->rules->launch_mitigation & ~c->report.launch_mitigation;
	uint64_t current = c->rules->current_mitigation & ~c->report.current_mitigation;
	enum reason found = REASON_OK;

	if (launch)
		found = refuse(c->out, REASON_MITIGATION,
			       "launch mitigation vector 0x%llx lacks 0x%llx",
			       (unsigned long long)c->report.launch_mitigation,
			       (unsigned long long)launch);
	if (!found && current)
		found = refuse(c->out, REASON_MITIGATION,
			       "current mitigation vector 0x%llx lacks 0x%llx",
			       (unsigned long long)c->report.current_mitigation,
			       (unsigned long long)current);
	return found;
}

static enum reason judge_age(const struct snp_case *c)
{
	enum reason reason;

	reason = judge_tcb(c, &c->rules->minimum_tcb, &c->reported, "reported TCB");
	if (!reason)
		reason = judge_tcb(c, &c->rules->minimum_launch_tcb, &c->launch, "launch TCB");
	if (!reason)
		reason = judge_provisional(c);
	if (!reason)
		reason = judge_firmware(c);
	if (!reason)
		reason = judge_mitigation(c);
	return reason;
}

static enum reason judge_value(const struct snp_case *c, enum reason reason, const char *what,
			       const uint8_t *value, const struct value_list *l)
{
	if (!l->count || value_list_has(l, value))
		return REASON_OK;
	return refuse(c->out, reason, "%s %s not in policy \"%s\" (%zu allowed)", what,
		      hex_short(value).text, c->policy->name, l->count);
}

static enum reason judge_author_key(const struct snp_case *c)
{
	const struct snp_report *r = &c->report;

	if (c->rules->author_keys.count && !snp_report_author_key(r))
		return refuse(c->out, REASON_AUTHOR_KEY,
			      "launched without an author key, policy \"%s\" wants one of %zu",
			      c->policy->name, c->rules->author_keys.count);
	return judge_value(c, REASON_AUTHOR_KEY, "author key", r->author_key_digest,
			   &c->rules->author_keys);
}

static enum reason judge_guest(const struct snp_case *c)
{
	const struct snp_report *r = &c->report;
	const struct snp_rules *s = c->rules;
	enum reason reason;

	reason =
		judge_value(c, REASON_MEASUREMENT, "measurement", r->measurement, &s->measurements);
	if (!reason)
		reason = judge_value(c, REASON_HOST_DATA, "host data", r->host_data, &s->host_data);
	if (!reason)
		reason = judge_value(c, REASON_ID_KEY, "ID key", r->id_key_digest, &s->id_keys);
	if (!reason)
		reason = judge_author_key(c);
	if (!reason && r->guest_svn < s->minimum_guest_svn)
		reason = refuse(c->out, REASON_GUEST_SVN,
				"guest SVN %u, policy \"%s\" wants at least %llu", r->guest_svn,
				c->policy->name, (unsigned long long)s->minimum_guest_svn);
	if (!reason)
		reason =
			judge_value(c, REASON_FAMILY_ID, "family id", r->family_id, &s->family_ids);
	if (!reason)
		reason = judge_value(c, REASON_IMAGE_ID, "image id", r->image_id, &s->image_ids);
	return reason;
}

static bool csp_is_listed(const struct snp_case *c)
{
	const struct csp_list *l = &c->rules->csp_ids;

	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->names[i], c->leaf.csp_id))
			return true;
	return false;
}

/* A chip that is pinned for classified service alone is judged in snp_classes(). */
static enum reason judge_place(const struct snp_case *c)
{
	enum reason reason = REASON_OK;

	if (!c->policy->classified_chip_pin)
		reason = judge_value(c, REASON_CHIP_NOT_PINNED, "chip", c->report.chip_id,
				     &c->rules->chip_ids);
	if (!reason && c->certs.kind == SNP_KEY_VLEK && c->rules->csp_ids.count &&
	    !csp_is_listed(c))
		reason = refuse(c->out, REASON_CSP_ID, "provider \"%.64s\" not in policy \"%s\"",
				c->leaf.csp_id, c->policy->name);
	return reason;
}

enum reason snp_judge(const struct snp_case *c)
{
	static enum reason (*const rules[])(const struct snp_case *c) = {
		snp_azure_judge,    judge_product,	    judge_key,		    judge_debug,    judge_migration,
		judge_guest_policy, judge_platform_unknown, judge_platform, judge_vmpl,
		judge_age,	    judge_guest,	    judge_place,
	};
	enum reason reason = REASON_OK;

	for (size_t i = 0; !reason && i < sizeof(rules) / sizeof(*rules); i++)
		reason = rules[i](c);
	return reason;
}

unsigned int snp_classes(const struct snp_case *c)
{
	unsigned int classes = 1U << CLASS_PUBLIC | 1U << CLASS_CONFIDENTIAL;

	if (!c->policy->classified_chip_pin ||
	    value_list_has(&c->rules->chip_ids, c->report.chip_id))
		return classes | 1U << CLASS_CLASSIFIED;
	refuse(c->out, REASON_OK,
	       "not for classified service: chip %s not in policy \"%s\" (%zu pinned)",
	       hex_short(c->report.chip_id).text, c->policy->name, c->rules->chip_ids.count);
	return classes;
}
