// What Swift cannot call: prctl takes any number of arguments.
#include <sys/prctl.h>

// Names the calling thread, as /proc shows it. The kernel cuts names at 15 bytes.
static inline void thread_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
