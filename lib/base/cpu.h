/* The level of this CPU as the operating system lets us use it: one of DSB_ISA_*, never AUTO. */
#ifndef DSBI_BASE_CPU_H
#define DSBI_BASE_CPU_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

uint32_t dsbi_cpu_isa(void);
/* CPUs the process may run on: affinity mask and cgroup quota, at least 1. */
size_t dsbi_cpu_count(void);
/* Sends `thread` off the caller's processor to any other one it may use, and leaves it free to move
 * again; its affinity mask stays what it was. Does nothing where it may use no other. */
void dsbi_cpu_part_from(pthread_t thread);

#endif
