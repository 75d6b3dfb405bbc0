/* SPDX-License-Identifier: Apache-2.0 */
/* Directories, archives, pipes, and files that can't be read among those that can. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "reading.h"

#define HOST(name) "cpushim-host 1\nname " name "\ntcg has aes\nend\n"

static char root[] = "/tmp/test_read.XXXXXX";

/* The path of @name in the root, in one of a few buffers. */
static const char *at(const char *name)
{
	static char buf[4][512];
	static unsigned int n;

	n = (n + 1) % ARRAY_SIZE(buf);
	(void)snprintf(buf[n], sizeof(buf[n]), "%s/%s", root, name);
	return buf[n];
}

static void put(const char *name, const char *text)
{
	CHECK(file_write(at(name), 0644, text, strlen(text), NULL, NULL) == 0);
}

/* The names of the hosts, in the order that they came in. */
static void check_names(const struct reading *r, const char *wanted)
{
	_cleanup_text_ struct text t = {0};

	text_adds(&t, "");
	for (size_t i = 0; i < r->n && i < READING_MAX; i++)
		text_addf(&t, "%s%s", i ? " " : "", r->host[i].name);
	CHECK_STR(t.data, wanted);
}

static void make_directory(void)
{
	CHECK(mkdir(at("d"), 0755) == 0 && mkdir(at("d/rack1"), 0755) == 0);
	CHECK(mkdir(at("d/.git"), 0755) == 0);
	put("d/b.dump", HOST("b"));
	put("d/a.dump", HOST("a"));
	put("d/rack1/c.txt", "cpushim-host 1\ntcg has aes\nend\n");
	put("d/.hidden", "nothing\n");
	put("d/.git/config", "nothing\n");
	CHECK(symlink("..", at("d/rack1/loop")) == 0 &&
	      symlink("../a.dump", at("d/rack1/link")) == 0);
}

static void directory(void)
{
	_cleanup_reading_ struct reading r = {0};
	char origin[512];

	reading_path(&r, at("d"), false);
	CHECK(r.result == 0);
	check_names(&r, "a b rack1/c a");
	(void)snprintf(origin, sizeof(origin), "%s/d/rack1/c.txt:1", root);
	CHECK_STR(r.host[2].origin, origin);
}

/* The first bad file ends the reading, or is told of and left out. */
static void bad_files(void)
{
	_cleanup_reading_ struct reading first = {0}, all = {0};

	put("d/a2.txt", "nothing\n");
	put("d/a3.dump", HOST("before") "cpushim-host 1\nname cut\n");
	CHECK(mkfifo(at("d/pipe"), 0644) == 0);
	CHECK(symlink("nowhere", at("d/gone")) == 0);
	reading_path(&first, at("d"), false);
	CHECK(first.result == -EINVAL && first.n == 1);
	CHECK(strstr(first.err.where, "/d/a2.txt:1"));
	reading_path(&all, at("d"), true);
	CHECK(all.result == 0 && all.bad.n == 4);
	check_names(&all, "a before b rack1/c a");
	CHECK(strstr(all.bad.item[0], "/d/a2.txt:1: no CPU up to here"));
	CHECK(strstr(all.bad.item[1], "/d/a3.dump:6: the dump has no 'end'"));
	CHECK(strstr(all.bad.item[2], "/d/gone: can't be read: No such file"));
	CHECK(strstr(all.bad.item[3], "/d/pipe: isn't a file"));
	CHECK(unlink(at("d/a2.txt")) == 0 && unlink(at("d/a3.dump")) == 0 &&
	      unlink(at("d/pipe")) == 0 && unlink(at("d/gone")) == 0);
}

/* Whose hosts would be missing without a word */
static void linked_elsewhere(void)
{
	_cleanup_reading_ struct reading first = {0}, all = {0};

	CHECK(mkdir(at("dd"), 0755) == 0 && symlink("../dd", at("d/more")) == 0);
	reading_path(&first, at("d"), false);
	CHECK(first.result == -ELOOP && strstr(first.err.where, "/d/more"));
	reading_path(&all, at("d"), true);
	CHECK(all.result == 0 && all.bad.n == 1);
	check_names(&all, "a b rack1/c a");
	CHECK(unlink(at("d/more")) == 0 && rmdir(at("dd")) == 0);
}

static void no_hosts(void)
{
	_cleanup_reading_ struct reading none = {0}, empty = {0}, skipped = {0}, devnull = {0};

	reading_path(&none, at("nowhere"), false);
	CHECK(none.result == -ENOENT);
	CHECK(mkdir(at("empty"), 0755) == 0);
	reading_path(&empty, at("empty"), false);
	CHECK(empty.result == -EINVAL && strcmp(empty.err.what, "a directory without hosts") == 0);
	reading_path(&skipped, at("empty"), true);
	CHECK(skipped.result == 0 && skipped.bad.n == 1);
	reading_path(&devnull, "/dev/null", false);
	CHECK(devnull.result == -EINVAL);
}

/* ---- tar ---- */

struct member {
	const char *name;
	char type;
	const char *content;
};

/* Octal digits up to the field's last byte, which stays NUL. */
static void octal(char *field, size_t len, size_t value)
{
	for (size_t i = len - 1; i-- > 0; value /= 8)
		field[i] = (char)('0' + value % 8);
}

/* A header as POSIX has it, with a sum. */
static void add_member(struct text *tar, const struct member *m)
{
	char header[512] = "", padding[512] = "";
	size_t len = strlen(m->content), sum = 0;

	memcpy(header, m->name, strlen(m->name));
	octal(header + 100, 8, 0644);
	octal(header + 124, 12, len);
	memset(header + 148, ' ', 8);
	header[156] = m->type;
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	octal(header + 148, 7, sum);
	text_add(tar, header, sizeof(header));
	text_add(tar, m->content, len);
	text_add(tar, padding, (512 - len % 512) % 512);
}

