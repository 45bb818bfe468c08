// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many small packets of many flows at an even pace, for tests under load: live XDP
 * frames sent out of an interface, which cost less than a microsecond each on all of
 * their way through the lab.  Says at the end how many left.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/addr.h"

enum {
	FRAME_BYTES = 80, /* as in traffic.bpf.c */
	BATCH = 32,	  /* a veth ring holds 256, and others may be before us */
	HOPS = 64,
};

struct options {
	const char *object, *interface;
	uint8_t gateway[6];
	struct addr source, destination;
	uint16_t port;
	uint8_t proto;
	uint32_t flows;
	uint64_t rate; /* a second; 0: no limit */
	double seconds;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static const char usage[] =
	"usage: traffic [-t] [-f FLOWS] [-r RATE] [-s SECONDS]\n"
	"               OBJECT INTERFACE GATEWAY-MAC SOURCE DESTINATION PORT\n"
	"Sends UDP (-t: TCP) until SIGTERM or for SECONDS; then prints {\"sent\":…,\"seconds\":…}.\n"
	"The last two bytes of SOURCE and the source port number the flows.\n";

static bool parse_mac(const char *text, uint8_t mac[6])
{
	int end = 0;

	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5], &end) == 6 &&
	       !text[end];
}

static bool read_words(char **words, struct options *o)
{
	o->object = words[0];
	o->interface = words[1];
	o->port = atoi(words[5]);
	return parse_mac(words[2], o->gateway) && addr_parse(words[3], &o->source) &&
	       addr_parse(words[4], &o->destination) && o->port &&
	       addr_is_ipv4(&o->source) == addr_is_ipv4(&o->destination);
}

static bool read_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){ .proto = IPPROTO_UDP, .flows = 1 };
	while ((c = getopt(argc, argv, "tf:r:s:")) != -1) {
		switch (c) {
		case 't':
			o->proto = IPPROTO_TCP;
			break;
		case 'f':
			o->flows = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o->rate = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o->seconds = strtod(optarg, NULL);
			break;
		default:
			return false;
		}
	}
	return argc - optind == 6 && o->flows && read_words(argv + optind, o);
}

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] | p[i + 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The transport header at p; its checksum stays zero, since nobody here reads the payload. */
static void write_transport(const struct options *o, uint8_t *p, uint16_t bytes)
{
	if (o->proto == IPPROTO_UDP) {
		struct udphdr u = { .dest = htons(o->port), .len = htons(bytes) };

		memcpy(p, &u, sizeof(u));
	} else {
		struct tcphdr t = { .dest = htons(o->port), .doff = 5, .ack = 1, .seq = htonl(1) };

		memcpy(p, &t, sizeof(t));
	}
}

static void write_ipv4(const struct options *o, uint8_t frame[FRAME_BYTES])
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = HOPS, .protocol = o->proto };
	uint8_t *at = frame + ETH_HLEN;

	ip.tot_len = htons(FRAME_BYTES - ETH_HLEN);
	memcpy(&ip.saddr, &o->source.w[3], 4);
	memcpy(&ip.daddr, &o->destination.w[3], 4);
	memset((uint8_t *)&ip.saddr + 2, 0, 2);
	ip.check = checksum((uint8_t *)&ip, sizeof(ip));
	memcpy(at, &ip, sizeof(ip));
	write_transport(o, at + sizeof(ip), FRAME_BYTES - ETH_HLEN - sizeof(ip));
}

static void write_ipv6(const struct options *o, uint8_t frame[FRAME_BYTES])
{
	struct ipv6hdr ip = { .version = 6, .nexthdr = o->proto, .hop_limit = HOPS };
	uint16_t payload = FRAME_BYTES - ETH_HLEN - sizeof(ip);
	uint8_t *at = frame + ETH_HLEN;

	ip.payload_len = htons(payload);
	memcpy(&ip.saddr, &o->source, sizeof(ip.saddr));
	memcpy(&ip.daddr, &o->destination, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	write_transport(o, at + sizeof(ip), payload);
}

static int read_own_mac(const char *interface, uint8_t mac[6])
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (s < 0 || ioctl(s, SIOCGIFHWADDR, &r))
		err = -errno;
	else
		memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	if (s >= 0)
		close(s);
	return err;
}

