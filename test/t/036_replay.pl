# A replay writes nothing, and says the same in a read only transaction and on a standby.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', q{
shared_preload_libraries = 'agentcore'
agentcore.audit = 'all'
agentcore.budget_guard = off
agentcore.loop_limit = 5
autovacuum = off
});
$primary->start;
sub one { return $primary->safe_psql('postgres', $_[0]); }

# every stage has something to say
one(q{
CREATE EXTENSION agentcore;
SET search_path = agentcore;
SELECT policy_set('p'), policy_allow_tool('p', '*'), policy_deny_tool('p', 'never'), policy_deny_tool('p', 'web', name => 'after', "when" => '{"/labels": {"contains": {"const": "seen"}}}'),
  policy_limit_tool('p', 'pay', 'few', per => '{}', max_calls => 1), policy_fact('p', 'look', 'looked');
SELECT budget_set('b', max_calls => 12), agent_set('a', 'p', 'b'), rate_set('service', 4, '1 hour', 4), model_price_set('m', 0.001, 0.002);
SELECT tool_set('look', '{}', cache_ttl => '1 hour', cache_scope => 'tenant', idempotent => true, taints => '{seen}'), tool_set('web', '{}'), tool_set('flaky', '{}'), tool_set('never', '{}'),
  tool_set('pay', '{}', once => '1 day', once_scope => 'tenant'), tool_set('ask', '{}', needs_approval => true), tool_set('far', '{}', target => 'service');
SELECT verdict FROM call_begin('a', 'web', '{}', task => 't');
SELECT call_commit(call_id, '{"is": 1}') FROM call_begin('a', 'look', '{"n": 1}', task => 't');
SELECT verdict FROM call_begin('a', 'look', '{"n": 1}', task => 't');
SELECT verdict FROM call_begin('a', 'never', '{}');
SELECT verdict FROM call_begin('a', 'web', '{}', task => 't');
SELECT verdict FROM call_begin('a', 'ask', '{}');
SELECT CASE WHEN verdict = 'run' THEN call_commit(call_id, '{}') END FROM generate_series(1, 4) i, call_begin('a', 'pay', jsonb_build_object('n', i % 2), key => 'k' || i);
SELECT verdict FROM generate_series(1, 6) i, call_begin('a', 'far', jsonb_build_object('n', i));
SELECT call_fail(call_id, 503) FROM call_begin('a', 'flaky', '{"n": 7}', key => 'f');
SELECT verdict FROM generate_series(1, 8) i, llm_begin('a', 'm', i, 10);
});
is(one(q{SELECT count(*) > 15, string_agg(DISTINCT reason, ',') FROM agentcore.call_log WHERE event = 'begin'}), 't|approval_required,budget_exceeded,denylist_match,limit_exceeded,rate_limited', 'calls of many kinds are in the log');

# what could have been written: rows, statistics of shared memory, notifications
my $tables = one(q{SELECT string_agg(format('SELECT %L, (SELECT md5(string_agg(%s::text, '','' ORDER BY %2$s::text)) FROM agentcore.%1$I t)', relname, CASE relkind WHEN 'S' THEN 't.last_value' ELSE 't' END), ' UNION ALL ' ORDER BY relname)
  FROM pg_class WHERE relnamespace = 'agentcore'::regnamespace AND relkind IN ('r', 'S')});
my $views = one(q{SELECT string_agg(format('SELECT %L, (SELECT coalesce(string_agg(t::text, E''\n'' ORDER BY t::text), '''') FROM agentcore.%I t)', relname, relname), ' UNION ALL ' ORDER BY relname)
  FROM pg_class WHERE relnamespace = 'agentcore'::regnamespace AND relkind = 'v' AND relname LIKE 'stat%'});
like($tables, qr/'permit'.*'task_label'/s, 'tables are compared');
like($views, qr/'stat_cache'/, 'and what views tell of shared memory');
sub written { return one($tables) . "\n" . one($views); }

my $replay = 'SELECT * FROM agentcore.call_replay(NULL, NULL)';
my $summary = 'SELECT * FROM agentcore.call_replay_summary(NULL, NULL)';
my $before = written();
my $said = one($replay);
my $sums = one($summary);
is(written(), $before, 'a replay has written nothing');
is(one("BEGIN READ ONLY; $replay; COMMIT"), $said, 'a read only transaction says the same');
is(one(q{SELECT string_agg(DISTINCT tool || ' ' || coalesce(unknown, ''), ', ') FROM agentcore.call_replay(NULL, NULL) WHERE changed IS NOT false}), '', 'nothing changes under the same configuration');

# the same on a standby for a time, or for a document that was resolved
my $moment = one('SELECT agentcore.clock_now()');
my $document = q{{"agents": [{"name": "a", "policy": "p", "budget": "b", "enabled": false}]}};
my $resolved = one(qq{SELECT agentcore.config_resolve('$document')});
$before = written();
my $off = one(qq{SELECT * FROM agentcore.call_replay(NULL, NULL, config => '$document')});
is(written() =~ s/\n(revision_seq|call_log_seq|policy_rule_id_seq)\|[^\n]*//gr, $before =~ s/\n(revision_seq|call_log_seq|policy_rule_id_seq)\|[^\n]*//gr, 'a document changes nothing but numbers of sequences');
like($off, qr/\|deny\|agent_disabled\|/, 'and is what calls are judged by');

# a log that another configuration would have answered otherwise
one(q{SELECT agentcore.policy_deny_tool('p', 'far'), agentcore.budget_set('b', max_calls => 2), agentcore.tool_set('look', cache_ttl => '1 us')});
$before = written();
my $early = $said;
$said = one($replay);
is(written(), $before, 'nor has one that differs');
like($said, qr/\|far\|run\|\|\d+\|deny\|denylist_match\|/, 'what runs is denied');
like($said, qr/\|deny\|budget_exceeded\|/, 'and costs too much');

$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $replay), $said, 'a standby says the same');
is($standby->safe_psql('postgres', $summary), one($summary), 'in sum, too');

is($standby->safe_psql('postgres', "SELECT * FROM agentcore.call_replay(NULL, NULL, at => '$moment')"), $early, 'by the configuration of a time');
is($standby->safe_psql('postgres', "SELECT * FROM agentcore.call_replay(NULL, NULL, config => \$r\$$resolved\$r\$)"), $off, 'and by a document that was resolved');
my ($no, $nothing, $why) = $standby->psql('postgres', "SELECT * FROM agentcore.call_replay(NULL, NULL, config => '$document')");
like($why, qr/a document cannot be resolved on a standby/, 'which it cannot do');

# a session that is told to stop does so
my ($ret, $out, $err) = $primary->psql('postgres', q{
INSERT INTO agentcore.call_log_entry (tenant, at, event, agent, tool, verdict, enforced, role, args_digest)
  SELECT '', now(), 'begin', 'a', 'web', 'run', true, 'postgres', sha256(int4send(i)) FROM generate_series(1, 300000) i;
SET statement_timeout = '1ms';
SELECT count(*) FROM agentcore.call_replay(NULL, NULL)});
like($err, qr/canceling statement due to statement timeout/, 'a replay can be interrupted');
is(one(q{SELECT abs(extract(epoch FROM agentcore.clock_now() - clock_timestamp())) < 60}), 't', 'and the clock goes on');

$standby->stop;
$primary->stop;
done_testing();
