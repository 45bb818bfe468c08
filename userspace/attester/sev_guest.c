// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reports from /dev/sev-guest, with the host's certificates when it has any.
 *
 * The driver numbers its messages to the firmware, and throws its key (VMPCK) away
 * when it has lost count: after most errors the device is dead until the next boot.
 * So: one caller at a time, calls apart, nothing asked twice that need not be.
 */
#include "attester/sev_guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "attester/device.h"
#include "attester/snp_response.h"
#include "base/log.h"

enum {
	LOCK_POLL_MS = 100,
	LOCK_TRIES = 700,		  /* a call of somebody else may take the driver 60 s */
	CERTS_FIRST = 2 * SEV_CERTS_PAGE, /* leaf, intermediate and root fit, in DER or PEM */
};
_Static_assert(SNP_REPORT_SIZE + SEV_CERTS_MAX <= EVIDENCE_MAX, "both fit a struct quote");

struct sev_guest {
	int fd;
	unsigned int vmpl;
	uint32_t certs_len; /* grows to what the host wants, and stays there */
	bool disabled;	    /* the driver has no key any more: it need not be asked again */
	struct pace pace;
	const struct sev_guest_io *io;
};

struct sev_guest *sev_guest_new(int fd, unsigned int vmpl, const struct sev_guest_io *io)
{
	struct sev_guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->fd = fd;
	g->vmpl = vmpl;
	g->certs_len = CERTS_FIRST;
	g->io = io;
	return g;
}

void sev_guest_free(struct sev_guest *g)
{
	if (!g)
		return;
	close(g->fd);
	free(g);
}

/* Among those who lock, one at a time: other programs of the guest may ask for reports, too. */
static int lock(struct sev_guest *g, char why[WHY_MAX])
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(g->fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR) {
			int err = errno;

			snprintf(why, WHY_MAX, "cannot lock the device: %s", strerror(err));
			return -err;
		}
		g->io->clock->sleep_ms(LOCK_POLL_MS);
	}
	snprintf(why, WHY_MAX, "another process has held the device's lock for %d s",
		 LOCK_POLL_MS * LOCK_TRIES / 1000);
	return -EBUSY;
}

static int call(struct sev_guest *g, unsigned long code, struct sev_guest_request *r)
{
	int err;

	pace_wait(&g->pace, g->io->clock);
	err = g->io->ioctl(g->fd, code, r);
	pace_called(&g->pace, g->io->clock);
	return err;
}

static int failed(struct sev_guest *g, int err, const struct sev_guest_request *r,
		  char why[WHY_MAX])
{
	if (r->vmm_error == SEV_VMM_ERROR_BUSY || err == -EAGAIN || err == -EBUSY) {
		snprintf(why, WHY_MAX, "the host throttles guest requests: try again later");
		return -EBUSY;
	}
	switch (err) {
	case -ENOTTY:
		g->disabled = true;
		snprintf(why, WHY_MAX,
			 "VMPCK is disabled: the driver gave its key up after an earlier error, "
			 "and has no other until the next boot");
		return err;
	case -ETIMEDOUT:
		snprintf(why, WHY_MAX,
			 "the host throttled for a minute; the driver gives its key up then, so "
			 "expect \"VMPCK is disabled\" until the next boot");
		return err;
	}
	snprintf(why, WHY_MAX, "%s, firmware error 0x%x%s, host error 0x%x: want a report",
		 strerror(-err), r->fw_error,
		 r->fw_error == 0x16 ? " (invalid parameter, such as the VMPL)" : "", r->vmm_error);
	return err;
}

/* Copies the response's report to the front of out->buf. */
static int take_report(const struct sev_report_response *response, struct quote *out,
		       char why[WHY_MAX])
{
	struct bytes report;
	int err;

	err = snp_response_parse(bytes_of(response->data, sizeof(response->data)), &report, why);
	if (err)
		return err;
	memcpy(out->buf, report.p, report.n);
	out->report = bytes_of(out->buf, report.n);
	return 0;
}

