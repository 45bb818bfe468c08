// SPDX-License-Identifier: BSD-2-Clause
/*
 * The commands that a daemon answers, against one that answers from a table: what is
 * asked, what is printed, and the exit status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "daemon/control.h"

#define BACKEND                                                                           \
	"{\"name\":\"db-1\",\"id\":1,\"address\":\"192.0.2.21\",\"agent_port\":9478,"     \
	"\"node\":\"db-1\",\"policy\":\"p\",\"state\":\"attested\",\"why\":\"accepted\"," \
	"\"health\":\"up\",\"drained\":true,\"evicted\":false,\"connect_us\":850,"        \
	"\"rtt_us\":900,\"load_permille\":620,\"cost_us\":107000,\"tee\":\"snp\","        \
	"\"product\":\"Milan\",\"reason\":\"ok\",\"detail\":null,\"lab_root\":true,"      \
	"\"digest\":\"ab\",\"leases\":{\"public\":true,\"confidential\":86399.5,"         \
	"\"classified\":41.25},\"nexthop\":null,\"claims\":{\"vmpl\":0},"                 \
	"\"packets\":7,\"bytes\":1536,\"new_flows\":2}"

#define SERVICE                                                                                    \
	"{\"name\":\"pay\",\"id\":3,\"vip\":\"192.0.2.1\",\"port\":443,\"protocol\":\"udp\","      \
	"\"class\":\"public\",\"select\":\"weighted\",\"refusal\":\"answer\",\"forward\":\"gue\"," \
	"\"mss\":null,\"on_lapse\":\"rst\",\"track\":\"moved\",\"settle_ms\":300000,"              \
	"\"new_flow_limit\":{\"per_second\":1000,\"burst\":2000},"                                 \
	"\"quic\":{\"offset_bytes\":1,\"length_bytes\":4},"                                        \
	"\"marks\":{\"strict\":true,\"dscp\":[{\"value\":46,\"class\":\"classified\"}],"           \
	"\"sources\":[{\"prefix\":\"192.0.2.0/24\",\"class\":\"confidential\"}]},"                 \
	"\"ring_slots\":4093,\"slots_settled\":4000,\"moved_permille\":5,\"rebuilds\":2,"          \
	"\"backends\":[],\"packets\":7,\"bytes\":1536,\"new_flows\":2}"

static const struct {
	const char *cmd, *name, *answer;
} answers[] = {
	{ "backend show", "", "[" BACKEND "]" },
	{ "backend show", "db-1", "[" BACKEND "]" },
	{ "backend drain", "db-1",
	  "{\"name\":\"db-1\",\"state\":\"attested\",\"hand\":\"drained\"}" },
	{ "service show", "",
	  "[{\"name\":\"pay\",\"vip\":\"2001:db8::1\",\"port\":443,\"protocol\":\"tcp\","
	  "\"class\":\"classified\",\"select\":\"weighted\",\"refusal\":\"answer\","
	  "\"backends\":[{\"name\":\"db-1\",\"eligible\":true},"
	  "{\"name\":\"db-2\",\"eligible\":false}]}]" },
	{ "service show", "pay", "[" SERVICE "]" },
	{ "service show", "old", "[{\"name\":\"old\",\"marks\":7,\"quic\":[]}]" },
	{ "lease show", "",
	  "[{\"backend\":\"db-1\",\"class\":\"classified\",\"seconds_left\":41.25,"
	  "\"lab_root\":true},{\"backend\":\"db-2\",\"class\":\"public\",\"seconds_left\":true,"
	  "\"lab_root\":false}]" },
	{ "policy show", "", "{\"not\":\"a list\"}" },
	{ "status", "", "{\"node\":\"router-1\"}" },
};

static json_t *handler(void *arg, const char *cmd, json_t *args, char error[WHY_MAX], int *code)
{
	const char *name = json_string_value(json_object_get(args, "name"));

	(void)arg;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (!strcmp(answers[i].cmd, cmd) && !strcmp(answers[i].name, name ? name : ""))
			return json_loads(answers[i].answer, 0, NULL);
	*code = strcmp(cmd, "reload") ? 1 : 2;
	snprintf(error, WHY_MAX, "no %s \"%s\"", cmd, name ? name : "");
	return NULL;
}

static char dir[] = "/tmp/fairlead-cli.XXXXXX", path[64];
static pid_t server;

static int start(void **state)
{
	char why[WHY_MAX];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	server = fork();
	if (server == 0) {
		struct event_base *base = event_base_new();

		log_init("test", LOG_LEVEL_WARN);
		if (!control_open(base, path, "", handler, NULL, why))
			_exit(1);
		event_base_dispatch(base);
		_exit(0);
	}
	for (int i = 0; i < 500 && access(path, F_OK); i++)
		usleep(10000);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(path);
	return rmdir(dir);
}

typedef int command(const struct cli_options *o, int argc, char **argv);

/* Runs it with stdout and stderr into files; what they got, at most as much as fits. */
static int run(command *c, const struct cli_options *o, const char *words, char out[4096],
	       char err[4096])
{
	char copy[128], *argv[8], *next = copy;
	FILE *files[2] = { tmpfile(), tmpfile() };
	int saved[2], argc = 0, status;

	strcpy(copy, words);
	while ((argv[argc] = strsep(&next, " ")))
		argc++;
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		dup2(fileno(files[i]), i + 1);
	}
	status = c(o, argc, argv);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		char *to = i ? err : out;

		dup2(saved[i], i + 1);
		close(saved[i]);
		rewind(files[i]);
		to[fread(to, 1, 4095, files[i])] = 0;
		fclose(files[i]);
	}
	return status;
}

