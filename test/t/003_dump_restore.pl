# pg_dump and restore: every table of the extension filled, nothing lost, nothing alive that must not be.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.audit = 'all'
lc_messages = 'C'
CONF
$node->start;

sub in_db { return $node->safe_psql($_[0], $_[1]); }

$node->safe_psql('postgres', 'CREATE ROLE regress_keeper; CREATE ROLE regress_goner; CREATE DATABASE source; CREATE DATABASE target;');
in_db('source', q{
CREATE EXTENSION agentcore;
SELECT agentcore.access_grant('regress_keeper', 'agent', '{"", t1}');
SELECT agentcore.access_grant('regress_goner', 'admin', '{"*"}');
SELECT agentcore.special_set('198.51.100.0/24', 'ours'), agentcore.special_set('vault.corp', 'ours');
SELECT agentcore.tenant_set(false, tenant => 't2'), agentcore.tenant_share_set(30, tenant => 't2');
SELECT agentcore.policy_set('p', methods => '{GET}');
SELECT agentcore.policy_allow('p', '*.example.com');
SELECT agentcore.policy_deny('p', 'bad.example.com');
SELECT agentcore.policy_allow_tool('p', '*');
SELECT agentcore.policy_deny_tool('p', 'rm*');
CREATE SCHEMA shop;
CREATE FUNCTION shop.may(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
 $$ SELECT CASE WHEN (context #>> '{args,n}')::int > 100 THEN 'Too many.' END $$;
REVOKE EXECUTE ON FUNCTION shop.may(jsonb) FROM PUBLIC;
SELECT agentcore.policy_set('p', tz => 'Europe/Berlin'), agentcore.policy_set('*'), agentcore.policy_set('*', tenant => '*');
SELECT agentcore.policy_deny_tool('*', 'deploy', name => 'freeze', "when" => '{"/clock/hour": {"minimum": 22}}', tenant => '*');
SELECT agentcore.policy_allow_tool('p', 'refund', name => 'small', "when" => '{"/args/amount": {"minimum": 0, "maximum": 500}}', feedback => 'Less.');
SELECT agentcore.policy_ask_tool('p', 'refund', name => 'two', votes => 2, approvers => 'regress_keeper', bind => '{/amount}', "when" => '{"/args/amount": {"minimum": 400}}');
SELECT agentcore.policy_check_set('p', 'read', 'may', 'shop.may');
SELECT agentcore.policy_fact('p', 'read', 'seen', value => '/args/n', "when" => '{"/result": {"type": "object"}}'), agentcore.policy_fact_clear('p', 'rm*', 'seen');
SELECT agentcore.budget_set('team', max_usd => 10, period => '1 day');
SELECT agentcore.budget_set('b', max_tokens => 1000, max_calls => 10, parent => 'team');
SELECT agentcore.budget_limit_set('b', 'hour', max_tokens => 900, period => '1 hour');
SELECT agentcore.budget_template_set('customer:*', parent => 'team', max_usd => 1, max_budgets => 2);
SELECT agentcore.budget_acquire('customer:1', usd => 0.75);
SELECT agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('read', '{"type": "object"}', cache_ttl => '1 hour', est_tokens => 100);
SELECT agentcore.json_schema_set('urn:doc', '{"$id": "urn:doc:own", "properties": {"n": {"type": "integer"}}}');
SELECT agentcore.tool_set('pay', '{"type": "object", "$ref": "urn:doc:own"}', needs_approval => true);
SELECT agentcore.model_price_set('m', 0.000001, 0.000002, fees => '{"requests": 0.01}'), agentcore.model_price_set('m', 1, 1, service_tier => 'flex', above_tokens => 9);
SELECT agentcore.model_alias_set('m-*', 'm');
SELECT agentcore.model_set('m', target => 'far');
SELECT agentcore.tool_import('[{"name": "held", "inputSchema": {"type": "object"}}]', origin => 'server');
SELECT agentcore.tool_import('[{"name": "held", "description": "Another.", "inputSchema": {"type": "object"}}]', origin => 'server', on_change => 'hold');
SELECT agentcore.retry_policy_set('r', base => '1 s');
SELECT agentcore.breaker_set('far', consecutive => 2);
SELECT agentcore.rate_set('far', 5, '1 second', tokens => 1000), agentcore.model_set('m', target => 'far', retry_policy => 'r');
SELECT agentcore.task_set('x', labels => '{untrusted}'), agentcore.task_set('x.1', parent => 'x');
SELECT agentcore.policy_limit_tool('p', 'refund', 'day', per => '{/args/payee}', sum_of => '/args/amount', max_sum => 1000, period => '1 day', ask => 'two');
SELECT agentcore.tool_set('mark', '{"type": "object"}', once => '1 day', once_scope => 'agent');
SELECT verdict FROM agentcore.call_begin('a', 'mark', '{}');
SELECT verdict FROM agentcore.call_begin('a', 'pay', '{}', task => 'x');
SELECT agentcore.call_approve(approval) FROM agentcore.call_begin('a', 'pay', '{"n": 9}');
SELECT agentcore.approval_grant('a', 'pay', '{"/args/n": {"const": 10}}');
SELECT agentcore.call_commit(call_id, '{}', tokens => 7) FROM agentcore.call_begin('a', 'read', '{"n": 1}', key => 'done', task => 'x');
SELECT verdict FROM agentcore.call_begin('a', 'read', '{"n": 2}', key => 'open', lease => '1 hour');
SET agentcore.audit = 'all';
SELECT verdict FROM agentcore.call_begin('a', 'rm', '{}');
CREATE TABLE agentcore.call_log_entry_2099 PARTITION OF agentcore.call_log_entry FOR VALUES FROM ('2099-01-01') TO ('2100-01-01');
INSERT INTO agentcore.call_log_entry (tenant, at, event, verdict, enforced, role) VALUES ('', '2099-06-01', 'begin', 'run', true, 'r'), ('', '2001-06-01', 'begin', 'run', true, 'r');
RESET agentcore.audit;
SELECT agentcore.task_set('over'), agentcore.task_stop('over');
SELECT rows FROM agentcore.log_seal();
-- a partition that an administrator adds at run time, with an index of its own
CREATE TABLE agentcore.budget_ledger_2099 PARTITION OF agentcore.budget_ledger FOR VALUES FROM ('2099-01-01') TO ('2100-01-01');
CREATE UNIQUE INDEX ON agentcore.budget_ledger_2099 (tenant, at, id);
INSERT INTO agentcore.budget_ledger SELECT tenant, '2099-06-01', id, NULL, '{}', event, 0, 0, 0, agent, tool FROM ONLY agentcore.budget_ledger_default LIMIT 1;
-- and the extension's own, which take what the default partition held but the oldest
INSERT INTO agentcore.budget_ledger SELECT tenant, '2001-06-01', id, NULL, '{}', event, 0, 0, 0, agent, tool FROM ONLY agentcore.budget_ledger_default LIMIT 1;
SELECT agentcore.budget_ledger_partition(1), agentcore.call_log_partition(1);
});

my $tables = q{
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_extension e ON e.extname = 'agentcore' AND c.oid = ANY (e.extconfig)
 WHERE c.relkind IN ('r', 'p') ORDER BY 1};
my @tables = split /\n/, in_db('source', $tables);
cmp_ok(scalar @tables, '>', 8, 'there are tables to dump');

# an empty table would prove nothing
foreach my $table (@tables)
{
	isnt(in_db('source', "SELECT count(*) FROM $table"), '0', "$table is filled");
}

# a role that is gone when the dump is restored
in_db('source', 'DROP OWNED BY regress_goner; DROP ROLE regress_goner') ;

my $then = in_db('source', 'SELECT agentcore.clock_now()');
my $file = "$PostgreSQL::Test::Utils::tmp_check/agentcore.sql";
$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', $file ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('target'), '-f', $file ], 'restore without an error');

sub contents
{
	my ($database, $table) = @_;
	# a policy gets a new revision when its rules are loaded; that is no loss
	my $row = "to_jsonb(t) - 'revision'";
	return in_db($database, "SELECT count(*), md5(string_agg(($row)::text, '|' ORDER BY ($row)::text)) FROM $table t");
}
# a restore writes policies and tools, so it adds to their history; it takes nothing away
foreach my $table ('agentcore.config_revision', 'agentcore.policy_revision', 'agentcore.tool_revision')
{
	my $history = "SELECT r::text FROM $table r ORDER BY 1";
	my %restored = map { $_ => 1 } split /\n/, in_db('target', $history);
	is(join("\n", grep { !$restored{$_} } split /\n/, in_db('source', $history)), '', "$table is restored");
}
is(in_db('target', "SELECT agentcore.config_at('$then')"), in_db('source', "SELECT agentcore.config_at('$then')"), 'and so is what the configuration was before the dump');
is(in_db('source', "SELECT agentcore.config_at('$then') = agentcore.config_export()"), 't', 'as it was exported');
is(in_db('target', 'SELECT agentcore.config_at(agentcore.clock_now()) = agentcore.config_export()'), 't', 'and what it is since');
is(in_db('target', q{SELECT count(*) FROM agentcore.url_check('p', 'https://bad.example.com/') c
 JOIN agentcore.policy_history h ON h.policy = 'p' AND h.revision = c.revision}), '1', 'a decision finds its revision after restore');

foreach my $table (grep { $_ !~ /_revision$/ } @tables)
{
	is(contents('target', $table), contents('source', $table), "$table is the same after restore");
}

is(in_db('target', q{SELECT agentcore.args_valid('pay', '{"n": 1}'), agentcore.args_valid('pay', '{"n": "1"}')}), 't|f', 'a tool finds its document');

is(in_db('target', q{SELECT agentcore.config_export()}), in_db('source', q{SELECT agentcore.config_export()}), 'the configuration is the same');

is(in_db('target', q{SELECT verdict, reason FROM agentcore.call_begin('a', 'refund', '{"amount": 900}')}), 'deny|unknown_tool', 'rules are read after restore');

is(in_db('target', q{SELECT reason FROM agentcore.call_begin('a', 'held', '{}')}), 'tool_changed', 'a tool that was held is held');

is(in_db('target', q{SELECT verdict FROM agentcore.call_begin('a', 'pay', '{"n": 9}')}), 'run', 'a vote counts on');
is(in_db('target', q{SELECT verdict FROM agentcore.call_begin('a', 'pay', '{"n": 10}')}), 'run', 'and so does a grant');
is(in_db('target', q{SELECT verdict, reason FROM agentcore.call_begin('a', 'pay', '{"n": 9}')}), 'wait|approval_required', 'once');

is(in_db('target', q{SELECT detail, feedback FROM agentcore.call_begin('a', 'read', '{"n": 101}')}), 'check: may|Too many.', 'a check judges on');
is(in_db('target', q{SELECT reason FROM agentcore.call_begin('a', 'read', '{"n": 4}', task => 'over')}), 'task_stopped', 'a task that was stopped is stopped');
is(in_db('target', q{SELECT s FROM agentcore.task_status('x.1') s}), in_db('source', q{SELECT s FROM agentcore.task_status('x.1') s}), 'rules know of a task what they knew');

is(in_db('target', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'agentcore.budget_ledger'::regclass}), '4', 'the ledger has its partitions');
is(in_db('target', q{SELECT agentcore.budget_ledger_partition(1)}), '0', 'none is made twice');
is(in_db('target', q{SELECT partitions FROM agentcore.budget_ledger_retain('60 days')}), '0', 'none is old');

is(in_db('target', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'agentcore.call_log_entry'::regclass}), '4', 'the log has its partitions');
is(in_db('target', q{SELECT agentcore.call_log_partition(1)}), '0', 'none of it is made twice');
is(in_db('target', q{SELECT partitions FROM agentcore.call_log_retain('60 days')}), '0', 'and none is old');
is(in_db('target', q{SELECT string_agg(DISTINCT state, ', ' ORDER BY state) FROM agentcore.log_verify() WHERE batch IS NOT NULL}), 'ok, retired', 'its seals hold');
cmp_ok(in_db('target', q{SELECT nextval('agentcore.call_log_seq')}), '>', in_db('source', q{SELECT max(id) FROM agentcore.call_log_entry}), 'its numbers go on');

