// SPDX-License-Identifier: BSD-2-Clause
/*
 * unotify --guest DIR [--dev PATH] [--fail HOW] -- COMMAND…
 *
 * Runs a command for which /dev/sev-guest exists: its openat() and ioctl() are answered
 * through seccomp user notification (Linux 5.14).  No root, no module, and static binaries
 * and raw system calls are caught, too.  Reports are those of a lab guest's directory.
 *
 * Uses linux/sev-guest.h, where the attester has copies of its own: so each checks the other.
 * Exits as the command does; with 77 where user notification is not permitted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
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
#include <linux/sev-guest.h>

#include "tools/snp_double.h"

enum {
	EXIT_SKIP = 77,
	PAGE = 4096,
	CERTS_LARGEST = 0x4000, /* the driver refuses a larger buffer */
};

#if defined(__x86_64__)
enum { ARCHITECTURE = AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { ARCHITECTURE = AUDIT_ARCH_AARCH64 };
#endif

enum failure {
	FAIL_NONE,
	FAIL_BUSY,	/* the host throttles, always */
	FAIL_BUSY_ONCE, /* … and then not */
	FAIL_THROTTLED, /* the driver waited for a minute and gave up, and so its key */
	FAIL_GROW,	/* the host's table wants a page more than was offered, once */
	FAIL_GREEDY,	/* … always */
	FAIL_STATUS_16, /* the call succeeds, the firmware has refused */
	FAIL_STATUS_27,
	FAIL_SHORT,	 /* report_size one too small */
	FAIL_ZERO,	 /* "success", and an all-zero report */
	FAIL_ENOTTY,	 /* the driver has no key */
	FAIL_EIO,	 /* the firmware fails; after that the driver has no key */
	FAIL_NO_CERTS,	 /* the host has no table */
	FAIL_OTHER_DATA, /* a report over something else than was asked */
	FAIL_COUNT
};

static const char *const failures[FAIL_COUNT] = {
	"none",	     "busy",  "busy-once", "throttled", "grow", "greedy",   "status-16",
	"status-27", "short", "zero",	   "enotty",	"eio",	"no-certs", "other-data",
};

struct emulator {
	const char *guest, *device;
	enum failure failure;
	struct double_table table;
	bool disabled; /* VMPCK is gone */
	unsigned int calls;
};

/* A call of the command's: where its pointers point. */
struct caller {
	pid_t pid;
	uint64_t id; /* of the notification */
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

/* How the driver itself fails, before the firmware is asked: 0 or -errno. */
static int fail_early(struct emulator *e, struct snp_guest_request_ioctl *g)
{
	g->exitinfo2 = 0;
	if (e->disabled || e->failure == FAIL_ENOTTY)
		return -ENOTTY;
	if (e->failure == FAIL_BUSY || (e->failure == FAIL_BUSY_ONCE && e->calls == 1)) {
		g->vmm_error = 2;
		return -EIO;
	}
	if (e->failure == FAIL_THROTTLED) {
		e->disabled = true;
		g->fw_error = 0xff;
		return -ETIMEDOUT;
	}
	if (e->failure == FAIL_EIO) {
		e->disabled = true;
		g->fw_error = 0x22;
		return -EIO;
	}
	return 0;
}

/* MSG_REPORT_RSP as the firmware fills it. */
static void make_response(struct emulator *e, struct snp_report_req *q, uint8_t out[4000])
{
	uint32_t status = 0;

	memset(out, 0, 4000);
	if (e->failure == FAIL_OTHER_DATA)
		q->user_data[0] ^= 1;
	if (e->failure == FAIL_STATUS_16)
		status = 0x16;
	else if (e->failure == FAIL_STATUS_27)
		status = 0x27;
	else if (e->failure != FAIL_ZERO)
		status = double_report(e->guest, q->user_data, q->vmpl, out + 32);
	put_le32(out, status);
	put_le32(out + 4, status ? 0 : SNP_REPORT_BYTES - (e->failure == FAIL_SHORT));
}

/* The table into the command's buffer.  0 or -errno; *wants is set when it is too small. */
static int give_certs(struct emulator *e, const struct caller *c,
		      const struct snp_ext_report_req *q, uint32_t *wants)
{
	bool grow = e->failure == FAIL_GREEDY || (e->failure == FAIL_GROW && e->calls == 1);
	uint32_t need = (e->table.n + PAGE - 1) / PAGE * PAGE;
	uint8_t *padded;
	bool ok;

	if (!q->certs_address || !q->certs_len || e->failure == FAIL_NO_CERTS)
		return 0;
	if (q->certs_len > CERTS_LARGEST || q->certs_len % PAGE)
		return -EINVAL;
	if (grow)
		need = q->certs_len + PAGE;
	if (need > q->certs_len) {
		*wants = need;
		return -EIO;
	}
	padded = calloc(1, q->certs_len);
	ok = padded;
	if (ok) {
		memcpy(padded, e->table.bytes, e->table.n);
		ok = store(c, padded, q->certs_address, q->certs_len);
	}
	free(padded);
	return ok ? 0 : -EFAULT;
}

static int ext_report(struct emulator *e, const struct caller *c, struct snp_guest_request_ioctl *g,
		      uint8_t response[4000])
{
	struct snp_ext_report_req q;
	uint32_t wants = 0;
	int err;

	if (!fetch(c, &q, g->req_data, sizeof(q)))
		return -EFAULT;
	err = give_certs(e, c, &q, &wants);
	if (wants) {
		g->vmm_error = 1;
		q.certs_len = wants;
		if (!store(c, &q, g->req_data, sizeof(q)))
			return -EFAULT;
	}
	if (!err)
		make_response(e, &q.data, response);
	return err;
}

static int plain_report(struct emulator *e, const struct caller *c,
			const struct snp_guest_request_ioctl *g, uint8_t response[4000])
{
	struct snp_report_req q;

	if (!fetch(c, &q, g->req_data, sizeof(q)))
		return -EFAULT;
	make_response(e, &q, response);
	return 0;
}

static int do_ioctl(struct emulator *e, const struct caller *c, uint32_t code, uint64_t arg)
{
	struct snp_guest_request_ioctl g;
	uint8_t response[4000];
	int err;

	if (!fetch(c, &g, arg, sizeof(g)))
		return -EFAULT;
	if (!g.msg_version)
		return -EINVAL;
	e->calls++;
	err = fail_early(e, &g);
	if (!err && code == (uint32_t)SNP_GET_EXT_REPORT)
		err = ext_report(e, c, &g, response);
	else if (!err)
		err = plain_report(e, c, &g, response);
	if (!err && !store(c, response, g.resp_data, sizeof(response)))
		err = -EFAULT;
	return store(c, &g, arg, sizeof(g)) ? err : -EFAULT;
}

/* Page by page: the string may end just before an unmapped one. */
static void fetch_string(const struct caller *c, uint64_t from, char *out, size_t size)
{
	size_t n = 0;

	memset(out, 0, size);
	while (n < size - 1) {
		size_t part = PAGE - ((from + n) & (PAGE - 1));

		if (part > size - 1 - n)
			part = size - 1 - n;
		if (!fetch(c, out + n, from + n, part) || memchr(out + n, 0, part))
			return;
		n += part;
	}
}

static int install_filter(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SNP_GET_REPORT, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SNP_GET_EXT_REPORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(f) / sizeof(*f), f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &p);
}

/* In the command's process: tells the number of the listener, waits until it is taken, executes. */
static void run_command(int talk, char **argv)
{
	int listener = install_filter();

	if (listener < 0) {
		fprintf(stderr, "unotify: seccomp user notification: %s\n", strerror(errno));
		_exit(EXIT_SKIP);
	}
	if (write(talk, &listener, sizeof(listener)) != sizeof(listener) ||
	    read(talk, &listener, 1) != 1)
		_exit(126);
	close(listener);
	execvp(argv[0], argv);
	fprintf(stderr, "unotify: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* The device, for real a memory file, put into the command's table of descriptors. */
static bool open_device(int listener, const struct seccomp_notif *n)
{
	struct seccomp_notif_addfd add = { .id = n->id,
					   .flags = SECCOMP_ADDFD_FLAG_SEND,
					   .newfd_flags = n->data.args[2] & O_CLOEXEC };
	int fd = memfd_create("sev-guest", MFD_CLOEXEC), got;

	add.srcfd = fd;
	got = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	close(fd);
	return got >= 0;
}

static void answer(struct emulator *e, int listener, const struct seccomp_notif *n)
{
	struct seccomp_notif_resp r = { .id = n->id };
	struct caller c = { n->pid, n->id };
	char path[256];

	if (n->data.nr == __NR_openat) {
		fetch_string(&c, n->data.args[1], path, sizeof(path));
		if (!strcmp(path, e->device) && open_device(listener, n))
			return;
		r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	} else {
		r.error = do_ioctl(e, &c, n->data.args[1], n->data.args[2]);
	}
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static void serve(struct emulator *e, int listener, int process)
{
	struct pollfd p[2] = { { listener, POLLIN, 0 }, { process, POLLIN, 0 } };

	for (;;) {
		struct seccomp_notif n = { 0 };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents & POLLIN) {
			if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
				answer(e, listener, &n);
		} else if (p[1].revents) {
			return;
		}
	}
}

static int run(struct emulator *e, char **argv)
{
	int talk[2], listener, number, process, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk))
		return 2;
	pid = fork();
	if (pid == 0)
		run_command(talk[1], argv);
	close(talk[1]);
	process = syscall(SYS_pidfd_open, pid, 0);
	if (read(talk[0], &number, sizeof(number)) == sizeof(number)) {
		listener = syscall(SYS_pidfd_getfd, process, number, 0);
		if (listener < 0) {
			fprintf(stderr, "unotify: pidfd_getfd: %s\n", strerror(errno));
			return EXIT_SKIP;
		}
		if (write(talk[0], "x", 1) == 1)
			serve(e, listener, process);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool parse_failure(const char *text, enum failure *out)
{
	for (enum failure f = FAIL_NONE; f < FAIL_COUNT; f++)
		if (!strcmp(text, failures[f])) {
			*out = f;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	struct emulator *e = calloc(1, sizeof(*e));
	int i = 1;

	if (!e)
		return 2;
	e->device = "/dev/sev-guest";
	for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
		if (!strcmp(argv[i], "--guest"))
			e->guest = argv[i + 1];
		else if (!strcmp(argv[i], "--dev"))
			e->device = argv[i + 1];
		else if (strcmp(argv[i], "--fail") || !parse_failure(argv[i + 1], &e->failure))
			break;
	}
	if (!e->guest || i + 1 >= argc || strcmp(argv[i], "--") ||
	    !double_table_make(e->guest, &e->table)) {
		fprintf(stderr,
			"Usage: unotify --guest DIR [--dev PATH] [--fail HOW] -- COMMAND...\n");
		return 2;
	}
	return run(e, argv + i + 1);
}
