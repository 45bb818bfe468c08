// SPDX-License-Identifier: BSD-2-Clause
#include "attacks/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a field's line, or NULL when the line is another field's. */
static const char *value_of(const char *line, const char *field)
{
	size_t n = strlen(field);

	if (strncasecmp(line, field, n) || line[n] != ':')
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " \t");
}

static const char *find(const struct http_head *h, const char *field)
{
	for (const char *line = h->text; (line = strchr(line, '\n'));) {
		const char *value = value_of(++line, field);

		if (value)
			return value;
	}
	return NULL;
}

bool http_has(const struct http_head *h, const char *field, const char *value)
{
	const char *v = find(h, field);

	return v && !strncasecmp(v, value, strlen(value)) && v[strlen(value)] == '\r';
}

bool http_head(struct stream *s, struct http_head *h)
{
	const char *length;

	h->length = 0;
	for (;;) {
		size_t n = stream_line(s, h->text + h->length, sizeof(h->text) - h->length);

		if (!n)
			return false;
		h->length += n;
		if (!strcmp(h->text + h->length - n, "\r\n"))
			break;
	}
	h->chunked = http_has(h, "transfer-encoding", "chunked");
	length = find(h, "content-length");
	h->body = length ? strtoul(length, NULL, 10) : 0;
	return h->body <= HTTP_BODY_MAX;
}

char *http_body(struct stream *s, const struct http_head *h)
{
	char *p = malloc(h->body + 1);

	if (!p || !stream_exact(s, p, h->body)) {
		free(p);
		return NULL;
	}
	p[h->body] = 0;
	return p;
}

ssize_t http_chunk(struct stream *s, char *p, size_t size)
{
	char line[32];
	size_t n;

	if (!stream_line(s, line, sizeof(line)))
		return -1;
	n = strtoul(line, NULL, 16);
	if (n >= size || !stream_exact(s, p, n) || !stream_exact(s, line, 2))
		return -1;
	p[n] = 0;
	return n;
}

bool http_send(struct stream *s, const char *first, const char *body, size_t n)
{
	int head = snprintf(NULL, 0, "%sContent-Length: %zu\r\n\r\n", first, n);
	char *all = malloc(head + n + 1);
	bool ok;

	if (!all)
		return false;
	snprintf(all, head + 1, "%sContent-Length: %zu\r\n\r\n", first, n);
	memcpy(all + head, body, n);
	ok = stream_write(s, all, head + n);
	free(all);
	return ok;
}

bool http_send_chunk(struct stream *s, const char *p, size_t n)
{
	char line[HTTP_HEAD_MAX];
	int head = snprintf(line, sizeof(line), "%zx\r\n", n);

	if (head + n + 2 > sizeof(line))
		return false;
	memcpy(line + head, p, n);
	memcpy(line + head + n, "\r\n", 2);
	return stream_write(s, line, head + n + 2);
}
