-- validate: the tool registry, and the judgement of arguments.

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

CREATE FUNCTION agentcore.jsonschema_validate(schema jsonb, instance jsonb, dialect text DEFAULT 'auto', assert_format boolean DEFAULT false) RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_validate_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validate(jsonb, jsonb, text, boolean) IS 'Whether the instance satisfies the schema, compiled once a call site; fit for CHECK constraints: references lead into the schema itself and the published metaschemas only. dialect: auto, draft4, draft6, draft7, 2019-09, 2020-12, agentvet. NULL instance: NULL; NULL or invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_is_valid(schema jsonb, dialect text DEFAULT 'auto') RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_is_valid_v1';
COMMENT ON FUNCTION agentcore.jsonschema_is_valid(jsonb, text) IS 'Whether jsonschema_validate() would take the schema and it satisfies its metaschema; NULL: false. A limit: 54001.';

-- Documents that schemas refer to --------------------------------------------

CREATE TABLE agentcore.json_schema (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 2048),
  id       text COLLATE "C" CHECK (octet_length(id) BETWEEN 1 AND 2048),
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  dialect  text COLLATE "C" NOT NULL DEFAULT 'auto',
  schema   jsonb NOT NULL,
  PRIMARY KEY (tenant, name),
  UNIQUE (tenant, id)
);
SELECT agentcore.registry_attach('agentcore.json_schema');
SELECT pg_catalog.pg_extension_config_dump('agentcore.json_schema', '');
COMMENT ON TABLE agentcore.json_schema IS 'The documents that each tenant''s schemas may refer to: name is the URI, id the document''s own absolute $id where it differs. Written by json_schema_set() and json_schema_drop(); read them in agentcore.json_schemas.';

CREATE VIEW agentcore.json_schemas WITH (security_barrier) AS
  SELECT s.tenant, s.name AS uri, s.id, s.dialect, s.schema, s.revision
    FROM agentcore.visible_rows(NULL::agentcore.json_schema) s;
COMMENT ON VIEW agentcore.json_schemas IS 'The registered documents of the tenants visible to the caller. id: the document''s own $id where it is not the uri; dialect auto: what $schema says, else that of the schema that refers to it.';

