/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON as text for people.  What is shown is a table of columns: which value of an
 * item, and how it is written.  Strings come from strangers' evidence too, so nothing
 * reaches the terminal that could move its cursor.
 */
#ifndef RENDER_H
#define RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	CELL_MAX = 512,
};

/* Writes a value, NULL where there is none, into out. */
typedef void render_format(const json_t *value, char out[CELL_MAX]);

/* As a column it has a heading, as a line of details a label: heading in small letters. */
struct render_column {
	const char *heading;
	const char *key; /* "leases.public" is a member of a member; "" the item itself */
	render_format *format;
	bool right; /* figures */
	bool stats; /* shown with -s only */
};

/* Headings, then a line for every item of list; the last column is not padded. */
void render_table(const json_t *list, const struct render_column *columns, size_t count, bool stats,
		  FILE *to);
/* A line "label  value" for every column. */
void render_details(const json_t *item, const struct render_column *columns, size_t count,
		    FILE *to);
/* Whatever it is, indented: for claims and policies, whose keys are their own business. */
void render_tree(const json_t *value, int depth, FILE *to);

const json_t *render_get(const json_t *item, const char *key);

render_format render_text;     /* strings, numbers as they are, "-" for nothing */
render_format render_yes;      /* "yes", "no" */
render_format render_us;       /* microseconds: "850us", "1.5ms", "107ms" */
render_format render_left;     /* a lease: "41s", "59m58s", "endless", "-" */
render_format render_seconds;  /* "41s", "1d02h" */
render_format render_bytes;    /* "1.5KiB" */
render_format render_permille; /* "33.3%" */
render_format render_list;     /* strings with commas */

#endif
