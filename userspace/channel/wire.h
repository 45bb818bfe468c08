/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of fairlead/1 as structs, to and from JSON.  Pure: no clock, no
 * randomness, no descriptors.  docs/protocol.md has an example of each.
 *
 * A message is one JSON object whose keys are exactly those of its type; a key
 * that is missing, unknown, repeated or of another type refuses it.  Claims may
 * carry further keys, which evidence covers and this reader passes over.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"

enum {
	WIRE_VERSION = 1,
	WIRE_DEPTH_MAX = 8, /* brackets in brackets; ours have 3 */
	WIRE_NONCE_BYTES = 32,
	WIRE_DETAIL_MAX = 200,	 /* of an ERROR, with its NUL */
	WIRE_ENDPOINTS_MAX = 65, /* in claims: CHANNEL_ENDPOINTS_MAX and the session's own */
	WIRE_CLAIMS_MAX = 16384,
	WIRE_BOOT_ID_MAX = 40, /* 36 characters of a UUID, with a NUL */
	WIRE_SERVICE_KEYS_MAX = 16,
	WIRE_SOURCES_MAX = ROUTER_SOURCES_MAX,
	WIRE_KEY_BYTES = 32, /* SHA-256 */
};

enum wire_type {
	WIRE_HELLO,
	WIRE_ATTEST,
	WIRE_EVIDENCE,
	WIRE_RESULT,
	WIRE_ERROR,
	WIRE_PING,
	WIRE_PONG,
	WIRE_TYPES
};

struct wire_endpoint {
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP */
	struct addr addr;
	uint16_t port; /* host order */
};

struct wire_hello {
	char role[ROLE_MAX]; /* "router", "client" or "backend" */
	uint32_t tees;	     /* bit enum tee: evidence that the sender can give */
	char agent[NAME_MAX_BYTES];
	char boot_id[WIRE_BOOT_ID_MAX];
};

struct wire_attest {
	uint64_t id;
	uint8_t nonce[WIRE_NONCE_BYTES];
	char role[ROLE_MAX]; /* of who asks: "router", "backend" or "client" */
	char purpose[16];    /* "admit" or "renew"; a client's: "client" */
	struct wire_endpoint endpoint;
	char service[NAME_MAX_BYTES];
	uint32_t policy_epoch;
};

struct wire_evidence {
	uint64_t id;
	enum tee tee;
	struct bytes report;
	struct bytes certs[CERTS_MAX];
	uint32_t certs_count;
	struct bytes claims;
};

struct wire_result {
	uint64_t id;
	bool ok;
	char code[NAME_MAX_BYTES];
	uint64_t expires_in_ms;
};

enum wire_error_code {
	WIRE_ERROR_BUSY,	/* one ATTEST is being answered, or the hardware asks for time */
	WIRE_ERROR_UNAVAILABLE, /* no evidence can be had now */
	WIRE_ERROR_ENDPOINT,	/* the ATTEST was for an endpoint that is not the agent's */
	WIRE_ERROR_PROTOCOL,	/* the last thing said before hanging up */
	WIRE_ERRORS
};

struct wire_error {
	uint64_t id; /* of the ATTEST; 0: of none */
	enum wire_error_code code;
	char detail[WIRE_DETAIL_MAX];
};

struct wire_ping {
	uint64_t n;
};

struct wire_pong {
	uint64_t n;
	uint32_t load_permille;
};

struct wire_message {
	enum wire_type type;
	union {
		struct wire_hello hello;
		struct wire_attest attest;
		struct wire_evidence evidence;
		struct wire_result result;
		struct wire_error error;
		struct wire_ping ping;
		struct wire_pong pong;
	};
};

struct wire_claims {
	char node[NAME_MAX_BYTES];
	char role[ROLE_MAX];
	struct wire_endpoint endpoints[WIRE_ENDPOINTS_MAX];
	size_t endpoints_count;
	char agent_version[NAME_MAX_BYTES];
	char boot_id[WIRE_BOOT_ID_MAX];
	uint64_t counter; /* of the agent's answers since its start */

	/* What of it is not there is not claimed. */
	uint8_t service_keys[WIRE_SERVICE_KEYS_MAX][WIRE_KEY_BYTES]; /* SHA-256 of a DER SPKI */
	size_t service_keys_count;
	bool has_destinations;
	uint8_t destinations[WIRE_KEY_BYTES]; /* SHA-256 of what a relay may connect to */
	bool has_egress;
	uint8_t egress[WIRE_KEY_BYTES];	       /* SHA-256 of what may leave the guest */
	struct addr sources[WIRE_SOURCES_MAX]; /* outer ones of what a router wraps */
	size_t sources_count;
};

const char *wire_type_str(enum wire_type t);	    /* "HELLO", … */
const char *wire_error_str(enum wire_error_code c); /* "busy", … */

/*
 * in as a message; what base64 hid in it is written to buf[size], which *out points into and
 * for which in.n bytes are enough.  False and why[] when it is none.
 */
bool wire_read(struct bytes in, uint8_t *buf, size_t size, struct wire_message *out,
	       char why[WHY_MAX]);
/* The length of what was written to buf[size], or 0 when it does not fit or is no message. */
size_t wire_write(const struct wire_message *m, char *buf, size_t size);

bool wire_claims_read(struct bytes in, struct wire_claims *out, char why[WHY_MAX]);
size_t wire_claims_write(const struct wire_claims *c, char *buf, size_t size);

bool wire_endpoint_equal(const struct wire_endpoint *a, const struct wire_endpoint *b);
/* 64 hexadecimal digits, in lower case, as claims have them; with a NUL in text. */
void wire_key_text(const uint8_t key[WIRE_KEY_BYTES], char text[2 * WIRE_KEY_BYTES + 1]);
bool wire_key_parse(const char *text, uint8_t key[WIRE_KEY_BYTES]);
/* Replaces what a terminal or a log should not be given. */
void wire_clean(char *text);

#endif
