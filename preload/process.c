/* Processes: fork, vfork, spawn and exec.
 *
 * A new program, or a child, inherits the kernel's signal mask of the kernel thread that makes it; signal_native_begin makes
 * that the mask of the calling green thread. A child that shares our memory (vfork, posix_spawn) runs through our hooks in
 * its parent's TLS: in_vfork_child makes them plain system calls. */
#include <fcntl.h>

#include "preload/hook.h"
#include "runtime/descriptor.h"
#include "runtime/fork.h"
#include "runtime/signal.h"

/* ---- fork ---- */

/* _Fork(3), POSIX 2024. libc's fork, forkpty and daemon come here too, with their locks and fork handlers around it. */
HOOK_EXPORT pid_t _Fork(void)
{
    return (pid_t)sys_ret(fork_process());
}

/* ---- vfork: asm/x86_64/vfork.S ---- */

static inline bool keeps_mask(void)
{
    return self && !in_vfork_child && !runtime_depth;
}

__attribute__((used)) void vfork_begin(void)
{
    descriptor_after_fork();
    if (self && !in_vfork_child)
        signal_native_begin(false);
}

/* In the parent. */
__attribute__((used)) pid_t vfork_end(long pid)
{
    if (self && !in_vfork_child)
        signal_native_end();
    return (pid_t)sys_ret(pid);
}

/* ---- posix_spawn ---- */

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                           char *const[], char *const[]);

/* libc's child is one of vfork's kind. The call is no cancellation point, and must not be left while the mark is set. */
static int spawn(spawn_function *real, pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    int state;
    if (!keeps_mask())
        return real(pid, file, actions, attributes, argv, envp);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    signal_native_begin(false);
    descriptor_after_fork();
    in_vfork_child = 1;
    int error = real(pid, file, actions, attributes, argv, envp);
    in_vfork_child = 0;
    signal_native_end();
    pthread_setcancelstate(state, NULL);
    return error;
}

/* POSIX posix_spawn, posix_spawnp: also what libc's system, popen and wordexp call. */
HOOK_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    return spawn(REAL(posix_spawn), pid, path, actions, attributes, argv, envp);
}

HOOK_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                             const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    return spawn(REAL(posix_spawnp), pid, file, actions, attributes, argv, envp);
}

/* ---- exec ---- */

static bool exec_begin(void)
{
    bool is_green = keeps_mask();
    if (is_green)
        signal_native_begin(true);
    return is_green;
}

/* Only after a failure. */
static int exec_failed(bool is_green, long error)
{
    if (is_green)
        signal_native_end();
    return (int)sys_ret(error);
}

/* POSIX execve; the rest of the family ends in it. */
HOOK_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    bool is_green = exec_begin();
    return exec_failed(is_green, sys_call(SYS_execve, path, argv, envp));
}

/* execveat(2). */
HOOK_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    bool is_green = exec_begin();
    return exec_failed(is_green, sys_call(SYS_execveat, directory, path, argv, envp, flags));
}

/* POSIX fexecve: libc's own makes the system call itself. */
HOOK_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    return fd < 0 ? (int)sys_ret(-EINVAL) : execveat(fd, "", argv, envp, AT_EMPTY_PATH);
}
