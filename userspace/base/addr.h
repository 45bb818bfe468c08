/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as maps/abi.h stores them, to and from text. */
#ifndef ADDR_H
#define ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "abi.h"

enum {
	ADDR_TEXT_MAX = 46,	/* INET6_ADDRSTRLEN */
	ENDPOINT_TEXT_MAX = 56, /* [address]:port */
};

bool addr_parse(const char *text, struct addr *out);
bool endpoint_parse(const char *text, struct addr *addr, uint16_t *port); /* port in host order */
/* Both fill and return out. */
const char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);
const char *endpoint_text(const struct addr *a, uint16_t port, char out[ENDPOINT_TEXT_MAX]);

bool addr_is_ipv4(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* Fills ss for connect() or bind(), in the address's own family; its length. */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss);

#endif
