// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_CSANDBOX_H
#define INFENCLAVE_CSANDBOX_H

#include <stddef.h>
#include <stdint.h>

// What a process takes from itself for good. Each call is for the calling thread and all that it starts, so that it belongs
// before the first other thread. Each returns 0 or an error number.

/// No program that is started has more rights than this process (PR_SET_NO_NEW_PRIVS). What follows needs it.
int csandbox_forbid_new_privileges(void);

/// Not 0 where that is in force.
int csandbox_has_no_new_privileges(void);

/// The version of Landlock's interface (landlock(7)); 0 where the kernel has none.
int csandbox_landlock_version(void);

enum {
    /// Files, and the names in folders.
    CSANDBOX_READ = 1,
    /// Into files that are there.
    CSANDBOX_WRITE = 2,
    /// Programs.
    CSANDBOX_EXECUTE = 4,
    /// Make and remove files, sockets and folders.
    CSANDBOX_CHANGE = 8,
    /// Commands to devices (ioctl).
    CSANDBOX_COMMAND = 16,
};

/// A file, or a folder with everything below it. One that is not there is passed over.
typedef struct {
    const char *path;
    int access;
} csandbox_path;

/// Forbids all files but those of `paths`, as far as the kernel's version knows.
///
/// @param isolates Forbids TCP too (from version 4 on), abstract Unix sockets and signals to others (6).
int csandbox_restrict_files(const csandbox_path *paths, size_t count, int isolates);

/// Forbids all system calls but those that an enclave needs once it has its connection (seccomp(2)). Calls that only an intruder
/// makes, such as to start a program, open a socket or look into another process, kill the process with SIGSYS. Any
/// other fails with EPERM: libraries try some that they can do without.
///
/// @param opens_files Whether files may be opened, as evidence sources do; which ones is Landlock's to say.
int csandbox_restrict_calls(int opens_files);

/// Calls `visit` with the path of each library that the loader has loaded.
void csandbox_each_library(void (*visit)(const char *path, void *context), void *context);

#endif
