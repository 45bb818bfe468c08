/* SPDX-License-Identifier: BSD-2-Clause */
/* What an HTTP/1.x request (RFC 9112) asks of us, as far as that can be one page.  Pure. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/bytes.h"

enum {
	HTTP_REQUEST_MAX = 8192, /* with its header fields, which say nothing to us */
};

enum http_request {
	HTTP_REQUEST_MORE,	/* its end has not come yet */
	HTTP_REQUEST_PAGE,	/* GET /metrics */
	HTTP_REQUEST_HEAD,	/* HEAD /metrics */
	HTTP_REQUEST_NOT_FOUND, /* GET or HEAD of something else */
	HTTP_REQUEST_METHOD,	/* neither GET nor HEAD */
	HTTP_REQUEST_BAD,	/* no request, or a longer one */
};

enum http_request http_request_read(struct bytes in);

#endif
