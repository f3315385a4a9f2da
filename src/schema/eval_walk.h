/*
 * eval_walk.h
 *	  The walker itself; eval.c includes it twice.
 *
 * With COLLECT 0 a failure returns false at once.  With COLLECT 1 it is
 * recorded and the walk goes on.  In "seen" an applicator marks the children
 * that it has evaluated; NULL when no unevaluated* keyword needs it.
 */

#if COLLECT
#define FAIL(report)	do { report; ok = false; } while (0)
#define GO_ON(result)	(ok = (result) && ok)
#else
#define FAIL(report)	return false
#define GO_ON(result)	do { if (!(result)) return false; } while (0)
#endif

static bool WALK(node)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
					   const EvalFrame *at, Evaluated *seen);

static inline bool
WALK(string)(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at)
{
	const StringRules *rules = node->string;
	bool		ok = true;
	uint32		length = item->len;

	charge(ctx, at, STEPS(item->len));
	if (!string_length_ok(item, rules->min, rules->max, &length))
		FAIL(error_count(ctx, node, at, length < rules->min ? "minLength" : "maxLength",
						 length < rules->min ? rules->min : rules->max, length));
	if (rules->pattern != NULL && !matches(ctx, rules->pattern, item->data, item->len, at))
		FAIL(error_pattern(ctx, node, at));
	if (rules->format != NULL && !format_ok(rules, item))
		FAIL(error_format(ctx, node, at, item));
	return ok;
}

static inline bool
WALK(number)(EvalContext *ctx, const SchemaNode *node, const Number *value, const EvalFrame *at)
{
	const NumberRules *rules = node->number;
	bool		ok = true;

	if (rules->minimum != NULL && number_cmp(value, rules->minimum) < 0)
		FAIL(error_number(ctx, node, at, "minimum", rules->minimum));
	if (rules->maximum != NULL && number_cmp(value, rules->maximum) > 0)
		FAIL(error_number(ctx, node, at, "maximum", rules->maximum));
	if (rules->exclusive_minimum != NULL && number_cmp(value, rules->exclusive_minimum) <= 0)
		FAIL(error_number(ctx, node, at, "exclusiveMinimum", rules->exclusive_minimum));
	if (rules->exclusive_maximum != NULL && number_cmp(value, rules->exclusive_maximum) >= 0)
		FAIL(error_number(ctx, node, at, "exclusiveMaximum", rules->exclusive_maximum));
	if (rules->multiple_of != NULL && !number_multiple_of(value, rules->multiple_of))
		FAIL(error_number(ctx, node, at, "multipleOf", rules->multiple_of));
	return ok;
}

static bool
WALK(array)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
			const EvalFrame *at, Evaluated *seen)
{
	const ArrayRules *rules = node->array;
	const JsonbContainer *array = jb_container(item);
	uint32		n = JsonContainerSize(array);
	uint32		contained = 0;
	uint32		first;
	uint32		second;
	bool		ok = true;
	JbCursor	cursor;

	charge(ctx, at, STEPS(n));
	if (n < rules->min)
		FAIL(error_count(ctx, node, at, "minItems", rules->min, n));
	if (n > rules->max)
		FAIL(error_count(ctx, node, at, "maxItems", rules->max, n));

	if (rules->nprefix > 0 || rules->rest != NULL || rules->contains != NULL)
	{
		EvalFrame	frame = {.parent = at, .depth = at->depth + 1};

		check_frame(&frame);
		cursor = jb_first(array);
		for (uint32 i = 0; i < n; i++)
		{
			JbItem		child = jb_next(&cursor);
			const SchemaNode *schema = i < rules->nprefix ? rules->prefix[i] : rules->rest;

			frame.index = i;
			if (schema != NULL)
			{
#if COLLECT
				if (schema->never)
					FAIL(error_extra_item(ctx, schema, &frame, i < rules->nprefix ? "prefixItems" : "items",
										  Min(i, rules->nprefix)));
				else
#endif
					GO_ON(WALK(node)(ctx, schema, &child, &frame, NULL));
				if (seen != NULL)
					seen->child[i] = true;
			}
			if (rules->contains != NULL &&
				(seen != NULL || contained <= rules->max_contains || ctx->units != NULL) &&
				test_node(ctx, rules->contains, &child, &frame, NULL))
			{
				contained++;
#if COLLECT
				annotate_subschema(ctx, rules->contains, &child, &frame);
#endif
				if (seen != NULL && rules->contains_marks)
					seen->child[i] = true;
			}
		}
		if (rules->contains != NULL && contained < rules->min_contains)
			FAIL(error_count(ctx, node, at, rules->min_contains == 1 ? "contains" : "minContains",
							 rules->min_contains, contained));
		if (rules->contains != NULL && contained > rules->max_contains)
			FAIL(error_count(ctx, node, at, "maxContains", rules->max_contains, contained));
	}
	if (rules->unique)
		charge(ctx, at, STEPS(item->len));
	if (rules->unique && !items_unique(array, &first, &second))
		FAIL(error_unique(ctx, node, at, first, second));
	return ok;
}

