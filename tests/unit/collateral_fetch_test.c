// SPDX-License-Identifier: BSD-2-Clause
/* The fetcher's own process, behind its sandbox, against a vendor that is anything but kind. */
#include "unit/collateral_kit.h"

#include <poll.h>
#include <sys/wait.h>

#include "collateral/process.h"
#include "tools/vendor_double.h"

enum {
	ANSWER_MS = 15000, /* many times TIMEOUT_MS, for a busy machine */
	TIMEOUT_MS = 2000,
};

static uint8_t out_buf[4096], in_buf[IPC_MAX];

struct fetcher_under_test {
	pid_t pid, vendor;
	int fd;
	uint16_t port;
	struct collateral_config config;
};

static struct fetcher_under_test f;

static void start_fetcher(void)
{
	int fds[2];

	assert_int_equal(ipc_pair(fds), 0);
	f.pid = fork();
	assert_true(f.pid >= 0);
	if (f.pid == 0) {
		close(fds[0]);
		fetcher_main(fds[1], &f.config);
	}
	close(fds[1]);
	f.fd = fds[0];
}

static int begin(void **state)
{
	kit_open_dir(state);
	f.port = 0;
	f.vendor = double_start(kit.dir, &f.port);
	collateral_defaults(&f.config);
	snprintf(f.config.kds, sizeof(f.config.kds), "http://127.0.0.1:%u", f.port);
	snprintf(f.config.pcs, sizeof(f.config.pcs), "http://127.0.0.1:%u", f.port);
	f.config.timeout_ms = TIMEOUT_MS;
	start_fetcher();
	return 0;
}

/* Whatever was tried on it, it ends in order when its parent does. */
static int end(void **state)
{
	int status = -1;

	close(f.fd);
	waitpid(f.pid, &status, 0);
	kill(f.vendor, SIGKILL);
	waitpid(f.vendor, NULL, 0);
	kit_close_dir(state);
	return status;
}

static void serve(const char *target, struct bytes body, const char *header, const char *how)
{
	char name[1024], file[1200];

	double_name(target, name, sizeof(name));
	double_write(kit.dir, name, body.p, body.n);
	if (header) {
		snprintf(file, sizeof(file), "%s.header", name);
		double_write(kit.dir, file, header, strlen(header));
	}
	if (how) {
		snprintf(file, sizeof(file), "%s.how", name);
		double_write(kit.dir, file, how, strlen(how));
	}
}

static void ask(const char *name)
{
	struct ipc_writer w = ipc_begin(out_buf, sizeof(out_buf), MSG_FETCH, 0);
	struct want want = kit_want(name);

	fetch_put(&w, &want);
	assert_int_equal(ipc_send(f.fd, &w), 0);
}

static struct fetched hear(void)
{
	struct pollfd p = { .fd = f.fd, .events = POLLIN };
	struct ipc_message m;
	struct fetched got;

	assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
	assert_int_equal(ipc_receive(f.fd, in_buf, sizeof(in_buf), &m), 1);
	assert_int_equal(m.type, MSG_FETCHED);
	assert_true(fetched_get(m.body, &got));
	return got;
}

static struct fetched fetch(const char *name)
{
	struct want want = kit_want(name);
	struct fetched got;

	ask(name);
	got = hear();
	assert_true(want_equal(&got.piece.want, &want));
	return got;
}

static void came(const char *name, struct bytes body, struct bytes chain)
{
	struct fetched got = fetch(name);

	if (got.result != FETCH_OK)
		fail_msg("%s: %s: %s", name, fetch_result_str(got.result), got.why);
	assert_true(bytes_equal(got.piece.body, body));
	assert_true(bytes_equal(got.piece.chain, chain));
}

static void failed(const char *name, enum fetch_result result, const char *why)
{
	struct fetched got = fetch(name);

	if (got.result != result || !strstr(got.why, why))
		fail_msg("%s: %s: \"%s\", want %s: \"%s\"", name, fetch_result_str(got.result),
			 got.why, fetch_result_str(result), why);
	assert_int_equal(got.piece.body.n, 0);
}

#define CRL	    "amd/Milan/vcek-crl"
#define CRL_TARGET  "/vcek/v1/Milan/crl"
#define CHAIN	    "amd/Milan/vcek-chain"
#define VCEK_TARGET "/vcek/v1/Milan/" KIT_CHIP "?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219"
#define TCB	    "intel/tcb-info/" KIT_FMSPC
#define TCB_TARGET  "/tdx/certification/v4/tcb?fmspc=00806F050000"
#define PCK_TARGET  "/sgx/certification/v4/pckcrl?ca=platform&encoding=der"
#define ROOT_TARGET "/sgx/certification/v4/rootcacrl"

