-- call: a tenant's configuration as one document.

CREATE FUNCTION agentcore.config_value(value jsonb, type regtype) RETURNS text
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  IF value IS NULL OR value = 'null' THEN
    RETURN NULL;
  ELSIF type = 'jsonb'::regtype THEN
    RETURN value::text;
  ELSIF jsonb_typeof(value) = 'array' AND type::text LIKE '%[]' THEN
    RETURN ARRAY(SELECT jsonb_array_elements_text(value))::text;
  ELSIF jsonb_typeof(value) IN ('array', 'object') THEN
    RAISE EXCEPTION 'a value of type % cannot be a JSON %', type, jsonb_typeof(value)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN value #>> '{}';
END
$$;
COMMENT ON FUNCTION agentcore.config_value(jsonb, regtype) IS
  'Internal. '
  'A member of a configuration document as the text of a value of a setter''s argument type; NULL for null.';

CREATE FUNCTION agentcore.config_call(setter text, members jsonb, tenant text) RETURNS text
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  names text[];
  types oid[];
  type regtype;
  arguments text := '';
  given text[] := '{}';
  back text[];
  result text;
  m record;
BEGIN
  SELECT p.proargnames, p.proargtypes::oid[] INTO names, types
    FROM pg_proc p WHERE p.pronamespace = 'agentcore'::regnamespace AND p.proname = setter AND setter ~ '_(set|allow_tool|deny_tool|ask_tool|limit_tool|fact|fact_clear)$';
  IF NOT FOUND OR members IS NULL THEN
    RAISE EXCEPTION 'no setter "%", or no members for it', setter USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR m IN
    SELECT a.name FROM unnest(names) WITH ORDINALITY a (name, n), pg_proc p
     WHERE p.pronamespace = 'agentcore'::regnamespace AND p.proname = setter
       AND a.n <= p.pronargs - p.pronargdefaults AND members ->> a.name IS NULL
  LOOP
    RAISE EXCEPTION 'member "%" for % is missing or null', m.name, setter USING ERRCODE = 'invalid_parameter_value';
  END LOOP;
  FOR m IN SELECT key, value FROM jsonb_each(members) LOOP
    IF m.key IN ('tenant', 'reset') OR array_position(names, m.key) IS NULL THEN
      RAISE EXCEPTION 'unknown member "%" for %', m.key, setter
        USING ERRCODE = 'invalid_parameter_value',
              HINT = format('Known members: %s.', array_to_string(array_remove(array_remove(names, 'tenant'), 'reset'), ', '));
    ELSIF m.value = 'null' AND 'reset' = ANY (names) THEN
      back := array_append(back, m.key);
      CONTINUE;
    END IF;
    type := types[array_position(names, m.key) - 1]::regtype;
    given := array_append(given, agentcore.config_value(m.value, type));
    arguments := arguments || format('%I => $1[%s]::%s, ', m.key, cardinality(given), type);
  END LOOP;
  IF back IS NOT NULL THEN
    arguments := arguments || 'reset => $3, ';
  END IF;
  -- parameters: a statement's text is shown with every error in it
  EXECUTE format('SELECT agentcore.%I(%stenant => $2)', setter, arguments) INTO result USING given, tenant, back;
  RETURN result;
EXCEPTION WHEN invalid_text_representation OR datetime_field_overflow OR invalid_datetime_format OR numeric_value_out_of_range THEN
  RAISE EXCEPTION 'a member for % "%" has a value of another type', setter, coalesce(members ->> 'name', members ->> 'model', members ->> 'target', members ->> 'policy', members ->> 'uri', members ->> 'pattern')
    USING ERRCODE = 'invalid_parameter_value', DETAIL = SQLERRM;
END
$$;
COMMENT ON FUNCTION agentcore.config_call(text, jsonb, text) IS
  'Internal. '
  'Calls a setter with the members of an object as named arguments, those that are null in reset; an unknown member is 22023, so that a typing error never passes for a setting.';

CREATE FUNCTION agentcore.config_drop(dropper text, name text, tenant text) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  IF (dropper ~ '^[a-z_]+_drop$' AND to_regproc('agentcore.' || dropper) IS NOT NULL) IS NOT TRUE THEN
    RAISE EXCEPTION 'no dropper "%"', dropper USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE format('SELECT agentcore.%I($1, tenant => $2)', dropper) USING name, tenant;
