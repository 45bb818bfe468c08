// SPDX-License-Identifier: BSD-2-Clause
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool addr_parse(const char *text, struct addr *out)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*out = (struct addr){ .w = { 0, 0, htonl(0xffff), v4.s_addr } };
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1) {
		memcpy(out->w, &v6, sizeof(out->w));
		return true;
	}
	return false;
}

static bool port_parse(const char *text, uint16_t *port)
{
	unsigned long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end || v < 1 || v > 65535)
		return false;
	*port = v;
	return true;
}

bool endpoint_parse(const char *text, struct addr *addr, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	char host[ADDR_TEXT_MAX + 2];
	size_t n;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return false;
	n = colon - text;
	memcpy(host, text, n);
	host[n] = 0;
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = 0;
		return strchr(host, ':') && addr_parse(host + 1, addr) && port_parse(colon + 1, port);
	}
	return !strchr(host, ':') && addr_parse(host, addr) && port_parse(colon + 1, port);
}

bool addr_is_ipv4(const struct addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

const char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	if (addr_is_ipv4(a))
		inet_ntop(AF_INET, &a->w[3], out, ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a->w, out, ADDR_TEXT_MAX);
	return out;
}

const char *endpoint_text(const struct addr *a, uint16_t port, char out[ENDPOINT_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];

	addr_text(a, host);
	snprintf(out, ENDPOINT_TEXT_MAX, addr_is_ipv4(a) ? "%s:%u" : "[%s]:%u", host, port);
	return out;
}

socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (addr_is_ipv4(a)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = a->w[3];
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, a->w, sizeof(a->w));
	return sizeof(*v6);
}
