// SPDX-License-Identifier: BSD-2-Clause
/* What collateral is called, where it is published, and when it is asked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collateral/demand.h"
#include "collateral/header.h"

#define CHIP_64                                                            \
	"c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1" \
	"c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"

#define KDS "https://kdsintf.amd.com"
#define PCS "https://api.trustedservices.intel.com"

static struct want want(const char *name)
{
	struct want w;

	if (!want_parse(name, &w))
		fail_msg("%s is no name", name);
	return w;
}

static void test_names(void **state)
{
	static const char *const good[] = {
		"amd/Milan/vcek/" CHIP_64 "/4-0-24-219",
		"amd/Turin/vcek/0123456789abcdef/1-1-1-4-255",
		"amd/Genoa/vcek-chain",
		"amd/Genoa/vlek-chain",
		"amd/Turin/vcek-crl",
		"amd/Milan/vlek-crl",
		"intel/tcb-info/00806f050000",
		"intel/qe-identity",
		"intel/pck-crl/platform",
		"intel/pck-crl/processor",
		"intel/root-crl",
	};
	static const char *const bad[] = {
		"",
		"amd",
		"amd/",
		"amd/Milan",
		"amd/milan/vcek-crl",
		"amd/Venice/vcek-crl",
		"amd/Milan/vcek-crl/",
		"amd/Milan/vcek-crls",
		"amd/Milan/crl",
		"amd/Milan/vcek/" CHIP_64,
		"amd/Milan/vcek/" CHIP_64 "/4-0-24",
		"amd/Milan/vcek/" CHIP_64 "/4-0-24-219-1",
		"amd/Milan/vcek/" CHIP_64 "/4-0-24-256",
		"amd/Milan/vcek/" CHIP_64 "/04-0-24-219",
		"amd/Milan/vcek/" CHIP_64 "/4-0--24-219",
		"amd/Milan/vcek/0123456789abcdef/4-0-24-219",
		"amd/Turin/vcek/" CHIP_64 "/1-4-0-24-219",
		"amd/Turin/vcek/0123456789ABCDEF/1-1-1-4-255",
		"intel/tcb-info/00806F050000",
		"intel/tcb-info/00806f0500",
		"intel/tcb-info/",
		"intel/pck-crl",
		"intel/pck-crl/other",
		"intel/root-crl ",
		"../root-crl",
		"intel/../root-crl",
	};
	char text[WANT_TEXT_MAX];
	struct want w;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		w = want(good[i]);
		assert_string_equal(want_text(&w, text), good[i]);
		for (size_t k = 0; k < sizeof(good) / sizeof(*good); k++) {
			struct want other = want(good[k]);

			assert_int_equal(want_equal(&w, &other), i == k);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (want_parse(bad[i], &w))
			fail_msg("\"%s\" was taken for %s", bad[i], want_text(&w, text));
}

static const struct {
	const char *name, *pcs, *url;
	bool early;
} urls[] = {
	{ "amd/Milan/vcek/" CHIP_64 "/4-0-24-219", PCS,
	  KDS "/vcek/v1/Milan/" CHIP_64 "?blSPL=4&teeSPL=0&snpSPL=24&ucodeSPL=219", false },
	{ "amd/Turin/vcek/0123456789abcdef/1-2-3-4-81", PCS,
	  KDS "/vcek/v1/Turin/0123456789abcdef?fmcSPL=1&blSPL=2&teeSPL=3&snpSPL=4&ucodeSPL=81",
	  false },
	{ "amd/Genoa/vcek-chain", PCS, KDS "/vcek/v1/Genoa/cert_chain", false },
	{ "amd/Genoa/vlek-chain", PCS, KDS "/vlek/v1/Genoa/cert_chain", false },
	{ "amd/Milan/vcek-crl", PCS, KDS "/vcek/v1/Milan/crl", false },
	{ "amd/Milan/vlek-crl", PCS, KDS "/vlek/v1/Milan/crl", false },
	{ "intel/tcb-info/00806f050000", PCS, PCS "/tdx/certification/v4/tcb?fmspc=00806F050000",
	  false },
	{ "intel/tcb-info/00806f050000", PCS,
	  PCS "/tdx/certification/v4/tcb?fmspc=00806F050000&update=early", true },
	{ "intel/qe-identity", PCS, PCS "/tdx/certification/v4/qe/identity", false },
	{ "intel/qe-identity", PCS, PCS "/tdx/certification/v4/qe/identity?update=early", true },
	{ "intel/pck-crl/processor", PCS,
	  PCS "/sgx/certification/v4/pckcrl?ca=processor&encoding=der", false },
	{ "intel/root-crl", PCS,
	  "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der", false },
	{ "intel/root-crl", "https://pccs:8081", "https://pccs:8081/sgx/certification/v4/rootcacrl",
	  false },
};

static void test_urls(void **state)
{
	char url[COLLATERAL_URL_MAX];
	struct collateral_config c;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct want w = want(urls[i].name);

		collateral_defaults(&c);
		strcpy(c.pcs, urls[i].pcs);
		c.early = urls[i].early;
		assert_true(url_of(&c, &w, url));
		assert_string_equal(url, urls[i].url);
	}
	memset(c.kds, 'a', sizeof(c.kds) - 1);
	c.kds[sizeof(c.kds) - 1] = 0;
	struct want w = want("amd/Milan/vcek-crl");
	assert_false(url_of(&c, &w, url));
}

static void test_url_faults(void **state)
{
	static const char *const bad[] = { "",
					   "kds",
					   "ftp://x",
					   "file:///etc/passwd",
					   "https://",
					   "https:///x",
					   "https://:80",
					   "https://x/",
					   "https://u@x",
					   "https://x?y",
					   "https://x y",
					   "https://x#y",
					   "https://x\n" };

	(void)state;
	assert_null(url_fault(KDS));
	assert_null(url_fault("http://[::1]:8081/pccs"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!url_fault(bad[i]))
			fail_msg("\"%s\" was taken for a URL", bad[i]);
}

/* --- headers */

