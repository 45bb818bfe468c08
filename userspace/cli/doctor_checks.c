// SPDX-License-Identifier: BSD-2-Clause
/* Judging the machine as a whole, and what all judging shares; see doctor.h. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	KERNEL_MAJOR = 5, /* the oldest that has all that our programs use: 5.15 */
	KERNEL_MINOR = 15,
	MEMLOCK_FREE_MINOR = 11, /* from 5.11 on maps are charged to the memory cgroup */
};

const struct doctor_link *doctor_link(const struct doctor_system *s, const char *name)
{
	for (size_t i = 0; i < s->links_count; i++)
		if (!strcmp(s->links[i].name, name))
			return &s->links[i];
	return NULL;
}

const struct doctor_link *doctor_link_at(const struct doctor_system *s, uint32_t ifindex)
{
	for (size_t i = 0; i < s->links_count; i++)
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	return NULL;
}

struct doctor_finding *doctor_add(struct doctor_report *r, enum doctor_severity severity,
				  const char *check, const char *subject)
{
	struct doctor_finding *f = &r->list[r->count];

	if (r->count < DOCTOR_FINDINGS_MAX)
		r->count++;
	else
		r->more++;
	*f = (struct doctor_finding){ .severity = severity, .check = check };
	doctor_say(f->subject, "%s", subject);
	return f;
}

void doctor_say(char out[DOCTOR_TEXT], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, DOCTOR_TEXT, fmt, ap);
	va_end(ap);
}

/* The kernel takes nearly any byte in the name of an interface, so `$(reboot)` is one. */
const char *doctor_word(const char *name, char *out)
{
	char *to = out;

	if (name[0] && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_.@/-")]) {
		strcpy(out, name);
		return out;
	}
	*to++ = '\'';
	for (; *name; name++) {
		if (*name == '\'')
			to = stpcpy(to, "'\\'");
		*to++ = *name;
	}
	strcpy(to, "'");
	return out;
}

static bool older(const struct doctor_system *s, unsigned int minor)
{
	return s->kernel_major < KERNEL_MAJOR ||
	       (s->kernel_major == KERNEL_MAJOR && s->kernel_minor < minor);
}

static void check_kernel(const struct doctor_system *s, struct doctor_report *r)
{
	struct doctor_finding *f;

	if (older(s, KERNEL_MINOR)) {
		f = doctor_add(r, DOCTOR_ERROR, "kernel", "machine");
		doctor_say(f->what, "kernel %u.%u", s->kernel_major, s->kernel_minor);
		doctor_say(f->why, "the programs need %d.%d or newer", KERNEL_MAJOR, KERNEL_MINOR);
		doctor_say(f->fix, "apt-get install linux-image-$(dpkg --print-architecture)");
	}
	if (!s->root) {
		f = doctor_add(r, DOCTOR_ERROR, "privileges", "machine");
		doctor_say(f->what, "not run as root");
		doctor_say(f->why, "maps, programs and drivers answer root alone, so much of what "
				   "follows could not be looked at");
		doctor_say(f->fix, "sudo fairlead doctor");
	} else if (!s->xdp_programs) {
		f = doctor_add(r, DOCTOR_ERROR, "kernel", "machine");
		doctor_say(f->what, "the kernel takes no XDP program");
		doctor_say(f->why, "it was built without CONFIG_BPF_SYSCALL, or something forbids "
				   "bpf(2): lockdown, seccomp, a container");
		doctor_say(f->fix, "cat /sys/kernel/security/lockdown; grep -E 'CapEff|Seccomp:' "
				   "/proc/self/status");
	}
	if (!s->btf) {
		f = doctor_add(r, DOCTOR_ERROR, "btf", "machine");
		doctor_say(f->what, "no /sys/kernel/btf/vmlinux");
		doctor_say(f->why,
			   "programs are fitted to the kernel by its own types; this one "
			   "was built without CONFIG_DEBUG_INFO_BTF, or /sys is not mounted");
		doctor_say(f->fix, "mount -t sysfs sysfs /sys");
	}
}

static void check_bpffs(const struct doctor_system *s, struct doctor_report *r)
{
	bool usual = !strncmp(s->pins, "/sys/fs/bpf/", strlen("/sys/fs/bpf/"));
	struct doctor_finding *f;

	if (s->bpffs)
		return;
	f = doctor_add(r, usual ? DOCTOR_WARNING : DOCTOR_ERROR, "bpffs", s->pins);
	doctor_say(f->what, "no bpffs is mounted there");
	if (usual) {
		doctor_say(f->why, "fairleadd mounts one for itself; if its mount namespace is its "
				   "own, neither fairlead nor bpftool will see what it pins");
		doctor_say(f->fix, "mount -t bpf -o mode=0700 bpf /sys/fs/bpf");
	} else {
		doctor_say(f->why, "programs and maps can be pinned in a bpffs alone, and are what "
				   "outlives the daemon");
		doctor_say(f->fix, "mkdir -p %s && mount -t bpf -o mode=0700 bpf %s", s->pins,
			   s->pins);
	}
}

