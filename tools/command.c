/* Finding COMMAND, and reading its ELF headers, its mode and its attributes.
 *
 * The order of the checks is that of execve(2): the file may be executed; a script leads to its interpreter; the ABI; the
 * dynamic loader; the privileges that it gains, which for a script are the interpreter's. */
#include "tools/command.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/greenrun.h"

/* Linux: BINPRM_BUF_SIZE bytes of the first line count, and an interpreter may be a script itself, five deep at most. */
#define FIRST_LINE_MAX 256
#define INTERPRETER_MAX 5

static bool is_executable_file(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
        return false;
    }
    return eaccess(path, X_OK) == 0;
}

/* execvp(3): what is there but may not be executed is remembered, and the search goes on. */
static int find_on_path(const char *name, char path[PATH_MAX])
{
    char standard[PATH_MAX];
    const char *directory = getenv("PATH");
    int seen_errno = 0;

    if (!directory) {
        confstr(_CS_PATH, standard, sizeof standard);
        directory = standard;
    }
    for (;;) {
        size_t length = strcspn(directory, ":");
        /* POSIX 8.3: an empty prefix means the current directory. */
        int needed = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, directory, length ? "/" : "./", name);
        if (needed < PATH_MAX && is_executable_file(path))
            return 0;
        if (needed < PATH_MAX && errno == EACCES)
            seen_errno = errno;
        if (!directory[length])
            break;
        directory += length + 1;
    }
    if (seen_errno)
        return refuse(EXIT_NOT_GREEN, "%s: found along PATH, but %s", name, strerror(seen_errno));
    return refuse(EXIT_NOT_FOUND, "%s: not found along PATH", name);
}

int command_find(const char *name, char path[PATH_MAX])
{
    if (*name && !strchr(name, '/'))
        return find_on_path(name, path);
    if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
        errno = ENAMETOOLONG;
    else if (is_executable_file(path))
        return 0;
    bool is_missing = errno == ENOENT || errno == ENOTDIR;
    return refuse(is_missing ? EXIT_NOT_FOUND : EXIT_NOT_GREEN, "%s: %s", name, strerror(errno));
}

/* The same place in the headers of both classes. */
struct elf_start {
    unsigned char ident[EI_NIDENT];
    uint16_t type;
    uint16_t machine;
};

static bool is_elf(const struct elf_start *e)
{
    return memcmp(e->ident, ELFMAG, SELFMAG) == 0;
}

static const char *machine_name(uint16_t machine, char buffer[16])
{
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {{EM_386, "i386"},     {EM_X86_64, "x86-64"}, {EM_ARM, "ARM"},    {EM_AARCH64, "AArch64"},
                 {EM_RISCV, "RISC-V"}, {EM_PPC64, "PowerPC"}, {EM_S390, "S/390"}, {EM_MIPS, "MIPS"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].machine == machine)
            return names[i].name;
    snprintf(buffer, 16, "machine %u", machine);
    return buffer;
}

static int check_abi(const char *path, const struct elf_start *program, const char *library)
{
    struct elf_start ours;
    char program_buffer[16], our_buffer[16];
    int fd = open(library, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : pread(fd, &ours, sizeof ours, 0);
    if (fd >= 0)
        close(fd);
    if (length != sizeof ours || !is_elf(&ours))
        return refuse(EXIT_OURS, "%s: not a library", library);
    if (program->ident[EI_CLASS] == ours.ident[EI_CLASS] && program->ident[EI_DATA] == ours.ident[EI_DATA] &&
        program->machine == ours.machine)
        return 0;
    return refuse(EXIT_NOT_GREEN,
                  "%s: cannot be made green: it is of another ABI (%s-bit %s, the library is %s-bit %s)", path,
                  program->ident[EI_CLASS] == ELFCLASS64 ? "64" : "32", machine_name(program->machine, program_buffer),
                  ours.ident[EI_CLASS] == ELFCLASS64 ? "64" : "32", machine_name(ours.machine, our_buffer));
}

/* The dynamic loader that the program names; "" when it names none. False when the file is cut short. */
static bool read_loader(int fd, char loader[PATH_MAX])
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;

    loader[0] = '\0';
    if (pread(fd, &header, sizeof header, 0) != sizeof header)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        off_t at = (off_t)(header.e_phoff + i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != sizeof segment)
            return false;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_filesz == 0 || segment.p_filesz > PATH_MAX)
            return false;
        if (pread(fd, loader, segment.p_filesz, (off_t)segment.p_offset) != (ssize_t)segment.p_filesz)
            return false;
        loader[segment.p_filesz - 1] = '\0';
        return true;
    }
    return true;
}

