-- What users write today instead of a budget: a conditional UPDATE and an INSERT in
-- plpgsql.  Permits and ledger are agentcore's own tables once more, indexes included, so
-- that the same rows are written; the counter is a plain row of numbers.
CREATE SCHEMA plain;
CREATE TABLE plain.counter (
  tenant       text COLLATE "C" NOT NULL DEFAULT '',
  budget       text COLLATE "C" NOT NULL,
  max_tokens   bigint NOT NULL,
  max_nanousd  bigint NOT NULL,
  used_tokens  bigint NOT NULL DEFAULT 0,
  used_nanousd bigint NOT NULL DEFAULT 0,
  used_calls   bigint NOT NULL DEFAULT 0,
  held_tokens  bigint NOT NULL DEFAULT 0,
  held_nanousd bigint NOT NULL DEFAULT 0,
  held_calls   bigint NOT NULL DEFAULT 0,
  seen         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, budget)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE plain.permit (LIKE agentcore.permit INCLUDING DEFAULTS INCLUDING INDEXES) WITH (fillfactor = 80);
CREATE TABLE plain.ledger (LIKE agentcore.budget_ledger_default INCLUDING DEFAULTS INCLUDING INDEXES);

CREATE FUNCTION plain.acquire(b text, tokens bigint, nanousd bigint) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  id uuid := gen_random_uuid();
  at timestamptz := clock_timestamp();
BEGIN
  UPDATE plain.counter c
     SET held_tokens = held_tokens + tokens, held_nanousd = held_nanousd + nanousd, held_calls = held_calls + 1, seen = at
   WHERE c.tenant = '' AND c.budget = b
     AND used_tokens + held_tokens + tokens <= max_tokens AND used_nanousd + held_nanousd + nanousd <= max_nanousd;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'budget % exceeded', b;
  END IF;
  INSERT INTO plain.permit (tenant, id, state, role, budget, budgets, held_tokens, held_nanousd, held_calls, charge_on_expiry, created_at, lease_until, holder)
  VALUES ('', id, 'o', current_user, b, ARRAY[b], tokens, nanousd, 1, false, at, at + interval '10 minutes', current_user);
  RETURN id;
END $$;

-- the same with the shared row touched last, so that it is locked for a shorter time
CREATE FUNCTION plain.acquire_last(b text, tokens bigint, nanousd bigint) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  id uuid := gen_random_uuid();
  at timestamptz := clock_timestamp();
BEGIN
  INSERT INTO plain.permit (tenant, id, state, role, budget, budgets, held_tokens, held_nanousd, held_calls, charge_on_expiry, created_at, lease_until, holder)
  VALUES ('', id, 'o', current_user, b, ARRAY[b], tokens, nanousd, 1, false, at, at + interval '10 minutes', current_user);
  UPDATE plain.counter c
     SET held_tokens = held_tokens + tokens, held_nanousd = held_nanousd + nanousd, held_calls = held_calls + 1, seen = at
   WHERE c.tenant = '' AND c.budget = b
     AND used_tokens + held_tokens + tokens <= max_tokens AND used_nanousd + held_nanousd + nanousd <= max_nanousd;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'budget % exceeded', b;
  END IF;
  RETURN id;
END $$;

CREATE FUNCTION plain.settle(permit uuid, tokens bigint, nanousd bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  p record;
BEGIN
  UPDATE plain.permit r
     SET state = 'c', charged_tokens = tokens, charged_nanousd = nanousd, charged_calls = held_calls, settled_at = at
   WHERE r.tenant = '' AND r.id = permit AND r.state = 'o'
  RETURNING r.budget, r.held_tokens, r.held_nanousd INTO p;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO plain.ledger (tenant, at, id, permit, budgets, event, tokens, nanousd, calls)
  VALUES ('', at, gen_random_uuid(), permit, ARRAY[p.budget], 'commit', tokens, nanousd, 1);
  UPDATE plain.counter c
     SET held_tokens = c.held_tokens - p.held_tokens, held_nanousd = c.held_nanousd - p.held_nanousd, held_calls = c.held_calls - 1,
         used_tokens = used_tokens + tokens, used_nanousd = used_nanousd + nanousd, used_calls = used_calls + 1, seen = at
   WHERE c.tenant = '' AND c.budget = p.budget;
  RETURN true;
END $$;

-- Budgets that never refuse, the same on both sides.
INSERT INTO plain.counter (budget, max_tokens, max_nanousd)
SELECT b, 1000000000000000, 1000000000000000000
  FROM (SELECT 'hot' UNION ALL SELECT 'b' || i FROM generate_series(1, 1000) i) AS x(b);
SELECT count(agentcore.budget_set(budget, max_tokens => max_tokens, max_usd => max_nanousd / 1000000000)) FROM plain.counter;

-- Three levels, one window each; with "two" a second window is added to each.
SELECT agentcore.budget_set(x || '_org', max_tokens => 1000000000000000, period => '1 month'),
       agentcore.budget_set(x || '_team', max_tokens => 1000000000000000, period => '1 month', parent => x || '_org'),
       agentcore.budget_set(x || '_agent', max_tokens => 1000000000000000, period => '1 month', parent => x || '_team')
  FROM unnest(ARRAY['one', 'two']) x;
SELECT agentcore.budget_set('flat', max_tokens => 1000000000000000, period => '1 month');

-- A cap of 1,000 calls, checked first and recorded afterwards, and ours.
CREATE TABLE plain.spent (clients int PRIMARY KEY, calls int NOT NULL DEFAULT 0);
INSERT INTO plain.spent VALUES (16), (64);
SELECT agentcore.budget_set('cap' || clients, max_calls => 1000) FROM plain.spent;
