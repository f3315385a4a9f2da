# A hot standby: the raw cache works on its own memory; the gate's stays out of use unless a setting allows it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_dump = on
lc_messages = 'C'
CONF
$primary->start;
$primary->safe_psql('postgres', q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.agent_set('a', 'p');
SELECT agentcore.tool_set('read', '{"type": "object"}', cache_ttl => '1 hour');
});
my $call = $primary->safe_psql('postgres', q{SELECT call_id FROM agentcore.call_begin('a', 'read', '{"n": 1}')});
$primary->safe_psql('postgres', qq{SELECT agentcore.call_commit('$call', '{"answer": 1}')});
$primary->safe_psql('postgres', 'SELECT agentcore.cache_dump()');

$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
my $file = 'pg_stat_tmp/agentcore_cache.dump';
ok(!-e $standby->data_dir . "/$file", 'a base backup leaves the dump out');

# by hand it is taken over all the same: the standby is the same server, then, and
# the stamp beside the dump names the checkpoint that the standby begins with
$primary->safe_psql('postgres', 'SELECT agentcore.cache_dump()');
system_or_bail('cp', $primary->data_dir . "/$_", $standby->data_dir . "/$_") for $file, 'pg_stat_tmp/agentcore_cache.run';
$standby->start;
$standby->wait_for_log(qr/restored \d+ cache entries/);
$primary->wait_for_catchup($standby);
sub one { return $standby->safe_psql('postgres', $_[0]); }

is(one('SELECT pg_is_in_recovery()'), 't', 'it is a standby');
is(one(q{SELECT agentcore.cache_set('t', '1', '"set"')}), 't', 'cache_set');
is(one(q{SELECT agentcore.cache_get('t', '1')}), '"set"', 'cache_get');
is(one(q{SELECT agentcore.cache_mget('t', ARRAY['1', '2']::jsonb[])}), '{"\"set\"",NULL}', 'cache_mget');
is(one(q{BEGIN; SELECT agentcore.cache_set('t', '1', '"rolled back"'); ROLLBACK; SELECT agentcore.cache_get('t', '1')}), "t\n\"set\"", 'rollback');
is(one(q{SELECT agentcore.cache_fill(lease, '"filled"') FROM agentcore.cache_fetch('t', '2')}), 't', 'a lease and its fill');
is(one(q{SELECT agentcore.cache_invalidate_tool('t'); SELECT agentcore.cache_get('t', '1') IS NULL}), "\nt", 'an invalidation of its own');
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

# the gate
my $ask = q{SELECT verdict, result FROM agentcore.call_begin('a', 'read', '{"n": 1}')};
my ($ret, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\n$ask");
like($err, qr/25006/, 'the gate does not answer from its cache');
is(one("SET agentcore.cache_on_standby = on; $ask"), 'cached|{"answer": 1}', 'unless it is told to');
is($primary->safe_psql('postgres', $ask), 'cached|{"answer": 1}', 'on the primary it does');

is(one(q{SELECT agentcore.cache_get('t', '2') IS NULL}), 't', 'what was invalidated is gone');
is(one(q{SELECT agentcore.cache_set('t', '2', '"of the standby"')}), 't', 'and can be set again');
$standby->promote;
is(one($ask), 'run|', 'promoted, it trusts nothing of before');
is(one(q{SELECT agentcore.cache_get('t', '2') IS NULL}), 't', 'nor does the raw cache');
done_testing();
