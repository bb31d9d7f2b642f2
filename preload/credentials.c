/* User and group ids of the process. libc's other functions (initgroups) call these. The file-system ids of setfsuid(2) and setfsgid(2)
 * are one kernel thread's for libc as well, and so are all green threads' of a worker. */
#include <grp.h>

#include "preload/hook.h"
#include "runtime/credentials.h"

static int changed(long number, unsigned a, unsigned b, unsigned c)
{
    return (int)sys_ret(credentials_change(number, (long)a, (long)b, (long)c));
}

/* POSIX setuid, setgid, seteuid, setegid, setreuid, setregid. -1 leaves an id as it is, and is no effective id (glibc). */
HOOK_EXPORT int setuid(uid_t id)
{
    return changed(SYS_setuid, id, 0, 0);
}

HOOK_EXPORT int setgid(gid_t id)
{
    return changed(SYS_setgid, id, 0, 0);
}

HOOK_EXPORT int seteuid(uid_t id)
{
    return id == (uid_t)-1 ? (int)sys_ret(-EINVAL) : changed(SYS_setresuid, -1u, id, -1u);
}

HOOK_EXPORT int setegid(gid_t id)
{
    return id == (gid_t)-1 ? (int)sys_ret(-EINVAL) : changed(SYS_setresgid, -1u, id, -1u);
}

HOOK_EXPORT int setreuid(uid_t real, uid_t effective)
{
    return changed(SYS_setreuid, real, effective, 0);
}

HOOK_EXPORT int setregid(gid_t real, gid_t effective)
{
    return changed(SYS_setregid, real, effective, 0);
}

/* setresuid(2), setresgid(2). */
HOOK_EXPORT int setresuid(uid_t real, uid_t effective, uid_t saved)
{
    return changed(SYS_setresuid, real, effective, saved);
}

HOOK_EXPORT int setresgid(gid_t real, gid_t effective, gid_t saved)
{
    return changed(SYS_setresgid, real, effective, saved);
}

/* setgroups(2). */
HOOK_EXPORT int setgroups(size_t count, const gid_t *groups)
{
    return (int)sys_ret(credentials_change(SYS_setgroups, (long)count, (long)groups, 0));
}
