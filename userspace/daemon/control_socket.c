// SPDX-License-Identifier: BSD-2-Clause
/*
 * Binding of the control socket.  Before listen() nobody can connect, so the mode is
 * right before anybody can try; a lock on the directory keeps two daemons that start at
 * once from taking each other's socket for a stale one.
 */
#include "daemon/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 16,
	GROUP_TEXT_MAX = 4096, /* getgrnam_r(): members are of no interest to us */
};

__attribute__((format(printf, 2, 3))) static int say(char why[WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return -1;
}

/* The directory, made where it lacks, and locked until the descriptor is closed. */
static int lock_directory(const char *path, char why[WHY_MAX])
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *dir;
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	if (mkdir(dir, 0755) && errno != EEXIST)
		return say(why, "control socket: %s: %s", dir, strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return say(why, "control socket: %s: %s", dir, strerror(errno));
	if (flock(fd, LOCK_EX)) {
		say(why, "control socket: %s: lock: %s", dir, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* 0: nobody listens there. */
static int probe(const struct sockaddr_un *un, char why[WHY_MAX])
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return say(why, "control socket: %s", strerror(errno));
	err = connect(fd, (const struct sockaddr *)un, sizeof(*un)) ? errno : 0;
	close(fd);
	if (err == ECONNREFUSED)
		return 0;
	if (!err || err == EAGAIN)
		return say(why, "control socket: %s: another daemon listens there", un->sun_path);
	return say(why, "control socket: %s: %s", un->sun_path, strerror(err));
}

static int remove_stale(const struct sockaddr_un *un, char why[WHY_MAX])
{
	struct stat st;

	if (lstat(un->sun_path, &st)) {
		if (errno == ENOENT)
			return 0;
		return say(why, "control socket: %s: %s", un->sun_path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return say(why, "control socket: %s: is there and no socket", un->sun_path);
	if (probe(un, why))
		return -1;
	if (unlink(un->sun_path))
		return say(why, "control socket: %s: %s", un->sun_path, strerror(errno));
	return 0;
}

static int give_to_group(const char *path, const char *group, char why[WHY_MAX])
{
	char text[GROUP_TEXT_MAX];
	struct group entry, *found;
	int err;

	if (!group[0])
		return 0;
	err = getgrnam_r(group, &entry, text, sizeof(text), &found);
	if (!found)
		return say(why, "control socket: group %s: %s", group,
			   err ? strerror(err) : "there is none of that name");
	if (lchown(path, -1, entry.gr_gid))
		return say(why, "control socket: %s: to group %s: %s", path, group,
			   strerror(errno));
	return 0;
}

/* Binds with a mode that lets nobody in, and only then widens it. */
static int bind_closed(int fd, const struct sockaddr_un *un, const char *group, char why[WHY_MAX])
{
	mode_t old = umask(0177);
	int err = bind(fd, (const struct sockaddr *)un, sizeof(*un)) ? errno : 0;

	umask(old);
	if (err)
		return say(why, "control socket: %s: %s", un->sun_path, strerror(err));
	if (give_to_group(un->sun_path, group, why))
		return -1;
	if (chmod(un->sun_path, 0660))
		return say(why, "control socket: %s: mode: %s", un->sun_path, strerror(errno));
	return 0;
}

static int remember(struct control_path *out, const struct sockaddr_un *un, char why[WHY_MAX])
{
	struct stat st;

	if (lstat(un->sun_path, &st))
		return say(why, "control socket: %s: %s", un->sun_path, strerror(errno));
	memcpy(out->text, un->sun_path, sizeof(out->text));
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	return 0;
}

static int listen_there(const struct sockaddr_un *un, const char *group, struct control_path *out,
			char why[WHY_MAX])
{
	int fd;

	if (remove_stale(un, why))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return say(why, "control socket: %s", strerror(errno));
	if (bind_closed(fd, un, group, why) || remember(out, un, why))
		goto failed;
	if (listen(fd, BACKLOG)) {
		say(why, "control socket: %s: %s", un->sun_path, strerror(errno));
		goto failed;
	}
	return fd;
failed:
	close(fd);
	return -1;
}

int control_listen(const char *path, const char *group, struct control_path *out, char why[WHY_MAX])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int lock, fd;

	out->text[0] = 0;
	if (strlen(path) >= sizeof(un.sun_path))
		return say(why, "control socket: %.100s…: longer than %zu characters", path,
			   sizeof(un.sun_path) - 1);
	strcpy(un.sun_path, path);
	lock = lock_directory(path, why);
	if (lock < 0)
		return -1;
	fd = listen_there(&un, group, out, why);
	close(lock);
	return fd;
}

void control_unlink(const struct control_path *p)
{
	struct stat st;

	if (p->text[0] && !lstat(p->text, &st) && st.st_dev == p->dev && st.st_ino == p->ino)
		unlink(p->text);
}
