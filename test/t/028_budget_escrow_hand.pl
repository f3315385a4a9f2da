# Budgets in shared memory and counter rows that others write: COPY, TRUNCATE and UPDATE by hand,
# logical apply and a restore, while sessions use budgets.  No entry is believed meanwhile, and none
# of before is afterwards.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Escrow;

sub server
{
	my $node = PostgreSQL::Test::Cluster->new($_[0]);
	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', escrow_conf());
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION agentcore');
	return $node;
}
my $node = server('main');
sub one { return $node->safe_psql('postgres', $_[0]); }
my $file = "$PostgreSQL::Test::Utils::tmp_check/counters";

my $load = q{
CREATE TABLE stop ();
CREATE TABLE answers (reason text);
-- until the table "stop" has a row: acquires and settles, some of it taken back
CREATE PROCEDURE load(budget text, worker integer) LANGUAGE plpgsql AS $$
DECLARE
  d record;
  n integer := worker;
BEGIN
  WHILE NOT EXISTS (SELECT FROM stop) LOOP
    n := n + 1;
    BEGIN
      SELECT * INTO d FROM agentcore.budget_try_acquire(budget, 5);
      IF d.granted AND n % 4 <> 0 THEN
        PERFORM agentcore.budget_commit(d.permit, n % 3);
      END IF;
      IF n % 7 = 0 THEN
        RAISE division_by_zero;
      END IF;
      INSERT INTO answers VALUES (coalesce(d.reason, 'granted'));
    EXCEPTION
      WHEN division_by_zero THEN NULL;
      -- rows that somebody has written meanwhile, in an order of his own
      WHEN serialization_failure OR lock_not_available OR deadlock_detected THEN INSERT INTO answers VALUES ('again');
    END;
    COMMIT;
  END LOOP;
END $$;
};
one("SELECT agentcore.budget_set('root', max_tokens => 1000000, kind => 'sliding', period => '1 day', thresholds => '{99}'), agentcore.budget_set('a', max_tokens => 500000, parent => 'root'), agentcore.budget_set('small', max_tokens => 100); $load");

my @workers;
sub start_load
{
	my ($server, $budget, $n) = @_;
	@workers = map { session($server) } 1 .. $n;
	asks($workers[$_], "CALL load('$budget', $_)") for 0 .. $#workers;
	$server->poll_query_until('postgres', 'SELECT count(*) > 30 FROM answers') or die 'no load';
	return;
}
sub stop_load
{
	my ($server, $name) = @_;
	$server->safe_psql('postgres', 'INSERT INTO stop DEFAULT VALUES');
	is(join('', map { answer($_) } @workers), '', "$name: the sessions end as they should");
	$_->quit for @workers;
	note $server->safe_psql('postgres', 'SELECT reason, count(*) FROM answers GROUP BY 1');
	$server->safe_psql('postgres', 'TRUNCATE stop, answers');
	return;
}
# a whole number of times more of it: the sessions go on
sub goes_on
{
	my ($server, $name) = @_;
	my $n = $server->safe_psql('postgres', q{SELECT count(*) FROM answers WHERE reason = 'granted'});
	ok($server->poll_query_until('postgres', "SELECT count(*) > $n + 10 FROM answers WHERE reason = 'granted'"), "$name: the sessions go on");
	return;
}
sub settle
{
	my ($server) = @_;
	$server->safe_psql('postgres', q{DO $$
DECLARE
  open uuid;
BEGIN
  FOR open IN SELECT id FROM agentcore.permit WHERE state = 'o' LOOP
    PERFORM agentcore.budget_release(open);
    COMMIT;
  END LOOP;
END $$});
	return;
}

