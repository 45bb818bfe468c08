// SPDX-License-Identifier: BSD-2-Clause
/* A packet of each kind, to the service of its kind: TCP and UDP, without payload but of QUIC. */
#include "cost.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

enum {
	ETHERNET = 14,
};

static const int ports[] = { [TCP4] = 443,    [UDP4] = 53,	[TCP6] = 443, [OTHER4] = 443,
			     [LAPSED4] = 444, [SETTLED4] = 445, [GUE4] = 446, [QUIC4] = 447 };

int port_of(enum kind k)
{
	return ports[k];
}

static void put_ipv4(uint8_t *l3, enum kind k, bool udp)
{
	struct addr vip = address(k == OTHER4 ? "192.0.2.2" : VIP4);

	l3[0] = 0x45;
	l3[3] = 46;
	l3[8] = 64;
	l3[9] = udp ? IPPROTO_UDP : IPPROTO_TCP;
	memcpy(l3 + 16, &vip.w[3], 4);
}

static void put_ipv6(uint8_t *l3)
{
	struct addr vip = address(VIP6);

	l3[0] = 0x60;
	l3[5] = 20;
	l3[6] = IPPROTO_TCP;
	l3[7] = 64;
	l3[8] = 0x20;
	memcpy(l3 + 24, &vip, 16);
}

static void put_ports(uint8_t *l4, enum kind k, bool udp)
{
	l4[2] = (uint8_t)(ports[k] >> 8);
	l4[3] = (uint8_t)ports[k];
	if (udp)
		l4[5] = 26;
	else
		l4[12] = 5 << 4;
	if (k == QUIC4)
		memcpy(l4 + 8, (uint8_t[]){ 0x41, 0x11, QUIC_SERVER >> 8, QUIC_SERVER & 0xff }, 4);
}

struct frame frame_of(enum kind k)
{
	static const uint8_t ethernet[12] = { 2, 1, 2, 3, 4, 5, 2, 6, 7, 8, 9, 10 };
	bool ipv6 = k == TCP6, udp = k == UDP4 || k == QUIC4;
	struct frame f = { .n = ipv6 ? 74 : 60 };
	uint8_t *l3 = f.b + ETHERNET;

	memcpy(f.b, ethernet, sizeof(ethernet));
	f.b[12] = ipv6 ? 0x86 : 0x08;
	f.b[13] = ipv6 ? 0xdd : 0;
	if (ipv6)
		put_ipv6(l3);
	else
		put_ipv4(l3, k, udp);
	put_ports(l3 + (ipv6 ? 40 : 20), k, udp);
	return f;
}
