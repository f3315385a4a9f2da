-- What monitoring reads: names and kinds, who sees what, the text to scrape.
SET client_min_messages = error;
-- a sample of the calls would be another one each time
SET agentcore.track_timing = 'off';
SELECT count(*) FROM (VALUES
  (agentcore.policy_set('web')), (agentcore.policy_allow_tool('web', '*') > 0),
  (agentcore.tool_set('fetch', '{}', cache_ttl => '10 min', est_tokens => 500)),
  (agentcore.tool_set('say "hi"\', '{}', cache_ttl => '10 min')),
  (agentcore.tool_set('asks', '{}', needs_approval => true)),
  (agentcore.budget_set('team', max_tokens => 2000, max_usd => 5, max_in_flight => 3, period => '1 day')),
  (agentcore.budget_limit_set('team', 'hourly', period => '1 hour', max_calls => 10)),
  (agentcore.budget_template_set('user-*', parent => 'team', max_tokens => 1000)),
  (agentcore.agent_set('worker', 'web', 'team', charges => '{user-*}'))) AS made(yes) WHERE yes;
SELECT agentcore.policy_set('web', tenant => 'other'), agentcore.policy_allow_tool('web', '*', tenant => 'other') > 0,
       agentcore.tool_set('fetch', '{}', cache_ttl => '10 min', tenant => 'other'), agentcore.agent_set('worker', 'web', tenant => 'other');

SELECT agentcore.call_commit(call_id, '{"a": 1}', tokens => 300, usd => 0.25) FROM agentcore.call_begin('worker', 'fetch', '{}', est_usd => 1, budget => 'user-ann');
SELECT verdict FROM agentcore.call_begin('worker', 'fetch', '{}');
SELECT verdict FROM agentcore.call_begin('worker', 'say "hi"\', '{}', est_usd => 1, budget => 'user-bob');
SELECT verdict, reason FROM agentcore.call_begin('worker', 'asks', '{}', est_usd => 1);
SELECT verdict FROM agentcore.call_begin('worker', 'fetch', '{}', tenant => 'other');

-- what is charged, held, open; budgets of a template are only counted
SELECT name, labels, round(value::numeric, 3) AS value FROM agentcore.metrics
 WHERE labels ->> 'tenant' = '' AND name ~ '^agentcore_(budget|permits|approvals|tool_cache_(hits|misses|fills)_)' AND name !~ '_seconds'
 ORDER BY name COLLATE "C", labels::text COLLATE "C";
SELECT name, labels, value >= 0 AND value < 86401 AS plausible FROM agentcore.metrics
 WHERE labels ->> 'tenant' = '' AND name ~ '_seconds' ORDER BY name COLLATE "C", labels::text COLLATE "C";

-- names, as OpenMetrics has them
SELECT name, kind, help FROM agentcore.metrics
 WHERE name !~ '^agentcore(_[a-z]+)+$' OR kind NOT IN ('counter', 'gauge', 'summary', 'info')
    OR (kind = 'counter') <> (name ~ '_total$') OR (kind = 'info') <> (name ~ '_info$')
    OR (kind <> 'summary' AND name ~ '_(sum|count|bucket|created)$')
    OR help !~ '^[A-Z].*\.$' OR name ~ '_(milliseconds|ms|percent|kb|mb)(_|$)'
    OR jsonb_typeof(labels) <> 'object' OR EXISTS (SELECT FROM jsonb_each(labels) l WHERE jsonb_typeof(l.value) <> 'string' OR l.key !~ '^[a-z]+$');
SELECT name FROM agentcore.metrics GROUP BY name HAVING count(DISTINCT (kind, help)) > 1 OR count(DISTINCT labels) <> count(*)
    OR count(DISTINCT (SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(labels) k)) > 1;

-- who sees what
CREATE ROLE regress_scrapes;
CREATE ROLE regress_scrapes_one;
SELECT agentcore.access_grant('regress_scrapes', 'reader', '{*}'), agentcore.access_grant('regress_scrapes_one', 'reader', '{other}');
CREATE TEMP TABLE all_names AS SELECT DISTINCT name FROM agentcore.metrics;
GRANT SELECT ON all_names TO PUBLIC;
SET ROLE regress_scrapes;
SELECT a.name FROM all_names a WHERE NOT EXISTS (SELECT FROM agentcore.metrics m WHERE m.name = a.name);
SET ROLE regress_scrapes_one;
SELECT DISTINCT labels ->> 'tenant' AS tenant FROM agentcore.metrics ORDER BY 1;
SELECT DISTINCT substring(a.name FROM 'agentcore_[a-z]+_?[a-z]*') COLLATE "C" AS not_shown FROM all_names a
 WHERE NOT EXISTS (SELECT FROM agentcore.metrics m WHERE m.name = a.name) ORDER BY 1;
SELECT what, tenant, state, n FROM agentcore.open_counts();
RESET ROLE;

-- the text: one name after the other, labels escaped
SELECT regexp_replace(line, 'version="[0-9.]+"', 'version=...') AS line FROM regexp_split_to_table(agentcore.metrics_text(), '\n') WITH ORDINALITY AS l(line, n)
 WHERE line ~ 'agentcore_(tool_cache_hits|approvals_pending|cache_capacity|info)|# (TYPE|HELP) agentcore (info|The)|^# EOF' AND line !~ '^agentcore_cache' ORDER BY n;
SELECT regexp_replace(line, 'version="[0-9.]+"', 'version=...') AS line FROM regexp_split_to_table(agentcore.metrics_text(false), '\n') WITH ORDINALITY AS l(line, n)
 WHERE line ~ 'agentcore_(tool_cache_hits|approvals_pending|cache_capacity|info)|^# EOF' AND line !~ '^agentcore_cache' ORDER BY n;
SELECT count(*) AS lines_of_no_form FROM regexp_split_to_table(rtrim(agentcore.metrics_text(), E'\n'), '\n') AS l(line)
 WHERE line !~ '^(# (HELP|TYPE|UNIT) agentcore[a-z_]* .+|# EOF|agentcore[a-z_]+(\{[a-z]+="([^"\\]|\\[\\n"])*"(,[a-z]+="([^"\\]|\\[\\n"])*")*\})? ([-+.e0-9]+|[+-]Inf|NaN))$';
SELECT (SELECT count(*) FROM regexp_split_to_table(agentcore.metrics_text(), '\n') l(line) WHERE line ~ '^agentcore') =
       (SELECT count(*) FROM agentcore.metrics WHERE value IS NOT NULL) AS all_there, agentcore.metrics_text(NULL) ~ '# EOF' AS null_as_true;

-- spans: one per attempt, by its own row of the log; a hostile traceparent is none
SET agentcore.audit = 'all';
SET agentcore.track_timing = 'on';
SELECT agentcore.tool_set('slow', '{}', idempotent => true), agentcore.policy_deny_tool('web', 'never', name => 'no') > 0, agentcore.tool_set('never', '{}');
CREATE TEMP TABLE begun AS SELECT call_id FROM agentcore.call_begin('worker', 'slow', '{}', est_usd => 0, key => 'k', task => 'night', trace => '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
SET agentcore.debug_clock_offset = 2000;
SELECT action FROM begun, agentcore.call_fail(call_id, 503);
SET agentcore.debug_clock_offset = 1000000;
UPDATE begun SET call_id = b.call_id FROM agentcore.call_begin('worker', 'slow', '{}', est_usd => 0, key => 'k', task => 'night') b;
SET agentcore.debug_clock_offset = 1003000;
SELECT agentcore.call_commit(call_id, tokens => 7, usd => 0.5) FROM begun;
-- what comes after the end ends no call again
SELECT agentcore.call_commit(call_id, '1') AS again, agentcore.call_release(call_id) AS released, (agentcore.call_fail(call_id, 500)).reason FROM begun;
-- somebody finds that a call took no effect
SELECT call_id AS lost FROM agentcore.call_begin('worker', 'fetch', '{}', est_usd => 0, task => 'lost') \gset
SELECT reason FROM agentcore.call_fail(:'lost', 500);
SELECT agentcore.call_resolve(:'lost', false);
SELECT verdict FROM agentcore.call_begin('worker', 'never', '{}', est_usd => 0);
SELECT verdict FROM agentcore.call_begin('worker', 'fetch', '{}', est_usd => 0);
SELECT verdict FROM agentcore.call_begin('worker', 'slow', '{"open": true}', est_usd => 0);
RESET agentcore.debug_clock_offset;
UPDATE agentcore.call_log_entry SET trace = E'</script>"\n' WHERE tool = 'never';
SELECT name, kind, CASE WHEN verdict = 'run' THEN end_time - start_time >= '2 s' END AS took, status_code AS status, "error.type" AS error, verdict, outcome, attempt,
       trace_id = '4bf92f3577b34da6a3ce929d0e0e4736' AND parent_span_id = '00f067aa0ba902b7' AS traced, tokens, usd, task
  FROM agentcore.spans ORDER BY start_time, name;
SELECT count(*) AS spans, count(DISTINCT span_id) AS ids, bool_and(span_id ~ '^[0-9a-f]{16}$' AND trace_id ~ '^[0-9a-f]{32}$') AS of_the_form,
       count(DISTINCT trace_id) FILTER (WHERE tool = 'slow' AND key IS NOT NULL) AS traces_of_retry
  FROM agentcore.spans s CROSS JOIN LATERAL (SELECT s."gen_ai.tool.name") AS t(tool);
SELECT array_agg(span_id ORDER BY span_id) = (SELECT array_agg(span_id ORDER BY span_id) FROM agentcore.spans_since(NULL)) AS same_again FROM agentcore.spans;
SELECT count(*) AS since FROM agentcore.spans_since(agentcore.clock_now() + interval '500 seconds');
SET ROLE regress_scrapes_one;
SELECT count(*) AS of_others FROM agentcore.spans;
RESET ROLE;
RESET agentcore.audit;
SET agentcore.track_timing = 'off';

-- calls by tool, as they were counted
SELECT name, labels, value FROM agentcore.metrics
 WHERE labels ->> 'tool' IN ('slow', 'never') AND name !~ '_seconds' AND value <> 0 ORDER BY name COLLATE "C", labels::text COLLATE "C";
SELECT name, labels ->> 'quantile' AS quantile, value >= 0 AS measured FROM agentcore.metrics
 WHERE labels ->> 'tool' = 'slow' AND name ~ '_seconds' ORDER BY name COLLATE "C", quantile;
SELECT labels ->> 'part' AS part, value >= 0 AS measured FROM agentcore.metrics WHERE name = 'agentcore_call_part_seconds_total' ORDER BY 1;

SELECT agentcore.access_revoke('regress_scrapes'), agentcore.access_revoke('regress_scrapes_one');
DROP ROLE regress_scrapes, regress_scrapes_one;
