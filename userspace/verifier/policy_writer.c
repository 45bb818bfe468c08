// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>

#include "verifier/policy_fields.h"
#include "verifier/refuse.h"

enum {
	VALUE_MAX = 64,	 /* bytes of the widest value of a list */
	ANY_NUMBER = 20, /* of a 64-bit number in text */
};

struct writer writer_begin(void)
{
	return (struct writer){ json_object(), 0 };
}

json_t *writer_end(struct writer *w)
{
	if (w->object && !w->failures)
		return w->object;
	json_decref(w->object);
	return NULL;
}

void put_object(struct writer *w, const char *key, struct writer *inner)
{
	put_member(w, key, writer_end(inner));
}

void put_member(struct writer *w, const char *key, json_t *value)
{
	w->failures += json_object_set_new(w->object, key, value) != 0;
}

void put_permission(struct writer *w, const char *key, bool allowed)
{
	put_member(w, key, json_string(allowed ? "allow" : "deny"));
}

void put_bits(struct writer *w, const char *key, uint64_t bits)
{
	char text[ANY_NUMBER];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)bits);
	put_member(w, key, json_string(text));
}

static json_t *hex_string(const uint8_t *p, size_t n)
{
	char text[2 * VALUE_MAX + 1];

	return json_string(hex(p, n, text));
}

void put_values(struct writer *w, const char *key, const struct value_list *l)
{
	json_t *list;

	if (!l->count) {
		put_member(w, key, json_string("any"));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < l->count; i++)
		w->failures +=
			json_array_append_new(list, hex_string(l->values + i * l->width, l->width));
	put_member(w, key, list);
}

void put_roots(struct writer *w, const char *key, const struct root_list *l)
{
	json_t *list = json_array();
	char text[7 + 2 * SHA256_BYTES + 1] = "sha256:";

	for (size_t i = 0; i < l->count; i++) {
		hex(l->sha256[i], SHA256_BYTES, text + strlen("sha256:"));
		w->failures += json_array_append_new(list, json_string(text));
	}
	put_member(w, key, list);
}

void put_words(struct writer *w, const char *key, const bool *set, size_t count,
	       const char *(*name)(size_t))
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (set[i])
			w->failures += json_array_append_new(list, json_string(name(i)));
	put_member(w, key, list);
}

void put_mask(struct writer *w, const char *key, const struct mask_rule *m)
{
	struct writer in = writer_begin();

	put_bits(&in, "required", m->required);
	put_bits(&in, "forbidden", m->forbidden);
	put_permission(&in, "unknown-bits", m->unknown);
	put_object(w, key, &in);
}

void put_crl(struct writer *w, enum crl_mode mode, uint64_t age_hours)
{
	static const char *const modes[] = { "off", "given", "required" };

	put_member(w, "crl", json_string(modes[mode]));
	put_member(w, "maximum-crl-age-hours",
		   age_hours ? json_integer(age_hours) : json_string("any"));
}
