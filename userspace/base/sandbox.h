/* SPDX-License-Identifier: BSD-2-Clause */
/* What a child gives up before it reads strangers' bytes. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_kind {
	SANDBOX_PURE,	 /* read and write of descriptors it has, memory, time, exit: no more */
	SANDBOX_NETWORK, /* and sockets of streams, epoll, files opened for reading */
	SANDBOX_DEVICE,	 /* as PURE, and openat, ioctl, mkdir, rmdir: the evidence source */
	SANDBOX_VSOCK,	 /* as DEVICE, and sockets to this machine's host, no others */
	/*
	 * As NETWORK, with datagrams, for libraries whose calls are not ours to list, the resolver
	 * and libcurl: any other call fails, and ends nothing.
	 */
	SANDBOX_FETCH,
};

/* Closes every descriptor from 3 on that is not in keep[]. */
void sandbox_close_others(const int keep[], int count);

/*
 * No core dumps, no new processes, no tracing, at most headroom bytes of address space beyond
 * what is in use.  The first of the steps, since it reads /proc.  0 or -errno.
 */
int sandbox_limit(uint64_t headroom);

/* Groups, gid, uid, no_new_privs.  0 or -errno; a caller that is not root keeps its uid. */
int sandbox_drop(const char *user);

/*
 * sandbox_drop() for a child that only computes: it also gets a network without interfaces and
 * a root directory that is empty and stays so.  Those two need root, and are left out without.
 */
int sandbox_isolate(const char *user);

/*
 * Every capability, and no_new_privs, for a child that has to stay root because what it opens is
 * root's.  0 or -errno.
 */
int sandbox_drop_capabilities(void);

/* The seccomp filter: any other call ends the process, save in FETCH.  0 or -errno. */
int sandbox_enter(enum sandbox_kind kind);

#endif
