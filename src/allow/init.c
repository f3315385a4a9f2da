#include "allow/allow.h"
void allow_init(void){}