static struct bytes lab_crl_bytes(void)
{
	return bytes_of(kit.scene.crl.der, kit.scene.crl.n);
}

/* "NAME: " and the chain as it stands in a header. */
static char *chain_header(const char *name)
{
	char *text = malloc(4 * strlen(kit.chain) + 256), *at = text;

	at += sprintf(at, "%s: ", name);
	for (const char *p = kit.chain; *p; p++)
		at += sprintf(at, isalnum((unsigned char)*p) ? "%c" : "%%%02X", *p);
	sprintf(at, "\r\n");
	return text;
}

static void test_amd(void **state)
{
	struct bytes none = { NULL, 0 };
	struct fetched got;

	(void)state;
	serve(CRL_TARGET, lab_crl_bytes(), NULL, NULL);
	serve("/vlek/v1/Milan/crl", lab_crl_bytes(), NULL, NULL);
	serve("/vcek/v1/Milan/cert_chain", kit_text(kit.chain), NULL, NULL);
	serve(VCEK_TARGET, bytes_of(kit.scene.leaf.der, kit.scene.leaf.n), NULL, NULL);
	came(CRL, lab_crl_bytes(), none);
	came("amd/Milan/vlek-crl", lab_crl_bytes(), none);
	came(CHAIN, kit_text(kit.chain), none);
	got = fetch(KIT_VCEK);
	assert_int_equal(got.result, FETCH_OK);
	assert_int_equal(got.piece.issued, LAB_FROM);
	assert_int_equal(got.piece.expires, LAB_TO);
	assert_in_range(got.date, time(NULL) - 60, time(NULL) + 60);
}

static char *hex_of(struct bytes b)
{
	char *text = malloc(2 * b.n + 2);

	for (size_t i = 0; i < b.n; i++)
		sprintf(text + 2 * i, "%02x", b.p[i]);
	return text;
}

static void test_intel(void **state)
{
	char *header = chain_header("TCB-Info-Issuer-Chain");
	char *lower = chain_header("sgx-pck-crl-issuer-chain");
	struct bytes pck = bytes_of(kit.pck_crl.der, kit.pck_crl.n);
	struct bytes root = bytes_of(kit.root_crl.der, kit.root_crl.n);
	char *hex = hex_of(root);

	(void)state;
	serve(TCB_TARGET, kit_text(kit.tcb_info), header, NULL);
	came(TCB, kit_text(kit.tcb_info), kit_text(kit.chain));
	serve(PCK_TARGET, pck, lower, NULL);
	came("intel/pck-crl/platform", pck, kit_text(kit.chain));
	serve(ROOT_TARGET, kit_text(hex), NULL, NULL);
	came("intel/root-crl", root, bytes_of(NULL, 0));
	free(header);
	free(lower);
	free(hex);
}

static void test_qe_identity(void **state)
{
	char *header = chain_header("SGX-Enclave-Identity-Issuer-Chain");

	(void)state;
	serve("/tdx/certification/v4/qe/identity", kit_text(kit.qe_identity), header, NULL);
	came("intel/qe-identity", kit_text(kit.qe_identity), kit_text(kit.chain));
	free(header);
}

static void test_statuses(void **state)
{
	struct fetched got;

	(void)state;
	failed(CRL, FETCH_MISSING, "answered 404");
	serve(CRL_TARGET, lab_crl_bytes(), "Retry-After: 7\r\n", "429");
	got = fetch(CRL);
	assert_int_equal(got.result, FETCH_THROTTLED);
	assert_int_equal(got.retry_after_s, 7);
	serve(CRL_TARGET, lab_crl_bytes(), "", "500");
	failed(CRL, FETCH_FAILED, "answered 500");
	serve(CRL_TARGET, lab_crl_bytes(), NULL, "503");
	failed(CRL, FETCH_FAILED, "answered 503");
	serve(CRL_TARGET, lab_crl_bytes(), NULL, "410");
	failed(CRL, FETCH_MISSING, "answered 410");
	serve(CRL_TARGET, lab_crl_bytes(), NULL, "403");
	failed(CRL, FETCH_REFUSED, "answered 403");
	serve(CRL_TARGET, lab_crl_bytes(), "Location: http://127.0.0.1/other\r\n", "301");
	failed(CRL, FETCH_REFUSED, "answered 301");
	serve(CRL_TARGET, lab_crl_bytes(), "", "204");
	failed(CRL, FETCH_REFUSED, "answered 204");
}

