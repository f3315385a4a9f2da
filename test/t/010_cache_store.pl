# The cache's store: expired before live, a tenant's share, the worker, large values.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = 4MB
agentcore.cache_compress = off
agentcore.cache_sweep_interval = 1h
max_connections = 100
CONF
$node->start;

sub one { return $node->safe_psql('postgres', $_[0]); }

sub setting
{
	my ($line) = @_;
	$node->append_conf('postgresql.conf', $line);
	$node->reload;
}

# SQL that stores keys $from .. $to of $size bytes, and the number it was refused
sub fill
{
	my ($tool, $from, $to, $size, $ttl, $tenant) = @_;
	return one(qq{SELECT count(*) FILTER (WHERE NOT agentcore.cache_set('$tool', to_jsonb(n), to_jsonb(repeat('x', $size)), '$ttl',
		publish => 'immediate', tenant => '$tenant')) FROM generate_series($from, $to) n});
}

sub worker_runs
{
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'agentcore cache sweeper'}), $_[0]);
}

sub present
{
	my ($tool, $from, $to, $tenant) = @_;
	return one(qq{SELECT count(agentcore.cache_get('$tool', to_jsonb(n), tenant => '$tenant')) FROM generate_series($from, $to) n});
}
sub verified { is(one('SELECT agentcore.cache_verify()'), 't', "$_[0]: the cache is sound"); }
sub counted { return one("SELECT $_[0] FROM agentcore.stat_cache"); }

one('CREATE EXTENSION agentcore');
is(counted('partitions'), 1, 'one partition');
worker_runs('the worker runs');

# Half of the cache expires, scattered among what lives; then a quarter is
# written: not one live entry may go for it.
fill('mid', 1, 40, 100, '4.5 s', '');	# which begins on the wheel's second level
fill('short', 1, 700, 2000, '0.4 s', '');
fill('long', 1, 700, 2000, '1 h', '');
fill('short', 701, 750, 2000, '0.4 s', '');
is(counted('evictions'), 0, 'all of it fits');
sleep 5;
fill('new', 1, 600, 2000, '1 h', '');
is(counted('evictions'), 0, 'expired entries make room');
is(present('long', 1, 700, ''), 700, 'and every live one is still there');
cmp_ok(counted('expirations'), '>=', 600, 'what expired was counted');
verified('expiry');
is(one(q{SELECT count(*) FROM agentcore.cache_entries() WHERE tool = 'mid'}), 0, 'none is left of those from a farther bucket');

# One large value, too: it takes the room of hundreds of small ones at once.
one('SELECT agentcore.cache_clear()');
setting('agentcore.cache_sweep_interval = 20ms');
ok($node->poll_query_until('postgres', 'SELECT entries = 0 FROM agentcore.stat_cache'), 'cleared');
setting('agentcore.cache_sweep_interval = 1h');
fill('long', 1, 800, 2000, '1 h', '');
fill('short', 1, 850, 2000, '0.4 s', '');
verified('before large');
sleep 1;
is(one(q{SELECT agentcore.cache_set('t', '"big"', to_jsonb(repeat('x', 900000)), publish => 'immediate')}), 't', 'a large value is stored');
is(counted('evictions'), 0, 'where small ones have expired');
is(present('long', 1, 800, ''), 800, 'and none that lives goes for it');
verified('large and expired');

# The worker clears away what nobody asks for, when it is told to come by.
fill('soon', 1, 50, 2000, '0.2 s', '');
setting('agentcore.cache_sweep_interval = 20ms');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM agentcore.cache_entries() WHERE tool IN ('soon', 'short')}), 'the worker removes what expired');
verified('worker');

fill('new', 1, 100, 2000, '1 h', '');
# A tool's entries are dead at once, and the worker gives their memory back.
one(q{SELECT agentcore.cache_invalidate_tool('new')});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM agentcore.cache_entries() WHERE tool = 'new'}), 'and what was invalidated');
verified('invalidation');

