/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what the daemon answered.  result is of the kind that control.h says; one: it is a
 * list of one, which was asked for by name and is shown in detail.
 */
#ifndef REMOTE_SHOW_H
#define REMOTE_SHOW_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

typedef void remote_show(const struct cli_options *o, const json_t *result, bool one);

remote_show show_services, show_backends, show_leases, show_routers, show_policies;
remote_show show_hand, show_status; /* these are objects */

#endif
