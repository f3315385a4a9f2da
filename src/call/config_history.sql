-- call: what the configuration was, or would be: rows of its tables as a document, and the
-- configuration that they are.

CREATE FUNCTION agentcore.config_relations(OUT relation text, OUT columns text[]) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class c
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND a.attname <> 'tenant'
   WHERE c.relnamespace = 'agentcore'::regnamespace
     AND c.relname = ANY ('{agent,breaker,budget,budget_limit,budget_template,json_schema,model,model_alias,model_price,policy,policy_check,policy_fact,policy_limit,policy_rule,rate_limit,retry_policy,special_name,special_range,tenant,tool}')
   GROUP BY 1
$$;
COMMENT ON FUNCTION agentcore.config_relations() IS
  'Internal. '
  'The tables that the gate is configured by, and the columns that tell the rows of a tenant from each other. '
  'Who may do what (access) and grants of approval are not among them.';

CREATE FUNCTION agentcore.config_key("row" jsonb, columns text[]) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT jsonb_object_agg(c, "row" -> c) FROM unnest(columns) c
$$;
COMMENT ON FUNCTION agentcore.config_key(jsonb, text[]) IS
  'Internal. '
  'Some columns of a row: its key among those of a tenant.';

CREATE FUNCTION agentcore.config_current(tenant text, OUT relation text, OUT key jsonb, OUT "row" jsonb) RETURNS SETOF record
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET intervalstyle = 'postgres'
  SET "TimeZone" = 'UTC'
  SET "DateStyle" = 'ISO, YMD'
  SET extra_float_digits = 1
  AS $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT * FROM agentcore.config_relations() LOOP
    RETURN QUERY EXECUTE format('SELECT %L, agentcore.config_key(j, $2), j FROM agentcore.%I t, to_jsonb(t) j WHERE t.tenant = $1', r.relation, r.relation)
      USING config_current.tenant, r.columns;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.config_current(text) IS
  'Internal. '
  'The rows of a tenant that its calls are judged by, as they are.';

CREATE FUNCTION agentcore.config_tool_changes(tenant text, OUT tool text, OUT revision bigint, OUT at timestamptz, OUT id uuid, OUT before jsonb, OUT after jsonb) RETURNS SETOF record
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET intervalstyle = 'postgres'
  SET "TimeZone" = 'UTC'
  SET "DateStyle" = 'ISO, YMD'
  SET extra_float_digits = 1
  AS $$
DECLARE
  state jsonb;
  loaded jsonb;
  r record;
BEGIN
  -- backwards: each entry has only what changed, except the first and the last of a tool
  FOR r IN
    SELECT h.*, to_jsonb(t) AS "row", lead(h.tool) OVER w IS NULL AS is_last
      FROM agentcore.tool_revision h LEFT JOIN agentcore.tool t ON t.tenant = h.tenant AND t.name = h.tool
     WHERE h.tenant = config_tool_changes.tenant AND h.tool <> ''
    WINDOW w AS (PARTITION BY h.tool ORDER BY h.revision, h.at, h.id)
     ORDER BY h.tool, h.revision DESC, h.at DESC, h.id DESC
  LOOP
    IF r.is_last THEN
      state := r."row";
      loaded := NULL;
    END IF;
    IF r.action = 'tool_drop' THEN
      after := NULL;
    ELSE
      -- a tool that was loaded with its history was before as it was loaded
      after := coalesce(state, loaded);
      after := coalesce(after, '{}') || r.after || jsonb_build_object('tenant', r.tenant, 'name', r.tool, 'revision', r.revision);
    END IF;
    before := CASE r.action WHEN 'tool_add' THEN NULL WHEN 'tool_drop' THEN r.before ELSE after || r.before END
      || jsonb_build_object('tenant', r.tenant, 'name', r.tool, 'revision', 0);
    loaded := CASE WHEN r.action = 'tool_add' THEN after END;
    state := before;
    tool := r.tool;
    revision := r.revision;
    at := r.at;
    id := r.id;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.config_tool_changes(text) IS
  'Internal. '
  'The history of a tenant''s tools with whole rows. '
  'revision in before is not known: 0.';

