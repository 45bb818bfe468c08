/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in for the SNP firmware and the host in unotify.c and tsmfs.c: reports of
 * a lab guest's directory, and the certificate table a host would give.
 */
#ifndef SNP_DOUBLE_H
#define SNP_DOUBLE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft.h"

enum {
	TABLE_ENTRY = 24, /* GUID, offset, length: AMD 56421 (GHCB), SNP Extended Guest Request */
	TABLE_ENTRIES = 3,
	TABLE_HEAD = (TABLE_ENTRIES + 1) * TABLE_ENTRY,
	TABLE_MAX = 0x4000,
	STATUS_INVALID_PARAMETER = 0x16,
	VMPL_LAST = 3,
};

struct double_table {
	uint8_t bytes[TABLE_MAX];
	size_t n, entries;
};

static inline void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> 8 * i;
}

/*
 * The firmware's answer: its status, and a report when that is 0.  A guest may ask for its own
 * level (guest.yaml's vmpl) or a less privileged one.
 */
static inline uint32_t double_report(const char *directory,
				     const uint8_t user_data[REPORT_DATA_BYTES], uint32_t vmpl,
				     uint8_t out[SNP_REPORT_BYTES])
{
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];
	struct soft_guest g;
	EVP_PKEY *key = NULL;
	int err;

	err = pki_path(path, directory, "guest.yaml", why);
	if (!err)
		err = soft_guest_read(path, &g, why);
	if (!err && (vmpl > VMPL_LAST || vmpl < g.vmpl))
		return STATUS_INVALID_PARAMETER;
	if (!err) {
		key = pki_key_read(directory, g.key == SNP_VLEK ? "vlek.key" : "vcek.key", why);
		g.vmpl = vmpl;
		soft_report_build(&g, user_data, out);
	}
	if (!key || soft_report_sign(out, key)) {
		fprintf(stderr, "double: %s\n", why);
		err = 1;
	}
	EVP_PKEY_free(key);
	return err ? 1 : 0;
}

static inline bool double_add(struct double_table *t, const uint8_t guid[16], X509 *x)
{
	uint8_t *entry = t->bytes + t->entries * TABLE_ENTRY, *der = NULL;
	int n = x ? i2d_X509(x, &der) : -1;
	bool ok = n > 0 && t->n + n <= sizeof(t->bytes);

	if (ok) {
		memcpy(entry, guid, 16);
		put_le32(entry + 16, t->n);
		put_le32(entry + 20, n);
		memcpy(t->bytes + t->n, der, n);
		t->n += n;
		t->entries++;
	}
	OPENSSL_free(der);
	return ok;
}

static inline X509 *double_leaf(const char *directory)
{
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];
	X509 *x = NULL;
	FILE *f;

	if (pki_path(path, directory, "vcek.der", why))
		return NULL;
	f = fopen(path, "re");
	if (f) {
		x = d2i_X509_fp(f, NULL);
		fclose(f);
	}
	return x;
}

/* VCEK, ASK and ARK in DER, as hosts do that give all three. */
static inline bool double_table_make(const char *directory, struct double_table *t)
{
	static const uint8_t vcek[16] = { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
					  0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd };
	static const uint8_t ask[16] = { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
					 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 };
	static const uint8_t ark[16] = { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
					 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae };
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];
	X509 *leaf = double_leaf(directory), *issuer = NULL, *root = NULL;
	FILE *f = NULL;
	bool ok;

	memset(t, 0, sizeof(*t));
	t->n = TABLE_HEAD;
	if (!pki_path(path, directory, "vcek_chain.pem", why))
		f = fopen(path, "re");
	if (f) {
		issuer = PEM_read_X509(f, NULL, NULL, NULL);
		root = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	ok = double_add(t, vcek, leaf) && double_add(t, ask, issuer) && double_add(t, ark, root);
	X509_free(leaf);
	X509_free(issuer);
	X509_free(root);
	return ok;
}

#endif
