-- approval: requests that people decide, their votes, and what they granted beforehand.

CREATE TABLE agentcore.approval (
  tenant       text COLLATE "C" NOT NULL,
  id           uuid NOT NULL,
  agent        text COLLATE "C" NOT NULL,
  tool         text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  args         jsonb NOT NULL,
  budget       text COLLATE "C",
  est_tokens   bigint,
  est_nanousd  bigint,
  task         text COLLATE "C",
  subject      text COLLATE "C",
  state        text COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused', 'used', 'withdrawn')),
  requested_at timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  requested_by text COLLATE "C" NOT NULL,
  decide_by    timestamptz NOT NULL,
  decided_at   timestamptz,
  decided_by   text COLLATE "C",
  note         text,
  expires_at   timestamptz,
  call_id      uuid,
  also         text[] COLLATE "C",
  excuses      text[] COLLATE "C",
  full_budgets jsonb,
  requested_login text COLLATE "C" NOT NULL,
  asks         jsonb NOT NULL,
  is_model     boolean NOT NULL DEFAULT false,
  round        integer NOT NULL DEFAULT 1,
  version      integer NOT NULL DEFAULT 1,
  corrected    jsonb,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX approval_request ON agentcore.approval (tenant, agent, request_hash);
-- one question at one price is asked once, however many workers ask it; names of 64 budgets are too long for an index
CREATE UNIQUE INDEX approval_pending ON agentcore.approval (tenant, agent, request_hash, est_tokens, est_nanousd, pg_catalog.hash_array_extended(excuses, 0)) NULLS NOT DISTINCT WHERE state = 'pending';
-- what was approved for a call, when it asks to hold more
CREATE UNIQUE INDEX approval_call ON agentcore.approval (tenant, call_id) WHERE call_id IS NOT NULL;
COMMENT ON TABLE agentcore.approval IS
  'Requests of calls that people must allow first, since their tool, a rule of a policy or a full budget says so. '
  'request_hash: digest of what is asked (agent, task, subject, budget, the tool''s name, description, schema, target, url_args, url_skip, http_method and open_world, the arguments that will run, or those that the rules bind). '
  'est_tokens, est_nanousd: NULL is unknown. '
  'also: the budgets that pay beside budget, NULL = none. '
  'excuses: the budgets whose limits the call is to pass, NULL = none; full_budgets: what each of them said when it was asked. '
  'decide_by: until when somebody has to decide. '
  'asks: what has to be satisfied, as it was when somebody asked or voted last. '
  'corrected: the arguments that a person put in the place of args; round: of the votes that count, one more with each correction; version: one more with each change. '
  'call_id: the call that used it. '
  'Written by call_begin(), call_approve() and call_withdraw(), removed by approval_purge().';

CREATE TABLE agentcore.approval_vote (
  tenant      text COLLATE "C" NOT NULL,
  approval    uuid NOT NULL,
  n           integer NOT NULL,
  round       integer NOT NULL,
  role        text COLLATE "C" NOT NULL,
  login       text COLLATE "C" NOT NULL,
  voter       text COLLATE "C",
  approve     boolean NOT NULL,
  at          timestamptz NOT NULL,
  valid_until timestamptz,
  note        text,
  by_grant    uuid,
  PRIMARY KEY (tenant, approval, n)
);
COMMENT ON TABLE agentcore.approval_vote IS
  'Votes on requests for approval; rows are only added, and go with their request. '
  'role, login: the current and the session user; voter: the person that an application named (NULL: none). '
  'round: a vote counts while it is that of its request. '
  'valid_until: NULL = for ever. '
  'by_grant: the grant that gave the vote, NULL = none.';

CREATE TABLE agentcore.approval_granted (
  tenant      text COLLATE "C" NOT NULL,
  id          uuid NOT NULL,
  agent       text COLLATE "C" NOT NULL,
  tool        text COLLATE "C" NOT NULL,
  "when"      jsonb,
  uses        integer CHECK (uses > 0),
  used        integer NOT NULL DEFAULT 0,
  given_at    timestamptz NOT NULL,
  valid_until timestamptz,
  note        text,
  role        text COLLATE "C" NOT NULL,
  login       text COLLATE "C" NOT NULL,
  voter       text COLLATE "C",
  dropped_at  timestamptz,
  dropped_by  text COLLATE "C",
  PRIMARY KEY (tenant, id)
);
CREATE INDEX approval_granted_agent ON agentcore.approval_granted (tenant, agent);
SELECT agentcore.history_attach('agentcore.approval_granted', 'config_history', '{"",used}');
COMMENT ON TABLE agentcore.approval_granted IS
  'Votes that were given beforehand. '
  'Written by approval_grant() and approval_grant_drop(), removed by approval_purge().';

INSERT INTO agentcore.access_source (relation, hidden, approver_only) VALUES
  ('approval', '{request_hash,requested_login,is_model,round,version}', '{args,corrected}'), ('approval_vote', '{}', '{}'),
  ('approval_granted', '{}', '{when}');

CREATE FUNCTION agentcore.call_approve(approval uuid, approve boolean DEFAULT true, valid_for interval DEFAULT '1 day', note text DEFAULT NULL, args jsonb DEFAULT NULL, voter text DEFAULT NULL, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_approve_v1';
COMMENT ON FUNCTION agentcore.call_approve(uuid, boolean, interval, text, jsonb, text, text) IS
  'Vote on a request of agentcore.approvals. '
  'Returns approved (every ask is satisfied: that very call passes once), pending (more votes are needed) or refused (one refusal is final: it denies that very call for good). '
  'That very call: the same agent, task, subject and budget, the tool as it was defined (name, description, schema, target, url_args, url_skip, http_method, open_world), the same arguments as they will run (where every ask has a bind, those of them), an estimate that is not higher (a refusal: not lower). '
  'A vote counts for each ask whose approvers its voter belongs to, for valid_for (NULL = for ever). '
  'Voters differ in role and in login; a role that the requester''s role or login can act as does not count unless the ask says self. What no rule asks for (needs_approval, a full budget) an administrator may allow itself. '
  'args: arguments to run in the place of those asked for, a new question: earlier votes lapse, and they are judged as any arguments when the call comes again. '
  'voter: the person who votes, from a role with vouches, which has to name one; then persons differ. '
  'One that names full budgets (excuses) also lets the call pass their limits, and no others; a refusal of it holds for these and more. '
  'An approval of an unknown estimate is for an unknown one and for 0; a refusal of one is for all. '
  'A vote after its time (approval_expired) still counts. '
  'Unknown, used, withdrawn or refused request: 42704; a vote that would count for no ask, or voter from a role that does not vouch: 42501.';

CREATE FUNCTION agentcore.call_withdraw(approval uuid, tenant text DEFAULT '') RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_withdraw_v1';
COMMENT ON FUNCTION agentcore.call_withdraw(uuid, text) IS
  'A worker gives up: its request for approval needs no decision any more, and an approval that it has not used is void. '
  'Returns withdrawn; the same call asks anew. '
  'A request that does not exist, was refused, used or withdrawn, or that a role asked for whose privileges the caller lacks: 42704.';

CREATE FUNCTION agentcore.approval_purge(keep interval DEFAULT '90 days', tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_approval_purge_v1';
COMMENT ON FUNCTION agentcore.approval_purge(interval, text) IS
  'Remove the requests for approval, in any state and with their votes, that were made, decided and (where the approval has an end) ended more than keep ago, and the grants that ended so long ago. '
  'Returns how many requests were removed. '
  'A request that was open or approved is made again when its call comes again, and so it is for the retry of a call whose request was removed. '
  'NULL or negative: 22023.';

CREATE FUNCTION agentcore.approval_grant(agent text, tool text, "when" jsonb DEFAULT NULL, uses integer DEFAULT 1, valid_for interval DEFAULT '1 day', note text DEFAULT NULL, voter text DEFAULT NULL, tenant text DEFAULT '') RETURNS uuid
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_approval_grant_v1';
COMMENT ON FUNCTION agentcore.approval_grant(text, text, jsonb, integer, interval, text, text, text) IS
  'Give a vote beforehand, for calls of a tool (an exact name or ''prefix*'') by an agent for which "when" is true (as in policy_allow_tool(); its clock is UTC; NULL: all). '
  'It counts as the giver''s vote and no more: where an ask needs two, somebody else gives the other; and it lets no call pass a full budget. '
  'It is used only where votes do not suffice. '
  'uses: how many calls (1 to 1000000; NULL: any number); valid_for: for how long (NULL: for ever). '
  'voter: as in call_approve(). '
  'Returns the grant''s id. '
  'A condition that no rule may have: 22023.';

CREATE FUNCTION agentcore.approval_grant_drop("grant" uuid, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_approval_grant_drop_v1';
COMMENT ON FUNCTION agentcore.approval_grant_drop(uuid, text) IS
  'From the next COMMIT on no call uses the grant; calls that it let pass may go on. '
  'Any approver may do it. '
  'Returns whether it was there and not dropped before. '
  'NULL grant: 22023.';

CREATE VIEW agentcore.approval_votes WITH (security_barrier) AS
  SELECT tenant, approval, n, role, login, voter, approve, at, valid_until, note, by_grant, round
    FROM agentcore.visible_rows(NULL::agentcore.approval_vote);
COMMENT ON VIEW agentcore.approval_votes IS
  'Votes on requests for approval, the n-th of each. '
  'role, login: the current and the session user; voter: the person that an application named (NULL: none). '
  'round: one more after each correction of the arguments; votes of earlier ones have lapsed. '
  'valid_until: NULL = for ever. '
  'by_grant: the grant that gave the vote (NULL: none).';

CREATE VIEW agentcore.approvals WITH (security_barrier) AS
  SELECT a.tenant, a.id, a.agent, a.tool,
         coalesce(a.corrected, a.args) AS args,
         a.task, a.subject,
         CASE WHEN a.state = 'pending' AND a.decide_by <= agentcore.clock_now() THEN 'expired' ELSE a.state END AS state,
         a.requested_at, a.requested_by, a.decided_at, a.decided_by, a.note, a.expires_at, a.budget,
         a.est_tokens, pg_catalog.trim_scale(a.est_nanousd * 0.000000001) AS est_usd, a.call_id, a.decide_by, a.also,
         a.excuses, a.full_budgets, a.asks,
         (SELECT coalesce(pg_catalog.sum((x ->> 'votes')::integer), 0)::integer FROM pg_catalog.jsonb_array_elements(a.asks) x) AS votes_needed,
         (SELECT coalesce(pg_catalog.sum((x ->> 'given')::integer), 0)::integer FROM pg_catalog.jsonb_array_elements(a.asks) x) AS votes_given,
         CASE WHEN a.corrected IS NOT NULL THEN a.args END AS asked_args
    FROM agentcore.visible_rows(NULL::agentcore.approval) a;
COMMENT ON VIEW agentcore.approvals IS
  'Requests for approval, with all that a form needs; the arguments are those that will run and are shown to approvers and administrators of the tenant only. '
  'est_tokens, est_usd: the price asked for (NULL: unknown); a dearer call is another request. '
  'state: pending, approved, refused, used, withdrawn, or expired: nobody decided before decide_by, so the call is denied. '
  'expires_at: until when an approval can be used (NULL: for ever). '
  'also: the budgets that pay beside budget (NULL: none). '
  'call_id: the call that used it. '
  'excuses: budgets with on_full ask that were full, whose limits the call may pass if it is approved (NULL: none, it must fit); full_budgets: of each [{"budget", "limit", "dimension", "used", "held", "max", "asked"}] as it was when it was asked for, money in USD (limit null: too many in flight; asked null: unknown). '
  'asks: what has to be satisfied, as [{"policy", "name", "approvers", "votes", "given", "self", "bind", "feedback"}]: approvers is the role whose members may vote (null: approvers and administrators of the tenant), self says that roles which the requester can act as may; policy is null for needs_approval of the tool and on_full of a budget. '
  'votes_needed, votes_given: their sums; approval_votes has the votes. '
  'asked_args: what was asked for, where a person has put other arguments in its place (NULL: nobody has).';

CREATE VIEW agentcore.approval_grants WITH (security_barrier) AS
  SELECT tenant, id, agent, tool, "when", uses, used, given_at, valid_until, note, role, login, voter, dropped_at, dropped_by
    FROM agentcore.visible_rows(NULL::agentcore.approval_granted);
COMMENT ON VIEW agentcore.approval_grants IS
  'Votes given beforehand by approval_grant(); "when" is shown to approvers and administrators only. '
  'uses: how many calls may use it (NULL: any number, and used is not counted); valid_until: NULL = for ever. '
  'role, login, voter: who gave it.';

INSERT INTO agentcore.access_function VALUES
  ('call_approve', 'approver'), ('call_withdraw', 'agent'), ('approval_purge', 'admin'), ('approval_grant', 'approver'),
  ('approval_grant_drop', 'approver');

SELECT pg_catalog.pg_extension_config_dump('agentcore.approval', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.approval_vote', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.approval_granted', '');
