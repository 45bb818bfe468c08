// SPDX-License-Identifier: BSD-2-Clause
#include "attester/soft.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft_file.h"

_Static_assert((int)SNP_REPORT_BYTES == (int)SNP_REPORT_SIZE, "one report, two headers");

struct soft {
	char directory[ATTESTER_PATH_MAX];
};

/* The report of the guest in directory, at the front of out->buf. */
static int take_report(const char *directory, const struct soft_guest *g,
		       const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		       char why[WHY_MAX])
{
	const char *name = g->key == SNP_VLEK ? "vlek.key" : "vcek.key";
	EVP_PKEY *key = pki_key_read(directory, name, why);
	int err;

	if (!key)
		return -ENOKEY;
	soft_report_build(g, report_data, out->buf);
	err = soft_report_sign(out->buf, key);
	EVP_PKEY_free(key);
	if (err) {
		pki_error(why, name);
		return err;
	}
	out->report = bytes_of(out->buf, SNP_REPORT_BYTES);
	return 0;
}

/* Appends a file to what out->buf holds already; an empty one is what its host does not give. */
static int take_file(const char *directory, const char *name, size_t *used, struct quote *out,
		     char why[WHY_MAX])
{
	size_t n, room = sizeof(out->buf) - *used;
	uint8_t *p = pki_read(directory, name, room, &n, why);

	if (!p)
		return -EIO;
	memcpy(out->buf + *used, p, n);
	if (n)
		out->certs[out->certs_count++] = bytes_of(out->buf + *used, n);
	*used += n;
	free(p);
	return 0;
}

static int quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		 char why[WHY_MAX])
{
	const struct soft *s = source;
	char path[ATTESTER_PATH_MAX];
	size_t used = SNP_REPORT_BYTES;
	struct soft_guest g;
	bool vlek;
	int err;

	err = pki_path(path, s->directory, "guest.yaml", why);
	if (!err)
		err = soft_guest_read(path, &g, why);
	if (err)
		return err;
	vlek = g.key == SNP_VLEK;
	out->tee = TEE_SNP;
	out->certs_count = 0;
	err = take_report(s->directory, &g, report_data, out, why);
	if (!err)
		err = take_file(s->directory, vlek ? "vlek.der" : "vcek.der", &used, out, why);
	if (!err)
		err = take_file(s->directory, vlek ? "vlek_chain.pem" : "vcek_chain.pem", &used,
				out, why);
	return err;
}

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	struct soft *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	snprintf(s->directory, sizeof(s->directory), "%s", c->directory);
	err = soft_begin(&source_soft, s, s->directory, why);
	if (err)
		free(s);
	else
		*out = s;
	return err;
}

static void source_close(void *source)
{
	free(source);
}

const struct source_ops source_soft = { "soft", TEE_SNP, source_open, quote, source_close };
