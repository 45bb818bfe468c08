// SPDX-License-Identifier: BSD-2-Clause
/* What a sandboxed child can and cannot do, tried in children of its own. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/sandbox.h"

/* What a child tries; by syscall(), so that no sanitizer stands between. */
static long try_write(void)
{
	return syscall(SYS_write, 2, "", 0);
}
static long try_memory(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
}
static long try_code(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
}
static long try_mprotect(void)
{
	return syscall(SYS_mprotect, NULL, 0, PROT_EXEC);
}
static long try_read_file(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
}
static long try_write_file(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY);
}
static long try_create(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CREAT, 0600);
}
static long try_inet(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static long try_datagrams(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
static long try_raw(void)
{
	return syscall(SYS_socket, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) + 1;
}
static long try_stream6(void)
{
	return syscall(SYS_socket, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) + 1;
}
static long try_vsock(void)
{
	return syscall(SYS_socket, AF_VSOCK, SOCK_STREAM, 0) + 1;
}
static long try_netlink(void)
{
	return syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
}
static long try_packet(void)
{
	return syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0) + 1;
}
static long try_exec(void)
{
	return syscall(SYS_execve, "/nonexistent", NULL, NULL) + 1;
}
static long try_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static long try_ptrace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0);
}
static long try_kill(void)
{
	return syscall(SYS_kill, getpid(), 0);
}
static long try_kill_parent(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0);
}
static long try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) + 1;
}
static long try_ioctl(void)
{
	return syscall(SYS_ioctl, 2, TIOCGWINSZ, NULL) + 1;
}
static long try_mkdirat(void)
{
	return syscall(SYS_mkdirat, -1, "", 0) + 1;
}
static long try_unlink(void)
{
	return syscall(SYS_unlinkat, -1, "", 0) + 1;
}
static long try_rmdir(void)
{
	return syscall(SYS_unlinkat, -1, "", AT_REMOVEDIR) + 1;
}
static long try_epoll(void)
{
	return syscall(SYS_epoll_create1, 0);
}

enum { OK = 0, DIES = -SIGSYS };

static const enum sandbox_kind kinds[] = { SANDBOX_PURE, SANDBOX_NETWORK, SANDBOX_DEVICE,
					   SANDBOX_VSOCK };
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const struct {
	const char *what;
	long (*try)(void);
	int want[KINDS];
} rows[] = {
	{ "write", try_write, { OK, OK, OK, OK } },
	{ "memory", try_memory, { OK, OK, OK, OK } },
	{ "executable memory", try_code, { DIES, DIES, DIES, DIES } },
	{ "memory made executable", try_mprotect, { DIES, DIES, DIES, DIES } },
	{ "open to read", try_read_file, { DIES, OK, OK, OK } },
	{ "open to write", try_write_file, { DIES, DIES, OK, OK } },
	{ "create", try_create, { DIES, DIES, OK, OK } },
	{ "socket", try_inet, { DIES, OK, DIES, DIES } },
	{ "datagrams", try_datagrams, { DIES, DIES, DIES, DIES } },
	{ "raw socket", try_raw, { DIES, DIES, DIES, DIES } },
	{ "socket with flags", try_stream6, { DIES, OK, DIES, DIES } },
	{ "vsock", try_vsock, { DIES, DIES, DIES, OK } },
	{ "netlink", try_netlink, { DIES, DIES, DIES, DIES } },
	{ "packet socket", try_packet, { DIES, DIES, DIES, DIES } },
	{ "epoll", try_epoll, { DIES, OK, DIES, DIES } },
	{ "exec", try_exec, { DIES, DIES, DIES, DIES } },
	{ "fork", try_fork, { DIES, DIES, DIES, DIES } },
	{ "ptrace", try_ptrace, { DIES, DIES, DIES, DIES } },
	{ "kill", try_kill, { DIES, DIES, DIES, DIES } },
	{ "signal to the parent", try_kill_parent, { DIES, DIES, DIES, DIES } },
	{ "bpf", try_bpf, { DIES, DIES, DIES, DIES } },
	{ "ioctl", try_ioctl, { DIES, DIES, OK, OK } },
	{ "mkdirat", try_mkdirat, { DIES, DIES, OK, OK } },
	{ "rmdir", try_rmdir, { DIES, DIES, OK, OK } },
	{ "unlink", try_unlink, { DIES, DIES, DIES, DIES } },
};

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int k = 0; k < KINDS; k++) {
			pid_t pid = fork();
			int got;

			if (pid == 0) {
				if (sandbox_limit(1 << 26) || sandbox_enter(kinds[k]))
					_exit(99);
				_exit(rows[i].try() < 0);
			}
			got = wait_for(pid);
			if (got != rows[i].want[k])
				fail_msg("%s in sandbox %d: want %d, got %d", rows[i].what, k,
					 rows[i].want[k], got);
		}
}

