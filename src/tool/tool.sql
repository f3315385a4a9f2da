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
  est_tokens     bigint NOT NULL DEFAULT 0 CHECK (est_tokens >= 0),
  est_nanousd    bigint NOT NULL DEFAULT 0 CHECK (est_nanousd >= 0),
  retry_policy   text COLLATE "C",
  target         text COLLATE "C",
  needs_approval boolean NOT NULL DEFAULT false,
  enabled        boolean NOT NULL DEFAULT true,
  cache_soft_ttl interval,
  cache_negative_ttl interval,
  cache_max_size bigint CHECK (cache_max_size > 0),
  drop_unknown   boolean NOT NULL DEFAULT false,
  url_skip       text[],
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.tool');
SELECT pg_catalog.pg_extension_config_dump('agentcore.tool', '');
COMMENT ON TABLE agentcore.tool IS 'The registered tools of each tenant. Written by tool_set() and tool_drop(); read them in agentcore.tools. est_nanousd in 10^-9 USD.';

INSERT INTO agentcore.access_source VALUES ('tool'), ('json_schema');

CREATE VIEW agentcore.tools WITH (security_barrier) AS
  SELECT t.tenant, t.name, t.description, t.input_schema, t.dialect, t.mode, t.coerce, t.additional, t.url_args,
         t.cache_ttl, t.cache_scope, t.tags, t.lease, t.idempotent, t.est_tokens,
         pg_catalog.trim_scale(t.est_nanousd::numeric / 1000000000) AS est_usd, t.retry_policy, t.target, t.needs_approval, t.enabled,
         t.cache_soft_ttl, t.cache_negative_ttl, t.cache_max_size, t.drop_unknown, t.url_skip, t.revision
    FROM agentcore.visible_rows(NULL::agentcore.tool) t;
COMMENT ON VIEW agentcore.tools IS 'The tools of the tenants visible to the caller. est_usd in USD; url_args: beside what the schema calls URLs; url_skip: of these, what is only data; cache_ttl NULL: not cached; cache_soft_ttl NULL: never stale before it expires; cache_negative_ttl NULL: failures are not kept; cache_max_size in bytes, NULL: whatever fits; lease NULL: agentcore.lease_default.';

