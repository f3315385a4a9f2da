/*
 * libpq.  Every value is text whose type the server decides, as long as no type is given.
 */
#include <libpq-fe.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

#define ARGS_JSON "{\"n\": 1, \"s\": \"é\"}"
#define EXACT "123456789.123456789"
#define BIG "9007199254740993"

static const char *mode;
static PGconn *conn;

/* what a check could not do is its finding */
static char wrong[200];

/* Each pool of pgbouncer is a name of its own for the database: what one check leaves in it harms no other. */
static PGconn *
connect_to(const char *kind, const char *pool, const char *user)
{
	char		database[100];
	bool		direct = strcmp(kind, "direct") == 0;
	const char *port = getenv(direct ? "PGPORT" : strcmp(kind, "pooled") == 0 ? "POOL_PORT" : "BARE_PORT");
	PGconn	   *made;

	snprintf(database, sizeof(database), "libpq%s", pool);
	{
		const char *keywords[] = {"host", "port", "dbname", "user", "password", NULL};
		const char *values[] = {getenv("PGHOST"), port, direct ? getenv("PGDATABASE") : database, user, getenv("PGPASSWORD"), NULL};

		made = PQconnectdbParams(keywords, values, 0);
	}
	return made;
}

/* The first column of the first row, to be freed; NULL on an error, which is kept in `wrong`. */
static char *
ask_on(PGconn *on, const char *sql, int count, const char *const *values)
{
	PGresult   *result = PQexecParams(on, sql, count, NULL, values, NULL, NULL, 0);
	char	   *value = NULL;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
		value = strdup(PQgetvalue(result, 0, 0));
	else if (PQresultStatus(result) == PGRES_COMMAND_OK)
		value = strdup("");
	else
		snprintf(wrong, sizeof(wrong), "%.*s", (int) strcspn(PQerrorMessage(on), "\n"), PQerrorMessage(on));
	PQclear(result);
	return value;
}

static char *
ask(const char *sql, const char *value)
{
	return ask_on(conn, sql, value ? 1 : 0, &value);
}

static bool
answers(PGconn *on, const char *sql, const char *value, const char *expected)
{
	char	   *answer = ask_on(on, sql, value ? 1 : 0, &value);
	bool		same = answer && strcmp(answer, expected) == 0;

	if (answer && !same)
		snprintf(wrong, sizeof(wrong), "%s", answer);
	free(answer);
	return same;
}

static const char *
either(bool yes, const char *word, const char *otherwise)
{
	return yes ? word : otherwise;
}

static const char *
new_key(void)
{
	static char key[40];
	char	   *made = ask("SELECT gen_random_uuid()", NULL);

	snprintf(key, sizeof(key), "%s", made ? made : "");
	free(made);
	return key;
}

/* Whether the argument, with this value, arrives as it was meant. */
static const char *
arrives(const char *argument, const char *value, const char *what, const char *expected, const char *word)
{
	char		sql[300];

	snprintf(sql, sizeof(sql),
			 strcmp(what, "args") == 0 ? "SELECT args::text FROM agentcore.call_begin('a', 't', %s)" :
			 "SELECT call_id FROM agentcore.call_begin('a', 't', %s)", argument);
	if (strcmp(what, "args") == 0)
		return either(answers(conn, sql, value, expected), word, wrong);
	{
		char	   *call = ask(sql, value);
		char		seen[100];

		snprintf(seen, sizeof(seen), "SELECT arrived($1, '%s')", what);
		if (!call || !answers(conn, seen, call, expected))
			word = wrong;
		free(call);
		return word;
	}
}

static const char *
cast(void)
{
	return either(answers(conn, "SELECT $1::jsonb::text", "1", "1"), "::", "CAST");
}

static const char *
usd_float(void)
{
	char		value[30];

	snprintf(value, sizeof(value), "%.15g", 0.5);
	return arrives("est_usd => $1", value, "usd", "0.5", "text");
}

static const char *
usd_exact(void)
{
	return arrives("est_usd => $1", EXACT, "usd", EXACT, "text");
}

static const char *
key_uuid(void)
{
	const char *key = new_key();

	return arrives("key => $1", key, "key", key, "text");
}

static const char *
args_string(void)
{
	return arrives("$1", ARGS_JSON, "args", ARGS_JSON, "as is");
}

static const char *
args_object(void)
{
	return either(args_string() != wrong, "text", wrong);
}

