/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim's own files: whole, of one release, owned and readable as they must be, and nothing left over. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cpumap/core/paths.h"
#include "cpumap/define/digest.h"
#include "condition.h"

#define FILE_LIMIT ((size_t)64 << 20)

void look_table(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct error *why = &c->no_table;

	if (why->code) {
		fault_error(f, it->id, why->code == -EACCES ? WEIGHT_UNKNOWN : WEIGHT_BLOCKS, why,
			    strstr(why->what, "cpushim compile") ? NULL : CURE_COMPILE);
		return;
	}
	for (size_t i = 0; i < c->table.n; i++) {
		const struct table_row *row = &c->table.row[i];

		/* a row that can't be trusted */
		if (*row->refused && !*row->emulator) {
			fault_add(f, it->id, WEIGHT_FAILS, TABLE_PATH ": the row of %s: %s",
				  row->model, row->refused);
			fault_cure(f, CURE_COMPILE);
		}
	}
}

void look_readable(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (c->has_user)
		look_told(c, it, f);
	else
		fault_add(f, it->id, WEIGHT_SKIPPED, "libvirt has no user for QEMU here");
}

void look_release(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (strcmp(c->table.release, CPUSHIM_VERSION) == 0)
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  TABLE_PATH ": was written by cpushim %s, and this is " CPUSHIM_VERSION,
		  *c->table.release ? c->table.release : "of an unknown release");
	fault_cure(f, CURE_COMPILE);
}

/* ---- the receipt ---- */

void look_receipt(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct error *why = &c->no_receipt;

	if (why->code)
		fault_add(f, it->id, why->code == -EACCES ? WEIGHT_UNKNOWN : WEIGHT_FAILS, "%s: %s",
			  why->where, why->what);
	else if (c->receipt.lost && !c->receipt.rebuilt)
		fault_add(f, it->id, WEIGHT_WARNS,
			  RECEIPT_PATH
			  ": is missing or damaged, so that `cpushim remove` has to guess what is "
			  "cpushim's");
	else
		return;
	fault_cure(f, "%s%s",
		   why->code == -EINVAL ? "`mv " RECEIPT_PATH " " RECEIPT_PATH ".old`, then " : "",
		   CURE_READY);
}

/* The digest of a file; "" if it can't be read. */
static void digest_file(const char *path, char hex[DIGEST_HEX])
{
	_cleanup_free_ char *here = root_path(path);
	_cleanup_text_ struct text t = {0};

	*hex = '\0';
	if (here && file_read(here, TRUST_ANY, FILE_LIMIT, &t.data, &t.len, NULL) == 0)
		digest_of(&t, hex);
}

/* Does another condition tell of this file? */
static bool is_told_elsewhere(const char *path)
{
	static const char *const own[] = {HOOK_PATH, HOOK_BESIDE, COMMAND_PATH, PROXY_PATH};
	bool there = checkup_has(path);

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(path, own[i]) == 0)
			return i < 2 || !there;
	return strstr(path, ".service.d/cpushim.conf");
}

/* Who puts it back? `cpushim ready` writes systemd's units itself. */
static const char *cure_of(const char *path)
{
	return strncmp(path, UNITS_DIR "/", strlen(UNITS_DIR "/")) == 0 ? CURE_READY
									: CURE_REINSTALL;
}

void look_files(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_strv_ struct strv paths = {0};

	(void)receipt_paths(&c->receipt, RECEIPT_FILE, &paths);
	for (size_t i = 0; i < paths.n; i++) {
		const char *path = paths.item[i];
		char hex[DIGEST_HEX];

		if (is_told_elsewhere(path))
			continue;
		digest_file(path, hex);
		if (receipt_has(&c->receipt, RECEIPT_FILE, path, hex))
			continue;
		if (!*hex && checkup_has(path))
			fault_add(f, it->id, WEIGHT_UNKNOWN, "%s: can't be read; run this as root",
				  path);
		else
			fault_add(f, it->id, WEIGHT_FAILS, "%s: %s", path,
				  *hex ? "was changed since it was put there" : "is gone");
		fault_cure(f, "%s", cure_of(path));
	}
}

