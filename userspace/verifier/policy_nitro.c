// SPDX-License-Identifier: BSD-2-Clause
/* The keys of "nitro": a key that is there replaces the default, whole. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "verifier/nitro_rules.h"
#include "verifier/policy_fields.h"

enum {
	LOADED_PCRS = 3,
	PCR_NAME_MAX = 12,
};

static void read_loaded(struct conf *y, const yaml_node_t *node, void *out)
{
	uint8_t pcr[NITRO_PCR_BYTES];

	if (!conf_hex(y, node, pcr, sizeof(pcr)))
		return;
	if (bytes_are_zero(bytes_of(pcr, sizeof(pcr))))
		conf_complain(y, node, "zeroes are what any enclave in debug mode has there");
	memcpy(out, pcr, sizeof(pcr));
}

/* PCR0 to 2: image, kernel, application. */
static void field_loaded(struct conf *y, const yaml_node_t *node, void *field)
{
	field_values(y, node, field, NITRO_PCR_BYTES, read_loaded);
}

/* { 0: [HEX, …], 8: [HEX, …] } */
static void read_pcrs(struct conf *y, const yaml_node_t *node, void *field)
{
	struct conf_key keys[NITRO_PCRS];
	char names[NITRO_PCRS][PCR_NAME_MAX];

	for (int i = 0; i < NITRO_PCRS; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", i);
		keys[i] = (struct conf_key){ names[i], false,
					     i < LOADED_PCRS ? field_loaded : field_digests,
					     i * sizeof(struct value_list) };
	}
	conf_mapping(y, node, keys, NITRO_PCRS, field);
}

/* "i-" and hexadecimal digits. */
static void read_instance(struct conf *y, const yaml_node_t *node, void *out)
{
	char text[RULES_INSTANCE_MAX];
	bool good;

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	good = !strncmp(text, "i-", 2) && text[2];
	for (const char *s = text + 2; good && *s; s++)
		good = isdigit((unsigned char)*s) || (*s >= 'a' && *s <= 'f');
	if (!good)
		conf_complain(y, node,
			      "want an instance id, such as i-078824548edcf6519, got \"%s\"", text);
	else
		strcpy(out, text); /* as large */
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_instances(struct conf *y, const yaml_node_t *node, void *field)
{
	struct instance_list *l = field;
	size_t n = conf_length(node);

	l->ids = calloc(n < RULES_INSTANCES_MAX ? n + 1 : RULES_INSTANCES_MAX, sizeof(*l->ids));
	if (!l->ids) {
		conf_complain(y, node, "no memory for %zu instances", n);
		return;
	}
	l->count =
		field_sequence(y, node, RULES_INSTANCES_MAX, read_instance, l->ids, sizeof(*l->ids));
	qsort(l->ids, l->count, sizeof(*l->ids), compare_text);
}

bool instance_list_has(const struct instance_list *l, const char *id)
{
	return l->count && bsearch(id, l->ids, l->count, sizeof(*l->ids), compare_text);
}

static void read_age(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, 1, RULES_AGE_MAX_S, field);
}

void nitro_rules_default(struct nitro_rules *s)
{
	*s = (struct nitro_rules){ .debug = false };
}

void nitro_rules_read(struct conf *y, const yaml_node_t *node, struct nitro_rules *s)
{
	static const struct conf_key keys[] = {
		{ "roots", false, field_roots, offsetof(struct nitro_rules, roots) },
		{ "pcrs", false, read_pcrs, offsetof(struct nitro_rules, pcrs) },
		{ "public-keys", false, field_digests, offsetof(struct nitro_rules, public_keys) },
		{ "instances", false, read_instances, offsetof(struct nitro_rules, instances) },
		{ "debug", false, field_permission, offsetof(struct nitro_rules, debug) },
		{ "maximum-age-seconds", false, read_age, offsetof(struct nitro_rules, age_s) },
	};

	conf_mapping(y, node, keys, sizeof(keys) / sizeof(*keys), s);
}

void nitro_rules_free(struct nitro_rules *s)
{
	for (int i = 0; i < NITRO_PCRS; i++)
		free(s->pcrs[i].values);
	free(s->public_keys.values);
	free(s->instances.ids);
}

static void put_pcrs(struct writer *w, const struct value_list pcrs[NITRO_PCRS])
{
	struct writer in = writer_begin();
	char name[PCR_NAME_MAX];

	for (int i = 0; i < NITRO_PCRS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (pcrs[i].count)
			put_values(&in, name, &pcrs[i]);
	}
	put_object(w, "pcrs", &in);
}

static void put_instances(struct writer *w, const struct instance_list *l)
{
	json_t *list;

	if (!l->count) {
		put_member(w, "instances", json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures += json_array_append_new(list, json_string(l->ids[i])) != 0;
	put_member(w, "instances", list);
}

json_t *nitro_rules_json(const struct nitro_rules *s)
{
	struct writer w = writer_begin();

	put_roots(&w, "roots-besides-aws", &s->roots);
	put_pcrs(&w, s->pcrs);
	put_values(&w, "public-keys", &s->public_keys);
	put_instances(&w, &s->instances);
	put_permission(&w, "debug", s->debug);
	put_member(&w, "maximum-age-seconds",
		   s->age_s ? json_integer(s->age_s) : json_string("any"));
	return writer_end(&w);
}
