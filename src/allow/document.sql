-- Policies as documents, and what a change would do.

CREATE FUNCTION agentcore.policy_document(document jsonb) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  known text[] := '{name,mode,schemes,methods,strict_urls,tz,allow,deny,allow_tools,deny_tools,ask_tools,checks,facts,limits,drop}';
  given jsonb := document;
  network jsonb := document -> 'network';
  requests jsonb;
  member record;
BEGIN
  IF jsonb_typeof(document) = 'array' THEN
    FOR member IN SELECT value, ordinality AS n FROM jsonb_array_elements(document) WITH ORDINALITY LOOP
      IF member.value ->> 'effect' IS NULL OR member.value ->> 'effect' NOT IN ('allow', 'deny') THEN
        RAISE EXCEPTION 'entry % of a list of rules has no effect', member.n
          USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {"effect": "allow", "pattern": "..."}, or deny.';
      END IF;
    END LOOP;
    RETURN (SELECT jsonb_build_object(
              'allow', coalesce(jsonb_agg(value - 'effect' ORDER BY ordinality) FILTER (WHERE value ->> 'effect' = 'allow'), '[]'),
              'deny', coalesce(jsonb_agg(value - 'effect' ORDER BY ordinality) FILTER (WHERE value ->> 'effect' = 'deny'), '[]'))
              FROM jsonb_array_elements(document) WITH ORDINALITY);
  ELSIF jsonb_typeof(document) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a policy document must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
  END IF;

  IF document ?| '{network,budget,violations}' THEN
    known := '{network,budget,violations}';
    -- JavaScript's spelling and Python's
    requests := coalesce(nullif(document #> '{budget,maxRequests}', 'null'), document #> '{budget,max_requests}', 'null');
    FOR member IN
      SELECT m.key, m.value, w.word FROM (VALUES ('network', '{allow,deny,methods}'::text[]), ('budget', '{maxRequests,max_requests}')) w (word, keys),
             jsonb_each(CASE jsonb_typeof(document -> w.word) WHEN 'object' THEN document -> w.word ELSE '{}' END) m
       WHERE m.key <> ALL (w.keys)
    LOOP
      RAISE EXCEPTION 'unknown member "%" of "%"', member.key, member.word
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Known are allow, deny and methods of network, and maxRequests or max_requests of budget.';
    END LOOP;
    IF jsonb_typeof(network) IS DISTINCT FROM 'object' THEN
      RAISE EXCEPTION 'network must be an object'
        USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Without it agentguard lets every host be reached.',
              HINT = 'Write {"network": {"allow": ["*"]}} if that is meant.';
    END IF;
    IF coalesce(jsonb_typeof(document -> 'budget'), 'null') NOT IN ('object', 'null')
       OR jsonb_typeof(requests) NOT IN ('number', 'null')
       OR (requests #>> '{}')::numeric NOT BETWEEN 0 AND 9007199254740991
       OR (requests #>> '{}')::numeric <> trunc((requests #>> '{}')::numeric) THEN
      RAISE EXCEPTION 'budget.maxRequests must be a whole number between 0 and 2^53 - 1'
        USING ERRCODE = 'invalid_parameter_value', DETAIL = 'max_requests is another spelling of it.';
    ELSIF nullif(document #> '{budget,max_requests}', 'null') <> requests THEN
      RAISE EXCEPTION 'budget.maxRequests and budget.max_requests differ' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF document -> 'violations' NOT IN ('"throw"', '"block"', '"enforce"', '"audit"', 'null') THEN
      RAISE EXCEPTION 'unknown violations'
        USING ERRCODE = 'invalid_parameter_value', HINT = 'throw, block and enforce become mode enforce; audit becomes mode audit.';
    END IF;
    given := network || jsonb_build_object(
      'mode', CASE document ->> 'violations' WHEN 'audit' THEN 'audit' ELSE 'enforce' END, 'schemes', '["http", "https"]'::jsonb,
      'allow', coalesce(nullif(network -> 'allow', 'null'), '["*"]'), 'deny', coalesce(nullif(network -> 'deny', 'null'), '[]'));
    FOR member IN SELECT l.key FROM (VALUES ('allow'), ('deny')) l (key)
       WHERE jsonb_typeof(given -> l.key) <> 'array' OR jsonb_path_exists(given, format('strict $.%I[*] ? (@.type() != "string")', l.key)::jsonpath)
    LOOP
      RAISE EXCEPTION 'network.% must be an array of host patterns', member.key USING ERRCODE = 'invalid_parameter_value';
    END LOOP;
  END IF;

  FOR member IN SELECT key, value FROM jsonb_each(document) LOOP
    IF member.key <> ALL (known) THEN
      RAISE EXCEPTION 'unknown member "%" of a policy document', member.key
        USING ERRCODE = 'invalid_parameter_value', HINT = format('Known members: %s.', array_to_string(known, ', '));
    END IF;
  END LOOP;
  FOR member IN SELECT key, value FROM jsonb_each(given) LOOP
    IF jsonb_typeof(member.value) <> (CASE WHEN member.key IN ('name', 'mode', 'tz') THEN 'string' WHEN member.key = 'strict_urls' THEN 'boolean' ELSE 'array' END)
       AND (member.value <> 'null' OR member.key IN ('name', 'drop')) THEN
      RAISE EXCEPTION 'member "%" of a policy document must be %', member.key, CASE WHEN member.key IN ('name', 'mode', 'tz') THEN 'a string' WHEN member.key = 'strict_urls' THEN 'a boolean' ELSE 'an array' END
        USING ERRCODE = 'invalid_parameter_value';
    ELSIF member.key IN ('schemes', 'methods') AND member.value <> 'null' AND jsonb_path_exists(member.value, 'strict $[*] ? (@.type() != "string")')
       OR member.key = 'drop' AND EXISTS (SELECT FROM jsonb_array_elements(member.value) d WHERE d::text !~ '^[0-9]{1,18}$') THEN
      RAISE EXCEPTION 'member "%" of a policy document has an entry of another type', member.key USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END LOOP;
  RETURN given - 'name';
END
$$;
COMMENT ON FUNCTION agentcore.policy_document(jsonb) IS
  'A policy as policy_export() writes it: {mode, schemes, methods, strict_urls, tz, allow, deny, allow_tools, deny_tools, ask_tools, checks, facts, limits}. '
  'Made of such a document, of a list of rules [{effect, pattern, ...}], or of agentguard''s {network: {allow, deny, methods}, budget: {maxRequests or max_requests}, violations}. '
  'From agentguard: schemes become http and https, and ports any, because it looks at neither; no allow list becomes [''*'']; violations throw and block become mode enforce, audit becomes audit; budget is checked and left to policy_import(). '
  'drop: ids of rules, for policy_diff(). '
  'Unknown members, members of another type, no network: 22023. '
  'NULL: 22023.';

CREATE FUNCTION agentcore.policy_named(document jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT agentcore.policy_document(document)
         - CASE WHEN NOT document ?| '{network,budget,violations}' THEN '{}'::text[]
                ELSE array_remove(ARRAY[CASE WHEN NOT document ? 'violations' THEN 'mode' END,
                                        CASE WHEN NOT document -> 'network' ? 'allow' THEN 'allow' END,
                                        CASE WHEN NOT document -> 'network' ? 'deny' THEN 'deny' END], NULL) END
$$;
COMMENT ON FUNCTION agentcore.policy_named(jsonb) IS
  'Internal. '
  'policy_document() without what agentguard''s shape only implies: the members that the document names, to be laid over an existing policy.';

CREATE FUNCTION agentcore.policy_proposal(document jsonb, OUT effect text, OUT pattern text, OUT methods text[], OUT ports integer[], OUT path_prefix text, OUT valid tstzrange, OUT force boolean) RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
#variable_conflict use_column
DECLARE
  known constant text[] := '{pattern,methods,ports,path_prefix,valid,force}';
  item record;
BEGIN
  FOR item IN
    SELECT e.effect, x.n, CASE jsonb_typeof(x.value) WHEN 'string' THEN jsonb_build_object('pattern', x.value) ELSE x.value END AS rule
      FROM unnest('{allow,deny}'::text[]) WITH ORDINALITY e (effect, place), jsonb_array_elements(nullif(document -> e.effect, 'null')) WITH ORDINALITY x (value, n)
     ORDER BY e.place, x.n
  LOOP
    IF jsonb_typeof(item.rule) <> 'object' OR item.rule - known <> '{}' THEN
      RAISE EXCEPTION 'entry % of "%" is not a rule', item.n, item.effect
        USING ERRCODE = 'invalid_parameter_value', HINT = format('Write a pattern, or an object with the members %s.', array_to_string(known, ', '));
    END IF;
    BEGIN
      RETURN QUERY SELECT item.effect, r.pattern, r.methods, r.ports, r.path_prefix, r.valid, coalesce(r.force, false)
        FROM jsonb_to_record(item.rule) AS r (pattern text, methods text[], ports integer[], path_prefix text, valid tstzrange, force boolean);
    EXCEPTION WHEN data_exception THEN
      RAISE EXCEPTION 'entry % of "%" has a member of another type', item.n, item.effect USING ERRCODE = 'invalid_parameter_value';
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.policy_proposal(jsonb) IS
  'Internal. '
  'The rules for URLs of a policy document: one row per rule, not yet canonical. '
  'Unknown members and members of another type: 22023.';

CREATE FUNCTION agentcore.policy_tool_proposal(document jsonb, OUT effect text, OUT tool text, OUT valid tstzrange, OUT "when" jsonb, OUT name text, OUT feedback text, OUT audit boolean,
    OUT approvers text, OUT votes integer, OUT self boolean, OUT decide_within interval, OUT bind text[]) RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
#variable_conflict use_column
DECLARE
  known text[];
  item record;
BEGIN
  FOR item IN
    SELECT l.effect, l.effect || '_tools' AS list, x.n, CASE jsonb_typeof(x.value) WHEN 'string' THEN jsonb_build_object('tool', x.value) ELSE x.value END AS rule
      FROM unnest('{allow,deny,ask}'::text[]) WITH ORDINALITY l (effect, place), jsonb_array_elements(nullif(document -> (l.effect || '_tools'), 'null')) WITH ORDINALITY x (value, n)
     ORDER BY l.place, x.n
  LOOP
    known := '{tool,valid,when,name,feedback}'::text[] || CASE item.effect WHEN 'deny' THEN '{audit}' WHEN 'ask' THEN '{audit,approvers,votes,self,decide_within,bind}' ELSE '{}' END::text[];
    IF jsonb_typeof(item.rule) <> 'object' OR item.rule - known <> '{}' THEN
      RAISE EXCEPTION 'entry % of "%" is not a rule', item.n, item.list
        USING ERRCODE = 'invalid_parameter_value', HINT = format('Write a tool''s name or pattern, or an object with the members %s.', array_to_string(known, ', '));
    END IF;
    BEGIN
      RETURN QUERY SELECT item.effect, r.tool, r.valid, r."when", r.name, r.feedback, coalesce(r.audit, false), r.approvers, coalesce(r.votes, 1), coalesce(r.self, false), coalesce(r.decide_within, '1 day'), r.bind
        FROM jsonb_to_record(item.rule) AS r (tool text, valid tstzrange, "when" jsonb, name text, feedback text, audit boolean, approvers text, votes integer, self boolean, decide_within interval, bind text[]);
    EXCEPTION WHEN data_exception THEN
      RAISE EXCEPTION 'entry % of "%" has a member of another type', item.n, item.list USING ERRCODE = 'invalid_parameter_value';
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.policy_tool_proposal(jsonb) IS
  'Internal. '
  'The rules for tools of a policy document, in the arguments of policy_ask_tool(): one row per rule, not yet checked. '
  'Unknown members and members of another type: 22023.';

CREATE FUNCTION agentcore.policy_diff(policy text, urls text[] DEFAULT NULL, rules jsonb DEFAULT NULL, method text DEFAULT 'GET', replace boolean DEFAULT false, contexts jsonb[] DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.policy_change
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_diff_v1';
COMMENT ON FUNCTION agentcore.policy_diff(text, text[], jsonb, text, boolean, jsonb[], text) IS
  'What a change of a policy would mean for these URLs, or for calls with these contexts: one row per URL that url_check(), or context that policy_simulate(), would answer otherwise. '
  'contexts: as in policy_simulate(). '
  'rules: what policy_document() takes; allow, deny, allow_tools, deny_tools and ask_tools are added to the policy''s rules, a rule for tools in the place of the one of its name, those of drop (ids) are left out, mode, schemes, methods and tz are as given or stay. '
  'replace: what policy_import() would make of it; each list replaces the policy''s own where it is given. '
  'Nothing is written or locked; it runs on a standby. '
  'Needs reader. '
  'A rule that its setter would refuse is refused here too (22023). '
  'Unknown policy or rule to drop: 42704. '
  'NULL policy or rules, and neither or both of urls and contexts: 22023.';