static void add_end(struct text *tar)
{
	char zeros[1024] = "";

	text_add(tar, zeros, sizeof(zeros));
}

static void archive(void)
{
	static const struct member members[] = {
		{"./rack1/", '5', ""},
		{"./rack1/a.dump", '0', HOST("a")},
		{"pax", 'x', "20 mtime=1.00000000\n20 path=long/b.dump\n"},
		{"short", '0', "cpushim-host 1\ntcg has aes\nend\n"},
		{"././@LongLink", 'L', "longer/c.dump"},
		{"short", '\0', "cpushim-host 1\ntcg has aes\nend\n"},
		{"link", '1', ""},
		{"dir/._d.dump", '0', "nothing"},
		{"dir/.link", '2', ""},
	};
	_cleanup_text_ struct text tar = {0};
	_cleanup_reading_ struct reading r = {0};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		add_member(&tar, &members[i]);
	add_end(&tar);
	reading_bytes(&r, tar.data, tar.len);
	if (!CHECK(r.result == 0))
		printf("  %s: %s\n", r.err.where, r.err.what);
	check_names(&r, "a long/b longer/c");
	CHECK(r.n == 3 && strcmp(r.host[1].origin, "text/long/b.dump:1") == 0);
	/* cut off anywhere: an error, and what was there is right */
	for (size_t end = 1; end < tar.len; end += 7) {
		_cleanup_reading_ struct reading part = {0};

		reading_bytes(&part, tar.data, end);
		if (end + 512 < tar.len)
			CHECK(part.result < 0);
	}
}

static void bad_archives(void)
{
	static const struct {
		struct member member;
		const char *what;
	} cases[] = {
		{{"a", '0', "nothing\n"}, "no CPU up to here"},
		{{"a", 'S', ""}, "a kind of member that isn't read"},
		{{"a", '2', ""}, "a symbolic link, which isn't followed; "},
		{{"a", '5', ""}, "an archive without hosts"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text tar = {0};
		_cleanup_reading_ struct reading r = {0}, wrong = {0};

		add_member(&tar, &cases[i].member);
		add_end(&tar);
		reading_bytes(&r, tar.data, tar.len);
		CHECK(r.result == -EINVAL &&
		      strncmp(r.err.what, cases[i].what, strlen(cases[i].what)) == 0);
		tar.data[0] = 'z';
		reading_bytes(&wrong, tar.data, tar.len);
		CHECK(wrong.result == -EINVAL &&
		      strncmp(wrong.err.what, "a header with a wrong sum", 25) == 0);
	}
}

/* An archive in an archive; a member's error with the others left. */
static void members(void)
{
	_cleanup_text_ struct text inner = {0}, tar = {0};
	_cleanup_reading_ struct reading r = {0};
	struct member nested = {"inner.tar", '0', NULL};

	add_member(&inner, &(struct member){"x", '0', HOST("x")});
	add_member(&tar, &(struct member){"a", '0', HOST("a")});
	/* only up to its first NUL, which a text has no part of: refused all the same */
	nested.content = inner.data;
	add_member(&tar, &nested);
	add_member(&tar, &(struct member){"b", '0', "nothing\n"});
	add_member(&tar, &(struct member){"c", '0', HOST("c")});
	add_end(&tar);
	CHECK(file_write(at("all.tar"), 0644, tar.data, tar.len, NULL, NULL) == 0);
	reading_path(&r, at("all.tar"), true);
	CHECK(r.result == 0 && r.bad.n == 2);
	check_names(&r, "a c");
	CHECK(strstr(r.bad.item[1], "/all.tar/b:1: no CPU up to here"));
}

/* ---- pipes ---- */

static void standard_input(void)
{
	_cleanup_reading_ struct reading r = {0};
	const char *text = HOST("a") "cpushim-host 1\ntcg has aes\nend\n";
	int old = dup(STDIN_FILENO), end[2];

	CHECK(pipe(end) == 0 && fd_write_all(end[1], text, strlen(text)) == 0);
	(void)close(end[1]);
	CHECK(dup2(end[0], STDIN_FILENO) >= 0);
	reading_path(&r, "-", false);
	CHECK(r.result == 0);
	check_names(&r, "a stdin:2");
	CHECK(r.n == 2 && strcmp(r.host[1].origin, "standard input:5") == 0);
	CHECK(dup2(old, STDIN_FILENO) >= 0);
	(void)close(old);
	(void)close(end[0]);
}

/* What take returns ends the reading. */
static int take_one(struct host *h, void *data)
{
	host_free(h);
	return ++*(int *)data == 2 ? -ECANCELED : 0;
}

static void stopping(void)
{
	int n = 0;
	struct read r = {.take = take_one, .bad = reading_bad, .data = &n};

	CHECK(read_path(&r, at("d"), NULL) == -ECANCELED && n == 2 && r.stopped == -ECANCELED);
}

int main(void)
{
	_cleanup_free_ char *remove = NULL;

	if (!CHECK(mkdtemp(root)))
		return check_done();
	make_directory();
	directory();
	bad_files();
	linked_elsewhere();
	no_hosts();
	archive();
	bad_archives();
	members();
	standard_input();
	stopping();
	if (asprintf(&remove, "rm -rf %s", root) > 0)
		CHECK(system(remove) == 0);
	return check_done();
}
