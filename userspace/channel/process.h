/* SPDX-License-Identifier: BSD-2-Clause */
/* The channel's process in its steps, so that a test can take them without the sandbox. */
#ifndef CHANNEL_PROCESS_H
#define CHANNEL_PROCESS_H

#include "channel/channel.h"

struct channel;

/* Loads, opens and listens.  0 and *out, or -errno and why[]; c must outlive it. */
int channel_open(int fd, const struct channel_config *c, struct channel **out, char why[WHY_MAX]);
/* Serves until fd closes: 0, or 1 when the parent made no sense. */
int channel_run(struct channel *ch);
void channel_close(struct channel *ch); /* takes NULL */

#endif
