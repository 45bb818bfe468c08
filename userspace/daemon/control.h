/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: how `fairlead` and other programs ask the daemon, and what
 * they are told.  A Unix stream socket; both ways a message is its length, four
 * bytes big-endian, and that many bytes of JSON.
 *
 *	request  {"v": 1, "cmd": "backend show", "args": {"name": "db-1"}}
 *	reply    {"ok": true, "result": …}
 *	     or  {"ok": false, "error": "no backend \"db-1\"", "code": 1}
 *
 * args may be left out.  code is the exit status that fairlead(8) ends with: 1 refused
 * or no such thing, 2 a wrong question or a failure.  Requests on one connection are
 * answered in order.  Who may connect may do everything: the socket is root's and the
 * configured group's, mode 0660.
 *
 * Results.  Keys are never renamed or given another meaning; new ones may come, so
 * readers skip those they do not know.  null is "not known" or "none".  Units are in
 * the names.  A lease is seconds left as a number, null without one, true for one
 * without end (public, of a healthy backend).
 *
 * service show {name?} -> [{
 *	name, id, vip, port, protocol: "tcp"|"udp", class, select: "weighted"|"cheapest",
 *	refusal: "answer"|"drop", forward: "ipip"|"gue"|"l2", mss,
 *	on_lapse: "resteer"|"rst"|"drop", track: "moved"|"always", settle_ms,
 *	new_flow_limit: {per_second, burst} or null, quic: {offset_bytes, length_bytes} or null,
 *	marks: {strict, dscp: [{value, class}], sources: [{prefix, class}]} or null,
 *	ring_slots, slots_settled, moved_permille, rebuilds,
 *	backends: [{name, weight_permille, cost_us, eligible}],
 *	packets, bytes, new_flows}]
 * backend show {name?} -> [{
 *	name, id, address, agent_port, node, policy, egress_digest, server_id, check_port,
 *	state: "unknown"|"probing"|"attested"|"stale"|"refused", why,
 *	health: "up"|"down", drained, evicted, connect_us, rtt_us, load_permille, cost_us,
 *	tee, product, reason, detail, lab_root, digest, claims: {…} or null,
 *	leases: {public, confidential, classified},
 *	nexthop: {interface, mac, state, mtu} or null,
 *	packets, bytes, new_flows}]
 * backend drain|evict|admit {name} -> {name, state, hand: "free"|"drained"|"evicted"}
 * lease show -> [{backend, class, seconds_left, until_boottime_ms, until_jiffies, lab_root}]
 * router show -> [{name, state, why, address, connected, sources: [address], seconds_left,
 *	until_boottime_ms, policy, tee, product, reason, detail, lab_root, digest, claims}]: at an agent that attests its
 *	routers those that have admitted it; state and the rest are as of a backend
 * policy show -> [{name, digest, …}]: policy_json() of verifier/policy.h
 * policy simulate {policy: text, for?: name} -> {
 *	attested, evicted: [{name, reason, detail}], undetermined: [name],
 *	classes: {confidential: {before, after}, classified: {before, after}}, dark: [service]}
 * reload {force?: bool} -> {reloads}
 * status -> {
 *	version, node, pid, uptime_s, config, reloads, router, agent,
 *	interfaces: [name], guard_interfaces: [name], pins, program_id,
 *	children: {channel, verifier, verifiers: […], attester, fetcher}}: their pids, 0 for one that is
 *	not running; verifier is the first of all
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <event2/event.h>
#include <jansson.h>

#include "base/messages.h"

#define CONTROL_SOCKET "/run/fairlead/control.sock"

enum {
	CONTROL_VERSION = 1,
	CONTROL_REQUEST_MAX = 65536,
	CONTROL_REPLY_MAX = 64 << 20, /* 65,535 backends with claims of 1 KiB */
	CONTROL_CLIENTS_MAX = 32,
	CONTROL_IDLE_S = 10, /* for a whole request to come, and for a reply to be taken */
};

struct control;

/*
 * Answers a command: a new result; or NULL with error[] and *code, which is 2 beforehand.  args is
 * an object, the caller's.
 */
typedef json_t *control_handler(void *arg, const char *cmd, json_t *args, char error[WHY_MAX],
				int *code);

/*
 * Listens on path, making its directory (0755) where it lacks and taking the place of a socket
 * that nobody listens on any more.  group "" is root alone.  NULL with why[]: which path, and why.
 */
struct control *control_open(struct event_base *base, const char *path, const char *group,
			     control_handler *handler, void *arg, char why[WHY_MAX]);
/* Hangs up on everybody and removes the socket; takes NULL. */
void control_close(struct control *c);

/*
 * The other end, blocking: asks the daemon behind path.  0 and *result, new.  1 or 2: why[] says
 * what was wrong; 2 also when no daemon answers.  args is stolen, and may be NULL.
 */
int control_call(const char *path, const char *cmd, json_t *args, json_t **result,
		 char why[WHY_MAX]);

#endif
