// SPDX-License-Identifier: BSD-2-Clause
/* Questions to rtnetlink; see netlink.h. */
#include "steering/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "steering/why.h"

enum {
	TRIES_MAX = 5,		/* of a dump that changes while it is read */
	SEQ = 1,		/* one request per socket */
	TIMEOUT_S = 2,		/* the kernel answers at once, or has lost our question */
	LISTEN_BYTES = 1 << 20, /* room for a burst; what is missed is asked for again */
};

/* The words of an extended ack, or "". */
static int ack_text(const struct nlattr *attr, void *arg)
{
	char *why = arg;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(why, DATAPLANE_WHY_MAX, "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int on_error(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*e);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (!e->error)
		return MNL_CB_STOP;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len >= sizeof(e->msg))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && mnl_nlmsg_get_payload_len(nlh) > skip)
		mnl_attr_parse(nlh, skip, ack_text, arg);
	errno = e->error < 0 ? -e->error : e->error;
	return MNL_CB_ERROR;
}

struct answer {
	mnl_cb_t each;
	void *arg;
	char *why;
};

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct answer *a = arg;

	if (nlh->nlmsg_type == NLMSG_ERROR)
		return on_error(nlh, a->why);
	if (nlh->nlmsg_type == NLMSG_DONE)
		return MNL_CB_STOP;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR) {
		errno = EINTR;
		return MNL_CB_ERROR;
	}
	return a->each && nlh->nlmsg_type >= NLMSG_MIN_TYPE ? a->each(nlh, a->arg) : MNL_CB_OK;
}

/* Every message of one read; MNL_CB_OK asks for more. */
static int run(const char *buf, size_t len, unsigned int portid, struct answer *a)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	int left = (int)len, rc = MNL_CB_OK;

	for (; rc == MNL_CB_OK && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (mnl_nlmsg_portid_ok(nlh, portid) && mnl_nlmsg_seq_ok(nlh, SEQ))
			rc = on_message(nlh, a);
	return rc;
}

static int ask(struct mnl_socket *nl, const struct nlmsghdr *req, struct answer *a)
{
	char buf[NETLINK_BUFFER] __attribute__((aligned(8)));
	ssize_t len;
	int rc;

	if (mnl_socket_sendto(nl, req, req->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		rc = run(buf, (size_t)len, mnl_socket_get_portid(nl), a);
	} while (rc == MNL_CB_OK);
	return rc < 0 ? -errno : 0;
}

/* Extended acks are a comfort: a kernel without them still answers. */
static int open_socket(struct mnl_socket **out, int flags, unsigned int groups)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
	int one = 1, err;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		mnl_socket_close(nl);
		return err;
	}
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &one, sizeof(one));
	*out = nl;
	return 0;
}

static int ask_once(const struct nlmsghdr *req, struct answer *a)
{
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	struct mnl_socket *nl;
	int err;

	err = open_socket(&nl, 0, 0);
	if (err)
		return err;
	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		err = -errno;
	else
		err = ask(nl, req, a);
	mnl_socket_close(nl);
	return err;
}

int netlink_ask(struct nlmsghdr *req, mnl_cb_t each, void *arg, char why[DATAPLANE_WHY_MAX])
{
	struct answer a = { each, arg, why };
	int err = -EINTR;

	req->nlmsg_flags |= NLM_F_REQUEST;
	if (!(req->nlmsg_flags & NLM_F_DUMP))
		req->nlmsg_flags |= NLM_F_ACK;
	req->nlmsg_seq = SEQ;
	why[0] = '\0';
	/* On a new socket each time: the old one still holds the rest of the spoiled dump. */
	for (int i = 0; i < TRIES_MAX && err == -EINTR; i++)
		err = ask_once(req, &a);
	if (err && !why[0])
		because(why, err, "%s", strerror(-err));
	return err;
}

int netlink_listen(struct mnl_socket **out, unsigned int groups)
{
	int bytes = LISTEN_BYTES, err;

	err = open_socket(out, SOCK_NONBLOCK, groups);
	if (err)
		return err;
	/* Beyond rmem_max where we may; a refusal leaves the default, and a resync more often. */
	if (setsockopt(mnl_socket_get_fd(*out), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(mnl_socket_get_fd(*out), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return 0;
}