/* A key that `properties` does not name. */
static bool
WALK(other_key)(EvalContext *ctx, const SchemaNode *node, const JbItem *value,
				const EvalFrame *frame, bool named, bool *evaluated)
{
	const ObjectRules *rules = node->object;
	bool		matched = named;
	bool		ok = true;

	/* a match of a short key takes about as long as three visits */
	charge(ctx, frame, rules->npatterns * (3 + STEPS(frame->len)));
	for (uint32 i = 0; i < rules->npatterns; i++)
		if (matches(ctx, rules->patterns[i].pattern, frame->key, frame->len, frame))
		{
			matched = true;
			GO_ON(WALK(node)(ctx, rules->patterns[i].node, value, frame, NULL));
		}
	if (!matched && rules->additional != NULL)
	{
#if COLLECT
		if (rules->additional->never)
			FAIL(error_unknown_key(ctx, node, frame, "additionalProperties"));
		else
#endif
			GO_ON(WALK(node)(ctx, rules->additional, value, frame, NULL));
		matched = true;
	}
	if (rules->names != NULL)
	{
		JbItem		name = {JENTRY_ISSTRING, frame->key, frame->len};

#if COLLECT
		int			before = ctx->errors->count;

		ctx->naming = frame;
#endif
		GO_ON(WALK(node)(ctx, rules->names, &name, frame, NULL));
#if COLLECT
		error_end_name(ctx, before);
#endif
	}
	*evaluated = matched;
	return ok;
}

static bool
WALK(dependencies)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
				   const EvalFrame *at, Evaluated *seen)
{
	const ObjectRules *rules = node->object;
	bool		ok = true;
	JbItem		found;

	charge(ctx, at, rules->ndependencies);
	for (uint32 i = 0; i < rules->ndependencies; i++)
	{
		const Dependency *dependency = &rules->dependencies[i];

		if (!object_find(jb_container(item), dependency->key, dependency->len, &found))
			continue;
		for (uint32 j = 0; j < dependency->nrequired; j++)
			if (!object_find(jb_container(item), dependency->required[j].data,
							 dependency->required[j].len, &found))
				FAIL(error_dependency(ctx, node, at, dependency, &dependency->required[j]));
		if (dependency->schema != NULL)
			GO_ON(WALK(node)(ctx, dependency->schema, item, at, seen));
	}
	return ok;
}

