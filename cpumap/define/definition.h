/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Site definitions: the *.xml files of models.d, in libvirt's cpu_map syntax with <shim:qemu base=
 * vendor=>. How to write one: docs/operating.md, "Models of your own".
 */
#ifndef CPUSHIM_DEFINITION_H
#define CPUSHIM_DEFINITION_H

#include <libxml/tree.h>

#include "cpumap/core/error.h"
#include "cpumap/core/model.h"
#include "cpumap/libvirt/libvirtmap.h"

#define DEFINITION_NS "urn:cpushim:1"

/* What definitions are resolved against; any part may be NULL. */
struct definition_world {
	const struct libvirtmap
		*map; /* ancestors, vendors, names that libvirt owns (ours skipped) */
	const struct strv *qemu_models; /* names that the real QEMU owns, and bases that it has */
};

/* What kind of problem it is, for those that concern more than the definition's text. */
enum problem_kind {
	PROBLEM_TEXT,
	PROBLEM_UNREADABLE, /* the file can't be read, or isn't XML */
	PROBLEM_DOUBLED,    /* another definition has the name */
	PROBLEM_SHIPPED,    /* libvirt or QEMU has a model of the name */
};

struct problem {
	enum problem_kind kind;
	struct error error; /* where: FILE:LINE, what */
	char *model;        /* the definition that it concerns, or NULL (a whole file) */
};

struct definitions {
	struct model_list models; /* good ones, sorted by name, ancestors flattened */
	struct problem *problem;  /* bad ones: each names file:line */
	size_t n_problems;
	struct strv warnings; /* FILE:LINE: features that aren't part of a definition, ... */
};

/**
 * definitions_load: read every *.xml of @dirs (in the order of names, shipped before site), resolve
 * ancestors against each other and @world, and check every rule. A bad definition becomes a
 * problem, and so do those that build on it. The good ones stay. A directory that doesn't exist is
 * empty. Files must be root's or the caller's own.
 * Returns 0 unless memory runs out or a directory can't be read.
 */
int definitions_load(struct definitions *d, const char *const *dirs, size_t n_dirs,
		     const struct definition_world *world, struct error *err);

/**
 * definitions_load_doc: the definitions of one <cpus>, whoever may have written it. Those of @dirs can
 * be built on, and add no models, problems or warnings; the document's names may be theirs, too.
 * @path: what errors call it
 */
int definitions_load_doc(struct definitions *d, const xmlDoc *doc, const char *path,
			 const char *const *dirs, size_t n_dirs,
			 const struct definition_world *world, struct error *err);

/* A CPU that others described, from which a definition is to be made. */
struct definition_import {
	xmlDoc *doc;
	const char *path; /* for errors */
	const char *name; /* the new definition's */
	const char *base; /* NULL: the model that it starts from, where QEMU has it */
};

/**
 * definitions_import: a definition of the one CPU that a document describes: libvirt's <cpu>
 * (alone, or in the answer of virsh capabilities, domcapabilities or dumpxml), or a <model> of
 * libvirt's CPU map. Its ancestor is looked up as definitions_load does, also among the definitions
 * of @dirs.
 * @d: receives that one model, or its problems, and warnings of what a definition can't have.
 * The definitions of @dirs add no problems or warnings.
 * -EINVAL: the document describes no CPU, or several; @err has the line.
 */
int definitions_import(struct definitions *d, const struct definition_import *what,
		       const char *const *dirs, size_t n_dirs, const struct definition_world *world,
		       struct error *err);

void definitions_free(struct definitions *d);
#define _cleanup_definitions_ __attribute__((cleanup(definitions_free)))

#endif
