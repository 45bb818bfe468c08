// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket: who gets in, what is a request, and that nobody can keep the
 * daemon busy, make it fall over, or take its socket away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/control.c"

enum {
	TEXT_MAX = 70000,
	TURNS = 200,	 /* of the loop, at most, until an answer must have come */
	LARGE = 8 << 20, /* more than a socket holds */
};

struct fixture {
	char dir[64], path[96];
	struct event_base *base;
	struct control *control;
	unsigned int asked;
};

/* "echo" gives its args back, "large" a long text, "no" and "odd" refuse. */
static json_t *handler(void *arg, const char *cmd, json_t *args, char error[WHY_MAX], int *code)
{
	struct fixture *f = arg;

	f->asked++;
	if (!strcmp(cmd, "echo"))
		return json_incref(args);
	if (!strcmp(cmd, "large")) {
		size_t n = json_integer_value(json_object_get(args, "n"));
		char *text = malloc(n);
		json_t *o;

		memset(text, 'x', n);
		o = json_stringn(text, n);
		free(text);
		return o;
	}
	*code = !strcmp(cmd, "odd") ? 7 : 1;
	snprintf(error, WHY_MAX, "no such thing");
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char why[WHY_MAX];

	log_init("test", LOG_LEVEL_WARN);
	strcpy(f->dir, "/tmp/fairlead-control.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/run/control.sock", f->dir);
	f->base = event_base_new();
	f->control = control_open(f->base, f->path, "", handler, f, why);
	assert_string_equal(why, "");
	assert_non_null(f->control);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char run[80];

	control_close(f->control);
	event_base_free(f->base);
	snprintf(run, sizeof(run), "%s/run", f->dir);
	unlink(f->path);
	rmdir(run);
	assert_int_equal(rmdir(f->dir), 0); /* nothing was left behind */
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static int dial(struct fixture *f)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	turn(f);
	return fd;
}

static void put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

static void put_frame(int fd, const char *text)
{
	uint32_t length = htonl(strlen(text));

	put(fd, &length, sizeof(length));
	put(fd, text, strlen(text));
}

/* Reads n bytes while the daemon's loop turns.  False: it hung up, or nothing came. */
static bool take(struct fixture *f, int fd, void *p, size_t n)
{
	for (int i = 0; n && i < TURNS; i++) {
		ssize_t got = recv(fd, p, n, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			return false;
		if (got > 0) {
			p = (char *)p + got;
			n -= got;
			i = 0;
		}
		turn(f);
	}
	return n == 0;
}

/* The next reply's text, in buf; NULL: none. */
static const char *take_frame(struct fixture *f, int fd, char buf[TEXT_MAX])
{
	uint32_t length;

	if (!take(f, fd, &length, sizeof(length)))
		return NULL;
	length = ntohl(length);
	assert_true(length < TEXT_MAX);
	assert_true(take(f, fd, buf, length));
	buf[length] = 0;
	return buf;
}

static void expect(struct fixture *f, int fd, const char *wanted)
{
	char buf[TEXT_MAX];
	const char *got = take_frame(f, fd, buf);

	assert_non_null(got);
	assert_string_equal(got, wanted);
}

static void expect_hung_up(struct fixture *f, int fd)
{
	char c;

	turn(f);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
}

#define ECHO   "{\"v\":1,\"cmd\":\"echo\",\"args\":{\"name\":\"a\"}}"
#define ECHOED "{\"ok\":true,\"result\":{\"name\":\"a\"}}"

static void test_answers(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	put_frame(fd, ECHO);
	expect(f, fd, ECHOED);
	put_frame(fd, "{\"v\":1,\"cmd\":\"echo\"}");
	expect(f, fd, "{\"ok\":true,\"result\":{}}");
	put_frame(fd, "{\"v\":1,\"cmd\":\"no\"}");
	expect(f, fd, "{\"ok\":false,\"error\":\"no such thing\",\"code\":1}");
	put_frame(fd, "{\"v\":1,\"cmd\":\"odd\"}");
	expect(f, fd, "{\"ok\":false,\"error\":\"no such thing\",\"code\":2}");
	/* Two at once are answered in order. */
	put_frame(fd, "{\"v\":1,\"cmd\":\"no\"}");
	put_frame(fd, ECHO);
	expect(f, fd, "{\"ok\":false,\"error\":\"no such thing\",\"code\":1}");
	expect(f, fd, ECHOED);
	close(fd);
}

/* One that closes its sending side after the question, as a pipe into socat does. */
static void test_half_closed(void **state)
{
	static char buf[LARGE + 64];
	struct fixture *f = *state;
	int fd = dial(f);
	uint32_t length;
	char text[128];

	snprintf(text, sizeof(text), "{\"v\":1,\"cmd\":\"large\",\"args\":{\"n\":%d}}", LARGE);
	put_frame(fd, text);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < TURNS; i++)
		turn(f);
	assert_true(take(f, fd, &length, sizeof(length)));
	assert_true(take(f, fd, buf, ntohl(length)));
	expect_hung_up(f, fd);
	assert_int_equal(f->control->count, 0);
}

