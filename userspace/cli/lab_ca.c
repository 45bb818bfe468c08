// SPDX-License-Identifier: BSD-2-Clause
#include "cli/lab_ca.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

enum {
	CA_YEARS = 5,
	NODE_YEARS = 1,
	SAN_MAX = 1024,
};

static X509_NAME *make_name(const char *common_name)
{
	X509_NAME *n = X509_NAME_new();
	const unsigned char *cn = (const unsigned char *)common_name;

	if (n &&
	    X509_NAME_add_entry_by_NID(n, NID_organizationName, MBSTRING_UTF8,
				       (const unsigned char *)"fairlead lab", -1, -1, 0) == 1 &&
	    X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8, cn, -1, -1, 0) == 1)
		return n;
	X509_NAME_free(n);
	return NULL;
}

/* Ed25519 brings its own digest. */
static bool sign(X509 *x, EVP_PKEY *key)
{
	return X509_sign(x, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0;
}

static X509 *make_ca(EVP_PKEY *key, int64_t now)
{
	X509_NAME *name = make_name("fairlead lab operator CA");
	struct pki_subject s = { .name = name,
				 .issuer = name,
				 .key = key,
				 .serial = 1,
				 .from = now - PKI_DAY_S,
				 .until = now + (int64_t)CA_YEARS * PKI_YEAR_S };
	X509 *x = name ? pki_certificate(&s) : NULL;

	X509_NAME_free(name);
	if (x && pki_extend(x, x, NID_subject_key_identifier, "hash") &&
	    pki_extend(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    pki_extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") && sign(x, key))
		return x;
	X509_free(x);
	return NULL;
}

int lab_ca_make(const char *directory, enum pki_key kind, int64_t now, char why[WHY_MAX])
{
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	int err;

	err = pki_mkdir(directory, why);
	if (err)
		return err;
	if (pki_exists(directory, "ca.crt") && pki_exists(directory, "ca.key"))
		return 0;
	key = pki_key(directory, "ca.key", kind, why);
	if (!key)
		return -EIO;
	x = make_ca(key, now);
	err = x ? pki_certificate_write(directory, "ca.crt", x, why) : pki_error(why, "ca.crt");
	X509_free(x);
	EVP_PKEY_free(key);
	return err;
}

/* Only what cannot end one name and begin another. */
static bool is_plain(const char *text, const char *also)
{
	for (const char *s = text; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(also, *s))
			return false;
	return *text;
}

static int alternative_names(const struct lab_node *n, char out[SAN_MAX], char why[WHY_MAX])
{
	size_t used;

	if (!is_plain(n->name, "-_.") || (n->uri && !is_plain(n->uri, "-_.:/"))) {
		snprintf(why, WHY_MAX, "want a name of letters, digits and -_., got \"%.80s\"",
			 n->uri ? n->uri : n->name);
		return -EINVAL;
	}
	if (n->uri)
		used = snprintf(out, SAN_MAX, "URI:%s", n->uri);
	else
		used = snprintf(out, SAN_MAX, "URI:fairlead://node/%s", n->name);
	for (size_t i = 0; i < n->ips_count && used < SAN_MAX; i++) {
		struct addr a;

		if (!addr_parse(n->ips[i], &a)) {
			snprintf(why, WHY_MAX, "want an IPv4 or IPv6 address, got \"%.80s\"",
				 n->ips[i]);
			return -EINVAL;
		}
		used += snprintf(out + used, SAN_MAX - used, ",IP:%s", n->ips[i]);
	}
	if (used < SAN_MAX)
		return 0;
	snprintf(why, WHY_MAX, "names too long: want at most %d characters", SAN_MAX - 1);
	return -EINVAL;
}

static bool extend(X509 *x, X509 *ca, const struct lab_node *n, const char *san)
{
	return pki_extend(x, ca, NID_subject_key_identifier, "hash") &&
	       pki_extend(x, ca, NID_authority_key_identifier, "keyid:always") &&
	       pki_extend(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	       pki_extend(x, ca, NID_key_usage, "critical,digitalSignature") &&
	       (!*n->eku || pki_extend(x, ca, NID_ext_key_usage, n->eku)) &&
	       pki_extend(x, ca, NID_subject_alt_name, san);
}

static void choose_times(const struct lab_node *n, int64_t now, struct pki_subject *s)
{
	const int64_t life = (int64_t)NODE_YEARS * PKI_YEAR_S;

	s->from = now - PKI_DAY_S;
	if (n->expired)
		s->from -= life;
	if (n->not_yet)
		s->from = now + PKI_DAY_S;
	s->until = s->from + life;
}

static X509 *make_node(const struct lab_node *n, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key,
		       const char *san, int64_t now)
{
	X509_NAME *name = make_name(n->name);
	struct pki_subject s = { .name = name, .issuer = X509_get_subject_name(ca), .key = key };
	X509 *x = NULL;

	choose_times(n, now, &s);
	if (name && RAND_bytes((uint8_t *)&s.serial, sizeof(s.serial)) == 1)
		x = pki_certificate(&s);
	X509_NAME_free(name);
	if (x && extend(x, ca, n, san) && sign(x, ca_key))
		return x;
	X509_free(x);
	return NULL;
}

static int issue(const char *directory, const struct lab_node *n, X509 *ca, EVP_PKEY *ca_key,
		 int64_t now, char why[WHY_MAX])
{
	EVP_PKEY *key = NULL;
	char san[SAN_MAX];
	X509 *x = NULL;
	int err;

	err = alternative_names(n, san, why);
	if (!err)
		err = pki_mkdir(directory, why);
	if (err)
		return err;
	key = pki_key(directory, "node.key", n->key, why);
	if (!key)
		return -EIO;
	x = make_node(n, key, ca, ca_key, san, now);
	err = x ? pki_certificate_write(directory, "node.crt", x, why) : pki_error(why, "node.crt");
	if (!err)
		err = pki_certificate_write(directory, "ca.crt", ca, why);
	X509_free(x);
	EVP_PKEY_free(key);
	return err;
}

int lab_node_make(const char *directory, const char *ca, const struct lab_node *n, int64_t now,
		  char why[WHY_MAX])
{
	X509 *x = pki_certificate_read(ca, "ca.crt", why);
	EVP_PKEY *key = x ? pki_key_read(ca, "ca.key", why) : NULL;
	int err = key ? issue(directory, n, x, key, now, why) : -EIO;

	EVP_PKEY_free(key);
	X509_free(x);
	return err;
}
