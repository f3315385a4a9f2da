#include "retry/retry.h"
void retry_init(void){}
