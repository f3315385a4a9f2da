#!/usr/bin/python3
"""Registers a corpus of real tools, judges real calls of them, and takes the
tools through every provider's format.

    AGENTCORE_SHARED=../shared test/conformance/corpus.py [-v]

Reads tools.jsonl (MCP tool definitions) and calls.jsonl of
$AGENTCORE_SHARED/corpus. Works in tenants of its own and rolls back. Counted:

- a tool: registered, or refused for the reason in REFUSED;
- a call: as its server judged it, or in DISAGREE; args_valid, args_validate and
  args_feedback agree;
- a guess: every URL argument without a format is guessed, and nothing else;
- a pair of formats: every tool that can be exported to one, imported, exported to
  the other and imported over the original is unchanged.

With -v every refused call is printed. The last line is "N passed, N failed".
"""
import collections
import json
import os
import pathlib
import re
import sys

import psycopg

# tool: what is wrong with its schema
REFUSED = {
    # "exclusiveMinimum": true is draft 4's, the schema says draft-07
    'pdf-reader-mcp/read_pdf': '"exclusiveMinimum" must be a number',
}

# calls that their servers judged otherwise
DISAGREE = {
    # the server does not know this tool, which its own list names
    ('4de2e9f7-f3ea-4d02-8532-0a1b0b530609', 0),
    # answered, though "lang": "en" is not in the enum of its schema, which has en_US
    ('5b2087e4-4c07-4e0d-9b2f-79514ce465f5', 0),
}

# the arguments that are URLs, by reading every definition, and have no format; the comment says where a URL is not all that they take
URLS = {
    'basic-memory/build_context /url',  # memory://, its own scheme
    'image-extractor/extract_image_from_url /url',
    'mcp-deepwiki/deepwiki_fetch /url',  # or the name of a repository
    'music-analysis/download_from_url /url', 'music-analysis/download_from_youtube /youtube_url',
    'npx_fetch/fetch_html /url', 'npx_fetch/fetch_json /url', 'npx_fetch/fetch_markdown /url', 'npx_fetch/fetch_txt /url',
    'playwright/playwright_delete /url', 'playwright/playwright_get /url', 'playwright/playwright_navigate /url', 'playwright/playwright_patch /url',
    'playwright/playwright_expect_response /url',  # a pattern of URLs
    'playwright/playwright_post /url', 'playwright/playwright_put /url',
    'ppt/manage_hyperlinks /url', 'puppeteer/puppeteer_navigate /url',
    'sitemap/get_sitemap_pages /sitemap_url', 'sitemap/get_sitemap_pages /url', 'sitemap/get_sitemap_stats /url', 'sitemap/get_sitemap_tree /url',
    'web3-research-mcp/fetch-content /url',  # or resource://
    'youtube-transcript/get_transcript /url',  # or the id of a video
}

# how servers say that arguments are wrong, or that there is no such tool; the last
# two are opgg-mcp's, which does not say more
SERVER_REFUSED = re.compile(
    r'Input validation error|Invalid arguments|validation errors? for|invalid_type|The selected .{1,40} is invalid'
    r'|Unknown tool|is not defined in the configuration|INTERNAL_ERROR')

FORMATS = ['openai_chat', 'openai_responses', 'anthropic', 'mcp', 'gemini', 'bedrock']


class Count:
    passed = 0
    failed = 0

    def check(self, good, what):
        self.passed += good
        self.failed += not good
        if not good:
            print('FAILED', what)


def lines(name):
    path = pathlib.Path(os.environ.get('AGENTCORE_SHARED', '../shared')) / 'corpus' / name
    if not path.is_file():
        sys.exit(f'NOT RUN: no corpus at {path}; set AGENTCORE_SHARED')
    return [json.loads(line) for line in path.read_text().splitlines()]


def register(conn, tools, count):
    for tool in tools:
        name = f'{tool["server"]}/{tool["name"]}'
        reason = None
        try:
            with conn.transaction():
                conn.execute('SELECT agentcore.tool_set(%s, %s::jsonb, %s, origin => \'\', tenant => %s)',
                             (name, json.dumps(tool['inputSchema']), tool['description'], 'corpus'))
        except psycopg.Error as error:
            reason = error.diag.message_primary
            print(f'refused: {name}: {reason}: {error.diag.message_detail}')
        count.check(REFUSED[name] in (reason or '') if name in REFUSED else reason is None, f'{name}: {reason}')


def judge(conn, call, count):
    """(valid, feedback); valid is None where there is no such tool."""
    name = f'{call["server"]}/{call["tool"]}'
    args = json.dumps(call.get('args') or {})
    try:
        with conn.transaction():
            valid, by_errors, feedback = conn.execute(
                "SELECT agentcore.args_valid(%(t)s, %(a)s::jsonb, 'corpus'),"
                " agentcore.args_validate(%(t)s, %(a)s::jsonb, 'corpus') = '[]',"
                " agentcore.args_feedback(%(t)s, %(a)s::jsonb, 'corpus')",
                {'t': name, 'a': args}).fetchone()
    except psycopg.errors.UndefinedObject as error:
        return None, error.diag.message_primary
    count.check(valid == by_errors == (feedback == ''), f'args_valid, args_validate and args_feedback disagree on {name} {args}')
    return valid, feedback


