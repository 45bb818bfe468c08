// SPDX-License-Identifier: BSD-2-Clause
/* A policy as JSON: all that it demands, defaults too, so that nothing is left to be guessed. */
#include <stdio.h>

#include "verifier/policy_rules.h"
#include "verifier/refuse.h"

enum {
	VALUE_MAX = SNP_CHIP_ID_BYTES,
	ANY_NUMBER = 20, /* of a 64-bit number in text */
};

/* Each puts one member; what has no memory makes json_object_set_new() fail, and is counted. */
struct writer {
	json_t *object;
	int failures;
};

static void put(struct writer *w, const char *key, json_t *value)
{
	w->failures += json_object_set_new(w->object, key, value) != 0;
}

static void put_permission(struct writer *w, const char *key, bool allowed)
{
	put(w, key, json_string(allowed ? "allow" : "deny"));
}

static void put_bits(struct writer *w, const char *key, uint64_t bits)
{
	char text[ANY_NUMBER];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)bits);
	put(w, key, json_string(text));
}

static json_t *hex_string(const uint8_t *p, size_t n)
{
	char text[2 * VALUE_MAX + 1];

	return json_string(hex(p, n, text));
}

static void put_values(struct writer *w, const char *key, const struct value_list *l)
{
	json_t *list;

	if (!l->count) {
		put(w, key, json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures +=
			json_array_append_new(list, hex_string(l->values + i * l->width, l->width));
	put(w, key, list);
}

static void put_csp_ids(struct writer *w, const struct csp_list *l)
{
	json_t *list;

	if (!l->count) {
		put(w, "csp-ids", json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures += json_array_append_new(list, json_string(l->names[i]));
	put(w, "csp-ids", list);
}

static void put_roots(struct writer *w, const struct root_list *l)
{
	json_t *list = json_array();
	char text[7 + 2 * SHA256_BYTES + 1] = "sha256:";

	for (size_t i = 0; i < l->count; i++) {
		hex(l->sha256[i], SHA256_BYTES, text + strlen("sha256:"));
		w->failures += json_array_append_new(list, json_string(text));
	}
	put(w, "roots-besides-amd", list);
}

static void put_words(struct writer *w, const char *key, const bool *set, size_t count,
		      const char *(*name)(size_t))
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (set[i])
			w->failures += json_array_append_new(list, json_string(name(i)));
	put(w, key, list);
}

static const char *product_name(size_t i)
{
	return snp_product_str(i);
}

static const char *key_name(size_t i)
{
	return snp_key_str(i);
}

static const char *tee_name(size_t i)
{
	return tee_str(i);
}

static void put_mask(struct writer *w, const char *key, const struct mask_rule *m)
{
	struct writer in = { json_object(), 0 };

	put_bits(&in, "required", m->required);
	put_bits(&in, "forbidden", m->forbidden);
	put_permission(&in, "unknown-bits", m->unknown);
	w->failures += in.failures;
	put(w, key, in.object);
}

static json_t *floor_json(const struct tcb_floor *f)
{
	static const char *const cpu[] = { "family", "model", "stepping" };
	struct writer w = { json_object(), 0 };

	put(&w, "product", json_string(snp_product_str(f->product)));
	for (int i = 0; i < 3; i++)
		if (f->has_cpu[i])
			put(&w, cpu[i], json_integer(f->cpu[i]));
	for (enum snp_part i = 0; i < SNP_PARTS; i++)
		if (snp_product_has_part(f->product, i))
			put(&w, snp_part_str(i), json_integer(f->tcb.part[i]));
	if (!w.failures)
		return w.object;
	json_decref(w.object);
	return NULL;
}

static void put_floors(struct writer *w, const char *key, const struct floor_list *l)
{
	json_t *list;

	if (!l->count) {
		put(w, key, json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures += json_array_append_new(list, floor_json(&l->floors[i]));
	put(w, key, list);
}

static void put_vmpl(struct writer *w, const struct snp_rules *s)
{
	put(w, "vmpl",
	    json_pack("{s:I, s:I}", "minimum", (json_int_t)s->vmpl_minimum, "maximum",
		      (json_int_t)s->vmpl_maximum));
}

static void put_firmware(struct writer *w, const struct snp_firmware *f)
{
	char text[ANY_NUMBER];

	snprintf(text, sizeof(text), "%u.%u.%u", f->major, f->minor, f->build);
	put(w, "minimum-firmware", json_string(text));
}

static void put_mitigation(struct writer *w, const struct snp_rules *s)
{
	struct writer in = { json_object(), 0 };

	put_bits(&in, "launch-required", s->launch_mitigation);
	put_bits(&in, "current-required", s->current_mitigation);
	w->failures += in.failures;
	put(w, "mitigation", in.object);
}

static void put_identity(struct writer *w, const struct snp_rules *s)
{
	put_values(w, "measurements", &s->measurements);
	put_values(w, "host-data", &s->host_data);
	put_values(w, "id-keys", &s->id_keys);
	put_values(w, "author-keys", &s->author_keys);
	put_values(w, "family-ids", &s->family_ids);
	put_values(w, "image-ids", &s->image_ids);
	put_values(w, "chip-ids", &s->chip_ids);
	put_csp_ids(w, &s->csp_ids);
	put(w, "minimum-guest-svn", json_integer(s->minimum_guest_svn));
}

static json_t *snp_json(const struct snp_rules *s)
{
	static const char *const crl[] = { "off", "given", "required" };
	struct writer w = { json_object(), 0 };

	put_roots(&w, &s->roots);
	put_words(&w, "products", s->products, SNP_PRODUCTS, product_name);
	put_words(&w, "keys", s->keys, SNP_KEYS, key_name);
	put_identity(&w, s);
	put_vmpl(&w, s);
	put_mask(&w, "policy", &s->policy);
	put_mask(&w, "platform-info", &s->platform);
	put_floors(&w, "minimum-tcb", &s->minimum_tcb);
	put_floors(&w, "minimum-launch-tcb", &s->minimum_launch_tcb);
	put_firmware(&w, &s->minimum_firmware);
	put_mitigation(&w, s);
	put_permission(&w, "debug", s->debug);
	put_permission(&w, "migration", s->migration);
	put_permission(&w, "masked-chip-id", s->masked_chip_id);
	put_permission(&w, "provisional-firmware", s->provisional_firmware);
	put_permission(&w, "newer-versions", s->newer_versions);
	put(&w, "crl", json_string(crl[s->crl]));
	put(&w, "maximum-crl-age-hours",
	    s->crl_age_hours ? json_integer(s->crl_age_hours) : json_string("any"));
	if (!w.failures)
		return w.object;
	json_decref(w.object);
	return NULL;
}

json_t *policy_json(const struct policy *p)
{
	struct writer w = { json_object(), 0 };

	put(&w, "name", json_string(p->name));
	put_words(&w, "tee", p->tees, TEE_COUNT, tee_name);
	put(&w, "classified",
	    json_pack("{s:s}", "chip-pin", p->classified_chip_pin ? "required" : "optional"));
	put(&w, "snp", snp_json(&p->snp));
	if (!w.failures)
		return w.object;
	json_decref(w.object);
	return NULL;
}
