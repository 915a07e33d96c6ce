/* What libjpeg's error codes mean here. */
#ifndef DSBI_IMAGE_JPEG_ERRORS_H
#define DSBI_IMAGE_JPEG_ERRORS_H

#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
#include "dsbias/base.h"

static inline dsb_status dsbi_jpeg_status(int code)
{
    switch (code) {
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_NOT_COMPILED:
        return DSB_E_UNSUPPORTED;
    case JERR_OUT_OF_MEMORY:
        return DSB_E_NOMEM;
    case JERR_NO_BACKING_STORE:
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        return DSB_E_LIMIT;
    default:
        return DSB_E_FORMAT;
    }
}

#endif
