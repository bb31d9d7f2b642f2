/* What the programs that the program executes inherit.
 *
 * By default all of it: LD_PRELOAD and GREENRUN_… are in the environment anyway, and nothing needs doing. For --exec=clear
 * the environment is edited in place, in the strings that the kernel put on the stack: no allocation this early. */
#include "preload/inherit.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ld.so(8): the list is separated by spaces or colons. */
#define SEPARATORS " :"

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Is the entry, in whatever way it names a file, this library? */
static bool is_ours(const char *entry, size_t length)
{
    Dl_info info;
    if (!dladdr((const void *)inherit_nothing, &info))
        return false;
    const char *name = file_name(info.dli_fname);
    size_t name_length = strlen(name);
    return length >= name_length && memcmp(entry + length - name_length, name, name_length) == 0 &&
           (length == name_length || entry[length - name_length - 1] == '/');
}

/* Moves the entries that stay to the front of the list. */
static void drop_ours(char *list)
{
    char *end = list;
    for (char *entry = list; *entry;) {
        size_t length = strcspn(entry, SEPARATORS);
        char *next = entry + length + (entry[length] != '\0');
        if (length && !is_ours(entry, length)) {
            if (end != list)
                *end++ = ':';
            memmove(end, entry, length);
            end += length;
        }
        entry = next;
    }
    *end = '\0';
}

void inherit_nothing(void)
{
    char *list = getenv("LD_PRELOAD");
    if (list) {
        drop_ours(list);
        if (!*list)
            unsetenv("LD_PRELOAD");
    }
    char **kept = environ;
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "GREENRUN_", 9) != 0)
            *kept++ = *variable;
    *kept = NULL;
}
