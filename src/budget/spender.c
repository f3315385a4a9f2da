/*
 * spender.c
 *	  Who may use a budget.
 *
 * A role of level agent may use the budgets that the agents it may call for
 * lead to (the one that an agent names and all above it), and those whose
 * spenders name a role that it is a member of.  A budget that has no spenders
 * and that no agent leads to is open, unless it is part of another: then the
 * nearest budget above it that an agent names, or that has spenders, decides.
 * An administrator may use them all.
 *
 * A name without a row that a template covers is judged as the budget that its first
 * use would make, by the template's spenders and parent.  So it does not matter whether
 * a session has heard that it was made, which nobody tells.  An agent that names it
 * leads to it all the same.
 *
 * An agent that is switched off gives no right; the budgets it leads to do not become
 * open by that.
 *
 * Memory: what the tables say for one role in one tenant is kept in a context of its
 * own below CacheMemoryContext, for the last few pairs of role and tenant, until a
 * registry table, a role or a membership changes.  Locks: those of reading tables.
 * On ERROR: a half-built answer is not used.
 */
#include "budget/rows.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* answers kept: sessions of a pool serve several roles and tenants in turn */
#define NKEPT	8

/* A budget as one role finds it */
typedef struct Place
{
	char	   *name;
	char	   *parent;			/* NULL: a root */
	bool		listed;			/* it has spenders ... */
	bool		spender;		/* ... and the role is one */
	bool		named;			/* by an agent ... */
	bool		own;			/* ... that the role may call for */
	bool		reached;		/* an agent leads to it ... */
	bool		mine;			/* ... that the role may call for */
} Place;

typedef struct Places
{
	MemoryContext cxt;			/* NULL: none kept here */
	Oid			role;
	char	   *tenant;
	uint64		generation;
	uint64		access_version;
	int			n;
	int			room;
	int			sorted;			/* that many of them are, by name */
	Place	   *place;
	int			ntemplates;
	int			template_room;
	Place	   *template;		/* their names are prefixes */
} Places;

static AgcTable budget_table = AGC_TABLE("budget", "budget_pkey");
static AgcTable template_table = AGC_TABLE("budget_template", "budget_template_pkey");
static AgcTable agent_table = AGC_TABLE("agent", "agent_pkey");

static Places kept[NKEPT];
static int	next_kept = 0;

static bool
is_member(Oid role, const char *of)
{
	Oid			other = get_role_oid(of, true);

	return OidIsValid(other) && has_privs_of_role(role, other);
}

static bool
is_spender(Oid role, Datum spenders)
{
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(spenders), TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i] && is_member(role, TextDatumGetCString(elems[i])))
			return true;
	return false;
}

static Place *
new_place(Place **array, int *n, int *room)
{
	Place	   *place;

	if (*n == *room)
	{
		*room = Max(2 * *room, 16);
		*array = *array == NULL ? palloc(*room * sizeof(Place)) : repalloc_huge(*array, *room * sizeof(Place));
	}
	place = &(*array)[(*n)++];
	memset(place, 0, sizeof(Place));
	return place;
}

static void
read_place(const Places *places, Place *place, HeapTuple tuple, TupleDesc desc)
{
	bool		no_spenders;
	Datum		spenders = agc_col(tuple, desc, "spenders", &no_spenders);

	place->name = agc_col_text(tuple, desc, "name");
	place->parent = agc_col_text(tuple, desc, "parent");
	place->listed = !no_spenders;
	place->spender = !no_spenders && is_spender(places->role, spenders);
}

static void
add_place(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Places	   *places = arg;

	read_place(places, new_place(&places->place, &places->n, &places->room), tuple, desc);
}

static void
add_template(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Places	   *places = arg;
	Place	   *template = new_place(&places->template, &places->ntemplates, &places->template_room);

	read_place(places, template, tuple, desc);
	template->name[strlen(template->name) - 1] = '\0';
}

static int
compare_places(const void *a, const void *b)
{
	return strcmp(((const Place *) a)->name, ((const Place *) b)->name);
}

/* Each name once. */
static void
sort_places(Places *places)
{
	int			n = 0;

	qsort(places->place, places->n, sizeof(Place), compare_places);
	for (int i = 0; i < places->n; i++)
		if (n == 0 || compare_places(&places->place[n - 1], &places->place[i]) != 0)
			places->place[n++] = places->place[i];
	places->n = places->sorted = n;
}

static Place *
find_place(const Places *places, const char *name)
{
	Place		wanted = {.name = (char *) name};

	return name == NULL || places->sorted == 0 ? NULL :
		bsearch(&wanted, places->place, places->sorted, sizeof(Place), compare_places);
}

