/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One piece of collateral by name: what is fetched, kept, exported and imported one by one.
 *
 *	amd/Milan/vcek/CHIP/4-0-24-219	bootloader, tee, snp, microcode; Turin's begins with fmc
 *	amd/Milan/vcek-chain		amd/Milan/vcek-crl
 *	amd/Milan/vlek-chain		amd/Milan/vlek-crl
 *	intel/tcb-info/00806f050000	by FMSPC
 *	intel/qe-identity		intel/root-crl
 *	intel/pck-crl/platform		or processor
 */
#ifndef WANT_H
#define WANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum want_kind {
	WANT_VCEK,	  /* DER */
	WANT_VCEK_CHAIN,  /* PEM: ASK, ARK */
	WANT_VLEK_CHAIN,  /* PEM: ASVK, ARK */
	WANT_VCEK_CRL,	  /* DER */
	WANT_VLEK_CRL,	  /* DER */
	WANT_TCB_INFO,	  /* JSON, and the chain of its signer */
	WANT_QE_IDENTITY, /* likewise */
	WANT_PCK_CRL,	  /* DER, and the chain of its issuer */
	WANT_ROOT_CRL,	  /* DER */
	WANT_KINDS
};

enum {
	WANT_TEXT_MAX = 192,	/* a name, with its NUL */
	EVIDENCE_WANTS_MAX = 8, /* that one piece of evidence has; SNP at most 3, TDX 4 */
	WANT_CHIP_BYTES = 64,
	WANT_CHIP_TURIN_BYTES = 8,
	WANT_PARTS = 5, /* fmc, bootloader, tee, snp, microcode */
	WANT_FMSPC_BYTES = 6,
};

/* Unused fields are zero, so that equal wants are equal bytes. */
struct want {
	enum want_kind kind;
	char product[8];		 /* "Milan"; AMD's alone */
	uint8_t chip[WANT_CHIP_BYTES];	 /* VCEK */
	uint8_t part[WANT_PARTS];	 /* VCEK */
	uint8_t fmspc[WANT_FMSPC_BYTES]; /* TCB info */
	bool processor; /* PCK CRL: of Intel's Processor CA, not of its Platform CA */
};

/* "vcek-crl": for labels and tables. */
const char *want_kind_str(enum want_kind k);
bool want_is_amd(const struct want *w);
bool want_is_certificate(enum want_kind k);
bool want_is_list(enum want_kind k); /* of what is revoked */

/* Returns out. */
char *want_text(const struct want *w, char out[WANT_TEXT_MAX]);
/* False unless text is what want_text() would say of *out. */
bool want_parse(const char *text, struct want *out);
bool want_equal(const struct want *a, const struct want *b);

#endif