static const char *
args_text(void)
{
	return arrives("args_text => $1", ARGS_JSON, "args", ARGS_JSON, "as is");
}

static const char *
result_text(void)
{
	char	   *call = ask("SELECT call_id FROM agentcore.call_begin('a', 't')", NULL);
	const char *word = either(call && answers(conn, "SELECT agentcore.call_commit($1, result_text => 'no json')", call, "committed"), "as is", wrong);

	free(call);
	return word;
}

static const char *
result_list(void)
{
	char	   *call = ask("SELECT call_id FROM agentcore.call_begin('a', 't')", NULL);
	const char *values[] = {call, "[1, \"x\"]"};
	char	   *verdict = ask_on(conn, "SELECT agentcore.call_commit($1, $2)", 2, values);
	const char *word = either(verdict && strcmp(verdict, "committed") == 0, "text", wrong);

	free(call);
	free(verdict);
	return word;
}

static const char *
lease_duration(void)
{
	return arrives("lease => $1", "90 s", "lease", "90", "text");
}

static const char *
lease_seconds(void)
{
	return arrives("lease => $1", "90", "lease", "90", "as is");
}

static const char *
nulls(void)
{
	const char *values[11] = {NULL};
	char	   *verdict = ask_on(conn, "SELECT verdict FROM agentcore.call_begin('a', 't', args => $1, est_tokens => $2, est_usd => $3, key => $4, task => $5, "
								 "subject => $6, budget => $7, lease => $8, args_text => $9, holder => $10, tenant => $11)", 11, values);
	const char *word = either(verdict && strcmp(verdict, "run") == 0, "as is", wrong);

	free(verdict);
	return word;
}

static const char *
read_jsonb(void)
{
	return either(answers(conn, "SELECT args FROM agentcore.call_begin('a', 't', $1)", ARGS_JSON, ARGS_JSON), "text", wrong);
}

static const char *
read_interval(void)
{
	return either(answers(conn, "SELECT cache_ttl FROM agentcore.tools WHERE name = $1", "ttl", "1 day 02:03:04.5"), "text", wrong);
}

static const char *
read_of_permit(const char *argument, const char *column, const char *expected)
{
	char		sql[200];
	char	   *call;
	const char *word;

	snprintf(sql, sizeof(sql), "SELECT call_id FROM agentcore.call_begin('a', 't', %s)", argument);
	call = ask(sql, NULL);
	snprintf(sql, sizeof(sql), "SELECT %s FROM agentcore.permits WHERE permit = $1", column);
	word = either(call && answers(conn, sql, call, expected), "text", wrong);
	free(call);
	return word;
}

static const char *
read_numeric(void)
{
	return read_of_permit("est_usd => " EXACT, "held_usd", EXACT);
}

static const char *
read_bigint(void)
{
	return read_of_permit("est_tokens => " BIG, "held_tokens", BIG);
}

static const char *
read_uuid(void)
{
	char	   *call = ask("SELECT call_id FROM agentcore.call_begin('a', 't')", NULL);
	const char *word = either(call && answers(conn, "SELECT agentcore.call_commit($1)", call, "committed"), "text", wrong);

	free(call);
	return word;
}

#define BEGIN_KEY "SELECT verdict FROM agentcore.call_begin('a', 't', key => $1)"

/* retry_after_ms, of a call that is under way */
static const char *
read_wait(void)
{
	const char *key = new_key();
	char	   *value = NULL;
	const char *word;

	if (answers(conn, BEGIN_KEY, key, "run"))
		value = ask("SELECT retry_after_ms FROM agentcore.call_begin('a', 't', key => $1)", key);
	word = either(value && atol(value) > 0, "text", wrong);
	free(value);
	return word;
}

static bool
fresh_answers(const char *key, const char *verdict)
{
	PGconn	   *fresh = connect_to(mode, "", "worker");
	bool		same = answers(fresh, BEGIN_KEY, key, verdict);

	PQfinish(fresh);
	return same;
}

static const char *
autocommit(void)
{
	const char *key = new_key();

	return either(answers(conn, BEGIN_KEY, key, "run") && fresh_answers(key, "wait"), "on", "off");
}

/* A statement that fails takes the run before it along: a pipeline up to its sync. */
static const char *
batch(void)
{
	const char *key = new_key();
	PGresult   *result;
	int			left = 2;

	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, BEGIN_KEY, 1, NULL, &key, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 1 / 0", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	while (left > 0)
	{
		result = PQgetResult(conn);
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
			break;
		if (result == NULL)
			left--;
		PQclear(result);
	}
	while (left == 0 && (result = PQgetResult(conn)) != NULL)
		PQclear(result);
	PQexitPipelineMode(conn);
	return either(fresh_answers(key, "run"), "one transaction", "each its own");
}