/* What a name without a row would be made of; NULL: nothing.  As budget_template.c decides. */
static const Place *
find_template(const Places *places, const char *name)
{
	const Place *best = NULL;
	size_t		longest = 0;

	for (int i = 0; i < places->ntemplates; i++)
	{
		size_t		length = strlen(places->template[i].name);

		if (length > longest && strncmp(places->template[i].name, name, length) == 0 && name[length] != '\0')
		{
			best = &places->template[i];
			longest = length;
		}
	}
	return best;
}

/* A budget that an agent names before its first use gets a place as if it were made. */
static void
add_unmade(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Places	   *places = arg;
	char	   *name = agc_col_text(tuple, desc, "budget");
	const Place *template = name == NULL ? NULL : find_template(places, name);
	Place	   *place;

	if (template == NULL || find_place(places, name) != NULL)
		return;
	place = new_place(&places->place, &places->n, &places->room);
	*place = *template;
	place->name = name;
}

static void
note_agent(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Places	   *places = arg;
	Place	   *place = find_place(places, agc_col_text(tuple, desc, "budget"));
	char	   *owner = agc_col_text(tuple, desc, "owner");

	if (place == NULL)
		return;
	place->named = true;
	if (agc_col_bool(tuple, desc, "enabled") && (owner == NULL || is_member(places->role, owner)))
		place->own = true;
}

/* An agent leads to the budget that it names and to all above it. */
static void
spread(const Places *places)
{
	for (int i = 0; i < places->n; i++)
	{
		Place	   *from = &places->place[i];
		Place	   *above = from->named ? from : NULL;

		for (int level = 0; above != NULL && level < BUDGET_MAX_DEPTH; level++)
		{
			above->reached = true;
			above->mine |= from->own;
			above = find_place(places, above->parent);
		}
	}
}

static void
read_tables(Places *places)
{
	const char *tenant = places->tenant;
	Relation	rel = agc_table_open(&budget_table, AccessShareLock);

	agc_table_scan(&budget_table, rel, 1, &tenant, add_place, places);
	agc_table_close(rel, AccessShareLock);
	sort_places(places);
	rel = agc_table_open(&template_table, AccessShareLock);
	agc_table_scan(&template_table, rel, 1, &tenant, add_template, places);
	agc_table_close(rel, AccessShareLock);
	rel = agc_table_open(&agent_table, AccessShareLock);
	if (places->ntemplates > 0)
	{
		agc_table_scan(&agent_table, rel, 1, &tenant, add_unmade, places);
		sort_places(places);
	}
	agc_table_scan(&agent_table, rel, 1, &tenant, note_agent, places);
	agc_table_close(rel, AccessShareLock);
	spread(places);
}

static void
forget(Places *places)
{
	MemoryContext cxt = places->cxt;

	memset(places, 0, sizeof(Places));
	if (cxt != NULL)
		MemoryContextDelete(cxt);
}

static Places *
build(Oid role, const char *tenant)
{
	Places	   *oldest = &kept[next_kept++ % NKEPT];
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore spenders", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Places		places = {.cxt = cxt, .role = role, .generation = agc_generation(), .access_version = agc_access_version()};

	places.tenant = pstrdup(tenant);
	read_tables(&places);
	MemoryContextSwitchTo(old);
	forget(oldest);
	MemoryContextSetParent(cxt, CacheMemoryContext);
	*oldest = places;
	return oldest;
}

/* After agc_level(), which has heard of changes of roles. */
static const Places *
places_of(Oid role, const char *tenant)
{
	for (int i = 0; i < NKEPT; i++)
		if (kept[i].cxt != NULL && kept[i].role == role && strcmp(kept[i].tenant, tenant) == 0)
		{
			if (kept[i].generation == agc_generation() && kept[i].access_version == agc_access_version())
				return &kept[i];
			forget(&kept[i]);
		}
	return build(role, tenant);
}

static bool
may_use(const Places *places, const char *budget)
{
	const Place *place = find_place(places, budget);

	if (place == NULL)
		place = find_template(places, budget);
	/* that a budget does not exist is for others to say */
	if (place == NULL || place->spender || place->mine)
		return true;
	if (place->reached || place->listed)
		return false;
	for (int level = 0; place != NULL && level < BUDGET_MAX_DEPTH; level++)
	{
		if (place->spender || place->mine)
			return true;
		if (place->named || place->listed)
			return false;
		place = find_place(places, place->parent);
	}
	return true;
}

void
budget_check_use(const char *tenant, const char *budget)
{
	Oid			role = GetUserId();

	if (agc_level(role, tenant) >= AGC_ADMIN || may_use(places_of(role, tenant), budget))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for budget \"%s\"", budget),
			 errdetail("Role \"%s\" may not call for an agent that the budget pays for, and is not among its spenders.",
					   GetUserNameFromId(role, false)),
			 errhint("An administrator names the roles that may use it with agentcore.budget_set(spenders => ...).")));
}
