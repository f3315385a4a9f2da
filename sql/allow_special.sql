-- Names that are special without an address of their own, and names that spell one.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore;
\pset format unaligned
\pset tuples_only on

SELECT policy_set('all', schemes => '{http,https}'), policy_allow('all', '*') > 0;
CREATE FUNCTION pg_temp.ask(policy text, hosts text[]) RETURNS TABLE (host text, answer text) LANGUAGE sql AS $$
  SELECT h, CASE WHEN c.allowed THEN 'allowed' ELSE c.reason || ' (' || c.detail || ')' END FROM unnest(hosts) h, url_check(policy, 'http://' || h || '/') c $$;

-- names of one's own network: the top, below it, in any case, with a dot at the end; what only ends like them is public
SELECT * FROM pg_temp.ask('all', '{kubernetes.default.svc,db.prod.svc.cluster.local,a.svc,nas.home.arpa,home.arpa,router.lan,HQ.Corp.,wiki.intranet,x.internal,box.home,x.private,localhost.localdomain,printer.local}');
SELECT * FROM pg_temp.ask('all', '{corp.example.com,lan.example.com,mycorp.com,svc.example.com,home.arpa.example,arpa.example,planlan.com,nip.io.example.com,localtest.me.example.com,notlvh.me,mynip.io}');
-- loopback under a public name
SELECT * FROM pg_temp.ask('all', '{localtest.me,a.localtest.me,app.lvh.me,x.vcap.me,x.lacolhost.com,x.fuf.me,x.127-0-0-1.org.uk,a.b.ddev.site,x.lndo.site,x.127.ca}');

-- the address in a name is judged: dots, dashes, hexadecimal; in front, in the middle, behind other words
SELECT * FROM pg_temp.ask('all', '{127.0.0.1.nip.io,app.10.8.0.1.nip.io,192-168-1-250.nip.io,app-192-168-1-250.nip.io,0a000803.nip.io,app-c0a801fc.nip.io,7F000101.NIP.IO,0x7f000001.nip.io,customer3-app-7f000101.nip.io,169.254.169.254.nip.io,169-254-169-254.sslip.io,a9fea9fe.sslip.io,www.192.168.0.1.sslip.io,www-192-168-0-1.sslip.io,10.0.0.1.www.sslip.io,10.0.0.1.xip.io,www.10.0.0.1.traefik.me,x-10-0-0-1.traefik.me,10-0-0-1.my.local-ip.co,7f000001.08080808.rbndr.us,08080808.7f000001.rbndr.us,make-8.8.8.8-rebind-127.0.0.1-rr.1u.ms,100-100-100-200.nip.io,168.63.129.16.nip.io}');
-- IPv6 with dashes, as sslip.io reads it: the leftmost and longest, and what it carries
SELECT * FROM pg_temp.ask('all', '{--1.sslip.io,www---1.sslip.io,fe80--1.sslip.io,fd00-ec2--254.sslip.io,fd00-0-0-0-0-0-0-1.nip.io,--ffff-7f00-1.sslip.io,--ffff-127.0.0.1.sslip.io,64-ff9b--7f00-1.sslip.io,2002-7f00-1--.sslip.io,2001-db8--1.sslip.io,fd000ec2000000000000000000000254.sslip.io}');
-- public addresses are public there too
SELECT * FROM pg_temp.ask('all', '{8.8.8.8.nip.io,8-8-8-8.nip.io,app-08080808.nip.io,www.93.184.216.34.sslip.io,2607-f8b0-400a-800--200e.sslip.io,www-2a01-4f8-c17-b8f--2.sslip.io,8.8.8.8.xip.io,a-8-8-8-8.traefik.me,08080808.01010101.rbndr.us}');
-- what spells no address resolves to what nobody knows: the name itself is judged
SELECT * FROM pg_temp.ask('all', ARRAY['nip.io', 'www.nip.io', 'traefik.me', 'app.traefik.me', '2130706433.nip.io', '256.1.1.1.nip.io', '1.2.3.nip.io', '7f00001.nip.io', 'www--1.sslip.io', repeat('10.0.0.1.', 20) || 'nip.io']);

