// SPDX-License-Identifier: Apache-2.0
#include "build_record.h"

// Only a build for a release defines these: a build that asked git each time would never be up to date.
#ifndef INFENCLAVE_COMMIT
#define INFENCLAVE_COMMIT ""
#endif
#ifndef INFENCLAVE_BUILD_OPTIONS
#define INFENCLAVE_BUILD_OPTIONS ""
#endif

const char *infenclave_build_commit(void) { return INFENCLAVE_COMMIT; }

const char *infenclave_build_options(void) { return INFENCLAVE_BUILD_OPTIONS; }