# ----- by hand, alone ---------------------------------------------------------------
one(q{SELECT agentcore.budget_release(agentcore.budget_acquire('small', 1))});
my $hand = session($node);
for my $end ('ROLLBACK', 'COMMIT')
{
	my ($escrow, $by_hand) = split /\|/, stat_of($node, 'escrow, dropped_by_hand');
	$hand->query_safe(q{BEGIN; UPDATE agentcore.budget_counter SET used[1] = used[1] WHERE budget = 'root'});
	is(denied($node, 'small', 1), 'granted', "while a row is written, others are decided by their rows ($end, $_)") for 1, 2;
	is(stat_of($node, 'escrow'), $escrow, 'and not by their entries');
	my ($ret, $out, $err) = $node->psql('postgres', q{\set VERBOSITY sqlstate
BEGIN; UPDATE agentcore.budget_counter SET used[1] = used[1] WHERE budget = 'small'; PREPARE TRANSACTION 'by hand'});
	like($err, qr/0A000/, 'such a transaction is not prepared');
	$hand->query_safe($end);
	is(denied($node, 'small', 1), 'granted', 'an entry of before is not used after it');
	cmp_ok(stat_of($node, 'dropped_by_hand'), '>', $by_hand, 'but made anew, which is counted');
	is(denied($node, 'small', 1), 'granted', 'and used then');
	is(stat_of($node, 'escrow'), $escrow + 1, 'as it should be');
}
# in all that is done by hand, at once or in a subtransaction that is taken back
for my $sql (
	q{UPDATE agentcore.budget_counter SET used[1] = used[1] + 50 WHERE budget = 'small'},
	q{SAVEPOINT s; UPDATE agentcore.budget_counter SET used[1] = used[1] - 1 WHERE budget = 'small'; RELEASE s},
	q{SAVEPOINT s; UPDATE agentcore.budget_counter SET used[1] = used[1] - 1 WHERE budget = 'small'; ROLLBACK TO s},
	q{SET session_replication_role = replica; UPDATE agentcore.budget_counter SET used[1] = used[1] - 7 WHERE budget = 'small'},
	q{CREATE TEMP TABLE c AS TABLE agentcore.budget_counter; TRUNCATE agentcore.budget_counter; INSERT INTO agentcore.budget_counter TABLE c},
	q{CREATE TEMP TABLE c AS SELECT * FROM agentcore.budget_counter WHERE budget = 'small'; DELETE FROM agentcore.budget_counter WHERE budget = 'small'; INSERT INTO agentcore.budget_counter TABLE c},
	qq{COPY agentcore.budget_counter TO '$file'; TRUNCATE agentcore.budget_counter; COPY agentcore.budget_counter FROM '$file'})
{
	one(q{SELECT agentcore.budget_release(agentcore.budget_acquire('small', 1))}) for 1, 2;
	my $escrow = stat_of($node, 'escrow');
	one("BEGIN; $sql; SELECT agentcore.budget_release(agentcore.budget_acquire('small', 1)); COMMIT");
	is(stat_of($node, 'escrow'), $escrow, 'by rows in the transaction itself: ' . $sql);
	my $left = one(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'small'});
	is(denied($node, 'small', $left + 1), 'budget_exceeded', 'one too many is refused');
	is(denied($node, 'small', $left), 'granted', 'all that is left is granted');
	one("SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o' AND held_tokens = $left");
}
settle($node);
is(one(q{SELECT used_tokens FROM agentcore.budget_status WHERE budget = 'small'}), 50 - 1 - 7, 'and nothing is lost');
# all rows are gone, and come back
one('CREATE TABLE kept AS TABLE agentcore.budget_counter; TRUNCATE agentcore.budget_counter');
is(denied($node, 'small', 101), 'budget_exceeded', 'after TRUNCATE a budget has used nothing');
is(denied($node, 'small', 100), 'granted', 'and all is left');
one(q{DELETE FROM agentcore.budget_counter; INSERT INTO agentcore.budget_counter TABLE kept; DELETE FROM agentcore.permit WHERE state = 'o'});
is(denied($node, 'small', 59), 'budget_exceeded', 'until its rows are back');
one(q{UPDATE agentcore.budget_counter SET used[1] = 0 WHERE budget = 'small'});
sound($node, 'by hand');

# ----- by hand, under load ------------------------------------------------------------
start_load($node, 'a', 4);
my $escrow = stat_of($node, 'escrow');
goes_on($node, 'load');
cmp_ok(stat_of($node, 'escrow'), '>', $escrow, 'by entries');
for my $round (1 .. 3)
{
	# rows in and out: each statement waits for those in flight, and they for it
	one(qq{BEGIN; LOCK TABLE agentcore.budget_counter IN ACCESS EXCLUSIVE MODE; COPY agentcore.budget_counter TO '$file'; TRUNCATE agentcore.budget_counter; COPY agentcore.budget_counter FROM '$file'; COMMIT});
	goes_on($node, "TRUNCATE and COPY ($round)");
	one(q{UPDATE agentcore.budget_counter SET seen = seen WHERE budget = 'small'});
	goes_on($node, "UPDATE ($round)");
	one(q{DO $$ BEGIN UPDATE agentcore.budget_counter SET used[1] = used[1] WHERE budget IN ('a', 'root'); EXCEPTION WHEN deadlock_detected OR serialization_failure THEN NULL; END $$});
	goes_on($node, "UPDATE of what is used ($round)");
	# rows of another budget, that stay open for a while
	$hand->query_safe(q{BEGIN; UPDATE agentcore.budget_counter SET used[1] = used[1] WHERE budget = 'small'});
	$node->poll_query_until('postgres', 'SELECT in_flight = 0 FROM agentcore.stat_budget');
	$escrow = stat_of($node, 'escrow');
	goes_on($node, "rows of another budget ($round)");
	is(stat_of($node, 'escrow'), $escrow, "rows of another budget ($round): without entries");
	$hand->query_safe($round == 2 ? 'ROLLBACK' : 'COMMIT');
}
stop_load($node, 'under load');
sound($node, 'under load');
compared($node, 'under load', $_) for 'a', 'root';
settle($node);
sound($node, 'settled');
is(one(q{SELECT string_agg(DISTINCT held_tokens::text, ' ') FROM agentcore.budget_status}), '0', 'nothing is held');
$hand->quit;

