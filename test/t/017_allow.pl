# The allowlist around its own tables: what it writes down never holds userinfo or
# a query string, on whatever way; a hot standby decides and hears of revocations
# inside a transaction; a restored database decides as the one that was dumped.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.audit = 'all'
agentcore.log_denials = on
log_statement = none
log_min_duration_statement = -1
log_min_error_statement = panic
log_min_messages = debug1
log_error_verbosity = verbose
lc_messages = 'C'
CONF
$primary->start;
$primary->safe_psql('postgres', q{
CREATE EXTENSION agentcore;
SELECT agentcore.policy_set('p', schemes => '{https}', methods => '{GET,POST}'),
	agentcore.policy_allow('p', '*.ok.example', methods => '{GET}', ports => '{443}', path_prefix => '/v1'),
	agentcore.policy_deny('p', 'bad.ok.example'), agentcore.policy_deny('p', 'half.ok.example', path_prefix => '/no'),
	agentcore.policy_allow('p', 'late.ok.example', valid => tstzrange(clock_timestamp() + interval '1 day', NULL)),
	agentcore.policy_allow_tool('p', '*');
SELECT agentcore.tool_set('get', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}', dialect => 'draft7');
SELECT agentcore.tool_set('open', '{"type": "object", "properties": {"see": {"format": "uri-reference"}}}', url_args => '{/url,/more/*/href}');
SELECT agentcore.agent_set('bot', 'p'), agentcore.agent_set('watched', 'p', mode => 'audit');
});

# ----- every path, with a secret in the userinfo, in the query, or behind '#'
my @urls = (
	'https://s3cret:x@ok.example/', 'https://x:s3cret@ok.example/v1', 's3cret:x@ok.example', 's3cret:s3cret@ok.example/?s3cret',
	'//s3cret@ok.example/', 'https:s3cret@ok.example', 'https:/s3cret@ok.example', 'ftp://s3cret:s3cret@ok.example/?s3cret',
	'mailto:s3cret@ok.example', 'https://s3cret@[::1]/', 'https://a\\s3cret@ok.example/', "https://s3cret\@ok.example/\tx",
	'https://s3cret:@2130706433/', 'https://s3cret%40ok.example@evil.example/', 'https://ok.example:s3cret@evil.example/',
	(map {; "https://$_" } 'a.ok.example/v1?s3cret', 'a.ok.example/v1?x=s3cret#s3cret', 'a.ok.example/v2?s3cret', 'a.ok.example/v1%2f?s3cret',
	'a.ok.example:8443/v1?s3cret', 'bad.ok.example?s3cret', 'half.ok.example/no?s3cret', 'half.ok.example/%2e%2e;/?s3cret', 'late.ok.example/?s3cret',
	'evil.example?s3cret', '127.0.0.1/?s3cret', '0x7f.1/?s3cret', '[fe80::1%25eth0]/?s3cret', '[::1?s3cret]', 'localhost#s3cret', 'x.internal/?s3cret',
	'a..b/?s3cret', 'ok.example:0/?s3cret', 'ok.example/%zz?s3cret', 'ok.example/?s3cret=%zz', '?s3cret', 'a b/?s3cret', 'xn--a/?s3cret'));
my $list = join(', ', map { my $u = $_; $u =~ s/'/''/g; "E'" . ($u =~ s/\\/\\\\/gr =~ s/\t/\\t/gr) . "'" } @urls);
$primary->safe_psql('postgres', "CREATE TABLE urls AS SELECT * FROM unnest(ARRAY[$list]) AS u; CREATE TABLE tries AS SELECT u, m FROM urls, unnest('{GET,POST,DELETE,no method}'::text[]) AS m");

my $said = $primary->safe_psql('postgres', q{
SELECT c.allowed, c.reason, c.detail, c.host FROM tries, agentcore.url_check('p', u, m) c;
SELECT e.pattern, e.why FROM tries, agentcore.policy_explain('p', u, m) e;
SELECT reason, scheme, host, port FROM urls, agentcore.url_parse(u);
});
unlike($said, qr/s3cret/, 'url_check, policy_explain and url_parse do not repeat a secret');
like($said, qr/scheme: ftp/, 'but name a scheme');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM tries, agentcore.url_check('p', u, m) c WHERE u NOT LIKE '%s3cret%' OR c.reason NOT IN
	('invalid_url', 'method_blocked', 'denylist_match', 'not_in_allowlist', 'budget_exceeded')}), '0', 'and have no reason but the known ones');
is($primary->safe_psql('postgres', q{SELECT string_agg(DISTINCT reason, ' ' ORDER BY reason) FROM tries, agentcore.url_check('p', u, m)}),
	'denylist_match invalid_url method_blocked not_in_allowlist', 'each of which was seen');

my $calls = q{
SELECT v.verdict, v.reason, v.detail FROM tries, agentcore.call_begin('AGENT', 'get', jsonb_build_object('url', u, 'method', m), task => 'judged') v;
SELECT v.verdict, v.reason, v.detail FROM tries, agentcore.call_begin('AGENT', 'open', jsonb_build_object('url', u, 'method', m)) v;
SELECT v.verdict, v.reason, v.detail FROM tries, agentcore.call_begin('AGENT', 'open', jsonb_build_object('more', jsonb_build_array(1, jsonb_build_object('href', jsonb_build_array(u))))) v;
SELECT v.verdict, v.reason, v.detail FROM tries, agentcore.call_begin('AGENT', 'open', jsonb_build_object('see', u)) v;
SELECT v.verdict, v.reason, v.detail FROM tries, agentcore.call_begin('AGENT', 'get', args_text => json_build_object('url', u)::text) v;
};
$said = '';
foreach my $agent ('bot', 'watched')
{
	$said .= $primary->safe_psql('postgres', $calls =~ s/AGENT/$agent/gr);
}
unlike($said, qr/s3cret/, 'nor does the gate in reason and detail');
like($said, qr/deny\|denylist_match/, 'which denied');
$said = $primary->safe_psql('postgres', 'SELECT * FROM agentcore.call_log');
unlike($said, qr/s3cret/, 'nor the call log');
like($said, qr/judged/, 'which has the calls');

