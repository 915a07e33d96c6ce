/** libdsbias: how well can a network tell which dataset an image comes from, and does a classifier
 *  generalise to a new test set. One include for everything; each header also stands alone. */
#ifndef DSBIAS_DSBIAS_H
#define DSBIAS_DSBIAS_H

#include "dsbias/base.h"
#include "dsbias/bench.h"
#include "dsbias/bias.h"
#include "dsbias/data.h"
#include "dsbias/eval.h"
#include "dsbias/graph.h"
#include "dsbias/image.h"
#include "dsbias/nn.h"
#include "dsbias/ops.h"
#include "dsbias/report.h"
#include "dsbias/train.h"
#include "dsbias/shift.h"
#include "dsbias/stats.h"
#include "dsbias/tensor.h"

#endif
