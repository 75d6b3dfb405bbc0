/* SPDX-License-Identifier: Apache-2.0 */
/* Emulators on disk: which file is our wrapper, and where the real QEMU behind it is. */
#ifndef CPUSHIM_EMULATOR_H
#define CPUSHIM_EMULATOR_H

#include <stdbool.h>

#include "error.h"
#include "table.h"
#include "util.h"

#define EMULATOR_REAL ".distrib" /* what the real QEMU's name has behind it */

/* Where distributions have QEMU for x86; NULL at the end. */
extern const char *const emulators_usual[];

/* What tells one QEMU from another without running them, in the words of struct table_qemu. */
struct emulator_file {
	char size[24], mtime[40];
	char build_id[2 * 64 + 1]; /* "": it has none */
};

/* emulator_describe: -errno and @err if the file at @real can't be read. */
int emulator_describe(struct emulator_file *f, const char *real, struct error *err);

/* emulator_is_wrapper: does the file at @path carry our ELF note? Never executes it. */
bool emulator_is_wrapper(const char *path);

/**
 * emulator_real: the real QEMU of the emulator at @path (not yet under CPUSHIM_ROOT): PATH.distrib
 * where our wrapper stands at PATH, or stood there before its file was lost; else PATH itself.
 * Returns an allocated path (under CPUSHIM_ROOT), or NULL and @err if there is none.
 */
char *emulator_real(const char *path, struct error *err);

/**
 * emulators_installed: where our wrapper stands with a QEMU behind it: at the names that
 * distributions give to QEMU for x86, and where @t's rows say. Links to a wrapper don't count.
 * @paths: receives what isn't in it yet, not under CPUSHIM_ROOT
 * @notes: a line for each wrapper that lost its QEMU
 * Returns 0 or -ENOMEM.
 */
int emulators_installed(struct strv *paths, const struct table *t, struct strv *notes);

#endif
