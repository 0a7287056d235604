/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#define SHAPE_FORMAT FORMAT_OCSF
#include "shape_target.h"
