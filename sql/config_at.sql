-- call: what the configuration was at a time, against what config_export() said then
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
\pset format unaligned
SET search_path = agentcore, public;
\set SHOW_CONTEXT never

CREATE FUNCTION looks(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$SELECT NULL::text$$;
REVOKE EXECUTE ON FUNCTION looks(jsonb) FROM PUBLIC;

-- What is done at random: @n and @m are one of three names, @i is a number ---
CREATE TEMP TABLE deed (id integer GENERATED ALWAYS AS IDENTITY, sql text);
INSERT INTO deed (sql) VALUES
  ($$SELECT agent_set('@n', policy => '@m', budget => '@n', charges => ARRAY['@m*'], enabled => @i % 2 = 0)$$), ($$SELECT agent_drop('@n')$$),
  ($$SELECT budget_set('@n', max_tokens => @i, max_usd => @i / 7.0, period => CASE WHEN @i % 2 = 0 THEN '1 month 2 days 03:04:05.6'::interval END, thresholds => '{50,80}')$$),
  ($$SELECT budget_set('@n', parent => '@m')$$), ($$SELECT budget_set('@n', reset => '{parent,max_tokens}')$$), ($$SELECT budget_drop('@n')$$),
  ($$SELECT budget_limit_set('@n', '@m', max_calls => @i, period => '1 hour')$$), ($$SELECT budget_limit_drop('@n', '@m')$$),
  ($$SELECT budget_template_set('@n/*', parent => '@m', max_calls => @i, existing => true)$$), ($$SELECT budget_template_drop('@n/*')$$),
  ($$SELECT permit FROM budget_acquire('@n/@i', 1)$$), ($$SELECT budget_set('@n/@i', max_calls => 7)$$),
  ($$SELECT model_price_set('@n', 0.000001 * @i, 0.5, valid_from => '2026-01-01'::timestamptz + @i * interval '1 day', fees => '{"web_search": 0.01}')$$),
  ($$SELECT model_price_set('@n', 0.25, 0.5, valid_from => '2026-01-01', service_tier => 'batch')$$), ($$SELECT model_price_drop('@n')$$),
  ($$SELECT model_alias_set('@n-*', '@m')$$), ($$SELECT model_alias_drop('@n-*')$$),
  ($$SELECT model_set('@n', target => '@m', retry_policy => '@n')$$), ($$SELECT model_drop('@n')$$),
  ($$SELECT retry_policy_set('@n', base => interval '1 millisecond' * @i, max_elapsed => '0', rules => '[{"status": 500, "action": "retry"}]')$$), ($$SELECT retry_policy_set('@n', cap => '1 min')$$), ($$SELECT retry_policy_drop('@n')$$),
  ($$SELECT rate_set('@n', rate => @i + 1, period => '90 seconds')$$), ($$SELECT rate_drop('@n')$$),
  ($$SELECT breaker_set('@n', failure_ratio => 1.0 / (@i + 3), forced => CASE WHEN @i % 3 = 0 THEN 'open' END)$$), ($$SELECT breaker_set('@n', reset => '{forced}')$$), ($$SELECT breaker_drop('@n')$$),
  ($$SELECT json_schema_set('https://@n.example/', jsonb_build_object('maximum', @i))$$), ($$SELECT json_schema_drop('https://@n.example/')$$),
  ($$SELECT tool_set('@n', jsonb_build_object('maximum', @i), description => '@i', est_usd => @i / 3.0, cache_ttl => interval '1 sec' * (@i + 1), idempotent => true)$$),
  ($$SELECT tool_set('@n', enabled => @i % 2 = 0, tags => ARRAY['t' || @i])$$), ($$SELECT tool_set('@n', reset => '{cache_ttl,est_usd,idempotent}')$$), ($$SELECT tool_drop('@n')$$),
  ($$SELECT tool_hold('@n', jsonb_build_object('description', 'held', 'input_schema', 'true'::jsonb, 'digest', tool_digest('{"name": "@n", "description": "held", "inputSchema": true}')))$$), ($$SELECT tool_accept('@n')$$),
  ($$UPDATE agentcore.tool SET name = '@m' WHERE tenant = '' AND name = '@n'$$), ($$UPDATE agentcore.rate_limit SET name = '@m', rate = @i + 1 WHERE tenant = '' AND name = '@n'$$),
  ($$SELECT policy_set('@n', mode => CASE WHEN @i % 2 = 0 THEN 'audit' ELSE 'enforce' END, strict_urls => @i % 3 = 0)$$), ($$SELECT policy_drop('@n')$$),
  ($$SELECT policy_allow('@n', 'h@i.example', methods => '{GET}', valid => tstzrange('2026-01-01 12:00+05', NULL))$$), ($$SELECT policy_deny('@n', '*.@m.example', ports => '{443,8443}')$$),
  ($$SELECT policy_allow_tool('@n', '@m', "when" => jsonb_build_object('/args/n', jsonb_build_object('maximum', @i)), name => 'rule @i')$$),
  ($$SELECT policy_ask_tool('@n', '@m', name => 'ask', decide_within => interval '1 hour' * (@i + 1), votes => 2)$$),
  ($$SELECT policy_rule_drop('@n', (SELECT min(rule) FROM policy_rules WHERE policy = '@n'))$$), ($$UPDATE agentcore.policy_rule SET policy = '@m' WHERE policy = '@n' AND name IS NULL$$),
  ($$SELECT policy_check_set('@n', '@m', 'check @i', 'public.looks')$$), ($$SELECT policy_check_drop('@n', 'check @i')$$),
  ($$SELECT policy_fact('@n', '@m', 'fact', valid_for => interval '1 day 2 hours' * (@i + 1))$$), ($$SELECT policy_fact_clear('@n', '*', 'fact')$$), ($$SELECT policy_fact_drop('@n', '@m', 'fact')$$),
  ($$SELECT policy_limit_tool('@n', '@m', 'limit', max_calls => @i + 1, period => '25 hours')$$), ($$SELECT policy_limit_drop('@n', 'limit')$$),
  ($$TRUNCATE agentcore.policy_limit$$), ($$TRUNCATE agentcore.policy_check, agentcore.policy_fact$$), ($$DELETE FROM agentcore.policy_rule WHERE policy = '@n'$$), ($$TRUNCATE agentcore.rate_limit$$), ($$TRUNCATE agentcore.tool$$),
  ($$SELECT special_set('*.@n.example', 'mine @i')$$), ($$SELECT special_set('198.51.100.@i/32', 'mine')$$), ($$SELECT special_drop('*.@n.example')$$),
  ($$SELECT set_config('TimeZone', CASE @i % 2 WHEN 0 THEN 'America/New_York' ELSE 'UTC' END, false)$$),
  ($$SELECT set_config('IntervalStyle', CASE @i % 3 WHEN 0 THEN 'iso_8601' WHEN 1 THEN 'sql_standard' ELSE 'postgres' END, false)$$),
  ($$SELECT set_config('DateStyle', CASE @i % 2 WHEN 0 THEN 'SQL, DMY' ELSE 'ISO' END, false)$$), ($$SELECT set_config('extra_float_digits', '0', false)$$),
  ($$DO 'BEGIN PERFORM agentcore.agent_set(''@n'', enabled => false), agentcore.policy_drop(''@n''); RAISE EXCEPTION USING MESSAGE = ''undone''; END'$$);

CREATE TEMP TABLE step (n integer, at timestamptz, sql text, done boolean, config jsonb, special jsonb);
-- each in its own minute of the clock
CREATE FUNCTION pg_temp.walk(first integer, last integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  names constant text[] := '{a,b,c}';
  sql text;
  done boolean;
BEGIN
  FOR n IN first .. last LOOP
    PERFORM set_config('agentcore.debug_clock_offset', (n * 60000)::text, false);
    SELECT replace(replace(replace(d.sql, '@i', (random() * 9)::integer::text), '@n', names[1 + (random() * 2)::integer]), '@m', names[1 + (random() * 2)::integer])
      INTO sql FROM deed d WHERE d.id = 1 + (random() * ((SELECT count(*) FROM deed) - 1))::integer;
    done := true;
    BEGIN
      EXECUTE sql;
    EXCEPTION WHEN OTHERS THEN
      done := false;
    END;
    INSERT INTO step SELECT n, agentcore.clock_now(), sql, done, agentcore.config_export(),
      (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.pattern) FROM agentcore.special_entries e WHERE e.tenant = '');
  END LOOP;
END $$;

SELECT setseed(0.42);
SELECT pg_temp.walk(1, 260);
RESET ALL;
SET search_path = agentcore, public;
SELECT set_config('agentcore.debug_clock_offset', (300 * 60000)::text, false) IS NOT NULL AS later;

-- enough of it had an effect, and it reads as it did then, whatever the session's settings
SELECT count(*) FILTER (WHERE done) > 120 AS done, count(DISTINCT config) > 50 AS different FROM step;
SELECT n, sql, config_at(at) AS got, config FROM step WHERE config_at(at) IS DISTINCT FROM config ORDER BY n LIMIT 1;
SET TimeZone = 'Asia/Kolkata';
SET IntervalStyle = 'sql_standard';
SET DateStyle = 'SQL, DMY';
SELECT count(*) AS differ FROM step WHERE n % 10 = 0 AND config_at(at) IS DISTINCT FROM config;
RESET TimeZone;
RESET IntervalStyle;
RESET DateStyle;
-- between two steps, and now
SELECT count(*) AS differ FROM step WHERE n % 10 = 0 AND config_at(at + '30 seconds') IS DISTINCT FROM config;
SELECT config_at(clock_now()) = config_export() AS now;
-- the special entries, which no document of a configuration has
CREATE FUNCTION pg_temp.special(rows jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_agg(e ORDER BY e ->> 'pattern')
    FROM (SELECT jsonb_build_object('pattern', coalesce(r ->> 'pattern', r ->> 'network'), 'name', r ->> 'name', 'embeds', coalesce(r -> 'embeds', 'false'))
            FROM jsonb_array_elements((rows #> '{relations,special_name}') || (rows #> '{relations,special_range}')) r) x (e) $$;
SELECT count(*) AS differ FROM step
 WHERE n % 10 = 0 AND pg_temp.special(config_rows_at(at)) IS DISTINCT FROM
       (SELECT jsonb_agg(jsonb_build_object('pattern', s ->> 'pattern', 'name', s ->> 'name', 'embeds', s -> 'embeds') ORDER BY s ->> 'pattern') FROM jsonb_array_elements(special) s);

-- The rows ---------------------------------------------------------------------
SELECT jsonb_object_keys(config_rows_at()) ORDER BY 1;
SELECT config_rows_at() ->> 'at' IS NULL AS now, (config_rows_at(clock_now()) ->> 'at')::timestamptz <= clock_now() AS at;
SELECT jsonb_object_keys(config_rows_at() -> 'relations') ORDER BY 1;
SELECT jsonb_object_keys(config_rows_at() -> 'shared') ORDER BY 1;
-- of now and as of now: but for the budgets that templates made, and what has changed with something else
CREATE FUNCTION pg_temp.plain(rows jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_object_agg(r.key, (SELECT coalesce(jsonb_agg(e - '{revision,limited_at,window_revision}'::text[] ORDER BY e - 'revision'), '[]') FROM jsonb_array_elements(r.value) e WHERE coalesce(e ->> 'template', '') = ''))
    FROM jsonb_each(rows) r $$;
SELECT r.key FROM jsonb_each(pg_temp.plain(config_rows_at() -> 'relations')) r WHERE r.value <> pg_temp.plain(config_rows_at(clock_now()) -> 'relations') -> r.key;
SELECT pg_temp.plain(config_rows_at() -> 'shared') = pg_temp.plain(config_rows_at(clock_now()) -> 'shared') AS shared;
-- the revision that decisions named then
SELECT policy_set('revised') AS set;
SELECT revision AS was, clock_now() AS then FROM policies WHERE name = 'revised' \gset
SELECT set_config('agentcore.debug_clock_offset', (301 * 60000)::text, false) IS NOT NULL AS later, policy_allow('revised', 'a.example') > 0 AS changed;
SELECT (r ->> 'revision')::bigint = :was AS revision FROM jsonb_array_elements(config_rows_at(:'then') #> '{relations,policy}') r WHERE r ->> 'name' = 'revised';
SELECT (r ->> 'revision')::bigint = (SELECT revision FROM policies WHERE name = 'revised') AS revision FROM jsonb_array_elements(config_rows_at(clock_now()) #> '{relations,policy}') r WHERE r ->> 'name' = 'revised';

-- What is not known ------------------------------------------------------------
SELECT config_at(NULL);
SELECT config_at(clock_now() + '1 minute');
SELECT config_at('infinity');
\set VERBOSITY terse
SELECT config_rows_at('-infinity');
SELECT config_at('2000-01-01');
-- changed past the triggers: neither what it was nor what it is can be trusted
SELECT agent_set('a', policy => 'revised') AS set;
SELECT clock_now() AS then \gset
SELECT set_config('agentcore.debug_clock_offset', (302 * 60000)::text, false) IS NOT NULL AS later;
ALTER TABLE agentcore.agent DISABLE TRIGGER config_history_row;
ALTER TABLE agentcore.tool DISABLE TRIGGER tool_history_row;
SELECT tool_set('past', 'true') AS set, agent_set('a', mode => 'audit') AS changed;
ALTER TABLE agentcore.agent ENABLE ALWAYS TRIGGER config_history_row;
ALTER TABLE agentcore.tool ENABLE ALWAYS TRIGGER tool_history_row;
SELECT (u - 'since')::text AS unknown, (u ->> 'since')::timestamptz <= :'then' AS since FROM jsonb_array_elements(config_at(:'then') -> 'unknown') u ORDER BY 1;
SELECT count(*) AS listed FROM jsonb_array_elements(config_at(:'then') -> 'agents') a WHERE a ->> 'name' = 'a';
SELECT * FROM config_apply(config_at(:'then'));
SELECT agent_drop('a') AS dropped, tool_drop('past') AS tool, config_at(clock_now()) ? 'unknown' AS unknown, config_at(:'then') #>> '{unknown,0,relation}' AS then;

-- what retention has cut is not guessed, and what is left is as it was
SELECT at AS cut FROM step WHERE n = 200 \gset
SELECT set_config('agentcore.debug_clock_offset', ((200 + 24 * 60) * 60000)::text, false) IS NOT NULL AS later;
CREATE FUNCTION pg_temp.cut(keep interval) RETURNS text LANGUAGE sql AS $$
  SELECT (config_history_retain(keep) > 0) || ' ' || (policy_history_retain(keep) > 0) || ' ' || (tool_history_retain(keep) > 0) $$;
SELECT pg_temp.cut(clock_now() - :'cut'::timestamptz);
SELECT n, sql, config_at(at) AS got, config FROM step WHERE n > 201 AND config_at(at) - 'unknown' IS DISTINCT FROM config ORDER BY n LIMIT 1;
SELECT config_at(at) FROM step WHERE n = 199;

-- What a document would make of it ----------------------------------------------
SELECT set_config('agentcore.debug_clock_offset', (10000 * 60000)::text, false) IS NOT NULL AS later;
CREATE TEMP TABLE before AS SELECT config_export() AS config, config_rows_at() AS rows, (SELECT count(*) FROM config_history) + (SELECT count(*) FROM policy_history) + (SELECT count(*) FROM tool_history) AS history;
CREATE TEMP TABLE resolved AS SELECT config_resolve('{"agents": [{"name": "fresh", "policy": "revised"}], "tools": [{"name": "fresh", "input_schema": true, "enabled": false}], "policies": [{"name": "revised", "deny": [{"pattern": "b.example"}]}]}') AS rows;
SELECT config_export() = config AND config_rows_at() = rows AS as_it_was, (SELECT count(*) FROM config_history) + (SELECT count(*) FROM policy_history) + (SELECT count(*) FROM tool_history) = history AS no_history FROM before;
SELECT r.key, jsonb_array_length(r.value) - jsonb_array_length(b.rows #> ARRAY['relations', r.key]) AS more
  FROM before b, jsonb_each((SELECT rows -> 'relations' FROM resolved)) r WHERE jsonb_array_length(r.value) <> jsonb_array_length(b.rows #> ARRAY['relations', r.key]) ORDER BY 1;
SELECT r ->> 'enabled' AS enabled FROM resolved, jsonb_array_elements(rows #> '{relations,tool}') r WHERE r ->> 'name' = 'fresh';
SELECT rows #> '{format}' AS format, rows ->> 'tenant' AS tenant FROM resolved;
SELECT config_resolve('{"agents": [{"name": "fresh", "policy": "nobody"}]}');
SELECT config_resolve(NULL);
SELECT config_resolve('{}', 'other') #> '{relations,agent}' AS nothing;
BEGIN READ ONLY;
SELECT config_at(clock_now()) = config_export() AS reads;
SELECT config_resolve('{"agents": [{"name": "fresh", "policy": "revised"}]}');
ROLLBACK;

-- Who may ask --------------------------------------------------------------------
CREATE ROLE regress_at_reader;
CREATE ROLE regress_at_admin;
SELECT access_grant('regress_at_reader', 'reader'), access_grant('regress_at_admin', 'admin', '{other}'), policy_set('*', tenant => '*');
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentcore TO regress_at_reader;
SET ROLE regress_at_reader;
SELECT config_at(clock_now());
SELECT config_rows_at();
SELECT config_resolve('{}');
RESET ROLE;
SET ROLE regress_at_admin;
SELECT config_at(clock_now());
SELECT config_at(clock_now(), 'other') #> '{agents}' AS agents, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(config_rows_at(tenant => 'other') -> 'shared') k) AS shared;
SELECT config_resolve('{}', 'other') #> '{relations,agent}' AS agents;
RESET ROLE;
SELECT (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(config_rows_at(tenant => 'other') -> 'shared') k) AS shared;
SELECT access_revoke('regress_at_reader'), access_revoke('regress_at_admin');
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA agentcore FROM regress_at_reader;
DROP ROLE regress_at_reader, regress_at_admin;
DROP FUNCTION looks(jsonb);