static void expect(command *c, struct cli_options o, const char *words, int status,
		   const char *wanted)
{
	char out[4096], err[4096];

	if (!o.socket)
		o.socket = path;
	assert_int_equal(run(c, &o, words, out, err), status);
	assert_string_equal(status ? err : out, wanted);
	assert_string_equal(status ? out : err, "");
}

static const struct cli_options plain, json = { .json = true }, stats = { .stats = true };

static void test_tables(void **state)
{
	(void)state;
	expect(cmd_backend, plain, "backend", 0,
	       "BACKEND  STATE                 HEALTH  CONFIDENTIAL  CLASSIFIED   COST  WHY\n"
	       "db-1     attested,drained LAB  up            23h59m         41s  107ms  accepted\n");
	expect(cmd_backend, stats, "b s", 0,
	       "BACKEND  STATE                 HEALTH  CONFIDENTIAL  CLASSIFIED   COST   LOAD  "
	       "PACKETS   BYTES  NEW FLOWS  WHY\n"
	       "db-1     attested,drained LAB  up            23h59m         41s  107ms  62.0%  "
	       "      7  1.5KiB          2  accepted\n");
	expect(cmd_service, plain, "service show", 0,
	       "SERVICE  CLASS       ADDRESS                SELECT    REFUSAL  ELIGIBLE\n"
	       "pay      classified  [2001:db8::1]:443/tcp  weighted  answer        1/2\n");
	expect(cmd_lease, plain, "lease", 0,
	       "BACKEND  CLASS          LEFT  ROOT\n"
	       "db-1     classified      41s  LAB\n"
	       "db-2     public      endless  -\n");
	expect(cmd_lease, plain, "lease show db-1", 0,
	       "BACKEND  CLASS       LEFT  ROOT\n"
	       "db-1     classified   41s  LAB\n");
}

static void test_details(void **state)
{
	char out[4096], err[4096];
	struct cli_options o = { .socket = path };

	(void)state;
	assert_int_equal(run(cmd_backend, &o, "backend show db-1", out, err), 0);
	assert_non_null(strstr(out, "\nlease classified    41s\n"));
	assert_non_null(strstr(out, "\nlab root            LAB: no vendor vouches for it\n"));
	assert_non_null(strstr(out, "\nnext hop            -\n"));
	assert_non_null(strstr(out, "\nclaims\n  vmpl: 0\n"));
	assert_int_equal(run(cmd_status, &o, "status", out, err), 0);
	assert_non_null(strstr(out, "node          router-1\n"));
}

