/*
 * core.h
 *	  Public face of src/core: what every room of the house may use.
 *
 * Sections: entry points and arguments, access, running as the owner, setters, tables,
 * compiled objects, canonical JSON and keys, shared memory, small things.
 */
#ifndef AGENTCORE_CORE_H
#define AGENTCORE_CORE_H

#include "core/compat.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "core/errors.h"
#include "core/test_point.h"
#include "executor/spi.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "storage/lockdefs.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "mb/pg_wchar.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define AGC_SCHEMA		"agentcore"
#define AGC_MAX_NAME	255		/* bytes, for every name but a URL */
#define AGC_HASH_LEN	32		/* SHA-256 */
#define AGC_MAX_LEASE	(INT64CONST(366) * USECS_PER_DAY)
#define AGC_MAX_TAGS	8		/* of one cache entry, and so of one tool */

/*
 * A C symbol that SQL calls.  The suffix is the version of its signature, so
 * that a newer library can serve an older install script.
 */
#define AGC_FUNCTION(name) \
	AGC_EXPORT_BEGIN \
	PG_FUNCTION_INFO_V1(agentcore_##name##_v1); \
	AGC_EXPORT_END \
	Datum agentcore_##name##_v1(PG_FUNCTION_ARGS)

/* ----- settings (core.c): agc_x is agentcore.x ----- */
extern int	agc_budget_lock_wait;	/* ms; 0: no limit */
extern int	agc_compiled_cache_size;	/* kB */
extern double agc_debug_clock_offset;	/* ms */
extern int	agc_lease_default;	/* seconds */
extern int	agc_max_args_size;	/* kB */
extern int	agc_max_depth;
extern int	agc_max_lease;		/* seconds */
extern bool agc_require_tenant;

/* when a size of shared memory can be set: at server start, or never */
extern GucContext agc_at_start(void);

/* ----- arguments (args.c) -------------------------------------------------
 *
 * agc_arg_* raise 22023 naming the argument when it is NULL, empty, too long
 * or otherwise unusable; agc_opt_* take NULL as "not given" and return NULL or
 * the default.  Strings are palloc'd copies, NUL-terminated.
 */
extern char *agc_arg_name(FunctionCallInfo fcinfo, int n, const char *what);
extern char *agc_opt_name(FunctionCallInfo fcinfo, int n, const char *what);
extern char *agc_name_problem(const text *value, const char *what); /* what that would raise, in words; or NULL */
extern char *agc_opt_text(FunctionCallInfo fcinfo, int n);
/* NULL is the default tenant, as '' is; the second takes "*" too */
extern char *agc_arg_tenant(FunctionCallInfo fcinfo, int n);
extern char *agc_arg_tenant_or_every(FunctionCallInfo fcinfo, int n);
extern Jsonb *agc_arg_jsonb(FunctionCallInfo fcinfo, int n, const char *what);
extern Jsonb *agc_opt_jsonb(FunctionCallInfo fcinfo, int n, const char *what);
extern char *agc_opt_document(FunctionCallInfo fcinfo, int n, const char *what);	/* the same of JSON as text */
extern int64 agc_arg_amount(FunctionCallInfo fcinfo, int n, const char *what);
extern int64 agc_opt_amount(FunctionCallInfo fcinfo, int n, const char *what, int64 missing);
extern int64 agc_opt_usd(FunctionCallInfo fcinfo, int n, const char *what, int64 missing);
extern int64 agc_opt_interval(FunctionCallInfo fcinfo, int n, const char *what, int64 missing);
/* a lease in us, at most agentcore.max_lease; agc_opt_lease: 0 when not given */
extern int64 agc_arg_lease(FunctionCallInfo fcinfo, int n);
extern int64 agc_opt_lease(FunctionCallInfo fcinfo, int n);

/* 0 and less: agentcore.lease_default; a lease that was stored when max_lease was longer is cut too */
extern int64 agc_lease_or_default(int64 lease);
extern bool agc_arg_bool(FunctionCallInfo fcinfo, int n, const char *what);

/* ----- lists of names (name_list.c) -------------------------------------------- */

/* text[] of names, as agc_arg_name() takes them, in the order given; NULL when not given */
extern char **agc_opt_names(FunctionCallInfo fcinfo, int arg, const char *what, int *n);

/* text[] of names and 'prefix*', each once, as it is to be stored; NULL when not given */
extern ArrayType *agc_opt_patterns(FunctionCallInfo fcinfo, int arg, const char *what);

/* a tool's exact name, 'prefix*' or '*' */
extern char *agc_arg_tool_pattern(FunctionCallInfo fcinfo, int n);

/* whether a stored pattern is one of these */
extern bool agc_is_tool_pattern(const char *pattern);

/* a text[] of them */
extern Datum agc_texts_datum(char *const *texts, int n);

/* the elements of a stored text[] */
extern char **agc_texts_of(Datum array, int *n);

/* the same; NULL: one of them is null */
extern char **agc_try_texts_of(Datum array, int *n);

/* whether a name is one of the list, or begins as one that ends in a star says */
extern bool agc_patterns_cover(char *const *patterns, int n, const char *name);

/* microseconds of a non-negative, finite interval (months count 30 days) */
extern int64 agc_interval_us(const Interval *span, const char *what);

/* false: it is out of range, or negative */
extern bool agc_try_interval_us(const Interval *span, int64 *us);
extern Interval *agc_us_interval(int64 us);

/* nano-USD <-> numeric; 22023 when negative, NaN, infinite or above 9.2e9 USD */
extern int64 agc_numeric_nanousd(Datum numeric, const char *what);
extern Datum agc_nanousd_numeric(int64 nanousd);

/* a span to keep rows for, in us: between a day and 36500 days */
extern int64 agc_arg_keep(FunctionCallInfo fcinfo, int n);

/* Raises 22023: "what" must not be null. */
pg_noreturn extern void agc_refuse_null(const char *what);

/* Raises 22023 for a word that is none of the known ones, or NULL; the hint names those. */
pg_noreturn extern void agc_refuse_word(const char *what, const char *word, const char *hint);

/* ----- rows (row.c; row.h has the builder) ----------------------------------
 *
 * A function that returns a set of at most one row returns the tuple
 * (agc_row_return()), or agc_no_row(), which ends the set.
 */
extern Datum agc_no_row(FunctionCallInfo fcinfo);

#include "core/access.h"

/* ----- running as the owner (owner.c) -------------------------------------
 *
 * SPI as the owner of the extension's tables with search_path pinned to
 * pg_catalog, pg_temp.  On ERROR, (sub)transaction abort restores all of it.
 * CurrentMemoryContext stays the caller's throughout.  What SPI_tuptable and
 * SPI_getbinval() point to lives until agc_owner_end(): copy it before.
 */
typedef struct AgcOwner
{
	Oid			saved_user;
	int			saved_sec;
	int			guc_level;
	bool		bounded;
	ErrorContextCallback hint;	/* while bounded */
} AgcOwner;

typedef struct AgcPlan
{
	const char *sql;
	int			nargs;
	const Oid  *argtypes;
	SPIPlanPtr	plan;			/* NULL until first use; kept for the session */
} AgcPlan;

extern void agc_owner_begin(AgcOwner *owner);

/*
 * The same for statements that wait for an administrator's open transaction:
 * no longer than agentcore.budget_lock_wait, then 55P03.
 */
extern void agc_owner_begin_bounded(AgcOwner *owner);
extern void agc_owner_end(AgcOwner *owner);
extern int	agc_spi(AgcPlan *plan, Datum *values, const char *nulls);
extern int	agc_spi_read(AgcPlan *plan, Datum *values, const char *nulls);
extern Oid	agc_owner_oid(void);

/* begin, agc_spi, end: how many rows the statement touched */
extern uint64 agc_owner_spi_bounded(AgcPlan *plan, Datum *values, const char *nulls);
extern uint64 agc_owner_spi(AgcPlan *plan, Datum *values, const char *nulls);

/*
 * Runs write(arg), whose changes a history names the current role for, although
 * it writes as the owner (attribution.c).
 */
extern void agc_attributed(void (*write) (void *arg), void *arg);

/* ----- setters (setter.c) --------------------------------------------------
 *
 * X_set(key, ..., member, ..., reset, tenant) -> boolean: whether anything
 * changed.  A member that is not given (NULL) stays as it is in an object that
 * exists and is "preset" in a new one; the names in reset are set back.  22023
 * for an unknown name, a required member, and one that is given as well.
 */
typedef struct AgcMember
{
	const char *name;
	const char *preset;			/* of a new object, as text; NULL: NULL */
	bool		required;		/* a new object must be given it; no default */
} AgcMember;

/* One call of a setter, as write() sees it. */
typedef struct AgcSetting
{
	Datum	   *keys;			/* the tenant, then what agc_set() was given */
	char	   *tenant;
	bool		exists;			/* its row is locked */
	uint64		given;			/* a bit for each argument: not NULL */
	uint64		touched;		/* given, reset, or of a new object: to be judged */
	uint64		changed;		/* of these, what is not as it was */
	bool		lost;			/* another session made the object first: once more */
	Oid			type[FUNC_MAX_ARGS];	/* of the members */
} AgcSetting;

#define AGC_GIVEN(set, n)	(((set)->given & (UINT64CONST(1) << (n))) != 0)
#define AGC_TOUCHED(set, n) (((set)->touched & (UINT64CONST(1) << (n))) != 0)
#define AGC_CHANGED(set, n) (((set)->changed & (UINT64CONST(1) << (n))) != 0)

/* Names something else than before: whether that is there and suits is judged then only, or a document
 * could not be applied to the database that it came from. */
#define AGC_NAMES_ANEW(fcinfo, set, n) (AGC_CHANGED(set, n) && !(fcinfo)->args[n].isnull)

typedef struct AgcSetter
{
	const char *what;			/* "tool": for messages */
	int			first;			/* argument of the first member; then all in order */
	int			nmembers;
	const AgcMember *members;

	/* selects the members, in order and of the arguments' types, of the row of these keys, and locks it */
	AgcPlan    *row;
	bool		everywhere;		/* the caller needs admin on every tenant */
	bool		or_every;		/* the tenant may be "*" */
	void		(*before) (AgcSetting *set);	/* NULL, or locks to take before the row's, by SPI */

	/*
	 * Judges and writes the object, which fcinfo holds whole; whether anything
	 * changed.  What is not touched was judged when it was written: a switch
	 * must work although what the object names is gone.
	 */
	bool		(*write) (FunctionCallInfo fcinfo, AgcSetting *set);
} AgcSetter;

/* The body of a setter; keys[0] is left for the tenant. */
extern Datum agc_set(FunctionCallInfo fcinfo, const AgcSetter *setter, Datum *keys);

/*
 * For write(): a statement that inserts the object where set->exists is false
 * (and then leaves a row alone that it finds), else changes it.  agc_set_spi()
 * between agc_owner_begin() and agc_owner_end().
 */
extern bool agc_set_write(AgcSetting *set, AgcPlan *plan, Datum *values, const char *nulls);
extern bool agc_set_spi(AgcSetting *set, AgcPlan *plan, Datum *values, const char *nulls);

/* X_drop(name, tenant) -> boolean; plan deletes by tenant ($1) and name ($2) */
extern Datum agc_drop(FunctionCallInfo fcinfo, const char *what, AgcPlan *plan);

/* ----- tables (table.c) ---------------------------------------------------
 *
 * Direct reads by index, always with the latest snapshot, so that a change
 * committed elsewhere is seen inside an open REPEATABLE READ transaction.
 * No privilege is checked: agc_enter() did.
 */
#define AGC_MAX_KEYS	4

typedef struct AgcTable
{
	const char *name;
	const char *index;			/* btree; its text columns are "C"; NULL: none is read */

	/* the rest is table.c's */
	Oid			relid;			/* set while the table is open */
	Oid			indexid;
	AttrNumber	column[AGC_MAX_KEYS];	/* of the table, that the index is on */
	uint64		generation;		/* at which it was looked up, 0: look again */
	bool		known;
	bool		checked;		/* its columns, by who reads them by position; false when looked up anew */
	struct AgcTable *next;
} AgcTable;

#define AGC_TABLE(name_, index_)	{.name = (name_), .index = (index_)}

/* RowExclusiveLock and above are to write: 25006 in a read-only transaction */
extern Relation agc_table_open(AgcTable *table, LOCKMODE lockmode);
extern void agc_table_close(Relation rel, LOCKMODE lockmode);

/* one row by its text key, flattened and palloc'd; NULL when there is none */
extern HeapTuple agc_table_get(AgcTable *table, Relation rel, int nkeys, const char **keys);

/* one column of an index and what it is compared to */
typedef struct AgcKey
{
	Datum		value;
	RegProcedure compare;		/* of pg_proc, F_TEXTEQ and the like */
	StrategyNumber strategy;	/* of btrees */
} AgcKey;

extern AgcKey agc_key_text(const char *value);
extern AgcKey agc_key_uuid(const pg_uuid_t *value);
extern AgcKey agc_key_int4(int32 value);

/*
 * The first row by its key, as it stands in the table: out-of-line values are
 * not fetched, t_self is set.  NULL when there is none.
 */
extern HeapTuple agc_table_row(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys);

/* rows in the order of the index until the callback says false; it may write */
typedef bool (*AgcOrderedCallback) (HeapTuple tuple, TupleDesc desc, void *arg);
extern void agc_table_ordered(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys,
							  AgcOrderedCallback callback, void *arg);

/* every row whose leading key columns match; the callback must not write */
typedef void (*AgcRowCallback) (HeapTuple tuple, TupleDesc desc, void *arg);
extern void agc_table_scan(AgcTable *table, Relation rel, int nkeys, const char **keys,
						   AgcRowCallback callback, void *arg);

/*
 * The same for several reads that must agree: all under one snapshot, the
 * latest of when agc_table_snapshot() took it.  UnregisterSnapshot() ends it.
 */
extern Snapshot agc_table_snapshot(Relation rel);
extern void agc_table_scan_at(AgcTable *table, Relation rel, Snapshot snapshot, int nkeys,
							  const char **keys, AgcRowCallback callback, void *arg);

/* column readers: NULL / missing value when the column is null */
extern char *agc_col_text(HeapTuple tuple, TupleDesc desc, const char *column);
extern Datum agc_col(HeapTuple tuple, TupleDesc desc, const char *column, bool *isnull);
extern bool agc_col_bool(HeapTuple tuple, TupleDesc desc, const char *column);
extern int64 agc_col_int64(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing);
extern TimestampTz agc_col_time(HeapTuple tuple, TupleDesc desc, const char *column, TimestampTz missing);
extern Jsonb *agc_col_jsonb(HeapTuple tuple, TupleDesc desc, const char *column);
extern int64 agc_col_interval(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing);

/* false: what stands there is out of range */
extern bool agc_try_col_interval(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing, int64 *us);

/* ----- rows written without SPI (heap.c) -----------------------------------
 *
 * The relation is open with RowExclusiveLock, kept to the end of the
 * transaction.  What was written is seen by the next command of the same
 * transaction, and by what these and agc_table_* read next.  A table with
 * triggers and the like is written by a statement of its owner's, and fires
 * them; what keeps the row from being written is refused (55000).  No privilege
 * of the caller is looked at.
 */
extern ItemPointerData agc_heap_insert(Relation rel, Datum *values, bool *nulls);

/* by a statement in any case, so that a partitioned table finds the part */
extern ItemPointerData agc_heap_insert_by_statement(Relation rel, Datum *values, bool *nulls);

/* 40001 when somebody else has changed the row since it was read; an update sets *row, invalid where a statement wrote it */
extern void agc_heap_update(Relation rel, ItemPointer row, Datum *values, bool *nulls);
extern void agc_heap_delete(Relation rel, ItemPointer row);

/* 40001 in REPEATABLE READ and SERIALIZABLE unless the transaction sees this version */
extern void agc_heap_check_snapshot(HeapTuple tuple);

/* whether nothing has to be done for a row of the table but to write it and its indexes */
extern bool agc_heap_is_plain(Relation rel);

/* whether the columns of a part stand where those of the whole do; looked up once per session and part */
extern bool agc_heap_has_columns_of(Relation part, Relation whole);

extern void agc_heap_init(void);
extern void agc_table_init(void);

/* ----- compiled objects (object.c) ----------------------------------------
 *
 * Per-backend cache of what is compiled from one registry row, found by
 * (class, tenant, name) and revalidated when a registry table changed: if the
 * row is still the same version the compiled form is kept.  A registry table
 * has the columns tenant, name and revision, a primary key (tenant, name), and
 * the triggers of agentcore.registry_attach().
 */
typedef struct AgcObjectClass
{
	const char *name;
	AgcTable   *table;

	/*
	 * Build the compiled form in CurrentMemoryContext, which becomes the
	 * object's own.  May raise an error.  What lives outside memory contexts
	 * is freed by a MemoryContextRegisterResetCallback on it.
	 */
	void	   *(*compile) (HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

	/*
	 * NULL, or whether what compile() read beside its own row is still so.
	 * Asked when a registry table has changed and the row itself has not.
	 */
	bool		(*fresh) (const void *data, const char *tenant);

	/* that a name has no row is not kept: rows come quietly (agc_registry_quiet()) */
	bool		always_looks;
} AgcObjectClass;

typedef struct AgcObject
{
	const AgcObjectClass *class;
	char	   *tenant;
	char	   *name;
	int64		revision;
	void	   *data;			/* what compile() returned */
	MemoryContext cxt;

	/* the rest is object.c's */
	TransactionId xmin;
	ItemPointerData tid;
	uint64		checked;		/* generation at which the row was last compared */
	int			pins;
	bool		dead;			/* unlinked; freed with the last pin */
	Size		bytes;
	int64		compiles;
	int64		hits;
	dlist_node	lru;
	struct AgcObject *next;		/* hash chain */
} AgcObject;

/* NULL when there is no such row.  Pins left by an ERROR go at transaction end. */
extern AgcObject *agc_object_pin(const AgcObjectClass *class, const char *tenant, const char *name);

/* also NULL, with a WARNING, when the row cannot be compiled */
extern AgcObject *agc_object_try_pin(const AgcObjectClass *class, const char *tenant, const char *name);
extern void agc_object_unpin(AgcObject *object);

/*
 * What else a room keeps compiled: called by compiled_objects(), it adds rows
 * (class, tenant, name, revision, bytes, compiles, hits).
 */
typedef void (*AgcCompiledReport) (struct ReturnSetInfo *rsinfo);
extern void agc_compiled_reporter(AgcCompiledReport report);

/* ----- invalidation (invalidation.c) --------------------------------------- */

/* counts every registry change this backend has heard of, also its own */
extern uint64 agc_generation(void);

/* finds the relation whose invalidations are counted; agc_enter() calls it */
extern void agc_watch_registry(void);

/*
 * Until this is called with InvalidOid, also on ERROR, nobody hears of rows that are
 * inserted into this table.  Right only where nothing can be derived from a row's
 * absence (AgcObjectClass.always_looks).
 */
extern void agc_registry_quiet(Oid relid);

/* ----- canonical JSON and keys (canon.c, key.c) ---------------------------
 *
 * RFC 8785, exact outside what a double carries; see doc/reference.md.
 */
extern void agc_canonical_json(StringInfo out, Jsonb *value);

typedef enum AgcJsonWrong
{
	AGC_JSON_SYNTAX,
	AGC_JSON_ENDS,				/* inside of a value */
	AGC_JSON_DEEP,
	AGC_JSON_NUMBER,			/* jsonb holds none of that size */
	AGC_JSON_NUL,				/* JSON that jsonb cannot hold: \u0000 */
	AGC_JSON_HALF,				/* the same: half of a surrogate pair */
	AGC_JSON_CHARACTER,			/* the same: one that the database's encoding has not */
	AGC_JSON_TWICE,				/* a key */
	AGC_JSON_SEVERAL			/* two objects, for readers who would take one (text/written_json.h) */
} AgcJsonWrong;

typedef struct AgcJsonFault
{
	AgcJsonWrong wrong;
	Size		offset;			/* in bytes */
	const char *what;			/* is wrong there, in fixed words; NULL: not known */
} AgcJsonFault;

/*
 * JSON text that somebody else wrote (json_text.c): NULL and *fault where it is no
 * JSON or more than jsonb holds.  unique: also where an object has a key twice,
 * since readers take the first, or the last.  Raises nothing.
 */
extern Jsonb *agc_json_read(const char *text, bool unique, AgcJsonFault *fault);

/* the fault in words, which name the character and never quote the text; and which character, counted from 1 */
extern char *agc_json_problem(const char *text, const AgcJsonFault *fault);
extern int	agc_json_character(const char *text, Size offset);

/* the same as agc_json_read(), with the fault in words */
extern Jsonb *agc_json_text(const char *text, char **problem);

extern Jsonb *agc_json_text_unique(const char *text, char **problem);

typedef enum AgcJsonAny
{
	AGC_JSON_AS_IS,
	AGC_JSON_REPAIRED,			/* without the escapes that jsonb cannot hold */
	AGC_JSON_STRING,			/* the text was no JSON, so it is a string */
	AGC_JSON_LOST				/* more than jsonb can hold: NULL */
} AgcJsonAny;

/*
 * Text of any kind (json_any.c).  *note says in what way the value is not the
 * text; NULL where it is.  Raises nothing.
 */
extern Jsonb *agc_json_any(const char *text, AgcJsonAny *how, char **note);

/* a key, a value or an element of what is built (json_push.c); nothing is copied */
extern JsonbValue *agc_push_bytes(JsonbParseState **state, JsonbIteratorToken as, const char *bytes, int len);
extern JsonbValue *agc_push_text(JsonbParseState **state, JsonbIteratorToken as, const char *text);
extern JsonbValue *agc_push_jsonb(JsonbParseState **state, JsonbIteratorToken as, const Jsonb *document);

typedef struct AgcDigest AgcDigest;

/* One digest at a time: begin, add any number of fields, end. */
extern AgcDigest *agc_digest_begin(void);
extern void agc_digest_field(AgcDigest *digest, const void *data, Size len);
extern void agc_digest_end(AgcDigest *digest, uint8 out[AGC_HASH_LEN]);

/*
 * A digest of its own, of a head's digest and the canonical arguments as a field
 * after it: what calls have in common is hashed once.
 */
extern void agc_digest_after(const uint8 head[AGC_HASH_LEN], Jsonb *args, uint8 out[AGC_HASH_LEN]);

/*
 * A document as it is: numbers that are equal are equal here, and those that
 * only a double cannot tell apart are not.
 */
extern void agc_digest_exact(AgcDigest *digest, Jsonb *value);

/* cache_key() of the SQL interface: format, tool, scope (the head), canonical args */
extern void agc_digest_call_head(AgcDigest *digest, const char *tool, const char *scope);
extern void agc_digest_args(AgcDigest *digest, Jsonb *args);
extern void agc_digest_call(AgcDigest *digest, const char *tool, Jsonb *args, const char *scope);

/* ----- hashes that nobody outside can compute (secret.c) ------------------
 *
 * SipHash-2-4 under a secret of this database: for what is shown to others
 * (pg_locks) or shared with them (slots, queues), so that nobody finds a name
 * that meets another tenant's, nor recognises one.  agc_enter() was called.
 */
typedef struct AgcSecretHash
{
	uint64		v[4];
	uint64		word;			/* bytes that do not fill one yet */
	uint64		len;
} AgcSecretHash;

extern void agc_secret_begin(AgcSecretHash *hash, char purpose);
extern void agc_secret_field(AgcSecretHash *hash, const void *data, Size len);
extern uint64 agc_secret_end(AgcSecretHash *hash);

/* ----- what others wrote (quote.c) -----------------------------------------
 *
 * Every text that a model or a log reads shows names, values and messages by
 * these: on one line, of about "limit" bytes of the source, every character
 * visible.
 */
#define AGC_NAME_SHOWN	128		/* of a name in a text */

extern char *agc_quoted(const char *text, int limit);	/* in double quotes, as JSON */
extern char *agc_quoted_name(const char *name);
extern char *agc_quoted_bytes(const char *data, Size len, int limit);
extern char *agc_shown(const char *text, int limit);	/* without quotes: a pattern, a path */
extern void agc_append_visible(StringInfo out, const char *text);	/* JSON text, whole */

/* a character that shows as nothing, or ends or turns a line; in Unicode */
extern bool agc_is_unseen(pg_wchar c);

/* the character, in Unicode, at a text that ends in NUL, and its bytes there */
extern pg_wchar agc_character(const char *text, int *len);

/*
 * What a text comes to for a reader that forgives the most (fold.c): NFKC,
 * blanks as spaces, without quotes and what nobody sees.  Bytes above 0x7F stand
 * for what has no ASCII form.
 */
extern char *agc_folded(const char *data, Size len);

/* ----- names that nobody has (nearest.c) ------------------------------------
 *
 * The candidates nearest by edit distance, for "unknown x, did you mean".  Set
 * wanted and limit, add candidates, read name[0 .. count - 1].
 */
#define AGC_NEAREST_MAX		16
#define AGC_NEAREST_EDITS	8	/* further away nothing is near, however long the names */

typedef struct AgcNearest
{
	const char *wanted;
	int			count;
	int			limit;			/* at most AGC_NEAREST_MAX */
	char	   *name[AGC_NEAREST_MAX];
	int			distance[AGC_NEAREST_MAX];
} AgcNearest;

extern void agc_nearest_add(AgcNearest *nearest, const char *candidate);

/* the same of a candidate that is compared in another form */
extern void agc_nearest_add_as(AgcNearest *nearest, const char *form, const char *candidate);

/* every "name" of a tenant in a registry table */
extern void agc_nearest_in(AgcNearest *nearest, AgcTable *table, const char *tenant);

/* quoted, divided by commas; NULL when nothing is near */
extern char *agc_nearest_list(const AgcNearest *nearest);

/*
 * Raises 42704: kind "name" does not exist.  The HINT names what is near, or
 * where nothing is, says what to do; nearest is NULL where nothing was looked
 * for, "near" a list of agc_nearest_list()'s kind.
 */
pg_noreturn extern void agc_refuse_unknown(const char *kind, const char *name, const AgcNearest *nearest,
										   const char *hint);
pg_noreturn extern void agc_refuse_unknown_near(const char *kind, const char *name, const char *near,
												const char *hint);

/* ----- shared memory (shmem.c) --------------------------------------------
 *
 * A room registers its part once, in its init function; init() runs under
 * AddinShmemInitLock on zeroed memory.  *address is NULL where the library was
 * not in shared_preload_libraries.
 */
extern void agc_shmem_register(const char *name, Size size, void (*init) (void *part),
							   void **address, const char *tranche, int nlocks);
extern union LWLockPadded *agc_shmem_locks(const char *tranche);
extern bool agc_shmem_ready(void);

/* raises 55000 with a HINT naming shared_preload_libraries */
extern void agc_require_shmem(const char *what);

/* forget() is called for a database that is made (database.c): by each room that keeps states by installation */
extern void agc_database_register(void (*forget) (Oid database));

/* false while tenant_set(enabled => false) is in force (tenant.c) */
extern bool agc_tenant_enabled(const char *tenant);

/* The last tenant of which nothing was found, and at which generation: what most tenants never have is asked for per call. */
typedef struct AgcLack
{
	uint64		generation;		/* 0: never */
	char		tenant[AGC_MAX_NAME + 1];
} AgcLack;

extern bool agc_tenant_lacks(const AgcLack *lack, const char *tenant);

/* generation: from before it was looked for */
extern void agc_note_lack(AgcLack *lack, const char *tenant, uint64 generation);

/* percent of the cache by tenant_share_set(), 0: none of its own; after agc_enter() */
extern int	agc_tenant_cache_share(const char *tenant);

/* ----- small things (util.c) ---------------------------------------------- */

/* RFC 9562 version 7; the 74 random bits come from pg_strong_random */
extern void agc_uuid_v7(pg_uuid_t *out);

/* this database's random identity, made by CREATE EXTENSION; no other database's, copies of this one included */
extern const pg_uuid_t *agc_installation_id(void);

/* the key of its keyed hashes; shown to nobody */
extern const pg_uuid_t *agc_installation_secret(void);

/* What agentcore.debug_clock_offset adds to every clock, in microseconds. */
static inline int64
agc_clock_offset(void)
{
	return (int64) (agc_debug_clock_offset * 1000);
}

/* While this session judges again what was recorded (src/replay): when that was; else 0. */
extern TimestampTz agc_recorded_time;

/*
 * The time by which everything is decided: the wall clock.  It may step back.
 * Code that relies on a time that only grows has to clamp it (a budget's counter
 * does, under its row lock).
 */
static inline TimestampTz
agc_now(void)
{
	if (unlikely(agc_recorded_time != 0))
		return agc_recorded_time;
	return GetCurrentTimestamp() + agc_clock_offset();
}

/* when this transaction began, by the same clock */
extern TimestampTz agc_xact_start(void);

/* microseconds until "t", never negative */
extern int64 agc_until_us(TimestampTz now, TimestampTz t);
extern void agc_core_init(void);
extern void agc_shmem_install_hooks(void);
extern void agc_access_init(void);
extern void agc_invalidation_init(void);
extern void agc_object_init(void);

#include "core/row.h"

#endif							/* AGENTCORE_CORE_H */
