/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines, to stderr with the process's name and, under systemd, a priority.
 * warn adds strerror(errno), warnx does not; all leave errno as it was.
 */
#ifndef LOG_H
#define LOG_H

#include <stdarg.h>

enum log_level {
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* name must outlive the process, as a string literal does. */
void log_init(const char *name, enum log_level level);
void log_rename(const char *name); /* in a child: the level stays */

__attribute__((format(printf, 1, 2))) void log_warn(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warnx(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

/* For the impossible at start only: says so and exits with 2. */
__attribute__((format(printf, 1, 2), noreturn)) void fatal(const char *fmt, ...);
__attribute__((format(printf, 1, 2), noreturn)) void fatalx(const char *fmt, ...);

#endif
