-- Every setter: a member that is not given stays, one that is named in reset is as in a
-- new object, and what nobody asked for does not change.  A setter or a member that the
-- list below does not know fails the test.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT no_plan();
SET client_min_messages = error;

-- one row per setter and object: keys say which, members are unlike the defaults.
-- needs: what a new one must be given.  refused: members that others rest on.
-- along: what else a reset of a member changes, or what it changes instead.
CREATE TEMP TABLE setter (setter text, table_name text, keys jsonb, row_keys jsonb, members jsonb, needs text[] DEFAULT '{}',
                          refused text[] DEFAULT '{}', along jsonb DEFAULT '{}', columns jsonb DEFAULT '{}');
DO $$
BEGIN
  PERFORM agentcore.policy_set('p'), agentcore.policy_set('q'), agentcore.budget_set('parent', max_tokens => 1), agentcore.retry_policy_set('slow'), agentcore.budget_set('limited'), agentcore.model_price_set('priced', 1, 1);
END $$;
INSERT INTO setter (setter, table_name, keys, row_keys, members, needs, refused, along, columns) VALUES
  ('agent_set', 'agent', '{"name": "a"}', '{"name": "a"}',
   '{"policy": "p", "budget": "parent", "owner": "postgres", "mode": "audit", "enabled": false, "charges": "{run *,spare}"}', '{policy}', '{}', '{}', '{}'),
  ('policy_set', 'policy', '{"name": "full"}', '{"name": "full"}',
   '{"mode": "audit", "schemes": "{http,https}", "methods": "{GET}", "strict_urls": true, "tz": "Europe/Rome"}', '{}', '{}', '{}', '{}'),
  ('budget_set', 'budget', '{"name": "full"}', '{"name": "full"}',
   '{"max_tokens": 1, "max_usd": 2.5, "max_calls": 3, "max_in_flight": 4, "period": "1 day", "kind": "fixed", "tz": "Europe/Rome", "anchor": "2020-01-01Z", "parent": "parent", "on_expiry": "charge_estimate", "overrun": "cap", "enabled": false, "thresholds": "{50}", "spenders": "{pg_monitor}", "max_overrun": 3, "only": "{m*}", "on_full": "wait", "overflow": "limited", "min_hold_tokens": 5, "min_hold_usd": 0.25}',
   '{}', '{parent}', '{"kind": {"kind": "calendar"}, "period": {"period": null, "kind": "lifetime"}}', '{"max_usd": "max_nanousd", "min_hold_usd": "min_hold_nanousd"}'),
  ('budget_set', 'budget', '{"name": "split"}', '{"name": "split"}', '{"max_calls": 4}', '{}', '{}', '{}', '{}'),
  ('budget_template_set', 'budget_template', '{"pattern": "t:*"}', '{"name": "t:*"}',
   '{"max_tokens": 1, "max_usd": 2.5, "max_calls": 3, "max_in_flight": 4, "period": "1 day", "kind": "fixed", "tz": "Europe/Rome", "anchor": "2020-01-01Z", "parent": "parent", "on_expiry": "charge_estimate", "overrun": "cap", "enabled": false, "thresholds": "{50}", "spenders": "{pg_monitor}", "max_overrun": 3, "only": "{m*}", "on_full": "wait", "overflow": "limited", "min_hold_tokens": 5, "min_hold_usd": 0.25, "max_budgets": 5}',
   '{parent}', '{}', '{"kind": {"kind": "calendar"}, "period": {"period": null, "kind": "lifetime"}}', '{"max_usd": "max_nanousd", "min_hold_usd": "min_hold_nanousd"}'),
  ('budget_limit_set', 'budget_limit', '{"budget": "limited", "limit_name": "l"}', '{"budget": "limited", "name": "l"}',
   '{"max_tokens": 1, "max_usd": 2.5, "max_calls": 3, "period": "1 day", "kind": "sliding", "tz": "Europe/Rome", "anchor": "2020-01-01Z"}',
   '{}', '{}', '{"kind": {"kind": "calendar"}, "period": {"period": null, "kind": "lifetime"}}', '{"max_usd": "max_nanousd"}'),
  ('model_price_set', 'model_price', '{"model": "m", "valid_from": "2020-01-01Z", "service_tier": "flex", "above_tokens": 5}', '{"name": "m", "service_tier": "flex", "above_tokens": 5}',
   '{"usd_per_input_token": 1, "usd_per_output_token": 2, "usd_per_cached_token": 3, "valid_to": "2100-01-01Z", "usd_per_cache_write_token": 4, "usd_per_long_cache_write_token": 5, "usd_per_reasoning_token": 6, "input_weight": 7, "output_weight": 8, "cached_weight": 9, "usd_per_audio_input_token": 10, "usd_per_audio_output_token": 11, "usd_per_image_input_token": 12, "fees": {"web_search_requests": 13}, "use_reported_cost": true}',
   '{usd_per_input_token,usd_per_output_token}', '{}', '{}', '{}'),
  ('model_alias_set', 'model_alias', '{"pattern": "n*"}', '{"name": "n*"}', '{"model": "priced"}', '{model}', '{}', '{}', '{}'),
  ('retry_policy_set', 'retry_policy', '{"name": "full"}', '{"name": "full"}',
   '{"base": "1 s", "cap": "20 s", "max_attempts": 2, "max_elapsed": "0", "max_retry_after": "3 min", "rules": [{"status": 400, "class": "retry"}], "method": "equal"}', '{}', '{}', '{}', '{}'),
  ('breaker_set', 'breaker', '{"target": "t"}', '{"name": "t"}',
   '{"failure_ratio": 0.25, "min_calls": 3, "open_for": "1 min", "probes": 1, "forced": "open", "consecutive": 9}', '{}', '{}', '{}', '{}'),
  ('rate_set', 'rate_limit', '{"target": "t"}', '{"name": "t"}', '{"rate": 5, "period": "1 min", "burst": 9, "tokens": 100}', '{rate,period}', '{}', '{}', '{}'),
  ('model_set', 'model', '{"model": "m"}', '{"name": "m"}', '{"target": "t", "retry_policy": "slow"}', '{}', '{}', '{}', '{}'),
  ('tenant_set', 'tenant', '{}', '{}', '{"enabled": false}', '{}', '{}', '{}', '{}'),
  ('tenant_share_set', 'tenant', '{}', '{}', '{"share": 7}', '{}', '{}', '{}', '{"share": "cache_share"}'),
  ('special_set', 'special_name', '{"pattern": "*.vault.example.com"}', '{"pattern": "*.vault.example.com"}', '{"name": "vault", "embeds": true}', '{name}', '{}', '{}', '{}'),
  ('special_set', 'special_range', '{"pattern": "198.51.100.0/24"}', '{"network": "198.51.100.0/24"}', '{"name": "lab"}', '{name}', '{}', '{}', '{}'),
  ('json_schema_set', 'json_schema', '{"uri": "https://example.com/s"}', '{"name": "https://example.com/s"}',
   '{"schema": {"type": "object"}, "dialect": "draft7"}', '{schema}', '{}', '{}', '{}'),
  ('tool_set', 'tool', '{"name": "full"}', '{"name": "full"}',
   '{"input_schema": {"q": {"type": "string"}}, "description": "d", "dialect": "agentvet", "mode": "audit", "coerce": true, "additional": true, "url_args": "{/u}", "cache_ttl": "1 min", "cache_scope": "tenant", "tags": "{a}", "lease": "2 min", "idempotent": true, "est_tokens": 3, "est_usd": 0.5, "retry_policy": "slow", "target": "t", "needs_approval": true, "enabled": false, "cache_soft_ttl": "30 s", "cache_negative_ttl": "10 s", "cache_max_size": 100, "drop_unknown": true, "url_skip": "{/v}", "error_pointer": "/e", "open_world": false, "http_method": "POST", "meta": {"title": "T", "annotations": {"readOnlyHint": true}}, "origin": "server", "traits": "{egress}", "taints": "{untrusted}", "once": "1 day", "once_by": "{/q}", "once_scope": "subject", "log_args": "{/q}", "record": "args", "redact": "{/q}", "output_schema": {"r": {"type": "string"}}}',
   '{input_schema}', '{cache_ttl,coerce}', '{"url_args": {"url_args": null, "guessed": []}}', '{"est_usd": "est_nanousd"}');

