
# Budgets when backends and the whole server die, at named points between insert, lock,
# update and COMMIT (a build with TEST_POINTS=1) and at random ones: after recovery
# budget_verify() is silent, what was acknowledged is there, and what was not settled
# holds its budget until it is, and then nothing does.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Session qw(killed);

my $seed = $ENV{SEED} || 1;
$seed = int(rand(1e6)) if $seed eq 'random';
srand($seed);
note "SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
restart_after_crash = on
max_connections = 60
max_prepared_transactions = 5
synchronous_commit = on
agentcore.budget_guard = off
lc_messages = 'C'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
sub sound { is(one('SELECT * FROM agentcore.budget_verify()'), '', "$_[0]: every invariant holds"); return; }
# of all rows of a budget
sub held
{
	return one("SELECT string_agg(sum, ',' ORDER BY n) FROM (SELECT n, sum(h)::text FROM agentcore.budget_counter, unnest(held) WITH ORDINALITY AS u(h, n) WHERE budget = '$_[0]' GROUP BY n) s");
}

# as soon as the last backend has noticed that its postmaster is gone
sub start_again
{
	for (1 .. 1800)
	{
		usleep(100_000);
		$node->{_pid} = undef;    # a start that failed leaves what it has read
		return if $node->start(fail_ok => 1);
	}
	die 'the server does not start again';
}
sub up { return $node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'); }

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.budget_set('root', max_tokens => 100000000, period => '1 hour');
SELECT agentcore.budget_set('mid', max_calls => 100000000, parent => 'root');
SELECT agentcore.budget_set('a', max_usd => 1000000, parent => 'mid', on_expiry => 'charge_estimate');
SELECT agentcore.budget_set('b', max_tokens => 100000000, max_in_flight => 1000, parent => 'mid');
});

# a psql that runs a script from a file into another, which outlive it and the server
my $scripts = 0;
sub run_psql
{
	my ($sql, $name) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/' . ++$scripts;
	append_to_file("$file.sql", $sql);
	local $ENV{PGAPPNAME} = $name;
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$file.sql" ],
		'<', \undef, '>', "$file.out", '2>', "$file.err", IPC::Run::timeout(600));
	return ($run, "$file.out");
}

# closed: whoever comes to the point stops there
my $gate;
sub close_point
{
	my ($point) = @_;
	my %session = (stdin => "SELECT pg_advisory_lock(11223, hashtext('$point'));\n\\echo closed\n", stdout => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$session{stdin}, '>', \$session{stdout}, '2>', \my $ignored, IPC::Run::timeout(600));
	$session{run}->pump until $session{stdout} =~ /closed/;
	$gate = \%session;
	return;
}
sub end_gate
{
	$gate->{run}->kill_kill;
	return;
}

# one session that stops at the point; its pid
sub stop_at
{
	my ($point, $sql) = @_;
	my ($run) = run_psql("SET agentcore.test_points = '$point';\n$sql\n", 'stopped');
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE application_name = 'stopped' AND locktype = 'advisory' AND NOT granted})
	  or die "nobody stopped at $point";
	return ($run, one(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'stopped'}));
}

# where it is stopped, and by doing what
my $acquire = q{SELECT agentcore.budget_acquire('a', 10, 0.5);};
my $commit = q{SELECT agentcore.budget_commit('PERMIT', 7, 0.25);};
my @cases = (
	[ 'budget_inserted', $acquire ], [ 'budget_locked', $acquire ], [ 'budget_held', $acquire ],
	[ 'budget_locked', $commit ], [ 'budget_charged', $commit ], [ 'budget_counted', $commit ], [ 'budget_settled', $commit ],
	[ 'budget_expired', 'SELECT agentcore.budget_reap(10);' ],
);

