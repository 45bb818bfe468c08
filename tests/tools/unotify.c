// SPDX-License-Identifier: BSD-2-Clause
/*
 * unotify --guest DIR [--dev PATH] [--fail HOW] -- COMMAND…
 *
 * Runs a command for which /dev/sev-guest exists (see notify.h).  Reports are those of a lab
 * guest's directory.
 *
 * Uses linux/sev-guest.h, where the attester has copies of its own: so each checks the other.
 * Exits as the command does; with 77 where user notification is not permitted.
 */
#include <linux/sev-guest.h>

#include "tools/notify.h"
#include "tools/snp_double.h"

enum {
	PAGE = 4096,
	CERTS_LARGEST = 0x4000, /* the driver refuses a larger buffer */
};

enum failure {
	FAIL_NONE,
	FAIL_BUSY,	/* the host throttles, always */
	FAIL_BUSY_ONCE, /* … and then not */
	FAIL_THROTTLED, /* the driver waited for a minute and gave up, and so its key */
	FAIL_GROW,	/* the host's table wants a page more than was offered, once */
	FAIL_GREEDY,	/* … always */
	FAIL_STATUS_16, /* the call succeeds, the firmware has refused */
	FAIL_STATUS_27,
	FAIL_SHORT,	 /* report_size one too small */
	FAIL_ZERO,	 /* "success", and an all-zero report */
	FAIL_ENOTTY,	 /* the driver has no key */
	FAIL_EIO,	 /* the firmware fails; after that the driver has no key */
	FAIL_NO_CERTS,	 /* the host has no table */
	FAIL_OTHER_DATA, /* a report over something else than was asked */
	FAIL_COUNT
};

static const char *const failures[FAIL_COUNT] = {
	"none",	     "busy",  "busy-once", "throttled", "grow", "greedy",   "status-16",
	"status-27", "short", "zero",	   "enotty",	"eio",	"no-certs", "other-data",
};

struct emulator {
	const char *guest;
	enum failure failure;
	struct double_table table;
	bool disabled; /* VMPCK is gone */
	unsigned int calls;
};

/* How the driver itself fails, before the firmware is asked: 0 or -errno. */
static int fail_early(struct emulator *e, struct snp_guest_request_ioctl *g)
{
	g->exitinfo2 = 0;
	if (e->disabled || e->failure == FAIL_ENOTTY)
		return -ENOTTY;
	if (e->failure == FAIL_BUSY || (e->failure == FAIL_BUSY_ONCE && e->calls == 1)) {
		g->vmm_error = 2;
		return -EIO;
	}
	if (e->failure == FAIL_THROTTLED) {
		e->disabled = true;
		g->fw_error = 0xff;
		return -ETIMEDOUT;
	}
	if (e->failure == FAIL_EIO) {
		e->disabled = true;
		g->fw_error = 0x22;
		return -EIO;
	}
	return 0;
}

/* MSG_REPORT_RSP as the firmware fills it. */
static void make_response(struct emulator *e, struct snp_report_req *q, uint8_t out[4000])
{
	uint32_t status = 0;

	memset(out, 0, 4000);
	if (e->failure == FAIL_OTHER_DATA)
		q->user_data[0] ^= 1;
	if (e->failure == FAIL_STATUS_16)
		status = 0x16;
	else if (e->failure == FAIL_STATUS_27)
		status = 0x27;
	else if (e->failure != FAIL_ZERO)
		status = double_report(e->guest, q->user_data, q->vmpl, out + 32);
	put_le32(out, status);
	put_le32(out + 4, status ? 0 : SNP_REPORT_BYTES - (e->failure == FAIL_SHORT));
}

/* The table into the command's buffer.  0 or -errno; *wants is set when it is too small. */
static int give_certs(struct emulator *e, const struct caller *c,
		      const struct snp_ext_report_req *q, uint32_t *wants)
{
	bool grow = e->failure == FAIL_GREEDY || (e->failure == FAIL_GROW && e->calls == 1);
	uint32_t need = (e->table.n + PAGE - 1) / PAGE * PAGE;
	uint8_t *padded;
	bool ok;

	if (!q->certs_address || !q->certs_len || e->failure == FAIL_NO_CERTS)
		return 0;
	if (q->certs_len > CERTS_LARGEST || q->certs_len % PAGE)
		return -EINVAL;
	if (grow)
		need = q->certs_len + PAGE;
	if (need > q->certs_len) {
		*wants = need;
		return -EIO;
	}
	padded = calloc(1, q->certs_len);
	ok = padded;
	if (ok) {
		memcpy(padded, e->table.bytes, e->table.n);
		ok = store(c, padded, q->certs_address, q->certs_len);
	}
	free(padded);
	return ok ? 0 : -EFAULT;
}

static int ext_report(struct emulator *e, const struct caller *c, struct snp_guest_request_ioctl *g,
		      uint8_t response[4000])
{
	struct snp_ext_report_req q;
	uint32_t wants = 0;
	int err;

	if (!fetch(c, &q, g->req_data, sizeof(q)))
		return -EFAULT;
	err = give_certs(e, c, &q, &wants);
	if (wants) {
		g->vmm_error = 1;
		q.certs_len = wants;
		if (!store(c, &q, g->req_data, sizeof(q)))
			return -EFAULT;
	}
	if (!err)
		make_response(e, &q.data, response);
	return err;
}

static int plain_report(struct emulator *e, const struct caller *c,
			const struct snp_guest_request_ioctl *g, uint8_t response[4000])
{
	struct snp_report_req q;

	if (!fetch(c, &q, g->req_data, sizeof(q)))
		return -EFAULT;
	make_response(e, &q, response);
	return 0;
}

static int do_ioctl(void *self, const struct caller *c, uint32_t code, uint64_t arg)
{
	struct emulator *e = self;
	struct snp_guest_request_ioctl g;
	uint8_t response[4000];
	int err;

	if (!fetch(c, &g, arg, sizeof(g)))
		return -EFAULT;
	if (!g.msg_version)
		return -EINVAL;
	e->calls++;
	err = fail_early(e, &g);
	if (!err && code == (uint32_t)SNP_GET_EXT_REPORT)
		err = ext_report(e, c, &g, response);
	else if (!err)
		err = plain_report(e, c, &g, response);
	if (!err && !store(c, response, g.resp_data, sizeof(response)))
		err = -EFAULT;
	return store(c, &g, arg, sizeof(g)) ? err : -EFAULT;
}

int main(int argc, char **argv)
{
	struct emulator *e = calloc(1, sizeof(*e));
	struct device d = { .path = "/dev/sev-guest",
			    .codes = { (uint32_t)SNP_GET_REPORT, (uint32_t)SNP_GET_EXT_REPORT },
			    .ioctl = do_ioctl,
			    .self = e };
	struct notify_options o = { .role = "guest",
				    .failures = failures,
				    .failures_count = FAIL_COUNT };
	int command;

	if (!e)
		return 2;
	command = notify_options(&o, &d, argc, argv);
	if (!command)
		return 2;
	e->guest = o.directory;
	e->failure = o.failure;
	if (!double_table_make(e->guest, &e->table)) {
		fprintf(stderr, "unotify: %s: no table of certificates\n", e->guest);
		return 2;
	}
	return notify_run(&d, argv + command);
}