static int write_frame(const struct options *o, uint8_t frame[FRAME_BYTES])
{
	bool ipv4 = addr_is_ipv4(&o->source);
	struct ethhdr eth = { .h_proto = htons(ipv4 ? ETH_P_IP : ETH_P_IPV6) };
	int err = read_own_mac(o->interface, eth.h_source);

	if (err)
		return err;
	memset(frame, 0, FRAME_BYTES);
	memcpy(eth.h_dest, o->gateway, 6);
	memcpy(frame, &eth, sizeof(eth));
	if (ipv4)
		write_ipv4(o, frame);
	else
		write_ipv6(o, frame);
	return 0;
}

/* As in traffic.bpf.c. */
struct shape {
	uint32_t flows, interval_ns, source_at, port_at, ip_checksum_at;
};

static struct shape shape_of(const struct options *o)
{
	bool ipv4 = addr_is_ipv4(&o->source);
	struct shape s = { .flows = o->flows };

	if (o->rate)
		s.interval_ns = 1000000000 / o->rate;
	s.source_at = ETH_HLEN + (ipv4 ? offsetof(struct iphdr, saddr) + 2
				       : offsetof(struct ipv6hdr, saddr) + 14);
	s.port_at = ETH_HLEN + (ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	s.ip_checksum_at = ipv4 ? ETH_HLEN + offsetof(struct iphdr, check) : 0;
	return s;
}

static bool set_initial(struct bpf_object *obj, const char *name, const void *value, size_t n)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, name);
	size_t size = 0;
	void *to = m ? (void *)bpf_map__initial_value(m, &size) : NULL;

	if (!to || size < n)
		return false;
	memcpy(to, value, n);
	return true;
}

static int load(const struct options *o, const uint8_t *frame, struct bpf_object **out)
{
	struct bpf_object *obj = bpf_object__open_file(o->object, NULL);
	struct shape s = shape_of(o);
	int err = -EINVAL;

	if (!obj)
		return -errno;
	if (set_initial(obj, ".data", frame, FRAME_BYTES) &&
	    set_initial(obj, ".rodata", &s, sizeof(s)))
		err = bpf_object__load(obj);
	if (err) {
		bpf_object__close(obj);
		return err;
	}
	*out = obj;
	return 0;
}

/* The kernel counts, in the first word of what it begins with zero. */
static unsigned long long read_sent(struct bpf_object *obj)
{
	uint64_t state[3] = { 0 };
	uint32_t key = 0;

	bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, ".bss"), &key, state);
	return state[0];
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Sends until a signal comes. */
static int run(const struct options *o, struct bpf_object *obj, uint8_t *frame)
{
	int program = bpf_program__fd(bpf_object__find_program_by_name(obj, "traffic"));
	struct xdp_md ctx = { .data_end = FRAME_BYTES,
			      .ingress_ifindex = if_nametoindex(o->interface) };
	struct itimerval end = { .it_value = { o->seconds,
					       (o->seconds - (long)o->seconds) * 1e6 } };
	double begin = seconds_now(), elapsed;
	unsigned long long sent;
	int err = 0;

	setitimer(ITIMER_REAL, &end, NULL);
	while (!stopped && !err) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = FRAME_BYTES,
			    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = INT32_MAX,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

		err = bpf_prog_test_run_opts(program, &run);
		if (err == -EINTR || err == -EAGAIN)
			err = 0;
	}
	elapsed = seconds_now() - begin;
	sent = read_sent(obj);
	printf("{\"sent\":%llu,\"seconds\":%.3f,\"rate\":%.0f}\n", sent, elapsed, sent / elapsed);
	return err;
}

int main(int argc, char **argv)
{
	uint8_t frame[FRAME_BYTES];
	struct bpf_object *obj = NULL;
	struct options o;
	int err;

	if (!read_options(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGALRM, on_signal);
	err = write_frame(&o, frame);
	if (!err)
		err = load(&o, frame, &obj);
	if (!err)
		err = run(&o, obj, frame);
	if (err)
		fprintf(stderr, "traffic: %s out of %s: %s\n", o.object, o.interface,
			strerror(-err));
	bpf_object__close(obj);
	return err ? 1 : 0;
}
