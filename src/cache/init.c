#include "cache/cache.h"
void cache_init(void){}
