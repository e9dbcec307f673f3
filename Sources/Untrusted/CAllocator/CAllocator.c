#include "CAllocator.h"

#include <malloc.h>

void callocator_return_blocks_from(size_t bytes) { mallopt(M_MMAP_THRESHOLD, (int)bytes); }

void callocator_trim(void) { malloc_trim(0); }
