// SPDX-License-Identifier: BSD-2-Clause
#include "cli/render.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
	KEY_MAX = 64,
	GAP = 2, /* between columns */
	COLUMNS_MAX = 16,
	DEPTH_MAX = 32, /* of a tree: deeper is nobody's claim */
};

const json_t *render_get(const json_t *item, const char *key)
{
	char part[KEY_MAX];
	const char *dot;

	for (; *key; key = *dot ? dot + 1 : dot) {
		dot = strchrnul(key, '.');
		if ((size_t)(dot - key) >= sizeof(part))
			return NULL;
		memcpy(part, key, dot - key);
		part[dot - key] = 0;
		item = json_object_get(item, part);
	}
	return item;
}

/* Controls, C1 controls in UTF-8 among them, become '?'. */
static void clean(char *s)
{
	for (unsigned char *c = (unsigned char *)s; *c; c++) {
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}

void render_text(const json_t *value, char out[CELL_MAX])
{
	if (json_is_string(value))
		snprintf(out, CELL_MAX, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(out, CELL_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(out, CELL_MAX, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(out, CELL_MAX, "%s", json_is_true(value) ? "true" : "false");
	else
		snprintf(out, CELL_MAX, "-");
	clean(out);
}

void render_yes(const json_t *value, char out[CELL_MAX])
{
	snprintf(out, CELL_MAX, "%s", json_is_true(value) ? "yes" : "no");
}

void render_us(const json_t *value, char out[CELL_MAX])
{
	double us = json_number_value(value);

	if (!json_is_number(value))
		snprintf(out, CELL_MAX, "-");
	else if (us < 1000)
		snprintf(out, CELL_MAX, "%.0fus", us);
	else if (us < 10000)
		snprintf(out, CELL_MAX, "%.1fms", us / 1000);
	else if (us < 10000000)
		snprintf(out, CELL_MAX, "%.0fms", us / 1000);
	else
		snprintf(out, CELL_MAX, "%.0fs", us / 1000000);
}

void render_seconds(const json_t *value, char out[CELL_MAX])
{
	double real = json_number_value(value);
	uint64_t s;

	if (!json_is_number(value) || !(real >= 0) || real > 1e15) {
		snprintf(out, CELL_MAX, "-");
		return;
	}
	s = (uint64_t)real; /* down: a lease is never shown as longer than it is */
	if (real < 1)
		snprintf(out, CELL_MAX, "%.1fs", floor(real * 10) / 10);
	else if (s < 60)
		snprintf(out, CELL_MAX, "%us", (unsigned int)s);
	else if (s < 3600)
		snprintf(out, CELL_MAX, "%um%02us", (unsigned int)s / 60, (unsigned int)s % 60);
	else if (s < 86400)
		snprintf(out, CELL_MAX, "%uh%02um", (unsigned int)s / 3600,
			 (unsigned int)s / 60 % 60);
	else
		snprintf(out, CELL_MAX, "%llud%02uh", (unsigned long long)s / 86400,
			 (unsigned int)(s / 3600 % 24));
}

void render_left(const json_t *value, char out[CELL_MAX])
{
	if (json_is_true(value))
		snprintf(out, CELL_MAX, "endless");
	else
		render_seconds(value, out);
}

void render_bytes(const json_t *value, char out[CELL_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = json_number_value(value);
	int i = 0;

	for (; v >= 1024 && i < 6; i++)
		v /= 1024;
	snprintf(out, CELL_MAX, i && v < 100 ? "%.1f%s" : "%.0f%s", v, units[i]);
}

void render_permille(const json_t *value, char out[CELL_MAX])
{
	if (json_is_number(value))
		snprintf(out, CELL_MAX, "%.1f%%", json_number_value(value) / 10);
	else
		snprintf(out, CELL_MAX, "-");
}

void render_list(const json_t *value, char out[CELL_MAX])
{
	const json_t *item;
	size_t i, n = 0;

	if (json_is_array(value) && json_array_size(value) == 0)
		value = NULL;
	if (!json_is_array(value)) {
		render_text(value, out);
		return;
	}
	out[0] = 0;
	json_array_foreach((json_t *)value, i, item)
	{
		char text[CELL_MAX];

		render_text(item, text);
		n += snprintf(out + n, CELL_MAX - n, "%s%s", i ? "," : "", text);
		if (n >= CELL_MAX)
			break; /* cut: -j has it all */
	}
}

static void cell(const json_t *item, const struct render_column *c, char out[CELL_MAX])
{
	c->format(render_get(item, c->key), out);
}

static int column_width(const json_t *list, const struct render_column *c)
{
	size_t width = strlen(c->heading), i;
	const json_t *item;

	json_array_foreach((json_t *)list, i, item)
	{
		char text[CELL_MAX];

		cell(item, c, text);
		if (strlen(text) > width)
			width = strlen(text);
	}
	return width;
}

/* A line of a table: headings, or the cells of an item.  No blanks at its end. */
static void print_line(const json_t *item, const struct render_column *columns, size_t count,
		       const int widths[], FILE *to)
{
	int blanks = 0;

	for (size_t i = 0; i < count; i++) {
		const struct render_column *c = &columns[i];
		char text[CELL_MAX];
		int rest;

		if (widths[i] == 0)
			continue;
		if (item)
			cell(item, c, text);
		else
			snprintf(text, sizeof(text), "%s", c->heading);
		rest = widths[i] - (int)strlen(text);
		if (c->right)
			blanks += rest;
		if (text[0]) {
			fprintf(to, "%*s%s", blanks, "", text);
			blanks = 0;
		}
		blanks += GAP + (c->right ? 0 : rest);
	}
	fputc('\n', to);
}

void render_table(const json_t *list, const struct render_column *columns, size_t count, bool stats,
		  FILE *to)
{
	int widths[COLUMNS_MAX] = { 0 }; /* 0: not shown */
	const json_t *item;
	size_t row;

	for (size_t i = 0; i < count && i < COLUMNS_MAX; i++)
		if (stats || !columns[i].stats)
			widths[i] = column_width(list, &columns[i]);
	print_line(NULL, columns, count, widths, to);
	json_array_foreach((json_t *)list, row, item) print_line(item, columns, count, widths, to);
}

void render_details(const json_t *item, const struct render_column *columns, size_t count, FILE *to)
{
	size_t width = 0;

	for (size_t i = 0; i < count; i++)
		if (strlen(columns[i].heading) > width)
			width = strlen(columns[i].heading);
	for (size_t i = 0; i < count; i++) {
		char label[KEY_MAX], text[CELL_MAX];

		snprintf(label, sizeof(label), "%s", columns[i].heading);
		for (char *c = label; *c; c++)
			*c = tolower(*c);
		cell(item, &columns[i], text);
		fprintf(to, "%-*s%s\n", (int)width + GAP, label, text);
	}
}

static bool is_flat(const json_t *value)
{
	const json_t *item;
	size_t i;

	if (json_is_object(value))
		return json_object_size(value) == 0;
	json_array_foreach((json_t *)value, i,
			   item) if (json_is_object(item) || json_is_array(item)) return false;
	return true;
}

static void print_branch(const char *key, const json_t *value, int depth, FILE *to)
{
	char text[CELL_MAX], label[CELL_MAX];

	snprintf(label, sizeof(label), "%s", key);
	clean(label);
	if (is_flat(value)) {
		render_list(value, text);
		fprintf(to, "%*s%s: %s\n", GAP * depth, "", label, text);
	} else {
		fprintf(to, "%*s%s:\n", GAP * depth, "", label);
		render_tree(value, depth + 1, to);
	}
}

void render_tree(const json_t *value, int depth, FILE *to)
{
	const json_t *item;
	const char *key;
	json_t *member;
	size_t i;

	if (depth > DEPTH_MAX)
		return;
	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member)
			print_branch(key, member, depth, to);
	} else if (json_is_array(value)) {
		json_array_foreach((json_t *)value, i, item) print_branch("-", item, depth, to);
	}
}
