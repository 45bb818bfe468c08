/* SPDX-License-Identifier: BSD-2-Clause */
/* How the verifier's files say no: a reason for programs, a sentence for people. */
#ifndef REFUSE_H
#define REFUSE_H

#include "verifier/appraise.h"

enum {
	HEX_SHORT = 12, /* digits of an identifier that a sentence shows */
};

/* Puts the sentence into out->detail and returns reason; see objections.h for another answer. */
__attribute__((format(printf, 3, 4))) enum reason refuse(struct claims *out, enum reason reason,
							 const char *fmt, ...);

/* Lower-case digits of n bytes into out[2 * n + 1]; returns out. */
char *hex(const uint8_t *p, size_t n, char *out);
/* The first digits and "…". */
struct short_hex {
	char text[HEX_SHORT + sizeof("…")];
};
struct short_hex hex_short(const uint8_t *p);

/* RFC 3339 in UTC, "2025-12-10T22:14:21Z". */
struct time_text {
	char text[32];
};
struct time_text time_text(int64_t unix_seconds);
/* Of text the first TIME_CHARS, "2025-12-10T22:14:21", read as UTC; false: no such day or second. */
enum {
	TIME_CHARS = 19,
};
bool time_read(const char *text, int64_t *unix_seconds);

#endif
