-- Names of models without a price of their own.

CREATE TABLE agentcore.model_alias (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL CHECK (name <> '' AND name <> '*'),
  model    text COLLATE "C" NOT NULL CHECK (model <> ''),
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.model_alias');
SELECT agentcore.history_attach('agentcore.model_alias', 'config_history');
COMMENT ON TABLE agentcore.model_alias IS
  'name: a model''s name without a price of its own, or prefix*; model: whose price counts for it. '
  'Written by model_alias_set() and model_alias_drop().';
INSERT INTO agentcore.access_source (relation, since, hidden) VALUES ('model_alias', NULL, '{}');

CREATE FUNCTION agentcore.model_alias_set(pattern text, model text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_alias_set_v1';
COMMENT ON FUNCTION agentcore.model_alias_set(text, text, text[], text) IS
  'Which model''s price counts for names that have no price: pattern is an exact name or prefix*, and of those that match the longest counts, an exact name before a prefix. '
  'A name with a price in force is charged by that, whatever the aliases. '
  'One step: model must have a price itself. '
  'The model also gives such a name its target and its retry policy (model_set()), and a policy that denies the one denies the other. '
  'A call that has begun keeps the model that was found then (permits.priced_as). '
  'Returns whether anything changed. '
  'reset: no member can be reset. '
  'Model without any price: 42704. '
  'NULL, a star alone or one that is not at the end: 22023.';

CREATE FUNCTION agentcore.model_alias_drop(pattern text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_alias_drop_v1';
COMMENT ON FUNCTION agentcore.model_alias_drop(text, text) IS
  'Remove an alias, so that calls of names that only it matches are denied; false where there was none. '
  'NULL pattern: 22023.';

CREATE VIEW agentcore.model_aliases WITH (security_barrier) AS
  SELECT tenant, name AS pattern, model, revision FROM agentcore.visible_rows(NULL::agentcore.model_alias);
COMMENT ON VIEW agentcore.model_aliases IS
  'Aliases of models of the tenants visible to the caller: names that have no price of their own (pattern: exact, or prefix*), and the model whose price counts.';

INSERT INTO agentcore.access_function VALUES ('model_alias_set', 'admin'), ('model_alias_drop', 'admin');

SELECT pg_catalog.pg_extension_config_dump('agentcore.model_alias', '');
