# Without shared_preload_libraries: what needs no shared memory works, the rest says so.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('plain');
$node->init;
$node->append_conf('postgresql.conf', "lc_messages = 'C'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION agentcore');

sub sql
{
	my ($query) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$query");
	return ($out, $err);
}

sub answers
{
	my ($query, $expected, $name) = @_;
	my ($out, $err) = sql($query);
	is($out, $expected, $name) or diag($err);
	return;
}

sub refuses
{
	my ($query, $name) = @_;
	my ($out, $err) = sql($query);
	like($err, qr/ERROR:\s+55000:/, "$name: 55000");
	like($err, qr/HINT:.*shared_preload_libraries/, "$name: the hint names shared_preload_libraries");
	return;
}

# rooms without shared memory
answers(q{SELECT agentcore.canonical_json('{"b": 1.0, "a": [true, null]}')}, '{"a":[true,null],"b":1}', 'canonical JSON');
answers(q{SELECT agentcore.policy_set('p'), agentcore.policy_allow('p', 'api.example.com') > 0, agentcore.policy_allow_tool('p', '*') > 0}, 't|t|t', 'policies');
answers(q{SELECT allowed, reason FROM agentcore.url_check('p', 'https://evil.example.org/')}, 'f|not_in_allowlist', 'url_check denies');
answers(q{SELECT agentcore.tool_set('read', '{"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}', cache_ttl => '1 hour')}, 't', 'tools');
answers(q{SELECT agentcore.args_valid('read', '{"id": 1}'), agentcore.args_valid('read', '{"id": "x"}')}, 't|f', 'validation');
answers(q{SELECT agentcore.budget_set('b', max_calls => 3)}, 't', 'budgets');
answers(q{SELECT agentcore.budget_commit(agentcore.budget_acquire('b'))}, 'committed', 'a budget is used');
answers(q{SELECT action FROM agentcore.retry_next(1, 503)}, 'retry', 'retry advice');
answers(q{SELECT agentcore.agent_set('a', 'p', 'b')}, 't', 'agents');

answers(q{SELECT count(*) > 10, agentcore.metrics_text() ~ '# EOF' FROM agentcore.metrics}, 't|t', 'metrics of what there is');
answers(q{SELECT count(*) FROM agentcore.spans}, '0', 'spans');

# cache, breaker and rate limiter need it
refuses(q{SELECT agentcore.cache_get('t', '{}')}, 'cache_get');
refuses(q{SELECT agentcore.cache_set('t', '{}', '1')}, 'cache_set');
refuses(q{SELECT * FROM agentcore.cache_fetch('t', '{}')}, 'cache_fetch');
refuses(q{SELECT * FROM agentcore.breaker_allow('t')}, 'breaker_allow');
refuses(q{SELECT agentcore.breaker_report('t', true)}, 'breaker_report');
refuses(q{SELECT * FROM agentcore.rate_take('t', 1, '1 second')}, 'rate_take');

# the gate: every lookup is a miss, said once a session
my ($out, $err) = sql(q{
SELECT verdict FROM agentcore.call_begin('a', 'read', '{"id": 1}');
SELECT verdict FROM agentcore.call_begin('a', 'read', '{"id": 1}');});
is($out, "run\nrun", 'the gate runs without its cache');
my $warnings = () = $err =~ /WARNING:/g;
is($warnings, 1, 'and warns once a session') or diag($err);
refuses(q{SET agentcore.missing_shmem = 'error'; SELECT verdict FROM agentcore.call_begin('a', 'read', '{"id": 1}')}, 'missing_shmem = error');

# a tool with a rate or a breaker is denied: fail closed
answers(q{SELECT agentcore.tool_set('far', '{"type": "object"}', target => 'elsewhere'), agentcore.rate_set('elsewhere', 1, '1 second')}, 't|t', 'a tool with a target');
answers(q{SELECT verdict, reason FROM agentcore.call_begin('a', 'far', '{}')}, 'deny|circuit_open', 'is denied without shared memory');

# a model is watched where it can be, unless an administrator asked for more than that
answers(q{SELECT agentcore.model_price_set('m', 0.000001, 0.000002), agentcore.model_price_set('m2', 0.000001, 0.000002), agentcore.agent_set('free', 'p')}, 't|t|t', 'models');
answers(q{SELECT verdict, action FROM agentcore.llm_begin('free', 'm', 1, 1) b, LATERAL agentcore.call_fail(b.call_id, 529, NULL, '60') f}, 'run|retry', 'a model runs without shared memory');
answers(q{SELECT agentcore.rate_set('m', 1, '1 second'), agentcore.model_set('m2', target => 'elsewhere')}, 't|t', 'a rate, and a target');
answers(q{SELECT verdict, reason FROM agentcore.llm_begin('free', 'm', 1, 1)}, 'deny|rate_limited', 'a model with a rate is denied');
answers(q{SELECT verdict, reason FROM agentcore.llm_begin('free', 'm2', 1, 1)}, 'deny|circuit_open', 'and so is one with a target');
answers(q{SELECT agentcore.rate_drop('m'), agentcore.breaker_set('m', forced => 'open')}, 't|t', 'a breaker that is forced open');
answers(q{SELECT verdict, reason FROM agentcore.llm_begin('free', 'm', 1, 1)}, 'deny|circuit_open', 'counts, too');
refuses(q{SELECT agentcore.target_resume('m')}, 'target_resume');

# the views answer
answers(q{SELECT count(*) FROM agentcore.stat_target}, '0', 'stat_target is empty');
answers(q{SELECT (SELECT count(*) FROM agentcore.stat_call) + (SELECT count(*) FROM agentcore.stat_call_stage)}, '0', 'stat_call is empty');

# loaded late by a session, not at server start: still no shared memory, no crash
($out, $err) = sql(q{LOAD 'agentcore'; SELECT agentcore.cache_get('t', '{}')});
like($err, qr/55000/, 'LOAD gives no shared memory either');

$node->stop;
done_testing();
