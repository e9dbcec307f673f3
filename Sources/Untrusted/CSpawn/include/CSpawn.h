// SPDX-License-Identifier: Apache-2.0
#ifndef CSPAWN_H
#define CSPAWN_H

#include <sys/types.h>

/// Starts a program in a process group of its own, with default signals and these descriptors only: 0 is empty input, 1
/// and 2 are `output`, 3 is `socket`. Both have to be 4 or higher.
///
/// The process is killed when the *thread* that calls this ends (PR_SET_PDEATHSIG), and so with the whole process. The
/// child sets this before exec, so that there is no moment without it. posix_spawn cannot do that.
///
/// @return 0, or an error number of fork or exec.
int cspawn(pid_t *process, const char *path, char *const arguments[], char *const environment[], int socket,
           int output);

#endif
