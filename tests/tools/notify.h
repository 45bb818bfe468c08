/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command for which a device exists: its openat() and ioctl() are answered through seccomp user
 * notification (Linux 5.14), and so are the vsocks that it opens and connects.  No root, no module,
 * and static binaries and raw system calls are caught, too.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>

enum {
	NOTIFY_EXIT_SKIP = 77, /* user notification is not permitted */
	NOTIFY_PAGE = 4096,
	NOTIFY_CODES_MAX = 4,
};

#if defined(__x86_64__)
enum { NOTIFY_ARCHITECTURE = AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { NOTIFY_ARCHITECTURE = AUDIT_ARCH_AARCH64 };
#endif

/* A call of the command's: where its pointers point. */
struct caller {
	pid_t pid;
	uint64_t id; /* of the notification */
};

struct device {
	const char *path;
	uint32_t codes[NOTIFY_CODES_MAX]; /* of the ioctls that it has; the rest are zero */
	/* 0 or -errno */
	int (*ioctl)(void *self, const struct caller *c, uint32_t code, uint64_t arg);
	void *self;
	/* Who answers at vsocks: 0 or -errno of connect(2); and in a process of its own, what it
	 * says then.  NULL: vsocks are the kernel's. */
	int (*dial)(void *self, unsigned int cid, unsigned int port);
	void (*talk)(void *self, int fd);
	int peer; /* our end of the last socket, or 0 */
};

static bool fetch(const struct caller *c, void *buf, uint64_t from, size_t n)
{
	struct iovec here = { buf, n }, there = { (void *)(uintptr_t)from, n };

	return process_vm_readv(c->pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

static bool store(const struct caller *c, const void *buf, uint64_t to, size_t n)
{
	struct iovec here = { (void *)buf, n }, there = { (void *)(uintptr_t)to, n };

	return process_vm_writev(c->pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

/* Page by page: the string may end just before an unmapped one. */
static void fetch_string(const struct caller *c, uint64_t from, char *out, size_t size)
{
	size_t n = 0;

	memset(out, 0, size);
	while (n < size - 1) {
		size_t part = NOTIFY_PAGE - ((from + n) & (NOTIFY_PAGE - 1));

		if (part > size - 1 - n)
			part = size - 1 - n;
		if (!fetch(c, out + n, from + n, part) || memchr(out + n, 0, part))
			return;
		n += part;
	}
}

/*
 * Every openat() and connect(), vsocks, and those ioctl()s whose code is the device's, are asked
 * about.
 */
static int install_filter(const uint32_t codes[NOTIFY_CODES_MAX])
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NOTIFY_ARCHITECTURE, 0, 13),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 10, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 6, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, codes[0], 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, codes[1], 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, codes[2], 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, codes[3], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(f) / sizeof(*f), f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &p);
}

/* In the command's process: tells the number of the listener, waits until it is taken, executes. */
static void run_command(const struct device *d, int talk, char **argv)
{
	int listener = install_filter(d->codes);

	if (listener < 0) {
		fprintf(stderr, "seccomp user notification: %s\n", strerror(errno));
		_exit(NOTIFY_EXIT_SKIP);
	}
	if (write(talk, &listener, sizeof(listener)) != sizeof(listener) ||
	    read(talk, &listener, 1) != 1)
		_exit(126);
	close(listener);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* fd, which is closed here, becomes what the call opens. */
static bool hand_over(int listener, const struct seccomp_notif *n, int fd, bool cloexec)
{
	struct seccomp_notif_addfd add = { .id = n->id,
					   .flags = SECCOMP_ADDFD_FLAG_SEND,
					   .srcfd = fd,
					   .newfd_flags = cloexec ? O_CLOEXEC : 0 };
	int got = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	close(fd);
	return got >= 0;
}

/* The device is for real a memory file. */
static bool open_device(const struct device *d, int listener, const struct seccomp_notif *n,
			const struct caller *c)
{
	char path[256];

	fetch_string(c, n->data.args[1], path, sizeof(path));
	return !strcmp(path, d->path) && hand_over(listener, n, memfd_create("device", MFD_CLOEXEC),
						   n->data.args[2] & O_CLOEXEC);
}

static bool open_vsock(struct device *d, int listener, const struct seccomp_notif *n)
{
	int flags = n->data.args[1], ends[2];

	if (!d->dial || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	if (flags & SOCK_NONBLOCK)
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (d->peer)
		close(d->peer);
	d->peer = ends[1];
	return hand_over(listener, n, ends[0], flags & SOCK_CLOEXEC);
}

/* False: no vsock, so the kernel's. */
static bool connect_vsock(struct device *d, const struct seccomp_notif *n, const struct caller *c,
			  int *error)
{
	struct sockaddr_vm a;

	if (!d->peer || n->data.args[2] < sizeof(a) || !fetch(c, &a, n->data.args[1], sizeof(a)) ||
	    a.svm_family != AF_VSOCK)
		return false;
	*error = d->dial(d->self, a.svm_cid, a.svm_port);
	if (!*error && fork() == 0) {
		d->talk(d->self, d->peer);
		_exit(0);
	}
	close(d->peer);
	d->peer = 0;
	return true;
}

static void answer(struct device *d, int listener, const struct seccomp_notif *n)
{
	struct seccomp_notif_resp r = { .id = n->id };
	struct caller c = { n->pid, n->id };

	if (n->data.nr == __NR_openat && open_device(d, listener, n, &c))
		return;
	if (n->data.nr == __NR_socket && open_vsock(d, listener, n))
		return;
	if (n->data.nr == __NR_ioctl)
		r.error = d->ioctl(d->self, &c, n->data.args[1], n->data.args[2]);
	else if (n->data.nr != __NR_connect || !connect_vsock(d, n, &c, &r.error))
		r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static void serve(struct device *d, int listener, int process)
{
	struct pollfd p[2] = { { listener, POLLIN, 0 }, { process, POLLIN, 0 } };

	for (;;) {
		struct seccomp_notif n = { 0 };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents & POLLIN) {
			if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
				answer(d, listener, &n);
		} else if (p[1].revents) {
			return;
		}
	}
}

/* --ROLE DIR [--dev PATH] [--fail HOW] -- COMMAND… */
struct notify_options {
	const char *role, *directory;
	const char *const *failures; /* the first one is none */
	unsigned int failures_count, failure;
};

static bool find_failure(struct notify_options *o, const char *name)
{
	for (unsigned int i = 0; i < o->failures_count; i++)
		if (!strcmp(name, o->failures[i])) {
			o->failure = i;
			return true;
		}
	return false;
}

/* Where the command begins in argv; 0 after saying how it is meant. */
static int notify_options(struct notify_options *o, struct device *d, int argc, char **argv)
{
	int i = 1;

	for (; i + 1 < argc && !strncmp(argv[i], "--", 2) && argv[i][2]; i += 2) {
		if (!strcmp(argv[i] + 2, o->role))
			o->directory = argv[i + 1];
		else if (!strcmp(argv[i], "--dev"))
			d->path = argv[i + 1];
		else if (strcmp(argv[i], "--fail") || !find_failure(o, argv[i + 1]))
			break;
	}
	if (o->directory && i + 1 < argc && !strcmp(argv[i], "--"))
		return i + 1;
	fprintf(stderr, "Usage: %s --%s DIR [--dev PATH] [--fail HOW] -- COMMAND...\n", argv[0],
		o->role);
	return 0;
}

/* The exit status of the command, 77 where user notification is not permitted. */
static int notify_run(struct device *d, char **argv)
{
	int talk[2], listener, number, process, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk))
		return 2;
	pid = fork();
	if (pid == 0)
		run_command(d, talk[1], argv);
	close(talk[1]);
	process = syscall(SYS_pidfd_open, pid, 0);
	if (read(talk[0], &number, sizeof(number)) == sizeof(number)) {
		listener = syscall(SYS_pidfd_getfd, process, number, 0);
		if (listener < 0) {
			fprintf(stderr, "pidfd_getfd: %s\n", strerror(errno));
			return NOTIFY_EXIT_SKIP;
		}
		if (write(talk[0], "x", 1) == 1)
			serve(d, listener, process);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