/* Both key lists are sorted alike: one pass over the two. */
static bool
WALK(object)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
			 const EvalFrame *at, Evaluated *seen)
{
	const ObjectRules *rules = node->object;
	const JsonbContainer *object = jb_container(item);
	uint32		n = JsonContainerSize(object);
	const Property *property = rules->properties;
	const Property *end = property + rules->nproperties;
	EvalFrame	frame = {.parent = at, .depth = at->depth + 1};
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);
	bool		ok = true;

	check_frame(&frame);
	charge(ctx, at, STEPS(n + rules->nproperties));
	if (n < rules->min)
		FAIL(error_count(ctx, node, at, "minProperties", rules->min, n));
	if (n > rules->max)
		FAIL(error_count(ctx, node, at, "maxProperties", rules->max, n));

	for (uint32 i = 0; i < n && (property < end || rules->every_key); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		bool		named = false;
#if COLLECT
		int			before = ctx->errors->count;
#endif

		frame.key = key.data;
		frame.len = key.len;
		while (property < end)
		{
			int			cmp = key_compare(property->key, property->len, key.data, key.len);

			if (cmp > 0)
				break;
			if (cmp < 0)
			{
				if (property->required)
					FAIL(error_required(ctx, node, at, property));
				property++;
				continue;
			}
			if (property->node != NULL)
			{
				named = true;
				GO_ON(WALK(node)(ctx, property->node, &value, &frame, NULL));
			}
			property++;
			break;
		}
		if (rules->every_key)
			GO_ON(WALK(other_key)(ctx, node, &value, &frame, named, &named));
#if COLLECT
		if (ctx->errors->count > before && (JBE_ISNULL(value.entry) || (JBE_ISSTRING(value.entry) && value.len == 0)))
			error_optional(ctx, before, &frame);
#endif
		if (named && seen != NULL)
			seen->child[i] = true;
	}
	for (; property < end; property++)
		if (property->required)
			FAIL(error_required(ctx, node, at, property));
	if (rules->ndependencies > 0)
		GO_ON(WALK(dependencies)(ctx, node, item, at, seen));
	return ok;
}

/*
 * anyOf and oneOf.  A branch notes what it evaluated on a copy, which counts
 * only if the branch succeeds.
 */
static bool
WALK(branches)(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at,
			   Evaluated *seen, SchemaNode **branches, uint32 nbranches, bool exactly_one)
{
	uint32		hits = 0;
#if COLLECT
	Choice		choice = {branches, nbranches, exactly_one};
	uint32		first = 0;
#endif

	for (uint32 i = 0; i < nbranches; i++)
	{
		Evaluated	own = {0};

		if (seen != NULL)
			own = evaluated_new(ctx, item, at);
		if (!test_node(ctx, branches[i], item, at, seen != NULL ? &own : NULL))
		{
			evaluated_free(&own);
			continue;
		}
		if (seen != NULL)
			evaluated_merge(seen, &own);
		evaluated_free(&own);
		hits++;
#if COLLECT
		annotate_subschema(ctx, branches[i], item, at);
		if (hits == 1)
			first = i;
		else if (exactly_one)
			error_many(ctx, node, at, &choice, first, i);
#endif
		if (hits > 1 && exactly_one)
			return false;
		if (!exactly_one && seen == NULL && ctx->units == NULL)
			return true;
	}
	if (hits > 0)
		return true;
#if COLLECT
	if (!error_full(ctx))
	{
		EvalErrors *mine = ctx->errors;
		EvalErrors **lists = palloc(sizeof(EvalErrors *) * nbranches);

		ctx->branch_depth++;
		for (uint32 i = 0; i < nbranches; i++)
		{
			ctx->errors = lists[i] = errors_new(mine->limit);
			if (ctx->branch_depth <= BRANCH_DEPTH_MAX)
				(void) collect_node(ctx, branches[i], item, at, NULL);
		}
		ctx->branch_depth--;
		ctx->errors = mine;
		error_branches(ctx, node, at, &choice, lists, item);
	}
#endif
	return false;
}

