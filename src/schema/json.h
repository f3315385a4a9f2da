/*
 * json.h
 *	  Values of a jsonb document as schemas see them: types, numbers, order,
 *	  members, JSON Pointers.
 */
#ifndef AGENTCORE_SCHEMA_JSON_H
#define AGENTCORE_SCHEMA_JSON_H

#include "core/core.h"

#include "core/jsonb_walk.h"
#include "schema/pointer.h"

/* ----- types --------------------------------------------------------------
 * TYPE_NUMBER stands for every number, TYPE_INTEGER for whole ones only.
 */
#define TYPE_NULL		0x01
#define TYPE_BOOLEAN	0x02
#define TYPE_STRING		0x04
#define TYPE_NUMBER		0x08
#define TYPE_INTEGER	0x10
#define TYPE_ARRAY		0x20
#define TYPE_OBJECT		0x40
#define TYPE_ANY		0x7f
#define NTYPES			7

extern const char *const type_names[NTYPES];

/* ----- numbers (number.c) ------------------------------------------------- */
typedef struct Number
{
	Numeric		num;
	int64		value;			/* meaningful when small */
	bool		small;			/* a whole number below 10^16 */
	bool		integer;
	bool		huge;			/* not of the short stored form: arithmetic takes long */
	bool		whole_scale;	/* written without a fraction: draft 4's integer */
} Number;

extern void number_read(Number *out, Numeric num);
extern int	number_cmp(const Number *a, const Number *b);
extern bool number_multiple_of(const Number *value, const Number *divisor);
extern char *number_text(const Number *n);

/* a whole number >= 0, clamped to uint32; false when the item is none */
extern bool number_count(const JbItem *item, uint32 *out);

/* ----- comparing (compare.c) ----------------------------------------------
 * A total order over JSON values in which 1, 1.0 and 1e0 are the same.
 */
extern int	item_compare(const JbItem *a, const JbItem *b);
extern bool items_unique(const JsonbContainer *array, uint32 *first, uint32 *second);

/* jsonb's own order of keys: length first, then bytes */
static inline int
key_compare(const char *a, uint32 alen, const char *b, uint32 blen)
{
	if (alen != blen)
		return alen < blen ? -1 : 1;
	return memcmp(a, b, alen);
}

extern bool object_find(const JsonbContainer *object, const char *key, uint32 len, JbItem *value);
extern bool object_find_cstring(const JsonbContainer *object, const char *key, JbItem *value);
extern bool array_get(const JsonbContainer *array, uint32 index, JbItem *value);
extern int	item_type(const JbItem *item);
extern Jsonb *item_to_jsonb(const JbItem *item);
extern void item_to_value(const JbItem *item, JsonbValue *value);

static inline bool
item_is_object(const JbItem *item)
{
	return JBE_ISCONTAINER(item->entry) && JsonContainerIsObject(jb_container(item));
}

static inline bool
item_is_array(const JbItem *item)
{
	return JBE_ISCONTAINER(item->entry) && JsonContainerIsArray(jb_container(item));
}

/* ----- JSON Pointer (pointer_find.c) -------------------------------------------- */

extern bool pointer_find(const JbItem *root, const char *pointer, JbItem *item);

/* document with the value at the pointer replaced, or removed when NULL */
extern Jsonb *pointer_set(const Jsonb *document, const char *pointer, const Jsonb *value);

#endif							/* AGENTCORE_SCHEMA_JSON_H */
