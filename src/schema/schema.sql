-- schema: documents judged by a schema that is given, and the documents that schemas refer to

CREATE FUNCTION agentcore.jsonschema_validate(schema jsonb, instance jsonb, dialect text DEFAULT 'auto', assert_format boolean DEFAULT false) RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_validate_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validate(jsonb, jsonb, text, boolean) IS
  'Whether the instance satisfies the schema, which is compiled once per call site. '
  'Fit for CHECK constraints: references lead only into the schema itself and into the published metaschemas. '
  'dialect: auto, draft4, draft6, draft7, 2019-09, 2020-12 or agentvet. '
  'NULL instance: NULL; NULL or invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_is_valid(schema jsonb, dialect text DEFAULT 'auto') RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_is_valid_v1';
COMMENT ON FUNCTION agentcore.jsonschema_is_valid(jsonb, text) IS
  'Whether jsonschema_validate() would accept the schema and the schema satisfies its metaschema. '
  'NULL: false; a limit: 54001.';

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
SELECT agentcore.history_attach('agentcore.json_schema', 'config_history');
SELECT pg_catalog.pg_extension_config_dump('agentcore.json_schema', '');
COMMENT ON TABLE agentcore.json_schema IS
  'The documents that each tenant''s schemas may refer to. '
  'name is the URI, id the document''s own absolute $id if it differs. '
  'Written by json_schema_set() and json_schema_drop(); read them in agentcore.json_schemas.';

CREATE VIEW agentcore.json_schemas WITH (security_barrier) AS
  SELECT s.tenant, s.name AS uri, s.id, s.dialect, s.schema, s.revision
    FROM agentcore.visible_rows(NULL::agentcore.json_schema) s;
COMMENT ON VIEW agentcore.json_schemas IS
  'The registered documents of the tenants visible to the caller. '
  'id: the document''s own $id if it differs from uri. '
  'dialect auto: what $schema says; a document without $schema is read in the dialect of the schema that refers to it.';

