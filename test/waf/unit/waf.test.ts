import { describe, expect, it } from 'vitest';
import { exclusionRules, exclusionSchema, PORTAL_TEXT, wafSettings, wafView } from '../../../src/services/edge/settings/waf.ts';
import { addExclusions } from '../../../src/waf/add-exclusion.ts';
import { wafCollector } from '../../../src/waf/plan/waf-log.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const RULE = { rule: 942100, path: '/api/notes', parameter: 'text' };

describe('exclusions in settings', () => {
  it.each<[string, object, RegExp]>([
    ['a quote in the path', { rule: 942100, path: '/x"' }, /should be a path/],
    ['a line break in the path', { rule: 942100, path: '/x\nSecRuleEngine Off' }, /should be a path/],
    ['a path that is none', { rule: 942100, path: 'api' }, /should be a path/],
    ['an expression in the path', { rule: 942100, path: '/(.*)' }, /should be a path/],
    ['another action behind the parameter', { rule: 942100, path: '/x', parameter: 'a,ctl:ruleEngine=Off' }, /name of a field/],
    ['an expression as parameter', { rule: 942100, path: '/x', parameter: '/.*/' }, /name of a field/],
    ['a tag that ends its rule', { rule: "attack-sqli',nolog", path: '/x' }, /number of a rule/],
    ['a rule that adds scores up', { rule: 949110, path: '/x' }, /only adds up/],
    ['a rule that is none', { rule: 12, path: '/x' }, /no detection rule/],
    ['every rule at once', { rule: 'OWASP_CRS', path: '/x' }, /nearly all rules/],
  ])('refuse %s', (_case, exclusion, message) => {
    const { error } = exclusionSchema.safeParse(exclusion);
    expect(error?.issues.map((issue) => issue.message).join()).toMatch(message);
  });

  it('become rules with numbers of their own, for the path and all below it alone', () => {
    expect(
      exclusionRules([
        { rule: 942100, path: '/a.b/', parameter: 'text' },
        { rule: 'attack-xss', path: '/a', parameter: 'cookie:sid' },
        { rule: 930110, path: '/' },
      ]),
    ).toEqual([
      {
        id: 11_000,
        pattern: '^/a\\.b(?:/|$)',
        ofFields: true,
        controls: 'ctl:ruleRemoveTargetById=942100;ARGS:text,ctl:ruleRemoveTargetById=942100;ARGS:json.text',
      },
      { id: 11_001, pattern: '^/a(?:/|$)', ofFields: false, controls: 'ctl:ruleRemoveTargetByTag=attack-xss;REQUEST_COOKIES:sid' },
      { id: 11_002, pattern: '^(?:/|$)', ofFields: false, controls: 'ctl:ruleRemoveById=930110' },
    ]);
  });

  it('are one rule for each path, as every request is compared with every rule', () => {
    const two = [930110, 942100].map((rule) => ({ rule, path: '/a' }));
    expect(exclusionRules([...two, { rule: 941100, path: '/a/' }])).toEqual([
      {
        id: 11_000,
        pattern: '^/a(?:/|$)',
        ofFields: false,
        controls: [930110, 942100, 941100].map((id) => `ctl:ruleRemoveById=${id}`).join(','),
      },
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['an archive without its checksum', { archive: 'crs.tgz' }, /sha256|checksum/],
    ['a checksum without an archive', { sha256: 'a'.repeat(64) }, /belongs to an archive/],
    ['a folder and an archive', { folder: 'crs', archive: 'crs.tgz', sha256: 'a'.repeat(64) }, /together/],
    ['an archive over plain http', { archive: 'http://x/crs.tgz', sha256: 'a'.repeat(64) }, /https/],
  ])('refuse %s', (_case, rules, message) => {
    const { error } = wafSettings.safeParse({ rules });
    expect(error?.issues.map((issue) => issue.message).join()).toMatch(message);
  });
});

describe('the rendered edge', () => {
  const file = (settings: string, name: string) => {
    const { files } = rendered(stackOf(load({ file: settings, flags: { profile: 'dev-compose' } })));
    return files.find((entry) => entry.path === `edge/${name}`)?.contents ?? '';
  };

  it('has no WAF where it is off', () => {
    expect(file('edge: { waf: { mode: "off" } }', 'nginx.conf')).not.toMatch(/modsecurity|waf-server/);
  });

  it('has the portal’s own exclusions for the portal alone', () => {
    expect(file('edge: { waf: { mode: block } }', 'waf.conf')).toMatch(/ruleRemoveTargetById=932100;ARGS:json\.title/);
    expect(file('edge: { waf: { mode: block } }\napp: { image: my/app }', 'waf.conf')).not.toMatch(
      /ruleRemoveTargetById=\d+;ARGS:json\.(?:title|note)/,
    );
  });

  it('looks at no password of the sign-in, and at nothing less without one', () => {
    const signsIn = file('components: { sign-on: true }\nedge: { waf: { mode: block } }', 'waf.conf');
    expect(signsIn).toMatch(/"@rx \^\/auth\(\?:\/\|\$\)" .*ctl:ruleRemoveTargetByTag=OWASP_CRS;ARGS:password,.*;ARGS:confirmpassword,/);
    expect(file('edge: { waf: { mode: block } }', 'waf.conf')).not.toContain('/auth');
    expect(file('components: { sign-on: true }\nedge: { access: none, waf: { mode: block } }', 'waf.conf')).not.toContain('/auth');
  });

  it('has the exclusions that are for the major version of its rules, and counts on where there is more', () => {
    const three = file('edge: { waf: { mode: block } }', 'waf.conf');
    expect(three).toMatch(/ruleRemoveTargetById=932100;ARGS:json\.query/);
    expect(three).not.toMatch(/=932235/);
    expect(three).toMatch(/SecRule &TX:counts_10100 "@eq 0" "id:10101,phase:2,pass,nolog,t:none,ctl:ruleRemoveById=931100"/);
    const rules = { folder: 'x', source: './waf-rules', label: 'x', version: '4.28.0', own: false };
    const four = JSON.stringify(wafView(wafSettings.parse({}), { uploadPaths: [], bodyLimit: 1 }, rules, PORTAL_TEXT, false));
    expect(four).toMatch(/ruleRemoveTargetById=932235;ARGS:json\.query/);
    expect(four).not.toMatch(/=932105/);
    const numbers = [...three.matchAll(/"id:(\d+)/g)].map(([, id]) => id);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('takes the types of body that are set, and no others', () => {
    expect(file('edge: { waf: { mode: block, contentTypes: [application/json] } }', 'waf.conf')).toContain(
      "tx.allowed_request_content_type=|application/json|'",
    );
  });

  it('looks at what the cache does not have', () => {
    const text = file('components: { cdn: true }\nedge: { waf: { mode: block } }', 'cdn.conf');
    expect(text).toMatch(/listen 127\.0\.0\.1:8082;[^}]*modsecurity on;/);
    expect(file('components: { cdn: true }', 'cdn.conf')).not.toMatch(/modsecurity/);
  });

  it('only logs in `detect`, refuses no size there, and takes what was set', () => {
    const settings = 'edge: { waf: { mode: detect, paranoia: 3, anomalyThreshold: 9, allowedMethods: [GET] }, bodyLimit: 2m }';
    const text = file(settings, 'waf.conf');
    expect(text).toContain('SecRuleEngine DetectionOnly');
    expect(text).toContain('SecRequestBodyLimitAction ProcessPartial');
    expect(text).toMatch(/tx\.paranoia_level=3,.*tx\.blocking_paranoia_level=3,.*threshold=9,setvar:'tx\.allowed_methods=GET'/);
    expect(file(settings, 'waf-server.conf')).toContain(`client_max_body_size ${2 * 1024 ** 2};`);
  });

  it('refuses in `block` what is too large to be looked at', () => {
    const settings = 'edge: { waf: { mode: block, bodyLimit: 64k } }';
    expect(file(settings, 'waf-server.conf')).toContain(`client_max_body_size ${64 * 1024};`);
    expect(file(settings, 'waf.conf')).toContain(
      `SecRequestBodyLimit ${64 * 1024 + 1}\nSecRequestBodyNoFilesLimit ${64 * 1024 + 1}\nSecRequestBodyLimitAction Reject`,
    );
  });
});

describe('medianest.yml with another exclusion', () => {
  it.each<[string, string, string]>([
    ['nothing', '', 'edge:\n  waf:\n    exclusions:\n      - { rule: 942100, path: /api/notes, parameter: text }\n'],
    [
      'other settings, oddly laid out',
      '# mine\napp:   {  replicas: 2 }   # two\n',
      '# mine\napp:   {  replicas: 2 }   # two\nedge:\n  waf:\n    exclusions:\n      - { rule: 942100, path: /api/notes, parameter: text }\n',
    ],
    [
      'an edge before something else',
      'edge:\n    hsts: true # yes\n\n# the app\napp: { replicas: 2 }\n',
      'edge:\n    hsts: true # yes\n    waf:\n      exclusions:\n        - { rule: 942100, path: /api/notes, parameter: text }\n\n# the app\napp: { replicas: 2 }\n',
    ],
    [
      'a list',
      'edge:\n  waf:\n    mode: block\n    exclusions:\n    # old\n    - {rule: 1,   path: /a} # why\n  hsts: true',
      'edge:\n  waf:\n    mode: block\n    exclusions:\n    # old\n    - {rule: 1,   path: /a} # why\n    - { rule: 942100, path: /api/notes, parameter: text }\n  hsts: true',
    ],
    [
      'braces',
      'edge: {waf: {mode: block}} # all\napp:   {  replicas: 2 }\n',
      'edge: { waf: { mode: block, exclusions: [ { rule: 942100, path: /api/notes, parameter: text } ] } } # all\napp:   {  replicas: 2 }\n',
    ],
    [
      'a key without a value',
      'edge:\n# end\n',
      'edge:\n  waf:\n    exclusions:\n      - { rule: 942100, path: /api/notes, parameter: text }\n# end\n',
    ],
  ])('keeps %s', (_case, before, after) => {
    expect(addExclusions(before, [RULE])).toBe(after);
  });

  it('refuses to write where an alias would carry it elsewhere', () => {
    expect(() => addExclusions('x: &x { hsts: true }\nedge: *x\n', [RULE])).toThrow(/edge is an alias/);
  });
});

describe('the WAF’s log', () => {
  const audit = (id: string, data: string, more: object = {}) =>
    JSON.stringify({
      transaction: {
        client_ip: '10.0.0.9',
        time_stamp: 'Mon Nov 23 12:32:59 2026',
        unique_id: id,
        request: { method: 'GET', uri: '/api/x?token=hidden' },
        response: { http_code: 403 },
        producer: { secrules_engine: 'Enabled' },
        messages: [
          { message: 'SQL', details: { ruleId: '942100', match: 'detected SQLi using libinjection.', data } },
          { message: 'Score', details: { ruleId: '949110', match: '', data: '' } },
        ],
        ...more,
      },
    });
  const access = (id: string, status: number) =>
    JSON.stringify({ requestId: id, time: '2026-11-23T12:32:59+00:00', client: '192.0.2.7', method: 'POST', path: '/api/x', status });
  const entriesOf = (...lines: string[]) => {
    const collector = wafCollector();
    for (const line of lines) collector.add(line);
    return collector.entries();
  };

  it('tells rule, part and words, but neither the query nor the whole value', () => {
    const entries = entriesOf(audit('id-1', 'Matched Data: s&sos found within ARGS:json.q: my secret words'), access('id-1', 403));
    expect(entries).toEqual([
      {
        time: '2026-11-23T12:32:59.000Z',
        client: '192.0.2.7',
        method: 'POST',
        path: '/api/x',
        blocked: true,
        requestId: 'id-1',
        matches: [{ rule: 942100, message: 'SQL', part: 'ARGS:json.q', found: 's&sos' }],
      },
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/hidden|secret/);
  });

  it('tells apart what was blocked, what was only detected and what stayed below the threshold', () => {
    const detect = { producer: { secrules_engine: 'DetectionOnly' }, response: { http_code: 200 } };
    const below = { messages: [{ message: 'm', details: { ruleId: '920220', match: '', data: 'x' } }], response: { http_code: 403 } };
    const entries = entriesOf(audit('a', 'x'), audit('b', 'x', detect), audit('c', 'x', below), access('c', 403));
    expect(entries.map(({ requestId, blocked }) => [requestId, blocked])).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
  });

  it('takes a request once, and no line that is no line of the WAF', () => {
    expect(
      entriesOf('', '{', 'null', '{"transaction":{}}', 'nginx: [notice]', audit('a', 'x'), audit('a', 'x'), access('z', 200)),
    ).toHaveLength(1);
  });
});