static int plain_report(struct sev_guest *g, const struct sev_report_request *request,
			struct quote *out, char why[WHY_MAX])
{
	struct sev_report_response response = { 0 };
	struct sev_guest_request r = {
		.msg_version = 1,
		.req_data = (uintptr_t)request,
		.resp_data = (uintptr_t)&response,
	};
	int err;

	err = call(g, SEV_GET_REPORT, &r);
	if (err)
		return failed(g, err, &r, why);
	out->certs_count = 0;
	return take_report(&response, out, why);
}

static bool fits_driver(uint32_t certs_len, uint32_t before)
{
	return certs_len > before && certs_len <= SEV_CERTS_MAX && certs_len % SEV_CERTS_PAGE == 0;
}

/* -ENOSPC when the host wants a larger buffer: then g->certs_len has grown, if it could. */
static int ext_report(struct sev_guest *g, const struct sev_report_request *request,
		      struct quote *out, char why[WHY_MAX])
{
	uint8_t *certs = out->buf + SNP_REPORT_SIZE;
	struct sev_report_response response = { 0 };
	struct sev_ext_report_request ext = {
		.report = *request,
		.certs_address = (uintptr_t)certs,
		.certs_len = g->certs_len,
	};
	struct sev_guest_request r = {
		.msg_version = 1,
		.req_data = (uintptr_t)&ext,
		.resp_data = (uintptr_t)&response,
	};
	int err;

	memset(certs, 0, g->certs_len);
	err = call(g, SEV_GET_EXT_REPORT, &r);
	if (err && r.vmm_error == SEV_VMM_ERROR_INVALID_LEN) {
		if (fits_driver(ext.certs_len, g->certs_len))
			g->certs_len = ext.certs_len;
		return -ENOSPC;
	}
	if (err)
		return failed(g, err, &r, why);
	/* As it is, with the padding: the verifier reads tables, and trusts none of it. */
	out->certs[0] = bytes_of(certs, g->certs_len);
	out->certs_count = bytes_are_zero(out->certs[0]) ? 0 : 1;
	return take_report(&response, out, why);
}

static int quote_locked(struct sev_guest *g, const struct sev_report_request *request,
			struct quote *out, char why[WHY_MAX])
{
	uint32_t before = g->certs_len;
	int err;

	err = ext_report(g, request, out, why);
	if (err == -ENOSPC && g->certs_len > before)
		err = ext_report(g, request, out, why);
	if (err != -ENOSPC)
		return err;
	log_warnx("sev-guest: the host's certificates do not fit %u bytes: quoting without them",
		  g->certs_len);
	return plain_report(g, request, out, why);
}

int sev_guest_quote(struct sev_guest *g, const uint8_t report_data[REPORT_DATA_BYTES],
		    struct quote *out, char why[WHY_MAX])
{
	struct sev_report_request request = { .vmpl = g->vmpl };
	int err;

	memcpy(request.user_data, report_data, REPORT_DATA_BYTES);
	out->tee = TEE_SNP;
	if (g->disabled) {
		snprintf(why, WHY_MAX, "VMPCK is disabled, as an earlier call found");
		return -ENOTTY;
	}
	err = lock(g, why);
	if (err)
		return err;
	err = quote_locked(g, &request, out, why);
	flock(g->fd, LOCK_UN);
	return err;
}

static const struct sev_guest_io real = { device_ioctl, &source_clock_real };

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	int fd = device_open(c->device[0] ? c->device : "/dev/sev-guest", why);

	if (fd < 0)
		return fd;
	*out = sev_guest_new(fd, c->vmpl, &real);
	return device_taken(*out, fd, why);
}

static int source_quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES],
			struct quote *out, char why[WHY_MAX])
{
	return sev_guest_quote(source, report_data, out, why);
}

static void source_close(void *source)
{
	sev_guest_free(source);
}

const struct source_ops source_sev_guest = { "sev-guest", TEE_SNP, source_open, source_quote,
					     source_close };