static void test_pieces(void **state)
{
	struct fixture *f = *state;
	char frame_bytes[128];
	uint32_t length = htonl(strlen(ECHO));
	int fd = dial(f);
	struct client *c = LIST_FIRST(&f->control->clients);
	struct timeval before, after;

	memcpy(frame_bytes, &length, sizeof(length));
	strcpy(frame_bytes + sizeof(length), ECHO);
	assert_true(event_pending(c->deadline, EV_TIMEOUT, &before));
	for (size_t i = 0; i < sizeof(length) + strlen(ECHO); i++) {
		assert_int_equal(f->asked, 0);
		/* A client that drips has no longer for it. */
		assert_true(event_pending(c->deadline, EV_TIMEOUT, &after));
		assert_true(evutil_timercmp(&before, &after, ==));
		put(fd, frame_bytes + i, 1);
		turn(f);
	}
	expect(f, fd, ECHOED);
	close(fd);
}

static void refused(struct fixture *f, const char *text, const char *why)
{
	char wanted[512];
	unsigned int asked = f->asked;
	int fd = dial(f);

	put_frame(fd, text);
	snprintf(wanted, sizeof(wanted), "{\"ok\":false,\"error\":\"%s\",\"code\":2}", why);
	expect(f, fd, wanted);
	expect_hung_up(f, fd);
	assert_int_equal(f->asked, asked);
}

static void test_malformed(void **state)
{
	static const char want_cmd[] = "want \\\"cmd\\\": a command such as \\\"backend show\\\"";
	struct fixture *f = *state;

	refused(f, "{\"v\":1,\"cmd\":\"echo\"", "no JSON: '}' expected near end of file");
	refused(f, "[]", "a request is a JSON object");
	refused(f, "{\"cmd\":\"echo\"}", "want \\\"v\\\": 1");
	refused(f, "{\"v\":2,\"cmd\":\"echo\"}", "want \\\"v\\\": 1");
	refused(f, "{\"v\":\"1\",\"cmd\":\"echo\"}", "want \\\"v\\\": 1");
	refused(f, "{\"v\":1}", want_cmd);
	refused(f, "{\"v\":1,\"cmd\":7}", want_cmd);
	refused(f, "{\"v\":1,\"cmd\":\"\"}", want_cmd);
	refused(f, "{\"v\":1,\"cmd\":\"echo\\nechod: fake\"}", want_cmd);
	refused(f, "{\"v\":1,\"cmd\":\"echo\",\"args\":[]}", "want \\\"args\\\": an object");
	refused(f, "{\"v\":1,\"cmd\":\"echo\",\"force\":true}",
		"unknown key \\\"force\\\": want v, cmd and args");
	refused(f, "{\"v\":1,\"v\":1,\"cmd\":\"echo\"}",
		"no JSON: duplicate object key near '\\\"v\\\"'");
	refused(f, "{\"v\":1,\"cmd\":\"echo\"} {}", "no JSON: end of file expected near '{'");
	refused(f, "\xff\xfe", "no JSON: unable to decode byte 0xff");
}

static void bad_length(struct fixture *f, uint32_t length, const char *wanted)
{
	int fd = dial(f);

	length = htonl(length);
	put(fd, &length, sizeof(length));
	expect(f, fd, wanted);
	expect_hung_up(f, fd);
}

