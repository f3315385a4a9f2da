# A database that is made under the number of a dropped one, as a copy of the same template: it has the
# installation id and the names of the dropped one, and must find nothing of what that left in shared
# memory, nor in the dump of the cache.  (Budgets: 027_budget_escrow_ends.pl.)
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_dump = on
agentcore.loop_limit = 2
lc_messages = 'C'
CONF
$node->start;
my $number = 200001;
my $file = $node->data_dir . '/pg_stat_tmp/agentcore_cache.dump';

sub in { my ($db, $sql) = @_; return $node->safe_psql($db, $sql); }
sub make { in('postgres', "CREATE DATABASE copy TEMPLATE template_of_agents OID = $number"); return; }
sub make_anew { in('postgres', 'DROP DATABASE copy'); make(); return; }

in('postgres', 'CREATE DATABASE template_of_agents');
in('postgres', 'CREATE DATABASE beside');
in($_, 'CREATE EXTENSION agentcore') for 'template_of_agents', 'beside';
in('template_of_agents', q{
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.agent_set('a', 'p');
SELECT agentcore.tool_set('t', '{"type": "object"}', target => 'api', idempotent => true);
SELECT agentcore.tool_set('paused', '{"type": "object"}', target => 'slow', idempotent => true);
SELECT agentcore.tool_set('looped', '{"type": "object"}');
SELECT agentcore.tool_set('stored', '{"type": "object"}', cache_ttl => '1 hour');
SELECT agentcore.breaker_set('api', consecutive => 1, open_for => '1 hour');
SELECT agentcore.breaker_set('raw', consecutive => 1, open_for => '1 hour');
SELECT agentcore.rate_set('slow', 1, '1 hour');
});
make();

# what a database may leave behind: name, what leaves it, what asks for it, the answers with and without it
my $begin = q{SELECT verdict, reason FROM agentcore.call_begin('a', '%s', '{}', task => 'job')};
my $fail = q{SELECT FROM agentcore.call_fail((SELECT call_id FROM agentcore.call_begin('a', '%s')), %s)};
my @left = (
	[ 'a value', q{SELECT agentcore.cache_set('x', '1', '"old"', '1 hour')}, q{SELECT agentcore.cache_get('x', '1')}, '"old"', '' ],
	[ 'a shared value', q{SELECT agentcore.cache_set('x', '2', '"old"', '1 hour', scope => 's', tenant => 'acme')}, q{SELECT agentcore.cache_get('x', '2', 's', 'acme')}, '"old"', '' ],
	[ 'a lease', q{SELECT status FROM agentcore.cache_fetch('x', '3', lease => '1 hour')}, q{SELECT status FROM agentcore.cache_fetch('x', '3', lease => '1 hour')}, 'busy', 'lead' ],
	[ 'an answer of a call', q{SELECT agentcore.call_commit((SELECT call_id FROM agentcore.call_begin('a', 'stored')), '"old"')}, q{SELECT verdict FROM agentcore.call_begin('a', 'stored')}, 'cached', 'run' ],
	[ 'counters', q{SELECT agentcore.cache_set('counted', '1', '1', '1 hour')}, q{SELECT count(*) FROM agentcore.stat_tool WHERE tool = 'counted'}, '1', '0' ],
	[ 'a breaker', sprintf($fail, 't', '500'), sprintf($begin, 't'), 'wait|circuit_open', 'run|' ],
	[ 'a raw breaker', q{SELECT agentcore.breaker_report('raw', false)}, q{SELECT allowed FROM agentcore.breaker_allow('raw')}, 'f', 't' ],
	[ 'a pause', sprintf($fail, 'paused', q{429, NULL, '1000'}), sprintf($begin, 'paused'), 'wait|rate_limited', 'run|' ],
	[ 'a rate', q{SELECT FROM agentcore.rate_take('k', 1, '1 hour')}, q{SELECT allowed FROM agentcore.rate_take('k', 1, '1 hour')}, 'f', 't' ],
	[ 'counts of calls', q{SELECT verdict FROM agentcore.call_begin('a', 'looped', '{}')}, q{SELECT count(*) FROM agentcore.stat_call WHERE tool = 'looped'}, '1', '0' ],
	[ 'loops', join(';', (sprintf($begin, 'looped')) x 2), sprintf($begin, 'looped'), 'deny|loop_detected', 'run|' ],
);

sub leave_all { in('copy', $_->[1]) for @left; return; }
sub leave_all_anew { make_anew(); leave_all(); return; }
sub nothing_left
{
	my ($how) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(in('copy', $_->[2]), $_->[4], "$how: nothing of $_->[0]") for @left;
	is(in('copy', 'SELECT count(*) FROM agentcore.stat_target WHERE opened_at < pg_postmaster_start_time()'), '0', "$how: no target of before");
	is(in('copy', 'SELECT agentcore.cache_verify()'), 't', "$how: the cache is sound");
	return;
}

leave_all();
in('beside', q{SELECT agentcore.cache_set('x', '1', '"beside"', '1 hour'), agentcore.breaker_set('raw', consecutive => 1), agentcore.breaker_report('raw', false)});
is(in('copy', $_->[2]), $_->[3], "$_->[0] is left") for @left;
make_anew();
nothing_left('made anew');
is(in('beside', q{SELECT agentcore.cache_get('x', '1'), (SELECT allowed FROM agentcore.breaker_allow('raw'))}), '"beside"|f', 'another database keeps what it has');

# a CREATE that fails, and a DROP
leave_all_anew();
my ($status) = $node->psql('postgres', "CREATE DATABASE another TEMPLATE template_of_agents OID = $number");
isnt($status, 0, 'a number that is in use is refused');
is(in('copy', $left[0][2]), '"old"', 'and what its database has stays');
my $session = $node->background_psql('copy');
($status) = $node->psql('postgres', 'DROP DATABASE copy');
isnt($status, 0, 'a database in use is not dropped');
$session->quit;
is(in('copy', "$left[6][2]"), 'f', 'and what it has stays');

# another number, another database: nothing is found there, and nothing is lost here
in('postgres', 'CREATE DATABASE second TEMPLATE template_of_agents');
is(in('second', $left[0][2]), '', 'a copy under another number finds nothing');
is(in('copy', $left[0][2]), '"old"', 'and takes nothing away');
in('postgres', 'DROP DATABASE second');

# the dump of the cache: written before the database is dropped, and read before it is made anew
in('copy', 'SELECT agentcore.cache_dump()');
ok(-e $file, 'there is a dump');
make_anew();
ok(!-e $file, 'a new database ends it');
$node->stop('immediate');
$node->start;
is(in('copy', $left[0][2]), '', 'so a crash does not bring its values back');
leave_all_anew();
$node->stop;
my $log = -s $node->logfile;
$node->start;
$node->wait_for_log(qr/restored \d+ cache entries/, $log);
is(in('copy', $left[0][2]), '"old"', 'a restart does, of a database that is still there');
$node->stop;
$log = -s $node->logfile;
$node->start;
$node->wait_for_log(qr/restored \d+ cache entries/, $log);
make_anew();
is(in('copy', $left[0][2]), '', 'nothing of what a dump has brought');
is(in('copy', $left[3][2]), 'run', 'nor an answer of a call');
$node->stop;
done_testing();
