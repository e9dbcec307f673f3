// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifndef __NR_mlock2
#define __NR_mlock2 325
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif

/// Calls that an enclave makes for its connection, its memory, its threads and the clock.
static const int allowed[] = {
    __NR_read, __NR_write, __NR_readv, __NR_writev, __NR_recvfrom, __NR_sendto, __NR_ppoll, __NR_close, __NR_shutdown,
#ifdef __NR_poll
    __NR_poll,
#endif
    __NR_mmap, __NR_mprotect, __NR_munmap, __NR_mremap, __NR_madvise, __NR_brk, __NR_mlock, __NR_mlock2,
    __NR_munlock,
    __NR_futex, __NR_sched_yield, __NR_sched_getaffinity, __NR_set_robust_list, __NR_rseq, __NR_gettid, __NR_getpid,
    __NR_membarrier, __NR_restart_syscall, __NR_exit, __NR_exit_group,
    __NR_clock_gettime, __NR_clock_getres, __NR_clock_nanosleep, __NR_nanosleep, __NR_gettimeofday,
#ifdef __NR_time
    __NR_time,
#endif
    __NR_getrandom, __NR_rt_sigprocmask, __NR_rt_sigaction, __NR_rt_sigreturn, __NR_sigaltstack, __NR_getcpu,
};

/// Calls that evidence sources make for files and devices.
static const int files[] = {
    __NR_openat, __NR_fstat, __NR_lseek, __NR_mkdirat, __NR_unlinkat,
#ifdef __NR_newfstatat
    __NR_newfstatat,
#endif
#ifdef __NR_open
    __NR_open, __NR_mkdir, __NR_rmdir, __NR_unlink,
#endif
};

/// Calls that an enclave never makes, and an intruder would.
static const int deadly[] = {
    __NR_execve, __NR_execveat, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_socket, __NR_connect,
    __NR_bind, __NR_listen, __NR_accept, __NR_accept4, __NR_kill, __NR_tkill, __NR_mount, __NR_umount2, __NR_pivot_root,
    __NR_chroot, __NR_unshare, __NR_setns, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_keyctl, __NR_add_key,
    __NR_init_module, __NR_finit_module, __NR_open_by_handle_at, __NR_memfd_create,
#ifdef __NR_fork
    __NR_fork, __NR_vfork,
#endif
#ifdef __NR_io_uring_setup
    __NR_io_uring_setup,
#endif
#ifdef __NR_pidfd_getfd
    __NR_pidfd_getfd, __NR_pidfd_open,
#endif
};

enum { CAPACITY = 512, KILLS = (int)SECCOMP_RET_KILL_PROCESS, ALLOWS = SECCOMP_RET_ALLOW };

struct program {
    struct sock_filter steps[CAPACITY];
    unsigned count;
};

static void add(struct program *program, struct sock_filter step) {
    if (program->count < CAPACITY) program->steps[program->count] = step;
    program->count++;
}

static void load(struct program *program, size_t offset) {
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void answer(struct program *program, int action) {
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (unsigned)action));
}

/// Executes the next `steps` only for this call.
static void only_for(struct program *program, int call, unsigned char steps) {
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, steps));
}

static void answer_all(struct program *program, const int *calls, size_t count, int action) {
    for (size_t index = 0; index < count; index++) {
        only_for(program, calls[index], 1);
        answer(program, action);
    }
}

/// The offset of an argument's low half. All compared values fit in it.
static size_t argument(unsigned index) { return offsetof(struct seccomp_data, args) + 8 * index; }

/// Allows a call if the bits of `mask` in an argument have this value.
static void allow_where(struct program *program, int call, unsigned index, unsigned mask, unsigned value, int otherwise) {
    only_for(program, call, 5);
    load(program, argument(index));
    add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    answer(program, ALLOWS);
    answer(program, otherwise);
}

int csandbox_restrict_calls(int opens_files) {
#ifndef ARCHITECTURE
    (void)opens_files;
    return ENOSYS;
#else
    const int fails = SECCOMP_RET_ERRNO | EPERM;
    struct program program = {.count = 0};
    load(&program, offsetof(struct seccomp_data, arch));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    answer(&program, KILLS);
    load(&program, offsetof(struct seccomp_data, nr));
    answer_all(&program, allowed, sizeof allowed / sizeof *allowed, ALLOWS);
    if (opens_files) {
        answer_all(&program, files, sizeof files / sizeof *files, ALLOWS);
        // Nitro's security module (_IOWR(0x0A, …)).
        allow_where(&program, __NR_ioctl, 1, 0xFF00, 0x0A00, fails);
    }
    answer_all(&program, deadly, sizeof deadly / sizeof *deadly, KILLS);
    // Threads are allowed, processes are not. clone3 has its flags in memory, which a filter cannot read; if it is
    // missing, glibc uses clone.
    allow_where(&program, __NR_clone, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM, KILLS);
    only_for(&program, __NR_clone3, 1);
    answer(&program, SECCOMP_RET_ERRNO | ENOSYS);
    // abort(3) signals its own thread.
    allow_where(&program, __NR_tgkill, 0, ~0U, (unsigned)getpid(), KILLS);
    // Workers wake the thread that reads frames through a socket pair.
    allow_where(&program, __NR_socketpair, 0, ~0U, AF_UNIX, KILLS);
    allow_where(&program, __NR_prctl, 0, ~0U, PR_SET_NAME, fails);
#ifdef __NR_arch_prctl
    // ARCH_GET_XCOMP_SUPP 0x1021 to ARCH_REQ_XCOMP_GUEST_PERM 0x1025: oneDNN uses them to request AMX.
    allow_where(&program, __NR_arch_prctl, 0, ~7U, 0x1020, fails);
#endif
    // glibc reads limits when it allocates a thread's stack. The arguments are this process (0) and no new limit (a
    // null pointer, both halves 0).
    only_for(&program, __NR_prlimit64, 8);
    load(&program, argument(0));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5));
    load(&program, argument(2));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3));
    load(&program, argument(2) + 4);
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1));
    answer(&program, ALLOWS);
    answer(&program, fails);
    answer(&program, fails);
    if (program.count > CAPACITY) return E2BIG;
    struct sock_fprog filter = {(unsigned short)program.count, program.steps};
    // The filter applies to existing threads too; the kernel refuses it if that is impossible.
    long thread = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    return thread == 0 ? 0 : thread > 0 ? EBUSY : errno;
#endif
}
