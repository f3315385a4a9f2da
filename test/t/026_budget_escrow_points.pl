# Budgets in shared memory when backends end at named points between reservation, write, flush and
# the end of COMMIT (a build with TEST_POINTS=1): terminated, they give back what was reserved, and
# others who use the budgets at the same time notice nothing; killed, the rows decide.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Escrow;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', escrow_conf('restart_after_crash = on'));
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
sub status { return one(q{SELECT string_agg(concat_ws(',', budget, held_tokens, used_tokens), ' ' ORDER BY budget) FROM agentcore.budget_status}); }
sub in_flight { return stat_of($node, 'in_flight'); }

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.budget_set('root', max_tokens => 100000, kind => 'sliding', period => '1 day');
SELECT agentcore.budget_set('mid', max_tokens => 90000, period => '1 month', thresholds => '{99}', parent => 'root');
SELECT agentcore.budget_set('a', max_tokens => 80000, parent => 'mid');
});

# closed: whoever comes to the point stops there
my $gate;
sub close_point
{
	my ($point) = @_;
	$gate = closed($node, $point);
	return;
}
sub open_point { $gate->quit; return; }

# one session that stops at the point; its pid
my $victim;
sub stop_at
{
	my ($point, $sql) = @_;
	$victim = session($node);
	my $pid = $victim->query_safe("SET agentcore.test_points = '$point'; SELECT pg_backend_pid()");
	asks($victim, $sql);
	$node->poll_query_until('postgres', "SELECT wait_event_type IN ('Lock', 'Extension') FROM pg_stat_activity WHERE pid = $pid") or die "nobody stopped at $point";
	return $pid;
}
# of a session that is dead
sub forget { $_[0]->{run}->kill_kill; return; }

my $acquire = q{SELECT agentcore.budget_acquire('a', 10)};
my $commit = q{SELECT agentcore.budget_commit('PERMIT', 7)};
my $reap = q{SELECT agentcore.budget_reap(10)};

# point, what is done there, and whether it has reserved by then
my @cases = (
	[ 'budget_locked', $acquire, 0 ], [ 'budget_reserved', $acquire, 1 ], [ 'budget_inserted', $acquire, 1 ], [ 'budget_held', $acquire, 1 ],
	[ 'budget_locked', $commit, 0 ], [ 'budget_reserved', $commit, 1 ], [ 'budget_counted', $commit, 1 ], [ 'budget_settled', $commit, 1 ],
	[ 'budget_expired', $reap, 1 ],
);
my $bystander = session($node);
for my $case (@cases)
{
	my ($point, $sql, $reserved) = @$case;
	my $name = 'terminated at ' . $point . ' in ' . ($sql =~ /budget_(\w+)/)[0];
	my $permit = one("SELECT agentcore.budget_acquire('a', 100, lease => '" . ($sql eq $reap ? '1 ms' : '1 hour') . "')");
	my $before = status();
	$bystander->query_safe(q{BEGIN; SELECT agentcore.budget_acquire('a', 5) AS permit \gset});
	close_point($point);
	my $pid = stop_at($point, $sql =~ s/PERMIT/$permit/r);
	is(in_flight(), $reserved ? 6 : 3, "$name: in flight");
	is(denied($node, 'a', 1), 'granted', "$name: others go on meanwhile");
	is(one("SELECT pg_terminate_backend($pid, 600000)"), 't', "$name: it is dead");
	is(in_flight(), 3, "$name: nothing of it is in flight");
	open_point();
	forget($victim);
	$bystander->query_safe('COMMIT');
	is($bystander->query_safe(q{SELECT agentcore.budget_release(:'permit')}), 'released', "$name: a bystander ends as it should");
	one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o' AND held_tokens = 1});
	is(status(), $before, "$name: it has done nothing");
	like(one("SELECT agentcore.budget_commit('$permit', 0)"), qr/^(committed|late)$/, "$name: what was open can be settled");
	sound($node, $name);
}
compared($node, 'terminated', $_) for 'a', 'mid', 'root';

# after the flush nobody can end it: it is done, and the entry hears of it before anybody has the budget alone
{
	my $name = 'terminated in COMMIT';
	my $permit = one(q{SELECT agentcore.budget_acquire('a', 100)});
	my $left = one(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'a'});
	close_point('budget_committed');
	my $pid = stop_at('budget_committed', $commit =~ s/PERMIT/$permit/r);
	is(one("SELECT pg_terminate_backend($pid)"), 't', "$name: it is told to end");
	is(in_flight(), 3, "$name: what it has reserved is kept");
	is(one(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'a'}), $left + 93, "$name: everybody sees what it has done");
	is(denied($node, 'a', $left + 1), 'budget_exceeded', "$name: but nobody gets what it gives back, as long as it has not answered");
	is(denied($node, 'a', $left), 'granted', "$name: only what is left without it");
	one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'});
	open_point();
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
	forget($victim);
	sound($node, $name);
	compared($node, $name, 'a');
	is(denied($node, 'a', $left + 94), 'budget_exceeded', "$name: then one too many is refused");
	is(denied($node, 'a', $left + 93), 'granted', "$name: and all is granted");
	one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'});
}

# kill -9: shared memory begins anew, and what was flushed is done
for my $case ([ 'budget_reserved', $acquire ], [ 'budget_held', $acquire ], [ 'budget_counted', $commit ], [ 'budget_committed', $commit ])
{
	my ($point, $sql) = @$case;
	my $name = 'killed at ' . $point . ' in ' . ($sql =~ /budget_(\w+)/)[0];
	my $flushed = $point eq 'budget_committed';
	my $permit = one(q{SELECT agentcore.budget_acquire('a', 100)});
	my ($before, $left) = (status(), one(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'a'}));
	$left += 93 if $flushed;
	$bystander = session($node);
	$bystander->query_safe(q{BEGIN; SELECT agentcore.budget_acquire('a', 5)});
	close_point($point);
	my $pid = stop_at($point, $sql =~ s/PERMIT/$permit/r);
	is(in_flight(), 6, "$name: in flight");
	killed($pid);
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery() AND pg_postmaster_start_time() IS NOT NULL AND (SELECT entries = 0 FROM agentcore.stat_budget)') or die 'no recovery';
	forget($_) for $victim, $bystander, $gate;
	is(status() eq $before, !$flushed, "$name: " . ($flushed ? 'it is done' : 'it has done nothing'));
	is(one("SELECT state FROM agentcore.permit WHERE id = '$permit'"), $flushed ? 'c' : 'o', "$name: and so says its permit");
	sound($node, $name);
	is(denied($node, 'a', $left + 1), 'budget_exceeded', "$name: one too many is refused");
	is(denied($node, 'a', $left), 'granted', "$name: and all that is left is granted");
	one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'});
	compared($node, $name, 'a');
	sound($node, "$name, settled");
}

$node->stop;
done_testing();
