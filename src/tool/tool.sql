-- tool: the registry of tools, and arguments judged by the name of a tool.

CREATE TABLE agentcore.tool (
  tenant         text COLLATE "C" NOT NULL,
  name           text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
  revision       bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  description    text,
  input_schema   jsonb NOT NULL,
  dialect        text COLLATE "C" NOT NULL DEFAULT 'auto',
  mode           text COLLATE "C" NOT NULL DEFAULT 'enforce' CHECK (mode IN ('enforce', 'audit')),
  coerce         boolean NOT NULL DEFAULT false,
  additional     boolean NOT NULL DEFAULT false,
  url_args       text[],
  cache_ttl      interval,
  cache_scope    text COLLATE "C" NOT NULL DEFAULT 'agent' CHECK (cache_scope IN ('subject', 'agent', 'tenant', 'shared', 'shared_open')),
  tags           text[],
  lease          interval,
  idempotent     boolean NOT NULL DEFAULT false,
  est_tokens     bigint CHECK (est_tokens >= 0),
  est_nanousd    bigint CHECK (est_nanousd >= 0),
  retry_policy   text COLLATE "C",
  target         text COLLATE "C",
  needs_approval boolean NOT NULL DEFAULT false,
  enabled        boolean NOT NULL DEFAULT true,
  cache_soft_ttl interval,
  cache_negative_ttl interval,
  cache_max_size bigint CHECK (cache_max_size > 0),
  drop_unknown   boolean NOT NULL DEFAULT false,
  url_skip       text[],
  error_pointer  text COLLATE "C",
  open_world     boolean,
  http_method    text COLLATE "C",
  guessed        text[],
  origin         text COLLATE "C",
  meta           jsonb,
  pending        jsonb,
  traits         text[],
  taints         text[],
  once           interval,
  once_by        text[],
  once_scope     text COLLATE "C" NOT NULL DEFAULT 'task' CHECK (once_scope IN ('task', 'subject', 'agent', 'tenant')),
  log_args       text[],
  record         text COLLATE "C" CHECK (record IN ('none', 'digest', 'args', 'all')),
  redact         text[],
  output_schema  jsonb,
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.tool');
SELECT pg_catalog.pg_extension_config_dump('agentcore.tool', '');
COMMENT ON TABLE agentcore.tool IS
  'The registered tools of each tenant. '
  'Written by tool_set() and tool_drop(); read them in agentcore.tools. '
  'est_nanousd is in 10^-9 USD; NULL estimates are unknown. '
  'guessed is what tool_set() and tool_import() made of the schema; NULL where url_args are stated. '
  'origin, meta and pending: see the view.';

INSERT INTO agentcore.access_source VALUES ('tool'), ('json_schema');

CREATE VIEW agentcore.tools WITH (security_barrier) AS
  SELECT t.tenant, t.name, t.description, t.input_schema, t.dialect, t.mode, t.coerce, t.additional, t.url_args,
         t.cache_ttl, t.cache_scope, t.tags, t.lease, t.idempotent, t.est_tokens,
         pg_catalog.trim_scale(t.est_nanousd::numeric / 1000000000) AS est_usd, t.retry_policy, t.target, t.needs_approval, t.enabled,
         t.cache_soft_ttl, t.cache_negative_ttl, t.cache_max_size, t.drop_unknown, t.url_skip, t.revision, t.error_pointer, t.open_world, t.http_method, t.guessed,
         t.origin, t.meta, t.pending, t.traits, t.taints, t.once, t.once_by, t.once_scope, t.log_args,
         t.record, t.redact, t.output_schema
    FROM agentcore.visible_rows(NULL::agentcore.tool) t;
COMMENT ON VIEW agentcore.tools IS
  'The tools of the tenants visible to the caller. '
  'est_usd is in USD, cache_max_size in bytes. '
  'est_tokens, est_usd: what a call costs if its caller does not say; NULL: unknown, which needs room in every limit; 0: nothing. '
  'url_args are judged in addition to the strings that the schema calls URLs; url_skip are strings that it calls URLs but that are only data. '
  'error_pointer NULL: results that are errors are known by result_error_shapes(). '
  'guessed: the arguments that are taken for URLs by their names and descriptions, because url_args is NULL; judged too, like url_args, or only where they are URLs by their value if the description names something else as well. '
  'http_method NULL: as the arguments say, else GET. '
  'open_world false: a policy''s strict_urls does not look at the arguments. '
  'origin: whose definition it is, by tool_import(); NULL: nobody''s, tool_set() made it. '
  'meta: what the definition says beside name, description and schemas, an object of title, annotations, _meta, and an outputSchema that cannot be used; NULL: nothing. '
  'Nothing is decided by it. '
  'traits, taints, once, once_by, once_scope, log_args, record, redact, output_schema: see tool_set(). '
  'pending: a changed definition that waits for tool_accept(), an object of digest, description, input_schema, output_schema and meta; until then calls are denied (tool_changed); NULL: nothing waits. '
  'cache_ttl NULL: results are not cached. '
  'cache_soft_ttl NULL: results are never stale before they expire. '
  'cache_negative_ttl NULL: failures are not kept. '
  'cache_max_size NULL: every size that fits is cached. '
  'lease NULL: agentcore.lease_default.';

CREATE FUNCTION agentcore.tool_set(name text, input_schema jsonb DEFAULT NULL, description text DEFAULT NULL, dialect text DEFAULT NULL,
    mode text DEFAULT NULL, coerce boolean DEFAULT NULL, additional boolean DEFAULT NULL, url_args text[] DEFAULT NULL,
    cache_ttl interval DEFAULT NULL, cache_scope text DEFAULT NULL, tags text[] DEFAULT NULL, lease interval DEFAULT NULL,
    idempotent boolean DEFAULT NULL, est_tokens bigint DEFAULT NULL, est_usd numeric DEFAULT NULL, retry_policy text DEFAULT NULL,
    target text DEFAULT NULL, needs_approval boolean DEFAULT NULL, enabled boolean DEFAULT NULL, cache_soft_ttl interval DEFAULT NULL,
    cache_negative_ttl interval DEFAULT NULL, cache_max_size bigint DEFAULT NULL, drop_unknown boolean DEFAULT NULL,
    url_skip text[] DEFAULT NULL, error_pointer text DEFAULT NULL, open_world boolean DEFAULT NULL, http_method text DEFAULT NULL,
    meta jsonb DEFAULT NULL, origin text DEFAULT NULL, traits text[] DEFAULT NULL, taints text[] DEFAULT NULL, once interval DEFAULT NULL,
    once_by text[] DEFAULT NULL, once_scope text DEFAULT NULL, log_args text[] DEFAULT NULL, record text DEFAULT NULL,
    redact text[] DEFAULT NULL, output_schema jsonb DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_set_v1';
COMMENT ON FUNCTION agentcore.tool_set(text, jsonb, text, text, text, boolean, boolean, text[], interval, text, text[], interval, boolean, bigint, numeric, text, text, boolean, boolean, interval, interval, bigint, boolean, text[], text, boolean, text, jsonb, text, text[], text[], interval, text[], text, text[], text, text[], jsonb, text[], text) IS
  'Registers or changes a tool; returns whether anything changed. '
  'An argument that is not given (NULL) stays as it is. '
  'mode audit: arguments that the schema refuses are reported, and the call goes on; nothing else is let pass. '
  'A new tool needs input_schema; its defaults are dialect auto, mode enforce, cache_scope agent, unknown estimates (NULL), enabled, and every other switch off: it is not cached, not coerced, not idempotent and needs no approval. '
  'reset: names of arguments to set back to these defaults. '
  'url_args: JSON Pointers to arguments that are URLs; the token * stands for every array element. '
  'They are judged in addition to every string that the schema calls a URL or a part of one (formats uri, url, iri, their references and templates, hostname, idn-hostname, ipv4, ipv6, ip; contentSchema). '
  'Not stated (NULL), they are guessed from names (url, uri, href, link, endpoint, website, webhook, callback, web address), descriptions, patterns, defaults and examples, wherever a string can stand without a format or fixed values; the view tools shows them as guessed. '
  'A list replaces the guess; {} turns it off, and formats stay judged; reset turns it on again. '
  'url_skip: JSON Pointers to strings that a format or the guess calls URLs but that are only data; they are not judged, and tool_lint() lists them. '
  'open_world: false exempts the tool from a policy''s strict_urls; NULL is unknown. '
  'Annotations of a server never set it. '
  'http_method: the method that every URL of the tool is used with, beside those that the arguments name; NULL: what the arguments name, else GET. '
  'error_pointer: JSON Pointer to the place where a result of this tool brings an error, in place of the shapes of result_error_shapes(); the token * stands for every array element. '
  'A result is an error if something stands there that is not null, false, 0 or empty; it is never cached. '
  'meta: what an import keeps of a definition beside name, description and schemas: title, annotations, _meta, and an outputSchema that cannot be used; nothing is decided by it. '
  'origin: which tool_import() may change the definition; NULL: none, unless it adopts. '
  'traits: your words for the tool, which rules of policies may ask for; never taken from a server''s annotations. '
  'taints: labels that a call of the tool leaves on its task, when it begins; only a person clears them. '
  'once: after a call that took effect the same one does not run again for that long, whatever its key; the same is told by the members of the arguments that once_by points at (all of them where it is not given), within the task, subject, agent or tenant that once_scope names (task). '
  'The input schema must require what once_by points at. '
  'log_args: JSON Pointers to arguments whose values call_log.context keeps; none is kept without it. '
  'record: what call_log keeps of a call''s arguments and result, if agentcore.audit lets its rows be written: none, digest (a digest of the arguments), args (the arguments too) or all (the result too); NULL: as agentcore.record says. '
  'redact: JSON Pointers to what the log never keeps, of arguments and results alike, whatever record and log_args say; the token * stands for every element and member. A pointer that begins with /args is about arguments only, one with /result about results only. What a pointer cannot be followed through is hidden whole. '
  'output_schema: a schema that results are judged by when their calls are committed, as result_validate() does; dialect and additional hold for it too. '
  'A result that it refuses settles the call, and is charged, but not cached; a NOTICE, permits.result_note and the row of call_log say invalid_result. '
  'In mode audit that is said, and the result is cached all the same. '
  'additional: in agentvet''s dialect, unknown keys are allowed. '
  'cache_soft_ttl: from then until cache_ttl an answer is served as stale while one caller computes it anew. '
  'cache_negative_ttl: final failures are kept that long, and the gate says failed_before. '
  'cache_max_size: larger results, in bytes, are not cached. '
  'coerce: the gate repairs arguments as args_coerce() does. '
  'drop_unknown: with coerce, the gate also removes properties that are not allowed. '
  'An invalid schema, pattern, dialect, pointer or amount raises 22023, and nothing is changed.';

CREATE FUNCTION agentcore.tool_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_drop_v1';
COMMENT ON FUNCTION agentcore.tool_drop(text, text) IS
  'Removes a tool; returns whether there was one. '
  'NULL name: 22023.';

CREATE FUNCTION agentcore.tool_export(tool text, format text, strict boolean DEFAULT false, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_export_v1';
COMMENT ON FUNCTION agentcore.tool_export(text, text, boolean, text) IS
  'A tool as openai_chat, openai_responses, anthropic, mcp, gemini or bedrock want it defined; tool_import() reads it back to the same tool. '
  'agentvet''s dialect is written as JSON Schema. '
  'gemini gets parameters if its subset can say the same and is taken, else parametersJsonSchema, and neither for a tool without parameters. '
  'strict asks OpenAI or Anthropic for their strict mode; 22023 if the format has none. '
  'What the provider would refuse is written in another form of the same meaning, or raises 22023 with the rule (tool_lint(), provider_rules()). '
  'Unknown tool: 42704; NULL: 22023.';

CREATE FUNCTION agentcore.tool_lint(tool text, provider text DEFAULT NULL, tenant text DEFAULT '', OUT provider text, OUT path text, OUT keyword text, OUT effect text, OUT problem text, OUT rule text, OUT strict boolean) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_lint_v1';
COMMENT ON FUNCTION agentcore.tool_lint(text, text, text) IS
  'What a provider would do to the tool: openai, anthropic, gemini, bedrock, mcp, or agentcore; NULL: all of them. '
  'rule: its name in provider_rules(), which has the source. '
  'strict: it is a rule of the strict mode only. '
  'effect: refused, ignored (silently dropped, so that only the gate holds the model to it) or discouraged. '
  'path: JSON Pointer into the schema. '
  'keyword NULL: the tool itself. '
  'Provider agentcore is the gate, effect unjudged, path: a pointer into the arguments. '
  'A keyword of the schema there is a word that no dialect knows and that is near to one of theirs: it refuses nothing. '
  'The others are url_skip (an exemption), url_args (what looks like a URL and is not judged), http_method (no method is stated, although policies with methods apply) and est_usd (no cost is stated, although the tenant has budgets of money without min_hold_usd). '
  'No row: nothing was found. '
  'Unknown tool: 42704; unknown provider: 22023.';

CREATE FUNCTION agentcore.provider_rules(OUT provider text, OUT rule text, OUT strict boolean, OUT effect text, OUT problem text, OUT source text, OUT as_of date) RETURNS SETOF record
  LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 47
  AS 'MODULE_PATHNAME', 'agentcore_provider_rules_v1';
COMMENT ON FUNCTION agentcore.provider_rules() IS
  'What providers refuse, ignore or discourage of a tool''s definition, as tool_lint() and tool_export() know it. '
  'strict: only in the strict mode. '
  'Rules of gemini whose names begin with parameters_ hold for the member parameters; tool_export() then writes parametersJsonSchema. '
  'source, as_of: what was read, and when; as_of NULL: the source could not be read for this rule, which is kept because a wrong request costs more than an export that is refused.';

CREATE FUNCTION agentcore.result_error_shapes(OUT shape text, OUT predicate jsonpath, OUT source text, OUT as_of date) RETURNS SETOF record
  LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 26
  AS 'MODULE_PATHNAME', 'agentcore_result_error_shapes_v1';
COMMENT ON FUNCTION agentcore.result_error_shapes() IS
  'The shapes by which a result is known as an error: a result is one if result @@ predicate for any of them. '
  'source, as_of: what was read, and when it was published or read. '
  'Each asks for a sign of failure; a result that only contains the word matches none.';

CREATE FUNCTION agentcore.result_is_error(result jsonb) RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_result_is_error_v1';
COMMENT ON FUNCTION agentcore.result_is_error(jsonb) IS
  'Whether a result says that the call failed, by any shape of result_error_shapes(): isError of MCP, error of JSON-RPC, is_error of tool_result, status error of LangChain, {"error": ...} alone, and others. '
  'The gate caches no such result. '
  'A tool with an error_pointer has its own answer: tool_result_is_error(). '
  'Never NULL; NULL result: false.';

CREATE FUNCTION agentcore.tool_result_is_error(tool text, result jsonb, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_result_is_error_v1';
COMMENT ON FUNCTION agentcore.tool_result_is_error(text, jsonb, text) IS
  'Whether the gate takes a result of this tool for an error: by its error_pointer, else as result_is_error(). '
  'Never NULL; NULL result: false. '
  'Unknown tool: 42704.';

CREATE FUNCTION agentcore.result_validate(tool text, result jsonb, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_result_validate_v1';
COMMENT ON FUNCTION agentcore.result_validate(text, jsonb, text) IS
  'What is wrong with a result by the tool''s output schema, as the gate judges it: a jsonb array in the form of args_validate(), with paths into the result; [] means valid. '
  'A result of MCP is judged by its structuredContent, and one without it is wrong (keyword structuredContent); any other result as it is. '
  'Not judged, so []: a tool without output_schema, a result that is an error (tool_result_is_error()), and NULL. '
  'What cannot be checked within the limits is an error of keyword limit; nothing that a result holds raises, so it may stand in one statement with call_commit(). '
  'Unknown tool: 42704.';

CREATE FUNCTION agentcore.result_feedback(tool text, result jsonb, tenant text DEFAULT '') RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_result_feedback_v1';
COMMENT ON FUNCTION agentcore.result_feedback(text, jsonb, text) IS
  'The errors of result_validate() in words for the model that made the call, with short excerpts of the result; the empty string where there are none. '
  'Unknown tool: 42704.';

CREATE FUNCTION agentcore.args_validate(tool text, args jsonb, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_validate_v1';
COMMENT ON FUNCTION agentcore.args_validate(text, jsonb, text) IS
  'What is wrong with the arguments: a jsonb array of {path, keyword, schema_path, message, params}, at most agentcore.max_errors of them; [] means valid. '
  'A message never holds values of the arguments. '
  'Unknown tool: 42704; NULL args: 22023; a limit: 54001. '
  'Not for CHECK constraints, because the registry changes.';

CREATE FUNCTION agentcore.args_valid(tool text, args jsonb, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_valid_v1';
COMMENT ON FUNCTION agentcore.args_valid(text, jsonb, text) IS
  'Whether the arguments are valid, stopping at the first error; never NULL. '
  'Unknown tool: 42704; NULL args: 22023; a limit: 54001. '
  'Not for CHECK constraints, because the registry changes.';

CREATE FUNCTION agentcore.args_assert(tool text, args jsonb, tenant text DEFAULT '') RETURNS void
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_assert_v1';
COMMENT ON FUNCTION agentcore.args_assert(text, jsonb, text) IS
  'Raises TC001, with the first error in the DETAIL, unless the arguments are valid. '
  'Unknown tool: 42704; NULL args: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.args_feedback(tool text, args jsonb, tenant text DEFAULT '') RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_feedback_v1';
COMMENT ON FUNCTION agentcore.args_feedback(text, jsonb, text) IS
  'The errors in words for the model that made the call, with short excerpts of what it sent; the empty string if the arguments are valid. '
  'Unknown tool: 42704; NULL args: 22023; a limit: 54001.';

CREATE TYPE agentcore.args_coercion AS (args jsonb, changes jsonb, errors jsonb);
COMMENT ON TYPE agentcore.args_coercion IS
  'args: the arguments after the changes; NULL: their text cannot be read. '
  'changes: a jsonb array of {path, rule, from, to}, without from for a value that was added, without to for one that was removed, and without both for a repair of JSON text. '
  'errors: what is still wrong, in the form of args_validate().';

CREATE FUNCTION agentcore.args_coerce(tool text, args jsonb DEFAULT NULL, drop_unknown boolean DEFAULT NULL, args_text text DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.args_coercion
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_args_coerce_v1';
COMMENT ON FUNCTION agentcore.args_coerce(text, jsonb, boolean, text, text) IS
  'The arguments with safe repairs, in one row. '
  'args or args_text (a model''s raw string, read as call_begin() reads it for a tool that coerces); neither, null and blanks are {}. '
  'A repair is made only where type, enum, const or all alternatives failed, and only if the result is valid there; in anyOf and oneOf only in the one branch that neither type nor constants rule out. '
  'Repairs are: JSON in a string; a number or boolean in a string; a number for a text; 5.0 for an integer; a fixed value in other case or with blanks around it; a single value for an array, and back; null, and an empty text where none can stand, dropped for an optional key; defaults filled in. '
  'null never becomes 0, and a number never a boolean; text that is empty, stands for null or begins like JSON, Python or a fence never becomes an element. '
  'drop_unknown: properties that are not allowed are removed once nothing else is left to repair; NULL: as the tool says. '
  'Every change is listed. '
  'A text that cannot be read is no error: args is NULL, and errors has one of keyword json. '
  'Unknown tool: 42704; both of them: 22023; a limit: 54001, 54000.';

INSERT INTO agentcore.access_function VALUES
  ('tool_set', 'admin'), ('tool_drop', 'admin'), ('tool_export', 'reader'), ('tool_lint', 'reader'), ('provider_rules', 'public'),
  ('result_error_shapes', 'public'), ('result_is_error', 'public'), ('tool_result_is_error', 'agent'),
  ('result_validate', 'agent'), ('result_feedback', 'agent'),
  ('args_validate', 'agent'), ('args_valid', 'agent'), ('args_assert', 'agent'), ('args_feedback', 'agent'), ('args_coerce', 'agent');
