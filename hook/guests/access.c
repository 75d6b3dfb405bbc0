/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/util.h"

#define CONFIGURATION "/etc/libvirt/qemu.conf"
#define TEXT_LIMIT    ((size_t)4 << 20)

void user_free(struct user *u)
{
	free(u->gid);
	*u = (struct user){0};
}

static char *read_text(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	char *text = NULL;
	size_t len;

	return here && file_read(here, TRUST_ANY, TEXT_LIMIT, &text, &len, NULL) == 0 ? text : NULL;
}

/* The value of `key = "VALUE"`, the last one of the file, in @buf. */
static void read_setting(const char *text, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n \t");
		if (strncmp(line, key, len) != 0)
			continue;
		line += len + strspn(line + len, " \t");
		if (*line != '=')
			continue;
		line += 1 + strspn(line + 1, " \t");
		line += *line == '"' || *line == '\'';
		(void)snprintf(buf, size, "%.*s", (int)strcspn(line, "\"'\n"), line);
	}
}

/* Splits a line of passwd or group into @n fields, in place. Returns the next line; NULL: none. */
static char *split_line(char *line, char **field, size_t n)
{
	char *next = strchr(line, '\n');

	if (next)
		*next++ = '\0';
	for (size_t i = 0; i < n; i++) {
		char *colon = strchr(line, ':');

		field[i] = line;
		if (colon)
			*colon = '\0';
		line = colon ? colon + 1 : line + strlen(line);
	}
	return next && *next ? next : NULL;
}

static bool parse_id(const char *text, unsigned int *id)
{
	uint64_t value;

	if (number_parse(text, strlen(text), 10, UINT32_MAX, &value) < 0)
		return false;
	*id = (unsigned int)value;
	return true;
}

static int add_group(struct user *u, gid_t gid)
{
	gid_t *grown = reallocarray(u->gid, u->n_gids + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	u->gid = grown;
	grown[u->n_gids++] = gid;
	return 0;
}

/* Finds the user of that name or, as in "+64055", number. */
static int find_user(struct user *u, const char *name)
{
	_cleanup_free_ char *text = read_text("/etc/passwd");
	char *field[4] = {0};
	unsigned int wanted = 0, gid;
	bool number = parse_id(name + (*name == '+'), &wanted);

	for (char *line = text, *next; line; line = next) {
		next = split_line(line, field, ARRAY_SIZE(field));
		if (!parse_id(field[2], &u->uid) || !parse_id(field[3], &gid))
			continue;
		if (strcmp(field[0], name) != 0 && !(number && u->uid == wanted))
			continue;
		(void)snprintf(u->name, sizeof(u->name), "%s", field[0]);
		return add_group(u, gid);
	}
	return -ENOENT;
}

static bool is_member(const char *members, const char *name)
{
	size_t len = strlen(name);

	while (*members) {
		if (strncmp(members, name, len) == 0 && strchr(",", members[len]))
			return true;
		members += strcspn(members, ",");
		members += *members == ',';
	}
	return false;
}

/* Adds the groups that name the user, and the one that qemu.conf says. */
static int add_groups(struct user *u, const char *configured)
{
	_cleanup_free_ char *text = read_text("/etc/group");
	char *field[4] = {0};
	unsigned int gid;
	int r = 0;

	for (char *line = text, *next; line && r == 0; line = next) {
		next = split_line(line, field, ARRAY_SIZE(field));
		if (parse_id(field[2], &gid) &&
		    (is_member(field[3], u->name) || strcmp(field[0], configured) == 0))
			r = add_group(u, gid);
	}
	return r;
}

int user_of_qemu(struct user *u)
{
	static const char *const usual[] = {"libvirt-qemu", "qemu"};
	_cleanup_free_ char *text = read_text(CONFIGURATION);
	char name[64] = "", group[64] = "";
	int r = -ENOENT;

	*u = (struct user){0};
	read_setting(text, "user", name, sizeof(name));
	read_setting(text, "group", group, sizeof(group));
	if (*name)
		r = find_user(u, name);
	for (size_t i = 0; i < ARRAY_SIZE(usual) && !*name && r == -ENOENT; i++)
		r = find_user(u, usual[i]);
	return r < 0 ? r : add_groups(u, group);
}

static bool may(const struct user *u, const struct stat *st, int bits)
{
	mode_t granted = st->st_mode;

	if (u->uid == 0)
		return !(bits & X_OK) || S_ISDIR(st->st_mode) || (granted & 0111);
	if (st->st_uid == u->uid)
		return ((granted >> 6) & (mode_t)bits) == (mode_t)bits;
	for (size_t i = 0; i < u->n_gids; i++)
		if (st->st_gid == u->gid[i])
			return ((granted >> 3) & (mode_t)bits) == (mode_t)bits;
	return (granted & (mode_t)bits) == (mode_t)bits;
}

char *user_may_not(const struct user *u, const char *path, int bits)
{
	const char *end = path;

	while (*end) {
		_cleanup_free_ char *part = NULL, *here = NULL;
		struct stat st;

		end += 1 + strcspn(end + 1, "/");
		part = strndup(path, (size_t)(end - path));
		here = part ? root_path(part) : NULL;
		if (!here || stat(here, &st) < 0)
			return NULL;
		if (!may(u, &st, *end ? X_OK : bits))
			return steal_pointer(&part);
	}
	return NULL;
}
