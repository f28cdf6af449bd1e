/* SPDX-License-Identifier: Apache-2.0 */
/* migrations.h - the schema: made in steps that only add, each in one transaction. */
#ifndef WEIR_STORE_MIGRATIONS_H
#define WEIR_STORE_MIGRATIONS_H

#include "store/db.h"

/* The schema that this build makes. */
extern const int store_schema_version;

/* The version of the file's schema: 0 for a new file. WEIR_EVERSION when this build may not use it (write: not write). */
MUST_CHECK int schema_check(struct db *db, const char *path, bool write, int *version, struct problem *problem);

/* Take the file to store_schema_version. Under the writer's lock. */
MUST_CHECK int schema_migrate(struct db *db, const char *path, struct problem *problem);

#endif