static void check_jit(const struct doctor_system *s, struct doctor_report *r)
{
	struct doctor_finding *f;

	if (!s->jit) {
		f = doctor_add(r, DOCTOR_ERROR, "jit", "machine");
		doctor_say(f->what, "BPF programs are interpreted");
		doctor_say(f->why, "about ten times slower than compiled ones");
		doctor_say(f->fix, "sysctl -w net.core.bpf_jit_enable=1");
	}
	if (s->jit_harden == 2) {
		f = doctor_add(r, DOCTOR_WARNING, "jit", "machine");
		doctor_say(f->what, "the compiler blinds constants of root's programs too");
		doctor_say(f->why, "every constant then costs instructions for every packet; 1 "
				   "hardens those of other users alone");
		doctor_say(f->fix, "sysctl -w net.core.bpf_jit_harden=1");
	}
	if (!s->unprivileged_bpf) {
		f = doctor_add(r, DOCTOR_WARNING, "unprivileged-bpf", "machine");
		doctor_say(f->what, "every user may load BPF programs");
		doctor_say(f->why, "speculative execution lets such programs read other memory");
		doctor_say(f->fix, "sysctl -w kernel.unprivileged_bpf_disabled=1");
	}
}

static void check_memlock(const struct doctor_system *s, struct doctor_report *r)
{
	struct doctor_finding *f;

	if (!older(s, MEMLOCK_FREE_MINOR) || s->memlock == UINT64_MAX)
		return;
	f = doctor_add(r, DOCTOR_ERROR, "memlock", "machine");
	doctor_say(f->what, "RLIMIT_MEMLOCK is %llu bytes", (unsigned long long)s->memlock);
	doctor_say(f->why, "before kernel 5.11 maps count against it, and ours are larger");
	doctor_say(f->fix, "prlimit --pid $$ --memlock=unlimited:unlimited");
}

/* Those whose reading is a few instructions, on the machines we know. */
static bool clock_is_quick(const char *name)
{
	static const char *const quick[] = { "tsc", "kvm-clock", "arch_sys_counter",
					     "hyperv_clocksource_tsc_page" };

	for (size_t i = 0; i < sizeof(quick) / sizeof(*quick); i++)
		if (!strcmp(name, quick[i]))
			return true;
	return !name[0]; /* not told */
}

static bool clock_to_be_had(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(list, name); p; p = strstr(p + 1, name))
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static void check_clock(const struct doctor_system *s, struct doctor_report *r)
{
	struct doctor_finding *f;

	if (clock_is_quick(s->clocksource))
		return;
	f = doctor_add(r, DOCTOR_WARNING, "clocksource", "machine");
	doctor_say(f->what, "time comes from %s", s->clocksource);
	doctor_say(f->why,
		   "each reading is slow (hpet, acpi_pm: a microsecond), and TCP, timers and "
		   "heartbeats read it all the time");
	if (clock_to_be_had(s->clocksources, "tsc"))
		doctor_say(f->fix,
			   "echo tsc "
			   ">/sys/devices/system/clocksource/clocksource0/current_clocksource");
	else
		doctor_say(f->fix, "dmesg | grep -iE 'tsc|clocksource'");
}

void doctor_check_machine(const struct doctor_system *s, struct doctor_report *r)
{
	check_kernel(s, r);
	check_bpffs(s, r);
	check_jit(s, r);
	check_memlock(s, r);
	check_clock(s, r);
}

void doctor_check(const struct doctor_system *s, struct doctor_report *r)
{
	r->count = r->more = 0;
	doctor_check_machine(s, r);
	doctor_check_links(s, r);
	doctor_check_paths(s, r);
}

size_t doctor_errors(const struct doctor_report *r)
{
	size_t n = r->more; /* unseen: not known to be harmless */

	for (size_t i = 0; i < r->count; i++)
		n += r->list[i].severity == DOCTOR_ERROR;
	return n;
}

const char *doctor_severity_str(enum doctor_severity s)
{
	static const char *const text[] = { "error", "warning", "note" };

	return text[s];
}