# One tenant past its share of a full cache evicts itself only.
one('SELECT agentcore.cache_clear()');
ok($node->poll_query_until('postgres', 'SELECT entries = 0 FROM agentcore.stat_cache'), 'cleared');
setting('agentcore.cache_tenant_share = 40');
fill('t', 1, 600, 2000, '1 h', 'quiet');
fill('t', 1, 5000, 2000, '1 h', 'greedy');
is(present('t', 1, 600, 'quiet'), 600, 'a greedy tenant evicts nobody else');
cmp_ok(present('t', 1, 5000, 'greedy'), '>', 500, 'and has its share');
verified('share');

# What does not fit into the share is refused, and counted.
my $refused = counted('refused_share');
is(one(q{SELECT agentcore.cache_set('t', '"big"', to_jsonb(repeat('x', 900000)), publish => 'immediate', tenant => 'quiet')}), 'f', 'past the share');
is(counted('refused_share') - $refused, 1, 'refused and counted');
setting('agentcore.cache_tenant_share = 100');
ok($node->poll_query_until('postgres', q{SELECT current_setting('agentcore.cache_tenant_share') = '100'}), 'the share is lifted');
is(one(q{SELECT agentcore.cache_set('t', '"big"', to_jsonb(repeat('x', 900000)), publish => 'immediate', tenant => 'quiet')}), 't', 'then it fits');
is(one(q{SELECT length(agentcore.cache_get('t', '"big"', tenant => 'quiet')::text)}), 900002, 'a large value is whole');
verified('large');

# one byte more than the largest value
my $max = counted('max_value');
is(one(qq{SELECT agentcore.cache_set('t', '"max"', to_jsonb(repeat('x', $max - 8)), publish => 'immediate')}), 't', 'the largest value');
is(one(qq{SELECT agentcore.cache_set('t', '"more"', to_jsonb(repeat('x', $max - 7)), publish => 'immediate')}), 'f', 'one byte more');
is(counted('refused_size'), 1, 'is refused and counted');
verified('limit');

