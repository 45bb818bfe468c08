// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 }; /* longer lines are cut, never split */

static const char *process = "fairlead";
static enum log_level limit = LOG_LEVEL_INFO;

void log_init(const char *name, enum log_level level)
{
	process = name;
	limit = level;
}

void log_rename(const char *name)
{
	process = name;
}

/* One write a line, so that lines of several processes do not mix. */
static void line(enum log_level level, const char *errtext, const char *fmt, va_list ap)
{
	static const char *const journal[] = { "<4>", "<6>", "<7>" };
	char text[LINE_MAX_BYTES];
	int saved = errno;

	if (level > limit)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "%s%s: %s%s%s\n", getenv("JOURNAL_STREAM") ? journal[level] : "",
		process, text, errtext ? ": " : "", errtext ? errtext : "");
	errno = saved;
}

#define LOG_BODY(level, errtext)                                                                   \
	va_list ap;                                                                                \
	va_start(ap, fmt);                                                                         \
	line(level, errtext, fmt, ap);                                                             \
	va_end(ap)

void log_warn(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_WARN, strerror(errno));
}

void log_warnx(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_WARN, NULL);
}

void log_info(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_INFO, NULL);
}

void log_debug(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_DEBUG, NULL);
}

void fatal(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_WARN, strerror(errno));
	exit(2);
}

void fatalx(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_WARN, NULL);
	exit(2);
}