CREATE FUNCTION agentcore.json_schema_set(uri text, schema jsonb DEFAULT NULL, dialect text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_schema_set_v1';
COMMENT ON FUNCTION agentcore.json_schema_set(text, jsonb, text, text[], text) IS 'Register or change a document that $ref and $schema may name, by its URI or its own $id; nothing is ever fetched. Returns whether anything changed. A member that is not given (NULL) stays as it is; a new document needs its schema and has dialect auto, as after reset => ''{dialect}''. It must satisfy its metaschema; what it refers to may come later. Tools that use it follow at COMMIT; one that no longer compiles refuses every call. A URI with a fragment or without a scheme, a bundled metaschema''s URI, an invalid schema: 22023; an $id that another document has: 42710.';

CREATE FUNCTION agentcore.json_schema_drop(uri text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_schema_drop_v1';
COMMENT ON FUNCTION agentcore.json_schema_drop(text, text) IS 'Remove a document; returns whether there was one. A tool needs it: 2BP01; compiles the tenant''s tools to see. NULL uri: 22023.';

CREATE FUNCTION agentcore.jsonschema_validate_registered(schema jsonb, instance jsonb, dialect text DEFAULT 'auto', assert_format boolean DEFAULT false, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_validate_registered_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validate_registered(jsonb, jsonb, text, boolean, text) IS 'As jsonschema_validate(), but references lead into the tenant''s registered documents too, whose changes it follows. Not for CHECK constraints or indexes: it depends on agentcore.json_schema. NULL instance: NULL; NULL or invalid schema, unresolved reference: 22023; a limit: 54001.';

INSERT INTO agentcore.access_function VALUES
  ('json_schema_set', 'admin'), ('json_schema_drop', 'admin'), ('jsonschema_validate_registered', 'agent');

INSERT INTO agentcore.access_function VALUES
  ('tool_set', 'admin'), ('tool_drop', 'admin'),
  ('tool_import', 'admin'), ('tool_export', 'reader'), ('tool_lint', 'reader'),
  ('args_validate', 'agent'), ('args_valid', 'agent'), ('args_assert', 'agent'), ('args_feedback', 'agent'),
  ('args_coerce', 'agent'), ('jsonschema_validate', 'public'), ('jsonschema_is_valid', 'public');

-- The specification's output

CREATE FUNCTION agentcore.jsonschema_output(schema jsonb, instance jsonb, output text DEFAULT 'basic', dialect text DEFAULT 'auto', assert_format boolean DEFAULT false) RETURNS jsonb
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_output_v1';
COMMENT ON FUNCTION agentcore.jsonschema_output(jsonb, jsonb, text, text, boolean) IS 'The judgement in an output format of the JSON Schema specification. flag: {valid}. basic: also errors, or for a valid instance annotations, a list of {valid, keywordLocation, absoluteKeywordLocation, instanceLocation, error or annotation}; errors of every alternative of anyOf and oneOf are listed, at most agentcore.max_errors of them outside those; annotations have a unit for each keyword applied, whose member annotation is the value of title, description, default, examples, deprecated, readOnly, writeOnly, format, content* and unknown keywords. absoluteKeywordLocation is a mere fragment where the schema has no $id. NULL instance: NULL; NULL or invalid schema or another output: 22023; more than 10000 units or a limit: 54001.';

INSERT INTO agentcore.access_function VALUES ('jsonschema_output', 'public');

-- pg_jsonschema's names and signatures

CREATE DOMAIN agentcore.jsonschema AS jsonb;
COMMENT ON DOMAIN agentcore.jsonschema IS 'A schema for the functions named *_compiled* and *_compiled_schema, as in pg_jsonschema: any jsonb, judged when it is used.';

CREATE FUNCTION agentcore.json_matches_schema(schema json, instance json) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_matches_schema_v1';
COMMENT ON FUNCTION agentcore.json_matches_schema(json, json) IS 'As in pg_jsonschema: whether the instance satisfies the schema, compiled once a call site; formats are asserted up to draft 7. The instance is read as jsonb: of equal keys the last counts. NULL: NULL; invalid schema: 22023; a limit: 54001; \u0000: 22P05.';

CREATE FUNCTION agentcore.jsonb_matches_schema(schema json, instance jsonb) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonb_matches_schema_v1';
COMMENT ON FUNCTION agentcore.jsonb_matches_schema(json, jsonb) IS 'As in pg_jsonschema: whether the instance satisfies the schema, compiled once a call site; formats are asserted up to draft 7. NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_is_valid(schema json) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_is_valid_json_v1';
COMMENT ON FUNCTION agentcore.jsonschema_is_valid(json) IS 'As in pg_jsonschema: whether the schema can be used by json_matches_schema(): JSON Schema only, not agentvet''s dialect. NULL: NULL; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_is_valid(schema text) RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_is_valid_text_v1';
COMMENT ON FUNCTION agentcore.jsonschema_is_valid(text) IS 'Whether the schema can be used; what a literal without a type resolves to, so that it is not ambiguous between json and jsonb. NULL: false; no JSON: 22P02; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_validation_errors(schema json, instance json) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_validation_errors_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validation_errors(json, json) IS 'As in pg_jsonschema: what is wrong with the instance, in words, each after its place (JSON Pointer), at most agentcore.max_errors; {} when valid. NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.json_matches_compiled_schema(schema agentcore.jsonschema, instance json) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_matches_compiled_schema_v1';
COMMENT ON FUNCTION agentcore.json_matches_compiled_schema(agentcore.jsonschema, json) IS 'json_matches_schema() for a jsonschema value. NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonb_matches_compiled_schema(schema agentcore.jsonschema, instance jsonb) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonb_matches_compiled_schema_v1';
COMMENT ON FUNCTION agentcore.jsonb_matches_compiled_schema(agentcore.jsonschema, jsonb) IS 'jsonb_matches_schema() for a jsonschema value. NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.json_validation_errors_compiled(schema agentcore.jsonschema, instance json) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_validation_errors_compiled_v1';
COMMENT ON FUNCTION agentcore.json_validation_errors_compiled(agentcore.jsonschema, json) IS 'jsonschema_validation_errors() for a jsonschema value. NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonb_validation_errors_compiled(schema agentcore.jsonschema, instance jsonb) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonb_validation_errors_compiled_v1';
COMMENT ON FUNCTION agentcore.jsonb_validation_errors_compiled(agentcore.jsonschema, jsonb) IS 'jsonschema_validation_errors() for a jsonschema value and a jsonb instance. NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_validation_errors_compiled(schema agentcore.jsonschema, instance json) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_validation_errors_compiled_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validation_errors_compiled(agentcore.jsonschema, json) IS 'json_validation_errors_compiled() under the name that pg_jsonschema''s README gives it.';

INSERT INTO agentcore.access_function VALUES
  ('json_matches_schema', 'public'), ('jsonb_matches_schema', 'public'), ('jsonschema_validation_errors', 'public'),
  ('json_matches_compiled_schema', 'public'), ('jsonb_matches_compiled_schema', 'public'),
  ('json_validation_errors_compiled', 'public'), ('jsonb_validation_errors_compiled', 'public'),
  ('jsonschema_validation_errors_compiled', 'public');
