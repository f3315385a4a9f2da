# Budgets that many use at once, when sessions stand still between two lines of the
# code (a build with TEST_POINTS=1), and when there are more of them than entries.
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
agentcore.budget_entries = 2
max_prepared_transactions = 2
agentcore.budget_guard = off
statement_timeout = 600s
agentcore.budget_lock_wait = 0
lc_messages = 'C'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

sub waits
{
	my ($session, $type, $name) = @_;
	ok(stopped($node, $session, $type), $name);
	return;
}
sub stat_of { return one("SELECT concat_ws(' ', " . join(', ', @_) . ') FROM agentcore.stat_budget'); }
sub sound
{
	my ($name, $budget, $held) = @_;
	is(one("SELECT sum(held[1]) FROM agentcore.budget_counter WHERE budget = '$budget'"), $held, "$name: the rows hold what was granted");
	is(one('SELECT * FROM agentcore.budget_verify()'), '', "$name: every invariant holds");
	is(stat_of('in_flight', 'repaired'), '0 0', "$name: nothing is in flight, and no entry was wrong");
	return;
}
sub take { my ($amount, $budget) = @_; return sprintf q{SELECT granted, reason FROM agentcore.budget_try_acquire('%s', %d);}, $budget // 'b', $amount; }

my ($first, $second);

# somebody had to wait for it
sub make_busy
{
	my ($budget) = @_;
	says($first, "BEGIN; SELECT agentcore.budget_release(agentcore.budget_acquire('$budget'));");
	asks($second, "SELECT agentcore.budget_release(agentcore.budget_acquire('$budget'));");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'object' AND NOT granted}) or die 'nobody waits';
	says($first, 'COMMIT;');
	answer($second);
	return;
}
sub anew
{
	my ($max) = @_;
	one('TRUNCATE agentcore.budget, agentcore.budget_limit, agentcore.budget_counter, agentcore.permit, agentcore.budget_ledger');
	one("SELECT agentcore.budget_set('b', max_tokens => $max)");
	make_busy('b');
	one('SELECT agentcore.stat_budget_reset()');
	return;
}

one('CREATE EXTENSION agentcore');
$first = named($node, 'first', 'SELECT 1;');
$second = named($node, 'second', 'SELECT 1;');

# a transaction that ends: its row is seen, its reservation is not settled yet
for my $case ([ 'COMMIT', 'budget_committed', 'f|budget_exceeded', 10 ], [ 'ROLLBACK', 'budget_aborted', 'f|budget_exceeded', 6 ])
{
	my ($end, $point, $decided, $held) = @$case;
	anew(10);
	my $gate = closed($node, $point);
	my $taker = named($node, 'taker', qq{SET agentcore.test_points = '$point'; BEGIN;} . take(4));
	asks($taker, "$end;");
	waits($taker, 'Extension', "$end: the taker is about to settle");
	is(one(q{SELECT sum(held[1]) FROM agentcore.budget_counter}), $end eq 'COMMIT' ? 4 : 0, "$end: what others see of its row");
	is(one(take(6)), 't|', "$end: what fits beside it is granted");
	my $other = named($node, 'other', 'SELECT 1;');
	asks($other, take($end eq 'COMMIT' ? 1 : 5));
	if ($end eq 'COMMIT')
	{
		waits($other, 'object', "$end: what does not fit beside it waits");
	}
	else
	{
		is(answer($other), 'f|budget_exceeded', "$end: what cannot fit is refused");
	}
	leave($gate);
	answer($taker);
	is(answer($other), $decided, "$end: and is decided by what it came to") if $end eq 'COMMIT';
	leave($taker, $other);
	sound($end, 'b', $held);
}
{
	anew(10);
	my $gate = closed($node, 'budget_aborted');
	my $taker = named($node, 'taker', q{SET agentcore.test_points = 'budget_aborted'; BEGIN;} . take(4));
	asks($taker, 'ROLLBACK;');
	waits($taker, 'Extension', 'the taker is about to take it back');
	my $other = named($node, 'other', 'SELECT 1;');
	asks($other, take(7));
	waits($other, 'object', 'what depends on it waits');
	leave($gate);
	answer($taker);
	is(answer($other), 't|', 'and has its room');
	leave($taker, $other);
	sound('taken back', 'b', 7);
}

