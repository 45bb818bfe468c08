// SPDX-License-Identifier: BSD-2-Clause
/* AMD 56860 (TCB_VERSION), 57230 (product names); CPUID ranges as AMD's chains cover them. */
#include "verifier/snp_product.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const names[SNP_PRODUCTS] = { "unknown", "Milan", "Genoa", "Turin" };
static const char *const part_names[SNP_PARTS] = { "fmc", "bootloader", "tee", "snp", "microcode" };

static const struct {
	uint8_t family, first, last; /* models, both ends included */
	enum snp_product product;
} cpus[] = {
	{ 0x19, 0x00, 0x0f, SNP_MILAN },
	{ 0x19, 0x10, 0x1f, SNP_GENOA },
	{ 0x19, 0xa0, 0xaf, SNP_GENOA }, /* Bergamo, Siena */
	{ 0x1a, 0x00, 0x11, SNP_TURIN },
};

enum { ABSENT = -1 };

/* Which byte of TCB_VERSION holds which part; the bytes not named are reserved. */
static const int8_t layout_milan[SNP_PARTS] = { ABSENT, 0, 1, 6, 7 };
static const int8_t layout_turin[SNP_PARTS] = { 0, 1, 2, 3, 7 };

static const int8_t *layout(enum snp_product p)
{
	return p == SNP_TURIN ? layout_turin : layout_milan;
}

const char *snp_product_str(enum snp_product p)
{
	return names[p < SNP_PRODUCTS ? p : SNP_UNKNOWN];
}

enum snp_product snp_product_by_name(const char *name)
{
	for (enum snp_product p = SNP_UNKNOWN + 1; p < SNP_PRODUCTS; p++)
		if (!strcmp(name, names[p]))
			return p;
	return SNP_UNKNOWN;
}

enum snp_product snp_product_by_cpuid(uint8_t family, uint8_t model)
{
	for (size_t i = 0; i < sizeof(cpus) / sizeof(*cpus); i++)
		if (family == cpus[i].family && model >= cpus[i].first && model <= cpus[i].last)
			return cpus[i].product;
	return SNP_UNKNOWN;
}

uint8_t snp_chip_id_bytes(enum snp_product p)
{
	return p == SNP_TURIN ? SNP_CHIP_ID_TURIN_BYTES : SNP_CHIP_ID_BYTES;
}

const char *snp_part_str(enum snp_part part)
{
	return part < SNP_PARTS ? part_names[part] : "none";
}

bool snp_product_has_part(enum snp_product p, enum snp_part part)
{
	return part < SNP_PARTS && layout(p)[part] != ABSENT;
}

struct snp_tcb snp_tcb_decode(const uint8_t raw[SNP_TCB_BYTES], enum snp_product p)
{
	struct snp_tcb t = { { 0 } };

	for (int i = 0; i < SNP_PARTS; i++)
		if (layout(p)[i] != ABSENT)
			t.part[i] = raw[layout(p)[i]];
	return t;
}

bool snp_tcb_reserved_zero(const uint8_t raw[SNP_TCB_BYTES], enum snp_product p)
{
	bool named[SNP_TCB_BYTES] = { false };

	for (int i = 0; i < SNP_PARTS; i++)
		if (layout(p)[i] != ABSENT)
			named[layout(p)[i]] = true;
	for (int i = 0; i < SNP_TCB_BYTES; i++)
		if (!named[i] && raw[i])
			return false;
	return true;
}

enum snp_part snp_tcb_above(const struct snp_tcb *a, const struct snp_tcb *b)
{
	for (enum snp_part i = 0; i < SNP_PARTS; i++)
		if (a->part[i] > b->part[i])
			return i;
	return SNP_PARTS;
}

char *snp_tcb_text(const struct snp_tcb *t, enum snp_product p, char out[SNP_TCB_TEXT_MAX])
{
	size_t n = 0;

	out[0] = 0;
	for (enum snp_part i = 0; i < SNP_PARTS && n < SNP_TCB_TEXT_MAX; i++)
		if (snp_product_has_part(p, i))
			n += snprintf(out + n, SNP_TCB_TEXT_MAX - n, "%s%s=%u", n ? " " : "",
				      part_names[i], t->part[i]);
	return out;
}
