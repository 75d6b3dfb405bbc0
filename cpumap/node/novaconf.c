/* SPDX-License-Identifier: Apache-2.0 */
#include "novaconf.h"

#include <ctype.h>
#include <errno.h>

#define CONF_LIMIT ((size_t)4 << 20)

/* in the order in which nova-compute reads them */
static const char *const places[] = {"/etc/nova/nova.conf", "/etc/nova/nova-compute.conf",
				     "/etc/nova/nova-cpu.conf"};

void novaconf_free(struct novaconf *n)
{
	strv_free(&n->files);
	strv_free(&n->models);
	strv_free(&n->flags);
	*n = (struct novaconf){0};
}

/* Cuts blanks off both ends, in place. */
static char *strip(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

/* A list's items, in the place of those that it had. */
static int take_list(struct strv *list, char *value)
{
	char *rest = value, *item;
	int r = 0;

	strv_free(list);
	while (r == 0 && rest && (item = strsep(&rest, ","))) {
		item = strip(item);
		if (*item)
			r = strv_add(list, item, strlen(item));
	}
	return r;
}

static int take_value(struct novaconf *n, const char *key, char *value)
{
	if (strcmp(key, "virt_type") == 0)
		(void)snprintf(n->virt_type, sizeof(n->virt_type), "%s", value);
	else if (strcmp(key, "cpu_mode") == 0)
		(void)snprintf(n->cpu_mode, sizeof(n->cpu_mode), "%s", value);
	else if (strcmp(key, "cpu_models") == 0 || strcmp(key, "cpu_model") == 0)
		return take_list(&n->models, value);
	else if (strcmp(key, "cpu_model_extra_flags") == 0)
		return take_list(&n->flags, value);
	return 0;
}

/* Joins lines that go on: those that begin with a blank (iniparser.py, oslo.config 1 to 9). */
static void join_lines(char *text)
{
	for (char *c = strchr(text, '\n'); c; c = strchr(c + 1, '\n'))
		if (c[1] == ' ' || c[1] == '\t')
			*c = ' ';
}

static int parse(struct novaconf *n, char *text)
{
	bool libvirt = false;
	char *rest = text, *line;
	int r = 0;

	join_lines(text);
	while (r == 0 && rest && (line = strsep(&rest, "\n"))) {
		char *sign;

		line = strip(line);
		if (*line == '[')
			libvirt = strncmp(line, "[libvirt]", strlen("[libvirt]")) == 0;
		sign = line + strcspn(line, "=:");
		if (!libvirt || strchr("#;[", *line) || !*sign)
			continue;
		*sign = '\0';
		r = take_value(n, strip(line), strip(sign + 1));
	}
	return r;
}

static int read_one(struct novaconf *n, const char *path, struct error *err)
{
	_cleanup_free_ char *here = root_path(path), *text = NULL;
	size_t len;
	int r = here ? file_read(here, TRUST_ANY, CONF_LIMIT, &text, &len, err) : -ENOMEM;

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = strv_add(&n->files, path, strlen(path));
	if (r == 0)
		r = parse(n, text);
	return r == -ENOMEM ? error_set(err, r, path, 0, "out of memory") : r;
}

int novaconf_read(struct novaconf *n, struct error *err)
{
	int r = 0;

	*n = (struct novaconf){.virt_type = "kvm"};
	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = read_one(n, places[i], err);
	if (r == 0 && n->files.n == 0)
		return error_set(err, -ENOENT, places[0], 0, "isn't here");
	return r;
}
