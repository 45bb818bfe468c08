/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lab's stand-in for the operator's certificate authority, and the identities of
 * nodes under it: ca.crt and ca.key (0600); node.crt, node.key (0600) and a copy of ca.crt.
 */
#ifndef LAB_CA_H
#define LAB_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attester/pki.h"

enum { NODE_IPS_MAX = 16 };

struct lab_node {
	const char *name;
	const char *uri; /* NULL: fairlead://node/NAME */
	const char *ips[NODE_IPS_MAX];
	size_t ips_count;
	const char *eku; /* in the words of x509v3_config(5); "" for none */
	enum pki_key key;
	bool expired, not_yet;
};

/* What is there stays.  0, or -errno and why[]. */
int lab_ca_make(const char *directory, enum pki_key kind, int64_t now, char why[WHY_MAX]);
/* A key that is there stays, the certificate is made anew. */
int lab_node_make(const char *directory, const char *ca, const struct lab_node *n, int64_t now,
		  char why[WHY_MAX]);

#endif
