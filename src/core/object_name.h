/* SPDX-License-Identifier: Apache-2.0 */
/* object_name.h - the names that objects may have. */
#ifndef WEIR_CORE_OBJECT_NAME_H
#define WEIR_CORE_OBJECT_NAME_H

#include "base/problem.h"

/* 1 to 255 lower case letters, digits and characters of more ("-_"); else WEIR_EINVAL: "a variable's name 'X' may ...". */
MUST_CHECK int object_name_check(const char *what, struct str name, const char *more, struct problem *problem);

#endif
