-- The history of policies, written by triggers, which also give a policy its new revision.

CREATE TABLE agentcore.policy_revision (
  tenant       text COLLATE "C" NOT NULL,
  policy       text COLLATE "C" NOT NULL,
  revision     bigint NOT NULL,
  id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  at           timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  role         text COLLATE "C" NOT NULL,
  session_role text COLLATE "C" NOT NULL DEFAULT session_user,
  action       text COLLATE "C" NOT NULL,
  before       jsonb,
  after        jsonb,
  PRIMARY KEY (tenant, policy, revision, id)
);
COMMENT ON TABLE agentcore.policy_revision IS
  'Append-only history: one row per change of a policy, a rule or a special entry, by whatever means, written in the transaction of the change. '
  'revision: the revision that the policy has had since the change, the one that url_check() names. '
  'A change of a special entry gives a new revision to every policy that it concerns, and is itself recorded under policy ''''. '
  'role: who called the function or wrote to the table (after SET ROLE, or the owner of a SECURITY DEFINER function). '
  'session_role: who logged in. '
  'action: policy_add, policy_change, policy_drop, rule_add, rule_change, rule_drop, rules_truncate, the same of fact, check and limit, special_add, special_change, special_drop, special_truncate, history_retain. '
  'before, after: the row without its key; NULL if there was or is no row; for a truncated table its rows as an array. '
  'A restore is recorded as changes by the role that restores. '
  'Old rows are deleted by policy_history_retain().';

CREATE FUNCTION agentcore.policy_record(tenant text, policy text, revision bigint, action text, before jsonb, after jsonb) RETURNS void
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
INSERT INTO agentcore.policy_revision (tenant, policy, revision, role, action, before, after)
VALUES (tenant, policy, revision, agentcore.history_writer(), action, before, after)
$$;
COMMENT ON FUNCTION agentcore.policy_record(text, text, bigint, text, jsonb, jsonb) IS
  'Internal. '
  'Writes one row of policy_revision.';

CREATE FUNCTION agentcore.policy_history_trigger() RETURNS trigger
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  key constant text[] := '{tenant,revision}';
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM agentcore.policy_record(p.tenant, p.name, nextval('agentcore.revision_seq'), 'policy_drop', to_jsonb(p) - key, NULL)
       FROM agentcore.policy p;
  ELSIF TG_OP = 'INSERT' THEN
    PERFORM agentcore.policy_record(NEW.tenant, NEW.name, NEW.revision, 'policy_add', NULL, to_jsonb(NEW) - key);
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM agentcore.policy_record(OLD.tenant, OLD.name, nextval('agentcore.revision_seq'), 'policy_drop', to_jsonb(OLD) - key, NULL);
  ELSIF (OLD.tenant, OLD.name) IS DISTINCT FROM (NEW.tenant, NEW.name) THEN
    PERFORM agentcore.policy_record(OLD.tenant, OLD.name, NEW.revision, 'policy_drop', to_jsonb(OLD) - key, NULL);
    PERFORM agentcore.policy_record(NEW.tenant, NEW.name, NEW.revision, 'policy_add', NULL, to_jsonb(NEW) - key);
  ELSIF to_jsonb(OLD) - key <> to_jsonb(NEW) - key OR (OLD.revision <> NEW.revision AND pg_trigger_depth() = 1) THEN
    PERFORM agentcore.policy_record(NEW.tenant, NEW.name, NEW.revision, 'policy_change', to_jsonb(OLD) - key, to_jsonb(NEW) - key);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION agentcore.policy_history_trigger() IS
  'Internal. '
  'Records a changed policy. '
  'A new revision alone is recorded by the trigger that assigned it, unless somebody wrote it by hand.';

CREATE FUNCTION agentcore.policy_record_special(entry_tenant text, action text, before jsonb, after jsonb) RETURNS void
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH touched AS (
  UPDATE agentcore.policy p SET revision = 0 WHERE entry_tenant IN (p.tenant, '*') RETURNING p.tenant, p.name, p.revision
)
SELECT agentcore.policy_record(t.tenant, t.name, t.revision, action, before, after) FROM touched t
UNION ALL
SELECT agentcore.policy_record(entry_tenant, '', nextval('agentcore.revision_seq'), action, before, after)
$$;
COMMENT ON FUNCTION agentcore.policy_record_special(text, text, jsonb, jsonb) IS
  'Internal. '
  'Gives a new revision to every policy that a special entry concerns (registry_revision_trigger replaces the 0), and records why.';

CREATE FUNCTION agentcore.policy_record_rule(tenant text, policy text, action text, before jsonb, after jsonb) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  number bigint;
BEGIN
  UPDATE agentcore.policy p SET revision = 0
   WHERE p.tenant = policy_record_rule.tenant AND p.name = policy_record_rule.policy
  RETURNING p.revision INTO number;
  -- the rules of a policy that is dropped go after it
  PERFORM agentcore.policy_record(tenant, policy, coalesce(number, nextval('agentcore.revision_seq')), action, before, after);
END
$$;
COMMENT ON FUNCTION agentcore.policy_record_rule(text, text, text, jsonb, jsonb) IS
  'Internal. '
  'Gives the policy of a changed rule a new revision (registry_revision_trigger replaces the 0), and records why.';

-- TimeZone, DateStyle and intervalstyle: a span or range of time becomes text in jsonb.
CREATE FUNCTION agentcore.policy_touch_trigger() RETURNS trigger
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET "TimeZone" = 'UTC'
  SET "DateStyle" = 'ISO, YMD'
  SET intervalstyle = 'postgres'
  AS $$
DECLARE
  was constant jsonb := to_jsonb(OLD);
  will constant jsonb := to_jsonb(NEW);
  key constant text[] := '{tenant,policy}';
  moved constant boolean := (was -> 'tenant', was -> 'policy') IS DISTINCT FROM (will -> 'tenant', will -> 'policy');
  part constant boolean := starts_with(TG_TABLE_NAME, 'policy_');
  word constant text := substr(TG_TABLE_NAME, 8);
BEGIN
  IF TG_OP = 'TRUNCATE' AND part THEN
    EXECUTE format('SELECT agentcore.policy_record_rule(r.tenant, r.policy, %L, jsonb_agg(to_jsonb(r) - %L::text[] ORDER BY to_jsonb(r)), NULL) FROM agentcore.%I r GROUP BY r.tenant, r.policy',
                   word || 's_truncate', key, TG_TABLE_NAME);
  ELSIF TG_OP = 'TRUNCATE' AND TG_TABLE_NAME = 'special_range' THEN
    PERFORM agentcore.policy_record_special(s.tenant, 'special_truncate', jsonb_agg(to_jsonb(s) - key ORDER BY s.network), NULL)
       FROM agentcore.special_range s GROUP BY s.tenant;
  ELSIF TG_OP = 'TRUNCATE' THEN
    PERFORM agentcore.policy_record_special(s.tenant, 'special_truncate', jsonb_agg(to_jsonb(s) - key ORDER BY s.pattern), NULL)
       FROM agentcore.special_name s GROUP BY s.tenant;
  ELSIF part THEN
    -- a rule that moves to another policy leaves one and enters the other
    IF was IS NOT NULL AND (will IS NULL OR moved) THEN
      PERFORM agentcore.policy_record_rule(was ->> 'tenant', was ->> 'policy', word || '_drop', was - key, NULL);
    END IF;
    IF will IS NOT NULL THEN
      PERFORM agentcore.policy_record_rule(will ->> 'tenant', will ->> 'policy', word || CASE WHEN moved THEN '_add' ELSE '_change' END,
                                           CASE WHEN NOT moved THEN was - key END, will - key);
    END IF;
  ELSE
    IF was IS NOT NULL AND (will IS NULL OR moved) THEN
      PERFORM agentcore.policy_record_special(was ->> 'tenant', 'special_drop', was - key, NULL);
    END IF;
    IF will IS NOT NULL THEN
      PERFORM agentcore.policy_record_special(will ->> 'tenant', CASE WHEN moved THEN 'special_add' ELSE 'special_change' END,
                                              CASE WHEN NOT moved THEN was - key END, will - key);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION agentcore.policy_touch_trigger() IS
  'Internal. '
  'Gives a policy a new revision when one of its rules or a special entry changes, by whatever means, and records the change. '
  'Fires before a TRUNCATE, while the rows can still be seen.';

SELECT agentcore.history_attach('agentcore.policy_rule', 'policy_touch');
SELECT agentcore.history_attach('agentcore.special_range', 'policy_touch');
SELECT agentcore.history_attach('agentcore.special_name', 'policy_touch');
SELECT agentcore.history_attach('agentcore.policy', 'policy_history');
SELECT agentcore.registry_attach('agentcore.special_range', false);
SELECT agentcore.registry_attach('agentcore.special_name', false);

SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_revision', '');
