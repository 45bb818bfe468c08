// SPDX-License-Identifier: BSD-2-Clause
#include "attester/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_BYTES_MAX = 65536, /* of a key or a chain: 10 KB in life */
};

int pki_error(char why[WHY_MAX], const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	snprintf(why, WHY_MAX, "%s: %s", what, reason ? reason : "OpenSSL gives no reason");
	ERR_clear_error();
	return -EIO;
}

static int file_error(char why[WHY_MAX], const char *path, const char *verb, int err)
{
	snprintf(why, WHY_MAX, "%.180s: cannot %s: %s", path, verb, strerror(err));
	return -err;
}

int pki_path(char out[ATTESTER_PATH_MAX], const char *directory, const char *name,
	     char why[WHY_MAX])
{
	if (snprintf(out, ATTESTER_PATH_MAX, "%s/%s", directory, name) < ATTESTER_PATH_MAX)
		return 0;
	snprintf(why, WHY_MAX, "%.200s: path too long", directory);
	return -ENAMETOOLONG;
}

bool pki_exists(const char *directory, const char *name)
{
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];

	return !pki_path(path, directory, name, why) && (!access(path, F_OK) || errno != ENOENT);
}

int pki_mkdir(const char *directory, char why[WHY_MAX])
{
	if (!mkdir(directory, 0755) || errno == EEXIST)
		return 0;
	return file_error(why, directory, "make directory", errno);
}

static int write_all(int fd, struct bytes b)
{
	ssize_t n;

	while (b.n) {
		n = write(fd, b.p, b.n);
		if (n < 0)
			return -errno;
		b.p += n;
		b.n -= n;
	}
	return 0;
}

int pki_write(const char *directory, const char *name, struct bytes content, unsigned int mode,
	      char why[WHY_MAX])
{
	char path[ATTESTER_PATH_MAX], part[ATTESTER_PATH_MAX + 8];
	int fd, err;

	err = pki_path(path, directory, name, why);
	if (err)
		return err;
	snprintf(part, sizeof(part), "%s.part", path);
	unlink(part); /* so that mode is the new file's, whoever left an old one */
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return file_error(why, part, "create", errno);
	err = write_all(fd, content);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(part, path))
		err = -errno;
	return err ? file_error(why, path, "write", -err) : 0;
}

uint8_t *pki_read(const char *directory, const char *name, size_t max, size_t *n, char why[WHY_MAX])
{
	char path[ATTESTER_PATH_MAX];
	uint8_t *buf = NULL;
	FILE *f;

	if (pki_path(path, directory, name, why))
		return NULL;
	f = fopen(path, "re");
	if (!f) {
		file_error(why, path, "open", errno);
		return NULL;
	}
	buf = malloc(max + 1);
	*n = buf ? fread(buf, 1, max + 1, f) : 0;
	if (!buf || ferror(f) || *n > max) {
		file_error(why, path, "read", !buf ? ENOMEM : ferror(f) ? EIO : EFBIG);
		free(buf);
		buf = NULL;
	}
	fclose(f);
	return buf;
}

/* The file in a memory BIO, which owns nothing: *buf is the caller's to free. */
static BIO *open_bio(const char *directory, const char *name, uint8_t **buf, char why[WHY_MAX])
{
	BIO *bio;
	size_t n;

	*buf = pki_read(directory, name, FILE_BYTES_MAX, &n, why);
	if (!*buf)
		return NULL;
	bio = BIO_new_mem_buf(*buf, n);
	if (!bio)
		pki_error(why, "no memory");
	return bio;
}

/* Writes out what has gathered in bio. */
static int write_bio(BIO *bio, const char *directory, const char *name, unsigned int mode,
		     char why[WHY_MAX])
{
	uint8_t *p;
	long n = BIO_get_mem_data(bio, &p);

	return pki_write(directory, name, bytes_of(p, n), mode, why);
}

EVP_PKEY *pki_key_read(const char *directory, const char *name, char why[WHY_MAX])
{
	uint8_t *buf;
	BIO *bio = open_bio(directory, name, &buf, why);
	EVP_PKEY *key = NULL;

	if (bio) {
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		if (!key)
			pki_error(why, name);
	}
	BIO_free(bio);
	free(buf);
	return key;
}

static EVP_PKEY *generate(enum pki_key kind)
{
	switch (kind) {
	case PKI_RSA4096:
		return EVP_RSA_gen(4096);
	case PKI_P384:
		return EVP_EC_gen("P-384");
	case PKI_P256:
		return EVP_EC_gen("P-256");
	case PKI_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	}
	return NULL;
}

static int save(EVP_PKEY *key, const char *directory, const char *name, char why[WHY_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int err;

	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		err = write_bio(bio, directory, name, 0600, why);
	else
		err = pki_error(why, name);
	BIO_free(bio);
	return err;
}

static EVP_PKEY *make_key(const char *directory, const char *name, enum pki_key kind,
			  char why[WHY_MAX])
{
	EVP_PKEY *key = generate(kind);

	if (!key) {
		pki_error(why, name);
		return NULL;
	}
	if (save(key, directory, name, why)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

EVP_PKEY *pki_key(const char *directory, const char *name, enum pki_key kind, char why[WHY_MAX])
{
	if (!pki_exists(directory, name))
		return make_key(directory, name, kind, why);
	return pki_key_read(directory, name, why);
}

X509 *pki_certificate_read(const char *directory, const char *name, char why[WHY_MAX])
{
	uint8_t *buf;
	BIO *bio = open_bio(directory, name, &buf, why);
	X509 *x = NULL;

	if (bio) {
		x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (!x)
			pki_error(why, name);
	}
	BIO_free(bio);
	free(buf);
	return x;
}

int pki_pem_write(const char *directory, const char *name, X509 *const *chain, size_t count,
		  char why[WHY_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio;
	int err;

	for (size_t i = 0; ok && i < count; i++)
		ok = PEM_write_bio_X509(bio, chain[i]) == 1;
	err = ok ? write_bio(bio, directory, name, 0644, why) : pki_error(why, name);
	BIO_free(bio);
	return err;
}

int pki_chain_write(const char *directory, const char *name, X509 *x, X509 *issuer,
		    char why[WHY_MAX])
{
	X509 *const chain[] = { x, issuer };

	return pki_pem_write(directory, name, chain, issuer ? 2 : 1, why);
}

int pki_certificate_write(const char *directory, const char *name, X509 *x, char why[WHY_MAX])
{
	return pki_chain_write(directory, name, x, NULL, why);
}

int pki_der_write(const char *directory, const char *name, X509 *x, char why[WHY_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int err;

	if (bio && i2d_X509_bio(bio, x) == 1)
		err = write_bio(bio, directory, name, 0644, why);
	else
		err = pki_error(why, name);
	BIO_free(bio);
	return err;
}

X509 *pki_certificate(const struct pki_subject *s)
{
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), s->serial) == 1 &&
	    X509_set_subject_name(x, s->name) == 1 && X509_set_issuer_name(x, s->issuer) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(x), s->from) &&
	    ASN1_TIME_set(X509_getm_notAfter(x), s->until) && X509_set_pubkey(x, s->key) == 1)
		return x;
	X509_free(x);
	return NULL;
}

bool pki_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}
