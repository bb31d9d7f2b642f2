/* pthread_exit in main: the process lives until the last thread ends, then exits with 0 and flushes; exit() in that
   last thread decides the status. */
/* run: args=last */
/* expect:
main leaves
main joined: PTHREAD_CANCELED 0, value 77
last thread ends
atexit
*/
/* run: args=exit; exit=5 */
/* expect:
main leaves
main joined: PTHREAD_CANCELED 0, value 77
last thread exits with 5
atexit
*/
/* run: args=alone */
/* expect:
main leaves
atexit
*/
#include "say.h"

static pthread_t main_thread;

static void *outlives_main(void *mode)
{
    void *value;
    NEED(pthread_join(main_thread, &value) == 0);
    printf("main joined: PTHREAD_CANCELED %d, value %ld\n", value == PTHREAD_CANCELED, (long)value);
    sleep_ms(30);
    if (strcmp(mode, "exit") == 0) {
        printf("last thread exits with 5\n");
        exit(5);
    }
    printf("last thread ends\n");
    return NULL;
}

static void at_exit(void)
{
    printf("atexit\n");
}

int main(int argc, char **argv)
{
    NEED(argc == 2);
    atexit(at_exit);
    main_thread = pthread_self();
    if (strcmp(argv[1], "alone") != 0)
        pthread_detach(start(outlives_main, argv[1]));
    printf("main leaves\n");
    pthread_exit((void *)77L);
}
