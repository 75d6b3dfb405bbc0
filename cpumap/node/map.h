/* SPDX-License-Identifier: Apache-2.0 */
/* Our models in libvirt's CPU map: the include, and the line of index.xml that names it; or, before
 * libvirt 4.7, a block in its one file. */
#ifndef CPUSHIM_MAP_H
#define CPUSHIM_MAP_H

#include <stddef.h>

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* index_names: how often does the text of an index.xml name our include? */
size_t index_names(const char *text);

/**
 * index_with_include: an index.xml that names our include once, behind the features: models come
 * after the features that they name.
 * -EINVAL: it names no x86_features.xml.
 */
int index_with_include(struct text *out, const char *text, struct error *err);

/* index_without_include: the same text without the lines that name our include. */
void index_without_include(struct text *out, const char *text);

/**
 * index_comment_out: make comments of the elements of index.xml that name our include. The text keeps its
 * length; index_without_include and index_with_include drop these lines.
 * Returns how many there were. -EINVAL: one isn't as we write them, and @text is of no use.
 */
int index_comment_out(char *text);

/**
 * comment_out_include: where there is no room for another index.xml, take our include out in the file that
 * is there. It isn't replaced at once, so this is for an index that libvirt can't read as it is.
 */
int comment_out_include(struct error *err);

/* map_names_ours: does the index name our include, or has the one file our block? */
bool map_names_ours(void);

/* include_leaves_out: was a model left out of our include because somebody else's file had it? */
bool include_leaves_out(void);

/**
 * map_is_taken: is the map right as it is? It names our include once, the include is as it was
 * compiled and leaves no model to somebody else's file, which may be another one by now, and libvirt
 * takes it. Otherwise -errno, and @err says what isn't right.
 */
int map_is_taken(struct error *err);

#endif
