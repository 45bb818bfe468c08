// SPDX-License-Identifier: BSD-2-Clause
#include "channel/http_request.h"

static bool begins(struct bytes in, const char *with)
{
	size_t n = strlen(with);

	return in.n >= n && !memcmp(in.p, with, n);
}

static bool is(struct bytes in, const char *text)
{
	return bytes_equal(in, bytes_of(text, strlen(text)));
}

/* The bytes before the first one of its kind, which is dropped; false without one. */
static bool take_until(struct bytes *in, uint8_t end, struct bytes *out)
{
	const uint8_t *at = in->n ? memchr(in->p, end, in->n) : NULL;

	if (!at)
		return false;
	*out = bytes_of(in->p, at - in->p);
	in->n -= out->n + 1;
	in->p = at + 1;
	return true;
}

static bool is_page(struct bytes target)
{
	struct bytes path;

	return is(target, "/metrics") || (take_until(&target, '?', &path) && is(path, "/metrics"));
}

/* METHOD target HTTP/1.x, single spaces, nothing but printable ASCII. */
static enum http_request read_line(struct bytes line)
{
	struct bytes method, target;
	bool get;

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '~')
			return HTTP_REQUEST_BAD;
	if (!take_until(&line, ' ', &method) || !take_until(&line, ' ', &target) || !method.n ||
	    !target.n || !begins(line, "HTTP/1.") || line.n != 8)
		return HTTP_REQUEST_BAD;
	get = is(method, "GET");
	if (!get && !is(method, "HEAD"))
		return HTTP_REQUEST_METHOD;
	if (!is_page(target))
		return HTTP_REQUEST_NOT_FOUND;
	return get ? HTTP_REQUEST_PAGE : HTTP_REQUEST_HEAD;
}

enum http_request http_request_read(struct bytes in)
{
	const uint8_t *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	struct bytes line;

	if (!end && in.n >= HTTP_REQUEST_MAX)
		return HTTP_REQUEST_BAD;
	if (!end)
		return HTTP_REQUEST_MORE;
	if (!take_until(&in, '\r', &line))
		return HTTP_REQUEST_BAD;
	return read_line(line);
}