# Large values are copied while others replace and evict them: each must be whole.
one(q{
CREATE FUNCTION swap(k int, n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  seen text;
BEGIN
  IF n % 10 = 0 THEN
    PERFORM agentcore.cache_set('swap', to_jsonb(k), to_jsonb(repeat(chr(65 + n / 10 % 26), 800000)), '1 h', publish => 'immediate');
  ELSIF n % 2 = 0 THEN
    seen := agentcore.cache_get('swap', to_jsonb(k)) #>> '{}';
    IF seen <> repeat(left(seen, 1), 800000) THEN
      RAISE EXCEPTION 'bytes of two values mixed';
    END IF;
  ELSE
    PERFORM agentcore.cache_set('other', to_jsonb(n), to_jsonb(repeat('-', 20000)), '1 h', publish => 'immediate');
  END IF;
END $$});
append_to_file($node->basedir . '/swap.sql', "\\set k random(1, 2)\n\\set n random(0, 100000)\nSELECT swap(:k, :n);\n");
$node->command_ok([ 'pgbench', '-n', '-c', '6', '-T', '3', '-f', $node->basedir . '/swap.sql', 'postgres' ], 'large values stay whole');
verified('swap');

# the worker ends with the server, and comes back
$node->restart;
worker_runs('the worker is there after a restart');
verified('restart');

# Whoever invents tools, in lookups, sets or invalidations, takes no slots from others.
one(q{SELECT count(agentcore.cache_get('lookup' || n, '1', tenant => 'flood')) FROM generate_series(1, 1000) n});
one(q{SELECT count(*) FROM generate_series(1, 1000) n, agentcore.cache_set(repeat('set', 40) || n, '1', '1', tenant => 'flood', publish => 'immediate')});
one(q{SELECT count(*) FROM generate_series(1, 1000) n, agentcore.cache_invalidate_tool('gone' || n, 'flood')});
is(fill('tool', 1, 1, 10, '1 h', 'quiet'), 0, 'stored beside a flood of names');
one(q{SELECT count(*) FROM generate_series(1, 40) n, agentcore.cache_set('own' || n, '1', '1', tenant => 'quiet')});
one(q{SELECT count(*) FROM generate_series(1, 1000) n, agentcore.cache_invalidate_tool('late' || n, 'flood')});
is(one(q{SELECT count(agentcore.cache_get('own' || n, '1', tenant => 'quiet')) FROM generate_series(1, 40) n}), 40, 'no foreign invalidation reaches them');
is(one(q{SELECT sum(fills) FROM agentcore.stat_tool WHERE tenant = 'quiet' AND tool LIKE 'own%'}), 40, 'and each is counted under its name');
cmp_ok(one(q{SELECT count(*) FROM agentcore.stat_tool WHERE tenant = 'flood'}), '<=', 64, 'the flood has its part of the slots');
is(one(q{SELECT agentcore.cache_set('past', '1', '"the part"', tenant => 'flood'); SELECT agentcore.cache_get('past', '1', tenant => 'flood')}), qq{t\n"the part"}, 'past it tools work, without a slot of their own');
# of tools that are shared between tenants, too
one(q{SELECT agentcore.tool_set('common', '{"type": "object"}', cache_ttl => '1 h', cache_scope => 'shared'), agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', 'p')});
one(q{SELECT agentcore.call_commit(call_id, '1') FROM agentcore.call_begin('a', 'common')});
is(one(q{SELECT verdict FROM agentcore.call_begin('a', 'common')}), 'cached', 'a shared answer');
is(one(q{SELECT tenant FROM agentcore.stat_tool WHERE tool = 'common' AND fills = 1}), '*', 'has a slot of its own');
one(q{SELECT agentcore.cache_invalidate_tool('common', 'quiet')});
is(one(q{SELECT verdict FROM agentcore.call_begin('a', 'common')}), 'run', 'and is reached from every tenant');
verified('flood');

# One tenant's waiters leave places for the others'.
one(q{SELECT agentcore.stat_cache_reset()});
is(one(q{SELECT status FROM agentcore.cache_fetch('t', '"wait"', 's', lease => '1 h', tenant => 'crowd')}), 'lead', 'one leads');
is(one(q{SELECT status FROM agentcore.cache_fetch('t', '"wait"', 's', lease => '1 h', tenant => 'other')}), 'lead', 'in each of two tenants');
append_to_file($node->basedir . '/wait.sql', q{SELECT agentcore.cache_fetch('t', '"wait"', 's', wait => '1 h', tenant => 'crowd');} . "\n");
my $crowd = IPC::Run::start([ 'pgbench', '-n', '-c', '60', '-t', '1', '-f', $node->basedir . '/wait.sql', $node->connstr('postgres') ], '>', \my $out, '2>', \my $err);
my $waiting = q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'cache_fetch.*crowd' AND state IS DISTINCT FROM 'idle' AND pid <> pg_backend_pid()};
ok($node->poll_query_until('postgres', "SELECT ($waiting) = 48 AND leases >= 2 AND misses >= 14 FROM agentcore.stat_cache"), 'of 60 sessions 48 wait, the rest is told to ask again');
is(one(q{SELECT status FROM agentcore.cache_fetch('t', '"wait"', 's', wait => '0.05 s', tenant => 'other')}), 'busy', 'another tenant asks');
is(counted('waits'), 1, 'and may wait');
one(q{SELECT agentcore.cache_invalidate('t', '"wait"', 's', tenant => 'crowd')});
one(q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ~ 'cache_fetch.*crowd' AND pid <> pg_backend_pid()});
$crowd->finish;
$node->poll_query_until('postgres', "SELECT ($waiting) = 0") or die 'some stay';
is(one(q{SELECT status FROM agentcore.cache_fetch('t', '"wait2"', 's', lease => '1 h', tenant => 'crowd')}), 'lead', 'again');
my $waits = counted('waits');
one(q{SELECT status FROM agentcore.cache_fetch('t', '"wait2"', 's', wait => '0.05 s', tenant => 'crowd')});
is(counted('waits') - $waits, 1, 'killed waiters have given their places back');

done_testing();