CREATE FUNCTION agentcore.config_policy_changes(tenant text, OUT relation text, OUT revision bigint, OUT at timestamptz, OUT id uuid, OUT before jsonb, OUT after jsonb) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH entry AS (
    SELECT h.*, split_part(h.action, '_', 1) AS word, split_part(h.action, '_', 2) = 'truncate' AS truncated
      FROM agentcore.policy_revision h WHERE h.tenant = config_policy_changes.tenant
  ), one AS (
    -- a truncated table is one entry with an array
    SELECT e.*, x.before AS was, CASE WHEN NOT e.truncated THEN e.after END AS will
      FROM entry e, LATERAL (SELECT jsonb_array_elements(e.before) WHERE e.truncated UNION ALL SELECT e.before WHERE NOT e.truncated) x (before)
  )
  SELECT CASE WHEN o.word = 'policy' THEN 'policy'
              WHEN o.word <> 'special' THEN 'policy_' || rtrim(o.word, 's')
              WHEN coalesce(o.will, o.was) ? 'network' THEN 'special_range' ELSE 'special_name' END,
         o.revision, o.at, o.id, o.was || (k.own - 'revision'), o.will || k.own
    FROM one o, LATERAL (SELECT jsonb_build_object('tenant', o.tenant)
           || CASE o.word WHEN 'policy' THEN jsonb_build_object('revision', o.revision) WHEN 'special' THEN '{}' ELSE jsonb_build_object('policy', o.policy) END) k (own)
   WHERE o.word IN ('policy', 'rule', 'rules', 'check', 'checks', 'fact', 'facts', 'limit', 'limits') AND o.policy <> ''
      OR o.word = 'special' AND o.policy = ''
$$;
COMMENT ON FUNCTION agentcore.config_policy_changes(text) IS
  'Internal. '
  'The history of a tenant''s policies, with all that belongs to them, and of its special entries, as rows of their tables.';

CREATE FUNCTION agentcore.config_changes(tenant text, OUT relation text, OUT key jsonb, OUT revision bigint, OUT at timestamptz, OUT id uuid, OUT before jsonb, OUT after jsonb) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH own (own) AS (VALUES (jsonb_build_object('tenant', config_changes.tenant)))
  SELECT h.relation, h.key, h.revision, h.at, h.id, h.before || own, h.after || own
    FROM own, agentcore.config_revision h JOIN agentcore.config_relations() r USING (relation)
   WHERE h.tenant = config_changes.tenant
  UNION ALL
  SELECT h.relation, agentcore.config_key(coalesce(h.after, h.before), r.columns), h.revision, h.at, h.id, h.before, h.after
    FROM agentcore.config_policy_changes(config_changes.tenant) h JOIN agentcore.config_relations() r USING (relation)
  UNION ALL
  SELECT 'tool', jsonb_build_object('name', h.tool), h.revision, h.at, h.id, h.before, h.after
    FROM agentcore.config_tool_changes(config_changes.tenant) h
   ORDER BY revision, at, id
$$;
COMMENT ON FUNCTION agentcore.config_changes(text) IS
  'Internal. '
  'The three histories of a tenant as one, in the order of the revisions: whole rows before and after.';

CREATE FUNCTION agentcore.config_known_since(OUT since timestamptz, OUT why text) RETURNS record
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH history AS (
    SELECT r.at, CASE WHEN r.tenant = '*' AND r.action = 'history_retain' THEN (r.after ->> 'before')::timestamptz END AS cut, 1 AS which FROM agentcore.config_revision r
     UNION ALL
    SELECT r.at, CASE WHEN r.tenant = '*' AND r.action = 'history_retain' THEN (r.after ->> 'before')::timestamptz END, 2 FROM agentcore.policy_revision r
     UNION ALL
    SELECT r.at, CASE WHEN r.tenant = '*' AND r.action = 'history_retain' THEN (r.after ->> 'before')::timestamptz END, 3 FROM agentcore.tool_revision r
  ), cut AS (
    SELECT max(cut) AS at FROM history
  ), begun AS (
    -- a restored database knows what the one that it came from knew
    SELECT least(i.created_at, max(h.at)) AS at
      FROM agentcore.installation i LEFT JOIN (SELECT min(at) AS at FROM history GROUP BY which) h ON true
     GROUP BY i.created_at
  )
  SELECT greatest(cut.at, begun.at),
         CASE WHEN cut.at > begun.at THEN 'Its history before that was deleted (config_history_retain, policy_history_retain, tool_history_retain).'
              ELSE 'Its history begins then.' END
    FROM cut, begun
$$;
COMMENT ON FUNCTION agentcore.config_known_since() IS
  'Internal. '
  'From when on the histories are whole, and why not before.';

