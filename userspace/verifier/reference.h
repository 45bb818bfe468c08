/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference values as others publish them, for a policy of ours: from CoRIM (draft-ietf-rats-corim)
 * and from the JSON of Trustee, nitro-cli and the tools that measure guests.
 *
 * What a publisher demands and we cannot take is remembered by name: a policy without it is laxer
 * than what was meant, and that is for a person to decide.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/tee.h"
#include "verifier/sig.h"

enum {
	REFERENCE_FILE_MAX = 1 << 20,
	REFERENCE_VALUE_MAX = 48, /* bytes of the longest */
	REFERENCE_VALUES_MAX = 4096,
	REFERENCE_LEFT_MAX = 64, /* names that are kept; more are counted */
	REFERENCE_NAME_MAX = 64,
	REFERENCE_WHY_MAX = 256,
};

/* In the order in which a policy shows them. */
enum reference_key {
	REFERENCE_SNP_MEASUREMENT,
	REFERENCE_SNP_HOST_DATA,
	REFERENCE_SNP_ID_KEY,
	REFERENCE_SNP_AUTHOR_KEY,
	REFERENCE_SNP_FAMILY_ID,
	REFERENCE_SNP_IMAGE_ID,
	REFERENCE_TDX_MRTD,
	REFERENCE_TDX_RTMR0,
	REFERENCE_TDX_RTMR3 = REFERENCE_TDX_RTMR0 + 3,
	REFERENCE_TDX_MRCONFIGID,
	REFERENCE_TDX_MROWNER,
	REFERENCE_TDX_MROWNERCONFIG,
	REFERENCE_TDX_MRSEAM,
	REFERENCE_TDX_MRSIGNERSEAM,
	REFERENCE_NITRO_PCR0,
	REFERENCE_NITRO_PCR15 = REFERENCE_NITRO_PCR0 + 15,
	REFERENCE_KEYS
};

struct reference {
	enum reference_key key;
	uint8_t value[REFERENCE_VALUE_MAX];
};

struct reference_set {
	struct reference values[REFERENCE_VALUES_MAX];
	size_t count;
	char left[REFERENCE_LEFT_MAX][REFERENCE_NAME_MAX];
	size_t left_count; /* may be more than there is room for */
	size_t sets;	   /* environments, each with values of its own */
	const char *kind;  /* of the file: "CoRIM", "JSON", … */
	bool is_signed;
};

struct reference_options {
	enum tee tee;		 /* of values that do not say whose they are; or TEE_NONE */
	int64_t now;		 /* Unix seconds */
	struct evp_pkey_st *key; /* who has signed; NULL: nobody */
};

/* 0, or -EBADMSG (it makes no sense), -EPERM (of its signature), -ESTALE, -ENOSPC, with why. */
int reference_read(struct bytes in, const struct reference_options *o, struct reference_set *out,
		   char why[REFERENCE_WHY_MAX]);

/* As a policy has it; NULL without memory. */
json_t *reference_policy(const struct reference_set *s);
/* An object of objects and of lists of texts, as YAML. */
void reference_print_yaml(const json_t *policy, FILE *to);

/* --- between the readers */

enum tee reference_tee(enum reference_key key);
size_t reference_width(enum reference_key key); /* bytes */
/* By a name such as "mr_td", "RTMR[1]", "snp_launch_measurement", "PCR8"; tee is for "measurement".
 */
bool reference_named(struct bytes name, enum tee tee, enum reference_key *out);
/* A value of the key's width.  0; -ENOSPC; -EBADMSG for another width. */
int reference_add(struct reference_set *s, enum reference_key key, struct bytes value);
/* What is demanded and was not taken; unprintable bytes of name are shown as '?'. */
void reference_leave(struct reference_set *s, const char *where, struct bytes name);
/* Hexadecimal (with 0x or not) or base64, whichever has the key's width.  As reference_add(). */
int reference_add_text(struct reference_set *s, enum reference_key key, struct bytes text);

int reference_read_json(struct bytes in, const struct reference_options *o,
			struct reference_set *out, char why[REFERENCE_WHY_MAX]);
int reference_read_corim(struct bytes in, const struct reference_options *o,
			 struct reference_set *out, char why[REFERENCE_WHY_MAX]);
/* A signer's corim-meta, of the header that is signed: -ESTALE when it holds no longer, or not yet.
 */
int reference_read_corim_meta(struct bytes in, const struct reference_options *o,
			      char why[REFERENCE_WHY_MAX]);
/* The claims of a CoRIM, once it is known whose word they are. */
int reference_read_corim_map(struct bytes *in, const struct reference_options *o,
			     struct reference_set *out, char why[REFERENCE_WHY_MAX]);

#endif