END
$$;
COMMENT ON FUNCTION agentcore.config_drop(text, text, text) IS
  'Internal. '
  'Calls a dropper by name.';

CREATE FUNCTION agentcore.config_set_budget(item jsonb, tenant text) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  further jsonb;
BEGIN
  -- a document from the time when counters were divided by hand
  IF item ? 'slots' THEN
    RAISE NOTICE 'member "slots" of budget "%" is ignored', item ->> 'name'
      USING DETAIL = 'Every budget is divided among as many rows as transactions use it at once.',
            HINT = 'Leave the member out.';
  END IF;
  PERFORM agentcore.config_call('budget_set', item - '{limits,slots}'::text[], tenant);
  IF NOT item ? 'limits' THEN
    RETURN;
  ELSIF item -> 'limits' = 'null' THEN
    item := item || '{"limits": []}';
  END IF;
  -- those that are not named go first: there is room for seven
  PERFORM agentcore.budget_limit_drop(l.budget, l.limit_name, config_set_budget.tenant)
     FROM agentcore.budget_limits l
    WHERE l.tenant = config_set_budget.tenant AND l.budget = item ->> 'name' AND l.limit_name <> 'main'
      AND l.limit_name <> ALL (ARRAY(SELECT coalesce(value ->> 'limit_name', '') FROM jsonb_array_elements(item -> 'limits')));
  FOR further IN SELECT value FROM jsonb_array_elements(item -> 'limits') LOOP
    PERFORM agentcore.config_call('budget_limit_set', further || jsonb_build_object('budget', item -> 'name'), tenant);
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.config_set_budget(jsonb, text) IS
  'Internal. '
  'A budget of a configuration document with its further limits; without the member limits they stay as they are.';

