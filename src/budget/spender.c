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
 * Read are the agents of the tenant with the budgets that they lead to, and then each
 * budget that is asked for with those above it: a tenant may have 100,000 budgets that
 * a template made, and each change of a registry table makes all of it be read again.
 * That a budget has no row is not kept, because its first use tells nobody.
 *
 * Memory: what the tables say for one role in one tenant is kept in a context of its
 * own below CacheMemoryContext, for the last few pairs of role and tenant, until a
 * registry table, a role or a membership changes, or much has been asked for.  Locks: those of reading tables.
 * On ERROR: a half-built answer is not used.
 */
#include "budget/rows.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* answers kept: sessions of a pool serve several roles and tenants in turn */
#define NKEPT	8

/* budgets kept of one answer, besides those that agents lead to: some 3 MB */
#define MOST_ASKED	16384

/* A budget as one role finds it */
typedef struct Place
{
	char	   *name;
	char	   *parent;			/* NULL: a root */
	bool		listed;			/* it has spenders ... */
	bool		spender;		/* ... and the role is one */
	bool		named;			/* by an agent */
	bool		reached;		/* an agent leads to it ... */
	bool		mine;			/* ... that the role may call for */
} Place;

typedef struct PlaceEntry
{
	const char *name;
	Place	   *place;
	uint32		hash;
	char		status;
} PlaceEntry;

#define SH_PREFIX place
#define SH_ELEMENT_TYPE PlaceEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) key, strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) entry->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What an agent says: which budget it leads to, and whether the role may call for it */
typedef struct Leader
{
	char	   *budget;
	bool		own;
} Leader;

typedef struct Places
{
	MemoryContext cxt;			/* NULL: none kept here */
	Oid			role;
	char	   *tenant;
	uint64		generation;
	uint64		access_version;
	place_hash *known;
	uint32		most;			/* it is built anew beyond that many */
	int			ntemplates;
	int			template_room;
	Place	   *template;		/* their names are prefixes */
	int			nleaders;
	int			leader_room;
	Leader	   *leader;			/* while it is built */
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

static char *
kept_text(const Places *places, HeapTuple tuple, TupleDesc desc, const char *column)
{
	char	   *value = agc_col_text(tuple, desc, column);

	return value == NULL ? NULL : MemoryContextStrdup(places->cxt, value);
}

static void
read_place(const Places *places, Place *place, HeapTuple tuple, TupleDesc desc)
{
	bool		no_spenders;
	Datum		spenders = agc_col(tuple, desc, "spenders", &no_spenders);

	memset(place, 0, sizeof(Place));
	place->name = kept_text(places, tuple, desc, "name");
	place->parent = kept_text(places, tuple, desc, "parent");
	place->listed = !no_spenders;
	place->spender = !no_spenders && is_spender(places->role, spenders);
}

/* A place by its name, which lives as long. */
static Place *
keep_place(Places *places, Place place)
{
	bool		found;
	Place	   *kept_place = MemoryContextAlloc(places->cxt, sizeof(Place));

	*kept_place = place;
	place_insert(places->known, kept_place->name, &found)->place = kept_place;
	return kept_place;
}

/* Of a budget that has a row; NULL: it has none. */
static Place *
find_place(Places *places, const char *name)
{
	PlaceEntry *entry = name == NULL ? NULL : place_lookup(places->known, name);
	const char *keys[2] = {places->tenant, name};
	Place	   *place = NULL;
	Relation	rel;
	HeapTuple	tuple;

	if (entry != NULL || name == NULL)
		return entry == NULL ? NULL : entry->place;
	rel = agc_table_open(&budget_table, AccessShareLock);
	tuple = agc_table_get(&budget_table, rel, 2, keys);
	if (tuple != NULL)
	{
		Place		row;

		read_place(places, &row, tuple, RelationGetDescr(rel));
		place = keep_place(places, row);
		heap_freetuple(tuple);
	}
	agc_table_close(rel, AccessShareLock);
	return place;
}

/* Another element at the end of an array. */
static void *
more(const Places *places, void *array, int *n, int *room, Size size)
{
	if (*n == *room)
	{
		*room = Max(2 * *room, 16);
		array = array == NULL ? MemoryContextAlloc(places->cxt, *room * size) : repalloc_huge(array, *room * size);
	}
	(*n)++;
	return array;
}

static void
add_template(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Places	   *places = arg;
	Place	   *template;

	places->template = more(places, places->template, &places->ntemplates, &places->template_room, sizeof(Place));
	template = &places->template[places->ntemplates - 1];
	read_place(places, template, tuple, desc);
	template->name[strlen(template->name) - 1] = '\0';
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

static void
add_leader(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Places	   *places = arg;
	char	   *budget = kept_text(places, tuple, desc, "budget");
	char	   *owner = agc_col_text(tuple, desc, "owner");

	if (budget == NULL)
		return;
	places->leader = more(places, places->leader, &places->nleaders, &places->leader_room, sizeof(Leader));
	places->leader[places->nleaders - 1] = (Leader)
	{
		budget, agc_col_bool(tuple, desc, "enabled") && (owner == NULL || is_member(places->role, owner))
	};
}

/* A budget that an agent names before its first use has a place as if it were made. */
static Place *
place_of_leader(Places *places, const Leader *leader)
{
	Place	   *place = find_place(places, leader->budget);
	const Place *template = place == NULL ? find_template(places, leader->budget) : NULL;
	Place		unmade;

	if (template == NULL)
		return place;
	unmade = *template;
	unmade.name = leader->budget;
	return keep_place(places, unmade);
}

/* An agent leads to the budget that it names and to all above it. */
static void
lead(Places *places, const Leader *leader)
{
	Place	   *place = place_of_leader(places, leader);

	if (place == NULL)
		return;
	place->named = true;
	for (int level = 0; place != NULL && level < BUDGET_MAX_DEPTH; level++)
	{
		place->reached = true;
		place->mine |= leader->own;
		place = find_place(places, place->parent);
	}
}

static void
read_tables(Places *places)
{
	const char *tenant = places->tenant;
	Relation	rel = agc_table_open(&template_table, AccessShareLock);

	agc_table_scan(&template_table, rel, 1, &tenant, add_template, places);
	agc_table_close(rel, AccessShareLock);
	rel = agc_table_open(&agent_table, AccessShareLock);
	agc_table_scan(&agent_table, rel, 1, &tenant, add_leader, places);
	agc_table_close(rel, AccessShareLock);
	for (int i = 0; i < places->nleaders; i++)
		lead(places, &places->leader[i]);
	places->most = places->known->members + MOST_ASKED;
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
	Places		places = {.cxt = cxt, .role = role, .generation = agc_generation(), .access_version = agc_access_version()};

	places.tenant = MemoryContextStrdup(cxt, tenant);
	places.known = place_create(cxt, 64, NULL);
	read_tables(&places);
	forget(oldest);
	MemoryContextSetParent(cxt, CacheMemoryContext);
	*oldest = places;
	return oldest;
}

/* After agc_level(), which has heard of changes of roles. */
static Places *
places_of(Oid role, const char *tenant)
{
	for (int i = 0; i < NKEPT; i++)
		if (kept[i].cxt != NULL && kept[i].role == role && strcmp(kept[i].tenant, tenant) == 0)
		{
			if (kept[i].generation == agc_generation() && kept[i].access_version == agc_access_version() &&
				kept[i].known->members <= kept[i].most)
				return &kept[i];
			forget(&kept[i]);
		}
	return build(role, tenant);
}

static bool
may_use(Places *places, const char *budget)
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
