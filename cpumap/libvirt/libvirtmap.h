/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's CPU map (its x86 part): the directory form, index.xml with includes, as libvirt 4.7 and
 * later install it; or the one cpu_map.xml of earlier ones. Read only to learn what libvirt knows.
 */
#ifndef CPUSHIM_LIBVIRTMAP_H
#define CPUSHIM_LIBVIRTMAP_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/model.h"
#include "cpumap/core/util.h"

struct libvirtmap {
	struct featset features; /* the features that this map has under the name that features[]
				  * has */
	struct strv unknown;     /* its feature names that features[] lacks (a newer libvirt) */
	struct strv odd; /* models that can't be understood: an unknown ancestor or feature */
	struct strv odd_origin;   /* FILE:LINE of each */
	struct strv vendors;      /* "Intel" "GenuineIntel", "AMD" "AuthenticAMD", ...: pairs */
	struct model_list models; /* flattened (ancestors' features included, features that are
				   * marked added= or removed= left out); id.vendor is the vendor's
				   * string, signature the first one; base NULL; origin FILE:LINE */
	struct strv ours;         /* models of our own include or block, if it wasn't skipped */
	unsigned int named;       /* how often the index names our include */
	bool single;              /* one cpu_map.xml (libvirt before 4.7) */
	bool has_decode; /* its models carry <decode>: then every model must (libvirt 6.2 on) */
};

/**
 * libvirtmap_load: read the map in directory @dir, or where that has no index.xml, in @dir.xml.
 * A model that can't be understood (an unknown ancestor, features beyond features[]) is one of the
 * odd ones, and not of the models; a file that is missing or isn't XML is an error.
 * @skip: an include's file name to pass over (ours; then our block in a single file, too), or NULL
 */
int libvirtmap_load(struct libvirtmap *map, const char *dir, const char *skip, struct error *err);
void libvirtmap_free(struct libvirtmap *map);
#define _cleanup_libvirtmap_ __attribute__((cleanup(libvirtmap_free)))

/* libvirtmap_odd: where the map (NULL: none) has an odd model of that name; NULL: it hasn't. */
const char *libvirtmap_odd(const struct libvirtmap *map, const char *name);

/* libvirtmap_vendor: "GenuineIntel" for "Intel" (also takes the 12 characters themselves); NULL if
 * nobody has defined it. Vendors that libvirt ships are known without a map. */
const char *libvirtmap_vendor(const struct libvirtmap *map, const char *name);

/* libvirtmap_host_vendor: "Intel", "AMD", ...: this machine's vendor by its CPUID; NULL: this map hasn't
 * it. */
const char *libvirtmap_host_vendor(const struct libvirtmap *map);

#endif
