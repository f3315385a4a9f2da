-- Templates: budgets that are made by their first use.

-- The columns of a budget, less what is a budget's own.
CREATE TABLE agentcore.budget_template (
  LIKE agentcore.budget INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
  max_budgets integer NOT NULL CHECK (max_budgets BETWEEN 0 AND 1000000),
  PRIMARY KEY (tenant, name),
  CHECK (name ~ '^[^*]+\*$')
);
ALTER TABLE agentcore.budget_template
  ALTER parent SET NOT NULL,
  DROP CONSTRAINT budget_overflow_check,
  DROP limited_at, DROP window_revision, DROP template, DROP place;
SELECT agentcore.registry_attach('agentcore.budget_template');
SELECT agentcore.history_attach('agentcore.budget_template', 'config_history');
COMMENT ON TABLE agentcore.budget_template IS
  'Definitions of budgets that are made by their first use: name is prefix*, the rest as in budget. '
  'The columns of a budget that are not here are its own. '
  'max_budgets: how many it may have made. '
  'Written by budget_template_set() and budget_template_drop().';
INSERT INTO agentcore.access_source (relation, since, hidden) VALUES ('budget_template', NULL, '{}');

CREATE FUNCTION agentcore.budget_template_set(
  pattern text, max_tokens bigint DEFAULT NULL, max_usd numeric DEFAULT NULL, max_calls bigint DEFAULT NULL,
  max_in_flight integer DEFAULT NULL, period interval DEFAULT NULL, kind text DEFAULT NULL, tz text DEFAULT NULL,
  anchor timestamptz DEFAULT NULL, parent text DEFAULT NULL, on_expiry text DEFAULT NULL,
  overrun text DEFAULT NULL, enabled boolean DEFAULT NULL, thresholds integer[] DEFAULT NULL,
  spenders name[] DEFAULT NULL, max_overrun numeric DEFAULT NULL, min_hold_tokens bigint DEFAULT NULL,
  min_hold_usd numeric DEFAULT NULL, "only" text[] DEFAULT NULL, on_full text DEFAULT NULL,
  overflow text DEFAULT NULL, max_budgets integer DEFAULT NULL,
  existing boolean DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_template_set_v1';
COMMENT ON FUNCTION agentcore.budget_template_set(text, bigint, numeric, bigint, integer, interval, text, text, timestamptz, text, text, text, boolean, integer[], name[], numeric, bigint, numeric, text[], text, text, integer, boolean, text[], text) IS
  'Create or change a template; true if anything changed. '
  'pattern: prefix*, all names that go on after the prefix. '
  'A name that is no budget and that a template covers is made one by its first use, for all roles that could use it then; the longest prefix counts. '
  'Such a budget is as the template says at that moment. '
  'It is no parent and no overflow, config_export() leaves it out, and budget_prune() drops it; budget_set() and budget_limit_set() make it one like others. '
  'The members are those of budget_set(), and so is what happens to those that are not given. '
  'parent: needed; it, or a budget above it, has a limit of tokens, money or calls that counts all that the template counts (see only), because each new name is a fresh limit; a limit of another dimension than the template''s bounds it only loosely. '
  'max_budgets: how many budgets it may have made (1,000; at most 1,000,000); the use of another name is denied, reason budget_exceeded. '
  'existing: true changes those that it has made too, to all that the template says then; waits for their counters (55P03). '
  'enabled => false: a use of a new name is denied, and makes none. '
  '22023 bad value, no parent, a parent without a limit, a parent or overflow that a template made; 42704 unknown parent, overflow or spender; 54001 too many levels; 55P03 while another transaction makes one of it.';

CREATE FUNCTION agentcore.budget_template_drop(pattern text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_template_drop_v1';
COMMENT ON FUNCTION agentcore.budget_template_drop(text, text) IS
  'Remove a template; false if there is none. '
  'Budgets that it has made stay, and a template of the same pattern counts them again. '
  'NULL pattern: 22023; 55P03 while another transaction makes a budget of it.';

CREATE FUNCTION agentcore.budget_prune(pattern text, unused interval, tenant text DEFAULT '') RETURNS integer
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_budget_prune_v1';
COMMENT ON FUNCTION agentcore.budget_prune(text, interval, text) IS
  'Drop budgets that a template made, by their names (exact, prefix* or *), and return how many: those that hold nothing, have used nothing in any of their windows, and were not used for the interval. '
  'At most 1,000 per call, so repeat it until it returns 0. '
  'One that another transaction is using stays. '
  'The ledger stays. '
  'NULL or a negative interval: 22023.';

CREATE VIEW agentcore.budget_templates WITH (security_barrier) AS
  SELECT t.tenant, t.name AS pattern, t.parent, t.max_tokens, pg_catalog.trim_scale(t.max_nanousd * 0.000000001) AS max_usd, t.max_calls, t.max_in_flight,
         t.kind, t.period, t.tz, t.anchor, t.on_expiry, t.overrun, t.enabled, t.thresholds, t.spenders, t.max_overrun,
         t.min_hold_tokens, pg_catalog.trim_scale(t.min_hold_nanousd * 0.000000001) AS min_hold_usd,
         t.max_budgets, coalesce(m.made, 0) AS made, t.revision, t."only", t.on_full, t.overflow
    FROM agentcore.visible_rows(NULL::agentcore.budget_template) t
    LEFT JOIN (SELECT b.tenant, b.template, pg_catalog.count(*) AS made
                 FROM agentcore.visible_rows(NULL::agentcore.budget) b WHERE b.template IS NOT NULL GROUP BY 1, 2) m
           ON m.tenant = t.tenant AND m.template = t.name;
COMMENT ON VIEW agentcore.budget_templates IS
  'Templates of budgets of the tenants visible to the caller, as given to budget_template_set(). '
  'made: how many budgets are made of it now, of max_budgets. '
  'Money in USD.';

INSERT INTO agentcore.access_function VALUES
  ('budget_template_set', 'admin'), ('budget_template_drop', 'admin'), ('budget_prune', 'admin');

SELECT pg_catalog.pg_extension_config_dump('agentcore.budget_template', '');
