/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of collateral: what vendors publish that evidence is judged by and does not bring along.
 * The numbers go over our own sockets; the file names are those of `fairlead verify --collateral`.
 */
#ifndef COLLATERAL_H
#define COLLATERAL_H

enum collateral {
	COLLATERAL_CRL,		      /* AMD's, signed by the roots; DER or PEM, one or many */
	COLLATERAL_TCB_INFO,	      /* Intel's: JSON as received, body and signature */
	COLLATERAL_TCB_INFO_CHAIN,    /* PEM: signer, root */
	COLLATERAL_QE_IDENTITY,	      /* JSON as received */
	COLLATERAL_QE_IDENTITY_CHAIN, /* PEM: signer, root */
	COLLATERAL_PCK_CRL,	      /* of the authority that issued the PCK; DER or PEM */
	COLLATERAL_PCK_CRL_CHAIN,     /* PEM: that authority, root */
	COLLATERAL_ROOT_CRL,	      /* of Intel's root; DER or PEM */
	COLLATERAL_COUNT
};

/* "crl.der"; NULL for a kind that there is not. */
const char *collateral_file(enum collateral kind);

#endif
