// SPDX-License-Identifier: BSD-2-Clause
/* The file operations of tsm.c on a real configfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attester/tsm.h"

enum { ATTRIBUTE_PATH_MAX = ATTESTER_PATH_MAX + 64 };

static int make(const char *path)
{
	return mkdir(path, 0700) ? -errno : 0;
}

static int remove_directory(const char *path)
{
	return rmdir(path) ? -errno : 0;
}

static int open_attribute(const char *path, const char *attribute, int flags)
{
	char whole[ATTRIBUTE_PATH_MAX];
	int fd;

	if (snprintf(whole, sizeof(whole), "%s/%s", path, attribute) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	fd = open(whole, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_attribute(const char *path, const char *attribute, const void *p, size_t n)
{
	int fd = open_attribute(path, attribute, O_WRONLY), err = 0;
	ssize_t done;

	if (fd < 0)
		return fd;
	done = write(fd, p, n);
	if (done < 0)
		err = -errno;
	else if ((size_t)done != n)
		err = -EIO; /* a second write would be another value, not the rest of this one */
	if (close(fd) && !err)
		err = -errno;
	return err;
}

static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t have = 0;
	ssize_t n;
	char more;

	while (have < size) {
		n = read(fd, buf + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : (ssize_t)have;
		have += n;
	}
	n = read(fd, &more, 1);
	if (n < 0)
		return -errno;
	return n ? -EFBIG : (ssize_t)have;
}

static ssize_t read_attribute(const char *path, const char *attribute, void *buf, size_t size)
{
	int fd = open_attribute(path, attribute, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read_all(fd, buf, size);
	close(fd);
	return n;
}

const struct tsm_io tsm_io_real = { make, remove_directory, write_attribute, read_attribute,
				    &source_clock_real };
