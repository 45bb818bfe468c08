// SPDX-License-Identifier: BSD-2-Clause
/*
 * Documents from /dev/nsm.  REPORT_DATA goes into user_data; the two other fields stay null: what
 * they would hold, the nonce and our key, is in REPORT_DATA already.
 */
#include "attester/nsm.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attester/device.h"
#include "base/cbor.h"

enum {
	BUSY_TRIES = 3, /* the module has one queue for all of the enclave's processes */
	ERROR_SHOWN_MAX = 40,
};

struct nsm {
	int fd;
	const struct nsm_io *io;
	struct pace pace;
};

size_t nsm_request(const uint8_t report_data[REPORT_DATA_BYTES], uint8_t out[NSM_REQUEST_MAX])
{
	struct cbor_writer w = { .p = out, .max = NSM_REQUEST_MAX };

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "Attestation");
	cbor_put_map(&w, 3);
	cbor_put_text(&w, "user_data");
	cbor_put_bytes(&w, bytes_of(report_data, REPORT_DATA_BYTES));
	cbor_put_text(&w, "nonce");
	cbor_put_null(&w);
	cbor_put_text(&w, "public_key");
	cbor_put_null(&w);
	return w.n; /* it fits many times over */
}

/* The one key of a map of one pair. */
static bool get_only_key(struct bytes *in, struct bytes *key)
{
	struct cbor_items items;

	return cbor_get_map(in, &items) && !items.indefinite && items.left == 1 &&
	       cbor_get_text(in, key);
}

static bool is(struct bytes text, const char *wanted)
{
	return bytes_equal(text, bytes_of(wanted, strlen(wanted)));
}

static bool is_word(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isalnum(text.p[i]))
			return false;
	return text.n && text.n <= ERROR_SHOWN_MAX;
}

/* {"Error": "InternalError"}: the module's own words, as nsm_api has them. */
static int module_error(struct bytes in, char why[WHY_MAX])
{
	struct bytes code;

	if (!cbor_get_text(&in, &code) || in.n || !is_word(code)) {
		snprintf(why, WHY_MAX, "the module answers with an error that is no word");
		return -EPROTO;
	}
	snprintf(why, WHY_MAX, "the module answers %.*s: want a document", (int)code.n, code.p);
	return is(code, "InternalError") ? -EIO : -EINVAL;
}

int nsm_response(struct bytes in, struct bytes *document, char why[WHY_MAX])
{
	struct bytes all = in, key;

	if (!get_only_key(&in, &key))
		goto nonsense;
	if (is(key, "Error"))
		return module_error(in, why);
	if (!is(key, "Attestation") || !get_only_key(&in, &key) || !is(key, "document") ||
	    !cbor_get_bytes(&in, document) || in.n || !document->n)
		goto nonsense;
	return 0;
nonsense:
	if (all.n == NSM_RESPONSE_MAX)
		snprintf(why, WHY_MAX,
			 "the answer fills all %d bytes and was cut off: want it whole",
			 NSM_RESPONSE_MAX);
	else
		snprintf(why, WHY_MAX, "%zu bytes of answer are not {Attestation: {document}}",
			 all.n);
	return -EPROTO;
}

struct nsm *nsm_new(int fd, const struct nsm_io *io)
{
	struct nsm *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->fd = fd;
	n->io = io;
	return n;
}

void nsm_free(struct nsm *n)
{
	if (!n)
		return;
	close(n->fd);
	free(n);
}

static int failed(int err, char why[WHY_MAX])
{
	switch (err) {
	case -EBUSY:
	case -EAGAIN:
	case -EINTR:
		snprintf(why, WHY_MAX, "the module is busy: try again later");
		return -EBUSY;
	case -ETIMEDOUT: /* two minutes: not asked again here */
		snprintf(why, WHY_MAX,
			 "the module has not answered for as long as its driver waits");
		return err;
	case -EACCES:
	case -EPERM:
		snprintf(why, WHY_MAX, "the driver does not let this process ask: %s",
			 strerror(-err));
		return err;
	}
	snprintf(why, WHY_MAX, "%s: want a document", strerror(-err));
	return err;
}

/* One call; out->buf holds the answer, which is *n bytes. */
static int call(struct nsm *n, struct bytes request, struct quote *out, size_t *got,
		char why[WHY_MAX])
{
	struct nsm_raw raw = {
		.request = { (uintptr_t)request.p, request.n },
		.response = { (uintptr_t)out->buf, NSM_RESPONSE_MAX },
	};
	int err;

	err = n->io->ioctl(n->fd, NSM_RAW, &raw);
	pace_called(&n->pace, n->io->clock);
	if (err)
		return failed(err, why);
	if (raw.response.len > NSM_RESPONSE_MAX) {
		snprintf(why, WHY_MAX, "the driver says that it wrote %llu bytes into %d",
			 (unsigned long long)raw.response.len, NSM_RESPONSE_MAX);
		return -EPROTO;
	}
	*got = raw.response.len;
	return 0;
}

int nsm_quote(struct nsm *n, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
	      char why[WHY_MAX])
{
	uint8_t request[NSM_REQUEST_MAX];
	struct bytes asked = bytes_of(request, nsm_request(report_data, request));
	size_t got = 0;
	int err = -EBUSY;

	out->tee = TEE_NITRO;
	out->certs_count = 0;
	for (int i = 0; err == -EBUSY && i < BUSY_TRIES; i++) {
		if (i)
			pace_wait(&n->pace, n->io->clock);
		err = call(n, asked, out, &got, why);
	}
	if (!err)
		err = nsm_response(bytes_of(out->buf, got), &out->report, why);
	return err;
}

static const struct nsm_io real = { device_ioctl, &source_clock_real };

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	int fd = device_open(c->device[0] ? c->device : "/dev/nsm", why);

	if (fd < 0)
		return fd;
	*out = nsm_new(fd, &real);
	return device_taken(*out, fd, why);
}

static int source_quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES],
			struct quote *out, char why[WHY_MAX])
{
	return nsm_quote(source, report_data, out, why);
}

static void source_close(void *source)
{
	nsm_free(source);
}

const struct source_ops source_nsm = { "nsm", TEE_NITRO, source_open, source_quote, source_close };
