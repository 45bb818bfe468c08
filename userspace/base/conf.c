// SPDX-License-Identifier: BSD-2-Clause
#include "base/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

enum {
	PLACE_MAX = 256,
	ERROR_MAX = 512,
	KEYS_SEEN_MAX = 64, /* no mapping of ours has as many keys */
};

struct conf {
	char *name;
	yaml_document_t doc;
	bool have_doc;
	char place[PLACE_MAX]; /* where the walk is: "router.services[2].port" */
	char *errors[CONF_ERRORS_MAX];
	unsigned int errors_count;
};

unsigned int conf_line(const yaml_node_t *node)
{
	return node ? node->start_mark.line + 1 : 1;
}

static void add_error(struct conf *y, unsigned int line, const char *text)
{
	const char *sep = y->place[0] ? ": " : "";
	char whole[ERROR_MAX + PLACE_MAX];

	snprintf(whole, sizeof(whole), "%s:%u: %s%s%s", y->name, line, y->place, sep, text);
	if (y->errors_count < CONF_ERRORS_MAX)
		y->errors[y->errors_count] = strdup(whole);
	y->errors_count++;
}

void conf_complain(struct conf *y, const yaml_node_t *node, const char *fmt, ...)
{
	char text[ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_error(y, conf_line(node), text);
}

/* Says where in the text the syntax breaks. */
static void syntax_error(struct conf *y, const yaml_parser_t *p)
{
	char text[ERROR_MAX];

	snprintf(text, sizeof(text), "no YAML: %s%s%s", p->problem ? p->problem : "unreadable",
		 p->context ? ", " : "", p->context ? p->context : "");
	add_error(y, p->problem_mark.line + 1, text);
}

/* What stands behind the first document, and would be read by nobody. */
static void refuse_more(struct conf *y, yaml_parser_t *p)
{
	yaml_document_t second;
	const yaml_node_t *root;

	if (!yaml_parser_load(p, &second)) {
		syntax_error(y, p);
		return;
	}
	root = yaml_document_get_root_node(&second);
	if (root)
		add_error(y, conf_line(root), "more than one document: want one");
	yaml_document_delete(&second);
}

struct conf *conf_parse(const char *name, const char *text, size_t n)
{
	struct conf *y = calloc(1, sizeof(*y));
	yaml_parser_t p;

	if (!y)
		return NULL;
	y->name = strdup(name);
	if (!y->name || !yaml_parser_initialize(&p)) {
		conf_free(y);
		return NULL;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
	y->have_doc = yaml_parser_load(&p, &y->doc);
	if (!y->have_doc)
		syntax_error(y, &p);
	else if (yaml_document_get_root_node(&y->doc))
		refuse_more(y, &p);
	yaml_parser_delete(&p);
	return y;
}

/* The whole file in memory, or NULL and errno. */
static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;

	if (!f)
		return NULL;
	text = malloc(CONF_FILE_MAX + 1);
	if (text) {
		*n = fread(text, 1, CONF_FILE_MAX + 1, f);
		if (ferror(f) || *n > CONF_FILE_MAX) {
			errno = ferror(f) ? EIO : EFBIG;
			free(text);
			text = NULL;
		}
	}
	fclose(f);
	return text;
}

struct conf *conf_open(const char *path)
{
	struct conf *y;
	char *text;
	size_t n;

	text = slurp(path, &n);
	if (!text) {
		int err = errno;

		y = calloc(1, sizeof(*y));
		if (y && (y->name = strdup(path)))
			add_error(y, 1, strerror(err));
		return y;
	}
	y = conf_parse(path, text, n);
	free(text);
	return y;
}

void conf_free(struct conf *y)
{
	if (!y)
		return;
	if (y->have_doc)
		yaml_document_delete(&y->doc);
	for (unsigned int i = 0; i < CONF_ERRORS_MAX; i++)
		free(y->errors[i]);
	free(y->name);
	free(y);
}

const yaml_node_t *conf_root(struct conf *y)
{
	const yaml_node_t *root = y->have_doc ? yaml_document_get_root_node(&y->doc) : NULL;

	if (!root && !y->errors_count)
		add_error(y, 1, "empty: want a mapping");
	return root;
}

unsigned int conf_error_count(const struct conf *y)
{
	return y->errors_count;
}

const char *conf_first_error(const struct conf *y)
{
	return y->errors_count && y->errors[0] ? y->errors[0] : "";
}

void conf_print_errors(const struct conf *y, FILE *to)
{
	for (unsigned int i = 0; i < y->errors_count && i < CONF_ERRORS_MAX; i++)
		fprintf(to, "%s\n", y->errors[i] ? y->errors[i] : "out of memory");
	if (y->errors_count > CONF_ERRORS_MAX)
		fprintf(to, "%s: and %u more\n", y->name, y->errors_count - CONF_ERRORS_MAX);
}

/* Appends to the place; the returned length restores it. */
__attribute__((format(printf, 2, 3))) static size_t enter(struct conf *y, const char *fmt, ...)
{
	size_t n = strlen(y->place);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(y->place + n, sizeof(y->place) - n, fmt, ap);
	va_end(ap);
	return n;
}

static void leave(struct conf *y, size_t n)
{
	y->place[n] = 0;
}

static const char *scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* The text of a scalar without NUL inside, or a complaint that something else was wanted. */
static const char *want_scalar(struct conf *y, const yaml_node_t *node, const char *wanted)
{
	const char *s = scalar(node);

	if (!s)
		conf_complain(y, node, "want %s, got a %s", wanted,
			      node->type == YAML_MAPPING_NODE ? "mapping" : "list");
	else if (strlen(s) != node->data.scalar.length)
		conf_complain(y, node, "want %s, got text with a NUL inside", wanted);
	else
		return s;
	return NULL;
}

static const struct conf_key *find(const struct conf_key *keys, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(keys[i].key, name))
			return &keys[i];
	return NULL;
}