CREATE FUNCTION agentcore.config_tool(item jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  -- only an export has all of these members, and one without error_pointer is from before
  SELECT CASE WHEN item ?& '{dialect,mode,coerce,additional,cache_scope,idempotent,est_tokens,est_usd,needs_approval,enabled}' AND NOT item ? 'error_pointer'
              THEN item || CASE WHEN item -> 'est_tokens' = '0' THEN '{"est_tokens": null}' ELSE '{}' END::jsonb
                        || CASE WHEN item -> 'est_usd' = '0' THEN '{"est_usd": null}' ELSE '{}' END::jsonb
              ELSE item END
$$;
COMMENT ON FUNCTION agentcore.config_tool(jsonb) IS
  'Internal. '
  'A tool of a configuration document in the members of tool_set(): an estimate of 0 in an export from the time when 0 was the default is unknown (NULL).';

CREATE FUNCTION agentcore.config_set(kind text, items jsonb, tenant text) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  setters constant jsonb := '{"prices": "model_price_set", "model_aliases": "model_alias_set", "retry_policies": "retry_policy_set", "models": "model_set", "budget_templates": "budget_template_set", "rates": "rate_set", "breakers": "breaker_set", "json_schemas": "json_schema_set", "agents": "agent_set"}';
  waiting jsonb := items;
  later jsonb;
  item jsonb;
BEGIN
  -- a budget waits until its parent and its overflow have been set, a document until its metaschema has
  WHILE jsonb_array_length(waiting) > 0 LOOP
    later := '[]';
    FOR item IN SELECT value FROM jsonb_array_elements(waiting) LOOP
      IF jsonb_typeof(item) <> 'object' THEN
        RAISE EXCEPTION 'every member of "%" must be an object', kind USING ERRCODE = 'invalid_parameter_value';
      ELSIF kind = 'budgets' AND EXISTS (SELECT FROM jsonb_array_elements(waiting) w WHERE w.value -> 'name' IN (item -> 'parent', item -> 'overflow')) THEN
        later := later || jsonb_build_array(item);
      ELSIF kind = 'json_schemas' AND EXISTS (SELECT FROM jsonb_array_elements(waiting) w WHERE w.value ->> 'uri' = rtrim(item #>> '{schema,$schema}', '#')) THEN
        later := later || jsonb_build_array(item);
      ELSIF kind = 'policies' THEN
        PERFORM agentcore.config_set_policy(item, tenant);
      ELSIF kind = 'budgets' THEN
        PERFORM agentcore.config_set_budget(item, tenant);
      ELSIF kind = 'tools' THEN
        PERFORM agentcore.config_call('tool_set', agentcore.config_tool(item) - 'pending', tenant);
        -- nothing that a document says, or does not say, ends a hold
        IF item -> 'pending' <> 'null' THEN
          PERFORM agentcore.tool_hold(item ->> 'name', item -> 'pending', tenant);
        END IF;
      ELSE
        PERFORM agentcore.config_call(setters ->> kind, item, tenant);
      END IF;
    END LOOP;
    IF later = waiting THEN
      RAISE EXCEPTION '% are each other''s %', kind, CASE kind WHEN 'budgets' THEN 'parents or overflows' ELSE 'metaschemas' END USING ERRCODE = 'invalid_parameter_value';
    END IF;
    waiting := later;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.config_set(text, jsonb, text) IS
  'Internal. '
  'All objects of one kind of a configuration document.';

-- every member is there; null where it is as in a new object
CREATE FUNCTION agentcore.config_objects(tenant text, rows jsonb, OUT kind text, OUT objects jsonb) RETURNS SETOF record
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET intervalstyle = 'postgres'
  SET timezone = 'UTC'
  SET datestyle = 'ISO, YMD'
  SET extra_float_digits = 1
  AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT 'prices', coalesce(jsonb_agg(jsonb_build_object(
             'model', p.name, 'usd_per_input_token', p.usd_per_input_token, 'usd_per_output_token', p.usd_per_output_token,
             'usd_per_cached_token', p.usd_per_cached_token, 'valid_to', p.valid_to,
             'usd_per_cache_write_token', p.usd_per_cache_write_token, 'usd_per_long_cache_write_token', p.usd_per_long_cache_write_token,
             'usd_per_reasoning_token', p.usd_per_reasoning_token, 'input_weight', p.input_weight,
             'output_weight', p.output_weight, 'cached_weight', p.cached_weight,
             'usd_per_audio_input_token', p.usd_per_audio_input_token, 'usd_per_audio_output_token', p.usd_per_audio_output_token,
             'usd_per_image_input_token', p.usd_per_image_input_token, 'fees', p.fees, 'use_reported_cost', p.use_reported_cost,
             'service_tier', p.service_tier, 'above_tokens', p.above_tokens,
             'valid_from', p.valid_from) ORDER BY p.name, p.service_tier, p.above_tokens, p.valid_from), '[]')
      FROM (SELECT * FROM agentcore.model_price x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.model_price, config_objects.rows #> '{relations,model_price}')) p
  UNION ALL
    SELECT 'model_aliases', coalesce(jsonb_agg(jsonb_build_object('pattern', a.name, 'model', a.model) ORDER BY a.name), '[]')
      FROM (SELECT * FROM agentcore.model_alias x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.model_alias, config_objects.rows #> '{relations,model_alias}')) a
  UNION ALL
    SELECT 'budgets', coalesce(jsonb_agg(to_jsonb(b) - ARRAY['tenant', 'revision', 'max_nanousd', 'min_hold_nanousd', 'limited_at', 'window_revision', 'template', 'place']
             || jsonb_build_object('max_usd', trim_scale(b.max_nanousd / 1000000000.0), 'min_hold_usd', trim_scale(b.min_hold_nanousd / 1000000000.0),
             'limits', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'limit_name', l.name, 'max_tokens', l.max_tokens, 'max_usd', trim_scale(l.max_nanousd / 1000000000.0), 'max_calls', l.max_calls,
                'period', l.period, 'kind', l.kind, 'tz', l.tz, 'anchor', l.anchor) ORDER BY l.name), '[]')
                 FROM (SELECT * FROM agentcore.budget_limit x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
                       UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.budget_limit, config_objects.rows #> '{relations,budget_limit}')) l
                WHERE l.budget = b.name)) ORDER BY b.name), '[]')
      FROM (SELECT * FROM agentcore.budget x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.budget, config_objects.rows #> '{relations,budget}')) b WHERE b.template IS NULL
  UNION ALL
    SELECT 'budget_templates', coalesce(jsonb_agg(to_jsonb(t) - ARRAY['tenant', 'revision', 'name', 'max_nanousd', 'min_hold_nanousd']
             || jsonb_build_object('pattern', t.name, 'max_usd', trim_scale(t.max_nanousd / 1000000000.0),
                'min_hold_usd', trim_scale(t.min_hold_nanousd / 1000000000.0)) ORDER BY t.name), '[]')
      FROM (SELECT * FROM agentcore.budget_template x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.budget_template, config_objects.rows #> '{relations,budget_template}')) t
  UNION ALL
    SELECT 'policies', coalesce(jsonb_agg(jsonb_build_object('name', p.name) || agentcore.policy_members(p.name, p.tenant, config_objects.rows) ORDER BY p.name), '[]')
      FROM (SELECT * FROM agentcore.policy x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.policy, config_objects.rows #> '{relations,policy}')) p
  UNION ALL
    SELECT 'retry_policies', coalesce(jsonb_agg(to_jsonb(p) - ARRAY['tenant', 'revision']
             || jsonb_build_object('max_elapsed', coalesce(p.max_elapsed, '0')) ORDER BY p.name), '[]')
      FROM (SELECT * FROM agentcore.retry_policy x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.retry_policy, config_objects.rows #> '{relations,retry_policy}')) p
  UNION ALL
    SELECT 'models', coalesce(jsonb_agg(to_jsonb(m) - ARRAY['tenant', 'revision', 'name']
             || jsonb_build_object('model', m.name) ORDER BY m.name), '[]')
      FROM (SELECT * FROM agentcore.model x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.model, config_objects.rows #> '{relations,model}')) m
  UNION ALL
    SELECT 'rates', coalesce(jsonb_agg(to_jsonb(l) - ARRAY['tenant', 'revision', 'name']
             || jsonb_build_object('target', l.name) ORDER BY l.name), '[]')
      FROM (SELECT * FROM agentcore.rate_limit x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.rate_limit, config_objects.rows #> '{relations,rate_limit}')) l
  UNION ALL
    SELECT 'breakers', coalesce(jsonb_agg(to_jsonb(b) - ARRAY['tenant', 'revision', 'name']
             || jsonb_build_object('target', b.name) ORDER BY b.name), '[]')
      FROM (SELECT * FROM agentcore.breaker x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.breaker, config_objects.rows #> '{relations,breaker}')) b
  UNION ALL
    SELECT 'json_schemas', coalesce(jsonb_agg(jsonb_build_object('uri', s.name, 'dialect', s.dialect, 'schema', s.schema) ORDER BY s.name), '[]')
      FROM (SELECT * FROM agentcore.json_schema x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.json_schema, config_objects.rows #> '{relations,json_schema}')) s
  UNION ALL
    SELECT 'tools', coalesce(jsonb_agg(to_jsonb(t) - ARRAY['tenant', 'revision', 'input_schema', 'est_nanousd', 'guessed']
             || jsonb_build_object('input_schema', t.input_schema, 'est_usd', trim_scale(t.est_nanousd / 1000000000.0)) ORDER BY t.name), '[]')
      FROM (SELECT * FROM agentcore.tool x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.tool, config_objects.rows #> '{relations,tool}')) t
  UNION ALL
    SELECT 'agents', coalesce(jsonb_agg(to_jsonb(a) - ARRAY['tenant', 'revision'] ORDER BY a.name), '[]')
      FROM (SELECT * FROM agentcore.agent x WHERE config_objects.rows IS NULL AND x.tenant = config_objects.tenant
             UNION ALL SELECT * FROM jsonb_populate_recordset(NULL::agentcore.agent, config_objects.rows #> '{relations,agent}')) a;
END
$$;
COMMENT ON FUNCTION agentcore.config_objects(text, jsonb) IS
  'Internal. '
  'A tenant''s configuration: one row per kind, in the members that the setters take. '
  'rows: those of config_rows_of() in place of the tables'', NULL: the tables.';

CREATE FUNCTION agentcore.config_export(tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_config_export_v1';
COMMENT ON FUNCTION agentcore.config_export(text) IS
  'A tenant''s prices, aliases of models, budgets, templates of budgets, policies, retry policies, models, rates, breakers, documents of schemas, tools and agents as one document, which config_apply() takes: every member, null where it is as in a new object. '
  'Budgets that a template made are left out. '
  'Needs admin.';

CREATE FUNCTION agentcore.config_apply(config jsonb, dry_run boolean DEFAULT false, prune boolean DEFAULT false, tenant text DEFAULT '', OUT kind text, OUT name text, OUT action text) RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
#variable_conflict use_column
DECLARE
  -- an object comes before those that name it, and tools before rules about their arguments
  kinds constant text[] := '{prices,model_aliases,budgets,budget_templates,retry_policies,models,rates,breakers,json_schemas,tools,policies,agents}';
  keys constant jsonb := '{"prices": "model", "model_aliases": "pattern", "budget_templates": "pattern", "models": "model", "rates": "target", "breakers": "target", "json_schemas": "uri"}';
  droppers constant jsonb := '{"prices": "model_price_drop", "model_aliases": "model_alias_drop", "budgets": "budget_drop", "budget_templates": "budget_template_drop", "policies": "policy_drop", "retry_policies": "retry_policy_drop", "models": "model_drop", "rates": "rate_drop", "breakers": "breaker_drop", "json_schemas": "json_schema_drop", "tools": "tool_drop", "agents": "agent_drop"}';
  before jsonb;
  after jsonb;
  k text;
  dropped text;
  twice text;
BEGIN
  tenant := coalesce(tenant, '');
  IF jsonb_typeof(config) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'config must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR k IN SELECT jsonb_object_keys(config) LOOP
    IF k <> ALL (kinds) OR jsonb_typeof(config -> k) <> 'array' THEN
      RAISE EXCEPTION 'config member "%" is unknown or not an array', k
        USING ERRCODE = 'invalid_parameter_value', HINT = format('Known members: %s.', array_to_string(kinds, ', '));
    END IF;
  END LOOP;
  -- of two entries for one object nobody knows which is meant
  SELECT format('"%s" is twice in "%s"', d.name, d.list) INTO twice
    FROM (SELECT l.key AS list, o.value ->> coalesce(keys ->> l.key, 'name') AS name, jsonb_build_array(o.value -> 'valid_from', coalesce(nullif(o.value -> 'service_tier', 'null'), '"standard"'), coalesce(nullif(o.value -> 'above_tokens', 'null'), '0')) AS since
            FROM jsonb_each(config) l, jsonb_array_elements(l.value) o
           UNION ALL
          SELECT 'limits', limits.value ->> 'limit_name', b.value -> 'name'
            FROM jsonb_array_elements(config -> 'budgets') b,
                 jsonb_array_elements(CASE jsonb_typeof(b.value -> 'limits') WHEN 'array' THEN b.value -> 'limits' ELSE '[]' END) limits) d
   WHERE d.name IS NOT NULL
   GROUP BY d.list, d.name, CASE WHEN d.list IN ('prices', 'limits') THEN d.since END
  HAVING count(*) > 1 LIMIT 1;
  IF twice IS NOT NULL THEN
    RAISE EXCEPTION '%', twice USING ERRCODE = 'invalid_parameter_value';
  END IF;
  before := agentcore.config_export(config_apply.tenant);
  BEGIN
    FOREACH k IN ARRAY kinds LOOP
      IF config ? k THEN
        PERFORM agentcore.config_set(k, config -> k, config_apply.tenant);
      END IF;
    END LOOP;
    IF prune THEN
      FOR i IN REVERSE array_length(kinds, 1) .. 1 LOOP
        k := kinds[i];
        -- budgets: before their parents and overflows
        FOR dropped IN
          WITH RECURSIVE had AS (
            SELECT DISTINCT value ->> coalesce(keys ->> k, 'name') AS name, CASE k WHEN 'budgets' THEN ARRAY[value ->> 'parent', value ->> 'overflow'] END AS needs FROM jsonb_array_elements(before -> k)
          ), tree AS (
            SELECT had.name, 0 AS depth FROM had
             UNION
            SELECT had.name, tree.depth + 1 FROM had JOIN tree ON tree.name = ANY (had.needs) WHERE tree.depth < jsonb_array_length(before -> k)
          )
          SELECT tree.name FROM tree
           WHERE config ? k AND NOT (k = 'policies' AND tree.name = '*' AND NOT agentcore.config_knows_names(VARIADIC ARRAY(SELECT value FROM jsonb_array_elements(config -> k))))
             AND tree.name <> ALL (ARRAY(SELECT coalesce(value ->> coalesce(keys ->> k, 'name'), '') FROM jsonb_array_elements(config -> k)))
           GROUP BY tree.name ORDER BY max(tree.depth) DESC, tree.name
        LOOP
          PERFORM agentcore.config_drop(droppers ->> k, dropped, config_apply.tenant);
        END LOOP;
      END LOOP;
    END IF;
    after := agentcore.config_export(config_apply.tenant);
    IF dry_run THEN
      RAISE EXCEPTION USING ERRCODE = 'TC000', MESSAGE = 'dry run';
    END IF;
  EXCEPTION WHEN SQLSTATE 'TC000' THEN
    -- everything but the variable "after" is undone
  END;
  RETURN QUERY
    WITH x AS (
      SELECT u.kind, u.n, coalesce(keys ->> u.kind, 'name') AS key FROM unnest(kinds) WITH ORDINALITY u (kind, n) WHERE config ? u.kind
    ), b AS (
      SELECT x.kind, x.n, value ->> x.key AS name, jsonb_agg(value) AS objects FROM x, jsonb_array_elements(before -> x.kind) GROUP BY 1, 2, 3
    ), a AS (
      SELECT x.kind, x.n, value ->> x.key AS name, jsonb_agg(value) AS objects FROM x, jsonb_array_elements(after -> x.kind) GROUP BY 1, 2, 3
    )
    SELECT kind, name,
           CASE WHEN b.objects IS NULL THEN 'created' WHEN a.objects IS NULL THEN 'dropped'
                WHEN a.objects = b.objects THEN 'unchanged' ELSE 'changed' END
      FROM b FULL JOIN a USING (kind, n, name)
     ORDER BY n, name;
END
$$;
COMMENT ON FUNCTION agentcore.config_apply(jsonb, boolean, boolean, text) IS
  'Make a tenant''s configuration what the document says; one row per object of the kinds it names: created, changed, unchanged or dropped. '
  'Of an object that exists, a member that the document does not name stays as it is; a new one gets the default, and so does a member that is null. '
  'A list that is named (allow, deny, allow_tools, deny_tools, ask_tools, checks, facts, limits) is complete. '
  'A policy that has none of tz, ask_tools, checks, facts and limits, and no rule with a name, is from before rules had names: its lists leave those that have one, and prune leaves the policy ''*''. '
  'pending of a tool is the definition that waits for tool_accept(): named, it holds the tool; null, or not named, it leaves a hold as it is. '
  'dry_run: say it and undo it. '
  'prune: drop what the document''s kinds no longer name. '
  'Unknown members, and an object that a list names twice: 22023. '
  'All or nothing.';

CREATE FUNCTION agentcore.policy_export(policy text, format text DEFAULT 'agentcore', budget text DEFAULT NULL, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_export_v1';
COMMENT ON FUNCTION agentcore.policy_export(text, text, text, text) IS
  'A policy as a document that policy_import() takes. '
  'format agentcore: whole, but for its name. '
  'format agentguard: {network, budget, violations}, with budget.maxRequests from max_calls of the budget (NULL: of the policy''s name, if there is one) unless it has a period; tool rules are left out, and what that shape cannot say (ports, paths, rules'' methods and validity, networks, other schemes than http and https, mode off) is 22023. '
  'agentguard knows no special ranges: what is denied here unless a rule lifts them is not denied there. '
  'Needs reader. '
  'Unknown policy or budget: 42704; unknown format: 22023.';

CREATE TYPE agentcore.policy_imported AS (kind text, name text, action text, detail text);
COMMENT ON TYPE agentcore.policy_imported IS
  'Row of policy_import(): kind is policies or budgets, action created, changed or unchanged; detail says what had no counterpart, and what a budget counts.';

CREATE FUNCTION agentcore.policy_import(name text, document jsonb, budget text DEFAULT NULL, force boolean DEFAULT false, tenant text DEFAULT '') RETURNS SETOF agentcore.policy_imported
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  foreign_shape constant boolean := document ?| '{network,budget,violations}';
  members jsonb := agentcore.policy_document(document);
  requests constant bigint := CASE WHEN foreign_shape THEN coalesce(document #>> '{budget,maxRequests}', document #>> '{budget,max_requests}')::numeric END;
  known boolean;
  wanted jsonb;
  before jsonb;
BEGIN
  tenant := coalesce(tenant, '');
  IF name IS NULL THEN
    RAISE EXCEPTION 'name must not be null' USING ERRCODE = 'invalid_parameter_value';
  ELSIF force IS NULL THEN
    RAISE EXCEPTION 'force must not be null' USING ERRCODE = 'invalid_parameter_value';
  ELSIF members ? 'drop' THEN
    RAISE EXCEPTION 'unknown member "drop" of a policy document'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'A list is complete: leave out of it what is to go.';
  END IF;
  known := EXISTS (SELECT FROM agentcore.policies p WHERE p.tenant = policy_import.tenant AND p.name = policy_import.name);
  IF known THEN
    before := agentcore.policy_export(policy_import.name, tenant => policy_import.tenant);
  END IF;
  wanted := CASE WHEN known THEN agentcore.policy_named(document) ELSE members END || jsonb_build_object('name', policy_import.name);
  IF force THEN
    wanted := wanted || (SELECT coalesce(jsonb_object_agg(l.key, (
        SELECT coalesce(jsonb_agg(CASE jsonb_typeof(rule)
                 WHEN 'string' THEN jsonb_build_object('pattern', rule, 'force', true)
                 WHEN 'object' THEN jsonb_build_object('force', true) || rule
                 ELSE rule END ORDER BY n), '[]')
          FROM jsonb_array_elements(wanted -> l.key) WITH ORDINALITY r (rule, n))), '{}')
      FROM unnest('{allow,deny}'::text[]) l (key) WHERE jsonb_typeof(wanted -> l.key) = 'array');
  END IF;
  PERFORM agentcore.config_set_policy(wanted, policy_import.tenant);
  RETURN NEXT ROW('policies', policy_import.name,
    CASE WHEN NOT known THEN 'created' WHEN agentcore.policy_export(policy_import.name, tenant => policy_import.tenant) = before THEN 'unchanged' ELSE 'changed' END,
    CASE WHEN foreign_shape THEN 'schemes http and https, any port; ' || CASE WHEN document #> '{network,allow}' = 'null' OR NOT known AND NOT document -> 'network' ? 'allow' THEN 'no allow list: every host; ' ELSE '' END
      || 'special ranges and names stay denied unless a rule names them; tool rules stay as they were' END)::agentcore.policy_imported;

  IF requests IS NOT NULL THEN
    budget := coalesce(budget, policy_import.name);
    SELECT value INTO before FROM jsonb_array_elements(agentcore.config_export(policy_import.tenant) -> 'budgets') WHERE value ->> 'name' = policy_import.budget;
    IF before ->> 'period' IS NOT NULL THEN
      RAISE EXCEPTION 'budget "%" has a period', budget
        USING ERRCODE = 'invalid_parameter_value', DETAIL = 'budget.maxRequests does not count per period.', HINT = 'Name another budget in the argument budget.';
    END IF;
    PERFORM agentcore.config_set_budget(jsonb_build_object('name', budget, 'max_calls', requests), policy_import.tenant);
    RETURN NEXT ROW('budgets', budget, CASE WHEN before IS NULL THEN 'created' WHEN (before ->> 'max_calls')::bigint = requests THEN 'unchanged' ELSE 'changed' END,
      format('max_calls %s: calls admitted under this budget, once and for all; agentguard counts requests a run', requests))::agentcore.policy_imported;
  END IF;
END
$$;
COMMENT ON FUNCTION agentcore.policy_import(text, jsonb, text, boolean, text) IS
  'Make a policy what a document says, in any shape that policy_document() takes, all or nothing: a list that it names is then complete, a member that is null is as in a new policy, and what it does not name stays as it is (in a new policy the default; agentguard''s shape without an allow list then allows every host). '
  'force: every rule of the document that does not say otherwise may cover a public suffix, as in policy_allow(force => true). '
  'agentguard''s budget.maxRequests (max_requests in its Python sibling) becomes max_calls of a lifetime budget (budget, NULL = one of the policy''s name), created or changed in that member only; an agent uses it once agent_set() or call_begin() names it. '
  'One row per object, as config_apply() returns it, with what had no counterpart. '
  'Needs admin. '
  'Unknown members, rules that their setters refuse, a budget with a period: 22023.';

INSERT INTO agentcore.access_function VALUES
  ('policy_export', 'reader'), ('policy_import', 'admin'),
  ('config_value', 'admin'), ('config_tool', 'admin'), ('config_call', 'admin'), ('config_set_budget', 'admin'), ('config_set', 'admin'),
  ('config_drop', 'admin'), ('config_export', 'admin'), ('config_apply', 'admin'), ('config_objects', 'internal');
