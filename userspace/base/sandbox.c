// SPDX-License-Identifier: BSD-2-Clause
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FD_FIRST = 3,	      /* stderr stays */
	SOCK_TYPE_MASK = 0xf, /* linux/net.h's: the rest is flags */
};

static int compare_fds(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

void sandbox_close_others(const int keep[], int count)
{
	unsigned int from = FD_FIRST;
	int *sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		_exit(2); /* a child that cannot let go of what it holds must not go on */
	for (int i = 0; i < count; i++)
		sorted[i] = keep[i];
	qsort(sorted, count, sizeof(*sorted), compare_fds);
	for (int i = 0; i < count; i++) {
		if (sorted[i] < (int)from)
			continue;
		if (sorted[i] > (int)from)
			close_range(from, sorted[i] - 1, 0);
		from = sorted[i] + 1;
	}
	close_range(from, ~0U, 0);
	free(sorted);
}

/* Address space in use as the kernel counts it, or 0. */
static uint64_t address_space_used(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int sandbox_limit(uint64_t headroom)
{
	uint64_t used = address_space_used();
	struct rlimit none = { 0, 0 }, memory = { used + headroom, used + headroom };

	if (!used)
		return -ENOENT;
	if (setrlimit(RLIMIT_CORE, &none) || setrlimit(RLIMIT_NPROC, &none) ||
	    setrlimit(RLIMIT_AS, &memory) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}

struct identity {
	uid_t uid;
	gid_t gid;
};

static int find_user(const char *user, struct identity *out)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return errno ? -errno : -ENOENT;
	if (pw->pw_uid == 0)
		return -EINVAL; /* "dropping" to root is a mistake in the config */
	*out = (struct identity){ pw->pw_uid, pw->pw_gid };
	return 0;
}

static int become(struct identity id)
{
	int orphaned; /* the signal for it, which a change of credentials makes the kernel forget */

	if (prctl(PR_GET_PDEATHSIG, &orphaned) || setgroups(0, NULL) ||
	    setresgid(id.gid, id.gid, id.gid) || setresuid(id.uid, id.uid, id.uid) ||
	    prctl(PR_SET_PDEATHSIG, orphaned))
		return -errno;
	if (setresuid(0, 0, 0) == 0)
		return -EPERM; /* it did not take */
	return 0;
}

static int no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

int sandbox_drop(const char *user)
{
	struct identity id;
	int err;

	if (geteuid() == 0) {
		err = find_user(user, &id);
		if (!err)
			err = become(id);
		if (err)
			return err;
	}
	return no_new_privileges();
}

int sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capset, &head, none) ? -errno : no_new_privileges();
}

/* A directory that is gone: as a root it is empty, and nothing can be made in it. */
static int enter_nowhere(void)
{
	char dir[] = "/tmp/fairlead-XXXXXX";
	int err = 0;

	if (!mkdtemp(dir))
		return -errno;
	if (chdir(dir))
		err = -errno;
	if (rmdir(dir) && !err)
		err = -errno;
	if (!err && (chroot(".") || chdir("/")))
		err = -errno;
	return err;
}

int sandbox_isolate(const char *user)
{
	struct identity id;
	int err;

	if (geteuid() != 0)
		return no_new_privileges();
	err = find_user(user, &id); /* while there still is an /etc */
	if (err)
		return err;
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC))
		return -errno;
	err = enter_nowhere();
	if (!err)
		err = become(id);
	return err ? err : no_new_privileges();
}

/* Negative numbers are calls that this architecture does not have; libseccomp passes them over. */
static const int pure[] = {
	SCMP_SYS(read),		 SCMP_SYS(readv),
	SCMP_SYS(write),	 SCMP_SYS(writev),
	SCMP_SYS(recvmsg),	 SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),	 SCMP_SYS(sendto),
	SCMP_SYS(poll),		 SCMP_SYS(ppoll),
	SCMP_SYS(close),	 SCMP_SYS(munmap),
	SCMP_SYS(mremap),	 SCMP_SYS(madvise),
	SCMP_SYS(brk),		 SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time),		 SCMP_SYS(getrandom),
	SCMP_SYS(getpid),	 SCMP_SYS(gettid),
	SCMP_SYS(rt_sigaction),	 SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),	 SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		 SCMP_SYS(exit_group),
};

