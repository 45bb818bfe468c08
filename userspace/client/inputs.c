// SPDX-License-Identifier: BSD-2-Clause
/* Names, looked up once and before anybody is spoken to: later there is a sandbox. */
#include <arpa/inet.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "channel/sock.h"
#include "client/client.h"

bool inputs_pin_chips(const struct inputs *in)
{
	json_t *j = policy_json(in->policy);
	const char *pin =
		json_string_value(json_object_get(json_object_get(j, "classified"), "chip-pin"));
	bool pins = pin && !strcmp(pin, "required");

	json_decref(j);
	return pins;
}

static void name_endpoint(struct endpoint *e)
{
	char text[ENDPOINT_TEXT_MAX];
	struct addr is_address;

	endpoint_text(&e->addr, e->port, text);
	if (addr_parse(e->host, &is_address))
		snprintf(e->name, sizeof(e->name), "%s", text);
	else
		snprintf(e->name, sizeof(e->name), "%s (%s)", e->host, text);
}

static size_t add_addresses(const struct host_port *h, const struct addrinfo *list,
			    struct endpoint out[], size_t count)
{
	struct endpoint *e;
	uint16_t port;

	for (const struct addrinfo *i = list; i; i = i->ai_next) {
		if (count == OPTIONS_ENDPOINTS_MAX) {
			log_warnx("%s: more than %d addresses in all, the others are left out",
				  h->host, OPTIONS_ENDPOINTS_MAX);
			break;
		}
		e = &out[count];
		if (!sock_addr_of(i->ai_addr, &e->addr, &port))
			continue;
		memcpy(e->host, h->host, sizeof(e->host));
		e->port = h->port;
		name_endpoint(e);
		count++;
	}
	return count;
}

size_t endpoints_resolve(const struct host_port list[], size_t count, struct endpoint out[],
			 char why[WHY_MAX])
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct addrinfo *addresses = NULL;
		int err = getaddrinfo(list[i].host, NULL, &hints, &addresses);

		if (err) {
			snprintf(why, WHY_MAX, "%.120s: %s", list[i].host, gai_strerror(err));
			return 0;
		}
		found = add_addresses(&list[i], addresses, out, found);
		freeaddrinfo(addresses);
	}
	if (!found)
		snprintf(why, WHY_MAX, "no address is known for it");
	return found;
}
