#include "validate/validate.h"
void validate_init(void){}
