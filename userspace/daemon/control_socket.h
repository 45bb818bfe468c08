/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket as a name in the file system: made so that nobody but its owners gets in. */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <sys/stat.h>
#include <sys/un.h>

#include "base/messages.h"

struct control_path {
	char text[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": none was made */
	dev_t dev;
	ino_t ino;
};

/* A listening descriptor, non-blocking; or -1 and why[]. */
int control_listen(const char *path, const char *group, struct control_path *out,
		   char why[WHY_MAX]);
/* Removes the socket if it is still the one that was made. */
void control_unlink(const struct control_path *p);

#endif
