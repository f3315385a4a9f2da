/*
 * pointer.c
 *	  Fuzzes JSON Pointers: keys that are written come back when they are read,
 *	  and whatever is called good can be read to its end.
 */
#include "schema/pointer.c"

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

/* the input's keys, each ended by a NUL, there and back */
static void
round_trip(const char *keys, size_t size)
{
	StringInfoData pointer;
	const char *rest;

	initStringInfo(&pointer);
	for (const char *key = keys; key < keys + size; key += strlen(key) + 1)
		pointer_append_key(&pointer, key, strlen(key));
	if (pointer_problem(pointer.data) != NULL)
		abort();
	rest = pointer.len > 0 ? pointer.data : NULL;
	for (const char *key = keys; key < keys + size; key += strlen(key) + 1)
	{
		char	   *token = rest != NULL ? pointer_next(&rest) : NULL;

		if (token == NULL || strcmp(token, key) != 0)
			abort();
		pfree(token);
	}
	if (rest != NULL)
		abort();
	pfree(pointer.data);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);
	const char *rest = text;
	uint32		index;

	memcpy(text, data, size);
	text[size] = '\0';
	round_trip(text, size);
	if (pointer_problem(text) != NULL || text[0] == '\0')
		rest = NULL;
	while (rest != NULL)
	{
		char	   *token = pointer_next(&rest);
		char		again[16];

		/* an index has one way of being written */
		if (pointer_index(token, &index))
		{
			snprintf(again, sizeof(again), "%u", index);
			if (strcmp(again, token) != 0)
				abort();
		}
		pfree(token);
	}
	pfree(text);
	return 0;
}
