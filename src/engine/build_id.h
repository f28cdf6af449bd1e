/* SPDX-License-Identifier: Apache-2.0 */
/* build_id.h - which build of a program or library a function is of. */
#ifndef WEIR_ENGINE_BUILD_ID_H
#define WEIR_ENGINE_BUILD_ID_H

#include "base/strbuf.h"

/*
 * Append a text that names the build of the object (program or shared library) which holds the address: the linker's build
 * id, or, for one without, its path, size and time of change.
 */
void build_id_of(const void *address, struct strbuf *out);

#endif
