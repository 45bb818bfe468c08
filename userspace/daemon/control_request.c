// SPDX-License-Identifier: BSD-2-Clause
/*
 * One request of the control socket: strict about its shape, since whoever sends a key
 * that is not known here means something that would not be done.
 */
#include "daemon/control_request.h"

#include <stdio.h>
#include <string.h>

json_t *control_refusal(int code, const char *error)
{
	json_t *o = json_pack("{s:b, s:s, s:i}", "ok", 0, "error", error, "code", code);

	/* An error that quotes what is no UTF-8. */
	return o ? o
		 : json_pack("{s:b, s:s, s:i}", "ok", 0, "error", "an error that cannot be told",
			     "code", code);
}

static bool is_known(const char *key)
{
	return !strcmp(key, "v") || !strcmp(key, "cmd") || !strcmp(key, "args");
}

/* Letters and blanks, as all commands are: such a text may go into the log. */
static bool is_command(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < CONTROL_COMMAND_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyz -") == n;
}

/* Whether request is one; if not, error says what is wrong with it. */
static bool is_request(json_t *request, char error[WHY_MAX])
{
	const json_t *v = json_object_get(request, "v"), *args = json_object_get(request, "args");
	const char *cmd = json_string_value(json_object_get(request, "cmd")), *key;
	json_t *value;

	if (!json_is_object(request)) {
		snprintf(error, WHY_MAX, "a request is a JSON object");
		return false;
	}
	json_object_foreach(request, key, value)
	{
		if (is_known(key))
			continue;
		snprintf(error, WHY_MAX, "unknown key \"%.60s\": want v, cmd and args", key);
		return false;
	}
	if (json_integer_value(v) != CONTROL_VERSION)
		snprintf(error, WHY_MAX, "want \"v\": %d", CONTROL_VERSION);
	else if (!cmd || !is_command(cmd))
		snprintf(error, WHY_MAX, "want \"cmd\": a command such as \"backend show\"");
	else if (args && !json_is_object(args))
		snprintf(error, WHY_MAX, "want \"args\": an object");
	else
		return true;
	return false;
}

/* What only tells is not worth a line in the log. */
static bool only_tells(const char *cmd)
{
	const char *last = strrchr(cmd, ' ');

	return !strcmp(last ? last + 1 : cmd, "show") || !strcmp(cmd, "status") ||
	       !strcmp(cmd, "policy simulate");
}

static void describe(struct control_answer *a, const char *cmd, const json_t *args)
{
	const char *name = json_string_value(json_object_get(args, "name"));

	snprintf(a->about, sizeof(a->about), "%s%s%.64s", cmd, name ? " " : "", name ? name : "");
	for (char *c = a->about; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	a->changes = !only_tells(cmd);
}

/* The command is well-formed: what does the daemon say? */
static json_t *ask(json_t *request, control_handler *handler, void *arg)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	json_t *args = json_object_get(request, "args"), *none = NULL, *result;
	char error[WHY_MAX] = "";
	int code = 2;

	if (!args)
		args = none = json_object();
	result = args ? handler(arg, cmd, args, error, &code) : NULL;
	json_decref(none);
	if (result)
		return json_pack("{s:b, s:o}", "ok", 1, "result", result);
	return control_refusal(code == 1 ? 1 : 2, error[0] ? error : "out of memory");
}

void control_request(struct bytes request, control_handler *handler, void *arg,
		     struct control_answer *out)
{
	char error[WHY_MAX] = "";
	json_error_t problem;
	json_t *o;

	memset(out, 0, sizeof(*out));
	o = json_loadb((const char *)request.p, request.n, JSON_REJECT_DUPLICATES, &problem);
	if (!o)
		snprintf(error, sizeof(error), "no JSON: %.150s", problem.text);
	if (!o || !is_request(o, error)) {
		out->malformed = true;
		out->reply = control_refusal(2, error);
	} else {
		describe(out, json_string_value(json_object_get(o, "cmd")),
			 json_object_get(o, "args"));
		out->reply = ask(o, handler, arg);
	}
	json_decref(o);
}
