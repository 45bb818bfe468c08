/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificate table that a host hands to its guests (AMD 56421): written by whom we do not
 * trust, so each offset and length is checked, in 64 bits, before anything is read by it.
 */
#ifndef SNP_TABLE_H
#define SNP_TABLE_H

#include "base/bytes.h"
#include "verifier/appraise.h"

enum snp_entry {
	SNP_ENTRY_VCEK,
	SNP_ENTRY_VLEK,
	SNP_ENTRY_ASK, /* or ASVK */
	SNP_ENTRY_ARK,
	SNP_ENTRY_CRL,
	SNP_ENTRIES
};

/* Entries point into the table; those that are not there are empty. */
struct snp_table {
	struct bytes entry[SNP_ENTRIES];
};

/* Whether these bytes can only be meant as a table: neither DER nor text. */
bool snp_table_looks_like(struct bytes in);
/* No bytes at all, or zeroes alone, are a table without entries. */
enum reason snp_table_parse(struct bytes in, struct snp_table *t, struct claims *out);

#endif
