/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes answer of their guests, and what isn't such an answer. */
#include <errno.h>

#include "cpumap/fleet/rollover.h"
#include "check.h"

static int read_text(struct rollover *r, const char *node, const char *text, struct error *err)
{
	return rollover_read(r, "file", node, text, strlen(text), err);
}

#define GUEST(domain, model, runs)                                                                 \
	"{\"domain\": \"" domain "\", \"uuid\": \"u\", \"accel\": \"kvm\", "                       \
	"\"model\": " model ", \"runs\": \"" runs "\"}"

static void test_answers(void)
{
	static const char nodes[] = "# all\nn1\n  n9 \n\nn4\nn5\r\n";
	_cleanup_rollover_ struct rollover r = {.model = "gate64"};

	CHECK(read_text(&r, "n2",
			"[" GUEST("b", "\"gate64\"", "model") ", " GUEST("a", "\"gate64\"",
									 "other") "]\n",
			NULL) == 0);
	/* two nodes in one text; one of them tells its own name */
	CHECK(read_text(&r, "n1",
			"[" GUEST("c", "\"gate64-2\"",
				  "model") "]\n \n[{\"node\": \"n3\", \"model\": null, "
					   "\"runs\": \"unknown\", \"domain\": \"d\", \"why\": "
					   "\"no file\"}]\n",
			NULL) == 0);
	/* a node without guests; one of nobody's */
	CHECK(read_text(&r, "n4", "[]", NULL) == 0);
	CHECK(read_text(
		      &r, "n5",
		      "[{\"libvirts\": false, \"model\": \"gate64\", \"runs\": \"model\"}, " GUEST(
			      "e", "null", "none") "]",
		      NULL) == 0);
	CHECK(rollover_expect(&r, nodes, strlen(nodes)) == 0);
	CHECK(rollover_end(&r) == 0);
	CHECK(r.have.n == 2 && r.unclear.n == 1 && r.n_guests == 5);
	CHECK_STR(r.have.item[0].domain, "a");
	CHECK_STR(r.have.item[1].domain, "b");
	CHECK_STR(r.have.item[0].node, "n2");
	CHECK_STR(r.unclear.item[0].node, "n3");
	CHECK_STR(r.unclear.item[0].why, "no file");
	CHECK(r.n_others == 1 && r.other[0].n == 1);
	CHECK_STR(r.other[0].name, "gate64-2");
	CHECK(r.nodes.n == 5);
	CHECK(r.missing.n == 1);
	CHECK_STR(r.missing.item[0], "n9");
}

static void test_refused(void)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{"", "file"},
		{" \n", "file"},
		{"{}", "file"},
		{"[1]", "file"},
		{"[{\"model\": 1, \"runs\": \"none\"}]", "file"},
		{"[{\"runs\": \"none\"}]", "file"},
		/* a connection that broke off */
		{"[\n {\"model\": null,\n", "file:3"},
		{"[]\n[]\nssh: connect to host n3: timed out\n", "file:3"},
		{"[{\"model\": \"a\", \"model\": \"b\", \"runs\": \"model\"}]", "file:1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_rollover_ struct rollover r = {.model = "gate64"};
		struct error err = {0};

		if (!CHECK(read_text(&r, "n", bad[i].text, &err) == -EINVAL))
			printf("  %s\n", bad[i].text);
		CHECK_STR(err.where, bad[i].where);
	}
}

int main(void)
{
	test_answers();
	test_refused();
	return check_done();
}
