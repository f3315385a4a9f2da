-- One call through the gate, in psql alone: begin, run, settle.
--
--     psql -X -q -v agent=researcher -v tool=web__fetch -v args='{"url": "https://example.com/"}' \
--          -v run='curl -fsS "$(echo "$ARGS" | jq -r .url)" 2>&1' [-v key=message-7] [-v lease='10 min'] [-v patience=60] -f loop.sql
--
-- run is for sh, with the call's arguments as $ARGS and its key as $KEY; what it prints is the tool's answer, another exit status than 0 a failure.
-- Prints what a model reads; the variable verdict says what became of the call (run, cached, wait, deny, failed).
--
-- psql has autocommit on, so each statement is a transaction of its own.  The lease is not extended: it must outlast the command.  A connection
-- that is lost ends psql.  Start it again with the same key then: it answers from what was settled, and else waits until the lease has ended.
\set ON_ERROR_STOP on
\if :{?key}
\else
	SELECT gen_random_uuid() AS key \gset
\endif
\if :{?lease}
\else
	\set lease '10 min'
\endif
\if :{?patience}
\else
	\set patience 60
\endif

SELECT verdict, verdict = 'run' AS runs, call_id, args AS arguments, coalesce(result #>> '{}', feedback, reason) AS says,
	coalesce(retry_after_ms, 500) / 1000.0 AS pause, verdict = 'wait' AND coalesce(retry_after_ms, 500) / 1000.0 <= :patience AS again
FROM agentcore.call_begin(:'agent', :'tool', args_text => :'args', key => :'key', lease => :'lease') \gset

\if :runs
	\setenv ARGS :arguments
	\setenv KEY :key
	\setenv RUN :run
	\set said `{ sh -c "$RUN"; echo "exit $?"; } | tr -d '\000' | iconv -c -f UTF-8 -t UTF-8`
	SELECT :'said' ~ 'exit 0$' AS done, regexp_replace(:'said', '\n?exit \d+$', '') AS says \gset
	\if :done
		SELECT agentcore.call_commit(:'call_id', result_text => :'says') AS outcome \gset
	\else
		SELECT action = 'retry' AS again, action = 'retry' AND delay_ms / 1000.0 > :patience AS late, delay_ms / 1000.0 AS pause,
			reason, 'failed' AS verdict
		FROM agentcore.call_fail(:'call_id', error => :'says') \gset
		\if :late
			SELECT false AS again, agentcore.call_release(:'call_id') AS outcome \gset
		\endif
	\endif
\endif

\if :again
	SELECT pg_sleep(:pause), :patience - :pause AS patience \gset
	\ir loop.sql
\else
	\echo :says
\endif
