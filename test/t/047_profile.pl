# Counting calls by tool: nothing is lost or counted twice while many sessions count and
# others read and reset, with more tools than slots; what a restart, a prepared
# transaction and a server without shared memory leave of it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nagentcore.stat_call_slots = 8\nagentcore.track_timing = on\n"
	  . "agentcore.budget_guard = off\nmax_prepared_transactions = 5\nfsync = off\nlc_messages = 'C'\n");
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
one(q{CREATE EXTENSION agentcore;
      SELECT agentcore.policy_set('p', tenant => t), agentcore.policy_allow_tool('p', '*', tenant => t), agentcore.agent_set('a', 'p', tenant => t)
        FROM unnest('{"",acme}'::text[]) t;
      SELECT agentcore.tool_set('t' || i, '{"type": "object"}') FROM generate_series(1, 12) i;
      SELECT agentcore.tool_set('t1', '{"type": "object"}', tenant => 'acme');
      SELECT agentcore.tool_set('hit', '{"type": "object"}', cache_ttl => '1 day')});
one(q{SELECT agentcore.call_commit(call_id, '1', tokens => 0) FROM agentcore.call_begin('a', 'hit', '{}')});

# ----- many at once -----

my ($clients, $each, $hits) = (6, 150, 200);
my $scripts = $node->basedir;
sub script { append_to_file("$scripts/$_[0]", $_[1]); return "--file=$scripts/$_[0]"; }
my $call = script('call', q{\set t random(1, 12)
SELECT call_id FROM agentcore.call_begin('a', 't' || :t, '{}') \gset
SELECT agentcore.call_commit(:call_id, '1', tokens => 3);
});
my $undone = script('undone', q{\set t random(1, 12)
BEGIN;
SELECT call_id FROM agentcore.call_begin('a', 't' || :t, '{}') \gset
SELECT agentcore.call_commit(:call_id, '1', tokens => 5);
ROLLBACK;
SELECT verdict FROM agentcore.call_begin('a', 'invented' || :t, '{}');
});
# what reads and forgets of another tenant must not disturb
my $look = script('look', q{SELECT count(*) FROM agentcore.stat_call_stage;
SELECT verdict FROM agentcore.call_begin('a', 't1', '{}', tenant => 'acme');
SELECT agentcore.stat_call_reset(tenant => 'acme');
});
# all sessions at one tally, as fast as they can
my $hot = script('hot', "SELECT count(verdict) FROM generate_series(1, $hits) i, agentcore.call_begin('a', 'hit', CASE WHEN i > 0 THEN '{}'::jsonb END);\n");
my @out = ('') x 4;
my @running = map { IPC::Run::start(['pgbench', '--no-vacuum', '--protocol=prepared', "--client=$clients", '--jobs=2', "--transactions=$each", ($call, $undone, $look, $hot)[$_], '--host', $node->host, '--port', $node->port, 'postgres'],
		'>', \$out[$_], '2>&1') } 0 .. 3;
is(scalar(grep { !$_->finish } @running), 0, 'every client came to its end') or diag @out;

my $of = "FROM agentcore.stat_call WHERE tenant = '' OR kind = 'other'";
is(one("SELECT sum(calls - cached) - 1, sum(run) - 1, sum(deny) $of"), join('|', 3 * $clients * $each, 2 * $clients * $each, $clients * $each), 'every call counts once, rolled back or not');
is(one("SELECT sum(cached) $of"), $clients * $each * $hits, 'however many count at once');
is(one("SELECT sum(committed) - 1, sum(tokens) $of"), join('|', $clients * $each, 3 * $clients * $each), 'an end that was rolled back does not');
is(one("SELECT sum(policy_timed - cached) - 1, sum(tool_timed) - 1 $of"), join('|', 3 * $clients * $each, $clients * $each), 'each time is in a histogram');
is(one("SELECT bool_and(run + cached + wait + deny = calls), bool_and(policy_timed = calls) FROM agentcore.stat_call"), 't|t', 'each row agrees with itself');
is(one("SELECT count(*) <= 6 FROM agentcore.stat_call WHERE tenant = ''"), 't', 'a tenant keeps to its share');
is(one("SELECT bool_and(incomplete) FROM agentcore.stat_call WHERE tenant = ''"), 't', 'and its rows say that they are not all');
is(one("SELECT used <= slots FROM agentcore.stat_call_slots"), 't', 'no more slots than there are');
is(one("SELECT verdict FROM agentcore.call_begin('a', 't1', '{}', tenant => 'acme'); SELECT calls FROM agentcore.stat_call WHERE tenant = 'acme'"), "run\n1", 'others have room');
one("SELECT agentcore.stat_call_reset(tenant => '*')");
is(one("SELECT count(*) FROM agentcore.stat_call"), 0, 'reset');

