# pg_upgrade starts the server in binary-upgrade mode: the library must then
# reserve nothing, start no worker, and let the schema be dumped.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nagentcore.cache_memory = 8\n");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.cache_set('t', '{}', '1');
});
my $shared = $node->safe_psql('postgres', q{SELECT count(*) > 0 FROM pg_shmem_allocations WHERE name LIKE 'agentcore%'});
is($shared, 't', 'normally it has shared memory');
$node->stop;

sub control { return PostgreSQL::Test::Utils::system_log('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, @_); }

is(control('-o', '-b', 'start'), 0, 'the server starts in binary-upgrade mode');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_shmem_allocations WHERE name LIKE 'agentcore%'}), '0', 'nothing is reserved');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'agentcore%'}), '0', 'no worker runs');
$node->command_ok([ 'pg_dump', '--binary-upgrade', '--schema-only', '-d', $node->connstr('postgres'), '-f', "${PostgreSQL::Test::Utils::tmp_check}/dump.sql" ],
	'the schema can be dumped');
is(control('-m', 'fast', 'stop'), 0, 'it stops');

$node->start;
is($node->safe_psql('postgres', q{SELECT agentcore.policy_set('p')}), 'f', 'and afterwards all is there');
$node->stop;
done_testing();