static bool warned = false;

static void
notice_handler(void *seen, const PGresult *result)
{
	*(bool *) seen |= strcmp(PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED), "WARNING") == 0;
}

/* A begin and its commit, the former after another statement: the SQLSTATE of what goes wrong. */
static const char *
begin_and_commit(const char *user, const char *first)
{
	static char state[6];
	PGconn	   *other = connect_to(mode, "", user);
	PGresult   *result;
	char	   *call;

	PQsetNoticeReceiver(other, notice_handler, &warned);
	PQclear(PQexec(other, first));
	result = PQexec(other, "SELECT call_id FROM agentcore.call_begin('a', 't')");
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
	{
		const char *values[1];

		values[0] = call = strdup(PQgetvalue(result, 0, 0));
		PQclear(result);
		result = PQexecParams(other, "SELECT agentcore.call_commit($1)", 1, NULL, values, NULL, NULL, 0);
		free(call);
	}
	snprintf(state, sizeof(state), "%s", PQresultStatus(result) == PGRES_TUPLES_OK ? "works" : PQresultErrorField(result, PG_DIAG_SQLSTATE));
	PQclear(result);
	PQclear(PQexec(other, "COMMIT"));
	PQfinish(other);
	return state;
}

/* A begin and its commit in one transaction are told by a WARNING.  Without a handler it is printed to stderr. */
static const char *
warning(void)
{
	warned = false;
	begin_and_commit("worker", "BEGIN");
	return either(warned, "by handler", "lost");
}

/* The role's agentcore.budget_guard = error: a begin in a transaction is refused. */
static const char *
guard(void)
{
	return begin_and_commit("guarded", "BEGIN");
}

