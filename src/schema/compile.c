/*
 * compile.c
 *	  From a schema document to a program: the work list, references, checks.
 *
 * frame.c has found every schema position.  Nodes are made when something
 * points at them (node.c) and filled from a work list, so neither a chain of
 * references nor a cycle makes this code recurse.  keyword.c knows what each
 * keyword means.
 * A schema that cannot be honoured in full (unknown dialect, reference that
 * leads nowhere, pattern that does not compile) is refused, never weakened.
 *
 * Memory: CurrentMemoryContext, which becomes the program's; scratch goes to
 * a child deleted at the end.  Locks: none.  Errors: 54001 and 54000 beyond a
 * limit; everything else is handed back in *problem.
 */
#include "schema/keywords.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void fill_node(SchemaCompiler *c, SchemaNode *node);
static void link_dynamic_anchors(SchemaCompiler *c);
static void check_cycles(SchemaCompiler *c, SchemaNode *node);

/* Dialect `auto`: the metaschema that $schema names decides, published or registered. */
static bool
detect(SchemaCompiler *c, const Jsonb *schema, bool for_tool, SchemaDialect *dialect)
{
	SchemaResource language = {0};
	JbItem		root = jb_root(schema);
	JbItem		declared;

	if (item_is_object(&root) && object_find_cstring(jb_container(&root), "$schema", &declared) &&
		JBE_ISSTRING(declared.entry) && language_find(c, pnstrdup(declared.data, declared.len), &language))
	{
		*dialect = language.dialect;
		return true;
	}
	return c->problem->message == NULL && dialect_detect(schema, for_tool, dialect, c->problem);
}

/* The document that is compiled: a copy, or its translation into JSON Schema. */
static Jsonb *
own_document(const Jsonb *schema, const SchemaOptions *options, SchemaDialect dialect, SchemaProblem *problem)
{
	Jsonb	   *copy;

	if (dialect == DIALECT_AGENTVET)
		return dialect_translate_agentvet(schema, options->additional, problem);
	copy = palloc(VARSIZE(schema));
	memcpy(copy, schema, VARSIZE(schema));
	return copy;
}

static void
fill_pending(SchemaCompiler *c)
{
	while (c->pending != NIL && c->problem->message == NULL)
	{
		SchemaNode *node = llast(c->pending);

		CHECK_FOR_INTERRUPTS();
		c->pending = list_delete_last(c->pending);
		fill_node(c, node);
		if (c->pending == NIL && c->program->dynamic)
			link_dynamic_anchors(c);
	}
}

SchemaProgram *
schema_compile(const Jsonb *schema, const SchemaOptions *options, SchemaProblem *problem)
{
	SchemaCompiler c = {
		.problem = problem, .assert_format = options->assert_format,
		.tenant = options->tenant, .open = options->open
	};
	SchemaDialect dialect = options->dialect;
	JbItem		root;

	memset(problem, 0, sizeof(*problem));
	c.program = palloc0(sizeof(SchemaProgram));
	if (dialect == DIALECT_AUTO && !detect(&c, schema, options->for_tool, &dialect))
		return NULL;
	c.program->dialect = dialect;
	c.program->schema = own_document(schema, options, dialect, problem);
	if (c.program->schema == NULL)
		return NULL;
	c.scratch = AllocSetContextCreate(CurrentMemoryContext, "agentcore schema compiler", ALLOCSET_SMALL_SIZES);
	root = jb_root(c.program->schema);

	if (item_is_object(&root))
		frame_document(&c, &root, dialect == DIALECT_AGENTVET ? DIALECT_2020_12 : dialect);
	else
		c.resources = list_make1(palloc0(sizeof(SchemaResource)));
	c.program->root = schema_child(&c, NULL, &root, NULL);
	fill_pending(&c);
	for (SchemaNode *node = c.program->nodes; node != NULL && problem->message == NULL; node = node->next)
		check_cycles(&c, node);
	MemoryContextDelete(c.scratch);
	return problem->message == NULL ? c.program : NULL;
}

/*
 * A keyword beside a $ref, or one of a vocabulary that is not in use, does not
 * make an instance invalid.  But what it calls a URL is judged as a URL.
 */