# it works on: open calls can be settled, revisions go on, the dropped role's grant matches nobody
is(in_db('target', q{SELECT granted FROM agentcore.budget_try_acquire('customer:1', usd => 0.5)}), 'f', 'a budget of a template is what it was');
is(in_db('target', q{SELECT granted FROM agentcore.budget_try_acquire('customer:2', usd => 0.5)}), 't', 'the template makes another');
is(in_db('target', q{SELECT granted FROM agentcore.budget_try_acquire('customer:3', usd => 0.5)}), 'f', 'and no more than it may');
is(in_db('target', q{SELECT count(*) FROM agentcore.budget_verify()}), '0', 'the budgets are sound');
my $open = in_db('target', q{SELECT call_id FROM agentcore.call_begin('a', 'read', '{"n": 2}', key => 'open', lease => '1 hour')});
is(in_db('target', qq{SELECT agentcore.call_commit('$open', tokens => 5)}), 'committed', 'a call opened before the dump is settled after it');
is(in_db('target', q{SELECT verdict FROM agentcore.call_begin('a', 'read', '{"n": 1}', key => 'done', task => 'x')}), 'cached', 'a settled key stays settled');
isnt(in_db('target', q{SELECT verdict FROM agentcore.call_begin('a', 'read', '{"n": 1}')}), 'cached', 'the other database cached nothing for this one');
cmp_ok(in_db('target', q{SELECT nextval('agentcore.revision_seq')}), '>', in_db('source', q{SELECT last_value FROM agentcore.revision_seq}) - 1, 'revisions go on');
isnt(in_db('source', 'SELECT id FROM agentcore.installation'), in_db('target', 'SELECT id FROM agentcore.installation'), 'the restored database is an installation of its own');
is(in_db('target', q{SELECT agentcore.access_visible('t1')}), 't', 'access is checked after restore');
$node->safe_psql('postgres', 'CREATE ROLE regress_stranger');
is(in_db('target', q{SET ROLE regress_stranger; SELECT agentcore.access_visible('')}), 'f', 'a stranger sees nothing');

$node->stop;
done_testing();
