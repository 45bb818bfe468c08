// SPDX-License-Identifier: BSD-2-Clause
/* The filter on an interface's way out that carries the egress program; see egress.h. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "steering/egress.h"
#include "steering/filter.h"
#include "steering/why.h"

static struct filter_place place(int ifindex)
{
	return (struct filter_place){ ifindex, BPF_TC_EGRESS, EGRESS_PRIORITY, EGRESS_HANDLE };
}

/* As we find it: our place on that interface, and the program there, 0 for none. */
static int find(const char *interface, struct filter_place *at, uint32_t *id,
		char why[DATAPLANE_WHY_MAX])
{
	int ifindex = filter_interface(interface, false, "confine what leaves by it", why);

	if (ifindex < 0)
		return ifindex;
	*at = place(ifindex);
	*id = filter_carried(at);
	return 0;
}

/* Also of a former build, or one whose pins were removed: by its name, type and place. */
static bool is_ours(const struct egress *e, uint32_t id)
{
	return id == e->program_id || filter_is_named(id, "egress");
}

int egress_attach(const struct egress *e, const char *interface, char why[DATAPLANE_WHY_MAX])
{
	struct filter_place at;
	uint32_t id;
	int err = find(interface, &at, &id, why);

	if (err)
		return err;
	if (id == e->program_id)
		return 1;
	if (id && !is_ours(e, id))
		return because(why, -EBUSY,
			       "%s: program %u has the place of our filter: tc filter del dev %s "
			       "egress pref %d handle %#x bpf",
			       interface, id, interface, EGRESS_PRIORITY, EGRESS_HANDLE);
	err = filter_set(&at, e->program, id);
	if (err)
		return because(why, err, "%s: cannot confine what leaves by it: %s", interface,
			       strerror(-err));
	return 0;
}

bool egress_is_attached(const struct egress *e, const char *interface)
{
	struct filter_place at = place((int)if_nametoindex(interface));

	return at.ifindex && filter_carried(&at) == e->program_id;
}

int egress_detach(const struct egress *e, const char *interface, char why[DATAPLANE_WHY_MAX])
{
	struct filter_place at;
	uint32_t id;
	int err = find(interface, &at, &id, why);

	if (err)
		return err;
	if (!id || !is_ours(e, id))
		return because(why, -ENOENT, "%s: what leaves by it is not confined by us",
			       interface);
	err = filter_remove(&at);
	return err ? because(why, err, "%s: cannot detach: %s", interface, strerror(-err)) : 0;
}
