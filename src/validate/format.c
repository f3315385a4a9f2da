#include "validate/format.h"
int format_find(const char *name) { (void) name; return -1; }
bool format_check(int id, const char *s, size_t len) { (void) id; (void) s; (void) len; return true; }
