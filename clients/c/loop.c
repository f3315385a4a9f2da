/*
 * One call through the gate: begin, run, settle.
 *
 *     loop AGENT TOOL KEY ARGS COMMAND
 *
 * COMMAND is for sh, with the call's arguments as $ARGS and its key as $KEY; what it prints is the tool's answer, another exit
 * status than 0 a failure.  Prints what a model reads.  Exit status: 0 there is an answer, 1 the tool failed or may not run,
 * 2 the gate could not be asked.
 *
 * Each statement is a transaction of its own.  One whose answer is lost is repeated over a new connection and gets the same answer: by
 * key and holder the same call, by call_id the same settlement.  Ctrl-C ends the command; its call is settled before the program ends.
 */
#include <libpq-fe.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef LEASE_MS
#define LEASE_MS 60000			/* for so long a worker may be silent */
#endif
#define WORDS(number) #number
#define IN_WORDS(number) WORDS(number)
#define LEASE IN_WORDS(LEASE_MS) " ms"
#define PATIENCE_MS 60000		/* all waits of the call, and how long a database may be away */
#define ANSWER_MAX (1 << 20)	/* bytes of an answer that are read */

static PGconn *conn;
static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
	stopped = number;
}

static void
pause_ms(long ms)
{
	nanosleep(&(struct timespec) {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The connection is gone, or the server is going, coming or full: the statement may be asked again. */
static bool
may_again(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state == NULL || PQstatus(conn) != CONNECTION_OK || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0 ||
		strncmp(state, "53", 2) == 0 || strncmp(state, "40", 2) == 0;
}

static PGresult *
ask(const char *sql, int count, const char *const *values)
{
	for (int waited = 0;; waited += 100)
	{
		PGresult   *result = PQexecParams(conn, sql, count, NULL, values, NULL, NULL, 0);

		if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
			return result;
		if (!may_again(result) || waited >= PATIENCE_MS)
		{
			fprintf(stderr, "the gate: %s", PQerrorMessage(conn));
			exit(2);
		}
		PQclear(result);
		pause_ms(100);
		if (PQstatus(conn) != CONNECTION_OK)
			PQreset(conn);
	}
}

static const char *
column(const PGresult *row, const char *name)
{
	int			number = PQfnumber(row, name);

	return PQgetisnull(row, 0, number) ? NULL : PQgetvalue(row, 0, number);
}

/* A third of the lease has gone by and the tool still runs. */
static void
extend(const char *call_id)
{
	PQclear(ask("SELECT agentcore.call_extend($1, $2)", 2, (const char *const[]) {call_id, LEASE}));
}

/* The command's exit status; its output in `answer`. */
static int
run(const char *command, const char *args, const char *call_id, char *answer)
{
	FILE	   *output;
	size_t		length = 0;
	ssize_t		got = 1;

	setenv("ARGS", args, 1);
	output = popen(command, "r");
	while (output && got != 0)
	{
		char		more[4096];
		int			ready = poll(&(struct pollfd) {.fd = fileno(output), .events = POLLIN}, 1, LEASE_MS / 3);

		if (ready == 0)
			extend(call_id);
		if (ready <= 0)
			continue;
		got = read(fileno(output), more, sizeof(more));
		for (ssize_t i = 0; i < got; i++)
			if (length < ANSWER_MAX && more[i] != '\0')
				answer[length++] = more[i];
	}
	while (length > 0 && answer[length - 1] == '\n')
		length--;
	answer[length] = '\0';
	if (mbstowcs(NULL, answer, 0) == (size_t) -1)	/* no UTF-8, which the database would refuse */
		for (size_t i = 0; i < length; i++)
			if (answer[i] & 0x80)
				answer[i] = '?';
	return output ? pclose(output) : -1;
}

/* The call runs: 0 or 1, or -1 where it is to be asked for again. */
static int
run_and_settle(const char *call_id, const char *args, const char *command)
{
	static char answer[ANSWER_MAX + 1];
	PGresult   *row;
	bool		again;
	long		delay;

	if (run(command, args, call_id, answer) == 0)
	{
		row = ask("SELECT agentcore.call_commit($1, result_text => $2) AS outcome", 2, (const char *const[]) {call_id, answer});
		fprintf(stderr, "%s\n", column(row, "outcome"));
		PQclear(row);
		puts(answer);
		return 0;
	}
	row = ask("SELECT action, reason, delay_ms FROM agentcore.call_fail($1, status => $2, error => $3)", 3,
			  (const char *const[]) {call_id, stopped ? "499" : NULL, stopped ? "cancelled" : answer});
	fprintf(stderr, "%s: %s\n", column(row, "action"), column(row, "reason"));
	again = strcmp(column(row, "action"), "retry") == 0;
	delay = strtol(column(row, "delay_ms") ? column(row, "delay_ms") : "0", NULL, 10);
	PQclear(row);
	if (again)
	{
		if (!stopped && delay <= PATIENCE_MS)
			pause_ms(delay);
		if (!stopped && delay <= PATIENCE_MS)
			return -1;
		PQclear(ask("SELECT agentcore.call_release($1)", 1, &call_id));
	}
	puts(answer);
	return 1;
}

int
main(int argc, char **argv)
{
	char		holder[64];
	long		patience = PATIENCE_MS;

	if (argc != 6)
	{
		fprintf(stderr, "usage: loop AGENT TOOL KEY ARGS COMMAND\n");
		return 2;
	}
	snprintf(holder, sizeof(holder), "%ld.%ld", (long) time(NULL), (long) getpid());
	setenv("KEY", argv[3], 1);
	sigaction(SIGINT, &(struct sigaction) {.sa_handler = on_signal}, NULL);
	sigaction(SIGTERM, &(struct sigaction) {.sa_handler = on_signal}, NULL);
	setlocale(LC_CTYPE, "C.UTF-8");
	conn = PQconnectdb("");
	while (!stopped)
	{
		PGresult   *row = ask("SELECT *, coalesce(result #>> '{}', feedback) AS says FROM agentcore.call_begin($1, $2, key => $3, args_text => $4, "
							  "lease => '" LEASE "', holder => $5)", 5, (const char *const[]) {argv[1], argv[2], argv[3], argv[4], holder});
		const char *verdict = column(row, "verdict");
		const char *wait = column(row, "retry_after_ms");
		int			status = strcmp(verdict, "cached") != 0;

		if (strcmp(verdict, "run") == 0)
			status = run_and_settle(column(row, "call_id"), column(row, "args"), argv[5]);
		else if (strcmp(verdict, "wait") == 0 && (patience -= wait ? strtol(wait, NULL, 10) : 500) > 0)
		{
			pause_ms(wait ? strtol(wait, NULL, 10) : 500);
			status = -1;
		}
		else
			puts(column(row, "says") ? column(row, "says") : verdict);
		PQclear(row);
		if (status >= 0)
			return status;
	}
	return 1;
}
