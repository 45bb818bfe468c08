// SPDX-License-Identifier: BSD-2-Clause
/*
 * canary -k CANARIES [-p PID] FILE...
 *
 * Looks in files, and in all that a process has in memory, for the lines of CANARIES, as they are
 * and in the disguises that bytes travel in: base64 at each of its three alignments, hexadecimal,
 * UTF-16 of both orders. In a pcap it looks into TCP's streams, below any IPIP, IP6IP6 or GUE, so
 * that a canary across two segments is found, and into every other frame.  Prints one object of
 * JSON with the hits of each disguise; exits with 0 when there was none, 1 when there was one.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

enum {
	CANARY_MIN = 8,
	CANARY_MAX = 64,
	NEEDLE_MAX = 2 * CANARY_MAX,
	NEEDLES_MAX = 256,
	FLOWS = 65536, /* streams are told apart by a hash; two that share one only lose a seam */
	NESTED_MAX = 4,
	PCAP_HEADER = 24,
	PCAP_FRAME = 16,
	PCAP_MAGIC = 0xa1b2c3d4,
	GUE_PORT = 6080,
};

enum disguise { RAW, BASE64, HEX, UTF16, DISGUISES };

static const char *const disguise_names[DISGUISES] = { "raw", "base64", "hex", "utf16" };

struct needle {
	uint8_t bytes[NEEDLE_MAX];
	size_t n;
	enum disguise disguise;
};

/* The end of what a stream carried so far, for a needle that begins there. */
struct flow {
	uint32_t next; /* sequence number */
	uint32_t tail_n;
	uint8_t tail[NEEDLE_MAX - 1];
};

static struct needle needles[NEEDLES_MAX];
static size_t needles_count;
static unsigned long hits[DISGUISES], segments, frames, bytes_read;
static struct flow flows[FLOWS];

/* --- what to look for */

static void add(enum disguise d, const void *p, size_t n)
{
	struct needle *needle = &needles[needles_count];

	if (needles_count == NEEDLES_MAX || n > NEEDLE_MAX) {
		fputs("canary: too many of them\n", stderr);
		exit(2);
	}
	memcpy(needle->bytes, p, n);
	needle->n = n;
	needle->disguise = d;
	needles_count++;
}

/* The characters that do not depend on what stands before or behind the canary. */
static void add_base64(const char *text, size_t n, size_t shift)
{
	unsigned char in[CANARY_MAX + 2] = { 0 }, out[2 * CANARY_MAX + 8];
	size_t first = (8 * shift + 5) / 6, last = 8 * (shift + n) / 6;

	memcpy(in + shift, text, n);
	EVP_EncodeBlock(out, in, shift + n);
	add(BASE64, out + first, last - first);
	if (!memchr(out + first, '+', last - first) && !memchr(out + first, '/', last - first))
		return;
	for (size_t i = first; i < last; i++) /* RFC 4648's other alphabet */
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
	add(BASE64, out + first, last - first);
}

static void add_canary(const char *text, size_t n)
{
	char upper[NEEDLE_MAX + 1], lower[NEEDLE_MAX + 1];
	uint8_t wide[NEEDLE_MAX];

	for (size_t i = 0; i < n; i++) {
		sprintf(lower + 2 * i, "%02x", (unsigned char)text[i]);
		sprintf(upper + 2 * i, "%02X", (unsigned char)text[i]);
		wide[2 * i] = text[i];
		wide[2 * i + 1] = 0;
	}
	add(RAW, text, n);
	add(HEX, lower, 2 * n);
	if (strcmp(lower, upper))
		add(HEX, upper, 2 * n);
	add(UTF16, wide, 2 * n - 1); /* both orders: they differ in which outer end is a zero */
	for (size_t shift = 0; shift < 3; shift++)
		add_base64(text, n, shift);
}

static bool read_canaries(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[CANARY_MAX + 2];

	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strcspn(line, "\n");

		if (n < CANARY_MIN || n > CANARY_MAX)
			return false;
		add_canary(line, n);
	}
	return f && !fclose(f) && needles_count;
}

/* --- looking */

static void look(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < needles_count; i++) {
		const struct needle *w = &needles[i];
		const uint8_t *from = p;

		while ((from = memmem(from, p + n - from, w->bytes, w->n))) {
			hits[w->disguise]++;
			from++;
		}
	}
}

static void look_in_stream(struct flow *f, uint32_t seq, const uint8_t *p, size_t n)
{
	static uint8_t all[NEEDLE_MAX + 262144];

	if (seq != f->next)
		f->tail_n = 0;
	if (n > sizeof(all) - NEEDLE_MAX)
		n = sizeof(all) - NEEDLE_MAX;
	memcpy(all, f->tail, f->tail_n);
	memcpy(all + f->tail_n, p, n);
	look(all, f->tail_n + n);
	segments++;
	f->next = seq + n;
	n += f->tail_n;
	f->tail_n = n < sizeof(f->tail) ? n : sizeof(f->tail);
	memcpy(f->tail, all + n - f->tail_n, f->tail_n);
}

/* --- what is in a frame */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint32_t flow_of(const uint8_t *addresses, size_t n, const uint8_t *ports)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ addresses[i]) * 16777619u;
	for (size_t i = 0; i < 4; i++)
		h = (h ^ ports[i]) * 16777619u;
	return (h ^ h >> 16) % FLOWS;
}

