// SPDX-License-Identifier: BSD-2-Clause
#include "channel/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "channel/remote.h"

enum {
	IDS_MAX = 65536, /* backend ids have 16 bits in the packet path */
};

struct router {
	const struct channel_host *host;
	struct session_set sessions;
	unsigned int handshakes;
	struct remote *by_id[IDS_MAX];
};

struct router *router_new(const struct channel_host *host)
{
	struct router *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->host = host;
	channel_host_sessions(host, "router", &r->sessions);
	return r;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < IDS_MAX; i++)
		remote_free(r->by_id[i]);
	session_set_close(&r->sessions);
	free(r);
}

static void forget(struct router *r, uint32_t id)
{
	remote_free(r->by_id[id]);
	r->by_id[id] = NULL;
}

static bool keep(struct router *r, const struct ipc_message *m)
{
	bool has_agent = m->type == MSG_PEER;
	struct msg_peer config = { 0 };
	struct remote *old = r->by_id[m->id];

	if (!msg_peer_get(m->body, &config) || !config.port || has_agent == !config.node[0])
		return false;
	/* The same again, as after the parent has read its configuration anew: nothing to do. */
	if (old && old->has_agent == has_agent && !memcmp(&old->config, &config, sizeof(config)))
		return true;
	forget(r, m->id);
	r->by_id[m->id] =
		remote_new(r->host, &r->sessions, &r->handshakes, m->id, &config, has_agent);
	if (!r->by_id[m->id])
		log_warnx("no memory for backend %u", m->id);
	return true;
}

/* An answer to who is gone is not missed by anybody. */
static struct remote *find(struct router *r, uint32_t id, uint32_t generation)
{
	struct remote *p = r->by_id[id];

	return p && p->has_agent && p->config.generation == generation ? p : NULL;
}

static bool attest(struct router *r, const struct ipc_message *m)
{
	struct msg_attest a;
	struct remote *p;

	if (!msg_attest_get(m->body, &a))
		return false;
	p = find(r, m->id, a.generation);
	if (p)
		question_ask(&p->question, &a);
	return true;
}

static bool result(struct router *r, const struct ipc_message *m)
{
	struct msg_result a;
	struct remote *p;

	if (!msg_result_get(m->body, &a))
		return false;
	p = find(r, m->id, a.generation);
	if (p)
		remote_result(p, &a);
	return true;
}

bool router_receive(struct router *r, const struct ipc_message *m)
{
	if (m->id >= IDS_MAX)
		return false;
	switch (m->type) {
	case MSG_PEER:
	case MSG_CHECK:
		return keep(r, m);
	case MSG_FORGET:
		forget(r, m->id);
		return m->body.n == 0;
	case MSG_ATTEST:
		return attest(r, m);
	case MSG_RESULT:
		return result(r, m);
	}
	return false;
}

void router_claims_changed(struct router *r)
{
	for (size_t i = 0; i < IDS_MAX; i++)
		if (r->by_id[i])
			remote_claims_changed(r->by_id[i]);
}

void router_set_pause(struct router *r, bool paused)
{
	session_set_pause(&r->sessions, paused);
}
