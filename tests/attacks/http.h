/* SPDX-License-Identifier: BSD-2-Clause */
/* As much of HTTP/1.1 as a model's API needs: kept connections, lengths, chunks. */
#ifndef HTTP_H
#define HTTP_H

#include "attacks/stream.h"

enum {
	HTTP_HEAD_MAX = 8192,
	HTTP_BODY_MAX = 4 << 20,
};

struct http_head {
	char text[HTTP_HEAD_MAX]; /* start line and fields, to the empty line and with it */
	size_t length;
	size_t body; /* Content-Length */
	bool chunked;
};

/* False at the end of the connection, or when this is no such head. */
bool http_head(struct stream *s, struct http_head *h);
/* Whether a field has that value; the case of neither matters. */
bool http_has(const struct http_head *h, const char *field, const char *value);

/* A body of h->body bytes, NUL-terminated, for the caller to free; NULL when it does not come. */
char *http_body(struct stream *s, const struct http_head *h);
/* One chunk, NUL-terminated; its length, 0 after the last, -1 on failure. */
ssize_t http_chunk(struct stream *s, char *p, size_t size);

/* first: a start line and fields, each with its CRLF; the length is added here. */
bool http_send(struct stream *s, const char *first, const char *body, size_t n);
bool http_send_chunk(struct stream *s, const char *p, size_t n); /* n 0: the last */

#endif
