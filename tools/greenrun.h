/* What the files of greenrun share: its own exit statuses, which are those of env(1) and nohup(1), and how it says no. */
#pragma once

enum exit_status {
    EXIT_OURS = 125,      /* greenrun itself failed */
    EXIT_NOT_GREEN = 126, /* COMMAND was found but cannot be run, or not green */
    EXIT_NOT_FOUND = 127,
};

/* Says why on stderr, one line after "greenrun: ", and returns status for the caller to pass on. */
int refuse(enum exit_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
