-- What was spent, row by row: for joins with the business's own tables, and in the columns that cost tools read.

CREATE VIEW agentcore.spend WITH (security_barrier) AS
SELECT l.tenant, l.at, l.id, l.permit, l.budget, l.budgets, l.event, l.agent,
       CASE WHEN NOT l.is_llm THEN l.tool END AS tool,
       CASE WHEN l.is_llm THEN l.tool END AS model,
       l.task, l.subject, l.labels,
       l.tokens, pg_catalog.trim_scale(l.nanousd * 0.000000001) AS usd, l.calls
  FROM agentcore.visible_rows(NULL::agentcore.budget_ledger) l
 -- what stands once per budget (carry, reset, adjust) has no permit; these two say what was not charged
 WHERE l.permit IS NOT NULL AND l.event NOT IN ('threshold', 'unbilled');
COMMENT ON VIEW agentcore.spend IS
  'What calls and permits were charged: one row per entry of the ledger, so a sum over it counts every charge once, however many budgets it reached. '
  'budget: the one that the permit names (NULL: nobody pays); budgets: all that were charged. '
  'A permit has a row per attempt that was charged and one for its end; a refund is negative. '
  'task, subject, labels: as given when it began: join them with your own tables. '
  'It begins where retention ended: what budget_ledger_retain() added up, and what budget_adjust() and budget_reset_window() corrected, belongs to no permit and is not in it. '
  'Reads the whole ledger of the visible tenants.';

CREATE VIEW agentcore.spend_focus WITH (security_barrier) AS
SELECT s.usd AS "BilledCost",
       t.account AS "BillingAccountId",
       t.account AS "BillingAccountName",
       'USD'::text AS "BillingCurrency",
       (t.month + interval '1 month') AT TIME ZONE 'UTC' AS "BillingPeriodEnd",
       t.month AT TIME ZONE 'UTC' AS "BillingPeriodStart",
       'Usage'::text AS "ChargeCategory",
       NULL::text AS "ChargeClass",
       pg_catalog.format('%s: %s', t.service, s.event) AS "ChargeDescription",
       'Usage-Based'::text AS "ChargeFrequency",
       t.hour + interval '1 hour' AS "ChargePeriodEnd",
       t.hour AS "ChargePeriodStart",
       t.quantity AS "ConsumedQuantity",
       t.unit AS "ConsumedUnit",
       s.usd AS "ContractedCost",
       s.usd AS "EffectiveCost",
       'Not Applicable'::text AS "HostProviderName",
       t.provider AS "InvoiceIssuerName",
       s.usd AS "ListCost",
       t.quantity AS "PricingQuantity",
       t.unit AS "PricingUnit",
       CASE WHEN s.model IS NOT NULL THEN 'AI and Machine Learning' ELSE 'Other' END AS "ServiceCategory",
       t.service AS "ServiceName",
       t.provider AS "ServiceProviderName",
       CASE WHEN s.model IS NOT NULL THEN 'Generative AI' ELSE 'Other (Other)' END AS "ServiceSubcategory",
       t.service AS "SkuId",
       t.unit AS "SkuMeter",
       t.service AS "SkuPriceId",
       s.budget AS "SubAccountId",
       s.budget AS "SubAccountName",
       s.labels AS "Tags",
       s.agent AS "x_Agent",
       s.at AS "x_At",
       s.calls AS "x_Calls",
       s.event AS "x_Event",
       s.id AS "x_Id",
       s.permit AS "x_Permit",
       s.subject AS "x_Subject",
       s.task AS "x_Task",
       s.tenant AS "x_Tenant",
       s.tokens AS "x_Tokens"
  FROM agentcore.spend s
 CROSS JOIN LATERAL (
   SELECT coalesce(nullif(s.tenant, ''), 'default') AS account,
          pg_catalog.date_trunc('month', s.at AT TIME ZONE 'UTC') AS month,
          pg_catalog.date_trunc('hour', s.at, 'UTC') AS hour,
          coalesce(s.model, s.tool, s.budget, 'Unknown') AS service,
          coalesce(nullif(s.labels ->> 'provider', ''), 'Unknown') AS provider,
          CASE WHEN s.model IS NOT NULL THEN s.tokens ELSE s.calls END::numeric AS quantity,
          CASE WHEN s.model IS NOT NULL THEN 'Tokens' ELSE 'Requests' END AS unit) t;
COMMENT ON VIEW agentcore.spend_focus IS
  'The rows of spend in columns of the Cost and Usage dataset of FOCUS 1.4 (FinOps Open Cost and Usage Specification, ratified 2026-06-04, https://focus.finops.org). '
  'All mandatory columns are there, and of the recommended and conditional ones those that have a meaning here; columns that begin with x_ are no part of FOCUS. '
  'Billing account: the tenant (default: the one without a name); sub account: the budget that the permit names; service and SKU: the model or tool, else the budget; Tags: the labels. '
  'Service provider and invoice issuer: the label provider, or Unknown; host provider: Not Applicable. '
  'Quantity: tokens of a model call, by weight; calls of anything else, in Requests. '
  'Charge period: the hour, billing period: the month, both in UTC. '
  'All four costs are what was charged, in USD. '
  'ChargeClass is NULL: no billing period is ever closed here; a refund is a negative charge of its own time.';