/* What a reference leads to. */
static inline bool
WALK(target)(EvalContext *ctx, const SchemaNode *node, const char *keyword, const SchemaNode *target,
			 const JbItem *item, const EvalFrame *at, Evaluated *seen)
{
#if COLLECT
	EvalHop		hop = {ctx->hop, node, keyword, target};
	bool		ok;

	ctx->hop = &hop;
	ok = WALK(node)(ctx, target, item, at, seen);
	ctx->hop = hop.outer;
	return ok;
#else
	return WALK(node)(ctx, target, item, at, seen);
#endif
}

/* Keywords for every type, and those that apply subschemas in place. */
static bool
WALK(any)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
		  const EvalFrame *at, Evaluated *seen)
{
	const AnyRules *any = node->any;
	bool		ok = true;

	check_stack_depth();
	if (any->has_const && item_compare(&any->constant, item) != 0)
		FAIL(error_value(ctx, node, at, "const", item));
	else if (any->has_const && unlikely(ctx->places != NULL))
		note_fixed(ctx, &any->constant, item, at);
	if (any->has_enum && !enum_contains(ctx, any, item, at))
		FAIL(error_value(ctx, node, at, "enum", item));
	if (any->ref != NULL)
		GO_ON(WALK(target)(ctx, node, "$ref", any->ref, item, at, seen));
	if (any->dynamic != NULL)
		GO_ON(WALK(target)(ctx, node, node->resource->dialect == DIALECT_2019_09 ? "$recursiveRef" : "$dynamicRef",
						   dynamic_target(ctx, any), item, at, seen));
	for (uint32 i = 0; i < any->nall; i++)
		GO_ON(WALK(node)(ctx, any->all[i], item, at, seen));
	if (any->nany > 0)
		GO_ON(WALK(branches)(ctx, node, item, at, seen, any->any, any->nany, false));
	if (any->none > 0)
		GO_ON(WALK(branches)(ctx, node, item, at, seen, any->one, any->none, true));
	if (any->not != NULL && test_node(ctx, any->not, item, at, NULL))
		FAIL(error_not(ctx, node, at, item));
	if (any->if_ != NULL)
	{
		Evaluated	own = {0};
		bool		holds;

		if (seen != NULL)
			own = evaluated_new(ctx, item, at);
		holds = test_node(ctx, any->if_, item, at, seen != NULL ? &own : NULL);
		if (holds && seen != NULL)
			evaluated_merge(seen, &own);
		evaluated_free(&own);
#if COLLECT
		if (holds)
			annotate_subschema(ctx, any->if_, item, at);
#endif
		if (holds && any->then != NULL)
			GO_ON(WALK(node)(ctx, any->then, item, at, seen));
		if (!holds && any->else_ != NULL)
			GO_ON(WALK(node)(ctx, any->else_, item, at, seen));
	}
	return ok;
}

/* unevaluatedItems and unevaluatedProperties: what no other keyword has evaluated. */
static bool
WALK(unevaluated)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
				  const EvalFrame *at, Evaluated *seen)
{
	const JsonbContainer *container = jb_container(item);
	bool		object = JsonContainerIsObject(container);
	const SchemaNode *schema = object ? node->object->unevaluated : node->array->unevaluated;
	JbCursor	keys = jb_first(container);
	JbCursor	values = object ? jb_first_value(container) : jb_first(container);
	EvalFrame	frame = {.parent = at, .depth = at->depth + 1};
	bool		ok = true;

	check_frame(&frame);
	for (uint32 i = 0; i < seen->count; i++)
	{
		JbItem		child = jb_next(&values);

		frame.index = i;
		if (object)
		{
			JbItem		key = jb_next(&keys);

			frame.key = key.data;
			frame.len = key.len;
		}
		if (seen->child[i])
			continue;
		seen->child[i] = true;
#if COLLECT
		if (schema->never && object)
			FAIL(error_unknown_key(ctx, node, &frame, "unevaluatedProperties"));
		else if (schema->never)
			FAIL(error_extra_item(ctx, schema, &frame, "unevaluatedItems", PG_UINT32_MAX));
		else
#endif
			GO_ON(WALK(node)(ctx, schema, &child, &frame, NULL));
	}
	return ok;
}