/* ---- owners and modes ---- */

static const char *const ours[] = {
	COMMAND_PATH, PROXY_PATH, HOOK_SOURCE,    WRAPPER_SOURCE,
	GUEST_PATH,   TABLE_PATH, PUBLISHED_PATH, LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS,
	LIB_DIR,      SITE_DIR,   SHIPPED_DIR};

static void judge_at(const char *path, const struct condition *it, struct faults *f,
		     void (*judge)(const struct condition *it, struct faults *f, const char *path,
				   const struct stat *st))
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	if (here && stat(here, &st) == 0)
		judge(it, f, path, &st);
}

static void each_file(struct checkup *c, const struct condition *it, struct faults *f,
		      void (*judge)(const struct condition *it, struct faults *f, const char *path,
				    const struct stat *st))
{
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		judge_at(ours[i], it, f, judge);
	for (size_t i = 0; i < c->state.n_emulators; i++)
		if (c->state.emulator[i].wrapper)
			judge_at(c->state.emulator[i].path, it, f, judge);
}

static void judge_owner(const struct condition *it, struct faults *f, const char *path,
			const struct stat *st)
{
	/* in a root that a user prepares they are the user's */
	if (st->st_uid == 0 || (root_is_another() && st->st_uid == geteuid()))
		return;
	fault_add(f, it->id, WEIGHT_FAILS, "%s: belongs to user %u, who can change it", path,
		  (unsigned int)st->st_uid);
	fault_cure(f, "`chown root %s`", path);
}

void look_owners(struct checkup *c, const struct condition *it, struct faults *f)
{
	each_file(c, it, f, judge_owner);
}

static void judge_mode(const struct condition *it, struct faults *f, const char *path,
		       const struct stat *st)
{
	if (!(st->st_mode & 022))
		return;
	fault_add(f, it->id, WEIGHT_FAILS, "%s: has mode %o, so that others may write it", path,
		  (unsigned int)(st->st_mode & 07777));
	fault_cure(f, "`chmod go-w %s`", path);
}

void look_modes(struct checkup *c, const struct condition *it, struct faults *f)
{
	each_file(c, it, f, judge_mode);
}

/* ---- the place ---- */

void look_usr(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *dir = root_path(LIB_DIR);
	struct statvfs fs;

	(void)c;
	if (!dir || statvfs(dir, &fs) < 0) {
		fault_add(f, it->id, WEIGHT_UNKNOWN, LIB_DIR ": %s", strerror(errno));
		return;
	}
	if (!(fs.f_flag & ST_RDONLY))
		return;
	fault_add(f, it->id, WEIGHT_WARNS,
		  LIB_DIR
		  ": is on a file system that is mounted read-only, so that no definition can "
		  "be added or changed here");
	fault_cure(f, "`cpushim compile` where the image is made");
}

/* Until it has ended nothing mends libvirt's map. */
void look_removal(struct checkup *c, const struct condition *it, struct faults *f)
{
	(void)c;
	if (!checkup_has(REMOVING_MARK))
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  REMOVING_MARK ": `cpushim remove` was begun here, and hasn't ended");
	fault_cure(f, "`cpushim remove` once more; to keep cpushim, `cpushim ready`");
}

void look_leftovers(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_strv_ struct strv paths = {0};

	if (checkup_leftovers(c, &paths) < 0)
		f->lost = true;
	for (size_t i = 0; i < paths.n; i++) {
		fault_add(f, it->id, WEIGHT_WARNS, "%s: was left by work that was interrupted",
			  paths.item[i]);
		fault_cure(f, "`rm -f %s`", paths.item[i]);
	}
}
