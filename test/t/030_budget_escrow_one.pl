# One entry of shared memory for ten budgets that many use at once: entries come and go, a budget
# without one is used by one transaction at a time, and none is overspent.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Escrow;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', escrow_conf('agentcore.budget_entries = 1'));
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.budget_set('b' || i, max_tokens => 100, max_calls => 1000) FROM generate_series(0, 9) i;
CREATE TABLE got (budget text, permit uuid);
-- asks for one of the budgets until all are full; now and then two in one transaction, and what is taken back
CREATE PROCEDURE work(worker integer) LANGUAGE plpgsql AS $$
DECLARE
  d record;
  budget text;
  refused integer := 0;
  n integer := worker;
BEGIN
  -- b0 and b5 get something once in 40 tries
  WHILE refused < 60 LOOP
    n := n + 7;
    FOR i IN 0 .. CASE WHEN n % 3 = 0 THEN 1 ELSE 0 END LOOP
      budget := 'b' || (n + i) % 10;
      BEGIN
        SELECT * INTO d FROM agentcore.budget_try_acquire(budget, 1);
        IF d.granted AND n % 5 = 0 THEN
          RAISE division_by_zero;
        ELSIF d.granted THEN
          INSERT INTO got VALUES (budget, d.permit);
          refused := 0;
        ELSE
          refused := refused + (d.reason = 'budget_exceeded')::int;
        END IF;
      EXCEPTION WHEN division_by_zero THEN
        refused := refused + 1;
      END;
    END LOOP;
    IF n % 11 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
  END LOOP;
END $$;
});
sub at_once
{
	my ($call, $n) = @_;
	my @sessions = map { session($node) } 1 .. $n;
	asks($sessions[$_], "CALL $call" =~ s/WORKER/$_/r) for 0 .. $#sessions;
	my $said = join '', map { answer($_) } @sessions;
	$_->quit for @sessions;
	return $said;
}
is(at_once('work(WORKER)', 8), '', 'eight sessions use ten budgets until they are full');
# the last of them may have taken back what all others were refused for
is(at_once('work(WORKER)', 1), '', 'and one takes what is left');
is(one(q{SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM got GROUP BY budget) c}), '10|100|100', 'each gave exactly what it had');
is(one(q{SELECT count(*), min(held_tokens), max(held_tokens) FROM agentcore.budget_status}), '10|100|100', 'and says so');
sound($node, 'full');
cmp_ok(stat_of($node, 'entries'), '<=', 1, 'there is one entry at most');
cmp_ok(stat_of($node, 'made'), '>=', 10, 'it was each one\'s in turn');
cmp_ok(stat_of($node, 'evicted'), '>=', 9, 'which is counted');

# while the entry is in flight, nobody takes it away
my $evicted = stat_of($node, 'evicted');
my $holder = session($node);
one(q{SELECT agentcore.budget_commit(permit, 0) FROM got WHERE budget IN ('b0', 'b1')});
one(q{SELECT agentcore.budget_release(agentcore.budget_acquire('b0', 1))});
$evicted = stat_of($node, 'evicted');
$holder->query_safe(q{BEGIN; SELECT agentcore.budget_acquire('b0', 1)});
my $no_room = stat_of($node, 'no_room');
is(denied($node, 'b1', 1), 'granted', 'another budget is used without one');
is(stat_of($node, 'evicted'), $evicted, 'the entry stays while it is in flight');
cmp_ok(stat_of($node, 'no_room'), '>', $no_room, 'and that there was no room is counted');
is(stat_of($node, 'in_flight'), 1, 'one is in flight');
is(denied($node, 'b0', 99), 'granted', 'beside it all that is left is granted');
is(denied($node, 'b0', 1), 'contention', 'and no more: that depends on it');
$holder->query_safe('ROLLBACK');
is(denied($node, 'b0', 1), 'granted', 'it was taken back');
is(denied($node, 'b0', 1), 'budget_exceeded', 'now it is full');
$holder->quit;
sound($node, 'in flight');

# settled at once by all, each charged in another budget than it meets an entry of
one(q{
CREATE PROCEDURE settle(worker integer, workers integer) LANGUAGE plpgsql AS $$
DECLARE
  p uuid;
BEGIN
  FOR p IN SELECT permit FROM got JOIN agentcore.permit ON id = permit WHERE state = 'o' AND ('x' || right(permit::text, 4))::bit(16)::int % workers = worker ORDER BY permit LOOP
    PERFORM agentcore.budget_commit(p, 1);
    COMMIT;
  END LOOP;
END $$;
});
is(at_once('settle(WORKER, 6)', 6), '', 'six sessions settle');
is(one(q{SELECT count(*), min(used_tokens), max(used_tokens), max(held_tokens) FROM agentcore.budget_status WHERE budget NOT IN ('b0', 'b1')}), '8|100|100|0', 'all is used');
sound($node, 'settled');
one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'});
compared($node, 'at the end', $_) for 'b0', 'b1';
sound($node, 'at the end');

$node->stop;
done_testing();
