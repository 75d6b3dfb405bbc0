/* SPDX-License-Identifier: Apache-2.0 */
/* Emulators on disk: which file is our wrapper, where the real QEMU behind it is, and whether that is
 * still the QEMU that the table was made from. */
#ifndef CPUSHIM_EMULATOR_H
#define CPUSHIM_EMULATOR_H

#include <stdbool.h>

#include "error.h"
#include "table.h"
#include "util.h"

#define EMULATOR_REAL ".distrib" /* what the real QEMU's name has behind it */

/* Where distributions have QEMU for x86; NULL at the end. */
extern const char *const emulators_usual[];

/* What helps where the real QEMU is gone, or doesn't work. */
#define EMULATOR_REINSTALL "reinstall QEMU (Debian: `apt-get install --reinstall qemu-system-x86`)"

/* What helps where it is another than the table's. */
#define EMULATOR_COMPILE                                                                           \
	"`cpushim compile` (after an upgrade of QEMU it runs by itself where cpushim's "           \
	"package or systemd units are)"

/* What tells one QEMU from another without running them, in the words of struct table_qemu. */
struct emulator_file {
	char size[24], mtime[40];
	char build_id[2 * 64 + 1]; /* "": it has none */
};

/* emulator_describe: -errno and @err if the file at @real can't be read. */
int emulator_describe(struct emulator_file *f, const char *real, struct error *err);

/* emulator_script: what a table's note says of a script at an emulator's place that starts QEMU. */
#define EMULATOR_SCRIPT_MAX                                                                        \
	(sizeof(((struct emulator_file *)0)->size) + sizeof(((struct emulator_file *)0)->mtime))
void emulator_script(char script[EMULATOR_SCRIPT_MAX], const struct emulator_file *f);

enum emulator_now {
	EMULATOR_SAME,
	EMULATOR_OTHER,  /* another build: an upgrade, or somebody's own */
	EMULATOR_GONE,   /* there is no such file */
	EMULATOR_HIDDEN, /* it may not be looked at */
};

/**
 * emulator_compare: is the QEMU at @real the one that the table was made from?
 * Where nothing changed this costs one stat. Clones, reinstalls and images may have another mtime, so
 * if size or mtime differ the build-id decides; without one it is another QEMU.
 * @real: an emulator's place, as emulator_real finds it
 */
enum emulator_now emulator_compare(const struct table_qemu *noted, const char *real);

/* emulator_compare_program: the same of the program itself, such as a process's (/proc/PID/exe): a
 * script that starts it doesn't count. */
enum emulator_now emulator_compare_program(const struct table_qemu *noted, const char *program);

/* emulator_is_wrapper: does the file at @path carry our ELF note? Never executes it. */
bool emulator_is_wrapper(const char *path);

/**
 * emulator_real: the real QEMU of the emulator at @path (not yet under CPUSHIM_ROOT): PATH.distrib
 * where our wrapper stands at PATH, or stood there before its file was lost; else PATH itself.
 * Returns an allocated path (under CPUSHIM_ROOT), or NULL and @err if there is none.
 */
char *emulator_real(const char *path, struct error *err);

/**
 * emulators_installed: where our wrapper stands: at the names that distributions give to QEMU for
 * x86, and where @t says. Links to a wrapper don't count.
 * @paths: receives what isn't in it yet, not under CPUSHIM_ROOT
 * @lost: receives those of @t where none stands any more
 * Returns 0 or -ENOMEM.
 */
int emulators_installed(struct strv *paths, const struct table *t, struct strv *lost);

#endif