static struct header_facts heard(const char *const lines[])
{
	struct header_facts f;

	memset(&f, 0, sizeof(f));
	for (size_t i = 0; lines[i]; i++)
		header_read(bytes_of(lines[i], strlen(lines[i])), &f);
	return f;
}

#define HEARD(...) heard((const char *const[]){ __VA_ARGS__, NULL })
#define DATE	   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

enum { THEN = 784111777 };

static void test_retry_after(void **state)
{
	struct header_facts f;

	(void)state;
	f = HEARD("Retry-After: 17\r\n");
	assert_int_equal(header_retry_s(&f, THEN), 17);
	f = HEARD("retry-after:0");
	assert_int_equal(header_retry_s(&f, THEN), 0);
	f = HEARD("Retry-After: 99999999999999999999999");
	assert_int_equal(header_retry_s(&f, THEN), RETRY_AFTER_MAX_S);
	f = HEARD(DATE, "Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\n");
	assert_int_equal(f.date, THEN);
	assert_int_equal(header_retry_s(&f, THEN + 86400 * 365), 23); /* by the server's clock */
	f = HEARD("Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\n");
	assert_int_equal(header_retry_s(&f, THEN), 23);
	f = HEARD(DATE, "Retry-After: Sun, 06 Nov 2094 08:49:37 GMT\r\n");
	assert_int_equal(header_retry_s(&f, THEN), RETRY_AFTER_MAX_S);
	f = HEARD(DATE, "Retry-After: Sun, 06 Nov 1993 08:49:37 GMT\r\n");
	assert_int_equal(header_retry_s(&f, THEN), 0);
	for (const char *const *bad = (const char *const[]){ "Retry-After: -3", "Retry-After: 3s",
							     "Retry-After:", "Retry-After 3",
							     "X-Retry-After: 3", NULL };
	     *bad; bad++) {
		f = heard((const char *const[]){ *bad, NULL });
		assert_int_equal(header_retry_s(&f, THEN), 0);
	}
}

static void test_dates(void **state)
{
	static const char *const bad[] = {
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Sun, 06 Foo 1994 08:49:37 GMT",  "Sun, 06 Nov 1994 28:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 UTC",  "Sun, 00 Nov 1994 08:49:37 GMT",
	};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(header_date(bytes_of(bad[i], strlen(bad[i])), &t));
}

