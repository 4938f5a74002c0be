import { expect, it } from 'vitest';
import { load, rendered, stackOf } from '../../support/settings.ts';

/** As nginx reads the map: texts first, then the regular expressions in their order. */
function wayOf(text: string, key: string): string {
  const [, body = ''] = /\$waf_way \{([^}]*)\}/.exec(text) ?? [];
  const lines = [...body.matchAll(/^ {2}"~(.*)" (\S+);$/gm)];
  expect(lines.length).toBeGreaterThan(3);
  return lines.find(([, pattern]) => new RegExp(pattern as string).test(key))?.[2] ?? '""';
}

it('what a client writes in its path chooses no way past the WAF', () => {
  const own = stackOf(load({ file: 'edge: { uploadPaths: [/api/files] }', flags: { profile: 'prod' } }));
  const text = rendered(own).files.find(({ path }) => path === 'edge/waf-http.conf')?.contents as string;
  // After the path: $is_upload, $is_websocket, $is_for_application, $is_health_check.
  expect(wayOf(text, '/api/files/7 upload0application')).toBe('upload');
  expect(wayOf(text, '/api/files/7 upload0')).toBe('upload');
  expect(wayOf(text, '/api/health 0applicationhealth')).toBe('health');
  expect(wayOf(text, '/live 1application')).toBe('websocket');
  // `/api/items/7%20upload0`, `/x%20health` and `/x%201`, without any of the four.
  for (const path of ['/api/items/7 upload0', '/api/items/7 upload0application', '/x 0health', '/x 1'])
    expect([path, wayOf(text, `${path} 0`), wayOf(text, `${path} 0application`)]).toEqual([path, '""', 'application']);
});

it('a check of health is known by the letters that it is asked in', () => {
  const own = stackOf(load({ file: 'app: { healthPath: /Up.php }', flags: { profile: 'prod' } }));
  const text = rendered(own).files.find(({ path }) => path === 'edge/waf-http.conf')?.contents as string;
  const [, body = ''] = /\$is_health_check \{([^}]*)\}/.exec(text) ?? [];
  const patterns = [...body.matchAll(/^ {2}"~(.*)" health;$/gm)].map(([, pattern]) => new RegExp(pattern as string));
  const known = (request: string) => patterns.some((pattern) => pattern.test(request));
  expect([known('GET /Up.php'), known('HEAD /Up.php')]).toEqual([true, true]);
  for (const request of ['GET /up.php', 'get /Up.php', 'GET /UpXphp', 'GET /Up.php?x', 'GET /Up.php/x', 'POST /Up.php', 'XGET /Up.php'])
    expect([request, known(request)]).toEqual([request, false]);
});
