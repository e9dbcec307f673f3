// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_BUILD_RECORD_H
#define INFENCLAVE_BUILD_RECORD_H

/// The commit that the program was built from; empty unless the build was told (`scripts/build-enclave`).
const char *infenclave_build_commit(void);

/// The options of the compilers that the build was told of; empty unless it was.
const char *infenclave_build_options(void);

#endif
