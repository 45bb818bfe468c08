/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and values that the rules of every platform have: out of YAML, and into JSON. */
#ifndef POLICY_FIELDS_H
#define POLICY_FIELDS_H

#include <jansson.h>

#include "base/conf.h"
#include "verifier/policy_lists.h"

typedef void (*field_reader)(struct conf *y, const yaml_node_t *node, void *field);

/* Readers for tables of conf_mapping(). */
void field_permission(struct conf *y, const yaml_node_t *node, void *field); /* bool; allow|deny */
void field_u64(struct conf *y, const yaml_node_t *node, void *field);
void field_u32(struct conf *y, const yaml_node_t *node, void *field);	  /* of a uint64_t */
void field_u8(struct conf *y, const yaml_node_t *node, void *field);	  /* of a uint8_t */
void field_roots(struct conf *y, const yaml_node_t *node, void *field);	  /* struct root_list */
void field_digests(struct conf *y, const yaml_node_t *node, void *field); /* of 48 bytes */
void field_mask(struct conf *y, const yaml_node_t *node, void *field);	  /* struct mask_rule */
void field_crl(struct conf *y, const yaml_node_t *node, void *field);	  /* enum crl_mode */
void field_crl_age(struct conf *y, const yaml_node_t *node, void *field); /* hours, uint64_t */

/*
 * conf_sequence() of at least one.  Rules without values let anything pass, so that an empty list
 * would do the opposite of what it looks like.
 */
size_t field_sequence(struct conf *y, const yaml_node_t *node, size_t max, field_reader each,
		      void *out, size_t size);
/* Words, at least one of them: each() sets its place in set[count]. */
void field_word_set(struct conf *y, const yaml_node_t *node, bool *set, size_t count,
		    field_reader each);
/* Byte strings of one width, at least one, which each() reads; sorted, no doubles. */
void field_values(struct conf *y, const yaml_node_t *node, struct value_list *l, size_t width,
		  field_reader each);

/* Members of one object; what there is no memory for is counted. */
struct writer {
	json_t *object;
	int failures;
};

struct writer writer_begin(void);
/* The object, or NULL if anything failed. */
json_t *writer_end(struct writer *w);

void put_member(struct writer *w, const char *key, json_t *value);
void put_permission(struct writer *w, const char *key, bool allowed);
void put_bits(struct writer *w, const char *key, uint64_t bits);
void put_values(struct writer *w, const char *key, const struct value_list *l);
void put_roots(struct writer *w, const char *key, const struct root_list *l);
void put_words(struct writer *w, const char *key, const bool *set, size_t count,
	       const char *(*name)(size_t));
void put_mask(struct writer *w, const char *key, const struct mask_rule *m);
void put_crl(struct writer *w, enum crl_mode mode, uint64_t age_hours);
void put_object(struct writer *w, const char *key, struct writer *inner);

#endif