# what an error says reaches the log as well
$said = '';
foreach my $statement (
	(map {; "SELECT agentcore.policy_allow('p', u) FROM (VALUES (E'" . ($_ =~ s/\\/\\\\/gr =~ s/\t/\\t/gr) . "')) AS v (u)" } @urls),
	"SELECT agentcore.policy_deny('p', '*.ok.example', path_prefix => '/x?s3cret')", "SELECT agentcore.special_set('https://s3cret\@ok.example/?s3cret', 'n')",
	"SELECT agentcore.special_drop('s3cret\@ok.example')")
{
	my ($ret, $out, $err) = $primary->psql('postgres', $statement);
	isnt($ret, 0, 'a URL is no pattern') if $statement =~ /special_set/;
	# psql repeats the statement; the server does not
	$said .= join("\n", grep { !/^(LINE|STATEMENT)/ } split /\n/, $err);
}
unlike($said, qr/s3cret/, 'errors do not repeat it');
like($said, qr/it is a URL/, 'but say what is wrong');
my $log = slurp_file($primary->logfile);
unlike($log, qr/s3cret/, 'nothing of it is in the server log');
like($log, qr/agent "bot" calling "get": deny, denylist_match/, 'which has the denials');

# ----- a hot standby
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my $decide = q{SELECT md5(string_agg((u, m, c.allowed, c.reason, c.detail, c.url, c.rule, c.revision)::text, '|' ORDER BY u, m)) FROM tries, agentcore.url_check('p', u, m) c};
is($standby->safe_psql('postgres', $decide), $primary->safe_psql('postgres', $decide), 'the standby decides alike');
is($standby->safe_psql('postgres', q{SELECT agentcore.url_allowed('p', 'https://a.ok.example/v1'), (agentcore.tool_check('p', 'x')).allowed, (agentcore.ip_check('p', '{1.1.1.1}')).allowed,
	(agentcore.ip_check('p', '{1.1.1.1,127.0.0.1}')).reason, (SELECT count(*) > 0 FROM agentcore.policy_explain('p', 'https://a.ok.example/v1'))}), 't|t|t|denylist_match|t', 'by every function');
foreach my $write ("policy_set('q')", "policy_allow('p', 'x.example')", "policy_deny('p', 'x.example')", "policy_allow_tool('p', 'x')", "policy_deny_tool('p', 'x')",
	"policy_rule_drop('p', 1)", "policy_drop('p')", "special_set('x.example', 'x')", "special_drop('x.example')")
{
	my ($ret, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT agentcore.$write");
	like($err, qr/25006/, "a standby refuses $write");
}

# a session that is inside a transaction there hears of a revocation here
my $session = $standby->background_psql('postgres');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
$session->query_safe('SELECT count(*) FROM pg_class');
sub ask { return $session->query_safe(q{SELECT agentcore.url_allowed('p', 'https://a.ok.example/v1')}); }
is(ask(), 't', 'allowed at first');
my $rule = $primary->safe_psql('postgres', q{SELECT agentcore.policy_deny('p', 'a.ok.example')});
$primary->wait_for_catchup($standby);
is(ask(), 'f', 'a revocation reaches an open transaction on the standby');
$session->query_safe('COMMIT');
$session->quit;

# ----- dump and restore: the same decisions
my $file = "$PostgreSQL::Test::Utils::tmp_check/allow.sql";
$primary->safe_psql('postgres', q{SELECT agentcore.special_set('198.51.99.0/24', 'ours'), agentcore.special_set('*.vault.example', 'ours'); SELECT agentcore.policy_set('gone'); SELECT agentcore.policy_drop('gone'); CREATE DATABASE target});
$primary->command_ok([ 'pg_dump', '-d', $primary->connstr('postgres'), '-f', $file ], 'pg_dump');
$primary->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr('target'), '-f', $file ], 'restore without an error');
$decide =~ s/, c\.revision//;
is($primary->safe_psql('target', $decide), $primary->safe_psql('postgres', $decide), 'the restored database decides alike');
is($primary->safe_psql('target', q{SELECT string_agg(reason, ' ') FROM unnest('{https://8.8.8.8.vault.example,https://198.51.99.1,https://169.254.169.254}'::text[]) AS u, agentcore.url_check('p', u)}),
	'denylist_match denylist_match denylist_match', 'with its own special entries and the shipped ones');
cmp_ok($primary->safe_psql('target', q{SELECT agentcore.policy_allow('p', 'new.example')}), '>', $rule, 'rule ids go on');
cmp_ok($primary->safe_psql('target', q{SELECT revision FROM agentcore.policies WHERE name = 'p'}), '>',
	$primary->safe_psql('postgres', q{SELECT revision FROM agentcore.policies WHERE name = 'p'}), 'so do revisions');

$standby->stop;
$primary->stop;
done_testing();
