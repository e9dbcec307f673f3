// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/// Runs in the child, which shares the parent's memory until exec: system calls only.
static int prepare(pid_t parent, int socket, int output) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    // The parent may have ended before.
    if (getppid() != parent) return ESRCH;
    int input = open("/dev/null", O_RDONLY);
    if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 || dup2(socket, 3) < 0)
        return errno;
    // The child must not inherit listening sockets and client connections.
    if (close_range(4, ~0U, 0) != 0) return errno;
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) != 0 ? errno : 0;
}

int cspawn(pid_t *process, const char *path, char *const arguments[], char *const environment[], int socket,
           int output) {
    // No handler of the parent may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid();
    volatile int failure = 0;
    // Not fork: its copy of the page tables takes long beside a large BackNet.
    pid_t child = vfork();
    if (child == 0) {
        failure = prepare(parent, socket, output);
        if (failure == 0) {
            execve(path, arguments, environment);
            failure = errno;
        }
        _exit(127);
    }
    int error = child < 0 ? errno : failure;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child > 0 && error != 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    if (error == 0) *process = child;
    return error;
}
