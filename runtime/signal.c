/* Placeholder until virtual signals land. */
#include "runtime/signal.h"

void thread_act_on_alerts(void)
{
    atomic_fetch_and(&self->alerts, ~ALERT_SIGNAL);
}

bool signal_may_arrive(void)
{
    return false;
}
