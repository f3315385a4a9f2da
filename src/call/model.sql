-- call: models, beside their prices.

CREATE TABLE agentcore.model (
  tenant       text COLLATE "C" NOT NULL,
  name         text COLLATE "C" NOT NULL CHECK (name <> ''),
  target       text COLLATE "C" CHECK (target <> ''),
  retry_policy text COLLATE "C",
  revision     bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.model');
SELECT agentcore.history_attach('agentcore.model', 'config_history');
COMMENT ON TABLE agentcore.model IS
  'Models whose calls have a target or a retry policy that differs from the default (target NULL: the model''s own name; retry_policy NULL: default). '
  'Written by model_set() and model_drop(); prices are in agentcore.model_price.';

CREATE FUNCTION agentcore.model_set(model text, target text DEFAULT NULL, retry_policy text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_set_v1';
COMMENT ON FUNCTION agentcore.model_set(text, text, text, text[], text) IS
  'Create or change what holds for calls of a model (llm_begin()) beside its price: the target whose breaker, pause and rate they obey, and the retry policy that call_fail() applies. '
  'Every priced model has a target without this: its own name. '
  'Models that one provider limits together share a target. '
  'With a target that is given here, calls are denied where the library is not preloaded, as tools'' are. '
  'A member that is not given (NULL) stays as it is; in a new row target is the model''s name and retry_policy the default. '
  'reset: members to set back to that. '
  'Returns whether anything changed. '
  'Unknown retry policy: 42704. '
  'NULL or empty model: 22023.';

CREATE FUNCTION agentcore.model_drop(model text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_model_drop_v1';
COMMENT ON FUNCTION agentcore.model_drop(text, text) IS
  'Back to the model''s own name as its target and to the default retry policy; its prices stay. '
  'Returns false where there was no row. '
  'NULL model: 22023.';

INSERT INTO agentcore.access_source (relation, since, hidden, admin_only) VALUES ('model', NULL, '{}', '{}');

CREATE VIEW agentcore.models WITH (security_barrier) AS
  SELECT tenant, name AS model, coalesce(target, name) AS target, target IS NOT NULL AS target_set, retry_policy, revision
    FROM agentcore.visible_rows(NULL::agentcore.model);
COMMENT ON VIEW agentcore.models IS
  'What model_set() says of the models of the tenants visible to the caller. '
  'target_set: the target was given, so calls are denied where the library is not preloaded. '
  'retry_policy NULL: default. '
  'A model that is not here has its own name as its target; prices are in agentcore.model_prices.';

INSERT INTO agentcore.access_function VALUES ('model_set', 'admin'), ('model_drop', 'admin');

SELECT pg_catalog.pg_extension_config_dump('agentcore.model', '');
