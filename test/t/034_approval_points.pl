# A call that was found allowed, stopped before it locks its approval (a build with
# TEST_POINTS=1): what people do meanwhile counts.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'shared_preload_libraries = agentcore');
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

my $begin = q{SELECT concat_ws(' ', verdict, reason, args) FROM agentcore.call_begin('bot', 't', '{"n": 1}')};

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.policy_ask_tool('p', 't', name => 'ask', self => true) > 0, agentcore.tool_set('t', 'true');
SELECT agentcore.agent_set('bot', 'p');
});

# asked and approved; then a session in the call is stopped while "meanwhile" happens
sub call_stopped
{
	my ($meanwhile) = @_;
	one('DELETE FROM agentcore.approval');
	is(one($begin), 'wait approval_required', 'asked');
	one(q{SELECT agentcore.call_approve(id) FROM agentcore.approvals});
	my $gate = closed($node, 'approval_found');
	my $caller = named($node, 'caller', "SET agentcore.test_points = 'approval_found'");
	asks($caller, $begin);
	stopped($node, $caller, 'Lock') or die 'nobody stopped';
	one($meanwhile);
	leave($gate);
	my $answer = answer($caller);
	leave($caller);
	return $answer;
}

is(call_stopped(q{SELECT 1}), 'run {"n": 1}', 'nothing happens: it runs');
is(call_stopped(q{SELECT agentcore.call_approve(id, args => '{"n": 2}') FROM agentcore.approvals}), 'wait contention', 'corrected: it does not run as it was');
is(one($begin), 'run {"n": 2}', 'but as it was corrected');
is(call_stopped(q{SELECT agentcore.call_approve(id, false) FROM agentcore.approvals}), 'wait contention', 'refused: it does not run');
is(one($begin), 'deny approval_required', 'and is refused');
is(call_stopped(q{SELECT agentcore.call_withdraw(id) FROM agentcore.approvals}), 'wait contention', 'withdrawn: it does not run');
is(call_stopped($begin), 'wait contention', 'used by another: it does not run');
is(one($begin), 'wait approval_required', 'one approval, one call');

# a grant
is(call_stopped(q{DELETE FROM agentcore.approval}), 'wait contention', 'purged: it does not run');
one(q{SELECT agentcore.approval_grant('bot', 't')});
is(one($begin), 'run {"n": 1}', 'granted');
is(one($begin), 'wait approval_required', 'once');

$node->stop;
done_testing();
