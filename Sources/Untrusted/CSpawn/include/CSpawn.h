#ifndef CSPAWN_H
#define CSPAWN_H

#include <spawn.h>

/// Adds the closing of every descriptor from `lowest` on to what a spawned process does before it runs. glibc has this as
/// an extension that Swift's importer does not see.
int cspawn_close_from(posix_spawn_file_actions_t *actions, int lowest);

#endif
