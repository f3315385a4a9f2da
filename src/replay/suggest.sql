-- replay: the narrowest rules that allow what an agent has done.

CREATE FUNCTION agentcore.suggest_calls(agent text, since timestamptz, until timestamptz, tenant text, OUT tool text, OUT id bigint, OUT at timestamptz, OUT args jsonb) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT DISTINCT ON (coalesce(e.call_id::text, e.id::text)) e.tool, e.id, e.at, e.args
    FROM agentcore.call_log_entry e
   WHERE e.tenant = suggest_calls.tenant AND e.agent = suggest_calls.agent AND e.event = 'begin' AND NOT e.is_llm
     AND e.at >= suggest_calls.since AND (suggest_calls.until IS NULL OR e.at < suggest_calls.until)
     AND e.verdict IN ('run', 'cached') AND coalesce(e.attempt, 1) <= 1
     -- of what an audit let pass: what lacked a rule, or came too often; not what is wrong in itself
     AND (e.enforced OR e.reason IN ('not_in_allowlist', 'budget_exceeded', 'limit_exceeded', 'rate_limited', 'circuit_open', 'loop_detected', 'in_progress', 'contention'))
   ORDER BY coalesce(e.call_id::text, e.id::text), e.at, e.id
$$;
COMMENT ON FUNCTION agentcore.suggest_calls(text, timestamptz, timestamptz, text) IS
  'Internal. '
  'The calls of tools that an agent has made, each once: they ran, or were answered from the cache; args as they ran, NULL where they were not recorded.';

CREATE FUNCTION agentcore.suggest_leaves(args jsonb, OUT pointer text, OUT value jsonb) RETURNS SETOF record
  LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 10
  AS 'MODULE_PATHNAME', 'agentcore_suggest_leaves_v1';
COMMENT ON FUNCTION agentcore.suggest_leaves(jsonb) IS
  'Internal. '
  'The texts, numbers, booleans and nulls among arguments, each with a pointer as rules write it.';

