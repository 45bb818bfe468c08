/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD's product lines: which processors they are, and how each lays out a TCB version. */
#ifndef SNP_PRODUCT_H
#define SNP_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

/* By certificate chain: Bergamo and Siena are Genoa's. */
enum snp_product { SNP_UNKNOWN, SNP_MILAN, SNP_GENOA, SNP_TURIN, SNP_PRODUCTS };

enum snp_part {
	SNP_FMC, /* Turin alone; 0 elsewhere */
	SNP_BOOTLOADER,
	SNP_TEE,
	SNP_SNP,
	SNP_MICROCODE,
	SNP_PARTS
};

enum {
	SNP_TCB_BYTES = 8,
	SNP_TCB_TEXT_MAX = 80,
	SNP_CHIP_ID_BYTES = 64,
	SNP_CHIP_ID_TURIN_BYTES = 8, /* the rest of the field is zero */
};

/* Versions that are compared one by one; as one number they mean nothing. */
struct snp_tcb {
	uint8_t part[SNP_PARTS];
};

const char *snp_product_str(enum snp_product p); /* "Milan" */
enum snp_product snp_product_by_name(const char *name);
/* From CPUID: the combined family and model, as reports have them from version 3 on. */
enum snp_product snp_product_by_cpuid(uint8_t family, uint8_t model);

/* Bytes of a chip's identity. */
uint8_t snp_chip_id_bytes(enum snp_product p);

const char *snp_part_str(enum snp_part part); /* "microcode" */
bool snp_product_has_part(enum snp_product p, enum snp_part part);
struct snp_tcb snp_tcb_decode(const uint8_t raw[SNP_TCB_BYTES], enum snp_product p);
bool snp_tcb_reserved_zero(const uint8_t raw[SNP_TCB_BYTES], enum snp_product p);
/* The first part in which a is above b, or SNP_PARTS: then a is at most b. */
enum snp_part snp_tcb_above(const struct snp_tcb *a, const struct snp_tcb *b);
/* "bootloader=4 tee=0 snp=24 microcode=219"; returns out. */
char *snp_tcb_text(const struct snp_tcb *t, enum snp_product p, char out[SNP_TCB_TEXT_MAX]);

#endif