static void test_lengths(void **state)
{
	struct fixture *f = *state;
	static char text[CONTROL_REQUEST_MAX + 1];
	int fd = dial(f);

	bad_length(
		f, 0,
		"{\"ok\":false,\"error\":\"want a request of 1..65536 bytes, got 0\",\"code\":2}");
	bad_length(f, CONTROL_REQUEST_MAX + 1,
		   "{\"ok\":false,\"error\":\"want a request of 1..65536 bytes, got 65537\","
		   "\"code\":2}");
	bad_length(f, UINT32_MAX,
		   "{\"ok\":false,\"error\":\"want a request of 1..65536 bytes, got 4294967295\","
		   "\"code\":2}");
	/* The longest that may be. */
	memset(text, ' ', CONTROL_REQUEST_MAX);
	memcpy(text, ECHO, strlen(ECHO));
	put_frame(fd, text);
	expect(f, fd, ECHOED);
	/* Nested without end. */
	memset(text, '[', CONTROL_REQUEST_MAX);
	put_frame(fd, text);
	expect(f, fd,
	       "{\"ok\":false,\"error\":\"no JSON: maximum parsing depth reached near '['\",\"code\":2}");
	expect_hung_up(f, fd);
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX], one_more;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = dial(f);
	one_more = dial(f);
	expect(f, one_more,
	       "{\"ok\":false,\"error\":\"too many clients at once; try again\",\"code\":2}");
	expect_hung_up(f, one_more);
	close(fds[0]);
	turn(f);
	fds[0] = dial(f);
	put_frame(fds[0], ECHO);
	expect(f, fds[0], ECHOED);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void test_silent(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	struct client *c = LIST_FIRST(&f->control->clients);
	struct timeval now, until;

	event_base_gettimeofday_cached(f->base, &now);
	assert_true(event_pending(c->deadline, EV_TIMEOUT, &until));
	assert_true(until.tv_sec - now.tv_sec <= CONTROL_IDLE_S);
	event_active(c->deadline, EV_TIMEOUT, 1);
	expect_hung_up(f, fd);
	assert_int_equal(f->control->count, 0);
}

/* While it does not take its answer, it is asked for nothing more, and not for ever. */
static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	struct client *c = LIST_FIRST(&f->control->clients);
	char text[128];

	snprintf(text, sizeof(text), "{\"v\":1,\"cmd\":\"large\",\"args\":{\"n\":%d}}", LARGE);
	put_frame(fd, text);
	put_frame(fd, ECHO);
	for (int i = 0; i < TURNS; i++)
		turn(f);
	put_frame(fd, ECHO);
	for (int i = 0; i < TURNS; i++)
		turn(f);
	assert_int_equal(f->asked, 1);
	assert_true(event_pending(c->deadline, EV_TIMEOUT, NULL));
	event_active(c->deadline, EV_TIMEOUT, 1);
	turn(f);
	assert_int_equal(f->control->count, 0);
	close(fd);
}

static void test_large(void **state)
{
	struct fixture *f = *state;
	static char buf[LARGE + 64];
	int fd = dial(f);
	uint32_t length;
	char text[128];

	snprintf(text, sizeof(text), "{\"v\":1,\"cmd\":\"large\",\"args\":{\"n\":%d}}", LARGE);
	put_frame(fd, text);
	assert_true(take(f, fd, &length, sizeof(length)));
	assert_int_equal(ntohl(length), LARGE + strlen("{\"ok\":true,\"result\":\"\"}"));
	assert_true(take(f, fd, buf, ntohl(length)));
	assert_memory_equal(buf + ntohl(length) - 4, "xx\"}", 4);
	snprintf(text, sizeof(text), "{\"v\":1,\"cmd\":\"large\",\"args\":{\"n\":%d}}",
		 CONTROL_REPLY_MAX);
	put_frame(fd, text);
	expect(f, fd,
	       "{\"ok\":false,\"error\":\"the answer is too long: ask for one by name\",\"code\":2}");
	close(fd);
}

static void open_fails(struct fixture *f, const char *path, const char *group, const char *wanted)
{
	char why[WHY_MAX] = "";

	assert_null(control_open(f->base, path, group, handler, f, why));
	assert_non_null(strstr(why, wanted));
}