static void read_pair(struct conf *y, const yaml_node_pair_t *pair, const struct conf_key *keys,
		      size_t n, bool seen[], void *out)
{
	const yaml_node_t *key = yaml_document_get_node(&y->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&y->doc, pair->value);
	const struct conf_key *k = find(keys, n, scalar(key));
	size_t place;

	if (!k) {
		conf_complain(y, key, "unknown key \"%s\"", scalar(key) ? scalar(key) : "?");
		return;
	}
	if (seen[k - keys]) {
		conf_complain(y, key, "key \"%s\" given twice", k->key);
		return;
	}
	seen[k - keys] = true;
	place = enter(y, "%s%s", y->place[0] ? "." : "", k->key);
	k->read(y, value, (char *)out + k->offset);
	leave(y, place);
}

void conf_mapping(struct conf *y, const yaml_node_t *node, const struct conf_key *keys,
		  size_t keys_count, void *out)
{
	bool seen[KEYS_SEEN_MAX] = { false };

	if (node->type != YAML_MAPPING_NODE) {
		conf_complain(y, node, "want a mapping, got a %s",
			      node->type == YAML_SCALAR_NODE ? "single value" : "list");
		return;
	}
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top; p++)
		read_pair(y, p, keys, keys_count, seen, out);
	for (size_t i = 0; i < keys_count; i++)
		if (keys[i].required && !seen[i])
			conf_complain(y, node, "key \"%s\" is missing", keys[i].key);
}

size_t conf_length(const yaml_node_t *node)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return 0;
	return node->data.sequence.items.top - node->data.sequence.items.start;
}

