/* Placeholder until virtual signals land. */
#include "runtime/thread.h"

void thread_act_on_alerts(void)
{
    atomic_fetch_and(&self->alerts, ~ALERT_SIGNAL);
}
