#include "call/call.h"
void call_init(void){}