# what a dead backend did is undone; others go on
for my $case (@cases)
{
	my ($point, $sql) = @$case;
	my ($verb) = $sql =~ /budget_(\w+)\(/;
	for my $victim ('backend', 'server')
	{
		my $name = "$victim killed at $point in $verb";
		my $lease = $verb eq 'reap' ? '10 ms' : '1 hour';
		my $permit = one("SELECT agentcore.budget_acquire('a', 100, 1, 1, '$lease')");
		usleep(20_000);
		my $before = join ' ', map { held($_) } qw(a mid root);
		my $ledger = one('SELECT count(*) FROM agentcore.budget_ledger');
		close_point($point);
		my ($run, $pid) = stop_at($point, $sql =~ s/PERMIT/$permit/r);
		if ($victim eq 'backend')
		{
			killed($pid);
			end_gate();
			$run->finish;
			up() or die 'no recovery';
		}
		else
		{
			# first, or it would go on for a moment when the gate opens
			$node->kill9;
			kill 'KILL', $pid;
			end_gate();
			$run->finish;
			start_again();
		}
		is(join(' ', map { held($_) } qw(a mid root)), $before, "$name: what was held before is held");
		is(one('SELECT count(*) FROM agentcore.budget_ledger'), $ledger, "$name: nothing was charged");
		is(one("SELECT state FROM agentcore.permit WHERE id = '$permit'"), 'o', "$name: the permit is open");
		sound($name);
		is(one("SELECT agentcore.budget_commit('$permit', 7, 0.25)"), $verb eq 'reap' ? 'late' : 'committed', "$name: and can be settled");
		is(join(' ', map { held($_) } qw(a mid root)), '0,0,0,0 0,0,0,0 0,0,0,0', "$name: then nothing is held");
	}
}

# while one is stopped with the locks, others are told so, and go on when it is dead
{
	close_point('budget_held');
	my ($run, $pid) = stop_at('budget_held', $acquire);
	is(one("SET agentcore.budget_lock_wait = '50ms'; SELECT granted, reason FROM agentcore.budget_try_acquire('b', 1)"), 'f|contention', 'locked: contention, no denial');
	is(one('SELECT pg_terminate_backend(' . $pid . ', 600000)'), 't', 'terminated while it holds the locks');
	end_gate();
	$run->finish;
	my $permit = one("SELECT permit FROM agentcore.budget_try_acquire('b', 1) WHERE granted");
	like($permit, qr/-/, 'the locks are free at once');
	is(one("SELECT agentcore.budget_release('$permit')"), 'released', 'and the permit is given back');
	sound('terminated');
}

# Clients that note what was acknowledged, while backends and the server die at random.
sub script
{
	my $sql = '';
	for (1 .. 3000)
	{
		my $budget = (qw(a b mid))[ int(rand 3) ];
		my ($hold, $spend) = (int(rand 50), int(rand 50));
		$sql .= "SELECT agentcore.budget_acquire('$budget', $hold, 0.001) AS permit \\gset\n\\echo acquired :permit\n";
		next if rand() < 0.1;
		my $block = rand() < 0.2;
		$sql .= "BEGIN;\n" if $block;
		$sql .= "SELECT agentcore.budget_commit(:'permit', $spend, 0.002) AS answer \\gset\n";
		$sql .= "COMMIT;\n" if $block;
		$sql .= "\\echo :answer :permit $spend\n";
	}
	return $sql;
}

sub judge
{
	my ($name, @outs) = @_;
	my (%acquired, %committed);
	for my $out (map { slurp_file($_) } @outs)
	{
		$acquired{$1} = 1 while $out =~ /^acquired ([0-9a-f-]{36})$/mg;
		$committed{$1} = $2 while $out =~ /^committed ([0-9a-f-]{36}) (\d+)$/mg;
	}
	cmp_ok(scalar keys %committed, '>', 0, "$name: " . keys(%acquired) . ' permits and ' . keys(%committed) . ' settlements were acknowledged');
	my %stored = map { split /\|/, $_, 2 } split /\n/, one('SELECT id, state::text || charged_tokens FROM agentcore.permit');
	is(scalar(grep { !exists $stored{$_} } keys %acquired), 0, "$name: no acknowledged permit is lost");
	is(scalar(grep { ($stored{$_} // '') ne "c$committed{$_}" } keys %committed), 0, "$name: no acknowledged settlement is lost");
	sound($name);
	one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'});
	is(join(' ', map { held($_) } qw(a b mid root)), join(' ', ('0,0,0,0') x 4), "$name: all settled, nothing is held");
	is(one(q{SELECT (SELECT sum(used[1]) FROM agentcore.budget_counter WHERE budget = 'mid') = (SELECT sum(tokens) FROM agentcore.budget_ledger WHERE 'mid' = ANY (budgets))}),
		't', "$name: what is used is what the ledger says");
	sound("$name, settled");
	return;
}

for my $round (1 .. 2)
{
	for my $victim ('backend', 'server')
	{
		my (@runs, @outs);
		for (1 .. 6)
		{
			my ($run, $out) = run_psql(script(), 'crash');
			push @runs, $run;
			push @outs, $out;
		}
		# each of them is at work; then at a random moment
		for (1 .. 1800) { last if @outs == grep { slurp_file($_) =~ /^committed/m } @outs; usleep(100_000); }
		usleep(int(rand 500_000));
		if ($victim eq 'backend')
		{
			my $pid = one(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'crash' AND state = 'active' LIMIT 1});
			killed($pid) if $pid;
			$_->finish for @runs;
			up() or die 'no recovery';
		}
		else
		{
			$node->kill9;
			$_->finish for @runs;
			start_again();
		}
		judge("$victim killed at random, round $round", @outs);
	}
}

# a prepared transaction keeps its locks over a crash
one(q{BEGIN; SELECT agentcore.budget_acquire('b', 5, key => 'twice'); PREPARE TRANSACTION 'crash';});
$node->kill9;
start_again();
is(one(q{SET agentcore.budget_lock_wait = '50ms'; SELECT granted, reason FROM agentcore.budget_try_acquire('b', 1)}), 'f|contention', 'prepared: still locked after a crash');
is(one(q{SET agentcore.budget_lock_wait = '50ms'; SELECT granted, reason FROM agentcore.budget_try_acquire('a', 5, key => 'twice')}), 'f|contention', 'prepared: and so is its key');
one(q{COMMIT PREPARED 'crash'});
is(held('b'), '5,0,1,1', 'prepared: then it holds');
sound('prepared');
is(one(q{SELECT agentcore.budget_commit(id) FROM agentcore.permit WHERE key = 'twice'}), 'committed', 'prepared: and is settled');
sound('prepared and settled');

$node->stop;
done_testing();
