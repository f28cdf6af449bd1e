/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transaction - all pages of a report, or none: what was written is undone when a later part fails.
 *
 *	build/examples/transaction                                           writes three pages into the folder "report"
 *	build/examples/transaction run publish --param pages='["a","b",""]'  the last page has no name: the others go again
 */
#include <weir.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Write the text into a file of that name. */
static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool written;

	if (!file)
		return false;
	written = fprintf(file, "page %s\n", text) > 0;
	return fclose(file) == 0 && written;
}

static json_t *write_page(weir_run *run)
{
	const char *page = weir_string(run, "page");
	json_t *path;

	if (!*page)
		return weir_fail_final(run, "a page without a name");
	path = json_sprintf("report/%s.txt", page);
	weir_transaction_set(run, "path", json_incref(path)); /* for the hooks below */
	if (write_file(json_string_value(path), page))
		return path;
	weir_fail_final(run, "%s can't be written", json_string_value(path));
	json_decref(path);
	return NULL;
}

static void remove_page(weir_run *run, const weir_state *state)
{
	json_auto_t *path = weir_transaction_get(run, "path");

	(void)state;
	if (unlink(json_string_value(path)) == 0)
		weir_info(run, "removed %s", json_string_value(path));
}

static void announce_page(weir_run *run, const weir_state *state)
{
	json_auto_t *path = weir_transaction_get(run, "path");

	(void)state;
	weir_info(run, "%s is there to stay", json_string_value(path));
}

static const weir_task write_page_task = {
	.name = "write-page",
	.parameters = { { .name = "page", .type = WEIR_STRING, .required = true } },
	.run = write_page,
	.on_commit = announce_page,
	.on_rollback = remove_page,
};

/* The key keeps another program from writing the same report meanwhile. */
static json_t *publish(weir_run *run)
{
	weir_transaction *report = weir_transaction_begin(run, "report");
	json_t *written;

	if (!report)
		return NULL;
	if (mkdir("report", 0777) != 0 && access("report", W_OK) != 0)
		return weir_fail(run, "the folder 'report' can't be made");
	written = weir_results(weir_map_json(run, &write_page_task, NULL, json_incref(weir_value(run, "pages"))));
	if (weir_transaction_commit(report) < 0) {
		json_decref(written);
		return NULL; /* a page failed, so this run does */
	}
	return written;
}

static const weir_flow publish_flow = {
	.name = "publish",
	.description = "write the pages of a report, all of them or none",
	.parameters = { { .name = "pages", .type = WEIR_ARRAY, .fallback = "[\"cover\", \"facts\", \"figures\"]" } },
	.run = publish,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &publish_flow, NULL };

	return weir_main(argc, argv, flows);
}
