# Rows of a document in place of the registry tables' (core/overlay.h; a build with
# TEST_POINTS=1, which alone has the functions that put an overlay on by itself): what
# this session judges by, what is never read from it, and when it ends.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', 'shared_preload_libraries = agentcore');
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

one(q{
CREATE EXTENSION agentcore;
CREATE FUNCTION overlay_begin(tenant text, rows jsonb) RETURNS void LANGUAGE C AS '$libdir/agentcore', 'agentcore_test_overlay_begin';
CREATE FUNCTION overlay_end() RETURNS void LANGUAGE C AS '$libdir/agentcore', 'agentcore_test_overlay_end';
CREATE FUNCTION document(relations jsonb, shared jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql
  AS $$SELECT jsonb_build_object('format', 1, 'tenant', '', 'relations', relations, 'shared', shared)$$;
CREATE FUNCTION rows_of(relation text, tenant text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE found jsonb;
BEGIN
  EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(t)), %L) FROM agentcore.%I t WHERE t.tenant = $1', '[]', relation) INTO found USING rows_of.tenant;
  RETURN found;
END $$;
CREATE FUNCTION asked(what text DEFAULT 't') RETURNS text LANGUAGE sql
  AS $$SELECT coalesce((SELECT verdict || ' ' || reason FROM agentcore.call_explain('bot', what, '{"url": "https://a.example/"}') WITH ORDINALITY
                          WHERE verdict = 'deny' ORDER BY ordinality LIMIT 1), 'run')$$;
SELECT agentcore.policy_set('p'), agentcore.policy_allow('p', 'a.example') > 0, agentcore.policy_allow_tool('p', '*') > 0;
SELECT agentcore.tool_set('t', '{"properties": {"url": {"type": "string", "format": "uri"}}}', url_args => '{/url}'), agentcore.agent_set('bot', 'p');
SELECT agentcore.tool_set('t', 'true', tenant => 'other'), agentcore.policy_set('p', tenant => 'other'), agentcore.agent_set('bot', 'p', tenant => 'other');
});

my $session = session($node);
my $bystander = session($node);
is(says($session, 'SELECT asked()'), 'run', 'as stored');

# what is covered, and what is not
sub overlaid
{
	my ($document, $sql) = @_;
	my $answer = says($session, "BEGIN; SELECT overlay_begin('', $document); $sql");
	says($session, 'ROLLBACK');
	return $answer =~ s/^\n//r;
}

is(overlaid(q{document('{}')}, 'SELECT asked()'), 'run', 'a table that is not named is read as it is');
like(overlaid(q{document('{"agent": []}')}, 'SELECT asked()'), qr/agent "bot" does not exist/, 'no agent is none');
is(says($session, 'SELECT asked()'), 'run', 'and is one again afterwards');
my $disabled = q{document(jsonb_build_object('tool', jsonb_set(rows_of('tool'), '{0,enabled}', 'false')))};
is(overlaid($disabled, 'SELECT asked()'), 'deny tool_disabled', 'the tool that the document has');
is(overlaid($disabled, q{SELECT count(*) FROM agentcore.call_explain('bot', 't', '{}', tenant => 'other') WHERE verdict = 'deny'}),
	'1', 'another tenant is read as it is');
is(overlaid($disabled, 'SELECT overlay_end(); SELECT asked()'), "\nrun", 'ended');
is(overlaid(q{document('{"policy_rule": []}')}, 'SELECT asked()'), 'deny not_in_allowlist', 'rules');
is(overlaid(q{document('{}', jsonb_build_object('special_name', '[{"tenant": "*", "pattern": "a.example", "name": "mine", "as_of": "2026-01-01"}]'::jsonb))}, 'SELECT asked()'),
	'run', 'a lifted special name of all tenants');
is(overlaid(q{document('{"special_name": [{"tenant": "", "pattern": "example", "name": "mine", "as_of": "2026-01-01"}]}')}, q{SELECT asked()}),
	'run', 'an entry above the rule is lifted by it');

