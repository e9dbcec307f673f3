// SPDX-License-Identifier: Apache-2.0
// The thread team that runs oneDNN's parallel regions, in place of libgomp's.
//
// Debian's oneDNN is compiled for OpenMP and calls six functions of libgomp, which are defined here: the symbols of an
// executable take precedence over those of its libraries. libgomp's threads either spin between primitives, even after
// the last one, or sleep and are woken for each primitive. Here they spin while a plan runs, and sleep after it.
//
// A region has as many shares as threads. A thread first takes the share with its own number, then shares that no
// thread has taken yet. So a thread that sleeps, or that the scheduler runs late, does not delay the region: the others
// compute its share. Each share is computed exactly as under OpenMP, whichever thread takes it, so the results do not
// depend on timing.
#include "COneDNN.h"
#include "Subnormals.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_THREADS = 256, LINE = 64 };

// How long a worker spins for the next region before it sleeps, in nanoseconds: PATIENCE while a plan runs; GRACE after
// its end, or if other processes need the cores. Threads that wait for shares of the current region spin for GRACE.
static const int64_t PATIENCE = 300 * 1000, GRACE = 50 * 1000;
// If other processes needed the caller's core during a plan, workers spin for GRACE only in plans that begin within
// this time after it, in nanoseconds.
static const int64_t CROWDED = 20 * 1000 * 1000;
// Other processes needed the caller's core if its processor time was less than this fraction of its time awake.
static const double UNDISTURBED = 0.85;

typedef struct {
    // The number of the last region in which a thread took the share.
    _Alignas(LINE) _Atomic uint64_t taken;
    int64_t took;  // processor time in nanoseconds; written before the share counts as finished
} share;

typedef struct team {
    // The region's number, shifted by 16 bits, and its number of shares in the lower 16 bits. The region's body, data
    // and mode are written before it.
    _Alignas(LINE) _Atomic uint64_t region;
    void (*body)(void *);
    void *data;
    _Atomic control mode;
    int measures;  // whether shares are timed
    // Whether workers spin for the next region.
    _Atomic int is_running;
    _Atomic int is_ended;

    _Alignas(LINE) _Atomic uint32_t finished;  // number of finished shares of the region
    _Atomic int caller_sleeps;

    _Alignas(LINE) _Atomic uint32_t bell;  // changes whenever sleepers are woken
    _Atomic uint32_t sleepers;

    _Alignas(LINE) _Atomic uint32_t arrived;  // number of shares that wait at the barrier
    _Atomic uint32_t barriers;                // number of barriers that were passed

    // Used by the caller only.
    _Alignas(LINE) int workers;
    uint64_t regions;
    int64_t begun, processor_time, slept, crowded_until;
    pthread_t threads[MOST_THREADS];

    share shares[MOST_THREADS];
} team;

typedef struct {
    team *team;
    int number;
} worker;

// State of the calling thread: its team, the number of threads that it asks for, and its position in a region.
static _Thread_local team *own_team = NULL;
static _Thread_local int wanted = 1;
static _Thread_local team *current = NULL;
static _Thread_local int number = 0, count = 1;

// Whether the calling thread's regions are measured, the times so far, its processor time when `measured` was last
// read, and the time that it spent in regions since then.
static _Thread_local int measures = 0;
static _Thread_local conednn_times measured;
static _Thread_local int64_t measured_from = 0, in_regions = 0;
// The time that this thread spent at barriers, which does not count towards its share.
static _Thread_local int64_t at_barriers = 0;

static pthread_key_t at_exit;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

// Spins until `word` differs from `value`, for at most `time` nanoseconds. Returns whether it differs.
static int spins_past(_Atomic uint32_t *word, uint32_t value, int64_t time) {
    int64_t start = 0;
    for (int round = 0;; round++) {
        if (atomic_load_explicit(word, memory_order_acquire) != value) return 1;
        pause_briefly();
        if (round % 32 != 31) continue;
        int64_t now = nanoseconds(CLOCK_MONOTONIC);
        if (start == 0) start = now;
        if (now - start >= time) return 0;
    }
}

static void compute(team *team, int share, int shares) {
    struct team *outer = current;
    int outer_number = number, outer_count = count;
    current = team;
    number = share;
    count = shares;
    int64_t start = team->measures ? nanoseconds(CLOCK_THREAD_CPUTIME_ID) - at_barriers : 0;
    team->body(team->data);
    if (team->measures) team->shares[share].took = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - at_barriers - start;
    current = outer;
    number = outer_number;
    count = outer_count;
    // The caller may sleep until the last share is finished.
    if (atomic_fetch_add(&team->finished, 1) + 1 == (uint32_t)shares && atomic_load(&team->caller_sleeps))
        futex_wake(&team->finished);
}

