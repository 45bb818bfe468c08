/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fairlead-relay's configuration says, and what its processes say to each other.
 *
 *	parent    reads the configuration, keeps the others running; sees no connection
 *	relay     ends the clients' TLS, opens the destinations': the one that has plaintext
 *	attester  holds the evidence device, computes REPORT_DATA itself
 *	resolver  looks up the names in the configuration, and no others
 *	metrics   answers whoever scrapes, where the configuration says so
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdio.h>

#include "attester/attester.h"
#include "channel/wire.h"

enum {
	RELAY_DESTINATIONS_MAX = 32,
	RELAY_LISTEN_MAX = 8,
	RELAY_ENDPOINTS_MAX = 64, /* no more fit into claims */
	RELAY_PINS_MAX = 8,
	RELAY_ADDRESSES_MAX = 8,
	RELAY_PATH_MAX = 256,
	RELAY_HOST_MAX = 254, /* a DNS name is 253 characters at most */
	RELAY_UNIX_MAX = 108, /* sun_path */
	RELAY_ALPN_MAX = 32,
	SHA256_BYTES = 32,
};

_Static_assert((int)RELAY_ENDPOINTS_MAX < (int)WIRE_ENDPOINTS_MAX, "all are in the claims");

struct relay_endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

struct relay_destination {
	char name[NAME_MAX_BYTES];
	char path[RELAY_UNIX_MAX]; /* of a socket in this guest; "" */
	char host[RELAY_HOST_MAX]; /* name or address; "" with a path */
	uint16_t port;
	bool is_literal; /* host is an address: it is in addr */
	struct addr addr;

	bool tls;
	bool tls12;				    /* taken where there is no 1.3 */
	char ca[RELAY_PATH_MAX];		    /* "": pins alone */
	uint8_t ca_sha256[SHA256_BYTES];	    /* of that file */
	uint8_t pins[RELAY_PINS_MAX][SHA256_BYTES]; /* of the DER SubjectPublicKeyInfo */
	size_t pins_count;			    /* 0: ca alone; both: both have to agree */
	char server_name[RELAY_HOST_MAX];	    /* a DNS name or an address, for ca and SNI */
	char alpn[RELAY_ALPN_MAX]; /* the one protocol that is asked for; "" none */
};

struct relay_limits {
	uint64_t connections, per_source;	/* at a time */
	uint64_t unproven;			/* that have not asked for evidence yet */
	uint64_t rate, rate_per_source;		/* new ones a second */
	uint64_t evidence, evidence_per_source; /* that wait for evidence */
	uint64_t handshake_ms, hello_ms;	/* until TLS is up; from there until ATTEST */
	uint64_t result_ms;			/* from EVIDENCE until RESULT */
	uint64_t connect_ms;			/* to a destination, with its handshake */
	uint64_t idle_ms;			/* without a byte either way */
	uint64_t window;			/* bytes that may be here, in each direction */
};

struct relay_config {
	char node[NAME_MAX_BYTES];
	char user[32];
	char certificate[RELAY_PATH_MAX], key[RELAY_PATH_MAX];
	char clients_ca[RELAY_PATH_MAX]; /* "": clients are anonymous */
	bool enrolled;			 /* and have to show a certificate of it */
	struct relay_endpoint listen[RELAY_LISTEN_MAX], endpoints[RELAY_ENDPOINTS_MAX];
	size_t listen_count, endpoints_count;
	struct relay_endpoint metrics; /* port 0: nobody may scrape */
	struct attester_config evidence;
	struct relay_limits limits;
	struct relay_destination destinations[RELAY_DESTINATIONS_MAX];
	size_t destinations_count;

	uint8_t digest[SHA256_BYTES]; /* of the file's bytes: destinations_digest in the claims */
	char boot_id[WIRE_BOOT_ID_MAX];
};

/* Through the parent; id is the destination's index, or of no use. */
enum relay_message {
	MSG_RESOLVE = 160, /* relay -> resolver, no fields */
	MSG_RESOLVED,	   /* resolver -> relay, struct resolved */
	MSG_STOP,	   /* parent -> relay, no fields */
	MSG_LISTENING,	   /* relay -> parent, no fields: confined, and open to clients */
};

struct resolved {
	uint32_t count; /* 0: it could not be looked up */
	struct addr addrs[RELAY_ADDRESSES_MAX];
};

void resolved_put(struct ipc_writer *w, const struct resolved *m);
bool resolved_get(struct bytes in, struct resolved *m);

/* Prints every mistake to errors and returns NULL, or the configuration, to be freed. */
struct relay_config *relay_config_read(const char *path, FILE *errors);
struct relay_config *relay_config_parse(const char *name, const char *text, size_t n, FILE *errors);

/*
 * What each child that meets strangers gives up first: memory beyond so many bytes, its user, its
 * capabilities; what it may call then is its own to say.  0 or -errno.
 */
int relay_give_up(const struct relay_config *c, uint64_t headroom);

/* The children; each ends with fd, and none returns. */
struct usage; /* usage.h */
_Noreturn void relay_main(int fd, const struct relay_config *c, struct usage *usage);
_Noreturn void resolver_main(int fd, const struct relay_config *c);

/* The parent's life: 0 after SIGTERM, or -errno when it could not begin. */
int relay_run(const struct relay_config *c);

#endif