static void
note_urls(SchemaNode *node)
{
	static const char *const plain[] = {"7bit", "8bit", "binary"};
	const JsonbContainer *object = jb_container(&node->source);
	JbItem		value;

	if (object_find_cstring(object, "format", &value))
		node->url = url_format(&value);
	if (object_find_cstring(object, "contentEncoding", &value) && JBE_ISSTRING(value.entry))
	{
		node->content_encoded = true;
		for (int i = 0; i < lengthof(plain); i++)
			if (value.len == strlen(plain[i]) && pg_strncasecmp(value.data, plain[i], value.len) == 0)
				node->content_encoded = false;
	}
}

static void
fill_node(SchemaCompiler *c, SchemaNode *node)
{
	const JsonbContainer *object = jb_container(&node->source);
	SchemaDialect dialect = node->resource->dialect;
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);
	JbItem		ref;

	node->draft4_integer = dialect == DIALECT_DRAFT4;
	note_urls(node);

	/* up to draft 7, nothing beside a $ref counts */
	if (dialect <= DIALECT_DRAFT7 && object_find_cstring(object, "$ref", &ref) && JBE_ISSTRING(ref.entry))
	{
		keyword_compile(c, node, keyword_find("$ref", 4, dialect), &ref);
		return;
	}
	for (uint32 i = 0; i < JsonContainerSize(object) && c->problem->message == NULL; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		const Keyword *keyword = keyword_of(node->resource, key.data, key.len);

		if (keyword != NULL)
			keyword_compile(c, node, keyword, &value);
	}
	if (node->object != NULL)
		node->object->every_key = node->object->additional != NULL || node->object->npatterns > 0 ||
			node->object->names != NULL || node->object->unevaluated != NULL;
}

static void
link_anchor(SchemaCompiler *c, SchemaResource *resource, const char *name, const JbItem *item)
{
	Size		size = sizeof(DynamicAnchor) * (resource->nanchors + 1);

	resource->anchors = resource->anchors == NULL ? palloc(size) : repalloc(resource->anchors, size);
	resource->anchors[resource->nanchors++] = (DynamicAnchor)
	{
		name, schema_child(c, NULL, item, NULL)
	};
}

/* Which nodes a dynamic reference may find, noted at their resources, each once. */
static void
link_dynamic_anchors(SchemaCompiler *c)
{
	for (int i = 0; i < c->nanchors; i++)
	{
		SchemaAnchor anchor = c->anchors[i];
		JbItem		flag;

		if (anchor.linked)
			continue;
		c->anchors[i].linked = true;
		if (anchor.dynamic != NULL)
			link_anchor(c, anchor.resource, anchor.dynamic, &anchor.item);
		else if (anchor.item.data == anchor.resource->root.data && anchor.resource->dialect == DIALECT_2019_09 &&
				 object_find_cstring(jb_container(&anchor.item), "$recursiveAnchor", &flag) &&
				 JBE_ISBOOL_TRUE(flag.entry))
			link_anchor(c, anchor.resource, "", &anchor.item);
	}
}

/*
 * Schemas that apply each other to the same place of the instance would never
 * end.  This searches depth first, along edges that stay at the same place.
 */
static void
visit_edge(SchemaCompiler *c, SchemaNode *target)
{
	if (target != NULL && c->problem->message == NULL)
		check_cycles(c, target);
}

static void
check_cycles(SchemaCompiler *c, SchemaNode *node)
{
	enum
	{
		WHITE, GREY, BLACK
	};

	if (node->color == BLACK)
		return;
	check_stack_depth();
	if (node->color == GREY)
	{
		schema_problem(c, node->path, NULL, "references itself without going deeper into the instance");
		return;
	}
	node->color = GREY;
	if (node->any != NULL)
	{
		AnyRules   *any = node->any;

		visit_edge(c, any->ref);
		visit_edge(c, any->dynamic);
		visit_edge(c, any->not);
		visit_edge(c, any->if_);
		visit_edge(c, any->then);
		visit_edge(c, any->else_);
		for (uint32 i = 0; i < any->nall; i++)
			visit_edge(c, any->all[i]);
		for (uint32 i = 0; i < any->nany; i++)
			visit_edge(c, any->any[i]);
		for (uint32 i = 0; i < any->none; i++)
			visit_edge(c, any->one[i]);
	}
	if (node->object != NULL)
		for (uint32 i = 0; i < node->object->ndependencies; i++)
			visit_edge(c, node->object->dependencies[i].schema);
	node->color = BLACK;
}
