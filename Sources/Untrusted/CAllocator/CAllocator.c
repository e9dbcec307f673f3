// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CAllocator.h"

#include <malloc.h>
#include <sys/mman.h>

void callocator_return_blocks_from(size_t bytes) { mallopt(M_MMAP_THRESHOLD, (int)bytes); }

void callocator_trim(void) { malloc_trim(0); }

int callocator_can_lock(size_t bytes) {
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return 0;
    int status = mlock2(pages, bytes, MLOCK_ONFAULT);
    munmap(pages, bytes);
    return status == 0;
}
