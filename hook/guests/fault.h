/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with this node: a sentence that says what it is and what it does to guests, and
 * what mends it. Each fault is worded once, for all commands that tell it.
 */
#ifndef CPUSHIM_FAULT_H
#define CPUSHIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* What mends most of them: commands that every node has. In a cure a command stands in backticks. */
#define CURE_READY   "`cpushim ready`"
#define CURE_COMPILE "`cpushim compile`"
/* what puts the programs back: none of them is in the others */
#define CURE_REINSTALL "reinstall cpushim: install.sh of its checkout, or its package"

/* From the slightest to the worst. */
enum weight {
	WEIGHT_HOLDS,   /* no fault */
	WEIGHT_SKIPPED, /* no fault: there is nothing to look at here, for the reason told */
	WEIGHT_WARNS,   /* guests are right today */
	WEIGHT_UNKNOWN, /* it can't be told, for the reason told */
	WEIGHT_FAILS,   /* may prevent a guest from starting, or from being checked */
	WEIGHT_BLOCKS,  /* prevents all guests of site models from starting */
};

struct fault {
	const char *id; /* the condition that it breaks (cpushim doctor) */
	enum weight weight;
	char *what; /* "PATH: what is wrong", without an end */
	char *cure; /* NULL: nothing has to be done */
};

/* Zero-initialise; free with faults_free. */
struct faults {
	struct fault *item;
	size_t n;
	bool lost; /* memory ran out for one of them */
};

/* fault_add: one more. */
void fault_add(struct faults *f, const char *id, enum weight weight, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* fault_cure: what mends the one that was added last. */
void fault_cure(struct faults *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * fault_error: an error as a fault. What stands behind the last semicolon of its words is the cure, and
 * @cure, if it isn't NULL, comes after that.
 */
struct error;
void fault_error(struct faults *f, const char *id, enum weight weight, const struct error *err,
		 const char *cure);

/* fault_line: "WHAT; CURE", allocated; NULL: out of memory. */
char *fault_line(const struct fault *fault);

void faults_free(struct faults *f);
#define _cleanup_faults_ __attribute__((cleanup(faults_free)))

#endif
