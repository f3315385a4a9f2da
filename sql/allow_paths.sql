-- Paths that servers read differently, against rules with a path: what a lenient
-- server could take for a path that is denied is refused, and says ambiguous_path.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore;
\pset format unaligned
\pset tuples_only on

SELECT policy_set('p'), policy_allow('p', 'a.com') > 0, policy_deny('p', 'a.com', path_prefix => '/private') > 0, policy_deny('p', 'a.com', path_prefix => '/Program%20Files/x') > 0,
       policy_deny('p', 'a.com', '{POST}', path_prefix => '/form') > 0, policy_allow('p', 'open.com') > 0, policy_allow('p', 'v1.com', path_prefix => '/v1') > 0;

-- each of these is /private to some server
SELECT v.path, c.reason, c.detail FROM (VALUES
  ('/private'), ('/private/x'), ('/%70rivate'), ('/x/../private'), ('/x/%2e%2e/private'), ('/./private'), ('/%2e/private'),
  ('/private;x'), ('/private;jsessionid=1/x'), ('/private%3bx'), ('/private;'), ('/;x/private'), ('/x/..;/private'), ('/x/..;a=b/private'), ('/x/..%3b/private'),
  ('/private.'), ('/private...'), ('/private%2e'), ('/private./x'), ('/private%20'), ('/private%20%20'), ('/private.%20.'), ('/private%20/x'),
  ('/private::$DATA'), ('/private:stream'), ('/private::$INDEX_ALLOCATION/x'), ('/private%3a$i30:x'),
  ('/PRIVATE'), ('/Private/x'), ('/%50RIVATE.;x'), ('/privat~1'), ('/PRIV~1/x'), ('/pr~9'),
  ('//private'), ('/private//x'), ('/%2fprivate'), ('/x%2f..%2fprivate'), ('/x%5c..%5cprivate'), ('/%5cprivate'),
  ('/private%00'), ('/private%00.png'), ('/private%0a'), ('/private%09'), ('/private%7f'), ('/private%23x'), ('/private%3fx'), ('/private%253b'), ('/%2570rivate'),
  ('/x/...;/private'), ('/.../private'), ('/x/.. /private'), ('/x/..%20/private'), ('/x/.%20./private'), ('/x/%20../private'), ('/%20/private'),
  ('/%c0%afprivate'), ('/%c1%9cprivate'), ('/%e0%80%afprivate'), ('/%f0%80%80%afprivate'), ('/%fc%80%80%80%80%afprivate'), ('/%ff'),
  (U&'/\FF0Fprivate'), (U&'/x\FF0F..\FF0Fprivate'), (U&'/x\FF3C..\FF3Cprivate'), (U&'/x\2215..\2215private'), (U&'/x\2044..\2044private'), ('/%ef%bc%8fprivate'),
  (U&'/\FF50rivate'), (U&'/\FF30\FF32IVATE'), (U&'/private\FF0E'), (U&'/x/\FF0E\FF0E/private'), (U&'/private\FF1Bx'), ('/%ef%bd%90rivate'),
  ('/program%20files/x'), ('/PROGRA~1/x'), ('/Program%20Files%20/x')) v (path), url_check('p', 'https://a.com' || v.path) c;

-- and none of these: more than the name, less, a parameter elsewhere, a rule for another method
SELECT v.path, c.reason, c.detail FROM (VALUES
  ('/'), ('/public;x'), ('/public.'), ('/public%20'), ('/privat'), ('/privates'), ('/private-x'), ('/private.json'), ('/private_'), ('/x/private'), ('/x;y/private'), ('/x/PRIVATE'), ('/x//../private'),
  ('/~1'), ('/~private'), ('/p~x'), ('/q~1'), ('/.private'), ('/.well-known/x'), ('/?private'), ('/x?/private;x'), ('/v1/x:cancel'), ('/%e9'), (U&'/\00E9t\00E9'), (U&'/\4E2D\6587'), ('/%f0%9f%98%80'), ('/%e2%88%96'),
  ('/FORM'), ('/form;x')) v (path), url_check('p', 'https://a.com' || v.path) c;
SELECT v.path, v.method, c.reason, c.detail FROM (VALUES ('/FORM', 'POST'), ('/form;x', 'POST'), ('/form', 'POST'), ('/form', 'GET')) v (path, method), url_check('p', 'https://a.com' || v.path, v.method) c;

-- where no rule has a path, none is too ambiguous
SELECT count(*), count(c.reason) FROM (VALUES ('/private;x'), ('//x'), ('/%00'), ('/...'), ('/%ff'), ('/x:y')) v (path), url_check('p', 'https://open.com' || v.path) c;

-- an allow rule with a path: it stays beneath for every server, or is refused
SELECT v.path, c.reason, c.detail FROM (VALUES ('/v1/a;b'), ('/v1/a.'), ('/v1/a%20'), ('/v1/a:b'), ('/v1/PRIVATE'), ('/v1/~1'), ('/v1;x/y'), ('/v1./y'), ('/V1/y'), ('/v1/..%20/x'), ('/v1/.../x'), ('/v1/;/x'), ('/v1/%20/x'), (U&'/v1/..\FF0Fx')) v (path),
  url_check('p', 'https://v1.com' || v.path) c;

-- a rule cannot be written with such a path
SELECT policy_deny('p', 'a.com', path_prefix => '/x/.../y');
SELECT policy_allow('p', 'a.com', path_prefix => U&'/x\FF0Fy');
SELECT matched, why FROM policy_explain('p', 'https://a.com/Private;x') WHERE effect = 'deny' ORDER BY rule;
