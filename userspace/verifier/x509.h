/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates, CRLs and chains: x509*.c and crl.c are the only files that include OpenSSL's
 * X.509.  They know nothing of a platform: who may stand where in a chain, and what vendors put
 * into extensions, is judged by the caller.
 */
#ifndef VERIFIER_X509_H
#define VERIFIER_X509_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "verifier/appraise.h"
#include "verifier/sig.h"

struct x509_st; /* OpenSSL's X509 */

enum {
	CERT_NAME_MAX = 64,
	CERT_PILE_MAX = 24,   /* a table, a chain file and a spare each give at most 5 */
	CERT_DER_MAX = 16384, /* AMD's take 1.4 to 1.9 KiB */
};

/* One certificate and the facts that others decide by. */
struct cert {
	struct x509_st *x; /* owned by the pile */
	char subject[CERT_NAME_MAX],
		issuer[CERT_NAME_MAX]; /* common name; "" unless there is one */
	bool is_ca;
	bool self_issued; /* the whole names are equal */
	uint8_t der_sha256[SHA256_BYTES], spki_sha256[SHA256_BYTES];
	int64_t not_before, not_after;
	unsigned int piece; /* which piece of the input it came from */
};

/* Certificates in the order given, the same one only once. */
struct cert_pile {
	struct cert certs[CERT_PILE_MAX];
	size_t count;
	unsigned int pieces;	/* files, blobs or table entries read so far */
	unsigned int broken;	/* pieces in which something was no certificate */
	unsigned int misplaced; /* pieces that held one certificate, which came along already */
	unsigned int doubles;	/* certificates that came along already */
	bool overfull;		/* there were more than CERT_PILE_MAX */
};

/* Adds what a piece holds: DER, one or several, or PEM.  0 or -ENOMEM. */
int cert_pile_add(struct cert_pile *pile, struct bytes piece);
void cert_pile_free(struct cert_pile *pile);
/* The same for a piece whose certificates are at hand.  False: the pile is overfull. */
bool cert_pile_share(struct cert_pile *pile, const struct cert *certs, size_t count);

/* *to is another holder of what from holds, to be freed of its own.  False: nothing is held. */
bool cert_share(const struct cert *from, struct cert *to);
void cert_free(struct cert *c);

/*
 * An authority that has been verified, by the digest of its DER: read once, and held for those who
 * meet it again.  cert_recall()'s is to be freed by whoever asked.
 */
void cert_remember(const struct cert *c);
bool cert_recall(const uint8_t der_sha256[SHA256_BYTES], struct cert *out);
void cert_forget_known(void); /* all of them */

bool cert_issued_by(const struct cert *c, const struct cert *issuer); /* by whole names */
struct evp_pkey_st *cert_key(const struct cert *c);		      /* owned by c; or NULL */

/* Its key is on the curve, and it is signed by ECDSA with the hash of that curve. */
bool cert_is_ecdsa(const struct cert *c, enum curve curve);
/* It may sign other things than certificates: no key usage at all, or digitalSignature. */
bool cert_may_sign(const struct cert *c);

/* How often extension oid ("1.2.3") is in c; with 1, *out is its content. */
unsigned int cert_extension(const struct cert *c, const char *oid, struct bytes *out);

/*
 * leaf <- intermediate <- root, and nothing else, at time at: PSS-SHA-384 signatures all the way,
 * the root's own included; RSA-4096 authorities; a P-384 leaf that is no authority; no unknown
 * critical extension.  Says into out what is wrong.
 */
enum reason cert_chain_verify(const struct cert *leaf, const struct cert *intermediate,
			      const struct cert *root, int64_t at, struct claims *out);
/* The same when intermediate <- root is known to hold at that time. */
enum reason cert_leaf_verify(const struct cert *leaf, const struct cert *intermediate, int64_t at,
			     struct claims *out);

/*
 * certs[0] <- … <- certs[count - 1], at least two of them and nothing else, at time at: names,
 * dates, signatures (the root's own included), authorities and what they may issue, path lengths,
 * unknown critical extensions, 128 bits of strength.  The last one is trusted: who may be that, and
 * which algorithms stand where, is the caller's to check.
 */
enum reason cert_path_verify(const struct cert *const certs[], size_t count, int64_t at,
			     struct claims *out);
/* The same when not the last one's key, but its very bytes are trusted: its own signature, which
 * would prove nothing more, is not verified. */
enum reason cert_path_verify_pinned(const struct cert *const certs[], size_t count, int64_t at,
				    struct claims *out);
/* One step of such a path, when issuer itself has been verified to its root before. */
enum reason cert_link_verify(const struct cert *cert, const struct cert *issuer, int64_t at,
			     struct claims *out);

/* What a CRL said. */
struct crl_facts {
	int64_t this_update, next_update;
};

/* A list that its issuer has signed, to be asked about many. */
struct crl_list {
	struct X509_crl_st *crl; /* owned; NULL: none */
	struct crl_facts facts;
};

/*
 * Whether root has revoked cert, which it issued.  given: DER and PEM, one or several; those in
 * root's name count, and whom one of them revokes, is revoked.  max_age_s: from thisUpdate, 0 for
 * any.
 */
enum reason crl_check(struct bytes given, const struct cert *root, const struct cert *cert,
		      int64_t at, uint64_t max_age_s, struct crl_facts *facts, struct claims *out);
/*
 * In two steps, of a list that is the only one in root's name.  *out is empty before, and to be
 * freed whatever the reason.
 */
enum reason crl_read(struct bytes given, const struct cert *root, struct crl_list *out,
		     struct claims *why);
enum reason crl_judge(const struct crl_list *l, const struct cert *root, const struct cert *cert,
		      int64_t at, uint64_t max_age_s, struct claims *out);
void crl_free(struct crl_list *l);

/* Whether an algorithm is RSASSA-PSS with SHA-384, MGF1-SHA-384, salt 48 (RFC 4055). */
struct X509_algor_st;
bool algorithm_is_pss_sha384(const struct X509_algor_st *alg);

#endif
