/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c - weir_secret: the text of a secret, as long as the run's function runs. */
#include "base/settings_table.h"
#include "core/secret.h"
#include "engine/process_child.h"
#include "engine/run.h"
#include "store/secret_key.h"

#include <stdlib.h>

/* A text that was lent to a run; newest first. */
struct lent {
	struct strbuf text;
	struct lent *older;
};

struct lent_texts {
	struct lent *newest;
};

static void *make_texts(void)
{
	return xcalloc(1, sizeof(struct lent_texts));
}

static void wipe_texts(void *data)
{
	struct lent_texts *texts = data;

	while (texts->newest) {
		struct lent *lent = texts->newest;

		texts->newest = lent->older;
		secret_wipe(&lent->text);
		free(lent);
	}
	free(texts);
}

/* Wiped with the run's other values, when its function has returned. */
static const weir_local_key texts_key = { "weir_secret", make_texts, wipe_texts };

static const char *lend(weir_run *run, struct strbuf *text)
{
	struct lent_texts *texts = weir_run_local(run, &texts_key);
	struct lent *lent = xcalloc(1, sizeof *lent);

	lent->text = *text;
	pthread_mutex_lock(&run->mutex);
	lent->older = texts->newest;
	texts->newest = lent;
	pthread_mutex_unlock(&run->mutex);
	return lent->text.data;
}

static int open_secret(struct store *store, const char *name, struct strbuf *text, struct problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct settings *settings = weir_settings(problem);
	uint8_t key[SEAL_KEY_BYTES];
	struct secret secret;
	struct db *db;
	int result = settings ? store_reader(store, &db, problem) : WEIR_EINVAL;

	if (result < 0)
		return result;
	result = secret_find(db, str_of(name), &arena, &secret, problem);
	store_reader_done(store, db);
	if (result == 0)
		result = secret_key_read(settings_get(settings, "secrets.key_path")->text.data, false, key, problem);
	if (result == 0)
		result = secret_unseal(key, &secret, text, problem);
	explicit_bzero(key, sizeof key);
	return result;
}

WEIR_API const char *weir_secret(weir_run *run, const char *name)
{
	struct strbuf text = { 0 };
	struct problem problem;

	if (process_child_refuses(run, "read secrets") || attempt_is_abandoned(run))
		return NULL;
	if (open_secret(run->run->engine->store, name ? name : "", &text, &problem) < 0) {
		secret_wipe(&text);
		weir_fail(run, "%s", problem.message);
		return NULL;
	}
	if (!text.data)
		strbuf_add(&text, "", 0); /* an empty secret is a text too */
	return lend(run, &text);
}
