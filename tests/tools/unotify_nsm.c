// SPDX-License-Identifier: BSD-2-Clause
/*
 * unotify_nsm --enclave DIR [--dev PATH] [--fail HOW] -- COMMAND…
 *
 * Runs a command for which /dev/nsm exists (see notify.h).  Documents are those of a lab enclave's
 * directory.  The shape of the call is written down here a second time: so each checks the other.
 * Exits as the command does; with 77 where user notification is not permitted.
 */
#include <time.h>

#include "attester/pki.h"
#include "attester/soft_nitro.h"
#include "base/cbor.h"
#include "tools/notify.h"

/* linux/nsm.h, which systems before Linux 6.8 lack. */
struct raw {
	uint64_t request, request_bytes, response, response_bytes;
};
#define RAW_CODE 0xc0200a00u

enum {
	REQUEST_MAX = 0x1000,
	RESPONSE_MAX = 0x3000,
};

enum failure {
	FAIL_NONE,
	FAIL_BUSY,	/* always */
	FAIL_BUSY_ONCE, /* … and then not */
	FAIL_TIMEOUT,	/* the driver has waited, and nothing came */
	FAIL_EIO,
	FAIL_EACCES,	 /* only the powerful may ask */
	FAIL_ERROR,	 /* the module's own: InternalError */
	FAIL_SHORT,	 /* the answer is cut off */
	FAIL_HUGE,	 /* more is said to have been written than fits */
	FAIL_GARBAGE,	 /* no CBOR */
	FAIL_EMPTY,	 /* nothing */
	FAIL_OTHER_DATA, /* a document over something else than was asked */
	FAIL_COUNT
};

static const char *const failures[FAIL_COUNT] = { "none", "busy",    "busy-once", "timeout",
						  "eio",  "eacces",  "error",	  "short",
						  "huge", "garbage", "empty",	  "other-data" };

struct emulator {
	const char *enclave;
	enum failure failure;
	struct soft_leaf leaf;
	unsigned int calls;
};

static int fail_early(const struct emulator *e)
{
	switch (e->failure) {
	case FAIL_BUSY:
		return -EBUSY;
	case FAIL_BUSY_ONCE:
		return e->calls == 1 ? -EBUSY : 0;
	case FAIL_TIMEOUT:
		return -ETIMEDOUT;
	case FAIL_EIO:
		return -EIO;
	case FAIL_EACCES:
		return -EACCES;
	default:
		return 0;
	}
}

/* user_data of {"Attestation": {…}}; a module answers InvalidArgument to what is not that. */
static bool read_request(struct bytes in, struct bytes *user_data)
{
	static const char wanted[] = "Attestation", field[] = "user_data";
	struct cbor_items items;
	struct bytes key;
	bool found = false;

	if (!cbor_get_map(&in, &items) || items.left != 1 || !cbor_get_text(&in, &key) ||
	    !bytes_equal(key, bytes_of(wanted, strlen(wanted))) || !cbor_get_map(&in, &items))
		return false;
	while (cbor_more(&in, &items)) {
		if (!cbor_get_text(&in, &key))
			return false;
		if (bytes_equal(key, bytes_of(field, strlen(field))) &&
		    cbor_get_bytes(&in, user_data))
			found = user_data->n == REPORT_DATA_BYTES;
		else if (!cbor_skip(&in))
			return false;
	}
	return found && !in.n;
}

static void put_error(struct cbor_writer *w, const char *code)
{
	cbor_put_map(w, 1);
	cbor_put_text(w, "Error");
	cbor_put_text(w, code);
}

static void put_document(struct emulator *e, struct cbor_writer *w, struct bytes user_data)
{
	uint8_t document[SOFT_DOCUMENT_MAX], data[REPORT_DATA_BYTES];
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];
	struct soft_enclave enclave;
	int64_t now = time(NULL);
	int n = -1;

	memcpy(data, user_data.p, sizeof(data));
	data[0] ^= e->failure == FAIL_OTHER_DATA;
	if (!pki_path(path, e->enclave, "enclave.yaml", why) &&
	    !soft_enclave_read(path, &enclave, why) &&
	    (e->leaf.key || !soft_leaf_issue(e->enclave, &enclave, now, &e->leaf, why)))
		n = soft_document(e->enclave, &enclave, &e->leaf, data, now * 1000, document, why);
	if (n < 0) {
		fprintf(stderr, "unotify_nsm: %s\n", why);
		put_error(w, "InternalError");
		return;
	}
	cbor_put_map(w, 1);
	cbor_put_text(w, "Attestation");
	cbor_put_map(w, 1);
	cbor_put_text(w, "document");
	cbor_put_bytes(w, bytes_of(document, n));
}

/* The module's answer, as long as it is; the driver cuts it. */
static size_t respond(struct emulator *e, struct bytes request, uint8_t out[RESPONSE_MAX])
{
	struct cbor_writer w = { .p = out, .max = RESPONSE_MAX };
	struct bytes user_data;

	if (e->failure == FAIL_EMPTY)
		return 0;
	if (e->failure == FAIL_GARBAGE) {
		memset(out, 0xff, 1000);
		return 1000;
	}
	if (e->failure == FAIL_ERROR)
		put_error(&w, "InternalError");
	else if (!read_request(request, &user_data))
		put_error(&w, "InvalidArgument");
	else
		put_document(e, &w, user_data);
	return e->failure == FAIL_SHORT ? w.n / 2 : w.n;
}

static int do_ioctl(void *self, const struct caller *c, uint32_t code, uint64_t arg)
{
	uint8_t request[REQUEST_MAX], response[RESPONSE_MAX];
	struct emulator *e = self;
	struct raw raw;
	size_t n;
	int err;

	(void)code;
	if (!fetch(c, &raw, arg, sizeof(raw)))
		return -EFAULT;
	if (raw.request_bytes > sizeof(request))
		return -EMSGSIZE;
	e->calls++;
	err = fail_early(e);
	if (err)
		return err;
	if (!fetch(c, request, raw.request, raw.request_bytes))
		return -EFAULT;
	n = respond(e, bytes_of(request, raw.request_bytes), response);
	if (n > raw.response_bytes)
		n = raw.response_bytes;
	raw.response_bytes = e->failure == FAIL_HUGE ? RESPONSE_MAX + 1 : n;
	return (!n || store(c, response, raw.response, n)) && store(c, &raw, arg, sizeof(raw))
		       ? 0
		       : -EFAULT;
}

int main(int argc, char **argv)
{
	struct emulator e = { .enclave = NULL };
	struct device d = {
		.path = "/dev/nsm", .codes = { RAW_CODE }, .ioctl = do_ioctl, .self = &e
	};
	struct notify_options o = { .role = "enclave",
				    .failures = failures,
				    .failures_count = FAIL_COUNT };
	int command = notify_options(&o, &d, argc, argv);

	if (!command)
		return 2;
	e.enclave = o.directory;
	e.failure = o.failure;
	return notify_run(&d, argv + command);
}
