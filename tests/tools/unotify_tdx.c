// SPDX-License-Identifier: BSD-2-Clause
/*
 * unotify_tdx --td DIR [--dev PATH] [--fail HOW] -- COMMAND…
 *
 * Runs a command for which /dev/tdx_guest exists (see notify.h), and behind vsock port 4050 of its
 * host a quote generation service.  Quotes are those of a lab TD's directory.  The shapes of call
 * and messages are written down here a second time: so each checks the other.
 * Exits as the command does; with 77 where user notification is not permitted.
 */
#include "attester/pki.h"
#include "attester/soft_tdx.h"
#include "tools/notify.h"

/* linux/tdx-guest.h, which Debian 12 lacks. */
struct report0 {
	uint8_t data[64];
	uint8_t report[1024];
};
#define REPORT0_CODE 0xc4405401u

enum {
	QUOTE_PORT = 4050,
	REQUEST_BYTES = 4 + 16 + 8 + 1024,
	REPORT_AT = REQUEST_BYTES - 1024,
	DATA_AT = 128, /* in a TDREPORT */
	ANSWER_AT = 4 + 16 + 8,
};

enum failure {
	FAIL_NONE,
	FAIL_BUSY,	 /* the driver, always */
	FAIL_BUSY_ONCE,	 /* … and then not */
	FAIL_EIO,	 /* the TDX module refuses */
	FAIL_ENOTTY,	 /* another driver than Linux's */
	FAIL_OTHER_DATA, /* a TDREPORT over something else than was asked */
	FAIL_NO_SERVICE, /* nobody listens on the host */
	FAIL_NO_VSOCK,	 /* the guest has no such device */
	FAIL_ERROR,	 /* the service's own: unexpected */
	FAIL_MEMORY,	 /* … and: out of memory */
	FAIL_SHORT,	 /* it dies in the middle of its answer */
	FAIL_MUTE,	 /* it closes without one */
	FAIL_HUGE,	 /* it announces more than anybody would take */
	FAIL_SIZES,	 /* the quote is said to be longer than the message */
	FAIL_GARBAGE,
	FAIL_OTHER_QUOTE, /* a quote over something else than the TDREPORT */
	FAIL_COUNT
};

static const char *const failures[FAIL_COUNT] = {
	"none",	 "busy",   "busy-once", "eio",	"enotty", "other-data", "no-service", "no-vsock",
	"error", "memory", "short",	"mute", "huge",	  "sizes",	"garbage",    "other-quote",
};

struct emulator {
	const char *td;
	enum failure failure;
	unsigned int calls;
};

static void put(uint8_t *p, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = v >> 8 * i;
}

static int do_ioctl(void *self, const struct caller *c, uint32_t code, uint64_t arg)
{
	struct emulator *e = self;
	struct report0 r;

	(void)code;
	e->calls++;
	switch (e->failure) {
	case FAIL_BUSY:
		return -EBUSY;
	case FAIL_EIO:
		return -EIO;
	case FAIL_ENOTTY:
		return -ENOTTY;
	case FAIL_BUSY_ONCE:
		if (e->calls == 1)
			return -EINTR;
		break;
	default:
		break;
	}
	if (!fetch(c, &r, arg, sizeof(r)))
		return -EFAULT;
	memset(r.report, 0, sizeof(r.report));
	r.report[0] = 0x81;
	memcpy(r.report + DATA_AT, r.data, sizeof(r.data));
	r.report[DATA_AT] ^= e->failure == FAIL_OTHER_DATA;
	return store(c, &r, arg, sizeof(r)) ? 0 : -EFAULT;
}

static int dial(void *self, unsigned int cid, unsigned int port)
{
	const struct emulator *e = self;

	if (e->failure == FAIL_NO_VSOCK)
		return -ENODEV;
	return cid != 2 || port != QUOTE_PORT || e->failure == FAIL_NO_SERVICE ? -ECONNRESET : 0;
}

static bool is_request(const uint8_t in[REQUEST_BYTES])
{
	uint8_t want[REPORT_AT] = { 0 };

	want[2] = (REQUEST_BYTES - 4) >> 8;
	want[3] = (REQUEST_BYTES - 4) & 0xff;
	put(want + 4, 1, 2); /* version 1.0 */
	put(want + 12, REQUEST_BYTES - 4, 4);
	put(want + 20, 1024, 4);
	return !memcmp(in, want, sizeof(want)) && in[REPORT_AT] == 0x81;
}

/* The answer with its length, as long as it is. */
static size_t respond(const struct emulator *e, const uint8_t *report, uint8_t *out)
{
	uint8_t data[REPORT_DATA_BYTES];
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];
	uint32_t error = 0, size;
	struct soft_td td;
	int n = -1;

	memcpy(data, report + DATA_AT, sizeof(data));
	data[0] ^= e->failure == FAIL_OTHER_QUOTE;
	if (!pki_path(path, e->td, "td.yaml", why) && !soft_td_read(path, &td, why))
		n = soft_quote(e->td, &td, data, out + ANSWER_AT, why);
	if (n < 0)
		fprintf(stderr, "unotify_tdx: %s\n", why);
	if (n < 0 || e->failure == FAIL_ERROR)
		error = 0x12001;
	else if (e->failure == FAIL_MEMORY)
		error = 0x12002;
	if (error)
		n = 0;
	size = ANSWER_AT - 4 + n;
	put(out, __builtin_bswap32(e->failure == FAIL_HUGE ? 0x7fffffff : size), 4);
	put(out + 4, 1, 2);
	put(out + 6, 0, 2);
	put(out + 8, 1, 4);
	put(out + 12, size, 4);
	put(out + 16, error, 4);
	put(out + 20, 0, 4);
	put(out + 24, n + (e->failure == FAIL_SIZES), 4);
	return 4 + size;
}

static void talk(void *self, int fd)
{
	static uint8_t in[REQUEST_BYTES], out[ANSWER_AT + SOFT_QUOTE_MAX];
	const struct emulator *e = self;
	size_t n;

	if (recv(fd, in, sizeof(in), MSG_WAITALL) != sizeof(in) || !is_request(in)) {
		fprintf(stderr, "unotify_tdx: not a request for a quote\n");
		return;
	}
	if (e->failure == FAIL_MUTE)
		return;
	n = respond(e, in + REPORT_AT, out);
	if (e->failure == FAIL_GARBAGE)
		memset(out + 4, 0xff, n - 4);
	if (e->failure == FAIL_SHORT)
		n /= 2;
	for (size_t at = 0; at < n; at += 1000) /* in pieces, as networks do */
		send(fd, out + at, n - at < 1000 ? n - at : 1000, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	struct emulator e = { .td = NULL };
	struct device d = { .path = "/dev/tdx_guest",
			    .codes = { REPORT0_CODE },
			    .ioctl = do_ioctl,
			    .self = &e,
			    .dial = dial,
			    .talk = talk };
	struct notify_options o = { .role = "td",
				    .failures = failures,
				    .failures_count = FAIL_COUNT };
	int command = notify_options(&o, &d, argc, argv);

	if (!command)
		return 2;
	e.td = o.directory;
	e.failure = o.failure;
	return notify_run(&d, argv + command);
}
