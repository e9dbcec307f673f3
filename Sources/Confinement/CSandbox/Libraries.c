// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSandbox.h"

#include <link.h>

struct visitor {
    void (*visit)(const char *path, void *context);
    void *context;
};

static int pass(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    const struct visitor *visitor = context;
    // The program itself has an empty name here, and the vDSO is not a file.
    if (object->dlpi_name != NULL && object->dlpi_name[0] == '/') visitor->visit(object->dlpi_name, visitor->context);
    return 0;
}

void csandbox_each_library(void (*visit)(const char *path, void *context), void *context) {
    struct visitor visitor = {visit, context};
    dl_iterate_phdr(pass, &visitor);
}