static const int network[] = {
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fcntl),
	SCMP_SYS(getdents64),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
};

static const int device[] = {
	SCMP_SYS(openat),     SCMP_SYS(ioctl),		 SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),      SCMP_SYS(flock),		 SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(statx),		 SCMP_SYS(fcntl), SCMP_SYS(getdents64),
	SCMP_SYS(nanosleep),  SCMP_SYS(clock_nanosleep),
};

static int allow_all(scmp_filter_ctx f, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

/* Allows a call when argument number arg, cut to mask, has this value. */
static int allow_if(scmp_filter_ctx f, int call, unsigned int arg, uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp when = { arg, SCMP_CMP_MASKED_EQ, mask, value };

	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, 1, &when);
}

static int allow_pure(scmp_filter_ctx f)
{
	int err = allow_all(f, pure, sizeof(pure) / sizeof(*pure));

	/* Memory yes, new code no.  A signal only to oneself, for abort(). */
	if (!err)
		err = allow_if(f, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	if (!err)
		err = allow_if(f, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	if (!err)
		err = allow_if(f, SCMP_SYS(tgkill), 0, UINT32_MAX, getpid());
	return err;
}

/* Of type nothing but what is given, whatever flags go with it. */
static int allow_socket(scmp_filter_ctx f, int family, int type)
{
	struct scmp_arg_cmp when[] = { { 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, family },
				       { 1, SCMP_CMP_MASKED_EQ, SOCK_TYPE_MASK, type } };

	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, when);
}

static int allow_network(scmp_filter_ctx f)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
	int err = allow_all(f, network, sizeof(network) / sizeof(*network));

	for (size_t i = 0; !err && i < sizeof(families) / sizeof(*families); i++)
		err = allow_socket(f, families[i], SOCK_STREAM);
	if (!err)
		err = allow_if(f, SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	if (!err)
		err = allow_if(f, SCMP_SYS(ioctl), 1, UINT32_MAX, FIONBIO);
	if (!err)
		err = allow_if(f, SCMP_SYS(ioctl), 1, UINT32_MAX, FIONREAD);
	return err;
}

static int allow_device(scmp_filter_ctx f)
{
	int err = allow_all(f, device, sizeof(device) / sizeof(*device));

	return err ? err : allow_if(f, SCMP_SYS(unlinkat), 2, AT_REMOVEDIR, AT_REMOVEDIR);
}

/* Whatever is connected is a socket of this family: no other can be had. */
static int allow_vsock(scmp_filter_ctx f)
{
	static const int calls[] = { SCMP_SYS(connect), SCMP_SYS(getsockopt) };
	int err = allow_device(f);

	if (!err)
		err = allow_all(f, calls, sizeof(calls) / sizeof(*calls));
	return err ? err : allow_if(f, SCMP_SYS(socket), 0, UINT32_MAX, AF_VSOCK);
}

/* getaddrinfo() asks name servers, and which addresses there are, to put those first that can be
 * reached. */
static int allow_fetch(scmp_filter_ctx f)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
	struct scmp_arg_cmp routes[] = { { 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK },
					 { 2, SCMP_CMP_MASKED_EQ, UINT32_MAX, NETLINK_ROUTE } };
	int err = allow_network(f);

	for (size_t i = 0; !err && i < sizeof(families) / sizeof(*families); i++)
		err = allow_socket(f, families[i], SOCK_DGRAM);
	return err ? err : seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, routes);
}

int sandbox_enter(enum sandbox_kind kind)
{
	bool is_fetch = kind == SANDBOX_FETCH;
	scmp_filter_ctx f = seccomp_init(is_fetch ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	int err;

	if (!f)
		return -ENOMEM;
	err = allow_pure(f);
	if (!err && kind == SANDBOX_NETWORK)
		err = allow_network(f);
	if (!err && kind == SANDBOX_DEVICE)
		err = allow_device(f);
	if (!err && kind == SANDBOX_VSOCK)
		err = allow_vsock(f);
	if (!err && is_fetch)
		err = allow_fetch(f);
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	return err;
}
