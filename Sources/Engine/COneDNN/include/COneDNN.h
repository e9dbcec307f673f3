#ifndef CONEDNN_H
#define CONEDNN_H
#endif
