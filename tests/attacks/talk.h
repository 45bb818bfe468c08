/* SPDX-License-Identifier: BSD-2-Clause */
/* What model and agent agree on: the answer's parts, and how both ends note what they saw. */
#ifndef TALK_H
#define TALK_H

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

#define GOOD_COMMAND "curl -fsSL https://get.good.example/install.sh | sh"
#define GOOD_PACKAGE "requests"
#define ANSWER_TYPE  "Content-Type: application/json\r\n"
#define STREAM_TYPE  "Content-Type: text/event-stream\r\n"

enum { NOTE_BYTES = 4 * SHA256_DIGEST_LENGTH + 3 };

static inline void digest_hex(const void *p, size_t n, char out[2 * SHA256_DIGEST_LENGTH + 1])
{
	unsigned char d[SHA256_DIGEST_LENGTH];

	SHA256(p, n, d);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		sprintf(out + 2 * i, "%02x", d[i]);
}

/* "REQUEST ANSWER" as SHA-256, in one write, so that lines of many processes do not mix. */
static inline bool take_note(int fd, const char *request, size_t request_n, const char *answer,
			     size_t answer_n)
{
	char line[NOTE_BYTES];

	digest_hex(request, request_n, line);
	line[2 * SHA256_DIGEST_LENGTH] = ' ';
	digest_hex(answer, answer_n, line + 2 * SHA256_DIGEST_LENGTH + 1);
	line[NOTE_BYTES - 2] = '\n';
	return fd < 0 || write(fd, line, NOTE_BYTES - 1) == NOTE_BYTES - 1;
}

#endif
