/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of CPU features without cpushim: libvirt's own cpu_map, read here, says which bit a
 * name means and what libvirt's models have; the real QEMU says the rest.
 */
#ifndef PROOF_ORACLE_H
#define PROOF_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "run.h"

#define MAX_NAMES  512
#define MAX_WORDS  128
#define MAX_MODELS 512

enum reg { EAX, EBX, ECX, EDX };

/* A CPUID register that holds features. */
struct word {
	uint32_t leaf, subleaf;
	enum reg reg;
	uint32_t named; /* bits that somebody has a name for */
	uint32_t open;  /* bits that something else than a definition decides */
};

struct name {
	char *name; /* libvirt's, or QEMU's where libvirt has none */
	char *qemu; /* QEMU's property */
	size_t word;
	unsigned int bit;
	bool known;   /* this QEMU has the property */
	bool offered; /* and its accelerator the feature */
	bool open;    /* no part of a definition */
};

/* A set of names. */
struct nameset {
	bool has[MAX_NAMES];
};

struct identity_words {
	char vendor[13];
	int family, model, stepping; /* -1: not said */
};

/* A model of libvirt's map. */
struct map_model {
	char *name;
	struct nameset features;
};

/* A model of QEMU's. */
struct qemu_base {
	char *name;
	struct identity_words id;
};

struct oracle {
	const char *emulator, *accel; /* the real QEMU */
	struct word word[MAX_WORDS];
	size_t n_words;
	struct name name[MAX_NAMES];
	size_t n_names;
	struct map_model map[MAX_MODELS];
	size_t n_map;
	struct qemu_base base[MAX_MODELS];
	size_t n_bases;
	const char *machine[8]; /* the oldest and newest pc and q35, microvm; NULL: the default */
	size_t n_machines;
	char host_vendor[13]; /* what KVM gives a model whose vendor isn't said */
};

/* oracle_load: everything, from the map in @map_dir and from the real QEMU. */
void oracle_load(struct oracle *o, const char *map_dir);

/* oracle_name: the index of a name in either spelling, `_` for `-`; -1: nobody has it. */
int oracle_name(const struct oracle *o, const char *name, size_t len);

const struct qemu_base *oracle_base(const struct oracle *o, const char *name);

/* oracle_computed: does it lack an identity? */
bool oracle_computed(const struct qemu_base *b);

/**
 * oracle_need: what @name never shows without: the feature that its leaf belongs to (SDM 2A, CPUID;
 * APM 3, E.4), and SYSCALL of an Intel CPU, which needs 64-bit mode. -1: nothing.
 */
int oracle_need(const struct oracle *o, size_t name, const char *vendor);

#endif
