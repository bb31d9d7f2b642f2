/* A module with thread-local variables, for tls_dlopen.c. */
__thread int module_number = 99;
__thread char module_text[64] = "module";
static __thread int counter __attribute__((tls_model("initial-exec"))) = 10;

int module_add(int n)
{
    module_number += n;
    module_text[0] = 'M';
    return module_number;
}

int module_count(void)
{
    return ++counter;
}

const char *module_read(void)
{
    return module_text;
}
