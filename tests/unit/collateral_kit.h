/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of a laboratory AMD and Intel, for the tests of collateral. */
#ifndef COLLATERAL_KIT_H
#define COLLATERAL_KIT_H

#include "unit/verifier_lab.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "base/collateral.h"
#include "collateral/store.h"

#define KIT_FMSPC "00806f050000"
#define KIT_VCEK  "amd/Milan/vcek/" KIT_CHIP "/4-2-24-219"
#define KIT_CHIP                                                           \
	"c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1" \
	"c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"

enum { KIT_TEXT_MAX = 65536 };

struct kit {
	struct scene scene; /* Milan, VCEK, with a CRL */
	struct lab_crl pck_crl, root_crl;
	char chain[KIT_TEXT_MAX]; /* PEM: intermediate, root */
	char tcb_info[1024], qe_identity[1024];
	char dir[64];
};

static struct kit kit;

static inline size_t kit_pem(const struct lab_cert *c, char *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const uint8_t *p = c->der;
	X509 *x = d2i_X509(NULL, &p, c->n);
	char *text;
	long n;

	PEM_write_bio_X509(bio, x);
	n = BIO_get_mem_data(bio, &text);
	memcpy(out, text, n);
	out[n] = 0;
	BIO_free(bio);
	X509_free(x);
	return n;
}

static inline struct lab_crl kit_crl(const char *issuer)
{
	struct lab_crl c = { .issuer = issuer, .signer = LAB_ARK, .from = LAB_FROM, .to = LAB_TO };

	lab_build_crl(&c);
	return c;
}

static inline void kit_documents(const char *from, const char *to)
{
	static const char tail[] = "\"signature\":\"00\"}";

	snprintf(
		kit.tcb_info, sizeof(kit.tcb_info),
		"{\"tcbInfo\":{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\","
		"\"fmspc\":\"00806F050000\"},%s",
		from, to, tail);
	snprintf(kit.qe_identity, sizeof(kit.qe_identity),
		 "{\"enclaveIdentity\":{\"id\":\"TD_QE\",\"version\":2,\"issueDate\":\"%s\","
		 "\"nextUpdate\":\"%s\"},%s",
		 from, to, tail);
}

static inline int kit_setup(void **state)
{
	lab_setup(state);
	scene_begin(&kit.scene, SNP_MILAN, SNP_KEY_VCEK);
	kit.scene.crl.given = true;
	scene_build(&kit.scene);
	kit.pck_crl = kit_crl("Intel SGX PCK Platform CA");
	kit.root_crl = kit_crl("Intel SGX Root CA");
	kit_pem(&kit.scene.root, kit.chain + kit_pem(&kit.scene.mid, kit.chain));
	kit_documents("2026-05-20T10:00:00Z", "2026-06-19T10:00:00Z");
	return 0;
}

static inline int kit_teardown(void **state)
{
	scene_end(&kit.scene);
	return lab_teardown(state);
}

/* A fresh directory for one test, and its end. */
static inline int kit_open_dir(void **state)
{
	(void)state;
	strcpy(kit.dir, "/tmp/fairlead-kit-XXXXXX");
	return mkdtemp(kit.dir) ? 0 : -1;
}

static inline void kit_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[2048];

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.' && unlink(path) && errno == EISDIR) {
			kit_empty(path);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
}

static inline int kit_close_dir(void **state)
{
	(void)state;
	kit_empty(kit.dir);
	return rmdir(kit.dir);
}

/* The store in that directory, as whoever comes next finds it. */
static inline struct store *kit_open_store(void)
{
	char why[COLLATERAL_WHY_MAX];
	struct store *s = NULL;

	if (store_open(kit.dir, true, &s, why))
		fail_msg("%s", why);
	return s;
}

static inline struct want kit_want(const char *name)
{
	struct want w;

	if (!want_parse(name, &w))
		fail_msg("%s is no name", name);
	return w;
}

static inline struct bytes kit_text(const char *text)
{
	return bytes_of(text, strlen(text));
}

/* What a vendor would answer. */
static inline struct piece kit_piece(const char *name)
{
	struct piece p = { .want = kit_want(name), .issued = LAB_FROM, .expires = LAB_TO };

	switch (p.want.kind) {
	case WANT_VCEK:
		p.body = bytes_of(kit.scene.leaf.der, kit.scene.leaf.n);
		break;
	case WANT_VCEK_CHAIN:
	case WANT_VLEK_CHAIN:
		p.body = kit_text(kit.chain);
		break;
	case WANT_VCEK_CRL:
	case WANT_VLEK_CRL:
		p.body = bytes_of(kit.scene.crl.der, kit.scene.crl.n);
		break;
	case WANT_TCB_INFO:
		p.body = kit_text(kit.tcb_info);
		break;
	case WANT_QE_IDENTITY:
		p.body = kit_text(kit.qe_identity);
		break;
	case WANT_PCK_CRL:
		p.body = bytes_of(kit.pck_crl.der, kit.pck_crl.n);
		break;
	case WANT_ROOT_CRL:
	case WANT_KINDS:
		p.body = bytes_of(kit.root_crl.der, kit.root_crl.n);
		break;
	}
	if (p.want.kind >= WANT_TCB_INFO && p.want.kind <= WANT_PCK_CRL)
		p.chain = kit_text(kit.chain);
	return p;
}

static inline void kit_write(const char *dir, const char *name, struct bytes b)
{
	char path[2048];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	fclose(f);
}

#endif
