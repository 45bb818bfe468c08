// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a server may say to a client, message after message: framed as on the wire, in any state.
 * Evidence comes at most once, after a question, with claims that fit the endpoint.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "channel/frame.h"
#include "client/exchange.h"
#include "client/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct exchange *x)
{
	static const uint8_t nonce[WIRE_NONCE_BYTES], exporter[EXPORTER_BYTES];
	char text[FRAME_SMALL_MAX];

	assert(exchange_question(x, nonce, text, sizeof(text)));
	exchange_asked(x, exporter);
}

/* False when the session is over. */
static bool one(struct exchange *x, struct bytes raw, int *shown)
{
	uint8_t *room = malloc(raw.n); /* so that one byte too many is seen */
	struct exchange_answer answer;
	char why[WHY_MAX];
	bool on = true;

	switch (exchange_take(x, raw, room, raw.n, &answer, why)) {
	case EXCHANGE_ASK:
		ask(x);
		break;
	case EXCHANGE_EVIDENCE:
		assert(x->id && !(*shown)++ && answer.evidence.id == x->id);
		assert(answer.claims.endpoints_count && answer.evidence.report.n);
		break;
	case EXCHANGE_NOT_NOW:
		assert(why[0]);
		ask(x);
		break;
	case EXCHANGE_BREACH:
		assert(why[0]);
		on = false;
		break;
	}
	free(room);
	return on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange x = { .endpoint = { .proto = IPPROTO_TCP, .port = 443 } };
	struct evbuffer *in = evbuffer_new();
	struct host_port host;
	struct bytes raw;
	char text[300];
	int shown = 0;

	evbuffer_add(in, data, size);
	while (frame_next(in, FRAME_MAX, &raw) == FRAME_READY && one(&x, raw, &shown))
		frame_drop(in, raw);
	evbuffer_free(in);
	if (size < sizeof(text)) {
		memcpy(text, data, size);
		text[size] = 0;
		assert(!host_port_parse(text, &host) || (host.port && host.host[0]));
	}
	return 0;
}