# between the entry and its lock
for my $case (
	[ 'a lower limit', q{SELECT agentcore.budget_set('b', max_tokens => 3)}, 'f|budget_exceeded', 0 ],
	[ 'a limit more', q{SELECT agentcore.budget_limit_set('b', 'l', max_tokens => 3, period => '1 day')}, 'f|budget_exceeded', 0 ],
	[ 'counted anew', q{SELECT agentcore.budget_reset_window('b')}, 't|', 4 ],
	[ 'a hold', take(7), 'f|budget_exceeded', 7 ],
	[ 'rows by hand', q{UPDATE agentcore.budget_counter SET slot = slot}, 't|', 4 ],
	[ 'dropped', q{SELECT agentcore.budget_drop('b')}, 'f|contention', 0 ])
{
	my ($name, $sql, $decided, $held) = @$case;
	anew(10);
	my $gate = closed($node, 'budget_entry_found');
	my $taker = named($node, 'taker', q{SET agentcore.test_points = 'budget_entry_found';});
	asks($taker, take(4));
	waits($taker, 'advisory', "$name: the taker has found the entry");
	one($sql);
	leave($gate);
	is(answer($taker), $decided, "$name: it is decided by what is there then");
	leave($taker);
	sound($name, 'b', $held) unless $name eq 'dropped';
}

# ... of one that has the budget in flight itself: its rows are in no entry
for my $end ('COMMIT', 'ROLLBACK')
{
	anew(10);
	my $gate = closed($node, 'budget_entry_found');
	my $taker = named($node, 'taker', 'BEGIN;' . take(4) . q{SET agentcore.test_points = 'budget_entry_found';});
	asks($taker, take(4));
	waits($taker, 'advisory', "$end of one in flight: it has found the entry again");
	one('BEGIN;' . take(1) . q{PREPARE TRANSACTION 'other'; ROLLBACK PREPARED 'other';});
	is(stat_of('dropped_prepared'), 1, "$end of one in flight: the entry is dropped meanwhile");
	leave($gate);
	is(answer($taker), 't|', "$end of one in flight: it goes on by the rows");
	says($taker, q{SET agentcore.test_points = ''; } . "$end;");
	is(one(take(8)), $end eq 'COMMIT' ? 'f|budget_exceeded' : 't|', "$end of one in flight: its rows count if they are there");
	leave($taker);
	sound("$end of one in flight", 'b', 8);
}

# between the lock and the reservation
{
	anew(10);
	my $gate = closed($node, 'budget_locked');
	my $taker = named($node, 'taker', q{SET agentcore.test_points = 'budget_locked';});
	asks($taker, take(6));
	waits($taker, 'advisory', 'the taker shares the lock');
	is(one(take(6)), 't|', 'another is faster');
	my $other = named($node, 'other', 'SELECT 1;');
	asks($other, q{SELECT agentcore.budget_set('b', max_tokens => 8);});
	waits($other, 'object', 'who defines it anew waits for the first');
	leave($gate);
	is(answer($taker), 'f|budget_exceeded', 'which finds no room');
	is(answer($other), 't', 'and it is defined anew');
	leave($taker, $other);
	sound('locked', 'b', 6);
}