/* glibc's is ld-linux-x86-64.so.2, ld-linux-aarch64.so.1, ld64.so.2 …; musl's ld-musl-x86_64.so.1. */
static bool is_glibc_loader(const char *loader)
{
    const char *slash = strrchr(loader, '/');
    const char *name = slash ? slash + 1 : loader;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld64.so", 7) == 0 || strncmp(name, "ld.so", 5) == 0;
}

static int check_loader(int fd, const char *path)
{
    char loader[PATH_MAX];
    if (!read_loader(fd, loader))
        return refuse(EXIT_NOT_GREEN, "%s: cannot be made green: its ELF headers are damaged", path);
    if (!*loader)
        return refuse(EXIT_NOT_GREEN,
                      "%s: cannot be made green: it is statically linked, so no dynamic loader would load the library",
                      path);
    if (!is_glibc_loader(loader))
        return refuse(EXIT_NOT_GREEN, "%s: cannot be made green: its dynamic loader is %s, not glibc's", path, loader);
    if (access(loader, F_OK) != 0)
        return refuse(EXIT_NOT_GREEN, "%s: its dynamic loader %s: %s", path, loader, strerror(errno));
    return 0;
}

/* Whether the kernel would set AT_SECURE, which makes ld.so ignore LD_PRELOAD: the effective user or group would differ
 * from the real one (security/commoncap.c, cap_bprm_creds_from_file; fs/exec.c, bprm_fill_uid). */
static int check_privilege(int fd, const char *path)
{
    struct stat st;
    struct statvfs filesystem;
    if (fstat(fd, &st) != 0 || fstatvfs(fd, &filesystem) != 0)
        return refuse(EXIT_NOT_GREEN, "%s: %s", path, strerror(errno));

    bool is_nosuid = filesystem.f_flag & ST_NOSUID;
    bool sets_ids = !is_nosuid && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
    bool sets_user = sets_ids && st.st_mode & S_ISUID;
    bool sets_group = sets_ids && (st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

    if ((sets_user ? st.st_uid : geteuid()) != getuid())
        return refuse(EXIT_NOT_GREEN,
                      "%s: cannot be made green: it would run setuid, and ld.so preloads nothing for another user",
                      path);
    if ((sets_group ? st.st_gid : getegid()) != getgid())
        return refuse(EXIT_NOT_GREEN,
                      "%s: cannot be made green: it would run setgid, and ld.so preloads nothing for another group",
                      path);
    /* Root gains nothing by file capabilities, so they do not matter to it. */
    if (!is_nosuid && getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return refuse(EXIT_NOT_GREEN,
                      "%s: cannot be made green: it has file capabilities, and ld.so preloads nothing into it", path);
    return 0;
}

/* `#!interpreter argument`: the interpreter, cut out of line. NULL when there is none. */
static char *script_interpreter(char *line, size_t length)
{
    if (length < 2 || line[0] != '#' || line[1] != '!')
        return NULL;
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    interpreter[strcspn(interpreter, " \t\n")] = '\0';
    return *interpreter ? interpreter : NULL;
}

static int check_file(const char *path, const char *library, int depth);

static int check_script(const char *path, char *line, size_t length, const char *library, int depth)
{
    const char *interpreter = script_interpreter(line, length);
    if (!interpreter)
        return refuse(EXIT_NOT_GREEN, "%s: cannot be made green: it is neither an ELF program nor a #! script", path);
    if (depth == INTERPRETER_MAX)
        return refuse(EXIT_NOT_GREEN, "%s: %s", path, strerror(ELOOP));
    if (!is_executable_file(interpreter))
        return refuse(EXIT_NOT_GREEN, "%s: its interpreter %s: %s", path, interpreter, strerror(errno));
    return check_file(interpreter, library, depth + 1);
}

static int check_open_file(int fd, const char *path, const char *library, int depth)
{
    union {
        struct elf_start elf;
        char line[FIRST_LINE_MAX + 1];
    } start = {.line = ""};
    ssize_t length = pread(fd, start.line, FIRST_LINE_MAX, 0);
    if (length < 0)
        return refuse(EXIT_NOT_GREEN, "%s: %s", path, strerror(errno));
    if ((size_t)length < sizeof start.elf || !is_elf(&start.elf))
        return check_script(path, start.line, (size_t)length, library, depth);

    int status = check_abi(path, &start.elf, library);
    if (status == 0)
        status = check_loader(fd, path);
    if (status == 0)
        status = check_privilege(fd, path);
    return status;
}

static int check_file(const char *path, const char *library, int depth)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(EXIT_NOT_GREEN, "%s: cannot be read to see whether it can be made green: %s", path,
                      strerror(errno));
    int status = check_open_file(fd, path, library, depth);
    close(fd);
    return status;
}

int command_check(const char *path, const char *library)
{
    return check_file(path, library, 0);
}
