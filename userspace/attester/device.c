// SPDX-License-Identifier: BSD-2-Clause
#include "attester/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int device_open(const char *path, char why[WHY_MAX])
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err = -errno;

	if (fd >= 0)
		return fd;
	snprintf(why, WHY_MAX, "%.128s: cannot open: %s", path, strerror(-err));
	return err;
}

int device_taken(void *source, int fd, char why[WHY_MAX])
{
	if (source)
		return 0;
	close(fd);
	snprintf(why, WHY_MAX, "no memory");
	return -ENOMEM;
}

int device_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}
