// SPDX-License-Identifier: BSD-2-Clause
/* The commands that change what the kernel runs: attach, detach, map unpin. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/pinned.h"
#include "steering/attach.h"
#include "steering/clock.h"
#include "steering/tables.h"
#include "steering/tc.h"
#include "steering/why.h"

/*
 * What is attached would go on with maps that nobody finds again, so it has to be detached
 * first.  Pins of another version cannot be opened, and are removed all the same.
 */
int pinned_remove(const struct cli_options *o)
{
	char why[DATAPLANE_WHY_MAX], interface[IF_NAMESIZE];
	struct pinned p;
	int err;

	pinned_try(o, &p);
	err = pinned_carrier(&p, pinned_dir(o), interface) ? -EBUSY : 0;
	pinned_close(&p);
	if (err) {
		cli_error("map: %s still carries a program of %s; fairlead detach %s first "
			  "(fairlead attach says what it carries)",
			  interface, pinned_dir(o), interface);
		return CLI_REFUSED;
	}
	err = guard_unpin(o->pins, why);
	if (!err || err == -ENOENT)
		err = dataplane_unpin(o->pins, why);
	if (!err)
		err = tc_unpin(pinned_dir(o), why);
	if (err) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	return CLI_DONE;
}

static const char attach_help[] =
	"usage: fairlead attach   says what each interface carries\n"
	"       fairlead attach DEV [guard] [native|generic] [--replace]\n"
	"       fairlead attach DEV tc-ingress|tc-egress\n"
	"  Puts the pinned router, or guard, on an interface; loads it when it is not pinned yet, and\n"
	"  puts this build in the place of another, with its maps, unless a daemon runs.\n"
	"  In the driver, or in generic mode where the driver has no XDP; the words insist.\n"
	"  --replace: also a program of another ABI, once the maps of this one are filled.\n"
	"  tc-ingress: the router behind TC, for a DEV without XDP; tc-egress: for what this host sends.\n";

static const char detach_help[] =
	"usage: fairlead detach DEV [tc-ingress|tc-egress]   takes router or guard off it\n";

struct attach_request {
	const char *interface;
	enum attach_mode mode;
	bool guard, replace;
};

/*
 * The program to be attached: pinned, or loaded now.  Its fd stays open until the process ends.
 * While a daemon holds the maps, its build is the one that serves.
 */
static int program_of(const struct cli_options *o, bool guard, uint32_t *id,
		      char why[DATAPLANE_WHY_MAX])
{
	struct dataplane d;
	struct guard g;
	int err;

	if (guard) {
		err = guard_open(&g, o->pins, why);
		if (err == -EBUSY)
			err = guard_view(&g, o->pins, why);
		*id = err ? 0 : g.program_id;
		return err ? err : g.program;
	}
	err = dataplane_open(&d, o->pins, NULL, why);
	if (err == -EBUSY)
		err = dataplane_view(&d, o->pins, why);
	*id = err ? 0 : d.program_id;
	return err ? err : d.program;
}

static bool is_served(const struct tables *t, uint16_t service, uint64_t now)
{
	const struct ring_slot *ring;
	uint32_t slots;

	ring = tables_ring(t, service, &slots);
	for (uint32_t i = 0; i < slots; i++)
		for (enum class c = 0; c < CLASS_COUNT; c++)
			if (tables_lease_of(t, ring[i].primary & BACKEND_ID_MASK, c) > now)
				return true;
	return false;
}

/* NULL, or what is not ready yet for packets. */
static const char *unready(struct dataplane *d, uint64_t now)
{
	static char name[NAME_MAX_BYTES];
	char why[DATAPLANE_WHY_MAX];
	struct tables *t;
	uint32_t count = 0;

	if (tables_view(&t, d, why))
		return "their maps cannot be read";
	name[0] = '\0';
	for (uint32_t id = 0; id < tables_services_max(t) && !name[0]; id++) {
		const char *service = tables_service_name(t, (uint16_t)id);

		count += service != NULL;
		if (service && !is_served(t, (uint16_t)id, now))
			snprintf(name, sizeof(name), "%s", service);
	}
	tables_close(t);
	if (!count)
		return "no service in them";
	return name[0] ? name : NULL;
}

