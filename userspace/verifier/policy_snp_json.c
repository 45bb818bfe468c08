// SPDX-License-Identifier: BSD-2-Clause
/* The rules for SEV-SNP as JSON. */
#include <stdio.h>

#include "verifier/policy_fields.h"
#include "verifier/snp_rules.h"

enum {
	ANY_NUMBER = 20, /* three numbers of 8 bits, or so */
};

static void put_csp_ids(struct writer *w, const struct csp_list *l)
{
	json_t *list;

	if (!l->count) {
		put_member(w, "csp-ids", json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures += json_array_append_new(list, json_string(l->names[i]));
	put_member(w, "csp-ids", list);
}

static const char *product_name(size_t i)
{
	return snp_product_str(i);
}

static const char *key_name(size_t i)
{
	return snp_key_str(i);
}

static json_t *floor_json(const struct tcb_floor *f)
{
	static const char *const cpu[] = { "family", "model", "stepping" };
	struct writer w = writer_begin();

	put_member(&w, "product", json_string(snp_product_str(f->product)));
	for (int i = 0; i < 3; i++)
		if (f->has_cpu[i])
			put_member(&w, cpu[i], json_integer(f->cpu[i]));
	for (enum snp_part i = 0; i < SNP_PARTS; i++)
		if (snp_product_has_part(f->product, i))
			put_member(&w, snp_part_str(i), json_integer(f->tcb.part[i]));
	return writer_end(&w);
}

static void put_floors(struct writer *w, const char *key, const struct floor_list *l)
{
	json_t *list;

	if (!l->count) {
		put_member(w, key, json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures += json_array_append_new(list, floor_json(&l->floors[i]));
	put_member(w, key, list);
}

static void put_vmpl(struct writer *w, const struct snp_rules *s)
{
	put_member(w, "vmpl",
		   json_pack("{s:I, s:I}", "minimum", (json_int_t)s->vmpl_minimum, "maximum",
			     (json_int_t)s->vmpl_maximum));
}

static void put_firmware(struct writer *w, const struct snp_firmware *f)
{
	char text[ANY_NUMBER];

	snprintf(text, sizeof(text), "%u.%u.%u", f->major, f->minor, f->build);
	put_member(w, "minimum-firmware", json_string(text));
}

static void put_mitigation(struct writer *w, const struct snp_rules *s)
{
	struct writer in = writer_begin();

	put_bits(&in, "launch-required", s->launch_mitigation);
	put_bits(&in, "current-required", s->current_mitigation);
	put_object(w, "mitigation", &in);
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
	put_member(w, "minimum-guest-svn", json_integer(s->minimum_guest_svn));
}

json_t *snp_rules_json(const struct snp_rules *s)
{
	struct writer w = writer_begin();

	put_roots(&w, "roots-besides-amd", &s->roots);
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
	put_permission(&w, "azure-vtpm", s->azure_vtpm);
	put_values(&w, "azure-pcrs", &s->azure_pcrs);
	put_permission(&w, "masked-chip-id", s->masked_chip_id);
	put_permission(&w, "provisional-firmware", s->provisional_firmware);
	put_permission(&w, "newer-versions", s->newer_versions);
	put_crl(&w, s->crl, s->crl_age_hours);
	return writer_end(&w);
}