SELECT is_empty($$ SELECT p.proname, a.name FROM pg_proc p, unnest(p.proargnames) a (name)
                    WHERE p.pronamespace = 'agentcore'::regnamespace AND p.proname LIKE '%\_set' AND p.proname NOT IN ('cache_set', 'config_set', 'policy_check_set', 'task_set') AND a.name NOT IN ('reset', 'tenant', 'existing')
                      AND NOT EXISTS (SELECT FROM setter s WHERE s.setter = p.proname AND (s.members ? a.name OR s.keys ? a.name)) $$,
                'every member of every setter is tried below');

CREATE FUNCTION pg_temp.set(setter text, members jsonb, reset text[] DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  changed boolean;
BEGIN
  EXECUTE format('SELECT agentcore.%I(%sreset => $1)', setter,
                 (SELECT string_agg(format('%I => %L, ', key, CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}' ELSE value::text END), '') FROM jsonb_each(members)))
    INTO changed USING reset;
  RETURN changed;
END $$;
-- the object as it is stored, without what changes by itself
CREATE FUNCTION pg_temp.stored(s setter) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  found jsonb;
BEGIN
  EXECUTE format('SELECT to_jsonb(t) - %L::text[] FROM agentcore.%I t WHERE tenant = %L AND to_jsonb(t) @> $1', '{revision,window_revision,limited_at,id}', s.table_name, '')
    INTO found USING s.row_keys;
  RETURN found;
END $$;
CREATE FUNCTION pg_temp.state_of(setter text, members jsonb, reset text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.set(setter, members, reset);
  RETURN '';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.needed(s setter) RETURNS jsonb LANGUAGE sql AS
  $$ SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(s.members) WHERE key = ANY (s.needs) $$;

-- What is wrong with one setter; no row is right.
CREATE FUNCTION pg_temp.faults(s setter) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  fresh jsonb;
  whole jsonb;
  wanted jsonb;
  member text;
  col text;
BEGIN
  IF s.needs <> '{}' AND pg_temp.state_of(s.setter, s.keys, NULL) <> '22023' THEN
    RETURN NEXT 'a new object without what it needs';
  END IF;
  BEGIN
    PERFORM pg_temp.set(s.setter, s.keys || pg_temp.needed(s));
    fresh := coalesce(pg_temp.stored(s), '{}');
    RAISE EXCEPTION USING ERRCODE = 'TC000';
  EXCEPTION WHEN SQLSTATE 'TC000' THEN
  END;
  IF NOT pg_temp.set(s.setter, s.keys || s.members) THEN
    RETURN NEXT 'a new object changed nothing';
  END IF;
  whole := pg_temp.stored(s);
  IF whole IS NULL THEN
    RETURN NEXT 'there is no row';
  END IF;
  IF pg_temp.set(s.setter, s.keys) OR pg_temp.set(s.setter, s.keys || s.members) OR pg_temp.set(s.setter, s.keys, '{}') OR pg_temp.stored(s) <> whole THEN
    RETURN NEXT 'nothing given changed something';
  END IF;
  FOR member IN SELECT jsonb_object_keys(s.members) LOOP
    col := coalesce(s.columns ->> member, member);
    IF pg_temp.state_of(s.setter, s.keys || jsonb_build_object(member, s.members -> member), ARRAY[member]) <> '22023' THEN
      RETURN NEXT member || ': given and reset';
    END IF;
    IF member = ANY (s.needs || s.refused) THEN
      IF pg_temp.state_of(s.setter, s.keys, ARRAY[member]) <> '22023' OR pg_temp.stored(s) <> whole THEN
        RETURN NEXT member || ': was reset';
      END IF;
      CONTINUE;
    END IF;
    wanted := whole || coalesce(s.along -> member, jsonb_build_object(col, fresh -> col));
    IF wanted = whole THEN
      RETURN NEXT member || ': is tried with its default';
    END IF;
    IF NOT pg_temp.set(s.setter, s.keys, ARRAY[member]) OR pg_temp.stored(s) <> wanted THEN
      RETURN NEXT format('%s: reset made %s', member, pg_temp.stored(s));
    END IF;
    IF pg_temp.set(s.setter, s.keys, ARRAY[member]) THEN
      RETURN NEXT member || ': reset once more changed something';
    END IF;
    IF NOT pg_temp.set(s.setter, s.keys || jsonb_build_object(member, s.members -> member)
                       || CASE WHEN s.along ? member THEN s.members ELSE '{}' END) OR pg_temp.stored(s) <> whole THEN
      RETURN NEXT format('%s: given alone made %s', member, pg_temp.stored(s));
    END IF;
  END LOOP;
  IF pg_temp.state_of(s.setter, s.keys, '{no_such_member}') <> '22023' OR pg_temp.state_of(s.setter, s.keys, ARRAY[NULL::text]) <> '22023'
     OR pg_temp.state_of(s.setter, s.keys, '{tenant}') <> '22023' OR pg_temp.state_of(s.setter, s.keys, '{reset}') <> '22023' THEN
    RETURN NEXT 'an unknown member was reset';
  END IF;
END $$;
SELECT is_empty(format('SELECT pg_temp.faults(s) FROM setter s WHERE setter = %L AND keys = %L', setter, keys), format('%s of %s', setter, table_name)) FROM setter;
SELECT * FROM finish();
ROLLBACK;
