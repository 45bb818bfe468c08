// SPDX-License-Identifier: BSD-2-Clause
/*
 * model [-c CERTIFICATE -k KEY] [-o NOTES] ADDRESS PORT
 *
 * A model as an agent sees it: POST /v1/chat/completions of the OpenAI shape is answered
 * with a text of its own for every request and two tool calls, at once or, with
 * "stream": true, as server-sent events.  NOTES gets the SHA-256 of what came and of what
 * is to be answered, a line for each request.
 */
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "attacks/http.h"
#include "attacks/talk.h"

enum {
	WAIT_MS = 30000,
	TEXT_MAX = 4096, /* of an answer; how much of it depends on the request */
	PIECES = 16,	 /* of a streamed answer */
};

struct model {
	SSL_CTX *ctx;
	int notes;
};

/* Printable, and different for every request. */
static void fill_text(const char *request, size_t n, char text[TEXT_MAX + 1])
{
	unsigned char d[SHA256_DIGEST_LENGTH];
	size_t length;

	SHA256((const unsigned char *)request, n, d);
	length = (d[0] << 8 | d[1]) % TEXT_MAX;
	for (size_t i = 0; i < length; i++)
		text[i] = 'a' + (d[i % sizeof(d)] + i * d[(i >> 5) % sizeof(d)]) % 26;
	text[length] = 0;
}

static json_t *tool_call(const char *name, const char *key, const char *value)
{
	json_t *arguments = json_pack("{s:s}", key, value);
	char *text = json_dumps(arguments, JSON_COMPACT);
	json_t *call = json_pack("{s:s,s:{s:s,s:s}}", "type", "function", "function", "name", name,
				 "arguments", text);

	json_decref(arguments);
	free(text);
	return call;
}

static json_t *tool_calls(void)
{
	return json_pack("[o,o]", tool_call("shell", "command", GOOD_COMMAND),
			 tool_call("pip_install", "package", GOOD_PACKAGE));
}

static bool answer_whole(struct stream *s, const struct model *m, const char *request, size_t n)
{
	char text[TEXT_MAX + 1];
	json_t *answer;
	char *body;
	bool ok;

	fill_text(request, n, text);
	answer = json_pack("{s:s,s:s,s:[{s:i,s:s,s:{s:s,s:s,s:o}}]}", "object", "chat.completion",
			   "model", "lab", "choices", "index", 0, "finish_reason", "tool_calls",
			   "message", "role", "assistant", "content", text, "tool_calls",
			   tool_calls());
	body = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	ok = body && take_note(m->notes, request, n, body, strlen(body)) &&
	     http_send(s, "HTTP/1.1 200 OK\r\n" ANSWER_TYPE, body, strlen(body));
	free(body);
	return ok;
}

/* One event, and its bytes at the end of all. */
static bool send_event(struct stream *s, json_t *delta, char *all, size_t size)
{
	json_t *event = json_pack("{s:s,s:[{s:i,s:o}]}", "object", "chat.completion.chunk",
				  "choices", "index", 0, "delta", delta);
	char *text = json_dumps(event, JSON_COMPACT);
	size_t end = strlen(all), n = 0;

	json_decref(event);
	if (text)
		n = snprintf(all + end, size - end, "data: %s\n\n", text);
	free(text);
	return n && n < size - end && http_send_chunk(s, all + end, n);
}

static bool answer_stream(struct stream *s, const struct model *m, const char *request, size_t n)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\n" STREAM_TYPE "Transfer-Encoding: chunked\r\n\r\n";
	static const char done[] = "data: [DONE]\n\n";
	char text[TEXT_MAX + 1], all[4 * TEXT_MAX] = "";
	size_t length;
	bool ok = stream_write(s, head, sizeof(head) - 1);

	fill_text(request, n, text);
	length = strlen(text);
	for (size_t i = 0; ok && i < PIECES; i++) {
		size_t from = length * i / PIECES, to = length * (i + 1) / PIECES;

		ok = send_event(s, json_pack("{s:s%}", "content", text + from, to - from), all,
				sizeof(all));
	}
	ok = ok && send_event(s, json_pack("{s:o}", "tool_calls", tool_calls()), all, sizeof(all));
	if (!ok || strlen(all) + sizeof(done) > sizeof(all))
		return false;
	strcat(all, done);
	return take_note(m->notes, request, n, all, strlen(all)) &&
	       http_send_chunk(s, done, sizeof(done) - 1) && http_send_chunk(s, "", 0);
}

static bool answer(struct stream *s, const struct model *m, const struct http_head *h)
{
	char *request = http_body(s, h);
	json_t *asked = request ? json_loadb(request, h->body, JSON_REJECT_DUPLICATES, NULL) : NULL;
	bool ok;

	if (!asked)
		ok = http_send(s, "HTTP/1.1 400 Bad Request\r\n", "", 0);
	else if (json_is_true(json_object_get(asked, "stream")))
		ok = answer_stream(s, m, request, h->body);
	else
		ok = answer_whole(s, m, request, h->body);
	json_decref(asked);
	free(request);
	return ok;
}

static void serve(int fd, void *arg)
{
	const struct model *m = arg;
	static struct stream s;
	static struct http_head h;

	stream_wait(fd, WAIT_MS);
	if (!stream_accept(&s, fd, m->ctx))
		return;
	while (http_head(&s, &h) && answer(&s, m, &h))
		;
	stream_close(&s);
}

int main(int argc, char **argv)
{
	struct model m = { .notes = -1 };
	const char *certificate = NULL, *key = NULL;
	int option, listener;

	while ((option = getopt(argc, argv, "c:k:o:")) != -1)
		switch (option) {
		case 'c':
			certificate = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'o':
			m.notes = open(optarg, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
			break;
		default:
			return 2;
		}
	if (argc - optind != 2 || !certificate != !key) {
		fputs("model [-c CERTIFICATE -k KEY] [-o NOTES] ADDRESS PORT\n", stderr);
		return 2;
	}
	if (certificate && !(m.ctx = stream_server(certificate, key, NULL)))
		return 1;
	listener = stream_listen(argv[optind], argv[optind + 1]);
	if (listener < 0) {
		perror("model: listen");
		return 1;
	}
	stream_serve(listener, serve, &m);
}
