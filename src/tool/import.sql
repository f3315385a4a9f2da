-- tool: definitions of others: their import, what may change them, and what waits.

CREATE FUNCTION agentcore.tool_import(tools jsonb, format text DEFAULT 'auto', prefix text DEFAULT '', origin text DEFAULT NULL, adopt boolean DEFAULT false,
    on_change text DEFAULT 'replace', strict boolean DEFAULT false, tenant text DEFAULT '',
    OUT name text, OUT action text, OUT ignored text[], OUT guessed text[], OUT problem text) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_import_v1';
COMMENT ON FUNCTION agentcore.tool_import(jsonb, text, text, text, boolean, text, boolean, text) IS
  'Registers tools as their providers define them. '
  'format: openai_chat, openai_responses, anthropic, mcp (also a whole tools/list result), gemini (also parametersJsonSchema) or bedrock (toolSpec); auto recognises each. '
  'tools: an array of definitions, one definition, or the request or response that holds them. '
  'prefix is put before every name. '
  'origin: whose definitions they are; NULL: the prefix. '
  'A tool of another origin is never overwritten, and one without an origin only if adopt is true, which gives it this one. '
  'Of an existing tool only the schema is replaced, the description if the definition has one, and by format mcp output_schema and what is kept in meta (title, annotations, _meta). '
  'An outputSchema becomes the output_schema that results are judged by (tool_set()); one that cannot be used is only kept in meta, and problem says so. '
  'on_change says what becomes of a changed definition: replace puts it in force; hold leaves it beside the one in force, and calls are denied (tool_changed) until tool_accept(); refuse leaves everything as it is. '
  'A tool that is held stays held, whatever is imported. '
  'Returns one row per tool, in order. '
  'action: created, changed, unchanged, held or refused. '
  'ignored: members of the definition that the registry does not keep. '
  'guessed: the arguments that are taken for URLs, see tool_set(); NULL if the tool''s url_args are stated. '
  'problem: why it was held or refused, with its name and JSON Pointer; or what was forgiven: null where a keyword is not set, [] for {}, a hosted tool (refused, for nobody can register it). '
  'strict: anything else that is refused raises, and nothing is imported: 22023 for what cannot be used, 23505 for a tool of another origin or of none, 55000 for a changed one under refuse. '
  'No JSON array or object, unknown format or on_change: 22023.';

CREATE FUNCTION agentcore.tool_accept(name text, digest text DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_accept_v1';
COMMENT ON FUNCTION agentcore.tool_accept(text, text, text) IS
  'Puts the definition that waits for a tool in force (view tools, column pending), and ends the denial of its calls; returns whether one waited. '
  'digest: of the definition that is meant, so that nobody accepts one that came after his look: that of the one that waits, or of the one in force, which then stays; NULL: whatever waits. '
  'Another digest: 55000. '
  'A schema that cannot be used any more: 22023. '
  'Unknown tool: 42704; NULL name: 22023.';

CREATE FUNCTION agentcore.tool_hold(name text, pending jsonb, tenant text DEFAULT '') RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_hold_v1';
COMMENT ON FUNCTION agentcore.tool_hold(text, jsonb, text) IS
  'Lets a definition wait for a tool, as an import with on_change hold does: calls are denied (tool_changed) until tool_accept(). '
  'pending: as in the view tools; its digest is computed anew. '
  'config_apply() calls it, so that what was held stays held in a restore. '
  'No definition, NULL: 22023; unknown tool: 42704.';

CREATE FUNCTION agentcore.tool_digest(definition jsonb, format text DEFAULT 'auto') RETURNS text
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_digest_v1';
COMMENT ON FUNCTION agentcore.tool_digest(jsonb, text) IS
  'The digest of one definition of a tool, in any format of tool_import(): what tool_history and the column pending call it. '
  'SHA-256 in hexadecimal of the canonical_json() of an object of description, inputSchema (as JSON Schema) and, in the format mcp, title, annotations, outputSchema and _meta, without what is not there. '
  'The name is no part of it. '
  'What is no definition, NULL: 22023.';

CREATE FUNCTION agentcore.tool_definition_digest(description text, input_schema jsonb, meta jsonb, output_schema jsonb) RETURNS text
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_tool_definition_digest_v1';
COMMENT ON FUNCTION agentcore.tool_definition_digest(text, jsonb, jsonb, jsonb) IS
  'Internal. '
  'The digest of a definition in the columns of agentcore.tool, as tool_digest() has it; NULL without a schema.';

INSERT INTO agentcore.access_function VALUES
  ('tool_import', 'admin'), ('tool_accept', 'admin'), ('tool_hold', 'admin'), ('tool_digest', 'public'), ('tool_definition_digest', 'internal');