CREATE FUNCTION agentcore.config_objects_at(at timestamptz, tenant text, OUT relation text, OUT key jsonb, OUT "row" jsonb, OUT known boolean, OUT since timestamptz) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH change AS MATERIALIZED (
    SELECT * FROM agentcore.config_changes(config_objects_at.tenant)
  ), was AS (
    SELECT DISTINCT ON (c.relation, c.key) c.relation, c.key, c.at, c.after AS "row" FROM change c
     WHERE c.at <= config_objects_at.at ORDER BY c.relation, c.key, c.revision DESC, c.at DESC, c.id DESC
  ), will AS (
    SELECT DISTINCT ON (c.relation, c.key) c.relation, c.key, c.before AS "row" FROM change c
     WHERE c.at > config_objects_at.at ORDER BY c.relation, c.key, c.revision, c.at, c.id
  ), last AS (
    SELECT DISTINCT ON (c.relation, c.key) c.relation, c.key, c.at, c.after AS "row" FROM change c
     ORDER BY c.relation, c.key, c.revision DESC, c.at DESC, c.id DESC
  ), now AS (
    -- budgets that a template makes are not recorded
    SELECT n.* FROM agentcore.config_current(config_objects_at.tenant) n WHERE NOT (n.relation = 'budget' AND n."row" -> 'template' <> 'null')
  )
  SELECT relation, key,
         CASE WHEN was.key IS NOT NULL THEN was."row" WHEN will.key IS NOT NULL THEN will."row" ELSE now."row" END,
         -- it was changed while the triggers were switched off, or made then: an entry of what exists always stays, but not of a policy's parts
         CASE WHEN last.key IS NULL OR was.key IS NULL AND will."row" IS NOT NULL THEN relation LIKE 'policy%' OR relation LIKE 'special\_%'
              ELSE last."row" - apart.columns IS NOT DISTINCT FROM s."row" - apart.columns END,
         last.at
    FROM was FULL JOIN will USING (relation, key) FULL JOIN now USING (relation, key) LEFT JOIN last USING (relation, key),
         -- not what was added to the table since
         LATERAL (SELECT CASE WHEN last."row" IS NULL OR now."row" IS NULL THEN now."row"
                              ELSE (SELECT jsonb_object_agg(m.key, m.value) FROM jsonb_each(now."row") m WHERE last."row" ? m.key) END) s ("row"),
         (VALUES ('{revision,limited_at,window_revision}'::text[])) apart (columns)
$$;
COMMENT ON FUNCTION agentcore.config_objects_at(timestamptz, text) IS
  'Internal. '
  'What there was of a tenant''s configuration at a time: rows, NULL where there was none. '
  'known: the histories lead to the row that is there now; false: they do not, so what it was is not known; since: their newest entry.';

CREATE FUNCTION agentcore.config_rows_of(at timestamptz, tenant text, every boolean) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET "TimeZone" = 'UTC'
  AS $$
  WITH relation AS (
    SELECT r.relation, agentcore.config_defaults(('agentcore.' || quote_ident(r.relation))::regclass) AS defaults,
           s.shared, CASE WHEN s.shared THEN '*' ELSE config_rows_of.tenant END AS tenant
      FROM agentcore.config_relations() r, (VALUES (false), (true)) s (shared)
     WHERE NOT s.shared OR r.relation LIKE 'special\_%' OR every AND r.relation LIKE 'policy%'
  ), object AS (
    SELECT c.relation, c.key, c."row", true AS known, NULL::timestamptz AS since, t.shared
      FROM (VALUES (config_rows_of.tenant, false), ('*', true)) t (tenant, shared), agentcore.config_current(t.tenant) c
     WHERE config_rows_of.at IS NULL
     UNION ALL
    SELECT c.relation, c.key,
           c."row" || CASE WHEN c.relation = 'policy' THEN jsonb_build_object('revision', coalesce(
             (SELECT max(h.revision) FROM agentcore.policy_revision h WHERE h.tenant = t.tenant AND h.policy = c.key ->> 'name' AND h.at <= config_rows_of.at),
             (c."row" -> 'revision')::bigint, 0)) ELSE '{}' END,
           c.known, c.since, t.shared
      FROM (VALUES (config_rows_of.tenant, false), ('*', true)) t (tenant, shared), agentcore.config_objects_at(config_rows_of.at, t.tenant) c
     WHERE config_rows_of.at IS NOT NULL
  ), known AS (
    SELECT r.shared, r.relation, coalesce(jsonb_agg(r.defaults || o."row" ORDER BY o.key) FILTER (WHERE o."row" IS NOT NULL AND o.known), '[]') AS rows
      FROM relation r LEFT JOIN object o USING (relation, shared) GROUP BY 1, 2
  )
  SELECT jsonb_build_object('format', 1, 'tenant', config_rows_of.tenant,
           'relations', (SELECT jsonb_object_agg(k.relation, k.rows) FROM known k WHERE NOT k.shared),
           'shared', (SELECT jsonb_object_agg(k.relation, k.rows) FROM known k WHERE k.shared))
         || (SELECT CASE WHEN count(*) = 0 THEN '{}' ELSE jsonb_build_object('unknown',
                jsonb_agg(jsonb_build_object('relation', o.relation, 'key', o.key, 'since', o.since) ORDER BY o.relation, o.key)) END
               FROM relation r JOIN object o USING (relation, shared) WHERE NOT o.known)
         || CASE WHEN config_rows_of.at IS NULL THEN '{}' ELSE jsonb_build_object('at', config_rows_of.at) END