static void test_issuer_chains(void **state)
{
	struct header_facts f;
	char *long_line;

	(void)state;
	f = HEARD("tcb-info-issuer-chain: -----BEGIN%20CERTIFICATE-----%0Aab+/%0a\r\n");
	assert_false(f.chain_broken);
	assert_int_equal(f.chain_n, 33);
	assert_memory_equal(f.chain, "-----BEGIN CERTIFICATE-----\nab+/\n", 33);
	f = HEARD("SGX-PCK-CRL-Issuer-Chain: a", "SGX-PCK-CRL-Issuer-Chain: b");
	assert_true(f.chain_broken);
	for (const char *const *bad = (const char *const[]){ "SGX-PCK-CRL-Issuer-Chain: %",
							     "SGX-PCK-CRL-Issuer-Chain: %4",
							     "SGX-PCK-CRL-Issuer-Chain: %4g",
							     "SGX-PCK-CRL-Issuer-Chain: a%00b",
							     "SGX-PCK-CRL-Issuer-Chain:", NULL };
	     *bad; bad++) {
		f = heard((const char *const[]){ *bad, NULL });
		assert_true(f.chain_broken);
		assert_int_equal(f.chain_n, 0);
	}
	long_line = malloc(COLLATERAL_PEM_MAX + 64);
	memset(long_line, 'a', COLLATERAL_PEM_MAX + 63);
	long_line[COLLATERAL_PEM_MAX + 63] = 0;
	memcpy(long_line, "TCB-Info-Issuer-Chain:", 22);
	f = HEARD(long_line);
	assert_true(f.chain_broken);
	free(long_line);
}

/* --- demand */

static struct want next(struct demand *d, uint64_t now)
{
	struct want w;

	assert_true(demand_next(d, now, &w));
	return w;
}

static void is_next(struct demand *d, uint64_t now, const char *name)
{
	struct want w = next(d, now);
	char text[WANT_TEXT_MAX];

	assert_string_equal(want_text(&w, text), name);
}

static bool nothing_next(struct demand *d, uint64_t now)
{
	struct want w;

	return !demand_next(d, now, &w);
}

static const char crl_name[] = "amd/Milan/vcek-crl", chain_name[] = "amd/Milan/vcek-chain",
		  vlek_name[] = "amd/Milan/vlek-crl", qe_name[] = "intel/qe-identity";

static void done(struct demand *d, const char *name, enum fetch_result r, uint32_t after,
		 uint64_t now)
{
	struct want w = want(name);

	demand_done(d, &w, r, after, 0, now);
}

static int add(struct demand *d, const char *name, uint64_t now)
{
	struct want w = want(name);

	return demand_add(d, &w, now);
}

static void test_equal_wishes_are_one(void **state)
{
	struct demand *d = demand_new();

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(add(d, crl_name, i), 0);
	assert_int_equal(demand_count(d), 1);
	is_next(d, 100, crl_name);
	assert_int_equal(add(d, crl_name, 101), 0); /* on its way already */
	assert_true(nothing_next(d, 101));
	done(d, crl_name, FETCH_OK, 0, 102);
	assert_int_equal(demand_count(d), 0);
	assert_int_equal(demand_due_ms(d), UINT64_MAX);
	assert_int_equal(add(d, crl_name, 103), 0); /* whoever asks now wants a newer one */
	is_next(d, 103, crl_name);
	demand_free(d);
}

static void test_few_at_a_time(void **state)
{
	struct demand *d = demand_new();

	(void)state;
	add(d, crl_name, 0);
	add(d, chain_name, 0);
	add(d, vlek_name, 0);
	add(d, qe_name, 0);
	is_next(d, 0, crl_name);
	is_next(d, 0, chain_name);
	is_next(d, 0, qe_name); /* another source's */
	assert_true(nothing_next(d, 0));
	done(d, crl_name, FETCH_OK, 0, 1);
	is_next(d, 1, vlek_name);
	demand_free(d);
}

