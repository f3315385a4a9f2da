# Times to live, soft deadlines, failures and leases while the clock steps to and
# fro (agentcore.debug_clock_offset): at every step the cache is sound, and nothing
# is served that has expired by the clock of whoever asks.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = 4MB
agentcore.cache_sweep_interval = 1h
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION agentcore');

use constant { MINUTE => 60, HOUR => 3600 };

# SQL in a session whose clock is that many seconds off
sub at
{
	my ($seconds, $sql) = @_;
	return $node->safe_psql('postgres', "SET agentcore.debug_clock_offset = '${seconds}s'; SET search_path = agentcore, public; $sql");
}
sub fetch { return at($_[0], "SELECT status, value, lease IS NOT NULL FROM cache_fetch('t', '\"$_[1]\"')"); }
sub sound { is(at(0, 'SELECT cache_verify()'), 't', "$_[0]: the cache is sound"); return; }

# everybody's clock, the worker's too, which comes by often from now on
sub everybody
{
	my ($seconds) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET agentcore.debug_clock_offset = '${seconds}s'");
	$node->safe_psql('postgres', "ALTER SYSTEM SET agentcore.cache_sweep_interval = '20ms'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT abs(extract(epoch FROM agentcore.clock_now() - clock_timestamp()) - $seconds) < 1")
	  or die 'the clock does not move';
	return;
}

cmp_ok(at(HOUR, 'SELECT extract(epoch FROM clock_now() - clock_timestamp())'), '>', HOUR - 10, 'a clock that can be moved');

at(0, q{SELECT cache_set('t', '"half"', '1', '30 min'), cache_set('t', '"two"', '2', '2 h'), cache_set('t', '"soft"', '3', '3 h', soft_ttl => '30 min'),
	cache_set('t', '"bad"', '4', '30 min', negative => true), cache_set('t', '"bad two"', '5', '2 h', negative => true)});
my $short = at(0, q{SELECT lease FROM cache_fetch('t', '"short lease"', lease => '20 min')});
my $long = at(0, q{SELECT lease FROM cache_fetch('t', '"long lease"', lease => '2 h')});
sub before
{
	my ($when) = @_;
	is(fetch(0, 'half'), 'hit|1|f', "$when: a value within its time");
	is(fetch(0, 'soft'), 'hit|3|f', "$when: one that is not yet due");
	is(fetch(0, 'bad'), 'negative|4|f', "$when: a failure within its time");
	return;
}
before('at first');
is(fetch(0, 'short lease'), 'busy||f', 'at first: a lease');
sound('at first');

# an hour forward
is(fetch(20 * MINUTE, 'half'), 'hit|1|f', 'just within its time');
is(at(31 * MINUTE, q{SELECT cache_get('t', '"half"') IS NULL, cache_mget('t', ARRAY['"half"', '"two"']::jsonb[])}), 't|{NULL,2}', 'forward: what has expired is not served');
is(at(HOUR, q{BEGIN; SELECT status FROM cache_fetch('t', '"half"'); ROLLBACK}), 'lead', 'but computed anew');
is(at(HOUR, q{SELECT status, age >= '1 h', age < '80 min' FROM cache_fetch('t', '"two"')}), 'hit|t|t', 'forward: a longer one is older');
is(fetch(20 * MINUTE, 'soft'), 'hit|3|f', 'just before the soft deadline');
is(at(HOUR, q{BEGIN; SELECT status, value, lease IS NOT NULL FROM cache_fetch('t', '"soft"'); ROLLBACK}), 'stale|3|t', 'forward: stale for the first to ask, who leads');
is(at(4 * HOUR, q{BEGIN; SELECT status, value FROM cache_fetch('t', '"soft"'); ROLLBACK}), 'lead|', 'past both deadlines: not even stale');
is(at(HOUR, q{BEGIN; SELECT status FROM cache_fetch('t', '"bad"'); ROLLBACK}), 'lead', 'forward: a failure is forgotten in its time');
is(at(HOUR, q{SELECT status, retry_after BETWEEN '40 min' AND '1 h' FROM cache_fetch('t', '"bad two"')}), 'negative|t', 'and not before');
is(at(HOUR, q{SELECT status, retry_after BETWEEN '40 min' AND '1 h' FROM cache_fetch('t', '"long lease"')}), 'busy|t', 'forward: a long lease is still held');
is(at(HOUR, q{SELECT status FROM cache_fetch('t', '"short lease"', lease => '1 s')}), 'lead', 'a short one is given up');
is(at(HOUR, "SELECT cache_fill('$short', '\"late\"')"), 'f', 'and its fill refused');
sound('forward');
before('and back');
sound('and back');

# the lease that the future gave must not keep the present waiting for an hour
is(fetch(0, 'short lease'), 'lead||t', 'and back: a lease of the future is over');

