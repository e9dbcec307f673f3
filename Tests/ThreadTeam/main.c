// SPDX-License-Identifier: Apache-2.0
// Random plans on the engine's thread team from several threads, with plain memory between their shares, so that a sanitizer
// sees every access that is not ordered: `scripts/sanitize team`.
#include "COneDNN.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// The functions of libgomp that the team defines.
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);

enum { CALLERS = 3, ROUNDS = 6, PLANS = 60, REGIONS = 30, MOST_SHARES = 64 };

typedef struct {
    long input[MOST_SHARES], doubled[MOST_SHARES], output[MOST_SHARES];
    int has_barriers;
} region;

static void count_threads(void *data) { *(long *)data += omp_get_num_threads(); }

// With barriers, each share reads what its neighbour has written.
static void compute(void *data) {
    region *region = data;
    int share = omp_get_thread_num(), shares = omp_get_num_threads();
    region->doubled[share] = 2 * region->input[share];
    if (region->has_barriers) {
        GOMP_barrier();
        region->output[share] = region->doubled[(share + 1) % shares];
        GOMP_barrier();
        region->doubled[share] = 0;
    } else {
        region->output[share] = region->doubled[share];
    }
    // A nested region has one thread.
    long nested = 0;
    GOMP_parallel(count_threads, &nested, 4, 0);
    if (nested != 1) abort();
}

static void *run_plans(void *argument) {
    unsigned seed = (unsigned)(long)argument;
    region *region = calloc(1, sizeof *region);
    if (!region) abort();
    for (int plan = 0; plan < PLANS; plan++) {
        int threads = 2 + rand_r(&seed) % 5;
        conednn_set_threads(threads);
        conednn_measure(rand_r(&seed) % 2);
        conednn_begin_plan(threads);
        for (int index = 0; index < REGIONS; index++) {
            int shares = rand_r(&seed) % 4 ? threads : 2;
            for (int share = 0; share < shares; share++) {
                region->input[share] = rand_r(&seed);
                region->output[share] = -1;
            }
            region->has_barriers = rand_r(&seed) % 3 == 0;
            GOMP_parallel(compute, region, (unsigned)shares, 0);
            for (int share = 0; share < shares; share++) {
                int source = region->has_barriers ? (share + 1) % shares : share;
                if (region->output[share] != 2 * region->input[source]) {
                    fprintf(stderr, "share %d of %d is wrong\n", share, shares);
                    abort();
                }
            }
        }
        conednn_end_plan(threads);
        if (conednn_measured().shares < 0) abort();
        // Some teams go to sleep between plans.
        if (rand_r(&seed) % 5 == 0) usleep(1000);
    }
    free(region);
    return NULL;
}

int main(void) {
    // A thread's team ends with the thread.
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t callers[CALLERS];
        for (long caller = 0; caller < CALLERS; caller++)
            if (pthread_create(&callers[caller], NULL, run_plans, (void *)(round * CALLERS + caller + 1)) != 0) abort();
        for (int caller = 0; caller < CALLERS; caller++) pthread_join(callers[caller], NULL);
    }
    printf("%d plans of the thread team\n", ROUNDS * CALLERS * PLANS);
    return 0;
}