CREATE FUNCTION agentcore.suggest_meets(a text, b text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT bool_and(t.x = t.y OR '*' IN (t.x, t.y)) FROM unnest(string_to_array(a, '/'), string_to_array(b, '/')) t (x, y) WHERE t.x IS NOT NULL AND t.y IS NOT NULL
$$;
COMMENT ON FUNCTION agentcore.suggest_meets(text, text) IS
  'Internal. '
  'Whether two pointers lead the same way, as far as both go; * is every member and element.';

CREATE FUNCTION agentcore.suggest_nothing(type text) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT CASE WHEN type = 'string' THEN '{"type": "string", "maxLength": 0}'
              WHEN type = 'array' THEN '{"type": "array", "maxItems": 0}'
              WHEN type IN ('number', 'integer') THEN '{"type": "number", "minimum": 1, "maximum": 0}' END::jsonb
$$;
COMMENT ON FUNCTION agentcore.suggest_nothing(text) IS
  'Internal. '
  'A schema that no value of the type fits, or only an empty one; NULL where there is none.';

CREATE FUNCTION agentcore.suggest_when(agent text, policy text, by_value boolean, since timestamptz, until timestamptz, min_calls bigint, max_values integer, tenant text, OUT tool text, OUT pointer text, OUT schema jsonb, OUT note text) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH calls AS MATERIALIZED (
    SELECT c.* FROM agentcore.suggest_calls(agent, since, until, tenant) c
  ), whole AS MATERIALIZED (
    SELECT c.tool, count(*) AS calls FROM calls c GROUP BY 1 HAVING count(*) = count(c.args) AND count(*) >= min_calls
  ), leaves AS MATERIALIZED (
    SELECT c.tool, c.id, l.pointer, l.value, jsonb_typeof(l.value) AS type
      FROM whole JOIN calls c USING (tool), agentcore.suggest_leaves(c.args) l
  ), addresses AS MATERIALIZED (
    SELECT DISTINCT l.tool, l.pointer
      FROM (SELECT c.id, u.url FROM whole JOIN calls c USING (tool), agentcore.call_urls(c.tool, c.args, suggest_when.policy, suggest_when.by_value, suggest_when.tenant) u) a
      JOIN leaves l ON l.id = a.id AND l.value = to_jsonb(a.url)
  ), hidden AS (
    -- the log has a mark in the place of what redact names, or of what it would have been below
    SELECT DISTINCT l.tool, l.pointer FROM (SELECT x.tool, x.pointer, bool_or(x.value = '"[redacted]"') AS marked FROM leaves x GROUP BY 1, 2) l
      JOIN agentcore.tool t ON t.tenant = suggest_when.tenant AND t.name = l.tool, unnest(t.redact) r (pointer)
     WHERE agentcore.suggest_meets(substr(l.pointer, 6), r.pointer)
       AND (l.marked OR cardinality(string_to_array(substr(l.pointer, 6), '/')) >= cardinality(string_to_array(r.pointer, '/')))
  ), given AS MATERIALIZED (
    SELECT DISTINCT l.tool, l.pointer FROM leaves l WHERE l.type <> 'null'
  ), mixed AS MATERIALIZED (
    -- a value in one call, and members of it in another
    SELECT g.tool, g.pointer FROM given g WHERE EXISTS (SELECT FROM given b WHERE b.tool = g.tool AND starts_with(b.pointer, g.pointer || '/'))
  ), places AS MATERIALIZED (
    SELECT l.tool, l.pointer, count(DISTINCT l.id) AS calls, array_agg(DISTINCT l.type) FILTER (WHERE l.type <> 'null') AS types, bool_or(l.type = 'null') AS has_null
      FROM leaves l
     WHERE NOT EXISTS (SELECT FROM addresses a WHERE a.tool = l.tool AND a.pointer = l.pointer)
       AND NOT EXISTS (SELECT FROM hidden h WHERE h.tool = l.tool AND h.pointer = l.pointer)
       AND NOT EXISTS (SELECT FROM mixed m WHERE m.tool = l.tool AND starts_with(l.pointer || '/', m.pointer || '/'))
     GROUP BY 1, 2
  ), words AS (
    SELECT w.tool, w.pointer, count(*) AS distinct_values, max(length(w.value #>> '{}')) AS longest,
           coalesce(jsonb_agg(w.value ORDER BY w.value #>> '{}') FILTER (WHERE w.calls >= min_calls), '[]') AS often
      FROM (SELECT l.tool, l.pointer, l.value, count(DISTINCT l.id) AS calls
              FROM leaves l WHERE l.type IN ('string', 'boolean') GROUP BY 1, 2, 3) w
     GROUP BY 1, 2
  ), numbers AS (
    -- an end of the range counts once so many calls are at it or beyond it
    SELECT x.tool, x.pointer, (array_agg(x.least ORDER BY x.least))[min_calls] AS least, (array_agg(x.most ORDER BY x.most DESC))[min_calls] AS most,
           bool_and(x.whole) AS whole
      FROM (SELECT l.tool, l.pointer, l.id, min((l.value #>> '{}')::numeric) AS least, max((l.value #>> '{}')::numeric) AS most,
                   bool_and((l.value #>> '{}')::numeric = trunc((l.value #>> '{}')::numeric)) AS whole
              FROM leaves l WHERE l.type = 'number' GROUP BY 1, 2, 3) x
     GROUP BY 1, 2
  ), found AS (
    SELECT p.tool, p.pointer || CASE WHEN p.calls < t.calls OR p.has_null OR p.pointer LIKE '%/*%' THEN '?' ELSE '' END AS pointer, p.pointer AS plain,
           CASE WHEN p.types = '{number}' AND n.least <= n.most
                THEN jsonb_build_object('type', CASE WHEN n.whole THEN 'integer' ELSE 'number' END, 'minimum', n.least, 'maximum', n.most)
                WHEN p.types = '{number}' THEN agentcore.suggest_nothing('number')
                WHEN p.types = '{boolean}' AND w.often <> '[]' THEN jsonb_build_object('enum', w.often)
                WHEN p.types = '{string}' AND w.distinct_values <= max_values AND w.longest <= 200
                THEN CASE WHEN w.often = '[]' THEN agentcore.suggest_nothing('string') ELSE jsonb_build_object('enum', w.often) END END AS schema,
           CASE WHEN p.types IS NULL THEN NULL
                WHEN cardinality(p.types) > 1 THEN format('%s: values of several types', p.pointer)
                WHEN p.types = '{string}' AND (w.distinct_values > max_values OR w.longest > 200) THEN format('%s: any text (%s different ones)', p.pointer, w.distinct_values) END AS note
      FROM places p JOIN whole t USING (tool) LEFT JOIN words w USING (tool, pointer) LEFT JOIN numbers n USING (tool, pointer)
  )
  SELECT f.tool, f.pointer, f.schema, f.note FROM found f WHERE f.schema IS NOT NULL OR f.note IS NOT NULL
   UNION ALL
  SELECT a.tool, a.pointer, NULL, format('%s: an address, see the rules of allow', a.pointer) FROM addresses a
   UNION ALL
  SELECT h.tool, h.pointer, NULL, format('%s: not recorded', h.pointer) FROM hidden h
   UNION ALL
  SELECT m.tool, m.pointer, NULL, format('%s: values of several types', m.pointer) FROM mixed m WHERE NOT EXISTS (SELECT FROM hidden h WHERE h.tool = m.tool AND h.pointer = m.pointer)
   UNION ALL
  -- what a call may be given and none was
  SELECT t.tool, format('/args/%s?', replace(replace(m.key, '~', '~0'), '/', '~1')), agentcore.suggest_nothing(m.type),
         CASE WHEN agentcore.suggest_nothing(m.type) IS NULL THEN format('/args/%s: never given, and left open', replace(replace(m.key, '~', '~0'), '/', '~1')) END
    FROM whole t JOIN agentcore.tool r ON r.tenant = suggest_when.tenant AND r.name = t.tool,
         LATERAL (SELECT x.key, CASE jsonb_typeof(x.value -> 'type') WHEN 'string' THEN x.value ->> 'type'
                                  WHEN 'array' THEN CASE WHEN jsonb_array_length((x.value -> 'type') - 'null') = 1 THEN ((x.value -> 'type') - 'null') ->> 0 END END AS type
                    FROM jsonb_each(CASE jsonb_typeof(r.input_schema::jsonb -> 'properties') WHEN 'object' THEN r.input_schema::jsonb -> 'properties' ELSE '{}' END) x
                   WHERE jsonb_typeof(x.value) = 'object' AND x.key <> '*' AND x.key NOT LIKE '%?') m
   WHERE NOT EXISTS (SELECT FROM given l WHERE l.tool = t.tool AND starts_with(l.pointer || '/', '/args/' || replace(replace(m.key, '~', '~0'), '/', '~1') || '/'))
     AND NOT EXISTS (SELECT FROM unnest(r.redact) x (pointer) WHERE agentcore.suggest_meets('/' || replace(replace(m.key, '~', '~0'), '/', '~1'), x.pointer))
$$;
COMMENT ON FUNCTION agentcore.suggest_when(text, text, boolean, timestamptz, timestamptz, bigint, integer, text) IS
  'Internal. '
  'What arguments of tools were: one row per pointer with the schema that fits all that stands behind it (NULL: none is suggested, and note says why), of tools all of whose arguments were recorded.';

CREATE FUNCTION agentcore.suggest_tools(agent text, policy text, by_value boolean, since timestamptz, until timestamptz, min_calls bigint, max_values integer, tenant text, OUT list text, OUT rule jsonb, OUT calls bigint, OUT first_at timestamptz, OUT last_at timestamptz, OUT note text) RETURNS SETOF record
  LANGUAGE plpgsql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  item record;
BEGIN
  list := 'allow_tools';
  FOR item IN
    SELECT c.tool, c.calls, c.recorded, c.first_at, c.last_at, w.conditions, w.notes
      FROM (SELECT x.tool, count(*) AS calls, count(x.args) AS recorded, min(x.at) AS first_at, max(x.at) AS last_at
              FROM agentcore.suggest_calls(suggest_tools.agent, suggest_tools.since, suggest_tools.until, suggest_tools.tenant) x GROUP BY 1) c
      LEFT JOIN (SELECT s.tool, jsonb_object_agg(s.pointer, s.schema) FILTER (WHERE s.schema IS NOT NULL) AS conditions, string_agg(s.note, '; ' ORDER BY s.pointer) AS notes
                   FROM agentcore.suggest_when(suggest_tools.agent, suggest_tools.policy, suggest_tools.by_value, suggest_tools.since, suggest_tools.until, suggest_tools.min_calls, suggest_tools.max_values, suggest_tools.tenant) s
                  GROUP BY 1) w USING (tool)
     ORDER BY c.tool
  LOOP
    calls := item.calls;
    first_at := item.first_at;
    last_at := item.last_at;
    rule := jsonb_build_object('tool', item.tool);
    note := item.notes;
    IF item.calls < suggest_tools.min_calls THEN
      rule := NULL;
      note := format('%s: fewer calls than min_calls', item.tool);
    ELSIF item.recorded < item.calls THEN
      note := format('by its name alone: the arguments of %s calls were not recorded', item.calls - item.recorded);
    ELSIF item.conditions IS NOT NULL THEN
      BEGIN
        rule := rule || jsonb_build_object('name', left(format('%s: %s calls', item.tool, item.calls), 255), 'when', item.conditions);
        PERFORM agentcore.policy_diff(suggest_tools.policy, contexts => '{}', rules => jsonb_build_object('allow_tools', jsonb_build_array(rule)), tenant => suggest_tools.tenant);
      EXCEPTION WHEN invalid_parameter_value OR statement_too_complex OR program_limit_exceeded THEN
        rule := jsonb_build_object('tool', item.tool);
        note := format('by its name alone: %s', SQLERRM);
      END;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.suggest_tools(text, text, boolean, timestamptz, timestamptz, bigint, integer, text) IS
  'Internal. '
  'Rules that allow the tools that an agent has called.';

CREATE FUNCTION agentcore.suggest_prefix(paths text[]) RETURNS text
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  first constant text[] := string_to_array(ltrim(paths[1], '/'), '/');
  same integer := cardinality(first);
  path text;
  other text[];
BEGIN
  FOREACH path IN ARRAY coalesce(paths, '{}') LOOP
    other := string_to_array(ltrim(path, '/'), '/');
    same := least(same, cardinality(other));
    WHILE same > 0 AND (first[1:same] <> other[1:same] OR first[same] = '') LOOP
      same := same - 1;
    END LOOP;
  END LOOP;
  RETURN CASE WHEN same > 0 THEN '/' || array_to_string(first[1:same], '/') END;
END
$$;
COMMENT ON FUNCTION agentcore.suggest_prefix(text[]) IS
  'Internal. '
  'The path whose segments begin all of the paths; NULL: they have none in common.';

CREATE FUNCTION agentcore.suggest_places(agent text, policy text, by_value boolean, since timestamptz, until timestamptz, max_values integer, suffixes text[], tenant text,
    OUT id bigint, OUT at timestamptz, OUT scheme text, OUT host text, OUT pattern text, OUT special text, OUT port integer, OUT method text, OUT place boolean, OUT path text, OUT segment text) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  WITH used AS MATERIALIZED (
    SELECT c.id, c.at, p.scheme, p.host, p.port, u.method, u.form = 'place' AS place, p.url,
           -- of a template, what stands before its first expression
           CASE u.form WHEN 'template' THEN regexp_replace(p.path, '[^/]*$', '') ELSE p.path END AS path
      FROM agentcore.suggest_calls(agent, since, until, tenant) c, agentcore.call_urls(c.tool, c.args, policy, by_value, tenant) u,
           LATERAL (SELECT CASE u.form WHEN 'place' THEN format('https://%s/', CASE WHEN u.url LIKE '%:%' AND u.url NOT LIKE '[%' THEN '[' || u.url || ']' ELSE u.url END)
                                       WHEN 'template' THEN regexp_replace(u.url, '\{.*', '') ELSE u.url END) t (text), agentcore.url_parse(t.text) p
     WHERE c.args IS NOT NULL AND p.ok
  ), hosts AS MATERIALIZED (
    SELECT h.host, coalesce((SELECT s.pattern FROM unnest(suffixes) s (pattern) WHERE right('.' || h.host, length(s.pattern) - 1) = substr(s.pattern, 2) ORDER BY length(s.pattern), s.pattern LIMIT 1), h.host) AS pattern,
           (SELECT min(e.pattern) FROM agentcore.policy_explain(policy, h.url, tenant => tenant) e WHERE e.effect = 'special' AND e.matched) AS special
      FROM (SELECT u.host, min(u.url) AS url FROM used u GROUP BY 1) h
  )
  SELECT u.id, u.at, u.scheme, u.host, h.pattern, h.special, u.port, u.method, u.place, u.path,
         -- paths are told apart by their first segment, where those are few
         CASE WHEN NOT u.place AND f.segments <= max_values THEN split_part(u.path, '/', 2) END
    FROM used u JOIN hosts h USING (host)
    JOIN (SELECT y.pattern, x.port, x.method, count(DISTINCT split_part(x.path, '/', 2)) AS segments FROM used x JOIN hosts y USING (host) GROUP BY 1, 2, 3) f
      ON f.pattern = h.pattern AND f.port = u.port AND f.method IS NOT DISTINCT FROM u.method
$$;
COMMENT ON FUNCTION agentcore.suggest_places(text, text, boolean, timestamptz, timestamptz, integer, text[], text) IS
  'Internal. '
  'Where an agent''s calls went, by their recorded arguments: one row per call, address and method. '
  'pattern: the host, or the suffix that was stated for it; special: the special entry that covers it (NULL: none); place: a host without more; segment: the first of its path, NULL where those are many.';

CREATE FUNCTION agentcore.suggest_urls(agent text, policy text, by_value boolean, since timestamptz, until timestamptz, min_calls bigint, max_values integer, suffixes text[], tenant text, OUT list text, OUT rule jsonb, OUT calls bigint, OUT first_at timestamptz, OUT last_at timestamptz, OUT note text, OUT schemes text[]) RETURNS SETOF record
  LANGUAGE plpgsql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  item record;
  prefix text;
BEGIN
  list := 'allow';
  FOR item IN
    WITH places AS MATERIALIZED (
      SELECT p.* FROM agentcore.suggest_places(suggest_urls.agent, suggest_urls.policy, suggest_urls.by_value, suggest_urls.since, suggest_urls.until, suggest_urls.max_values, suggest_urls.suffixes, suggest_urls.tenant) p
    ), groups AS (
      SELECT p.pattern, p.place, p.port, p.method, p.segment, count(DISTINCT p.id) AS calls, agentcore.suggest_prefix(array_agg(DISTINCT p.path)) AS prefix
        FROM places p GROUP BY 1, 2, 3, 4, 5
    )
    SELECT g.pattern, g.place, CASE WHEN NOT g.place THEN g.port END AS port, CASE WHEN NOT g.place THEN g.prefix END AS prefix, g.calls >= suggest_urls.min_calls AS enough,
           max(p.special) AS special, count(DISTINCT p.id) AS calls, min(p.at) AS first_at, max(p.at) AS last_at,
           array_agg(DISTINCT p.scheme) FILTER (WHERE NOT g.place) AS schemes, array_agg(DISTINCT p.method) FILTER (WHERE NOT g.place) AS methods,
           g.place AND EXISTS (SELECT FROM groups o WHERE o.pattern = g.pattern AND NOT o.place AND o.calls >= suggest_urls.min_calls) AS covered
      FROM groups g JOIN places p ON p.pattern = g.pattern AND p.place = g.place AND p.port = g.port AND p.method IS NOT DISTINCT FROM g.method AND p.segment IS NOT DISTINCT FROM g.segment
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4 NULLS FIRST, 5
  LOOP
    calls := item.calls;
    first_at := item.first_at;
    last_at := item.last_at;
    schemes := item.schemes;
    note := NULL;
    rule := jsonb_strip_nulls(jsonb_build_object('pattern', item.pattern, 'methods', item.methods, 'ports', CASE WHEN NOT item.place THEN ARRAY[item.port] END));
    IF item.special IS NOT NULL THEN
      rule := NULL;
      note := format('%s: never suggested, since it is special (%s)', item.pattern, item.special);
    ELSIF NOT item.enough THEN
      rule := NULL;
      note := format('%s: fewer calls than min_calls', item.pattern || coalesce(item.prefix, ''));
    ELSIF item.covered THEN
      rule := NULL;
      note := format('%s: the rules for its URLs allow its name', item.pattern);
    ELSE
      prefix := item.prefix;
      LOOP
        BEGIN
          PERFORM agentcore.policy_diff(suggest_urls.policy, urls => '{}', rules => jsonb_build_object('allow', jsonb_build_array(rule || jsonb_strip_nulls(jsonb_build_object('path_prefix', prefix)))), tenant => suggest_urls.tenant);
          EXIT;
        EXCEPTION WHEN invalid_parameter_value THEN
          -- a path that no rule can say is said as far as it can be
          IF prefix IS NULL THEN
            RAISE;
          END IF;
          prefix := nullif(regexp_replace(prefix, '/[^/]*$', ''), '');
        END;
      END LOOP;
      rule := rule || jsonb_strip_nulls(jsonb_build_object('path_prefix', prefix));
      note := CASE WHEN item.place THEN 'any URL of it, too' WHEN prefix IS NULL THEN 'any path' END;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.suggest_urls(text, text, boolean, timestamptz, timestamptz, bigint, integer, text[], text) IS
  'Internal. '
  'Rules that allow the addresses that an agent''s calls went to.';

CREATE FUNCTION agentcore.suggest_rules(agent text, policy text, since timestamptz, until timestamptz, min_calls bigint, max_values integer, suffixes text[], tenant text, OUT list text, OUT rule jsonb, OUT calls bigint, OUT first_at timestamptz, OUT last_at timestamptz, OUT note text, OUT schemes text[]) RETURNS SETOF record
  LANGUAGE plpgsql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET jit = off -- compiling it took 4 s, running it 0.1 s
  AS $$
DECLARE
  by_value constant boolean := (SELECT p.strict_urls FROM agentcore.policy p WHERE p.tenant = suggest_rules.tenant AND p.name = suggest_rules.policy);
BEGIN
  -- a suffix that no rule may name is the caller's mistake
  PERFORM agentcore.policy_diff(suggest_rules.policy, urls => '{}', rules => jsonb_build_object('allow', to_jsonb(coalesce(suffixes, '{}'))), tenant => suggest_rules.tenant);
  RETURN QUERY
    SELECT t.list, t.rule, t.calls, t.first_at, t.last_at, t.note, NULL::text[]
      FROM agentcore.suggest_tools(suggest_rules.agent, suggest_rules.policy, by_value, suggest_rules.since, suggest_rules.until, suggest_rules.min_calls, suggest_rules.max_values, suggest_rules.tenant) t;
  RETURN QUERY
    SELECT u.list, u.rule, u.calls, u.first_at, u.last_at, u.note, u.schemes
      FROM agentcore.suggest_urls(suggest_rules.agent, suggest_rules.policy, by_value, suggest_rules.since, suggest_rules.until, suggest_rules.min_calls, suggest_rules.max_values, suggest_rules.suffixes, suggest_rules.tenant) u;
END
$$;
COMMENT ON FUNCTION agentcore.suggest_rules(text, text, timestamptz, timestamptz, bigint, integer, text[], text) IS
  'Internal. '
  'The rows of policy_suggest_rules(), with the schemes of an address.';

CREATE FUNCTION agentcore.suggest_document(agent text, policy text, name text, since timestamptz, until timestamptz, min_calls bigint, max_values integer, suffixes text[], tenant text) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET jit = off -- as above
  AS $$
  WITH rules AS MATERIALIZED (
    SELECT r.* FROM agentcore.suggest_rules(agent, policy, since, until, min_calls, max_values, suffixes, tenant) WITH ORDINALITY r WHERE r.rule IS NOT NULL
  )
  SELECT jsonb_build_object(
           'policies', jsonb_build_array(
             agentcore.policy_members(policy, tenant)
             || jsonb_build_object('name', suggest_document.name, 'mode', 'enforce',
                  'allow', (SELECT coalesce(jsonb_agg(r.rule ORDER BY r.ordinality), '[]') FROM rules r WHERE r.list = 'allow'),
                  'allow_tools', (SELECT coalesce(jsonb_agg(r.rule ORDER BY r.ordinality), '[]') FROM rules r WHERE r.list = 'allow_tools'))
             || (SELECT CASE WHEN count(*) > 0 THEN jsonb_build_object('schemes', jsonb_agg(DISTINCT s.scheme)) ELSE '{}' END FROM rules r, unnest(r.schemes) s (scheme))),
           'agents', jsonb_build_array(jsonb_build_object('name', agent, 'policy', suggest_document.name)))
$$;
COMMENT ON FUNCTION agentcore.suggest_document(text, text, text, timestamptz, timestamptz, bigint, integer, text[], text) IS
  'Internal. '
  'The document of policy_suggest().';

CREATE FUNCTION agentcore.policy_suggest_rules(agent text, since timestamptz, until timestamptz DEFAULT NULL, min_calls bigint DEFAULT 1, max_values integer DEFAULT 10, suffixes text[] DEFAULT NULL, tenant text DEFAULT '', OUT list text, OUT rule jsonb, OUT calls bigint, OUT first_at timestamptz, OUT last_at timestamptz, OUT note text) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_suggest_rules_v1';
COMMENT ON FUNCTION agentcore.policy_suggest_rules(text, timestamptz, timestamptz, bigint, integer, text[], text) IS
  'The rules of policy_suggest(), each with the calls that stand behind it. '
  'list: allow_tools or allow, the member of a policy that the rule belongs to. '
  'rule: as that member takes it; NULL: none is suggested, and note says why. '
  'calls: how many calls the rule was made of; first_at, last_at: when they were begun. '
  'note: what the rule leaves open (NULL: nothing). '
  'Arguments as in policy_suggest(), without policy. '
  'Needs admin.';

CREATE FUNCTION agentcore.policy_suggest(agent text, since timestamptz, until timestamptz DEFAULT NULL, min_calls bigint DEFAULT 1, max_values integer DEFAULT 10, suffixes text[] DEFAULT NULL, policy text DEFAULT NULL, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_suggest_v1';
COMMENT ON FUNCTION agentcore.policy_suggest(text, timestamptz, timestamptz, bigint, integer, text[], text, text) IS
  'The narrowest rules that allow what an agent has done since, up to before until (NULL: now), by the log, as a document for config_apply() and call_replay(). '
  'It holds the agent''s policy under another name (policy; NULL: the agent''s name and '' suggested''), in mode enforce, with other allow and allow_tools, and the agent with that policy; what the policy denies, asks, checks, limits and remembers stays. '
  'Only calls that ran or were answered from the cache count, each once; of those that an audit let pass, only those that lacked a rule or came too often. '
  'min_calls: nothing counts that fewer calls stand behind: no tool, address or value, and no end of a range. '
  'max_values: up to so many different texts are an enumeration, more are any text; patterns are never guessed. '
  'suffixes: ''*.example.com'' makes one rule of the hosts below it; a public suffix: 22023. '
  'Special addresses and names are never suggested. '
  'A tool of which a call''s arguments were not recorded is allowed by its name alone. '
  'An agent can make calls to be allowed more, so a person has to read the document, and policy_suggest_rules() beside it. '
  'Needs admin. '
  'Unknown agent: 42704; out of range: 22023.';

INSERT INTO agentcore.access_function VALUES
  ('suggest_calls', 'internal'), ('suggest_leaves', 'internal'), ('suggest_meets', 'internal'), ('suggest_nothing', 'internal'), ('suggest_when', 'internal'), ('suggest_tools', 'internal'),
  ('suggest_prefix', 'internal'), ('suggest_places', 'internal'), ('suggest_urls', 'internal'), ('suggest_rules', 'internal'), ('suggest_document', 'internal'),
  ('policy_suggest', 'admin'), ('policy_suggest_rules', 'admin');