# a document with the columns of an older version
is(overlaid(q{document(jsonb_build_object('policy', jsonb_build_array(rows_of('policy') -> 0 #- '{strict_urls}' #- '{tz}')))}, 'SELECT asked()'),
	'run', 'columns with a default may be missing');

# every index of a table: more rules than a compiled policy holds are looked up by their pattern
one(q{SELECT count(agentcore.policy_allow('p', format('h%s.example', i))) FROM generate_series(1, 3000) i});
my $moved = q{document(jsonb_build_object('policy_rule', (SELECT jsonb_agg(r || CASE WHEN r ->> 'pattern' = 'a.example' THEN '{"effect": "deny"}' ELSE '{}' END::jsonb) FROM jsonb_array_elements(rows_of('policy_rule')) r)))};
is(overlaid(q{document(jsonb_build_object('policy_rule', rows_of('policy_rule')))}, 'SELECT asked()'), 'run', 'a large policy');
is(overlaid($moved, 'SELECT asked()'), 'deny denylist_match', 'and one of its rules');
is(says($session, 'SELECT asked()'), 'run', 'as stored again');

# others see nothing of it
says($session, "BEGIN; SELECT overlay_begin('', $disabled)");
is(says($bystander, 'SELECT asked()'), 'run', 'another session');
one(q{SELECT agentcore.agent_set('bot', enabled => false)});
is(says($session, 'SELECT asked()'), 'deny agent_disabled', 'what others change is heard of where the table is read as it is');
one(q{SELECT agentcore.agent_set('bot', enabled => true), agentcore.tool_set('t', cache_ttl => '1 min')});
is(says($session, 'SELECT asked()'), 'deny tool_disabled', 'and where it is not, the document counts');
like(says($session, q{SELECT overlay_begin('', document('{}'))}), qr/another configuration is already being read/, 'not inside of another');
says($session, 'ROLLBACK');
is(says($session, 'SELECT asked()'), 'run', 'ROLLBACK ends it');

# its end
says($session, "BEGIN; SELECT overlay_begin('', $disabled); COMMIT");
is(says($session, 'SELECT asked()'), 'run', 'COMMIT ends it');
says($session, "BEGIN; SAVEPOINT a; SELECT overlay_begin('', $disabled); ROLLBACK TO a");
is(says($session, 'SELECT asked()'), 'run', 'and ROLLBACK TO');
says($session, "ROLLBACK; BEGIN; SAVEPOINT a; SELECT overlay_begin('', $disabled); RELEASE a; SAVEPOINT b; ROLLBACK TO b");
is(says($session, 'SELECT asked()'), 'deny tool_disabled', 'it outlives the subtransaction that was released, and others');
says($session, 'ROLLBACK');
says($session, "BEGIN; SAVEPOINT a; SAVEPOINT b; SELECT overlay_begin('', $disabled); RELEASE b; ROLLBACK TO a");
is(says($session, 'SELECT asked()'), 'run', 'and goes with the one that this became a part of');
says($session, 'ROLLBACK');
says($session, "SELECT overlay_begin('', document('{\"tool\": [{}]}'))");
is(says($session, 'SELECT asked()'), 'run', 'what was refused leaves nothing behind');

# what is refused
sub refused { my ($document, $expected, $name) = @_; like(overlaid($document, 'SELECT 1'), $expected, $name); return; }
refused(q{'[]'}, qr/It is no object/, 'no object');
refused(q{'{"tenant": ""}'}, qr/"format" is not 1/, 'no format');
refused(q{'{"format": 2, "tenant": ""}'}, qr/"format" is not 1/, 'another format');
refused(q{'{"format": 1, "tenant": "other"}'}, qr/names another tenant/, 'another tenant');
refused(q{document('[]')}, qr/"relations" is no object/, 'relations');
refused(q{document('{"tool": {}}')}, qr/A row of "tool" is no element of an array/, 'no array');
refused(q{document('{"tool": [1]}')}, qr/ERROR/, 'no row');
refused(qq{document('{"$_": []}')}, qr/No table that makes up a configuration is named "$_"/, "not $_") for qw(access permit pg_class nothing approval);
refused(q{document(jsonb_build_object('tool', rows_of('tool', 'other')))}, qr/A row of "tool" is another tenant's/, 'a row of another tenant');
refused(q{document(jsonb_build_object('tool', rows_of('tool') || rows_of('tool')))}, qr/A row of "tool" is there twice/, 'twice');
refused(q{document(jsonb_build_object('tool', jsonb_build_array(rows_of('tool') -> 0 #- '{input_schema}')))}, qr/A row of "tool" lacks "input_schema"/, 'a column that has no default');
refused(q{document(jsonb_build_object('agent', jsonb_set(rows_of('agent'), '{0,mode}', '"none"')))}, qr/A row of "agent" violates check constraint "agent_mode_check"/, 'a check');

# on a standby
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', "BEGIN; SELECT overlay_begin('', $disabled); SELECT asked(); COMMIT; SELECT asked()"),
	"\ndeny tool_disabled\nrun", 'a standby');

# what a configuration would be, resolved on the primary, and what it was
my $resolved = one(q{SELECT agentcore.config_resolve('{"tools": [{"name": "t", "enabled": false}]}')});
is($standby->safe_psql('postgres', "BEGIN; SELECT overlay_begin('', \$r\$$resolved\$r\$); SELECT asked(); COMMIT; SELECT asked()"),
	"\ndeny tool_disabled\nrun", 'a document that was resolved elsewhere');
is($standby->safe_psql('postgres', "BEGIN; SELECT overlay_begin('', agentcore.config_rows_at(agentcore.clock_now())); SELECT asked(); COMMIT"),
	"\nrun", 'the rows as of a time');
is($standby->safe_psql('postgres', 'SELECT agentcore.config_at(agentcore.clock_now()) = agentcore.config_export()'), 't', 'config_at() of a standby');
my ($status, $out, $err) = $standby->psql('postgres', q{SELECT agentcore.config_resolve('{}')});
like($err, qr/cannot be resolved on a standby.*HINT: .*config_resolve\(\) on the primary/s, 'nothing is resolved there');

leave($session, $bystander);
$standby->stop;
$node->stop;
done_testing();