size_t conf_sequence(struct conf *y, const yaml_node_t *node, size_t max,
		     void (*each)(struct conf *y, const yaml_node_t *node, void *item), void *out,
		     size_t size)
{
	size_t n = conf_length(node), place;

	if (node->type != YAML_SEQUENCE_NODE) {
		conf_complain(y, node, "want a list");
		return 0;
	}
	if (n > max) {
		conf_complain(y, node, "want at most %zu items, got %zu", max, n);
		n = max;
	}
	for (size_t i = 0; i < n; i++) {
		place = enter(y, "[%zu]", i);
		each(y, yaml_document_get_node(&y->doc, node->data.sequence.items.start[i]),
		     (char *)out + i * size);
		leave(y, place);
	}
	return n;
}

bool conf_text(struct conf *y, const yaml_node_t *node, char *out, size_t size)
{
	const char *s = want_scalar(y, node, "text");

	if (!s)
		return false;
	if (!*s || strlen(s) >= size) {
		conf_complain(y, node, "want 1..%zu characters, got \"%.80s\"", size - 1, s);
		return false;
	}
	strcpy(out, s); /* fits: just checked */
	return true;
}

bool conf_number(struct conf *y, const yaml_node_t *node, uint64_t min, uint64_t max,
		 uint64_t *out)
{
	const char *s = want_scalar(y, node, "a number");
	unsigned long long v;
	char *end;

	if (!s)
		return false;
	errno = 0;
	v = strtoull(s, &end, !strncmp(s, "0x", 2) ? 16 : 10);
	if (*s < '0' || *s > '9' || *end || errno || v < min || v > max) {
		conf_complain(y, node, "want %llu..%llu, got \"%.80s\"", (unsigned long long)min,
			      (unsigned long long)max, s);
		return false;
	}
	*out = v;
	return true;
}

bool conf_bool(struct conf *y, const yaml_node_t *node, bool *out)
{
	static const char *const names[] = { "false", "true" };
	unsigned int v;

	if (!conf_choice(y, node, names, 2, &v))
		return false;
	*out = v;
	return true;
}

bool conf_choice(struct conf *y, const yaml_node_t *node, const char *const names[], size_t count,
		 unsigned int *out)
{
	const char *s = want_scalar(y, node, "one word");
	char wanted[ERROR_MAX / 2] = "";

	if (!s)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(s, names[i])) {
			*out = i;
			return true;
		}
	for (size_t i = 0, n = 0; i < count && n < sizeof(wanted); i++)
		n += snprintf(wanted + n, sizeof(wanted) - n, "%s%s", i ? " or " : "", names[i]);
	conf_complain(y, node, "want %s, got \"%.80s\"", wanted, s);
	return false;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool conf_hex(struct conf *y, const yaml_node_t *node, uint8_t *out, size_t bytes)
{
	const char *s = want_scalar(y, node, "hexadecimal digits");

	if (!s)
		return false;
	if (strlen(s) != 2 * bytes || strspn(s, "0123456789abcdefABCDEF") != 2 * bytes) {
		conf_complain(y, node, "want %zu hexadecimal digits, got \"%.80s\"", 2 * bytes, s);
		return false;
	}
	for (size_t i = 0; i < bytes; i++)
		out[i] = nibble(s[2 * i]) << 4 | nibble(s[2 * i + 1]);
	return true;
}

bool conf_addr(struct conf *y, const yaml_node_t *node, struct addr *out)
{
	const char *s = want_scalar(y, node, "an address");

	if (!s)
		return false;
	if (!addr_parse(s, out)) {
		conf_complain(y, node, "want an IPv4 or IPv6 address, got \"%.80s\"", s);
		return false;
	}
	return true;
}

bool conf_endpoint(struct conf *y, const yaml_node_t *node, struct addr *addr, uint16_t *port)
{
	const char *s = want_scalar(y, node, "ADDRESS:PORT");

	if (!s)
		return false;
	if (!endpoint_parse(s, addr, port)) {
		conf_complain(y, node, "want ADDRESS:PORT or [ADDRESS]:PORT, got \"%.80s\"", s);
		return false;
	}
	return true;
}