static void test_throttled(void **state)
{
	struct demand *d = demand_new();

	(void)state;
	add(d, crl_name, 0);
	add(d, vlek_name, 0);
	add(d, qe_name, 0);
	is_next(d, 0, crl_name);
	done(d, crl_name, FETCH_THROTTLED, 60, 1000);
	assert_int_equal(demand_due_ms(d), 0); /* Intel's */
	is_next(d, 1000, qe_name);
	assert_int_equal(demand_due_ms(d), 61000);
	assert_true(nothing_next(d, 60999)); /* the other wish of that source waits, too */
	is_next(d, 61000, crl_name);
	assert_true(nothing_next(d, 61000));	      /* one at a time until it answers */
	done(d, crl_name, FETCH_THROTTLED, 0, 61000); /* without a word: ours, doubled */
	assert_int_equal(demand_due_ms(d), 61000 + 2 * DEMAND_THROTTLED_MS);
	is_next(d, 81000, crl_name);
	done(d, crl_name, FETCH_OK, 0, 81000);
	is_next(d, 81000, vlek_name);
	demand_free(d);
}

static void test_source_down(void **state)
{
	struct demand *d = demand_new();
	uint64_t now = 0, wait = DEMAND_FAILED_MS;

	(void)state;
	add(d, crl_name, 0);
	for (int i = 0; i < 20; i++) {
		is_next(d, now, crl_name);
		done(d, crl_name, i % 2 ? FETCH_TIMEOUT : FETCH_FAILED, 0, now);
		assert_int_equal(demand_due_ms(d), now + wait);
		now += wait;
		wait = wait * 2 > DEMAND_WAIT_MAX_MS ? DEMAND_WAIT_MAX_MS : wait * 2;
	}
	demand_hurry(d);
	is_next(d, now, crl_name);
	demand_free(d);
}

static void test_missing_and_wrong(void **state)
{
	struct demand *d = demand_new();
	struct want w = want(crl_name);

	(void)state;
	add(d, crl_name, 0);
	is_next(d, 0, crl_name);
	done(d, crl_name, FETCH_MISSING, 0, 0);
	assert_false(demand_pending(d, &w));
	assert_int_equal(add(d, crl_name, DEMAND_MISSING_MS - 1), -EAGAIN);
	assert_int_equal(add(d, vlek_name, 0), 0); /* which does not keep the others */
	is_next(d, 0, vlek_name);
	assert_int_equal(add(d, crl_name, DEMAND_MISSING_MS), 0);
	is_next(d, DEMAND_MISSING_MS, crl_name);
	done(d, crl_name, FETCH_WRONG, 0, DEMAND_MISSING_MS);
	assert_int_equal(add(d, crl_name, DEMAND_MISSING_MS + 2 * DEMAND_WRONG_MS - 1), -EAGAIN);
	assert_int_equal(add(d, crl_name, DEMAND_MISSING_MS + 2 * DEMAND_WRONG_MS), 0);
	demand_free(d);
}

static void test_fetcher_lost(void **state)
{
	struct demand *d = demand_new();

	(void)state;
	add(d, crl_name, 0);
	add(d, chain_name, 0);
	add(d, vlek_name, 0);
	is_next(d, 0, crl_name);
	is_next(d, 0, chain_name);
	demand_lost(d, 0);
	is_next(d, 0, vlek_name); /* goes on, and what may have killed it waits */
	assert_true(nothing_next(d, 0));
	done(d, crl_name, FETCH_OK, 0, 1); /* an answer to nobody changes nothing */
	assert_int_equal(add(d, crl_name, 1), -EAGAIN);
	assert_int_equal(add(d, crl_name, DEMAND_WRONG_MS), 0);
	demand_free(d);
}

static void test_bounded(void **state)
{
	struct demand *d = demand_new();
	struct want w = want("intel/tcb-info/000000000000");
	int i;

	(void)state;
	for (i = 0; i < DEMAND_MAX; i++) {
		w.fmspc[4] = i >> 8;
		w.fmspc[5] = i;
		assert_int_equal(demand_add(d, &w, 0), 0);
	}
	w.fmspc[0] = 1;
	assert_int_equal(demand_add(d, &w, 0), -ENOSPC);
	demand_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_url_faults),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_issuer_chains),
		cmocka_unit_test(test_equal_wishes_are_one),
		cmocka_unit_test(test_few_at_a_time),
		cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_source_down),
		cmocka_unit_test(test_missing_and_wrong),
		cmocka_unit_test(test_fetcher_lost),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