-- a rule that names the host or its suffix lifts, '*' does not; the rule for the address does too, if another allows the host
SELECT policy_set('some', schemes => '{http,https}'), policy_allow('some', '*.corp') > 0 AS corp, policy_allow('some', 'nas.home.arpa') > 0 AS arpa, policy_allow('some', '*.dev.10.0.0.1.nip.io') > 0 AS nip, policy_allow('some', '*.lvh.me', ports => '{8080}') > 0 AS lvh, policy_allow('some', '*.sslip.io', methods => '{POST}') > 0 AS sslip, policy_allow('some', '*') > 0;
SELECT * FROM pg_temp.ask('some', '{wiki.corp,corp,nas.home.arpa,other.home.arpa,a.dev.10.0.0.1.nip.io,dev.10.0.0.1.nip.io,a.10.0.0.1.nip.io,a.lvh.me,a.lvh.me:8080,10.0.0.1.sslip.io}');
SELECT allowed, reason FROM url_check('some', 'http://10.0.0.1.sslip.io/', 'POST');
SELECT policy_set('lab', schemes => '{http,https}'), policy_allow('lab', '*') > 0, policy_allow('lab', '10.0.0.0/8') > 0, policy_deny('lab', '8.8.4.0/24') > 0;
SELECT * FROM pg_temp.ask('lab', '{10.0.0.1.nip.io,192.168.0.1.nip.io,8.8.4.4.nip.io,8.8.8.8.nip.io}');
-- a rule for an address alone allows no name; a deny wins over the name's rule
SELECT policy_set('net', schemes => '{http,https}'), policy_allow('net', '8.8.8.0/24') > 0, policy_allow('net', '*.nip.io') > 0, policy_deny('net', '10.9.0.0/16') > 0;
SELECT * FROM pg_temp.ask('net', '{8.8.8.8.sslip.io,8.8.8.8.nip.io,10.0.0.1.nip.io,10.9.0.1.nip.io}');

-- a large policy answers alike
SET agentcore.policy_cache_max_rules = 0;
SELECT policy_set('large', schemes => '{http,https}'), policy_allow('large', '*') > 0, policy_allow('large', '10.0.0.0/8') > 0, policy_deny('large', '8.8.4.0/24') > 0, policy_allow('large', '*.corp') > 0, policy_allow('large', '*.a.sslip.io') > 0;
SELECT * FROM pg_temp.ask('large', '{10.0.0.1.nip.io,192.168.0.1.nip.io,8.8.4.4.nip.io,8.8.8.8.nip.io,x.nip.io,wiki.corp,wiki.lan,192.168.0.1.a.sslip.io,--1.sslip.io,192.168.0.1,8.8.4.4}');
RESET agentcore.policy_cache_max_rules;

-- explained, simulated, and as a place without a URL
SELECT rule IS NOT NULL AS own, effect, pattern, matched, why FROM policy_explain('lab', 'http://10.0.0.1.nip.io/');
SELECT effect, pattern, matched, why FROM policy_explain('all', 'http://wiki.corp/') WHERE matched;
SELECT tool_set('ping', '{"properties": {"host": {"format": "hostname"}}}', dialect => '2020-12'), policy_allow_tool('all', '*') > 0, agent_set('bot', 'all');
SELECT h, verdict, detail FROM unnest('{127-0-0-1.nip.io,8.8.8.8.nip.io,a.lvh.me,example.com}'::text[]) h, call_begin('bot', 'ping', jsonb_build_object('host', h));

-- one's own service of this kind
SELECT special_set('*.dev.example.com', 'our wildcard', embeds => true);
SELECT * FROM pg_temp.ask('all', '{10-0-0-1.dev.example.com,8-8-8-8.dev.example.com,x.dev.example.com}');
SELECT special_set('*.dev.example.com', embeds => true) AS same, special_set('*.dev.example.com', reset => '{embeds}') AS plain;
SELECT * FROM pg_temp.ask('all', '{8-8-8-8.dev.example.com}');
SELECT pattern, name, source, shipped, embeds FROM special_entries WHERE NOT shipped;
SELECT special_set('10.1.0.0/16', 'lab', embeds => true);
SELECT special_drop('*.dev.example.com');
SELECT pattern, source FROM special_entries WHERE embeds ORDER BY pattern;

-- a star over a name that no registry hands out is no star over a public suffix
SELECT policy_allow('net', p) > 0 FROM unnest('{*.lan,*.internal,*.svc,*.home.arpa,*.local}'::text[]) p;
SELECT policy_allow('net', '*.nosuchtld');
