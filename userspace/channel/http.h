/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GET /metrics over plain HTTP/1.1, for Prometheus: one request a connection, few
 * connections, short times.  The page is our parent's.
 *
 * (libevent's evhttp limits neither how many connections there are nor how long one
 * may take over its request, and tells nobody when one has gone.)
 */
#ifndef CHANNEL_HTTP_H
#define CHANNEL_HTTP_H

#include "channel/parent.h"

struct http;

/* Listens on fd, which it takes over: NULL without memory. */
struct http *http_new(struct event_base *base, struct parent *parent, int fd);
void http_free(struct http *h); /* takes NULL */

/* MSG_METRICS_TEXT; false when it is none. */
bool http_receive(struct http *h, const struct ipc_message *m);

#endif
