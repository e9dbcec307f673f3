// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_CSANDBOX_H
#define INFENCLAVE_CSANDBOX_H

#include <stddef.h>
#include <stdint.h>

// Permanent restrictions of a process. Each call restricts the calling thread and all threads and programs that it
// starts, so it has to precede the start of other threads. Each returns 0 or an error number.

/// No started program gets more rights than this process has (PR_SET_NO_NEW_PRIVS). The following calls require it.
int csandbox_forbid_new_privileges(void);

/// Whether that restriction is in force: not 0 if it is.
int csandbox_has_no_new_privileges(void);

/// The version of Landlock's interface (landlock(7)); 0 where the kernel has none.
int csandbox_landlock_version(void);

enum {
    /// Reading files, and the names in folders.
    CSANDBOX_READ = 1,
    /// Writing to existing files.
    CSANDBOX_WRITE = 2,
    /// Executing programs.
    CSANDBOX_EXECUTE = 4,
    /// Creating and removing files, sockets and folders.
    CSANDBOX_CHANGE = 8,
    /// Commands to devices (ioctl).
    CSANDBOX_COMMAND = 16,
};

/// A file, or a folder with everything below it. A path that does not exist is ignored.
typedef struct {
    const char *path;
    int access;
} csandbox_path;

/// Forbids all files but those of `paths`, as far as this version of Landlock supports it.
///
/// @param isolates Also forbids TCP (from version 4 on), and abstract Unix sockets and signals to others (from version
/// 6 on).
int csandbox_restrict_files(const csandbox_path *paths, size_t count, int isolates);

/// Forbids all system calls but those that an enclave needs once it has its connection (seccomp(2)). Calls that only an
/// intruder makes, such as to start a program, open a socket or look into another process, kill the process with
/// SIGSYS. All others fail with EPERM, because libraries try some that they can do without.
///
/// @param opens_files Whether files may be opened, as evidence sources do. Landlock decides which ones.
int csandbox_restrict_calls(int opens_files);

/// Calls `visit` with the path of each library that the loader has loaded.
void csandbox_each_library(void (*visit)(const char *path, void *context), void *context);

#endif