/* So is one that is not the first of a batch. */
static const char *
guard_batch(void)
{
	static char state[6] = "lost";
	PGconn	   *other = connect_to(mode, "", "guarded");
	int			ends = 0;

	PQenterPipelineMode(other);
	PQsendQueryParams(other, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(other, "SELECT call_id FROM agentcore.call_begin('a', 't')", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(other);
	while (ends < 2)
	{
		PGresult   *result = PQgetResult(other);

		ends += result == NULL;
		if (PQresultStatus(result) == PGRES_FATAL_ERROR && result)
			snprintf(state, sizeof(state), "%s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
		PQclear(result);
	}
	PQfinish(other);
	return state;
}

/* And nothing else is. */
static const char *
guard_plain(void)
{
	return begin_and_commit("guarded", "SELECT 1");
}

static void *
begin_in_thread(void *key)
{
	PGconn	   *other = connect_to(mode, "", "worker");
	const char *value = key;
	char	   *verdict = ask_on(other, BEGIN_KEY, 1, &value);

	PQfinish(other);
	return verdict;
}

static const char *
parallel(void)
{
	const char *key = new_key();
	pthread_t	threads[8];
	int			runs = 0,
				waits = 0;

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, begin_in_thread, (void *) key);
	for (int i = 0; i < 8; i++)
	{
		void	   *verdict;

		pthread_join(threads[i], &verdict);
		runs += verdict && strcmp(verdict, "run") == 0;
		waits += verdict && strcmp(verdict, "wait") == 0;
		free(verdict);
	}
	return either(runs == 1 && waits == 7, "one run", "not one run");
}

static const char *
shared_connection(void)
{
	bool		both = PQsendQuery(conn, "SELECT pg_sleep(0.1)") && PQsendQuery(conn, "SELECT pg_sleep(0.1)");
	PGresult   *result;

	while ((result = PQgetResult(conn)) != NULL)
		PQclear(result);
	return either(both, "queued", "error");
}

/* The statement, then `again` when the pooler has another server connection for it, because the first is taken. */
static char *
elsewhere(PGconn *on, const char *pool, const char *statement, PGresult *(*again) (PGconn *))
{
	PGconn	   *other;
	PGresult   *result;
	char	   *value = NULL;

	for (int i = 0; i < 10; i++)
		PQclear(PQexec(on, statement));
	other = connect_to(mode, pool, "worker");
	PQclear(PQexec(other, "BEGIN; SELECT 1"));
	result = again(on);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		value = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(other);
	PQfinish(on);
	return value;
}

#define BEGIN_TOOL "SELECT verdict FROM agentcore.call_begin('a', $1)"

static PGresult *
run_prepared(PGconn *on)
{
	const char *tool = "t";

	return PQexecPrepared(on, "begin", 1, &tool, NULL, NULL, 0);
}

static PGresult *
run_unnamed(PGconn *on)
{
	const char *tool = "t";

	return PQexecParams(on, BEGIN_TOOL, 1, NULL, &tool, NULL, NULL, 0);
}

static const char *
prepared(void)
{
	PGconn	   *on = connect_to(mode, "_prepared", "worker");
	char	   *value;
	const char *word;

	PQclear(PQprepare(on, "begin", BEGIN_TOOL, 0, NULL));
	value = elsewhere(on, "_prepared", "SELECT 1", run_prepared);
	word = either(value != NULL, "works", "PQexecParams");
	free(value);
	if (value == NULL)
	{
		value = elsewhere(connect_to(mode, "_prepared", "worker"), "_prepared", "SELECT 1", run_unnamed);
		word = either(value != NULL, word, "none");
		free(value);
	}
	return word;
}

static PGresult *
show(PGconn *on)
{
	return PQexec(on, "SHOW agentcore.budget_guard");
}

static const char *
session_set(void)
{
	char	   *value = elsewhere(connect_to(mode, "_set", "worker"), "_set", "SET agentcore.budget_guard = 'error'", show);
	const char *word = either(value && strcmp(value, "error") == 0, "kept", "lost");

	free(value);
	return word;
}

static const char *
listen_(void)
{
	PGconn	   *on = connect_to(mode, "_listen", "worker");
	PGconn	   *other = connect_to("direct", "", "worker");
	time_t		deadline = time(NULL) + (strcmp(mode, "direct") == 0 ? 100 : 1);
	PGnotify   *heard = NULL;
	const char *word;

	PQclear(PQexec(on, "LISTEN agentcore_budget"));
	PQclear(PQexec(other, "NOTIFY agentcore_budget, 'b'"));
	do
	{
		int			socket = PQsocket(on);
		fd_set		readable;
		struct timeval patience = {.tv_usec = 100000};

		FD_ZERO(&readable);
		FD_SET(socket, &readable);
		select(socket + 1, &readable, NULL, NULL, &patience);
		PQconsumeInput(on);
	} while ((heard = PQnotifies(on)) == NULL && time(NULL) <= deadline);
	word = either(heard && strcmp(heard->extra, "b") == 0, "heard", "lost");
	PQfreemem(heard);
	PQfinish(on);
	PQfinish(other);
	return word;
}

static const char *
startup(void)
{
	PGconn	   *on = connect_to(strcmp(mode, "direct") == 0 ? mode : "bare", "", "worker");
	const char *word = either(PQstatus(on) == CONNECTION_OK, "works", "refused");

	PQfinish(on);
	return word;
}

static const struct
{
	const char *name;
	const char *(*find) (void);
}			checks[] = {
	{"cast", cast}, {"usd_float", usd_float}, {"usd_exact", usd_exact}, {"key_uuid", key_uuid}, {"args_object", args_object},
	{"args_string", args_string}, {"args_text", args_text}, {"result_text", result_text}, {"result_list", result_list}, {"lease_duration", lease_duration}, {"lease_seconds", lease_seconds},
	{"nulls", nulls}, {"read_jsonb", read_jsonb}, {"read_interval", read_interval}, {"read_numeric", read_numeric},
	{"read_bigint", read_bigint}, {"read_wait", read_wait}, {"read_uuid", read_uuid}, {"autocommit", autocommit}, {"batch", batch}, {"warning", warning},
	{"guard", guard}, {"guard_batch", guard_batch}, {"guard_plain", guard_plain},
	{"parallel", parallel}, {"shared_connection", shared_connection}, {"prepared", prepared},
	{"session_set", session_set}, {"listen", listen_}, {"startup", startup},
};

int
main(void)
{
	const char *modes[] = {"direct", "pooled"};

	for (int i = 0; i < 2; i++)
	{
		mode = modes[i];
		conn = connect_to(mode, "", "worker");
		for (size_t j = 0; j < sizeof(checks) / sizeof(checks[0]); j++)
			printf("%s\t%s\t%s\n", mode, checks[j].name, checks[j].find());
		PQfinish(conn);
	}
	return 0;
}