static void test_service(void **state)
{
	(void)state;
	expect(cmd_service, plain, "service show pay", 0,
	       "service         pay\n"
	       "id              3\n"
	       "class           public\n"
	       "address         192.0.2.1:443/udp\n"
	       "select          weighted\n"
	       "refusal         answer\n"
	       "on lapse        rst\n"
	       "forward         gue\n"
	       "mss             -\n"
	       "track           moved\n"
	       "settle          300000ms\n"
	       "new flow limit  1000/s, 2000 at once\n"
	       "quic            server id of 4 bytes at 1\n"
	       "marks           strict\n"
	       "ring slots      4093\n"
	       "settled         4000\n"
	       "rebuilds        2\n"
	       "last moved      0.5%\n"
	       "packets         7\n"
	       "bytes           1.5KiB\n"
	       "new flows       2\n"
	       "\n"
	       "DSCP  CLASS\n"
	       "  46  classified\n"
	       "\n"
	       "SOURCE        CLASS\n"
	       "192.0.2.0/24  confidential\n"
	       "\n"
	       "BACKEND  ELIGIBLE  COST  WEIGHT\n");
	expect(cmd_service, json, "service show pay", 0, "[" SERVICE "]\n");
}

/* Of a daemon that knows less, or says what no daemon of ours does. */
static void test_other_daemon(void **state)
{
	char out[4096], err[4096];
	struct cli_options o = { .socket = path };

	(void)state;
	assert_int_equal(run(cmd_service, &o, "service show old", out, err), 0);
	assert_non_null(strstr(out, "\nnew flow limit  -\n"));
	assert_non_null(strstr(out, "\nquic            -\n"));
	assert_non_null(strstr(out, "\nmarks           -\n"));
}

/* -j is what the daemon said, key for key. */
static void test_json(void **state)
{
	(void)state;
	expect(cmd_backend, json, "backend show db-1", 0, "[" BACKEND "]\n");
	expect(cmd_backend, json, "backend drain db-1", 0,
	       "{\"name\":\"db-1\",\"state\":\"attested\",\"hand\":\"drained\"}\n");
	expect(cmd_lease, json, "lease show db-2", 0,
	       "[{\"backend\":\"db-2\",\"class\":\"public\",\"seconds_left\":true,"
	       "\"lab_root\":false}]\n");
}

static void test_refusals(void **state)
{
	struct cli_options nobody = { .socket = "/nonexistent/control.sock" };

	(void)state;
	expect(cmd_backend, plain, "backend show x", 1, "fairlead: no backend show \"x\"\n");
	expect(cmd_lease, plain, "lease show x", 1, "fairlead: no lease \"x\"\n");
	expect(cmd_reload, plain, "reload", 2, "fairlead: no reload \"\"\n");
	expect(cmd_backend, plain, "backend drain", 2,
	       "fairlead: backend drain: want the NAME of a backend\n");
	expect(cmd_backend, plain, "backend frob", 2,
	       "fairlead: backend: unknown command \"frob\"; try fairlead backend help\n");
	expect(cmd_backend, plain, "backend show a b", 2,
	       "fairlead: backend show: unexpected \"b\"\n");
	expect(cmd_status, plain, "status show x", 2, "fairlead: status show: unexpected \"x\"\n");
	expect(cmd_policy, plain, "policy", 2,
	       "fairlead: policy show: the daemon's answer is not what was asked for\n");
	expect(cmd_status, nobody, "status", 2,
	       "fairlead: no daemon at /nonexistent/control.sock: No such file or directory; "
	       "start fairleadd or give --socket\n");
}

static void test_help(void **state)
{
	char out[4096], err[4096];
	struct cli_options o = { .socket = "/nonexistent" };

	(void)state;
	assert_int_equal(run(cmd_backend, &o, "backend help", out, err), 0);
	assert_non_null(strstr(out, "fairlead backend evict NAME"));
	assert_string_equal(err, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),	     cmocka_unit_test(test_details),
		cmocka_unit_test(test_json),	     cmocka_unit_test(test_service),
		cmocka_unit_test(test_other_daemon), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
