#include "COneDNN.h"

// Declared here because clang's search path does not always hold the OpenMP header of the runtime that oneDNN links.
extern void omp_set_num_threads(int);
extern int omp_get_max_threads(void);

void conednn_set_threads(int threads) { omp_set_num_threads(threads); }
int conednn_threads(void) { return omp_get_max_threads(); }