// Takes a share of a region, unless another thread has taken it.
static int takes(team *team, int share, uint64_t region) {
    uint64_t last = atomic_load_explicit(&team->shares[share].taken, memory_order_relaxed);
    return last < region && atomic_compare_exchange_strong(&team->shares[share].taken, &last, region);
}

// Computes share `first`, then the remaining shares, each unless another thread has taken it. A region that has ended
// has no shares left.
static void work(team *team, int first, uint64_t word) {
    uint64_t region = word >> 16;
    int shares = (int)(word & 0xffff);
    for (int step = 0; step < shares; step++) {
        int share = (first + step) % shares;
        if (takes(team, share, region)) compute(team, share, shares);
    }
}

// Returns the value of `region` once it differs from `seen`; 0 when the team has ended.
static uint64_t next_region(team *team, uint64_t seen) {
    int64_t start = 0;
    for (int round = 0;; round++) {
        uint64_t word = atomic_load_explicit(&team->region, memory_order_acquire);
        if (word != seen) return word;
        if (atomic_load_explicit(&team->is_ended, memory_order_relaxed)) return 0;
        pause_briefly();
        if (round % 32 != 31) continue;
        int64_t now = nanoseconds(CLOCK_MONOTONIC);
        if (start == 0) start = now;
        int is_running = atomic_load_explicit(&team->is_running, memory_order_relaxed);
        if (now - start < (is_running ? PATIENCE : GRACE)) continue;

        // Either this thread sees the new region, or the caller, which writes the region first, sees the sleeper.
        uint32_t bell = atomic_load(&team->bell);
        atomic_fetch_add(&team->sleepers, 1);
        if (atomic_load(&team->region) == seen && !atomic_load(&team->is_ended)) futex_wait(&team->bell, bell);
        atomic_fetch_sub(&team->sleepers, 1);
        start = 0;
    }
}

static void ring(team *team) {
    if (atomic_load(&team->sleepers) == 0) return;
    atomic_fetch_add(&team->bell, 1);
    futex_wake(&team->bell);
}

static void *run_worker(void *argument) {
    worker self = *(worker *)argument;
    free(argument);
    uint64_t word = 0;
    control mode = read_control() & mask();
    while ((word = next_region(self.team, word)) != 0) {
        // A worker whose number is beyond the shares has no share of its own. It leaves the shares to the others.
        if (self.number >= (int)(word & 0xffff)) continue;
        // The mode of this region or of a later one. In the latter case this region has no shares left.
        control wanted_mode = atomic_load_explicit(&self.team->mode, memory_order_relaxed);
        if (mode != wanted_mode) write_control((read_control() & ~mask()) | (mode = wanted_mode));
        work(self.team, self.number, word);
    }
    return NULL;
}

// Aborts, as libgomp does: without one of its threads, a region with a barrier would never end.
static void fail(void) {
    static const char message[] =
        "a thread of the engine cannot be started: raise the limits of processes (ulimit -u) and memory, or ask for "
        "fewer --threads\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    abort();
}

