/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's command line, walked as QEMU walks it: which words are options, and which of those take
 * the next word as their value, whatever it looks like (`-append -cpu`). This reads the wrapper's
 * argv as well as /proc/PID/cmdline. libc alone.
 *
 * Facts of QEMU's parser (lookup_opt and qemu_init, system/vl.c; vl.c before 4.2; 0.9 to 11.1;
 * measured): an option has one dash or two; a word without a dash is a disk image; there is no
 * `-option=value`, no abbreviation, and no word that ends the options.
 */
#ifndef CPUSHIM_QEMUARGS_H
#define CPUSHIM_QEMUARGS_H

#include <stdbool.h>
#include <stddef.h>

/* One option; begin with {0}. Points into the vector, owns nothing. */
struct qemuarg {
	const char *name;  /* without its dashes */
	const char *value; /* NULL: it takes none, or the vector ends before it */
	size_t at;         /* the value's index in the vector, if there is one */
	size_t next;       /* where the walk goes on */
};

/**
 * qemuargs_next: step to the next option.
 * @argc, @argv: a whole vector, the program's name first; the NULL behind it isn't needed
 * Returns false at the end.
 */
bool qemuargs_next(struct qemuarg *arg, size_t argc, char *const *argv);

/* qemuarg_is: is it the option @name, which is written without dashes? */
bool qemuarg_is(const struct qemuarg *arg, const char *name);

/* qemuargs_last: the value of the last option @name that has one, or NULL. */
const char *qemuargs_last(size_t argc, char *const *argv, const char *name);

/* qemuargs_machine_is_none: does this QEMU run no machine? libvirt starts one like that to ask what
 * it knows. */
bool qemuargs_machine_is_none(size_t argc, char *const *argv);

/* One part of a value like "pc,accel=kvm" or "guest=a,,b,debug-threads=on"; begin with {0}. */
struct qemuopt {
	const char
		*key; /* NULL: the first part may lack one; the option decides which key it stands
		      * for */
	size_t key_len;
	const char *value; /* a comma in it is written twice; NULL: none was written */
	size_t value_len;
	const char *next;
};

/**
 * qemuopt_next: step to the next part (QemuOpts: opts_do_parse and get_opt_name_value,
 * util/qemu-option.c, 2.12 to 11.1).
 * Returns false at the end.
 */
bool qemuopt_next(struct qemuopt *opt, const char *text);

/* qemuopt_is: is it the part @key? @implied: a part without a key stands for @key. */
bool qemuopt_is(const struct qemuopt *opt, const char *key, bool implied);

#endif
