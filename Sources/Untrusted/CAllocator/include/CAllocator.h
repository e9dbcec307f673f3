// SPDX-License-Identifier: Apache-2.0
#ifndef CALLOCATOR_H
#define CALLOCATOR_H

#include <stddef.h>

/// From now on, blocks of `bytes` and more return to the system when they are freed. Otherwise glibc keeps ever larger
/// blocks once one was freed. glibc declares this function and the next as extensions, which Swift's importer does not
/// see.
void callocator_return_blocks_from(size_t bytes);

/// Gives the pages of all smaller blocks that were freed back to the system.
void callocator_trim(void);

/// Whether this many bytes of memory could be locked now. No memory is allocated, and none stays locked.
int callocator_can_lock(size_t bytes);

#endif
