// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_BUILD_RECORD_H
#define INFENCLAVE_BUILD_RECORD_H

/// The commit that the program was built from; empty unless the build sets it (`scripts/build-enclave`).
const char *infenclave_build_commit(void);

/// The compilers' options; empty unless the build sets it.
const char *infenclave_build_options(void);

#endif