struct packet {
	const uint8_t *p;
	size_t n;
	uint8_t protocol;
	const uint8_t *addresses;
	size_t addresses_n;
};

/* One IP header off; what is behind its length is the link's padding. */
static bool shed_ip(struct packet *k)
{
	size_t header, total;

	if (k->n >= 20 && k->p[0] >> 4 == 4) {
		header = 4 * (k->p[0] & 15);
		total = k->p[2] << 8 | k->p[3];
		k->protocol = k->p[9];
		k->addresses = k->p + 12;
		k->addresses_n = 8;
	} else if (k->n >= 40 && k->p[0] >> 4 == 6) {
		header = 40;
		total = 40 + (k->p[4] << 8 | k->p[5]);
		k->protocol = k->p[6];
		k->addresses = k->p + 8;
		k->addresses_n = 32;
	} else {
		return false;
	}
	if (total > k->n)
		total = k->n;
	if (header > total)
		return false;
	k->p += header;
	k->n = total - header;
	return true;
}

static bool shed_gue(struct packet *k)
{
	size_t header;

	if (k->protocol != IPPROTO_UDP || k->n < 12 || (k->p[2] << 8 | k->p[3]) != GUE_PORT)
		return false;
	header = 8 + 4 + 4 * (k->p[8] & 31);
	k->protocol = k->p[9];
	if (header > k->n)
		return false;
	k->p += header;
	k->n -= header;
	return true;
}

static bool find_tcp(struct packet *k)
{
	for (unsigned int i = 0; i < NESTED_MAX; i++) {
		if (!shed_ip(k))
			return false;
		if (k->protocol == IPPROTO_TCP)
			return true;
		if (k->protocol != IPPROTO_IPIP && k->protocol != IPPROTO_IPV6 && !shed_gue(k))
			return false;
	}
	return false;
}

static void look_in_frame(const uint8_t *p, size_t n)
{
	struct packet k = { .p = p + ETH_HLEN, .n = n < ETH_HLEN ? 0 : n - ETH_HLEN };
	size_t header;

	frames++;
	if (n < ETH_HLEN || !find_tcp(&k) || k.n < 20 || (header = 4 * (k.p[12] >> 4)) < 20 ||
	    header > k.n) {
		look(p, n);
		return;
	}
	look(p, k.p + header - p);
	if (k.n > header)
		look_in_stream(&flows[flow_of(k.addresses, k.addresses_n, k.p)], be32(k.p + 4),
			       k.p + header, k.n - header);
}

/* False when the file is cut off within a frame. */
static bool look_in_pcap(struct bytes in)
{
	in.p += PCAP_HEADER;
	in.n -= PCAP_HEADER;
	while (in.n >= PCAP_FRAME) {
		uint32_t n;

		memcpy(&n, in.p + 8, sizeof(n));
		in.p += PCAP_FRAME;
		in.n -= PCAP_FRAME;
		if (n > in.n)
			return false;
		look_in_frame(in.p, n);
		in.p += n;
		in.n -= n;
	}
	return in.n == 0;
}

static bool look_in_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint32_t magic;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return false;
	if (!st.st_size)
		return true;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	if (st.st_size >= PCAP_HEADER && (memcpy(&magic, p, sizeof(magic)), magic == PCAP_MAGIC))
		return look_in_pcap((struct bytes){ .p = p, .n = st.st_size });
	look(p, st.st_size);
	return true;
}

/* Whole blocks, each after the end of the one before; what cannot be read is no memory. */
static void look_in_range(int mem, unsigned long from, unsigned long to)
{
	static uint8_t block[NEEDLE_MAX + (1 << 20)];
	size_t kept = 0;

	while (from < to) {
		size_t n = to - from < 1 << 20 ? to - from : 1 << 20;
		ssize_t got = pread(mem, block + kept, n, from);

		if (got <= 0)
			return;
		look(block, kept + got);
		bytes_read += got;
		from += got;
		n = kept + got;
		kept = n < NEEDLE_MAX - 1 ? n : NEEDLE_MAX - 1;
		memmove(block, block + n - kept, kept);
	}
}

static bool look_in_process(const char *pid)
{
	char path[64], line[512];
	unsigned long from, to;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%.16s/maps", pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%.16s/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || mem < 0)
		return false;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx r", &from, &to) == 2)
			look_in_range(mem, from, to);
	fclose(maps);
	close(mem);
	return bytes_read;
}

int main(int argc, char **argv)
{
	const char *pid = NULL;
	unsigned long all = 0;

	if (getopt(argc, argv, "k:") != 'k' || !read_canaries(optarg)) {
		fprintf(stderr,
			"canary -k CANARIES [-p PID] FILE...: want lines of %d to %d bytes\n",
			CANARY_MIN, CANARY_MAX);
		return 2;
	}
	if (getopt(argc, argv, "p:") == 'p')
		pid = optarg;
	if (pid && !look_in_process(pid)) {
		fprintf(stderr, "canary: process %s: %m\n", pid);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		if (!look_in_file(argv[i])) {
			fprintf(stderr, "canary: cannot read all of %s\n", argv[i]);
			return 2;
		}
	printf("{");
	for (int d = 0; d < DISGUISES; d++) {
		printf("\"%s\":%lu,", disguise_names[d], hits[d]);
		all += hits[d];
	}
	printf("\"hits\":%lu,\"frames\":%lu,\"segments\":%lu}\n", all, frames, segments);
	return all ? 1 : 0;
}
