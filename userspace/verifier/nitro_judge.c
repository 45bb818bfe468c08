// SPDX-License-Identifier: BSD-2-Clause
#include "base/outcome.h"
#include "verifier/nitro.h"
#include "verifier/refuse.h"

/* What was loaded: image, kernel and boot file system, application. */
enum { PCR_IMAGE, PCR_KERNEL, PCR_APPLICATION };

/* Started in debug mode, an enclave has zeroes there and AWS's signature all the same. */
static bool is_debug(const struct nitro_document *d)
{
	for (int i = PCR_IMAGE; i <= PCR_APPLICATION; i++)
		if (!bytes_are_zero(d->pcrs[i])) /* one that is missing is nothing either */
			return false;
	return true;
}

static enum reason judge_debug(const struct nitro_case *c)
{
	if (is_debug(&c->document) && !c->rules->debug)
		return refuse(
			c->out, REASON_POLICY_DEBUG,
			"PCR0, PCR1 and PCR2 are zero: the enclave was started in debug mode");
	return REASON_OK;
}

static enum reason judge_pcr(const struct nitro_case *c, int index)
{
	const struct value_list *wanted = &c->rules->pcrs[index];
	struct bytes pcr = c->document.pcrs[index];

	if (!wanted->count)
		return REASON_OK;
	if (!pcr.n)
		return refuse(c->out, REASON_MEASUREMENT,
			      "the document has no PCR%d, policy \"%s\" wants one of %zu values",
			      index, c->policy->name, wanted->count);
	if (!value_list_has(wanted, pcr.p))
		return refuse(c->out, REASON_MEASUREMENT,
			      "PCR%d %s not in policy \"%s\" (%zu allowed)", index,
			      hex_short(pcr.p).text, c->policy->name, wanted->count);
	return REASON_OK;
}

static enum reason judge_pcrs(const struct nitro_case *c)
{
	enum reason reason = REASON_OK;

	for (int i = 0; !reason && i < NITRO_PCRS; i++)
		reason = judge_pcr(c, i);
	return reason;
}

static enum reason judge_public_key(const struct nitro_case *c)
{
	const struct nitro_field *key = &c->document.public_key;
	uint8_t digest[DIGEST_BYTES];

	if (!c->rules->public_keys.count)
		return REASON_OK;
	if (!key->value.n)
		return refuse(c->out, REASON_ID_KEY,
			      "the document has no public_key, policy \"%s\" wants one of %zu",
			      c->policy->name, c->rules->public_keys.count);
	if (!sha384(key->value, digest))
		return refuse(c->out, REASON_INTERNAL, "no SHA-384 of public_key could be made");
	if (!value_list_has(&c->rules->public_keys, digest))
		return refuse(c->out, REASON_ID_KEY,
			      "public_key of SHA-384 %s not in policy \"%s\" (%zu allowed)",
			      hex_short(digest).text, c->policy->name, c->rules->public_keys.count);
	return REASON_OK;
}

static enum reason judge_age(const struct nitro_case *c)
{
	int64_t made = c->document.timestamp_ms / 1000, age = c->evidence->at - made;

	if (c->rules->age_s && age > (int64_t)c->rules->age_s)
		return refuse(c->out, REASON_TIMESTAMP,
			      "document of %s is %lld s old, policy \"%s\" takes at most %llu",
			      time_text(made).text, (long long)age, c->policy->name,
			      (unsigned long long)c->rules->age_s);
	return REASON_OK;
}

static bool instance_is_pinned(const struct nitro_case *c)
{
	return c->instance[0] && instance_list_has(&c->rules->instances, c->instance);
}

/* An instance that is pinned for classified service alone is judged in nitro_classes(). */
static enum reason judge_place(const struct nitro_case *c)
{
	if (c->policy->classified_chip_pin || !c->rules->instances.count || instance_is_pinned(c))
		return REASON_OK;
	return refuse(c->out, REASON_CHIP_NOT_PINNED,
		      "instance \"%s\" not in policy \"%s\" (%zu pinned)", c->instance,
		      c->policy->name, c->rules->instances.count);
}

enum reason nitro_judge(const struct nitro_case *c)
{
	static enum reason (*const rules[])(const struct nitro_case *c) = {
		judge_debug, judge_pcrs, judge_public_key, judge_age, judge_place,
	};
	enum reason reason = REASON_OK;

	for (size_t i = 0; !reason && i < sizeof(rules) / sizeof(*rules); i++)
		reason = rules[i](c);
	return reason;
}

unsigned int nitro_classes(const struct nitro_case *c)
{
	unsigned int classes = 1U << CLASS_PUBLIC | 1U << CLASS_CONFIDENTIAL;

	if (!c->policy->classified_chip_pin || instance_is_pinned(c))
		return classes | 1U << CLASS_CLASSIFIED;
	refuse(c->out, REASON_OK,
	       "not for classified service: instance \"%s\" not in policy \"%s\" (%zu pinned)",
	       c->instance, c->policy->name, c->rules->instances.count);
	return classes;
}