static int clock_now(uint64_t *jiffies, char why[DATAPLANE_WHY_MAX])
{
	struct clock_sample now;
	struct clock *c;
	int err = clock_open(&c, why);

	if (err)
		return err;
	err = clock_read(c, &now);
	clock_close(c);
	*jiffies = now.jiffies;
	return err ? because(why, err, "cannot read the kernel's clock: %s", strerror(-err)) : 0;
}

/* Nobody is sent from maps that serve to maps that do not. */
static int swap(const struct cli_options *o, const char *interface, uint32_t *old,
		char why[DATAPLANE_WHY_MAX])
{
	struct dataplane d;
	const char *lacks;
	uint64_t now = 0;
	int err = dataplane_view(&d, o->pins, why);

	if (err)
		return err;
	err = clock_now(&now, why);
	lacks = err ? NULL : unready(&d, now);
	if (lacks)
		err = because(why, -EAGAIN,
			      "%s: not replaced, the new maps under %s are not filled yet (%s): no "
			      "backend with a live lease",
			      interface, d.pins, lacks);
	if (!err)
		err = program_take_over(d.program, interface, old, why);
	dataplane_close(&d);
	return err == -ENOENT ? 0 : err;
}

static void print_attached(const struct attach_request *r, const struct attachment *a, uint32_t id)
{
	json_t *v = json_pack("{s:s s:s s:I s:s s:b s:I}", "interface", r->interface, "program",
			      r->guard ? "guard" : "router", "id", (json_int_t)id, "mode",
			      a->generic ? "generic" : "native", "was_there", a->was_there,
			      "replaced", (json_int_t)a->replaced);

	pinned_print(v);
	json_decref(v);
}

static int attach(const struct cli_options *o, const struct attach_request *r)
{
	char why[DATAPLANE_WHY_MAX];
	struct attachment a;
	uint32_t id, old = 0;
	int program = program_of(o, r->guard, &id, why), err = program < 0 ? program : 0;

	if (!err && r->replace)
		err = swap(o, r->interface, &old, why);
	if (!err)
		err = program_attach(program, r->interface, r->mode, &a, why);
	if (err) {
		cli_error("%s", why);
		return err == -EAGAIN ? CLI_REFUSED : CLI_ERROR;
	}
	if (old)
		a.replaced = old;
	if (a.generic)
		cli_error("%s: GENERIC XDP, slower by far: %s", r->interface, a.note);
	if (o->json)
		print_attached(r, &a, id);
	return CLI_DONE;
}

/* NULL-terminated for cli_word(), in the order of enum tc_way. */
static const char *const tc_words[] = { "tc-ingress", "tc-egress", NULL };

static void print_tc(const char *interface, enum tc_way way, const struct tc_attachment *a,
		     uint32_t id)
{
	json_t *v = json_pack("{s:s s:s s:I s:s s:b s:I}", "interface", interface, "program",
			      tc_program_str(way), "id", (json_int_t)id, "mode",
			      a->tcx ? "tcx" : "clsact", "was_there", a->was_there, "replaced",
			      (json_int_t)a->replaced);

	pinned_print(v);
	json_decref(v);
}

static int attach_tc(const struct cli_options *o, const char *interface, enum tc_way way)
{
	char why[DATAPLANE_WHY_MAX];
	struct tc_attachment a;
	struct dataplane d;
	uint32_t id = 0;
	int err = dataplane_open(&d, o->pins, NULL, why), program;

	if (err == -EBUSY)
		err = dataplane_view(&d, o->pins, why);
	if (err) {
		cli_error("%s", why);
		return CLI_ERROR;
	}
	program = tc_open(&d, way, &id, why);
	err = program < 0 ? program : tc_attach(program, d.pins, interface, way, &a, why);
	dataplane_close(&d);
	if (err) {
		cli_error("%s", why);
		return err == -EBUSY ? CLI_REFUSED : CLI_ERROR;
	}
	if (o->json)
		print_tc(interface, way, &a, id);
	return CLI_DONE;
}

static void list_one(const struct cli_options *o, json_t *list, const char *interface,
		     const char *program, const char *mode, uint32_t id)
{
	json_t *v = json_pack("{s:s s:s s:s s:I}", "interface", interface, "program", program,
			      "mode", mode, "id", (json_int_t)id);

	json_array_append_new(list, v);
	if (!o->json)
		printf("%-15s %-14s %-8s id %u\n", interface, program, mode, id);
}