CREATE FUNCTION agentcore.json_schema_set(uri text, schema jsonb DEFAULT NULL, dialect text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_schema_set_v1';
COMMENT ON FUNCTION agentcore.json_schema_set(text, jsonb, text, text[], text) IS
  'Registers or changes a document that $ref and $schema may name, by its URI or its own $id; nothing is ever fetched. '
  'Returns whether anything changed. '
  'An argument that is not given (NULL) stays as it is. '
  'A new document needs its schema; its dialect is auto, which reset => ''{dialect}'' restores. '
  'The document must satisfy its metaschema; documents that it refers to may be registered later. '
  'Tools that use it follow at COMMIT; a tool that no longer compiles refuses every call. '
  'A URI with a fragment or without a scheme, the URI of a published metaschema, or an invalid schema: 22023; an $id that another document has: 42710.';

CREATE FUNCTION agentcore.json_schema_drop(uri text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_schema_drop_v1';
COMMENT ON FUNCTION agentcore.json_schema_drop(text, text) IS
  'Removes a document; returns whether there was one. '
  '2BP01 if a tool needs it, which is found by compiling the tenant''s tools. '
  'NULL uri: 22023.';

CREATE FUNCTION agentcore.jsonschema_validate_registered(schema jsonb, instance jsonb, dialect text DEFAULT 'auto', assert_format boolean DEFAULT false, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_validate_registered_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validate_registered(jsonb, jsonb, text, boolean, text) IS
  'As jsonschema_validate(), but references also lead into the tenant''s registered documents, and changes of those are followed. '
  'Not for CHECK constraints or indexes, because it depends on agentcore.json_schema. '
  'NULL instance: NULL; NULL or invalid schema or an unresolved reference: 22023; a limit: 54001.';

INSERT INTO agentcore.access_function VALUES
  ('jsonschema_validate', 'public'), ('jsonschema_is_valid', 'public'),
  ('json_schema_set', 'admin'), ('json_schema_drop', 'admin'), ('jsonschema_validate_registered', 'agent');

-- The specification's output

CREATE FUNCTION agentcore.jsonschema_output(schema jsonb, instance jsonb, output text DEFAULT 'basic', dialect text DEFAULT 'auto', assert_format boolean DEFAULT false) RETURNS jsonb
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_output_v1';
COMMENT ON FUNCTION agentcore.jsonschema_output(jsonb, jsonb, text, text, boolean) IS
  'The judgement in an output format of the JSON Schema specification. '
  'flag: {valid}. '
  'basic: also errors, or annotations for a valid instance: a list of {valid, keywordLocation, absoluteKeywordLocation, instanceLocation, error or annotation}. '
  'errors holds the errors of every alternative of anyOf and oneOf, and at most agentcore.max_errors errors outside those. '
  'annotations has one unit per keyword that was applied; its member annotation is the value of title, description, default, examples, deprecated, readOnly, writeOnly, format, content* and unknown keywords. '
  'absoluteKeywordLocation is only a fragment if the schema has no $id. '
  'NULL instance: NULL; NULL or invalid schema or another output: 22023; more than 10000 units or a limit: 54001.';

INSERT INTO agentcore.access_function VALUES ('jsonschema_output', 'public');

-- pg_jsonschema's names and signatures

CREATE DOMAIN agentcore.jsonschema AS jsonb;
COMMENT ON DOMAIN agentcore.jsonschema IS
  'A schema for the functions named *_compiled* and *_compiled_schema, as in pg_jsonschema. '
  'Any jsonb is accepted; the schema is judged when it is used.';

CREATE FUNCTION agentcore.json_matches_schema(schema json, instance json) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_matches_schema_v1';
COMMENT ON FUNCTION agentcore.json_matches_schema(json, json) IS
  'As in pg_jsonschema: whether the instance satisfies the schema, which is compiled once per call site. '
  'Formats are asserted up to draft 7. '
  'The instance is read as jsonb: of equal keys the last counts. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001; \u0000: 22P05.';

CREATE FUNCTION agentcore.jsonb_matches_schema(schema json, instance jsonb) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonb_matches_schema_v1';
COMMENT ON FUNCTION agentcore.jsonb_matches_schema(json, jsonb) IS
  'As in pg_jsonschema: whether the instance satisfies the schema, which is compiled once per call site. '
  'Formats are asserted up to draft 7. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_is_valid(schema json) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_is_valid_json_v1';
COMMENT ON FUNCTION agentcore.jsonschema_is_valid(json) IS
  'As in pg_jsonschema: whether json_matches_schema() can use the schema. '
  'Only JSON Schema is accepted, not agentvet''s dialect. '
  'NULL: NULL; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_is_valid(schema text) RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_is_valid_text_v1';
COMMENT ON FUNCTION agentcore.jsonschema_is_valid(text) IS
  'Whether the schema can be used. '
  'A literal without a type resolves to this function, so that it is not ambiguous between json and jsonb. '
  'NULL: false; not JSON: 22P02; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_validation_errors(schema json, instance json) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonschema_validation_errors_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validation_errors(json, json) IS
  'As in pg_jsonschema: what is wrong with the instance, in words, each error after its place (a JSON Pointer), at most agentcore.max_errors; {} if it is valid. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.json_matches_compiled_schema(schema agentcore.jsonschema, instance json) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_matches_compiled_schema_v1';
COMMENT ON FUNCTION agentcore.json_matches_compiled_schema(agentcore.jsonschema, json) IS
  'json_matches_schema() for a jsonschema value. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonb_matches_compiled_schema(schema agentcore.jsonschema, instance jsonb) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonb_matches_compiled_schema_v1';
COMMENT ON FUNCTION agentcore.jsonb_matches_compiled_schema(agentcore.jsonschema, jsonb) IS
  'jsonb_matches_schema() for a jsonschema value. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.json_validation_errors_compiled(schema agentcore.jsonschema, instance json) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_validation_errors_compiled_v1';
COMMENT ON FUNCTION agentcore.json_validation_errors_compiled(agentcore.jsonschema, json) IS
  'jsonschema_validation_errors() for a jsonschema value. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonb_validation_errors_compiled(schema agentcore.jsonschema, instance jsonb) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_jsonb_validation_errors_compiled_v1';
COMMENT ON FUNCTION agentcore.jsonb_validation_errors_compiled(agentcore.jsonschema, jsonb) IS
  'jsonschema_validation_errors() for a jsonschema value and a jsonb instance. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

CREATE FUNCTION agentcore.jsonschema_validation_errors_compiled(schema agentcore.jsonschema, instance json) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_json_validation_errors_compiled_v1';
COMMENT ON FUNCTION agentcore.jsonschema_validation_errors_compiled(agentcore.jsonschema, json) IS
  'json_validation_errors_compiled() under the name that pg_jsonschema''s README gives it. '
  'NULL: NULL; invalid schema: 22023; a limit: 54001.';

INSERT INTO agentcore.access_function VALUES
  ('json_matches_schema', 'public'), ('jsonb_matches_schema', 'public'), ('jsonschema_validation_errors', 'public'),
  ('json_matches_compiled_schema', 'public'), ('jsonb_matches_compiled_schema', 'public'),
  ('json_validation_errors_compiled', 'public'), ('jsonb_validation_errors_compiled', 'public'),
  ('jsonschema_validation_errors_compiled', 'public');