$$;
COMMENT ON FUNCTION agentcore.config_rows_of(timestamptz, text, boolean) IS
  'Internal. '
  'The rows that a tenant''s calls are judged by, as they are (at NULL) or were: {format, tenant, relations, shared}, and unknown where the histories do not say what was. '
  'shared: special entries of tenant *, and with every its policies. '
  'A column that a row recorded by an older version lacks has its default.';

CREATE FUNCTION agentcore.config_require_known(at timestamptz) RETURNS void
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  known record;
BEGIN
  IF at > agentcore.clock_now() THEN
    RAISE EXCEPTION 'at must not lie in the future' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT * INTO known FROM agentcore.config_known_since();
  IF at < known.since THEN
    RAISE EXCEPTION 'what the configuration was then is not known'
      USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = known.why, HINT = format('Ask for a time from %s on.', known.since);
  END IF;
END
$$;
COMMENT ON FUNCTION agentcore.config_require_known(timestamptz) IS
  'Internal. '
  'Raises 22023 for a time that has not come, and 55000 for one that the histories do not reach.';

CREATE FUNCTION agentcore.config_rows_at(at timestamptz DEFAULT NULL, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_config_rows_at_v1';
COMMENT ON FUNCTION agentcore.config_rows_at(timestamptz, text) IS
  'The rows that a tenant''s calls were judged by at a time (NULL: are judged by now), as call_replay() takes them: {format, tenant, at, relations: {table: [row, ...]}, shared: {the same of tenant *}}. '
  'A change counts from when it was made, although others see it from its COMMIT on. '
  'unknown: [{relation, key, since}], objects that were changed past the history''s triggers, so that what they were is not known; they are in no list. '
  'Budgets that a template made are left out where a time is given. '
  'Policies of tenant * are there for those who may read every tenant. '
  'Needs admin. '
  'A time in the future: 22023; one that the histories do not reach: 55000.';

CREATE FUNCTION agentcore.config_at(at timestamptz, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_config_at_v1';
COMMENT ON FUNCTION agentcore.config_at(timestamptz, text) IS
  'What config_export() said at a time, from config_history, policy_history and tool_history. '
  'A change counts from when it was made, although others see it from its COMMIT on. '
  'unknown: as in config_rows_at(); a document that has it is refused by config_apply(). '
  'Needs admin. '
  'NULL, or a time in the future: 22023; one that the histories do not reach: 55000.';

CREATE FUNCTION agentcore.config_resolve(config jsonb, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  resolved jsonb;
BEGIN
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'a document cannot be resolved on a standby'
      USING ERRCODE = 'read_only_sql_transaction',
            HINT = 'Call config_resolve() on the primary and bring what it returns, or ask for a time.';
  END IF;
  BEGIN
    PERFORM agentcore.config_apply(config, tenant => tenant);
    resolved := agentcore.config_rows_at(NULL, tenant);
    RAISE EXCEPTION USING ERRCODE = 'TC000', MESSAGE = 'resolved';
  EXCEPTION WHEN SQLSTATE 'TC000' THEN
    -- everything but the variable is undone
  END;
  RETURN resolved;
END
$$;
COMMENT ON FUNCTION agentcore.config_resolve(jsonb, text) IS
  'The rows that a tenant''s calls would be judged by after config_apply(config), as config_rows_at() has them; nothing stays changed. '
  'It takes the locks of config_apply() and gives them back. '
  'What it returns can be replayed on a standby, where this function is 25006. '
  'Needs admin; errors as config_apply().';

INSERT INTO agentcore.access_function VALUES
  ('config_relations', 'internal'), ('config_key', 'internal'), ('config_current', 'internal'), ('config_tool_changes', 'internal'),
  ('config_policy_changes', 'internal'), ('config_changes', 'internal'), ('config_known_since', 'internal'), ('config_objects_at', 'internal'),
  ('config_rows_of', 'internal'), ('config_require_known', 'internal'), ('config_rows_at', 'admin'), ('config_at', 'admin'), ('config_resolve', 'admin');
