// SPDX-License-Identifier: BSD-2-Clause
/*
 * agent [-T CA -N NAME] [-n CALLS] [-a] [-s] [-r] [-w MS] [-k CANARIES] [-o NOTES] ADDRESS PORT
 *
 * An agent at work: calls a model over one kept connection (-r: a new one for each call) and
 * prints of every answer the call's number, the command and the package that it was told to
 * run and to install.  Every request carries what agents should not say, the lines of
 * CANARIES.  -a says "autonomous: true", -s asks for streams.  NOTES is as of model.  Exits
 * with 0 when every call was answered, else 1.
 */
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "attacks/http.h"
#include "attacks/talk.h"

enum {
	SECRETS_MAX = 4096,
	PADDING_MAX = 8192, /* requests differ in length up to that */
	FIRST_MAX = 512,
};

struct agent {
	const char *address, *port, *name;
	SSL_CTX *ctx;
	unsigned int calls;
	bool autonomous, streaming, reconnect;
	int wait_ms, notes;
	char secrets[SECRETS_MAX];
};

static struct agent agent = { .calls = 1, .wait_ms = 10000, .notes = -1 };
static char answer[HTTP_BODY_MAX];

static bool read_secrets(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(agent.secrets, 1, SECRETS_MAX - 1, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static char *request_of(unsigned int call)
{
	static char padding[PADDING_MAX + 1];
	size_t n = call * 2654435761u % PADDING_MAX;
	json_t *body;
	char *text;

	memset(padding, '0' + call % 10, n);
	padding[n] = 0;
	body = json_pack("{s:s,s:b,s:i,s:[{s:s,s:s},{s:s,s:s}]}", "model", "lab", "stream",
			 agent.streaming, "seed", call, "messages", "role", "system", "content",
			 agent.secrets, "role", "user", "content", padding);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

/* The whole of it in answer[]; its length, or -1. */
static ssize_t read_answer(struct stream *s)
{
	static struct http_head h;
	size_t all = 0;

	if (!http_head(s, &h) || strncmp(h.text, "HTTP/1.1 200 ", 13))
		return -1;
	if (!h.chunked) {
		if (h.body >= sizeof(answer) || !stream_exact(s, answer, h.body))
			return -1;
		return h.body;
	}
	for (;;) {
		ssize_t n = http_chunk(s, answer + all, sizeof(answer) - all);

		if (n <= 0)
			return n ? -1 : (ssize_t)all;
		all += n;
	}
}

static const json_t *calls_in(const char *text, size_t n, const char *where, json_t **owner)
{
	json_t *choice;

	*owner = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	choice = json_array_get(json_object_get(*owner, "choices"), 0);
	return json_object_get(json_object_get(choice, where), "tool_calls");
}

/* A stream's tool calls are in one of its events. */
static const json_t *calls_in_events(char *text, json_t **owner)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const json_t *calls;

		if (strncmp(line, "data: {", 7))
			continue;
		calls = calls_in(line + 6, strlen(line + 6), "delta", owner);
		if (calls)
			return calls;
		json_decref(*owner);
		*owner = NULL;
	}
	return NULL;
}

/* One argument of the i-th tool call, for the caller to free; NULL when it is not there. */
static char *order(const json_t *calls, size_t i, const char *key)
{
	const json_t *f = json_object_get(json_array_get(calls, i), "function");
	const char *text = json_string_value(json_object_get(f, "arguments"));
	json_t *arguments = text ? json_loads(text, 0, NULL) : NULL;
	const char *value = json_string_value(json_object_get(arguments, key));
	char *copy = value ? strdup(value) : NULL;

	json_decref(arguments);
	return copy;
}

/* What an agent would now do; false when nothing of the sort was said. */
static bool print_orders(unsigned int call, const json_t *calls)
{
	char *command = order(calls, 0, "command"), *package = order(calls, 1, "package");
	bool both = command && package;

	if (both)
		printf("%u\t%s\t%s\n", call, command, package);
	free(command);
	free(package);
	return both;
}

static bool call_once(struct stream *s, unsigned int call)
{
	char first[FIRST_MAX];
	char *request = request_of(call);
	json_t *owner = NULL;
	const json_t *calls;
	ssize_t n = -1;
	bool ok;

	snprintf(first, sizeof(first),
		 "POST /v1/chat/completions HTTP/1.1\r\nHost: model\r\n" ANSWER_TYPE "%s",
		 agent.autonomous ? "autonomous: true\r\n" : "");
	if (request && http_send(s, first, request, strlen(request)))
		n = read_answer(s);
	ok = n >= 0 && take_note(agent.notes, request, strlen(request), answer, n);
	free(request);
	if (!ok)
		return false;
	answer[n] = 0;
	calls = agent.streaming ? calls_in_events(answer, &owner)
				: calls_in(answer, n, "message", &owner);
	ok = calls && print_orders(call, calls);
	json_decref(owner);
	return ok;
}

static bool reach(struct stream *s)
{
	int fd = stream_dial(agent.address, agent.port, agent.wait_ms);

	return fd >= 0 && stream_connect(s, fd, agent.ctx, agent.name);
}

static bool work(void)
{
	static struct stream s = { .fd = -1 };
	unsigned int call = 1;

	for (; call <= agent.calls; call++) {
		if (s.fd < 0 && !reach(&s))
			break;
		if (!call_once(&s, call))
			break;
		if (agent.reconnect)
			stream_close(&s);
	}
	stream_close(&s);
	if (call <= agent.calls)
		fprintf(stderr, "agent: call %u of %u was not answered\n", call, agent.calls);
	return call > agent.calls;
}

static bool parse(int option)
{
	switch (option) {
	case 'T':
		return (agent.ctx = stream_client(optarg));
	case 'N':
		return (agent.name = optarg);
	case 'n':
		return (agent.calls = strtoul(optarg, NULL, 10));
	case 'a':
		return (agent.autonomous = true);
	case 's':
		return (agent.streaming = true);
	case 'r':
		return (agent.reconnect = true);
	case 'w':
		return (agent.wait_ms = atoi(optarg)) > 0;
	case 'k':
		return read_secrets(optarg);
	case 'o':
		agent.notes = open(optarg, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
		return agent.notes >= 0;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	int option;

	signal(SIGPIPE, SIG_IGN);
	while ((option = getopt(argc, argv, "T:N:n:asrw:k:o:")) != -1)
		if (!parse(option))
			return 2;
	if (argc - optind != 2) {
		fputs("agent [-T CA -N NAME] [-n CALLS] [-a] [-s] [-r] [-w MS] [-k CANARIES] [-o NOTES] "
		      "ADDRESS PORT\n",
		      stderr);
		return 2;
	}
	agent.address = argv[optind];
	agent.port = argv[optind + 1];
	return work() ? 0 : 1;
}