static bool
WALK(container)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
				const EvalFrame *at, Evaluated *seen)
{
	bool		object = JsonContainerIsObject(jb_container(item));
	bool		listens = object ? node->object != NULL && node->object->unevaluated != NULL :
		node->array != NULL && node->array->unevaluated != NULL;
	Evaluated	own = {0};
	Evaluated  *mine = seen;
	bool		ok = true;

	if (listens)
	{
		own = evaluated_new(ctx, item, at);
		mine = &own;
	}
	if (object && node->object != NULL)
		GO_ON(WALK(object)(ctx, node, item, at, mine));
	else if (!object && node->array != NULL)
		GO_ON(WALK(array)(ctx, node, item, at, mine));
	if (node->any != NULL)
		GO_ON(WALK(any)(ctx, node, item, at, mine));
	if (listens)
	{
		GO_ON(WALK(unevaluated)(ctx, node, item, at, mine));
		if (seen != NULL)
			evaluated_merge(seen, mine);
		evaluated_free(&own);
	}
	return ok;
}

/* The keywords of the instance's own type, then those of every type. */
static bool
WALK(typed)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
			const EvalFrame *at, Evaluated *seen)
{
	bool		ok = true;
	uint8		type;

	if (JBE_ISSTRING(item->entry))
	{
		type = TYPE_STRING;
		if ((node->types & type) && node->string != NULL)
			GO_ON(WALK(string)(ctx, node, item, at));
	}
	else if (JBE_ISNUMERIC(item->entry))
	{
		type = TYPE_NUMBER;
		if (node->types != TYPE_ANY || node->number != NULL)
		{
			Number		value;

			number_read(&value, jb_numeric(item));
			if (unlikely(value.huge))
				charge_number(ctx, node->number, &value, at);
			if (node->draft4_integer ? value.whole_scale : value.integer)
				type |= TYPE_INTEGER;
			if (unlikely(!value.whole_scale) && value.integer && ctx->places != NULL && !(node->types & TYPE_NUMBER))
				note_place(ctx->places, item, at);
			if ((node->types & type) && node->number != NULL)
				GO_ON(WALK(number)(ctx, node, &value, at));
		}
	}
	else if (JBE_ISCONTAINER(item->entry))
	{
		type = JsonContainerIsObject(jb_container(item)) ? TYPE_OBJECT : TYPE_ARRAY;
		if (node->types & type)
			return WALK(container)(ctx, node, item, at, seen);
	}
	else
		type = JBE_ISNULL(item->entry) ? TYPE_NULL : TYPE_BOOLEAN;

	/* after a wrong type, the other keywords have nothing to add */
	if (!(node->types & type))
	{
#if COLLECT
		error_type(ctx, node, at, item);
#endif
		return false;
	}
	if (node->any != NULL)
		GO_ON(WALK(any)(ctx, node, item, at, seen));
	return ok;
}

static bool
WALK(node)(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
		   const EvalFrame *at, Evaluated *seen)
{
	bool		ok;

	if (unlikely(--ctx->fuel <= 0))
		refuel(ctx, at);
	if (unlikely(node->never))
	{
#if COLLECT
		error_false(ctx, node, at);
#endif
		return false;
	}
#if COLLECT
	if (ctx->units != NULL)
		output_annotate(ctx, node, item, at);
#endif
	if (unlikely(ctx->program->dynamic) &&
		(ctx->scope == NULL || ctx->scope->resource != node->resource))
	{
		EvalScope	scope = {ctx->scope, node->resource};

		check_stack_depth();
		ctx->scope = &scope;
		ok = WALK(typed)(ctx, node, item, at, seen);
		ctx->scope = scope.outer;
		return ok;
	}
	return WALK(typed)(ctx, node, item, at, seen);
}

#undef FAIL
#undef GO_ON
