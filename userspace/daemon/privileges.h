/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parent keeps of root's powers once its descriptors are open. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/*
 * Keeps CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON for the maps and netlink, and
 * CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_SYS_ADMIN (to leave namespaces) and
 * CAP_KILL for starting and ending its children; gives the others up for good, in
 * the bounding set too.  0 or -errno.
 */
int privileges_limit(void);

#endif
