/* SPDX-License-Identifier: Apache-2.0 */
#include "checkup.h"

#include <dirent.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtask.h"
#include "hook/domain/storedxml.h"
#include "leftovers.h"

#define LIBVIRT_SECONDS 20
#define TEXT_LIMIT      ((size_t)16 << 20)

void checkup_begin(struct checkup *c)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);

	*c = (struct checkup){.live = !root_is_another()};
	if (!path)
		(void)error_set(&c->no_table, -ENOMEM, TABLE_PATH, 0, "out of memory");
	else if (table_load(&c->table, path, &c->no_table) == -ENOENT)
		(void)error_set(&c->no_table, -ENOENT, path, 0, "there is no table");
	/* a daemon that systemd starts when it is asked has to be there before it is looked for */
	if (c->live)
		(void)checkup_libvirt(c);
	nodestate_read(&c->state, &c->table);
	nodestate_unknown(&c->state, &c->told);
	nodestate_faults(&c->state, NULL, &c->told);
	(void)nodestate_restart(&c->state, c->restart, sizeof(c->restart));
	c->has_user = user_of_qemu(&c->user) == 0;
	/* where there is none, that is in the receipt */
	if (receipt_load(&c->receipt, &c->no_receipt) == 0)
		c->no_receipt = (struct error){0};
}

void checkup_free(struct checkup *c)
{
	for (size_t i = 0; i < c->n_qemus; i++) {
		free(c->qemu[i].real);
		qemu_free(&c->qemu[i].qemu);
		compiled_free(&c->qemu[i].compiled);
	}
	free(c->qemu);
	strv_free(&c->libvirt.models);
	libvirtmap_free(&c->map);
	libvirtmap_free(&c->stock);
	names_free(&c->names);
	process_list_free(&c->processes);
	receipt_free(&c->receipt);
	user_free(&c->user);
	faults_free(&c->told);
	nodestate_free(&c->state);
	table_free(&c->table);
}

const struct checkup_libvirt *checkup_libvirt(struct checkup *c)
{
	const struct libvirt_at at = {.uri = LIBVIRT_SYSTEM_URI, .seconds = LIBVIRT_SECONDS};

	if (c->asked)
		return &c->libvirt;
	c->asked = true;
	if (c->live)
		(void)libvirt_ask_models(&at, "x86_64", &c->libvirt.models, &c->libvirt.error);
	else
		(void)error_set(&c->libvirt.error, -ENOTSUP, NULL, 0,
				"another root is looked at (CPUSHIM_ROOT), whose libvirt can't be "
				"asked");
	return &c->libvirt;
}

static void read_maps(struct checkup *c)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);

	if (c->mapped || !dir)
		return;
	c->mapped = true;
	(void)libvirtmap_load(&c->map, dir, NULL, NULL);
	(void)libvirtmap_load(&c->stock, dir, LIBVIRTMAP_OURS, NULL);
}

const struct libvirtmap *checkup_map(struct checkup *c)
{
	read_maps(c);
	return &c->map;
}

const struct libvirtmap *checkup_stock(struct checkup *c)
{
	read_maps(c);
	return &c->stock;
}

/* What the QEMU makes of the definitions: compile's own work, of which nothing is written. */
static void compile_again(struct checkup_qemu *q, const struct libvirtmap *stock)
{
	_cleanup_history_ struct history before = {0};
	int r = history_load(&before, &q->refuses);

	if (r == 0)
		(void)compile(&q->compiled, q->emulator, &q->qemu, stock->models.n ? stock : NULL,
			      &before, &q->refuses);
}

static void probe(struct checkup *c, struct checkup_qemu *q)
{
	q->real = emulator_real(q->emulator, &q->error);
	if (q->real && qemu_probe(&q->qemu, q->real, &q->error) == 0)
		compile_again(q, checkup_stock(c));
}

const struct checkup_qemu *checkup_qemus(struct checkup *c, size_t *n)
{
	const struct nodestate *s = &c->state;
	size_t n_emulators = s->n_emulators ? s->n_emulators : 1;

	if (!c->probed)
		c->qemu = calloc(n_emulators, sizeof(*c->qemu));
	for (size_t i = 0; c->qemu && !c->probed && i < n_emulators; i++) {
		c->qemu[i].emulator = s->n_emulators ? s->emulator[i].path : EMULATOR_DEFAULT;
		probe(c, &c->qemu[i]);
		c->n_qemus++;
	}
	c->probed = true;
	*n = c->n_qemus;
	return c->qemu;
}

const struct names *checkup_names(struct checkup *c)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);

	if (!c->named && path && table_load(&c->names.table, path, NULL) == 0)
		names_published(&c->names);
	c->named = true;
	return &c->names;
}

const struct process_list *checkup_processes(struct checkup *c)
{
	if (!c->listed)
		(void)processes_qemu(&c->processes, NULL);
	c->listed = true;
	return &c->processes;
}

void checkup_domains(struct checkup *c, enum domainfile kind,
		     void (*look)(struct checkup *c, const char *name, const struct domain *d,
				  void *data),
		     void *data)
{
	_cleanup_free_ char *path = root_path(domainfile_dir(kind));
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_storedxml_ struct storedxml stored = {0};
		size_t len = strlen(entry->d_name), end = strlen(".xml");
		_cleanup_free_ char *name = len > end ? strndup(entry->d_name, len - end) : NULL;

		if (name && strcmp(entry->d_name + len - end, ".xml") == 0 &&
		    storedxml_read(&stored, kind, name, NULL) == 0)
			look(c, name, &stored.domain, data);
	}
	if (dir)
		(void)closedir(dir);
}

char *checkup_text(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	char *text = NULL;
	size_t len;

	return here && file_read(here, TRUST_ANY, TEXT_LIMIT, &text, &len, NULL) == 0 ? text : NULL;
}

bool checkup_has(const char *path)
{
	_cleanup_free_ char *here = root_path(path);

	return here && access(here, F_OK) == 0;
}

int checkup_leftovers(const struct checkup *c, struct strv *paths)
{
	_cleanup_strv_ struct strv emulators = {0};

	for (size_t i = 0; i < c->state.n_emulators; i++)
		if (strv_addf(&emulators, "%s", c->state.emulator[i].path) < 0)
			return -ENOMEM;
	return leftovers_find(paths, &emulators, false);
}