# between the reservation and the row: it counts, and is given back if its owner dies
for my $end ('goes on', 'is terminated')
{
	anew(10);
	my $gate = closed($node, 'budget_inserted');
	my $taker = named($node, 'taker', q{SET agentcore.test_points = 'budget_inserted';});
	asks($taker, take(6));
	waits($taker, 'advisory', "one that $end: reserved, but not written");
	my $other = named($node, 'other', 'SELECT 1;');
	asks($other, take(7));
	waits($other, 'object', "one that $end: another has to wait for it");
	if ($end eq 'goes on')
	{
		leave($gate);
		is(answer($taker), 't|', "one that $end is granted");
		is(answer($other), 'f|budget_exceeded', "one that $end: the other is not");
		leave($taker, $other);
		sound($end, 'b', 6);
	}
	else
	{
		one(q{SELECT pg_terminate_backend(pid, 600000) FROM pg_stat_activity WHERE application_name = 'taker'});
		is(answer($other), 't|', "one that $end gives its room back");
		leave($gate, $other);
		$taker->{run}->finish;
		sound($end, 'b', 7);
	}
}

# one that decided alone, before it has written its row: others share the lock with it
{
	anew(10);
	my $holder = named($node, 'holder', 'BEGIN;' . take(4));
	my $gate = closed($node, 'budget_inserted');
	my $taker = named($node, 'taker', q{SET agentcore.test_points = 'budget_inserted';});
	asks($taker, take(7));
	waits($taker, 'object', 'it waits to decide alone');
	says($holder, 'ROLLBACK;');
	waits($taker, 'advisory', 'it has decided, but not written');
	is(one(take(2)), 't|', 'what fits beside it is granted');
	my $other = named($node, 'other', 'SELECT 1;');
	asks($other, q{SELECT agentcore.budget_set('b', max_tokens => 9);});
	waits($other, 'object', 'who defines the budget anew waits for it');
	leave($gate);
	is(answer($taker), 't|', 'it is granted');
	is(answer($other), 't', 'and the budget is defined anew');
	is(one(take(1)), 'f|budget_exceeded', 'with all that was granted');
	leave($holder, $taker, $other);
	sound('alone', 'b', 9);
}

# more busy budgets than entries: the longest unused gives way, but not while it is in flight
{
	one('TRUNCATE agentcore.budget, agentcore.budget_limit, agentcore.budget_counter, agentcore.permit, agentcore.budget_ledger');
	one("SELECT agentcore.budget_set('$_', max_tokens => 10)") for qw(p q r);
	one('SELECT agentcore.stat_budget_reset()');
	make_busy($_) for qw(p q r);
	is(stat_of('entries', 'made', 'evicted', 'no_room'), '2 3 1 0', 'the third takes a place');
	one('SELECT agentcore.stat_budget_reset()');
	one(take(1, 'p'));
	is(stat_of('cold', 'escrow'), '1 0', 'the longest unused has none any more');
	one(take(1, $_)) for qw(q r);
	is(stat_of('cold', 'escrow'), '1 2', 'the others have');
	my $q = named($node, 'q', 'BEGIN;' . take(4, 'q'));
	my $r = named($node, 'r', 'BEGIN;' . take(4, 'r'));
	make_busy('p');
	is(stat_of('entries', 'made', 'evicted', 'no_room'), '2 0 0 1', 'none that is in flight gives way');
	is(one(take(5, 'q') . take(5, 'r') . take(5, 'p')), "t|\nt|\nt|", 'and all are decided right');
	says($_, 'COMMIT;') for $q, $r;
	make_busy('p');
	is(stat_of('entries', 'made', 'evicted'), '2 1 1', 'one that is not gives way');
	is(one(take(1, 'q') . take(1, 'r') . take(1, 'p') . take(4, 'p')), "f|budget_exceeded\nf|budget_exceeded\nt|\nf|budget_exceeded", 'what was committed through it is there');
	leave($q, $r);
	is(one(q{SELECT string_agg(budget || ' ' || held, ', ' ORDER BY budget) FROM (SELECT budget, sum(held[1]) AS held FROM agentcore.budget_counter GROUP BY 1) AS s}),
		'p 7, q 10, r 10', 'the rows hold what was granted');
	sound('evicted', 'p', 7);
}
leave($first, $second);

$node->stop;
done_testing();
