/*
 * compare.c
 *	  Comparing and finding JSON values in place.
 *
 * PostgreSQL's compareJsonbContainers() compares strings with the database's
 * collation and copies every scalar.  Equality of JSON values needs only bytes
 * and numbers.
 *
 * Memory: an array of the elements for uniqueItems.  Locks: none.  Errors:
 * 54001 on nesting deeper than the stack allows.
 */
#include "schema/json.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

/* up to this many elements are compared pair by pair */
#define UNIQUE_PAIRWISE 12

typedef struct UniqueItem
{
	JbItem		item;
	uint32		index;
} UniqueItem;

static int	container_compare(const JsonbContainer *a, const JsonbContainer *b);
static int	compare_unique(const void *a, const void *b);

const char *const type_names[NTYPES] = {
	"null", "boolean", "string", "number", "integer", "array", "object"
};

/* one TYPE_ bit; TYPE_INTEGER for a whole number */
int
item_type(const JbItem *item)
{
	if (JBE_ISSTRING(item->entry))
		return TYPE_STRING;
	if (JBE_ISNUMERIC(item->entry))
	{
		Number		n;

		number_read(&n, jb_numeric(item));
		return n.integer ? TYPE_INTEGER : TYPE_NUMBER;
	}
	if (JBE_ISBOOL(item->entry))
		return TYPE_BOOLEAN;
	if (JBE_ISNULL(item->entry))
		return TYPE_NULL;
	return item_is_object(item) ? TYPE_OBJECT : TYPE_ARRAY;
}

static int
item_rank(const JbItem *item)
{
	return JBE_ISNUMERIC(item->entry) ? TYPE_NUMBER : item_type(item);
}

int
item_compare(const JbItem *a, const JbItem *b)
{
	int			rank = item_rank(a);

	if (rank != item_rank(b))
		return rank < item_rank(b) ? -1 : 1;
	if (rank == TYPE_STRING)
		return key_compare(a->data, a->len, b->data, b->len);
	if (rank == TYPE_NUMBER)
		return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(jb_numeric(a)),
												 NumericGetDatum(jb_numeric(b))));
	if (rank == TYPE_BOOLEAN)
		return (JBE_ISBOOL_TRUE(a->entry) ? 1 : 0) - (JBE_ISBOOL_TRUE(b->entry) ? 1 : 0);
	if (rank == TYPE_NULL)
		return 0;
	return container_compare(jb_container(a), jb_container(b));
}

static int
container_compare(const JsonbContainer *a, const JsonbContainer *b)
{
	uint32		n = JsonContainerSize(a);
	uint32		total = JsonContainerIsObject(a) ? n * 2 : n;
	JbCursor	left = jb_first(a);
	JbCursor	right = jb_first(b);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (n != JsonContainerSize(b))
		return n < JsonContainerSize(b) ? -1 : 1;
	/* an object's values follow its keys, in the same order */
	for (uint32 i = 0; i < total; i++)
	{
		JbItem		x = jb_next(&left);
		JbItem		y = jb_next(&right);
		int			cmp = item_compare(&x, &y);

		if (cmp != 0)
			return cmp;
	}
	return 0;
}

static int
compare_unique(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return item_compare(&((const UniqueItem *) a)->item, &((const UniqueItem *) b)->item);
}

/* Sorted by a total order: a hash could be attacked with collisions. */
bool
items_unique(const JsonbContainer *array, uint32 *first, uint32 *second)
{
	uint32		n = JsonContainerSize(array);
	JbCursor	cursor = jb_first(array);
	UniqueItem	few[UNIQUE_PAIRWISE];
	UniqueItem *items = n <= UNIQUE_PAIRWISE ? few :
		MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(UniqueItem));
	bool		unique = true;

	for (uint32 i = 0; i < n; i++)
	{
		items[i].item = jb_next(&cursor);
		items[i].index = i;
	}
	if (n > UNIQUE_PAIRWISE)
		qsort(items, n, sizeof(UniqueItem), compare_unique);
	for (uint32 i = 1; i < n && unique; i++)
	{
		for (uint32 j = n > UNIQUE_PAIRWISE ? i - 1 : 0; j < i && unique; j++)
			if (compare_unique(&items[i], &items[j]) == 0)
			{
				*first = Min(items[i].index, items[j].index);
				*second = Max(items[i].index, items[j].index);
				unique = false;
			}
	}
	if (items != few)
		pfree(items);
	return unique;
}

/* The child at an index of the children's entries, keys and values alike. */
static JbItem
child_at(const JsonbContainer *c, uint32 index)
{
	JbCursor	cursor = {c->children, jb_data_base(c), index, getJsonbOffset(c, index)};

	return jb_next(&cursor);
}

bool
object_find(const JsonbContainer *object, const char *key, uint32 len, JbItem *value)
{
	uint32		low = 0;
	uint32		high = JsonContainerSize(object);
	uint32		n = high;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		JbItem		item = child_at(object, middle);
		int			cmp = key_compare(key, len, item.data, item.len);

		if (cmp == 0)
		{
			*value = child_at(object, n + middle);
			return true;
		}
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

bool
object_find_cstring(const JsonbContainer *object, const char *key, JbItem *value)
{
	return object_find(object, key, strlen(key), value);
}

bool
array_get(const JsonbContainer *array, uint32 index, JbItem *value)
{
	if (index >= JsonContainerSize(array))
		return false;
	*value = child_at(array, index);
	return true;
}

void
item_to_value(const JbItem *item, JsonbValue *value)
{
	if (JBE_ISSTRING(item->entry))
	{
		value->type = jbvString;
		value->val.string.val = unconstify(char *, item->data);
		value->val.string.len = item->len;
	}
	else if (JBE_ISNUMERIC(item->entry))
	{
		value->type = jbvNumeric;
		value->val.numeric = jb_numeric(item);
	}
	else if (JBE_ISBOOL(item->entry))
	{
		value->type = jbvBool;
		value->val.boolean = JBE_ISBOOL_TRUE(item->entry);
	}
	else if (JBE_ISNULL(item->entry))
		value->type = jbvNull;
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) unconstify(char *, item->data);
		value->val.binary.len = item->len;
	}
}

Jsonb *
item_to_jsonb(const JbItem *item)
{
	JsonbValue	value;

	item_to_value(item, &value);
	return JsonbValueToJsonb(&value);
}
