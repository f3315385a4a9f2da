#include "budget/budget.h"
void budget_init(void){}