static void list_interface(const struct cli_options *o, json_t *list, const struct pinned *p,
			   const char *interface)
{
	char why[DATAPLANE_WHY_MAX];
	struct carried c = { 0 };
	bool tcx;

	if (program_carried(interface, &c, why))
		c = (struct carried){ 0 };
	for (int guard = 0; guard < 2; guard++) {
		uint32_t id = guard ? p->guard.program_id : p->router.program_id;

		if (!(guard ? p->has_guard : p->has_router))
			continue;
		if (c.native == id || c.hardware == id || c.generic == id)
			list_one(o, list, interface, guard ? "guard" : "router",
				 c.generic == id ? "generic" : "native", id);
	}
	for (int way = 0; way < TC_WAYS; way++) {
		uint32_t id = tc_carried(pinned_dir(o), interface, way, &tcx);

		if (id)
			list_one(o, list, interface, tc_program_str(way), tcx ? "tcx" : "clsact",
				 id);
	}
}

/* What each interface carries of ours. */
static int list_attached(const struct cli_options *o)
{
	struct if_nameindex *all = if_nameindex();
	json_t *list = json_array();
	struct pinned p;

	pinned_try(o, &p);
	for (struct if_nameindex *i = all; i && i->if_index; i++)
		list_interface(o, list, &p, i->if_name);
	pinned_close(&p);
	if (all)
		if_freenameindex(all);
	if (o->json)
		pinned_print(list);
	json_decref(list);
	return CLI_DONE;
}

int cmd_attach(const struct cli_options *o, int argc, char **argv)
{
	static const char *const words[] = { "guard", "native", "generic", "--replace", NULL };
	struct attach_request r = { .mode = ATTACH_ANY };

	if (argc > 1 && !strcmp(argv[1], "help"))
		return pinned_usage(stdout, attach_help);
	if (argc == 1)
		return list_attached(o);
	if (argc == 3 && argv[1][0] != '-' && cli_word(tc_words, argv[2]) >= 0)
		return attach_tc(o, argv[1], cli_word(tc_words, argv[2]));
	for (int i = 1; i < argc; i++) {
		if (!r.interface && argv[i][0] != '-') {
			r.interface = argv[i];
			continue;
		}
		switch (cli_word(words, argv[i])) {
		case 0:
			r.guard = true;
			break;
		case 1:
			r.mode = ATTACH_NATIVE;
			break;
		case 2:
			r.mode = ATTACH_GENERIC;
			break;
		case 3:
			r.replace = true;
			break;
		default:
			cli_error("attach: unexpected \"%s\"", argv[i]);
			return pinned_usage(stderr, attach_help);
		}
	}
	return r.interface ? attach(o, &r) : pinned_usage(stderr, attach_help);
}

static int print_detached(const struct cli_options *o, const char *interface)
{
	json_t *v;

	if (!o->json)
		return CLI_DONE;
	v = json_pack("{s:s s:b}", "interface", interface, "detached", 1);
	pinned_print(v);
	json_decref(v);
	return CLI_DONE;
}

static int detach_tc(const struct cli_options *o, const char *interface, enum tc_way way)
{
	char why[DATAPLANE_WHY_MAX];
	int err = tc_detach(pinned_dir(o), interface, way, why);

	if (!err)
		return print_detached(o, interface);
	cli_error("%s", why);
	return err == -ENOENT ? CLI_REFUSED : CLI_ERROR;
}

int cmd_detach(const struct cli_options *o, int argc, char **argv)
{
	char why[DATAPLANE_WHY_MAX];
	struct carried c;
	struct pinned p;
	bool guard;
	int err;

	if (argc == 2 && !strcmp(argv[1], "help"))
		return pinned_usage(stdout, detach_help);
	if (argc == 3 && cli_word(tc_words, argv[2]) >= 0)
		return detach_tc(o, argv[1], cli_word(tc_words, argv[2]));
	if (argc != 2)
		return pinned_usage(stderr, detach_help);
	if (pinned_open(o, &p))
		return CLI_ERROR;
	err = program_carried(argv[1], &c, why);
	if (!err) {
		guard = p.has_guard && (!p.has_router || c.native == p.guard.program_id ||
					c.generic == p.guard.program_id);
		err = program_detach(guard ? p.guard.program : p.router.program, argv[1], why);
	}
	pinned_close(&p);
	if (err) {
		cli_error("%s", why);
		return err == -ENOENT || err == -EBUSY ? CLI_REFUSED : CLI_ERROR;
	}
	return print_detached(o, argv[1]);
}
