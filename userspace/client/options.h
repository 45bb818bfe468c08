/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of fairlead-connect; fairlead-connect(1) has the options in words. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi.h"
#include "base/messages.h"
#include "verifier/inputs.h"

enum {
	OPTIONS_ENDPOINTS_MAX = 16, /* and addresses that their names stand for */
	OPTIONS_HOST_MAX = 254,	    /* a DNS name, with its NUL */
	OPTIONS_DEADLINE_MS = 10000,
	OPTIONS_CONFIDENTIAL_MS = 86400000, /* how long evidence is good for */
	OPTIONS_CLASSIFIED_MS = 3600000,
	OPTIONS_POOL = 2,
	OPTIONS_POOL_MAX = 64,
	OPTIONS_CONNECTIONS = 1024,
	OPTIONS_CONNECTIONS_MAX = 30000, /* two descriptors each, of 65,536 */
};

struct host_port {
	char host[OPTIONS_HOST_MAX];
	uint16_t port;
};

struct options {
	struct host_port endpoints[OPTIONS_ENDPOINTS_MAX];
	size_t endpoints_count;
	struct host_port agents[OPTIONS_ENDPOINTS_MAX]; /* none: the service answers for itself */
	size_t agents_count;

	bool listens; /* on listen_addr; otherwise stdin and stdout */
	struct addr listen_addr;
	uint16_t listen_port; /* 0: any */

	enum class class;
	bool pins_destinations;
	uint8_t destinations[INPUTS_ROOT_BYTES]; /* what a relay's claims have to say */
	const char *service;	 /* the destination wanted of a relay; "" is its first */
	const char *node;	 /* NULL: any */
	const char *server_name; /* NULL: the host's, where it is a name */
	const char *protocol;	 /* for ALPN, to a service beside its agent; NULL: none */
	const char *ca, *certificate, *key;

	struct inputs_named files;
	const char *save;

	uint32_t deadline_ms, lifetime_ms, pool, connections;
	bool show, json;
	int verbose;
};

enum options_end {
	OPTIONS_GO_ON,
	OPTIONS_HELPED, /* --help or --version: all is said */
	OPTIONS_WRONG,	/* complained about on err */
};

enum options_end options_read(struct options *o, int argc, char **argv, FILE *out, FILE *err);

/* "host:port", "192.0.2.1:443", "[2001:db8::1]:443". */
bool host_port_parse(const char *text, struct host_port *out);

#endif
