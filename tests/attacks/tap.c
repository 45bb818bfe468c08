// SPDX-License-Identifier: BSD-2-Clause
/*
 * tap -o FILE INTERFACE...
 *
 * Writes what AF_PACKET shows of the interfaces, whole frames of both directions, to FILE in
 * the format of pcap, until SIGTERM.  Says "tapping" when it has begun, and at its end as
 * JSON how many frames and bytes there were and how many the kernel dropped, which has to
 * be none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	INTERFACES_MAX = 8,
	FRAME_MAX = 262144,
	ROOM = 128 << 20, /* of the socket's queue */
	PCAP_MAGIC = 0xa1b2c3d4,
	LINKTYPE_ETHERNET = 1,
	OUT_BUFFER = 1 << 20,
};

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap, link;
};

struct pcap_frame {
	uint32_t seconds, micros, captured, length;
};

struct tap {
	struct pollfd fds[INTERFACES_MAX + 1]; /* the last one of them: signals */
	unsigned int count;
	FILE *out;
	unsigned long frames, bytes, dropped;
};

static int open_interface(const char *name)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name),
	};
	int s;

	if (!a.sll_ifindex)
		return -1;
	s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ ROOM }, sizeof(int));
	if (!bind(s, (struct sockaddr *)&a, sizeof(a)))
		return s;
	close(s);
	return -1;
}

static bool write_frame(struct tap *t, const uint8_t *p, uint32_t n)
{
	struct timespec now;
	struct pcap_frame f = { .captured = n, .length = n };

	clock_gettime(CLOCK_REALTIME, &now);
	f.seconds = now.tv_sec;
	f.micros = now.tv_nsec / 1000;
	t->frames++;
	t->bytes += n;
	return fwrite(&f, sizeof(f), 1, t->out) == 1 && fwrite(p, n, 1, t->out) == 1;
}

static bool drain(struct tap *t, int s)
{
	static uint8_t frame[FRAME_MAX];
	ssize_t n;

	while ((n = recv(s, frame, sizeof(frame), MSG_TRUNC)) > 0) {
		if ((size_t)n > sizeof(frame)) {
			errno = EMSGSIZE;
			return false;
		}
		if (!write_frame(t, frame, n))
			return false;
	}
	return errno == EAGAIN || errno == ENETDOWN;
}

static bool drain_all(struct tap *t)
{
	for (unsigned int i = 0; i < t->count; i++)
		if (!drain(t, t->fds[i].fd))
			return false;
	return true;
}

static void count_dropped(struct tap *t)
{
	for (unsigned int i = 0; i < t->count; i++) {
		struct tpacket_stats s;

		if (!getsockopt(t->fds[i].fd, SOL_PACKET, PACKET_STATISTICS, &s,
				&(socklen_t){ sizeof(s) }))
			t->dropped += s.tp_drops;
	}
}

static bool begin(struct tap *t, char **names)
{
	struct pcap_header h = { PCAP_MAGIC, 2, 4, 0, 0, FRAME_MAX, LINKTYPE_ETHERNET };
	sigset_t ends;

	for (; t->count < INTERFACES_MAX && names[t->count]; t->count++) {
		int s = open_interface(names[t->count]);

		if (s < 0) {
			fprintf(stderr, "tap: %s: %s\n", names[t->count], strerror(errno));
			return false;
		}
		t->fds[t->count] = (struct pollfd){ .fd = s, .events = POLLIN };
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	t->fds[t->count].fd = signalfd(-1, &ends, SFD_CLOEXEC);
	t->fds[t->count].events = POLLIN;
	return t->count && !names[t->count] && fwrite(&h, sizeof(h), 1, t->out) == 1;
}

int main(int argc, char **argv)
{
	struct tap t = { 0 };
	bool ok;

	if (getopt(argc, argv, "o:") != 'o' || optind >= argc) {
		fputs("tap -o FILE INTERFACE...\n", stderr);
		return 2;
	}
	t.out = fopen(optarg, "we");
	if (!t.out || setvbuf(t.out, NULL, _IOFBF, OUT_BUFFER) || !begin(&t, argv + optind)) {
		perror("tap");
		return 1;
	}
	puts("tapping");
	fflush(stdout);
	do {
		ok = poll(t.fds, t.count + 1, -1) > 0 && drain_all(&t);
	} while (ok && !t.fds[t.count].revents);
	ok = ok && drain_all(&t) && !fclose(t.out);
	count_dropped(&t);
	printf("{\"frames\":%lu,\"bytes\":%lu,\"dropped\":%lu}\n", t.frames, t.bytes, t.dropped);
	return ok ? 0 : 1;
}
