# Restart and crash: what is committed stays, what was open lapses, shared memory starts empty.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
restart_after_crash = on
lc_messages = 'C'
CONF
$node->start;

sub one { return $node->safe_psql('postgres', $_[0]); }

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.budget_set('b', max_tokens => 1000000, max_calls => 1000);
SELECT agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('read', '{"type": "object"}', cache_ttl => '1 hour', est_tokens => 100);
SELECT agentcore.tool_set('write', '{"type": "object"}', est_tokens => 100);
});

# what a session did before the server stopped, by every way of stopping
sub round
{
	my ($number, $stop) = @_;
	my $call = one(qq{SELECT call_id FROM agentcore.call_begin('a', 'read', '{"n": $number}')});
	one(qq{SELECT agentcore.call_commit('$call', '{"answer": $number}', tokens => 10)});
	is(one(qq{SELECT verdict FROM agentcore.call_begin('a', 'read', '{"n": $number}')}), 'cached', "$stop: cached before");
	my $open = one(qq{SELECT call_id FROM agentcore.call_begin('a', 'write', '{"n": $number}', key => 'k$number', lease => '1 hour')});
	my $lost = one(qq{SELECT call_id FROM agentcore.call_begin('a', 'write', '{"n": -$number}', key => 'l$number', lease => '10 milliseconds')});

	one(qq{SELECT agentcore.tool_set('far$number', '{"type": "object"}', target => 'far$number'), agentcore.rate_set('far$number', period => '1 hour', tokens => 500)});
	my $far = one(qq{SELECT call_id FROM agentcore.call_begin('a', 'far$number', est_tokens => 500)});

	if ($stop eq 'fast') { $node->restart; }
	elsif ($stop eq 'immediate') { $node->stop('immediate'); $node->start; }
	else
	{
		# one backend dies: the postmaster starts shared memory anew for all
		my ($stdin, $stdout, $stderr) = ("SELECT pg_backend_pid();\n", '', '');
		my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$stdin, '>', \$stdout, '2>', \$stderr,
			IPC::Run::timeout(600));
		$session->pump until $stdout =~ /(\d+)\n/;
		killed($1);
		$session->kill_kill;
		$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'the server did not come back';
	}

	is(one(q{SELECT string_agg(message, '; ') FROM agentcore.budget_verify() AS v(message)}), '', "$stop: every invariant of the budgets holds");
	is(one(q{SELECT agentcore.cache_verify()}), 't', "$stop: the cache is sound");
	is(one(qq{SELECT verdict FROM agentcore.call_begin('a', 'read', '{"n": $number}')}), 'run', "$stop: the cache starts empty");
	is(one(qq{SELECT verdict FROM agentcore.call_begin('a', 'far$number', est_tokens => 300)}), 'run', "$stop: rates start anew");
	is(one(qq{SELECT agentcore.call_commit('$far', tokens => 0)}), 'committed', "$stop: a call that had taken tokens used none");
	is(one(qq{SELECT reason FROM agentcore.call_begin('a', 'far$number', est_tokens => 201)}), 'rate_limited', "$stop: what it took is not given back from what others took since");
	is(one(qq{SELECT agentcore.call_status('$open')}), 'open', "$stop: the open call is still open");
	is(one(qq{SELECT reason FROM agentcore.call_begin('a', 'write', '{"n": $number}', key => 'k$number', lease => '1 hour')}), 'in_progress', "$stop: and holds its key");
	is(one(qq{SELECT agentcore.call_commit('$open', tokens => 5)}), 'committed', "$stop: and can be settled");
	is(one(qq{SELECT reason FROM agentcore.call_begin('a', 'write', '{"n": -$number}', key => 'l$number', lease => '10 milliseconds')}), 'outcome_unknown',
		"$stop: the call whose worker died has an unknown outcome");
	is(one(q{SELECT string_agg(message, '; ') FROM agentcore.budget_verify() AS v(message)}), '', "$stop: the invariants hold at the end");
	one(q{SELECT agentcore.budget_set('b', max_tokens => 1000000, max_calls => 1000)});
	return;
}

round(1, 'fast');
round(2, 'immediate');
round(3, 'kill -9 of a backend');

$node->stop;
done_testing();
