# Waiting for room outside of transactions, the warning's milliseconds, and budgets
# held by prepared transactions, also over a restart.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub cluster
{
	my ($name, $preload) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\nlc_messages = 'C'\nagentcore.budget_lock_wait = 0\n" . ($preload ? "shared_preload_libraries = 'agentcore'\n" : ''));
	$node->start;
	$node->safe_psql('postgres', q{CREATE EXTENSION agentcore; SELECT agentcore.budget_set('root'), agentcore.budget_set('b', max_calls => 1, parent => 'root')});
	return $node;
}

my $node = cluster('main', 1);
sub one { return $node->safe_psql('postgres', $_[0]); }
sub fails
{
	my ($sql, $pattern, $what) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	isnt($status, 0, "$what: refused");
	like($err, $pattern, "$what: and says why");
	return;
}
sub sound { is(one('SELECT count(*) FROM agentcore.budget_verify()'), '0', "$_[0]: the books are right"); return; }

# a session that runs its statements while others go on
sub begin
{
	my ($name, @sql) = @_;
	my %session = (stdout => '', stderr => '');
	local $ENV{PGAPPNAME} = $name;
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @sql ],
		'<', \undef, '>', \$session{stdout}, '2>', \$session{stderr}, IPC::Run::timeout(600));
	return \%session;
}
sub end
{
	my ($session) = @_;
	$session->{run}->finish;
	chomp(my $out = $session->{stdout} . $session->{stderr});
	return $out;
}
# asleep, with nothing locked and no snapshot that VACUUM would wait for
sub asleep
{
	my ($name, $count, $what) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) = $count FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'Extension'"), "$what: they sleep");
	ok($node->poll_query_until('postgres', qq{
		SELECT count(*) = $count AND bool_and(backend_xid IS NULL AND backend_xmin IS NULL)
		   AND NOT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity o USING (pid) WHERE o.application_name = '$name' AND l.locktype IN ('object', 'relation'))
		  FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'Extension'}), "$what: nothing is locked meanwhile");
	return;
}
my $uuid = qr/^[0-9a-f]{8}-[0-9a-f-]{27}$/;
my $settle = "SELECT agentcore.budget_commit(permit) FROM agentcore.permits WHERE state = 'open' AND budget = 'b'";

# ----- waiting -----

sub handed_on
{
	my ($what) = @_;
	one("SELECT agentcore.budget_set('b', max_calls => 1, max_in_flight => 1, parent => 'root')");
	my $permit = one("SELECT agentcore.budget_acquire('b', calls => 0)");
	my @waiters = map { begin('waiter', "CALL agentcore.budget_acquire_wait('b', calls => 0, deadline => '9 minutes')") } 1 .. 3;
	asleep('waiter', 3, $what);
	for my $left (2, 1, 0)
	{
		is(one($settle), 'committed', "$what: settled");
		ok($node->poll_query_until('postgres', "SELECT count(*) = $left FROM pg_stat_activity WHERE application_name = 'waiter'"), "$what: one of them goes on, and one only");
		is(one("SELECT count(*) FROM agentcore.permits WHERE state = 'open'"), '1', "$what: with the one permit there is");
	}
	like(end($_), $uuid, "$what: the answer is a permit") for @waiters;
	is(one($settle), 'committed', "$what: the last settles");
	sound($what);
	return;
}
handed_on('preloaded');

# a release is rolled back: nobody goes on for it
one("SELECT agentcore.budget_acquire('b', calls => 0, key => 'k')");
my $waiter = begin('waiter', "CALL agentcore.budget_acquire_wait('b', calls => 0, deadline => '9 minutes')");
asleep('waiter', 1, 'rolled back');
one("BEGIN; SELECT agentcore.budget_release(permit) FROM agentcore.permits WHERE key = 'k'; ROLLBACK");
asleep('waiter', 1, 'after ROLLBACK');
# a limit that is raised is found without being woken
one("SELECT agentcore.budget_set('b', max_calls => 1, max_in_flight => 2, parent => 'root')");
like(end($waiter), $uuid, 'a limit is raised: it goes on');

