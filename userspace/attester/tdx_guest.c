// SPDX-License-Identifier: BSD-2-Clause
/*
 * Quotes of a TD whose kernel has no configfs-tsm.  The service that makes them is the host's: it
 * may refuse or lie, and what it gives is evidence only for whoever verifies it.
 */
#include "attester/tdx_guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attester/device.h"

enum {
	BUSY_TRIES = 3, /* a signal, or somebody else in the driver */
};

struct tdx_guest {
	int fd;
	unsigned int port;
	struct pace pace; /* of the service: the TDREPORT itself takes microseconds */
	const struct tdx_guest_io *io;
};

struct tdx_guest *tdx_guest_new(int fd, unsigned int port, const struct tdx_guest_io *io)
{
	struct tdx_guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->fd = fd;
	g->port = port ? port : QGS_PORT;
	g->io = io;
	return g;
}

void tdx_guest_free(struct tdx_guest *g)
{
	if (!g)
		return;
	close(g->fd);
	free(g);
}

static int failed(int err, char why[WHY_MAX])
{
	switch (err) {
	case -EBUSY:
	case -EAGAIN:
	case -EINTR:
		snprintf(why, WHY_MAX, "the driver is busy: try again later");
		return -EBUSY;
	case -EIO:
		snprintf(why, WHY_MAX, "the TDX module refuses a TDREPORT");
		return err;
	case -ENOTTY:
		snprintf(why, WHY_MAX, "the driver has no TDX_CMD_GET_REPORT0: want Linux 6.2");
		return err;
	}
	snprintf(why, WHY_MAX, "%s: want a TDREPORT", strerror(-err));
	return err;
}

static int get_report(struct tdx_guest *g, struct tdx_report_request *r, char why[WHY_MAX])
{
	int err = -EBUSY;

	for (int i = 0; err == -EBUSY && i < BUSY_TRIES; i++) {
		err = g->io->ioctl(g->fd, TDX_GET_REPORT0, r);
		if (err)
			err = failed(err, why);
	}
	if (err)
		return err;
	if (r->report[0] != TDREPORT_TYPE) {
		snprintf(why, WHY_MAX, "a report of type 0x%x: want 0x%x, a TD's", r->report[0],
			 TDREPORT_TYPE);
		return -EPROTO;
	}
	if (memcmp(r->report + TDREPORT_DATA_OFFSET, r->report_data, REPORT_DATA_BYTES)) {
		snprintf(why, WHY_MAX, "the TDREPORT is over other REPORTDATA than was asked for");
		return -EPROTO;
	}
	return 0;
}

/* A socket for each quote: the service closes it after its answer. */
static int get_quote(struct tdx_guest *g, const uint8_t report[TDREPORT_SIZE], struct quote *out,
		     char why[WHY_MAX])
{
	int fd, err;

	pace_wait(&g->pace, g->io->clock);
	fd = g->io->connect(g->port, why);
	if (fd < 0)
		return fd;
	err = qgs_exchange(fd, report, g->io->patience_ms, out, why);
	pace_called(&g->pace, g->io->clock);
	close(fd);
	return err;
}

int tdx_guest_quote(struct tdx_guest *g, const uint8_t report_data[REPORT_DATA_BYTES],
		    struct quote *out, char why[WHY_MAX])
{
	struct tdx_report_request r = { .report = { 0 } };
	int err;

	out->tee = TEE_TDX;
	out->certs_count = 0;
	memcpy(r.report_data, report_data, REPORT_DATA_BYTES);
	err = get_report(g, &r, why);
	return err ? err : get_quote(g, r.report, out, why);
}

static const struct tdx_guest_io real = { device_ioctl, qgs_connect, &source_clock_real,
					  QGS_PATIENCE_MS };

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	int fd = device_open(c->device[0] ? c->device : "/dev/tdx_guest", why);

	if (fd < 0)
		return fd;
	*out = tdx_guest_new(fd, c->quote_port, &real);
	return device_taken(*out, fd, why);
}

static int source_quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES],
			struct quote *out, char why[WHY_MAX])
{
	return tdx_guest_quote(source, report_data, out, why);
}

static void source_close(void *source)
{
	tdx_guest_free(source);
}

const struct source_ops source_tdx_guest = { "tdx-guest", TEE_TDX, source_open, source_quote,
					     source_close };