# ----- a prepared transaction: its end counts when it is prepared -----

my $id = one("SELECT call_id FROM agentcore.call_begin('a', 't1', '{}')");
one("BEGIN; SELECT agentcore.call_commit('$id', '1', tokens => 1); PREPARE TRANSACTION 'one'");
is(one("SELECT calls, committed FROM agentcore.stat_call"), '1|1', 'prepared');
one("COMMIT PREPARED 'one'");
is(one("SELECT calls, committed FROM agentcore.stat_call"), '1|1', 'and not once more');

# ----- extensions that are created anew leave room -----

for my $turn (1 .. 5)
{
	one(q{DROP EXTENSION agentcore CASCADE; CREATE EXTENSION agentcore;
	      SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', 'p');
	      SELECT agentcore.tool_set('t' || i, '{"type": "object"}') FROM generate_series(1, 4) i;
	      SELECT count(*) FROM generate_series(1, 4) i, agentcore.call_begin('a', 't' || i, '{}')});
	is(one("SELECT count(*), sum(calls) FROM agentcore.stat_call"), '4|4', "extension $turn");
}

# ----- and so do databases that are dropped -----

my $other = q{CREATE EXTENSION agentcore; SET agentcore.track_timing = on;
	SELECT agentcore.policy_set('p', tenant => t), agentcore.policy_allow_tool('p', '*', tenant => t), agentcore.agent_set('a', 'p', tenant => t) FROM unnest('{x,y}'::text[]) t;
	SELECT agentcore.tool_set('t' || i, '{"type": "object"}', tenant => t) FROM generate_series(1, 4) i, unnest('{x,y}'::text[]) t;
	SELECT count(*) FROM generate_series(1, 4) i, unnest('{x,y}'::text[]) t, agentcore.call_begin('a', 't' || i, '{}', tenant => t)};
$node->restart;
one('CREATE DATABASE gone');
$node->safe_psql('gone', $other);
is(one("SELECT used FROM agentcore.stat_call_slots"), 8, 'full of another database');
one('DROP DATABASE gone');
is(one("SELECT verdict FROM agentcore.call_begin('a', 't1', '{}'); SELECT tool, calls FROM agentcore.stat_call; SELECT used FROM agentcore.stat_call_slots"), "run
t1|1
1", 'which is gone');

# ----- a crash and a restart forget, and nothing else -----

$node->stop('immediate');
$node->start;
is(one("SELECT count(*) FROM agentcore.stat_call"), 0, 'after a crash nothing is known');
is(one("SELECT verdict FROM agentcore.call_begin('a', 't1', '{}'); SELECT calls FROM agentcore.stat_call"), "run\n1", 'and counting begins anew');

# ----- without slots, and without shared memory -----

for my $setting ('agentcore.stat_call_slots = 0', "shared_preload_libraries = ''")
{
	$node->append_conf('postgresql.conf', "$setting\n");
	$node->restart;
	is(one("SET agentcore.track_timing = on; SELECT verdict FROM agentcore.call_begin('a', 't1', '{}')"), 'run', "$setting: calls run");
	is(one("SELECT (SELECT count(*) FROM agentcore.stat_call), (SELECT count(*) FROM agentcore.stat_call_stage), (SELECT count(*) FROM agentcore.stat_call_slots), agentcore.stat_call_reset()"),
		'0|0|0|0', "$setting: nothing is counted");
}

done_testing();
