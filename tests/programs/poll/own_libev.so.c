/* A library with a libev of its own inside, for own_libev.c: its calls go to its own functions, as nio4r's do. */
int ev_version_major(void)
{
    return 1000;
}

int ev_run(void *loop, int flags)
{
    (void)loop;
    return flags + 1;
}

int module_runs(void)
{
    return ev_version_major() + ev_run(0, 10);
}
