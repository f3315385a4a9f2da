#include "validate/validate.h"
#include "validate/program.h"
Jsonb *
tool_args_coerce(const ToolDef *tool, Jsonb *args, Jsonb **changes)
{
	return args;
}
