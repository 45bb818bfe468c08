// SPDX-License-Identifier: BSD-2-Clause
/*
 * ATTESTATION_REPORT as AMD 56860 lays it out, versions 2, 3 and 5, written from a
 * struct soft_guest and signed.  The verifier has its own reader: the two share no
 * line, so that a mistake of one is not a mistake of both.
 */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "attester/soft.h"

enum {
	SIGNATURE_R = 0x2a0,
	SIGNATURE_S = 0x2e8,
	SIGNATURE_PART = 72, /* little-endian, the top 24 bytes zero with P-384 */
	ALGORITHM_ECDSA_P384_SHA384 = 1,
	KEY_AUTHOR = 1 << 0,
	KEY_MASK_CHIP = 1 << 1,
	KEY_SIGNING_SHIFT = 2,
	ECDSA_DER_MAX = 128,
};

static void put_le(uint8_t *p, uint64_t v, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		p[i] = v >> 8 * i;
}

/* TCB_VERSION: Turin put FMC in front and moved the others. */
static void put_tcb(uint8_t p[8], const struct soft_tcb *t, enum snp_product product)
{
	const uint8_t turin[8] = { t->fmc, t->bootloader, t->tee, t->snp, 0, 0, 0, t->microcode };
	const uint8_t milan[8] = { t->bootloader, t->tee, 0, 0, 0, 0, t->snp, t->microcode };

	memcpy(p, product == SNP_TURIN ? turin : milan, 8);
}

static void put_firmware(uint8_t p[3], const struct soft_firmware *f)
{
	p[0] = f->build;
	p[1] = f->minor;
	p[2] = f->major;
}

static uint32_t key_info(const struct soft_guest *g)
{
	return (g->author_key ? KEY_AUTHOR : 0) | (g->mask_chip_key ? KEY_MASK_CHIP : 0) |
	       (uint32_t)g->key << KEY_SIGNING_SHIFT;
}

static void put_guest(const struct soft_guest *g, uint8_t *r)
{
	put_le(r + 0x004, g->guest_svn, 4);
	put_le(r + 0x008, g->policy, 8);
	memcpy(r + 0x010, g->family_id, sizeof(g->family_id));
	memcpy(r + 0x020, g->image_id, sizeof(g->image_id));
	put_le(r + 0x030, g->vmpl, 4);
	memcpy(r + 0x090, g->measurement, sizeof(g->measurement));
	memcpy(r + 0x0c0, g->host_data, sizeof(g->host_data));
	memcpy(r + 0x0e0, g->id_key_digest, sizeof(g->id_key_digest));
	memcpy(r + 0x110, g->author_key_digest, sizeof(g->author_key_digest));
	memcpy(r + 0x140, g->report_id, sizeof(g->report_id));
	memcpy(r + 0x160, g->report_id_ma, sizeof(g->report_id_ma));
}

static void put_platform(const struct soft_guest *g, uint8_t *r)
{
	put_tcb(r + 0x038, &g->current_tcb, g->product);
	put_le(r + 0x040, g->platform_info, 8);
	put_tcb(r + 0x180, &g->reported_tcb, g->product);
	if (g->version >= 3) {
		r[0x188] = g->cpuid_family;
		r[0x189] = g->cpuid_model;
		r[0x18a] = g->cpuid_stepping;
	}
	if (g->key == SNP_VCEK && !g->mask_chip_key)
		memcpy(r + 0x1a0, g->chip_id, sizeof(g->chip_id));
	put_tcb(r + 0x1e0, &g->committed_tcb, g->product);
	put_firmware(r + 0x1e8, &g->current_firmware);
	put_firmware(r + 0x1ec, &g->committed_firmware);
	put_tcb(r + 0x1f0, &g->launch_tcb, g->product);
	if (g->version >= 5) {
		put_le(r + 0x1f8, g->launch_mitigations, 8);
		put_le(r + 0x200, g->current_mitigations, 8);
	}
}

void soft_report_build(const struct soft_guest *g, const uint8_t report_data[REPORT_DATA_BYTES],
		       uint8_t out[SNP_REPORT_BYTES])
{
	memset(out, 0, SNP_REPORT_BYTES);
	put_le(out, g->version, 4);
	put_le(out + 0x034, ALGORITHM_ECDSA_P384_SHA384, 4);
	put_le(out + 0x048, key_info(g), 4);
	memcpy(out + 0x050, report_data, REPORT_DATA_BYTES);
	put_guest(g, out);
	put_platform(g, out);
}

/* A DER ECDSA-Sig-Value as the firmware writes it: two little-endian numbers. */
static bool put_signature(uint8_t *report, const uint8_t *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, n);
	bool ok = sig &&
		  BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), report + SIGNATURE_R, SIGNATURE_PART) > 0 &&
		  BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), report + SIGNATURE_S, SIGNATURE_PART) > 0;

	ECDSA_SIG_free(sig);
	return ok;
}

int soft_report_sign(uint8_t report[SNP_REPORT_BYTES], EVP_PKEY *key)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t der[ECDSA_DER_MAX];
	size_t n = sizeof(der);
	int err = -EIO;

	if (!md)
		return -ENOMEM;
	if (EVP_DigestSignInit(md, NULL, EVP_sha384(), NULL, key) == 1 &&
	    EVP_DigestSign(md, der, &n, report, SNP_SIGNED_BYTES) == 1 &&
	    put_signature(report, der, n))
		err = 0;
	EVP_MD_CTX_free(md);
	return err;
}