# cancelled, killed, out of time: nothing is left behind
for my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	$waiter = begin('sleeper', "CALL agentcore.budget_acquire_wait('b', calls => 0)");
	asleep('sleeper', 1, $how);
	one("SELECT $how(pid) FROM pg_stat_activity WHERE application_name = 'sleeper'");
	like(end($waiter), qr/canceling statement due to user request|terminating connection/, "$how ends the wait");
}
fails("SET statement_timeout = '200ms'; CALL agentcore.budget_acquire_wait('b', calls => 0)", qr/canceling statement due to statement timeout/, 'statement_timeout');
is(one("SELECT count(*) FROM agentcore.permits WHERE state = 'open'"), '2', 'no permit more than there were');
one("SELECT agentcore.budget_release(permit) FROM agentcore.permits WHERE state = 'open' ORDER BY created_at");
sound('cancelled');

# other levels of isolation: no conflict, no error
for my $level ('repeatable read', 'serializable')
{
	like(one("SET default_transaction_isolation = '$level'; CALL agentcore.budget_acquire_wait('root')"), $uuid, "in $level");
}
# rights are looked at, and again at every try
one("CREATE ROLE regress_stranger; CREATE ROLE regress_worker; SELECT agentcore.access_grant('regress_worker', 'agent')");
fails("SET ROLE regress_stranger; CALL agentcore.budget_acquire_wait('root')", qr/permission denied/, 'a stranger');
one("SELECT agentcore.budget_set('full', max_calls => 1), agentcore.budget_acquire('full')");
$waiter = begin('waiter', "SET ROLE regress_worker", "CALL agentcore.budget_acquire_wait('full', deadline => '9 minutes')");
asleep('waiter', 1, 'worker');
one("SELECT agentcore.access_revoke('regress_worker')");
like(end($waiter), qr/permission denied/, 'revoked while it waits');

# ----- the warning says how long -----

my ($status, $out, $err) = $node->psql('postgres', "BEGIN; SELECT agentcore.budget_acquire('root') AS p \\gset\nSELECT pg_sleep(0.2); SELECT agentcore.budget_commit(:'p'); COMMIT");
like($err, qr/WARNING:  a permit was acquired and charged in one transaction\n.*stayed locked for (?:2\d\d|[3-9]\d\d|\d{4,}) ms/, 'at least the 200 ms that were slept');

# ----- prepared transactions hold budgets, over a restart too -----

one("SELECT agentcore.budget_set('p', max_calls => 3), agentcore.budget_acquire('p', key => 'open')");
one("BEGIN; SELECT agentcore.budget_acquire('p', key => 'prepared'); PREPARE TRANSACTION 'acquire'");
my $brief = "SET agentcore.budget_lock_wait = '100ms';";
my $try = "$brief SELECT granted, reason FROM agentcore.budget_try_acquire('p')";
my $commit = "SELECT agentcore.budget_commit(permit) FROM agentcore.permits WHERE key =";
for my $when ('before a restart', 'after a restart')
{
	is(one($try), 'f|contention', "$when: contention, no denial");
	is(one("$brief SELECT granted, reason FROM agentcore.budget_try_acquire('p', key => 'prepared')"), 'f|contention', "$when: its key is taken");
	fails("\\set VERBOSITY verbose\n$brief $commit 'open'", qr/55P03/, "$when: a settlement");
	fails("$brief CALL agentcore.budget_acquire_wait('p', deadline => '300 ms')", qr/being used by another transaction/, "$when: a waiter's last try");
	$node->restart if $when eq 'before a restart';
}
$waiter = begin('waiter', "CALL agentcore.budget_acquire_wait('p', deadline => '9 minutes')");
one("COMMIT PREPARED 'acquire'");
like(end($waiter), $uuid, 'COMMIT PREPARED: the waiter goes on');
is(one($try), 'f|budget_exceeded', 'and what was prepared counts');
($status, $out, $err) = $node->psql('postgres', "$commit 'prepared'");
is("$out$err", 'committed', 'charged in another transaction: nothing to warn of');
one("BEGIN; $commit 'open'; PREPARE TRANSACTION 'settle'");
fails("$brief $commit 'open'", qr/being changed by another transaction/, 'a permit whose settlement is prepared');
is(one("$brief SELECT agentcore.budget_reap()"), '0', 'the reaper passes it by');
one("ROLLBACK PREPARED 'settle'");
is(one("$commit 'open'"), 'committed', 'ROLLBACK PREPARED: it is open again');
sound('prepared');

# ----- without shared memory -----

$node->stop;
$node = cluster('alone', 0);
handed_on('not preloaded');
$node->stop;
done_testing();
