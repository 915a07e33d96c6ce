/** DSB_API marks what the library exports. Nothing else is visible. */
#ifndef DSBIAS_EXPORT_H
#define DSBIAS_EXPORT_H

#if defined(__GNUC__)
#define DSB_API __attribute__((visibility("default")))
#else
#define DSB_API
#endif

#endif
