/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `fairlead doctor`: what of this machine keeps packets from being steered, or makes it slow.
 *
 * Gathering and judging are apart: a struct doctor_system says all that judging needs to know,
 * so that tests judge machines that nobody has.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "cli/cli.h"
#include "daemon/config.h"

enum {
	DOCTOR_TEXT = 480, /* a sentence, or a command, with two names and an address */
	DOCTOR_FINDINGS_MAX = 256,
	DOCTOR_USES_MAX = 64,
	DOCTOR_COMMAND_MAX = 160,
	CLIENT_MTU =
		1500, /* taken for granted where clients come and packets go by one interface */
};

/* What a link says of XDP, from the kernel's uapi/linux/netdev.h; known from kernel 6.3 on. */
enum doctor_xdp {
	DOCTOR_XDP_BASIC = 1 << 0,
	DOCTOR_XDP_REDIRECT = 1 << 1,
	DOCTOR_XDP_XMIT = 1 << 2,
};

/* A count in use, and the most that the driver would take; both 0: it does not say. */
struct doctor_range {
	uint32_t now, most;
};

struct doctor_link {
	uint32_t ifindex;
	char name[IF_NAMESIZE]; /* unprintable bytes are '?' */
	char kind[16];		/* "bond", "vlan", "veth"; "" for hardware */
	char driver[32];	/* "" when not told */
	uint32_t master;	/* of which it is a port; 0: none */
	uint32_t lower;		/* on which it stands, for a VLAN; 0: none */
	uint32_t mtu, mtu_most; /* 0: no limit told */
	bool up;
	bool xdp_known;		      /* xdp is the driver's word */
	uint64_t xdp;		      /* DOCTOR_XDP_… */
	bool native, generic, ours;   /* what it carries */
	bool tc[TC_WAYS];	      /* ours, behind TC */
	uint8_t bond_mode, bond_hash; /* BOND_MODE_…, BOND_XMIT_POLICY_… of linux/if_bonding.h */
	struct doctor_range queues, ring; /* of receiving */
	bool lro;
	uint8_t rp_filter, arp_ignore; /* 0 where unknown */
};

/* An interface that is configured, or carries a program of ours. */
struct doctor_use {
	char name[IF_NAMESIZE];
	bool router, guard;
	bool tc[TC_WAYS]; /* configured so */
};

/* A backend, as the router's kernel would send to it. */
struct doctor_path {
	char name[NAME_MAX_BYTES];
	struct addr addr;
	bool routed;
	uint32_t ifindex;
	uint32_t mtu; /* of the route, or of its interface */
};

/* An address that a backend serves. */
struct doctor_vip {
	struct addr addr;
	char on[IF_NAMESIZE]; /* the interface that has it; "" none */
};

struct doctor_system {
	unsigned int kernel_major, kernel_minor;
	unsigned int cpus;
	bool root;
	int xdp_programs; /* 1 the kernel takes them, 0 it does not, < 0 not known */
	bool btf;
	char pins[CONFIG_PATH_MAX];
	char command[DOCTOR_COMMAND_MAX]; /* "fairlead", with --pins where they are elsewhere */
	bool bpffs;			  /* under pins */
	int jit, jit_harden;		  /* sysctls; -1: not visible from here */
	int unprivileged_bpf;		  /* kernel.unprivileged_bpf_disabled, or -1 */
	uint64_t memlock;		  /* bytes, UINT64_MAX for no limit */
	char clocksource[32], clocksources[128]; /* in use; to be had */
	uint8_t rp_filter_all, arp_ignore_all;

	struct doctor_link *links;
	size_t links_count;
	struct doctor_use uses[DOCTOR_USES_MAX];
	size_t uses_count;
	struct doctor_path *paths;
	size_t paths_count;
	struct doctor_vip *vips;
	size_t vips_count;
};

enum doctor_severity {
	DOCTOR_ERROR,	/* packets are not steered, or are lost */
	DOCTOR_WARNING, /* it works, but slower or weaker than it could; or not for everybody */
	DOCTOR_NOTE,	/* worth knowing */
};

struct doctor_finding {
	enum doctor_severity severity;
	const char *check;	   /* stable: "mtu" */
	char subject[DOCTOR_TEXT]; /* an interface, a backend, an address, or "machine" */
	char what[DOCTOR_TEXT], why[DOCTOR_TEXT];
	char fix[DOCTOR_TEXT]; /* a command for a shell */
};

struct doctor_report {
	struct doctor_finding list[DOCTOR_FINDINGS_MAX + 1]; /* the last takes what is too much */
	size_t count;
	size_t more; /* found, but not kept */
};

/* Judges all of s; the errors are how many *r has of them. */
void doctor_check(const struct doctor_system *s, struct doctor_report *r);
size_t doctor_errors(const struct doctor_report *r);
const char *doctor_severity_str(enum doctor_severity s);

/* Parts of doctor_check(), a file each. */
void doctor_check_machine(const struct doctor_system *s, struct doctor_report *r);
void doctor_check_links(const struct doctor_system *s, struct doctor_report *r);
void doctor_check_paths(const struct doctor_system *s, struct doctor_report *r);

/* What those share. */
const struct doctor_link *doctor_link(const struct doctor_system *s, const char *name);
const struct doctor_link *doctor_link_at(const struct doctor_system *s, uint32_t ifindex);
/* A finding whose texts are to be filled in; never NULL. */
struct doctor_finding *doctor_add(struct doctor_report *r, enum doctor_severity severity,
				  const char *check, const char *subject);
__attribute__((format(printf, 2, 3))) void doctor_say(char out[DOCTOR_TEXT], const char *fmt, ...);
/* A name as one word of a shell command: at most four bytes for one, and three. */
const char *doctor_word(const char *name, char *out);

/* Fills s for an owner of pins (NULL: the default), with what c configures if not NULL.  0 or
 * -errno. */
int doctor_gather(struct doctor_system *s, const char *pins, const struct config *c);
void doctor_free(struct doctor_system *s);
/* Parts of it. */
int doctor_gather_links(struct doctor_system *s);
void doctor_ask_driver(struct doctor_link *l); /* queues, ring, LRO */

#endif