# an hour back
is(at(-&HOUR, q{SELECT status, value, age FROM cache_fetch('t', '"two"')}), 'hit|2|00:00:00', 'back: a value of the future is new');
is(fetch(-&HOUR, 'soft'), 'hit|3|f', 'back: not stale');
is(fetch(-&HOUR, 'bad'), 'negative|4|f', 'back: a failure as well');
is(at(-&HOUR, q{SELECT status FROM cache_fetch('t', '"long lease"')}), 'busy', 'back by less than its length: a lease is held');
is(at(-4 * HOUR, q{SELECT status FROM cache_fetch('t', '"long lease"', lease => '1 s')}), 'lead', 'back by more: it is over');
is(at(-&HOUR, "SELECT cache_fill('$long', '\"late\"')"), 'f', 'and its fill refused');
is(at(-&HOUR, q{SELECT cache_set('t', '"past"', '6', '10 min'), cache_set('t', '"past bad"', '7', '10 min', negative => true),
	cache_set('t', '"past soft"', '8', '90 min', soft_ttl => '10 min')}), 't|t|t', 'back: sets are taken');
is(fetch(-&HOUR, 'past'), 'hit|6|f', 'and served');
is(fetch(-55 * MINUTE, 'past bad'), 'negative|7|f', 'a failure too');
is(at(-45 * MINUTE, q{SELECT cache_get('t', '"past"') IS NULL}), 't', 'until they expire by that clock');
is(at(-45 * MINUTE, q{BEGIN; SELECT status FROM cache_fetch('t', '"past bad"'); ROLLBACK}), 'lead', 'as failures do');
is(at(-45 * MINUTE, q{BEGIN; SELECT status, value FROM cache_fetch('t', '"past soft"'); ROLLBACK}), 'stale|8', 'and soft deadlines pass');
is(at(0, q{SELECT cache_get('t', '"past"') IS NULL, cache_get('t', '"past soft"')}), 't|8', 'and by the present one');
sound('back');

# invalidations count at any time, and what is set after one is served
for my $seconds (HOUR, -&HOUR, 0, -2 * HOUR, 2 * HOUR)
{
	is(at($seconds, q{
BEGIN; SELECT cache_set('i', '1', '1', '4 h', tags => '{t}'); COMMIT;
SELECT cache_get('i', '1');
SELECT cache_invalidate_tag('t');
SELECT cache_get('i', '1') IS NULL;
SELECT cache_set('i', '1', '2', '4 h', tags => '{t}');
SELECT cache_get('i', '1');
SELECT cache_invalidate('i', '1');
SELECT cache_get('i', '1') IS NULL}), "t\n1\n\nt\nt\n2\nt\nt", "at $seconds s: invalidations count");
}
sound('invalidations');

# A transaction that read before another's invalidation must not bring the old
# value back, though the clock stepped back in between.
my $tmp = PostgreSQL::Test::Utils::tempdir;
append_to_file("$tmp/other.sql", q{BEGIN; UPDATE doc SET body = '"new"'; SELECT agentcore.cache_invalidate('doc', '1'); COMMIT});
my $other = sprintf q(psql -XAtq -d "%s options='-c agentcore.debug_clock_offset=-1h'" -f %s), $node->connstr('postgres'), "$tmp/other.sql";
at(0, q{CREATE TABLE public.doc (body jsonb); INSERT INTO doc VALUES ('"old"')});
for my $case ([ 'commit', 't' ], [ 'immediate', 'f' ])
{
	my ($publish, $taken) = @$case;
	at(0, q{UPDATE doc SET body = '"old"'});
	is(at(0, qq{
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT body FROM doc;
SET LOCAL agentcore.debug_clock_offset = '-1h';
\\! $other
SELECT cache_set('doc', '1', body, '4 h', publish => '$publish') FROM doc;
COMMIT;
SELECT cache_get('doc', '1') IS NULL}), "\"old\"\nf\n$taken\nt", "a step back inside a transaction brings nothing old back ($publish)");
}

# The wheel has gone an hour ahead and comes back: it still finds what expires.
sub entries { return $node->safe_psql('postgres', "SELECT count(*) FROM agentcore.cache_entries() WHERE tool LIKE '$_[0]'"); }
sub fill
{
	my ($tool, $ttl) = @_;
	$node->safe_psql('postgres', "SELECT count(*) FROM generate_series(1, 500) n WHERE NOT agentcore.cache_set('$tool', to_jsonb(n), to_jsonb(n), '$ttl')");
	return;
}
fill('first', '30 min');
everybody(HOUR);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM agentcore.cache_entries() WHERE tool = 'first'}), 'forward: the worker removes what has expired');
sound('worker, forward');
everybody(-&HOUR);
fill('second', '10 min');
fill('third', '30 min');
fill('fourth', '3 h');
is(entries('%'), entries('first') + 1500 + entries('t') + entries('i') + entries('doc'), 'back: all are there');
sound('worker, back');
everybody(-45 * MINUTE);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM agentcore.cache_entries() WHERE tool = 'second'}), 'back: the worker still finds what expires');
is(entries('third') . ' ' . entries('fourth'), '500 500', 'and nothing else');
sound('worker, a while on');
everybody(0);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM agentcore.cache_entries() WHERE tool = 'third'}), 'forward again: what has expired since');
is(entries('fourth'), 500, 'and nothing else');
sound('worker, at last');
everybody(20 * 24 * HOUR);
ok($node->poll_query_until('postgres', 'SELECT entries = 0 FROM agentcore.stat_cache'), 'twenty days on nothing is left');
sound('twenty days on');

$node->stop;
done_testing();