# ----- logical apply -------------------------------------------------------------------
{
	my $to = server('subscriber');
	sub there { return $to->safe_psql('postgres', $_[0]); }
	there("SELECT agentcore.budget_set('local', max_tokens => 500000); $load");
	one(q{CREATE PUBLICATION budgets FOR TABLE agentcore.budget, agentcore.budget_counter, agentcore.permit; CREATE PUBLICATION ledger FOR TABLE agentcore.budget_ledger WITH (publish = 'insert', publish_via_partition_root)});
	start_load($to, 'local', 2);
	my $link = $node->connstr . ' dbname=postgres';
	there("CREATE SUBSCRIPTION all_of_it CONNECTION '$link' PUBLICATION budgets, ledger");
	$to->wait_for_subscription_sync($node, 'all_of_it');
	goes_on($to, 'tables are copied');

	# budgets that the subscriber has used itself, so that there are entries
	there(q{SELECT agentcore.budget_release(agentcore.budget_acquire('a', 1))}) for 1, 2;
	my $left = there(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'a'});
	my $by_hand = stat_of($to, 'dropped_by_hand');
	one(qq{SELECT agentcore.budget_acquire('a', $left - 10)});
	one(q{DO $$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM agentcore.budget_commit(agentcore.budget_acquire('a', 1), 0); COMMIT; END LOOP; END $$});
	goes_on($to, 'rows are applied');
	$node->wait_for_catchup('all_of_it');
	is(denied($to, 'a', 11), 'budget_exceeded', 'one too many is refused by what has arrived');
	is(denied($to, 'a', 10), 'granted', 'and all that is left is granted');
	cmp_ok(stat_of($to, 'dropped_by_hand'), '>', $by_hand, 'the entries of before were dropped');
	stop_load($to, 'logical apply');
	sound($to, 'logical apply');
	compared($to, 'logical apply', 'local');
	there('DROP SUBSCRIPTION all_of_it');
	settle($to);
	sound($to, 'after the takeover');
	compared($to, 'after the takeover', $_) for 'a', 'root';
	$to->stop;
	settle($node);
}

# ----- a restore -------------------------------------------------------------------------
# more budgets than there is room for locks
one(q{CREATE DATABASE many});
$node->safe_psql('many', q{
CREATE EXTENSION agentcore;
SELECT agentcore.budget_set('all', max_tokens => 1000000);
INSERT INTO agentcore.budget (tenant, name, parent, kind, tz, max_tokens, on_expiry, overrun, limited_at, window_revision)
  SELECT '', 'b' || i, 'all', 'lifetime', 'UTC', 1000, 'release', 'charge', b.limited_at, b.window_revision FROM agentcore.budget b, generate_series(1, 100000) i;
INSERT INTO agentcore.budget_counter SELECT (jsonb_populate_record(c, jsonb_build_object('budget', 'b' || i))).* FROM agentcore.budget_counter c, generate_series(1, 100000) i;
SELECT agentcore.budget_acquire('b' || i, 7) FROM generate_series(1, 50) i;
});
is($node->safe_psql('many', 'SHOW max_locks_per_transaction'), 64, 'locks as by default');
$node->command_ok([ 'pg_dump', '-Fc', '-Z0', '-d', $node->connstr('many'), '-f', "$file.dump" ], 'pg_dump of 100,000 budgets');
one('CREATE DATABASE restored');
start_load($node, 'a', 2);
$node->command_ok([ 'pg_restore', '--exit-on-error', '--single-transaction', '-d', $node->connstr('restored'), "$file.dump" ], 'restored in one transaction');
stop_load($node, 'restore');
is($node->safe_psql('restored', 'SELECT count(DISTINCT budget), sum(held[1]) FROM agentcore.budget_counter'), '100001|700', 'they are all there');
is(denied($node, 'b50', 994, 'restored'), 'budget_exceeded', 'with what they hold');
is(denied($node, 'b50', 993, 'restored'), 'granted', 'and have');
compared($node, 'restored', 'b60000', 'restored');
sound($node, 'restored', 'restored');
sound($node, 'the other database');

$node->stop;
done_testing();
