/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration files: a YAML document walked along tables of keys.
 *
 * Every mistake is reported with its line, its place in the tree and what was
 * wanted; the walk goes on, so that one run shows them all.  libyaml reads the
 * syntax.  (libcyaml, also schema-driven, stops at the first mistake and forgets
 * the lines of the values it has read.)
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <yaml.h>

#include "abi.h"

enum {
	CONF_FILE_MAX = 4 << 20, /* 1,000 backends and 100 services take 200 KiB */
	CONF_ERRORS_MAX = 100,	 /* more are counted, not shown */
};

struct conf;

/* One key of a mapping: read() stores what it finds at out + offset, or complains. */
struct conf_key {
	const char *key;
	bool required;
	void (*read)(struct conf *y, const yaml_node_t *node, void *field);
	size_t offset;
};

/*
 * Reads a file, or text of n bytes that name stands for.  NULL when there is no memory;
 * anything else wrong is an error inside: see conf_error_count().  conf_free() takes NULL.
 */
struct conf *conf_open(const char *path);
struct conf *conf_parse(const char *name, const char *text, size_t n);
void conf_free(struct conf *y);

/* The root of the document, or NULL if there is none or it could not be read (then that is said). */
const yaml_node_t *conf_root(struct conf *y);

unsigned int conf_error_count(const struct conf *y);
void conf_print_errors(const struct conf *y, FILE *to); /* file:line: place: what, one a line */
const char *conf_first_error(const struct conf *y);	/* or "" */

/* "FILE:LINE: PLACE: …".  Only the shown text counts: say what was wanted and what was there. */
__attribute__((format(printf, 3, 4))) void conf_complain(struct conf *y, const yaml_node_t *node,
							 const char *fmt, ...);
unsigned int conf_line(const yaml_node_t *node);

/* Unknown, repeated and missing keys are complained about; the others are read. */
void conf_mapping(struct conf *y, const yaml_node_t *node, const struct conf_key *keys,
		  size_t keys_count, void *out);

/*
 * Calls each() for every item of a sequence, at most max of them, with out + i * size.
 * Returns how many; a node that is no sequence is complained about and counts 0.
 */
size_t conf_sequence(struct conf *y, const yaml_node_t *node, size_t max,
		     void (*each)(struct conf *y, const yaml_node_t *node, void *item), void *out,
		     size_t size);
/* The number of items of a sequence, 0 for anything else: to allocate before reading. */
size_t conf_length(const yaml_node_t *node);

/* Scalars: true and *out, or a complaint, false and *out untouched. */
bool conf_text(struct conf *y, const yaml_node_t *node, char *out, size_t size);
bool conf_number(struct conf *y, const yaml_node_t *node, uint64_t min, uint64_t max,
		 uint64_t *out); /* decimal or 0x… */
bool conf_bool(struct conf *y, const yaml_node_t *node, bool *out);
bool conf_choice(struct conf *y, const yaml_node_t *node, const char *const names[], size_t count,
		 unsigned int *out);
bool conf_hex(struct conf *y, const yaml_node_t *node, uint8_t *out, size_t bytes);
bool conf_addr(struct conf *y, const yaml_node_t *node, struct addr *out);
/* "ADDRESS:PORT", "[V6]:PORT". */
bool conf_endpoint(struct conf *y, const yaml_node_t *node, struct addr *addr, uint16_t *port);

#endif
