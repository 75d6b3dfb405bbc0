/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of cpushim. Each has a row in main.c. A command parses its arguments (argv[0] is for
 * getopt's errors), prints, and returns the exit status.
 */
#ifndef CPUSHIM_CMD_H
#define CPUSHIM_CMD_H

#include <jansson.h>

#include "cpumap/core/error.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"

/* What every command exits with. */
enum {
	EXIT_YES = 0,     /* done, yes, exact */
	EXIT_NO = 1,      /* incompatible, differs, refused */
	EXIT_UNKNOWN = 2, /* could not tell: usage, unreadable input, missing QEMU */
};

/* cmd_fail: print @err on stderr; returns EXIT_UNKNOWN. */
int cmd_fail(const struct error *err);

/* usage_error: "cpushim: COMMAND: what (cpushim COMMAND --help)"; returns EXIT_UNKNOWN. */
int usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* cmd_help: print @text on stdout; returns EXIT_YES. */
int cmd_help(const char *text);

/* cmd_print: print @t on stdout; it may have failed. On a terminal a line that is too wide goes on in
 * the next one, behind @indent blanks. Returns @status, or EXIT_UNKNOWN with an error. */
int cmd_print(const struct text *t, size_t indent, int status);

/* cmd_write: @file becomes @t, at once; a device or a pipe is written to. */
int cmd_write(const char *file, const struct text *t, struct error *err);

/* cmd_flush: write what is left for stdout. Returns @status; if that fails, EXIT_UNKNOWN, and an
 * error is printed. */
int cmd_flush(int status);

/* cmd_json: print @answer (taken over; NULL: out of memory). */
int cmd_json(json_t *answer);

/* cmd_foreign: text that others wrote as a JSON string; null for NULL. Bytes that aren't UTF-8,
 * which JSON can't hold, become \xNN. Text that is longer than any name or argument is cut. */
json_t *cmd_foreign(const char *s);

/* cmd_features_json: the names of @set, a list, sorted. */
json_t *cmd_features_json(const struct featset *set);

/* cmd_table: load the table of this root. If there is none the error says how to get one. */
int cmd_table(struct table *t, struct error *err);

/* cmd_no_model: the error for a name that no model has: @what says so, and the nearest name of the
 * table's models, and of @others, is suggested. @others: NULL: none */
struct model_list;
void cmd_no_model(struct error *err, const char *what, const char *name, const struct table *t,
		  const struct model_list *others);

/* cmd_row: a model's row, or NULL and @err, which suggests another name. @emulator: NULL for the
 * first. */
const struct table_row *cmd_row(const struct table *t, const char *model, size_t len,
				const char *emulator, struct error *err);

/**
 * cmd_nodestate: a line on stderr for each fault of this node that prevents site models from
 * starting or from being checked (hook/guests/nodestate.h).
 * @restart_said: the user was told already that libvirt has to be restarted
 */
void cmd_nodestate(const struct table *t, bool restart_said);

int cmd_ready(int argc, char **argv);
int cmd_remove(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_expand(int argc, char **argv);
int cmd_rewrite(int argc, char **argv);
int cmd_host(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_baseline(int argc, char **argv);
int cmd_rollover(int argc, char **argv);
int cmd_try(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_compile(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_guests(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_hook(int argc, char **argv);
int cmd_mark(int argc, char **argv);
int cmd_ask(int argc, char **argv);

#endif