CREATE FUNCTION agentcore.tool_set(name text, input_schema jsonb DEFAULT NULL, description text DEFAULT NULL, dialect text DEFAULT NULL,
    mode text DEFAULT NULL, coerce boolean DEFAULT NULL, additional boolean DEFAULT NULL, url_args text[] DEFAULT NULL,
    cache_ttl interval DEFAULT NULL, cache_scope text DEFAULT NULL, tags text[] DEFAULT NULL, lease interval DEFAULT NULL,
    idempotent boolean DEFAULT NULL, est_tokens bigint DEFAULT NULL, est_usd numeric DEFAULT NULL, retry_policy text DEFAULT NULL,
    target text DEFAULT NULL, needs_approval boolean DEFAULT NULL, enabled boolean DEFAULT NULL, cache_soft_ttl interval DEFAULT NULL,
    cache_negative_ttl interval DEFAULT NULL, cache_max_size bigint DEFAULT NULL, drop_unknown boolean DEFAULT NULL,
    url_skip text[] DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_set_v1';
COMMENT ON FUNCTION agentcore.tool_set(text, jsonb, text, text, text, boolean, boolean, text[], interval, text, text[], interval, boolean, bigint, numeric, text, text, boolean, boolean, interval, interval, bigint, boolean, text[], text[], text) IS
  'Register or change a tool; returns whether anything changed. A member that is not given (NULL) stays as it is. A new tool needs input_schema; it has dialect auto, mode enforce, cache_scope agent, estimates of 0, is enabled, and every other switch is off: neither cached, coerced, idempotent nor in need of approval. reset: members to set back to that. url_args: JSON Pointers of URL-valued arguments, a token * is every array element; judged beside every string that the schema calls a URL or a part of one (formats uri, url, iri, their references and templates, hostname, idn-hostname, ipv4, ipv6, ip; contentSchema). url_skip: JSON Pointers of strings that a format calls URLs and that are only data: not judged, and tool_lint() shows them. additional: agentvet''s dialect allows unknown keys. From cache_soft_ttl to cache_ttl an answer is served while one caller computes it anew; cache_negative_ttl keeps final failures that long (the gate then says failed_before); cache_max_size in bytes: larger results are not cached. coerce: the gate repairs arguments as args_coerce() does; drop_unknown, with it: also removes properties that are not allowed. Invalid schema, pattern, dialect, pointer or amount: 22023, nothing changed.';

CREATE FUNCTION agentcore.tool_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_drop_v1';
COMMENT ON FUNCTION agentcore.tool_drop(text, text) IS 'Remove a tool; returns whether there was one. NULL name: 22023.';

CREATE FUNCTION agentcore.tool_import(tools jsonb, format text DEFAULT 'auto', prefix text DEFAULT '', tenant text DEFAULT '', OUT name text, OUT action text, OUT ignored text[]) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_import_v1';
COMMENT ON FUNCTION agentcore.tool_import(jsonb, text, text, text) IS 'Register tools as their providers define them: openai_chat, openai_responses, anthropic, mcp (also a whole tools/list result) or gemini (also parametersJsonSchema); auto recognises each. An array, one definition, or the request or response around them. prefix goes before every name. Of a tool that is there only schema and description are replaced, the description where the definition has one. A row a tool, in order: action created, changed or unchanged; ignored: members that the registry does not keep. Neither a definition nor a usable schema: 22023 with its JSON Pointer, and nothing is imported.';

CREATE FUNCTION agentcore.tool_export(tool text, format text, strict boolean DEFAULT false, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_export_v1';
COMMENT ON FUNCTION agentcore.tool_export(text, text, boolean, text) IS 'A tool as openai_chat, openai_responses, anthropic, mcp or gemini want it defined; tool_import() reads it back to the same. agentvet''s dialect is written as JSON Schema; gemini gets parameters where its subset says the same, else parametersJsonSchema. strict asks OpenAI or Anthropic for their strict mode: 22023 where tool_lint() finds something refused, or the format has none. Unknown tool: 42704; NULL: 22023.';

CREATE FUNCTION agentcore.tool_lint(tool text, provider text DEFAULT NULL, tenant text DEFAULT '', OUT provider text, OUT path text, OUT keyword text, OUT effect text, OUT problem text) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_lint_v1';
COMMENT ON FUNCTION agentcore.tool_lint(text, text, text) IS 'What openai''s and anthropic''s strict modes, gemini, mcp or agentcore (NULL: all of them) would do to the tool: effect refused, ignored (silently dropped: only the gate holds the model to it) or discouraged; path: JSON Pointer into the schema, keyword NULL: the tool itself. Provider agentcore is the gate: effect unjudged, keyword url_skip, path: the pointer into the arguments that it exempts. No row: nothing found. The rules are those published until November 2026, see doc/tools.md. Unknown tool: 42704; unknown provider: 22023.';

CREATE FUNCTION agentcore.args_validate(tool text, args jsonb, tenant text DEFAULT '') RETURNS jsonb
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_validate_v1';
COMMENT ON FUNCTION agentcore.args_validate(text, jsonb, text) IS 'What is wrong with the arguments: a jsonb array of {path, keyword, schema_path, message, params}, at most agentcore.max_errors; [] = valid. Never argument values in message. Unknown tool: 42704; NULL args: 22023; a limit: 54001. Not for CHECK constraints: the registry changes.';

CREATE FUNCTION agentcore.args_valid(tool text, args jsonb, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_valid_v1';
COMMENT ON FUNCTION agentcore.args_valid(text, jsonb, text) IS 'Whether the arguments are valid, stopping at the first error; never NULL. Unknown tool: 42704; NULL args: 22023; a limit: 54001. Not for CHECK constraints: the registry changes.';

CREATE FUNCTION agentcore.args_assert(tool text, args jsonb, tenant text DEFAULT '') RETURNS void
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_assert_v1';
COMMENT ON FUNCTION agentcore.args_assert(text, jsonb, text) IS 'Raise TC001 with the first error in the DETAIL unless the arguments are valid. Unknown tool: 42704; NULL args: 22023.';

CREATE FUNCTION agentcore.args_feedback(tool text, args jsonb, tenant text DEFAULT '') RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_args_feedback_v1';
COMMENT ON FUNCTION agentcore.args_feedback(text, jsonb, text) IS 'The errors in words for the model that made the call, with short excerpts of what it sent; the empty string when the arguments are valid. Unknown tool: 42704; NULL args: 22023.';

CREATE TYPE agentcore.args_coercion AS (args jsonb, changes jsonb, errors jsonb);
COMMENT ON TYPE agentcore.args_coercion IS 'args: after the changes; changes: array of {path, rule, from, to}, without from where there was nothing and without to where it was removed; errors: what is still wrong, as args_validate() says it.';

CREATE FUNCTION agentcore.args_coerce(tool text, args jsonb, drop_unknown boolean DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.args_coercion
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_args_coerce_v1';
COMMENT ON FUNCTION agentcore.args_coerce(text, jsonb, boolean, text) IS 'The arguments with safe repairs, only where type failed and only if the result is valid there (in anyOf and oneOf, in the one branch that type or constants do not rule out): JSON in a string, numbers and booleans in a string, single value for array and back, null for an optional key dropped (also where enum or const refuses it), defaults filled; drop_unknown (NULL: as the tool says): properties that are not allowed are removed where nothing else is left to repair. Each change is told. Never null to 0 or a number to a boolean. One row. Unknown tool: 42704; NULL args: 22023.';

INSERT INTO agentcore.access_function VALUES
  ('tool_set', 'admin'), ('tool_drop', 'admin'), ('tool_import', 'admin'), ('tool_export', 'reader'), ('tool_lint', 'reader'),
  ('args_validate', 'agent'), ('args_valid', 'agent'), ('args_assert', 'agent'), ('args_feedback', 'agent'), ('args_coerce', 'agent');