static void test_socket(void **state)
{
	struct fixture *f = *state;
	char why[WHY_MAX], copy[128], run[80];
	struct stat st;
	FILE *file;

	snprintf(run, sizeof(run), "%s/run", f->dir);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_uid, geteuid());

	/* A living daemon's socket is left alone. */
	open_fails(f, f->path, "", "another daemon listens there");
	open_fails(f, "/nonexistent/run/control.sock", "", "/nonexistent/run: No such file");
	snprintf(copy, sizeof(copy), "%s/file", f->dir);
	file = fopen(copy, "we");
	fclose(file);
	open_fails(f, copy, "", "is there and no socket");
	unlink(copy);
	open_fails(f, copy, "no-such-group", "group no-such-group: there is none of that name");
	unlink(copy);

	/* A dead one's is replaced; and who was replaced does not remove it. */
	snprintf(copy, sizeof(copy), "%s/run/old.sock", f->dir);
	assert_int_equal(rename(f->path, copy), 0);
	control_close(f->control);
	assert_int_equal(rename(copy, f->path), 0);
	f->control = control_open(f->base, f->path, "", handler, f, why);
	assert_non_null(f->control);
	close(dial(f));
	unlink(f->path);
	file = fopen(f->path, "we");
	fclose(file);
	control_close(f->control);
	f->control = NULL;
	assert_int_equal(stat(f->path, &st), 0);
}

/* The blocking client against a daemon of its own. */
static void test_call(void **state)
{
	struct fixture *f = *state;
	char why[WHY_MAX] = "", *big = calloc(1, TEXT_MAX);
	json_t *result;
	pid_t pid = fork();

	if (pid == 0) {
		event_base_dispatch(f->base);
		_exit(0);
	}
	assert_int_equal(
		control_call(f->path, "echo", json_pack("{s:s}", "name", "b"), &result, why), 0);
	assert_string_equal(json_string_value(json_object_get(result, "name")), "b");
	json_decref(result);
	assert_int_equal(control_call(f->path, "no", NULL, &result, why), 1);
	assert_string_equal(why, "no such thing");
	assert_null(result);
	assert_int_equal(control_call(f->path, "Echo", NULL, &result, why), 2);
	assert_non_null(strstr(why, "want \"cmd\""));
	memset(big, 'x', TEXT_MAX - 1);
	assert_int_equal(
		control_call(f->path, "echo", json_pack("{s:s}", "name", big), &result, why), 2);
	assert_string_equal(why, "the question is too long");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(control_call("/nonexistent/s", "echo", NULL, &result, why), 2);
	assert_string_equal(why, "no daemon at /nonexistent/s: No such file or directory; "
				 "start fairleadd or give --socket");
	free(big);
}

/* A daemon that is none: what comes back is not believed. */
static void test_call_distrusts(void **state)
{
	static const struct {
		uint32_t length;
		const char *text, *why;
	} rows[] = {
		{ 0, "", "it does not speak this protocol" },
		{ UINT32_MAX, "", "it does not speak this protocol" },
		{ 40, "{}", "it hung up" },
		{ 2, "{}", "the daemon's answer makes no sense" },
		{ 2, "no", "the daemon's answer makes no sense" },
		{ 11, "{\"ok\":true}", "the daemon's answer makes no sense" },
		{ 25, "{\"ok\":\"true\",\"result\":\"\"}", "the daemon's answer makes no sense" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char path[128], why[WHY_MAX] = "";
		struct control_path made;
		uint32_t length = htonl(rows[i].length);
		json_t *result;
		int fd;
		pid_t pid;

		snprintf(path, sizeof(path), "%s/liar.sock", f->dir);
		fd = control_listen(path, "", &made, why);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
		pid = fork();
		if (pid == 0) {
			int c = accept(fd, NULL, NULL);
			char buf[256];
			uint32_t asked = 0;

			recv(c, &asked, sizeof(asked), MSG_WAITALL);
			recv(c, buf, ntohl(asked), MSG_WAITALL);
			send(c, &length, sizeof(length), MSG_NOSIGNAL);
			send(c, rows[i].text, strlen(rows[i].text), MSG_NOSIGNAL);
			_exit(0);
		}
		close(fd);
		assert_int_equal(control_call(path, "echo", NULL, &result, why), 2);
		if (!strstr(why, rows[i].why))
			fail_msg("row %zu: %s", i, why);
		assert_null(result);
		waitpid(pid, NULL, 0);
		control_unlink(&made);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),   TEST(test_half_closed), TEST(test_pieces),
		TEST(test_malformed), TEST(test_lengths),     TEST(test_too_many),
		TEST(test_silent),    TEST(test_slow_reader), TEST(test_large),
		TEST(test_socket),    TEST(test_call),	      TEST(test_call_distrusts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
