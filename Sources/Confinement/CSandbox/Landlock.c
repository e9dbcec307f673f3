// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Linux `include/uapi/linux/landlock.h`, of which older systems' headers have a part.

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)

/// The rights that apply to files other than folders.
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int csandbox_forbid_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int csandbox_has_no_new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; }

int csandbox_landlock_version(void) {
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

/// The rights that this version of Landlock can restrict.
static uint64_t known_rights(int version) {
    uint64_t rights = FS_REFER - 1;
    if (version >= 2) rights |= FS_REFER;
    if (version >= 3) rights |= FS_TRUNCATE;
    if (version >= 5) rights |= FS_IOCTL_DEV;
    return rights;
}

static uint64_t rights(int access) {
    uint64_t rights = 0;
    if (access & CSANDBOX_READ) rights |= FS_READ_FILE | FS_READ_DIR;
    if (access & CSANDBOX_WRITE) rights |= FS_WRITE_FILE | FS_TRUNCATE;
    if (access & CSANDBOX_EXECUTE) rights |= FS_EXECUTE;
    if (access & CSANDBOX_CHANGE)
        rights |= FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SOCK | FS_REFER;
    if (access & CSANDBOX_COMMAND) rights |= FS_IOCTL_DEV;
    return rights;
}

static int allow(int ruleset, const csandbox_path *path, uint64_t known) {
    int descriptor = open(path->path, O_PATH | O_CLOEXEC);
    if (descriptor < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    struct stat status;
    int failure = fstat(descriptor, &status) == 0 ? 0 : errno;
    if (failure == 0) {
        struct path_beneath rule = {rights(path->access) & known, descriptor};
        if (!S_ISDIR(status.st_mode)) rule.allowed_access &= FS_OF_FILES;
        // The kernel refuses a rule without a right.
        if (rule.allowed_access != 0 && syscall(__NR_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
            failure = errno;
    }
    close(descriptor);
    return failure;
}

int csandbox_restrict_files(const csandbox_path *paths, size_t count, int isolates) {
    int version = csandbox_landlock_version();
    if (version == 0) return ENOSYS;
    struct ruleset attributes = {known_rights(version), 0, 0};
    if (isolates && version >= 4) attributes.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (isolates && version >= 6) attributes.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    // An older kernel accepts the longer structure if the additional fields are zero.
    int ruleset = (int)syscall(__NR_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0) return errno;
    int failure = 0;
    for (size_t index = 0; index < count && failure == 0; index++)
        failure = allow(ruleset, &paths[index], attributes.handled_access_fs);
    if (failure == 0 && syscall(__NR_landlock_restrict_self, ruleset, 0) != 0) failure = errno;
    close(ruleset);
    return failure;
}