static void test_broken_answers(void **state)
{
	static const struct {
		const char *how;
		enum fetch_result result;
		const char *why;
	} rows[] = {
		{ "slow", FETCH_TIMEOUT, "" },	       { "silent", FETCH_TIMEOUT, "" },
		{ "huge", FETCH_TOO_LARGE, "longer" }, { "truncated", FETCH_WRONG, "" },
		{ "hangup", FETCH_UNREACHABLE, "" },   { "garbage", FETCH_UNREACHABLE, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		serve(CRL_TARGET, lab_crl_bytes(), NULL, rows[i].how);
		failed(CRL, rows[i].result, rows[i].why);
	}
	serve(CRL_TARGET, lab_crl_bytes(), NULL, "200"); /* and it still works */
	came(CRL, lab_crl_bytes(), bytes_of(NULL, 0));
}

static void test_unreachable(void **state)
{
	(void)state;
	kill(f.vendor, SIGKILL);
	waitpid(f.vendor, NULL, 0);
	failed(CRL, FETCH_UNREACHABLE, "");
}

static void test_large_headers(void **state)
{
	char *line = malloc(12000);

	(void)state;
	memset(line, 'a', 12000);
	memcpy(line, "SGX-PCK-CRL-Issuer-Chain: ", 26);
	strcpy(line + 11990, "\r\n");
	serve(PCK_TARGET, bytes_of(kit.pck_crl.der, kit.pck_crl.n), line, NULL);
	failed("intel/pck-crl/platform", FETCH_WRONG, "");
	free(line);
}

/* Any answer with status 200 that is not what was asked for. */
static void test_lies(void **state)
{
	static const char page[] = "<html>Please log in</html>";
	struct lab_crl other = kit_crl("ARK-Genoa");
	uint8_t two[2 * LAB_DER_MAX];

	(void)state;
	serve(CRL_TARGET, kit_text(page), NULL, NULL);
	failed(CRL, FETCH_WRONG, "no certificate revocation list");
	serve(CRL_TARGET, bytes_of("", 0), NULL, NULL);
	failed(CRL, FETCH_WRONG, "empty");
	serve(CRL_TARGET, bytes_of(other.der, other.n), NULL, NULL);
	failed(CRL, FETCH_WRONG, "a list of \"ARK-Genoa\"");
	memcpy(two, kit.scene.crl.der, kit.scene.crl.n);
	memcpy(two + kit.scene.crl.n, other.der, other.n);
	serve(CRL_TARGET, bytes_of(two, kit.scene.crl.n + other.n), NULL, NULL);
	failed(CRL, FETCH_WRONG, "behind the list");
	serve("/vcek/v1/Milan/cert_chain", kit_text(page), NULL, NULL);
	failed(CHAIN, FETCH_WRONG, "");
	serve("/vlek/v1/Milan/cert_chain", kit_text(kit.chain), NULL, NULL);
	failed("amd/Milan/vlek-chain", FETCH_WRONG, "want SEV-VLEK-Milan");
	serve(VCEK_TARGET, bytes_of(kit.scene.mid.der, kit.scene.mid.n), NULL, NULL);
	failed(KIT_VCEK, FETCH_WRONG, "want a VCEK");
	serve("/vcek/v1/Milan/" KIT_CHIP "?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=220",
	      bytes_of(kit.scene.leaf.der, kit.scene.leaf.n), NULL, NULL);
	failed("amd/Milan/vcek/" KIT_CHIP "/4-2-24-220", FETCH_WRONG, "microcode 219, want 220");
}

static void test_another_chip(void **state)
{
	char chip[2 * WANT_CHIP_BYTES + 1], name[WANT_TEXT_MAX], target[512];

	(void)state;
	memset(chip, 'd', sizeof(chip) - 1);
	chip[sizeof(chip) - 1] = 0;
	snprintf(name, sizeof(name), "amd/Milan/vcek/%s/4-2-24-219", chip);
	snprintf(target, sizeof(target),
		 "/vcek/v1/Milan/%s?blSPL=4&teeSPL=2&snpSPL=24&ucodeSPL=219", chip);
	serve(target, bytes_of(kit.scene.leaf.der, kit.scene.leaf.n), NULL, NULL);
	failed(name, FETCH_WRONG, "another chip");
}

static void test_lying_documents(void **state)
{
	char *header = chain_header("TCB-Info-Issuer-Chain"), text[2048];
	static const struct {
		const char *from, *to, *why;
	} rows[] = {
		{ "00806F050000", "00806F050001", "another FMSPC" },
		{ "\"TDX\"", "\"SGX\"", "its id is \"SGX\"" },
		{ "\"signature\"", "\"sigmature\"", "without a signature" },
		{ "\"tcbInfo\"", "\"enclaveIdentity\"", "no JSON document" },
		{ "2026-05-20T10:00:00Z", "2027-05-20T10:00:00Z", "ends before it begins" },
		{ "2026-05-20T10:00:00Z", "yesterday, at noon..", "from when until when" },
		{ "\"version\":3", "\"id\":\"TDX\"", "no JSON document" }, /* a key twice */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *at = strstr(kit.tcb_info, rows[i].from);

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - kit.tcb_info), kit.tcb_info,
			 rows[i].to, at + strlen(rows[i].from));
		serve(TCB_TARGET, kit_text(text), header, NULL);
		failed(TCB, FETCH_WRONG, rows[i].why);
	}
	serve(TCB_TARGET, kit_text(kit.tcb_info), "", NULL);
	failed(TCB, FETCH_WRONG, "without the chain");
	serve(TCB_TARGET, kit_text(kit.tcb_info), "TCB-Info-Issuer-Chain: %0\r\n", NULL);
	failed(TCB, FETCH_WRONG, "cannot be decoded");
	serve(TCB_TARGET, kit_text(kit.tcb_info), "TCB-Info-Issuer-Chain: abc\r\n", NULL);
	failed(TCB, FETCH_WRONG, "");
	free(header);
}