// Starts workers until there are `workers` of them.
static void grow(team *team, int workers) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team->workers < workers) {
        worker *argument = malloc(sizeof(worker));
        if (!argument) fail();
        *argument = (worker){team, team->workers + 1};
        if (pthread_create(&team->threads[team->workers], NULL, run_worker, argument) != 0) fail();
        team->workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void end_team(void *argument) {
    team *team = argument;
    atomic_store(&team->is_ended, 1);
    atomic_fetch_add(&team->bell, 1);
    futex_wake(&team->bell);
    for (int index = 0; index < team->workers; index++) pthread_join(team->threads[index], NULL);
    free(team);
}

static void make_key(void) { pthread_key_create(&at_exit, end_team); }

// Returns the calling thread's team, with workers for at least this many threads, including the calling thread.
static team *team_of(int threads) {
    if (!own_team) {
        pthread_once(&once, make_key);
        team *made = aligned_alloc(LINE, sizeof(team));
        if (!made) fail();
        *made = (team){.regions = 0};
        // `end_team` runs when the calling thread ends.
        if (pthread_setspecific(at_exit, made) != 0) fail();
        own_team = made;
    }
    if (own_team->workers < threads - 1) grow(own_team, threads - 1);
    return own_team;
}

void conednn_begin_plan(int threads) {
    if (threads < 2 || current) return;
    team *team = team_of(threads < MOST_THREADS ? threads : MOST_THREADS);
    team->begun = nanoseconds(CLOCK_MONOTONIC);
    team->processor_time = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    team->slept = 0;
    if (team->begun < team->crowded_until) return;
    atomic_store(&team->is_running, 1);
    ring(team);
}

void conednn_end_plan(int threads) {
    team *team = own_team;
    if (threads < 2 || current || !team) return;
    atomic_store(&team->is_running, 0);
    int64_t now = nanoseconds(CLOCK_MONOTONIC);
    int64_t computed = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - team->processor_time;
    if ((double)computed < UNDISTURBED * (double)(now - team->begun - team->slept))
        team->crowded_until = now + CROWDED;
}

void conednn_set_threads(int threads) { wanted = threads < 1 ? 1 : threads < MOST_THREADS ? threads : MOST_THREADS; }
int conednn_threads(void) { return wanted; }

void conednn_measure(int on) {
    measures = on;
    (void)conednn_measured();
}

conednn_times conednn_measured(void) {
    int64_t now = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    conednn_times result = measured;
    result.serial = now - measured_from - in_regions;
    measured = (conednn_times){0, 0, 0};
    measured_from = now;
    in_regions = 0;
    return result;
}

// Adds the times of a region's shares to the caller's measurement. `begun` is the caller's processor time at the
// region's beginning.
static void add_shares(team *team, int shares, int64_t begun) {
    int64_t longest = 0;
    for (int index = 0; index < shares; index++) {
        int64_t took = team->shares[index].took;
        measured.shares += took;
        if (took > longest) longest = took;
    }
    measured.longest += longest;
    in_regions += nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begun;
}

// The functions of libgomp that oneDNN calls.

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
    (void)flags;
    int shares = threads == 0 ? wanted : threads < MOST_THREADS ? (int)threads : MOST_THREADS;
    int64_t begun = measures && !current ? nanoseconds(CLOCK_THREAD_CPUTIME_ID) : 0;
    // A nested region is computed by the thread that encounters it, which is OpenMP's default.
    team *team = current || shares < 2 ? NULL : team_of(shares);
    if (!team) {
        int outer_number = number, outer_count = count;
        number = 0;
        count = 1;
        body(data);
        number = outer_number;
        count = outer_count;
        if (begun) {
            int64_t took = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begun;
            measured.longest += took;
            measured.shares += took;
            in_regions += took;
        }
        return;
    }
    team->body = body;
    team->data = data;
    team->measures = measures;
    atomic_store_explicit(&team->mode, read_control() & mask(), memory_order_relaxed);
    atomic_store_explicit(&team->finished, 0, memory_order_relaxed);
    uint64_t word = ++team->regions << 16 | (uint64_t)shares;
    atomic_store(&team->region, word);
    ring(team);
    work(team, 0, word);

    uint32_t finished;
    while ((finished = atomic_load_explicit(&team->finished, memory_order_acquire)) != (uint32_t)shares) {
        if (spins_past(&team->finished, finished, GRACE)) continue;
        int64_t start = nanoseconds(CLOCK_MONOTONIC);
        atomic_store(&team->caller_sleeps, 1);
        if (atomic_load(&team->finished) == finished) futex_wait(&team->finished, finished);
        atomic_store(&team->caller_sleeps, 0);
        team->slept += nanoseconds(CLOCK_MONOTONIC) - start;
    }
    if (measures) add_shares(team, shares, begun);
}

// No share passes the barrier before all shares have reached it, so each share needs a thread of its own until then. A
// thread that has finished its first share has passed all barriers of the region, so it may take another.
void GOMP_barrier(void) {
    team *team = current;
    if (!team) return;
    uint32_t passed = atomic_load(&team->barriers);
    if (atomic_fetch_add(&team->arrived, 1) + 1 == (uint32_t)count) {
        atomic_store(&team->arrived, 0);
        atomic_fetch_add(&team->barriers, 1);
        futex_wake(&team->barriers);
        return;
    }
    int64_t start = team->measures ? nanoseconds(CLOCK_THREAD_CPUTIME_ID) : 0;
    while (atomic_load(&team->barriers) == passed) {
        if (!spins_past(&team->barriers, passed, GRACE)) futex_wait(&team->barriers, passed);
    }
    if (team->measures) at_barriers += nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

int omp_get_max_threads(void) { return wanted; }
int omp_get_num_threads(void) { return count; }
int omp_get_thread_num(void) { return number; }
int omp_in_parallel(void) { return current != NULL; }
