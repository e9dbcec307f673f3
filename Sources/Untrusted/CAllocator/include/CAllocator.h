#ifndef CALLOCATOR_H
#define CALLOCATOR_H

#include <stddef.h>

/// From now on blocks of `bytes` and more go back to the system when they are freed. Without it glibc keeps ever larger
/// ones once it has seen one freed. glibc has this and the next as extensions that Swift's importer does not see.
void callocator_return_blocks_from(size_t bytes);

/// Gives the pages of all smaller blocks that were freed back to the system.
void callocator_trim(void);

/// Whether so many bytes of memory could be locked now; none stays locked. No memory is taken for it.
int callocator_can_lock(size_t bytes);

#endif