def judge_all(conn, calls, count):
    verdicts = collections.Counter()
    for call in calls:
        name = f'{call["server"]}/{call["tool"]}'
        valid, feedback = judge(conn, call, count)
        by_server = SERVER_REFUSED.search(str(call.get('result'))) is not None
        verdicts[valid, by_server] += 1
        agree = name in REFUSED or bool(valid) != by_server
        count.check(agree != ((call['task'], call['seq']) in DISAGREE),
                    f'{call["task"]} {call["seq"]} {name}: valid {valid}, refused by its server {by_server}')
        if '-v' in sys.argv and not valid:
            print(f'{feedback}\n')
    words = {True: 'valid', False: 'invalid', None: 'of no registered tool'}
    for (valid, by_server), number in sorted(verdicts.items(), key=str):
        print(f'{number:5} calls {words[valid]}{", refused by their server" if by_server else ""}')


def export(conn, tenant, form):
    """What can be written, and how many tools each rule keeps back."""
    rows = conn.execute('SELECT name, pg_temp.export(name, %s, tenant) FROM agentcore.tools WHERE tenant = %s', (form, tenant)).fetchall()
    return ({name: definition for name, definition in rows if isinstance(definition, dict)},
            collections.Counter(definition for _, definition in rows if isinstance(definition, str)))


def import_(conn, tenant, form, definitions):
    return conn.execute('SELECT name, action FROM agentcore.tool_import(%s::jsonb, %s, tenant => %s)',
                        (json.dumps(list(definitions.values())), form, tenant)).fetchall()


def round_trips(conn, count):
    """Names as providers take them, and schemas in the form that every provider takes, where there is one."""
    conn.execute("""CREATE FUNCTION pg_temp.export(tool text, format text, tenant text) RETURNS jsonb LANGUAGE plpgsql AS $$
                    DECLARE detail text;
                    BEGIN
                      RETURN agentcore.tool_export(tool, format, tenant => tenant);
                    EXCEPTION WHEN invalid_parameter_value THEN
                      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
                      RETURN to_jsonb(substring(detail FROM 'Rule (.*), as of'));
                    END $$""")
    conn.execute("SELECT agentcore.tool_set(replace(name, '/', '__'), input_schema, description, origin => '', tenant => 'plain')"
                 " FROM agentcore.tools WHERE tenant = 'corpus'")
    for form in 'mcp', 'openai_chat':
        import_(conn, 'named', form, export(conn, 'plain', form)[0])
    for first in FORMATS:
        written, kept_back = export(conn, 'named', first)
        if first == 'gemini':
            plain = sum('parametersJsonSchema' in definition for definition in written.values())
            print(f'{len(written) - plain:5} tools in Gemini\'s subset, {plain} as parametersJsonSchema')
        for rule, number in sorted(kept_back.items()):
            print(f'{number:5} tools are not exported as {first}: rule {rule}')
        import_(conn, f'copy {first}', first, written)
        for second in FORMATS:
            again, _ = export(conn, f'copy {first}', second)
            back = import_(conn, 'named', second, again)
            changed = [name for name, action in back if action != 'unchanged']
            count.check(len(back) == len(again) and not changed,
                        f'{first}, {second}: {len(back)} of {len(written)} tools, changed {changed[:5]}')


def guesses(conn, calls, count):
    """URLs that no format declares, and what judging them does to the recorded calls under a policy that allows every host."""
    guessed = {f'{name} {pointer}' for name, pointer in
               conn.execute("SELECT name, unnest(guessed) FROM agentcore.tools WHERE tenant = 'corpus'").fetchall()}
    print(f'{len(URLS & guessed):5} of {len(URLS)} URLs without a format are guessed; false guesses: {sorted(guessed - URLS)}')
    for argument in URLS | guessed:
        count.check(argument in URLS and argument in guessed, f'{argument}: {"not guessed" if argument in URLS else "guessed"}')
    conn.execute("SELECT agentcore.policy_set('all', schemes => '{http,https}', tenant => 'corpus'), agentcore.policy_allow('all', '*', tenant => 'corpus'),"
                 " agentcore.policy_allow_tool('all', '*', tenant => 'corpus'), agentcore.agent_set('all', 'all', tenant => 'corpus')")
    denied = collections.Counter()
    for strict in (False, True):
        conn.execute("SELECT agentcore.policy_set('all', strict_urls => %s, tenant => 'corpus')", (strict,))
        for call in calls:
            row = conn.execute("SELECT reason, detail FROM agentcore.call_explain('all', %s, %s::jsonb, tenant => 'corpus') WHERE stage = 'urls'",
                               (f'{call["server"]}/{call["tool"]}', json.dumps(call.get('args') or {}))).fetchone()
            if row and row[0]:
                denied[strict, f'{call["server"]}/{call["tool"]}: {row[0]} ({row[1]})'] += 1
    for (strict, what), number in sorted(denied.items()):
        print(f'{number:5} calls denied{" under strict_urls" if strict else ""}: {what}')


def lint(conn):
    for row in conn.execute("SELECT l.provider, l.effect, count(DISTINCT t.name) FROM agentcore.tools t,"
                            " agentcore.tool_lint(t.name, tenant => 'corpus') l"
                            " WHERE t.tenant = 'corpus' AND l.keyword IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"):
        print('{2:5} tools whose schema has something {1} by {0}'.format(*row))


def main():
    tools, calls = lines('tools.jsonl'), lines('calls.jsonl')
    count = Count()
    with psycopg.connect() as conn:
        register(conn, tools, count)
        judge_all(conn, calls, count)
        guesses(conn, calls, count)
        round_trips(conn, count)
        lint(conn)
        conn.rollback()
    print(f'{count.passed} passed, {count.failed} failed')
    return 1 if count.failed else 0


if __name__ == '__main__':
    sys.exit(main())
