/* SPDX-License-Identifier: Apache-2.0 */
#include "label.h"

#include <errno.h>
#include <stdbool.h>

#include "node.h"
#include "run.h"

#define SECONDS 20

static bool enabled(void)
{
	static int known = -1;
	_cleanup_text_ struct text out = {0};

	if (known < 0)
		known = run_program((const char *const[]){"selinuxenabled", NULL}, SECONDS, &out,
				    NULL) == 0;
	return known;
}

int label_as(const char *new, const char *path, struct error *err)
{
	_cleanup_text_ struct text label = {0}, out = {0};

	if (!node_is_live() || !enabled() ||
	    run_program((const char *const[]){"matchpathcon", "-n", path, NULL}, SECONDS, &label,
			NULL) != 0 ||
	    !label.len)
		return 0;
	label.data[strcspn(label.data, "\n")] = '\0';
	if (run_program((const char *const[]){"chcon", label.data, new, NULL}, SECONDS, &out,
			err) == 0)
		return 0;
	return error_set(err, -EPERM, path, 0, "can't get SELinux's label %s: %.*s", label.data,
			 (int)strcspn(out.data ? out.data : "", "\n"), out.data ? out.data : "");
}
