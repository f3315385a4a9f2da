# A call that a person lets pass a full budget, stopped at named points (a build with
# TEST_POINTS=1): whether it needs that is decided under the budget's lock, and where it ends
# without COMMIT, the budget and the approval are as before.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Escrow;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', escrow_conf('restart_after_crash = on'));
$node->start;
sub one { return $node->safe_psql('postgres', "SET agentcore.debug_budget_entries = on; $_[0]"); }

my $begin = q{SELECT concat_ws(' ', verdict, reason, approval IS NOT NULL) FROM agentcore.call_begin('bot', 't', est_tokens => 5)};
my $approved = q{SELECT string_agg(concat_ws(' ', state, excuses), ', ' ORDER BY requested_at) FROM agentcore.approvals};
my $held = q{SELECT string_agg(concat_ws(' ', held_tokens, excused), ', ' ORDER BY held_tokens) FROM agentcore.permits WHERE state = 'open'};

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*') > 0, agentcore.tool_set('t', 'true');
SELECT agentcore.budget_set('org', max_tokens => 1000, on_full => 'ask'), agentcore.budget_set('team', parent => 'org', max_tokens => 10, on_full => 'ask');
SELECT agentcore.agent_set('bot', 'p', 'team');
});

# full again, asked and approved
sub approve
{
	one(q{SELECT count(agentcore.call_release(permit)) FROM agentcore.permits WHERE state = 'open' AND agent IS NOT NULL});
	one(q{SELECT count(agentcore.budget_release(permit)) FROM agentcore.permits WHERE state = 'open'});
	one(q{DELETE FROM agentcore.approval});
	one(q{SELECT agentcore.budget_acquire('team', 10, lease => '1 hour', key => gen_random_uuid()::text)});
	is(one($begin), 'wait approval_required t', 'asked');
	one(q{SELECT agentcore.call_approve(id) FROM agentcore.approvals});
	return;
}

# a session in the call, stopped at the point while "meanwhile" happens
sub call_stopped
{
	my ($point, $meanwhile) = @_;
	my $gate = closed($node, $point);
	my $caller = session($node);
	my $pid = $caller->query_safe("SET agentcore.test_points = '$point'; SELECT pg_backend_pid()");
	asks($caller, $begin);
	$node->poll_query_until('postgres', "SELECT wait_event_type IN ('Lock', 'Extension') FROM pg_stat_activity WHERE pid = $pid") or die "nobody stopped at $point";
	$meanwhile->($pid);
	$gate->quit;
	return $caller;
}

for my $entries ('on', 'off')
{
	my $name = "entries $entries";
	$node->append_conf('postgresql.conf', "agentcore.debug_budget_entries = $entries");
	$node->reload;

	# it fits in the end: the approval is kept
	approve();
	my $caller = call_stopped('approval_found', sub { one(q{SELECT count(agentcore.budget_release(permit)) FROM agentcore.permits WHERE state = 'open'}); });
	is(answer($caller), 'run f', "$name: it runs without the approval, since there is room");
	is(one($approved), 'approved {team}', "$name: which is kept");
	is(one($held), '5', "$name: and the permit was excused from nothing");
	$caller->quit;
	sound($node, $name);

	# one more is full: the approval does not do for it
	approve();
	$caller = call_stopped('approval_found', sub { one(q{SELECT agentcore.budget_acquire('org', 990, key => 'org', lease => '1 hour')}); });
	is(answer($caller), 'wait approval_required t', "$name: one more budget is full meanwhile");
	is(one($approved), 'approved {team}, pending {team,org}', "$name: both are asked about");
	$caller->quit;
	sound($node, $name);

	# the end of the session gives all back
	for my $point ('budget_reserved', 'budget_held')
	{
		approve();
		$caller = call_stopped($point, sub {
			is(one("SELECT pg_terminate_backend($_[0], 600000)"), 't', "$name: it is dead at $point");
		});
		$caller->{run}->kill_kill;
		is(one($approved), 'approved {team}', "$name: the approval is as before");
		is(one($held), '10', "$name: nothing of it is held");
		is(denied($node, 'team', 1), 'budget_exceeded', "$name: the budget is as full as before");
		is(one($begin), 'run t', "$name: the call can come again");
		is(one($held), '5 {team}, 10', "$name: and is excused");
		is(denied($node, 'team', 1), 'budget_exceeded', "$name: nobody else gets in");
		sound($node, $name);
	}
	approve();
	is(one($begin), 'run t', "$name: it runs");
	one(q{SELECT count(agentcore.call_commit(permit, tokens => 4)) FROM agentcore.permits WHERE state = 'open' AND agent IS NOT NULL});
	one(q{SELECT count(agentcore.budget_release(permit)) FROM agentcore.permits WHERE state = 'open'});
	is(one(q{SELECT concat_ws(',', held_tokens, used_tokens, left_tokens) FROM agentcore.budget_status WHERE budget = 'team'}), '0,4,6', "$name: what it used counts");
	compared($node, $name, 'team');
	one(q{SELECT agentcore.budget_adjust('team', tokens => -4, reason => 'again')});
	sound($node, $name);
}

done_testing();
