// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names to addresses for libcurl, which would start a thread for each, where our sandbox has
 * none.  Blocks, in a process that has nothing better to do, for as long as resolve_prepare() set.
 */
#include "collateral/resolve.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 8 };

void resolve_prepare(void)
{
	struct addrinfo *found = NULL;

	setenv("RES_OPTIONS", "timeout:3 attempts:2", 0);
	/* What the resolver loads, it has to load while it may. */
	if (getaddrinfo("localhost", "80", NULL, &found) == 0)
		freeaddrinfo(found);
}

static bool is_address(const char *host)
{
	uint8_t buf[sizeof(struct in6_addr)];

	return host[0] == '[' || inet_pton(AF_INET, host, buf) == 1;
}

static int append_address(char *out, size_t size, size_t n, const struct addrinfo *a)
{
	bool v6 = a->ai_family == AF_INET6;
	char text[NI_MAXHOST];

	if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
		return 0;
	return snprintf(out + n, size - n, "%s%s%s%s", out[n - 1] == ':' ? "" : ",", v6 ? "[" : "",
			text, v6 ? "]" : "");
}

static bool look_up(const char *host, const char *port, char *out, size_t size, const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *a;
	size_t n = snprintf(out, size, "%s:%s:", host, port);
	int err = getaddrinfo(host, port, &hints, &found), count = 0;

	if (err) {
		*why = gai_strerror(err);
		return false;
	}
	for (a = found; a && count < ADDRESSES_MAX && n < size; a = a->ai_next, count++)
		n += append_address(out, size, n, a);
	freeaddrinfo(found);
	*why = "too long a name";
	return n < size;
}

bool resolve(const char *url, char *out, size_t size, const char **why)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL;
	bool ok;

	*why = "no URL";
	ok = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
	     !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
	     !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	out[0] = 0;
	if (ok && !is_address(host))
		ok = look_up(host, port, out, size, why);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return ok;
}
