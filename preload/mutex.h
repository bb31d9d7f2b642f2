/* What condition variables need of the mutex hooks. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

/* pthread_mutex_lock. May switch. */
int mutex_lock(pthread_mutex_t *m);

/* pthread_mutex_unlock by a caller that parks next. Never switches. */
int mutex_unlock_and_go_on(pthread_mutex_t *m);

/* What unlocking would say: EPERM for the kinds that know their owner when it is somebody else, else 0. */
int mutex_check_owner(const pthread_mutex_t *m);

/* Shared with other processes. */
bool mutex_is_shared(const pthread_mutex_t *m);
