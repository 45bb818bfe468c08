// SPDX-License-Identifier: BSD-2-Clause
/* The words of fairlead explain, the frame made of them, and what is read from frames. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "cli/explain_frame.h"
#include "cli/explain_words.h"

static char why[DATAPLANE_WHY_MAX];

static int words(const char *line, struct explain_request *r)
{
	static char text[256];
	char *argv[16] = { NULL }, *rest = text;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", line);
	while (argc < 15 && (argv[argc] = strsep(&rest, " ")))
		argc++;
	return explain_words(argc, argv, r, why);
}

static void test_words(void **state)
{
	struct explain_request r;

	(void)state;
	assert_int_equal(words("dev eth0 proto tcp 10.0.0.1:1234 192.0.2.1:443", &r), 0);
	assert_string_equal(r.interface, "eth0");
	assert_int_equal(r.flow.proto, IPPROTO_TCP);
	assert_int_equal(r.flow.sport, 1234);
	assert_int_equal(r.flow.dport, 443);
	assert_int_equal(r.syn, EXPLAIN_EITHER);
	assert_int_equal(words("udp [2001:db8::1]:9 [2001:db8::2]:53 tos 0x28 length 1500", &r), 0);
	assert_int_equal(r.flow.proto, IPPROTO_UDP);
	assert_int_equal(r.tos, 0x28);
	assert_int_equal(r.length, 1500);
	assert_int_equal(words("tcp 2001:db8::1 [2001:db8::2]:53 ack", &r), 0);
	assert_int_equal(r.syn, EXPLAIN_ACK);
	assert_int_equal(r.flow.sport, 40000);
}

static void test_wrong_words(void **state)
{
	static const char *const lines[] = {
		"",
		"tcp",
		"10.0.0.1:1 192.0.2.1:2",
		"tcp 10.0.0.1:1",
		"tcp 10.0.0.1:1 192.0.2.1",
		"tcp 10.0.0.1:1 [2001:db8::2]:53",
		"tcp 10.0.0.1:1 192.0.2.1:443 192.0.2.2:443",
		"tcp 10.0.0.1:1 192.0.2.1:443 tos 256",
		"tcp 10.0.0.1:1 192.0.2.1:443 tos",
		"tcp 10.0.0.1:1 192.0.2.1:443 tos -1",
		"tcp 10.0.0.1:1 192.0.2.1:443 length 100000",
		"tcp 10.0.0.1:1 192.0.2.1:443 length 10x",
		"dev",
		"dev a-name-that-is-too-long tcp 10.0.0.1:1 192.0.2.1:443",
		"sctp 10.0.0.1:1 192.0.2.1:443",
		"tcp 10.0.0.1:99999 192.0.2.1:443",
	};
	struct explain_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		why[0] = '\0';
		if (!words(lines[i], &r))
			fail_msg("taken: %s", lines[i]);
		assert_true(why[0]);
	}
}

static const char *text_at(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static json_int_t number_at(const json_t *v, const char *key)
{
	assert_true(json_is_integer(json_object_get(v, key)));
	return json_integer_value(json_object_get(v, key));
}

/* What is made is what is read, of each family and protocol. */
static void test_frame(void **state)
{
	static const uint8_t mac[6] = { 2, 4, 6, 8, 10, 12 };
	static const char *const lines[] = { "tcp 10.0.0.1:1234 192.0.2.1:443 syn length 100 tos 8",
					     "udp 10.0.0.1:1234 192.0.2.1:443 length 100 tos 8",
					     "tcp [fd00::1]:1234 [fd00::2]:443 length 100 tos 8",
					     "udp [fd00::1]:1234 [fd00::2]:443 length 100 tos 8" };
	uint8_t frame[EXPLAIN_FRAME_MAX];
	struct explain_request r;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		json_t *v, *ip, *l4;

		assert_int_equal(words(lines[i], &r), 0);
		assert_int_equal(explain_frame(&r.flow, mac, r.tos, r.length, frame), 114);
		v = explain_outer(frame, 114, 0);
		ip = json_array_get(json_object_get(v, "headers"), 0);
		l4 = json_array_get(json_object_get(v, "headers"), 1);
		assert_string_equal(text_at(json_object_get(v, "ethernet"), "dst"),
				    "02:04:06:08:0a:0c");
		assert_string_equal(text_at(ip, "header"), i < 2 ? "ipv4" : "ipv6");
		assert_string_equal(text_at(ip, "dst"), i < 2 ? "192.0.2.1" : "fd00::2");
		assert_int_equal(number_at(ip, "tos"), 8);
		assert_int_equal(number_at(ip, "length"), 100);
		assert_string_equal(text_at(l4, "header"), i & 1 ? "udp" : "tcp");
		assert_int_equal(number_at(l4, "sport"), 1234);
		assert_int_equal(number_at(l4, "dport"), 443);
		json_decref(v);
	}
	assert_int_equal(explain_frame(&r.flow, mac, 0, 0, frame), 14 + 40 + 8);
}

/* An outer IPv4 header, UDP and GUE around an IPv6 packet; the inner one is not told. */
static void test_outer(void **state)
{
	uint8_t frame[14 + 20 + 8 + 4 + 40] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 17 };
	json_t *v, *h;

	(void)state;
	frame[14 + 20 + 2] = 6080 >> 8;
	frame[14 + 20 + 3] = 6080 & 255;
	frame[14 + 28 + 1] = IPPROTO_IPV6;
	v = explain_outer(frame, sizeof(frame), 40);
	h = json_object_get(v, "headers");
	assert_int_equal(json_array_size(h), 3);
	assert_string_equal(text_at(json_array_get(h, 2), "header"), "gue");
	assert_int_equal(number_at(json_array_get(h, 2), "protocol"), IPPROTO_IPV6);
	assert_int_equal(strlen(text_at(v, "bytes")), 2 * 46);
	json_decref(v);
}

/* Frames that end anywhere, and any bytes in them: no more is read than is there. */
static void test_cut(void **state)
{
	uint8_t *frame;

	(void)state;
	srand(1);
	for (size_t n = 0; n < 200; n++) {
		frame = malloc(n ? n : 1);
		for (size_t i = 0; i < n; i++)
			frame[i] = (uint8_t)rand();
		if (n > 23) {
			frame[12] = n & 1 ? 8 : 0x86;
			frame[13] = n & 1 ? 0 : 0xdd;
			frame[n & 1 ? 23 : 20] = n & 2 ? 17 : n & 4 ? 4 : 41;
		}
		for (size_t inner = 0; inner < n + 9; inner += 7)
			json_decref(explain_outer(frame, n, inner));
		free(frame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_frame), cmocka_unit_test(test_outer),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
