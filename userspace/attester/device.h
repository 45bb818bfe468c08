/* SPDX-License-Identifier: BSD-2-Clause */
/* Character devices that firmware is behind: what all of them take, the real thing of *_io. */
#ifndef DEVICE_H
#define DEVICE_H

#include "base/messages.h"

/* A descriptor; or -errno and why[]. */
int device_open(const char *path, char why[WHY_MAX]);
/* What a source made of it, or NULL: then fd is closed, -ENOMEM and why[]. */
int device_taken(void *source, int fd, char why[WHY_MAX]);
/* 0 or -errno. */
int device_ioctl(int fd, unsigned long request, void *arg);

#endif
