/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DAEMON_RUN_H
#define DAEMON_RUN_H

#include "daemon/config.h"

/*
 * Runs until SIGTERM or SIGINT; path is read again on SIGHUP.  Takes config over.
 * 0 after a proper end, or -errno, with the reason in the log.
 */
int daemon_run(const char *path, struct config *config);

#endif