/* In FETCH the same things are out of reach, but end nothing: they fail with EPERM. */
static void test_fetch_filter(void **state)
{
	static const char *const allowed[] = { "write",	  "memory",    "open to read",
					       "socket",  "datagrams", "socket with flags",
					       "netlink", "epoll" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool may = false;
		pid_t pid = fork();

		if (pid == 0) {
			if (sandbox_limit(1 << 26) || sandbox_enter(SANDBOX_FETCH))
				_exit(99);
			errno = 0;
			rows[i].try();
			_exit(errno == EPERM);
		}
		for (size_t k = 0; k < sizeof(allowed) / sizeof(*allowed); k++)
			may |= !strcmp(rows[i].what, allowed[k]);
		if (wait_for(pid) != !may)
			fail_msg("%s: %s", rows[i].what, may ? "refused" : "not refused");
	}
}

static void test_close_others(void **state)
{
	int kept[] = { 40, 7 };
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		for (int fd = 5; fd < 50; fd++)
			dup2(2, fd);
		sandbox_close_others(kept, 2);
		for (int fd = 3; fd < 60; fd++)
			if ((fcntl(fd, F_GETFD) >= 0) != (fd == 40 || fd == 7))
				_exit(1);
		_exit(fcntl(2, F_GETFD) < 0);
	}
	assert_int_equal(wait_for(pid), 0);
}

static void test_limit(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct rlimit core;

		if (sandbox_limit(64 << 20) || getrlimit(RLIMIT_CORE, &core) || core.rlim_max)
			_exit(1);
		if (mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		    MAP_FAILED)
			_exit(2);
		if (mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		    MAP_FAILED)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(wait_for(pid), 0);
}

static bool only_loopback(void)
{
	struct if_nameindex *all = if_nameindex();
	bool ok = all && all[0].if_index && !all[1].if_index && !strcmp(all[0].if_name, "lo");

	if_freenameindex(all);
	return ok;
}

/* As root: another user, no way back, nothing to see; otherwise: the same user, no new rights. */
static void test_isolate(void **state)
{
	bool root = geteuid() == 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (sandbox_isolate("nobody"))
			_exit(1);
		if (root && (getuid() == 0 || getgid() == 0 || !setuid(0) || !only_loopback()))
			_exit(2);
		if (root && (!access("/etc", F_OK) || !access("/proc", F_OK) ||
			     mkdir("/x", 0700) == 0 || open("/x", O_CREAT | O_RDWR, 0600) >= 0))
			_exit(3);
		if (root && (!access("../etc", F_OK) || !chdir("../tmp")))
			_exit(4);
		_exit(0);
	}
	assert_int_equal(wait_for(pid), 0);
}

static void test_drop(void **state)
{
	bool root = geteuid() == 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (root && (sandbox_drop("no such user") != -ENOENT ||
			     sandbox_drop("root") != -EINVAL || geteuid() != 0))
			_exit(1);
		if (sandbox_drop("nobody"))
			_exit(2);
		_exit(root && (getuid() == 0 || !setuid(0) || getgroups(0, NULL) != 0));
	}
	assert_int_equal(wait_for(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),	     cmocka_unit_test(test_fetch_filter),
		cmocka_unit_test(test_close_others), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_isolate),	     cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
