// SPDX-License-Identifier: BSD-2-Clause
/* What a process can still do behind Landlock, tried in children of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/landlock.h"

static int listeners[2];
static uint16_t ports[2]; /* the first is allowed */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in a = loopback(port);

	return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a));
}

static int try_allowed_port(void)
{
	return connect_to(ports[0]);
}
static int try_other_port(void)
{
	return connect_to(ports[1]);
}
static int try_bind(void)
{
	struct sockaddr_in a = loopback(0);

	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a));
}
static int try_read(void)
{
	return open("/dev/null", O_RDONLY);
}
static int try_write(void)
{
	return open("/dev/null", O_WRONLY);
}
static int try_list(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}
static int try_open_file(void)
{
	char byte;

	return read(STDIN_FILENO, &byte, 1);
}
static int try_signal(void)
{
	return kill(getppid(), 0);
}

/* errno, or 0, in a child; *scope is what landlock_enter() has said there. */
static int errno_of(int (*try)(void), int *scope)
{
	int pipes[2], got[2] = { 0 };
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		dup2(open("/dev/zero", O_RDONLY), STDIN_FILENO);
		got[0] = landlock_enter(ports, 1);
		got[1] = try() < 0 ? errno : 0;
		_exit(write(pipes[1], got, sizeof(got)) != sizeof(got));
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], got, sizeof(got)), sizeof(got));
	close(pipes[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	*scope = got[0];
	return got[1];
}

static void test_what_is_left(void **state)
{
	static const struct {
		const char *what;
		int (*try)(void);
		int since, want; /* errno from that version on */
	} rows[] = {
		{ "a file that is open", try_open_file, LANDLOCK_FILES, 0 },
		{ "read", try_read, LANDLOCK_FILES, EACCES },
		{ "write", try_write, LANDLOCK_FILES, EACCES },
		{ "list", try_list, LANDLOCK_FILES, EACCES },
		{ "the port", try_allowed_port, LANDLOCK_PORTS, 0 },
		{ "another port", try_other_port, LANDLOCK_PORTS, EACCES },
		{ "bind", try_bind, LANDLOCK_PORTS, EACCES },
		{ "signal", try_signal, LANDLOCK_SIGNALS, EPERM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int scope, got = errno_of(rows[i].try, &scope);

		if (scope == LANDLOCK_NOTHING) {
			print_message("this kernel has no Landlock\n");
			skip();
		}
		assert_true(scope > 0);
		if (got != (scope >= rows[i].since ? rows[i].want : 0))
			fail_msg("%s, version %d: %s", rows[i].what, scope, strerror(got));
	}
}

static void test_needs_no_new_privileges(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int got = setresuid(65534, 65534, 65534) ? -EPERM : landlock_enter(ports, 1);

		_exit(got == -EPERM || got == LANDLOCK_NOTHING ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in a = loopback(0);
		socklen_t n = sizeof(a);

		listeners[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(bind(listeners[i], (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(listen(listeners[i], 8), 0);
		assert_int_equal(getsockname(listeners[i], (struct sockaddr *)&a, &n), 0);
		ports[i] = ntohs(a.sin_port);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_needs_no_new_privileges),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
