/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to rtnetlink, one socket each: asked, heard out, bounded.  Whatever the
 * kernel says in words beside an error (extended ack) reaches the caller.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>

#include "steering/dataplane.h"

enum {
	NETLINK_BUFFER = 32768, /* a dump fills up to 32 KiB a read */
	NETLINK_REQUEST = 512,	/* ours are small */
};

/*
 * Sends req and calls each() for every message of the answer; a callback that fails sets errno
 * and returns MNL_CB_ERROR.  A dump that was interrupted is asked again on a new socket, a few
 * times: each() must bear seeing an object twice.  0, or -errno with the kernel's words in why.
 */
int netlink_ask(struct nlmsghdr *req, mnl_cb_t each, void *arg, char why[DATAPLANE_WHY_MAX]);

/* A non-blocking socket that hears groups (RTMGRP_… bits).  0 or -errno. */
int netlink_listen(struct mnl_socket **out, unsigned int groups);

#endif