/* Nested deeper than any document: refused, not the end of a stack. */
static void test_deep_json(void **state)
{
	char *header = chain_header("TCB-Info-Issuer-Chain"), *text = malloc(60001);

	(void)state;
	memset(text, '[', 60000);
	text[60000] = 0;
	serve(TCB_TARGET, kit_text(text), header, NULL);
	failed(TCB, FETCH_WRONG, "no JSON document");
	free(text);
	free(header);
}

/* One that is slow keeps nobody else waiting. */
static void test_in_parallel(void **state)
{
	struct want crl = kit_want(CRL), chain = kit_want(CHAIN);
	struct fetched first, second;

	(void)state;
	serve(CRL_TARGET, lab_crl_bytes(), NULL, "silent");
	serve("/vcek/v1/Milan/cert_chain", kit_text(kit.chain), NULL, NULL);
	ask(CRL);
	ask(CHAIN);
	first = hear();
	assert_true(want_equal(&first.piece.want, &chain));
	assert_int_equal(first.result, FETCH_OK);
	second = hear();
	assert_true(want_equal(&second.piece.want, &crl));
	assert_int_equal(second.result, FETCH_TIMEOUT);
}

/* A name, through the resolver, inside the sandbox. */
static void test_by_name(void **state)
{
	(void)state;
	close(f.fd);
	waitpid(f.pid, NULL, 0);
	snprintf(f.config.kds, sizeof(f.config.kds), "http://localhost:%u", f.port);
	start_fetcher();
	serve(CRL_TARGET, lab_crl_bytes(), NULL, NULL);
	came(CRL, lab_crl_bytes(), bytes_of(NULL, 0));
}

static void test_no_such_name(void **state)
{
	(void)state;
	close(f.fd);
	waitpid(f.pid, NULL, 0);
	strcpy(f.config.kds, "http://no-such-host.invalid");
	start_fetcher();
	failed(CRL, FETCH_UNREACHABLE, "no-such-host.invalid");
}

/* TLS is not optional where https is configured: a vendor without waits, and gets nowhere. */
static void test_no_tls(void **state)
{
	(void)state;
	close(f.fd);
	waitpid(f.pid, NULL, 0);
	snprintf(f.config.kds, sizeof(f.config.kds), "https://127.0.0.1:%u", f.port);
	start_fetcher();
	serve(CRL_TARGET, lab_crl_bytes(), NULL, NULL);
	failed(CRL, FETCH_TIMEOUT, "");
}

static void test_nonsense_from_parent(void **state)
{
	struct ipc_writer w = ipc_begin(out_buf, sizeof(out_buf), MSG_FETCH, 0);
	int status;

	(void)state;
	ipc_put_string(&w, "amd/Milan/vcek-crl/../../etc/passwd");
	assert_int_equal(ipc_send(f.fd, &w), 0);
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	close(f.fd);
	start_fetcher();
}

#define WITH_VENDOR(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_VENDOR(test_amd),
		WITH_VENDOR(test_intel),
		WITH_VENDOR(test_qe_identity),
		WITH_VENDOR(test_statuses),
		WITH_VENDOR(test_broken_answers),
		WITH_VENDOR(test_unreachable),
		WITH_VENDOR(test_large_headers),
		WITH_VENDOR(test_lies),
		WITH_VENDOR(test_another_chip),
		WITH_VENDOR(test_lying_documents),
		WITH_VENDOR(test_deep_json),
		WITH_VENDOR(test_in_parallel),
		WITH_VENDOR(test_by_name),
		WITH_VENDOR(test_no_such_name),
		WITH_VENDOR(test_no_tls),
		WITH_VENDOR(test_nonsense_from_parent),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
