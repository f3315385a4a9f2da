# A URL that every committed version of a policy denies, by one rule or another or
# by a special entry, is denied to who asks while they replace each other, whether
# the session holds the rules compiled or reads them from the table.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.policy_allow('p', '*'), agentcore.policy_deny('p', '*.a.com');
});

my $script = $node->basedir . '/replace.sql';
append_to_file($script, <<'E2');
BEGIN;
SELECT agentcore.policy_deny('p', 'x.a.com');
DELETE FROM agentcore.policy_rule WHERE pattern = '*.a.com';
COMMIT;
BEGIN;
SELECT agentcore.special_set('x.a.com', 'closed');
DELETE FROM agentcore.policy_rule WHERE pattern = 'x.a.com';
COMMIT;
BEGIN;
SELECT agentcore.policy_deny('p', '*.a.com');
SELECT agentcore.special_drop('x.a.com');
COMMIT;
E2

for my $rules (0, 100000)
{
	my $replacing = IPC::Run::start([ 'pgbench', '-n', '-T', '3', '-f', $script, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err);
	my ($asked, $allowed) = split /\|/, $node->safe_psql('postgres', qq{
SET agentcore.policy_cache_max_rules = $rules;
CREATE FUNCTION pg_temp.hunt(OUT asked bigint, OUT allowed bigint) LANGUAGE plpgsql AS \$\$
DECLARE
  until timestamptz := clock_timestamp() + '2 s';
BEGIN
  asked := 0;
  allowed := 0;
  WHILE clock_timestamp() < until OR asked < 1000 LOOP
    asked := asked + 1;
    allowed := allowed + agentcore.url_allowed('p', 'https://x.a.com/')::int;
  END LOOP;
END \$\$;
SELECT * FROM pg_temp.hunt();
});
	ok($replacing->finish, 'rules were replaced') or diag $err;
	cmp_ok($asked, '>', 100, "asked $asked times with rules " . ($rules ? 'compiled' : 'in the table'));
	is($allowed, 0, 'never allowed');
}

$node->stop;
done_testing();
