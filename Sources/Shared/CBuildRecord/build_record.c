// SPDX-License-Identifier: Apache-2.0
#include "build_record.h"

// Only a release build defines these: a build that read the commit from git would have to be repeated after every
// commit.
#ifndef INFENCLAVE_COMMIT
#define INFENCLAVE_COMMIT ""
#endif
#ifndef INFENCLAVE_BUILD_OPTIONS
#define INFENCLAVE_BUILD_OPTIONS ""
#endif

const char *infenclave_build_commit(void) { return INFENCLAVE_COMMIT; }

const char *infenclave_build_options(void) { return INFENCLAVE_BUILD_OPTIONS; }
