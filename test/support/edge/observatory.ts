/**
 * The score of an answer's headers by the published rules of Mozilla's HTTP Observatory (tests and scoring, 2024): from
 * 100, penalties first; bonuses count only where 90 or more are left. Redirection, SRI and cookies that are not there score 0.
 */
export function observatoryScore(headers: Record<string, string | undefined>): { score: number; findings: Record<string, number> } {
  const policy = directives(headers['content-security-policy']);
  const findings: Record<string, number> = {
    csp: contentPolicy(policy),
    cookies: cookies(headers['set-cookie']),
    cors: headers['access-control-allow-origin'] === undefined || headers['access-control-allow-credentials'] === undefined ? 0 : -50,
    referrer: referrer(headers['referrer-policy']),
    hsts: transport(headers['strict-transport-security']),
    contentType: headers['x-content-type-options'] === 'nosniff' ? 0 : -5,
    frames: frames(headers['x-frame-options'], policy),
    resources: /^same-(origin|site)$/.test(headers['cross-origin-resource-policy'] ?? '') ? 10 : 0,
  };
  const values = Object.values(findings);
  const base = 100 + values.filter((value) => value < 0).reduce((a, b) => a + b, 0);
  const bonus = values.filter((value) => value > 0).reduce((a, b) => a + b, 0);
  return { score: Math.max(0, base >= 90 ? base + bonus : base), findings };
}

type Policy = Map<string, string[]> | undefined;

const directives = (text: string | undefined): Policy =>
  text === undefined
    ? undefined
    : new Map(
        text
          .split(';')
          .map((part) => part.trim().toLowerCase().split(/\s+/))
          .filter(([name]) => name)
          .map(([name = '', ...sources]) => [name, sources]),
      );

function contentPolicy(policy: Policy): number {
  if (!policy) return -25;
  const sources = (name: string) => policy.get(name) ?? policy.get('default-src');
  const [scripts, styles, objects] = [sources('script-src'), sources('style-src'), sources('object-src')];
  const loose = (list: string[] | undefined) =>
    !list || list.some((source) => ['*', 'https:', 'http:', 'data:', "'unsafe-inline'"].includes(source));
  if (loose(scripts) || loose(objects)) return -20;
  if ([...policy.values()].flat().some((source) => source.startsWith('http:'))) return -20;
  if (scripts?.includes("'unsafe-eval'")) return -10;
  if (loose(styles)) return 0;
  return policy.get('default-src')?.join() === "'none'" ? 10 : 5;
}

function cookies(text: string | undefined): number {
  if (!text) return 0;
  if (!/;\s*secure/i.test(text)) return -40;
  if (!/;\s*httponly/i.test(text)) return -30;
  return /;\s*samesite=(lax|strict)/i.test(text) ? 5 : 0;
}

function referrer(text: string | undefined): number {
  if (text === undefined) return 0;
  return /^(no-referrer|same-origin|strict-origin|strict-origin-when-cross-origin)$/.test(text) ? 5 : -5;
}

function transport(text: string | undefined): number {
  const age = Number(/max-age=(\d+)/.exec(text ?? '')?.[1] ?? -1);
  if (age < 0) return -20;
  return age >= 15_552_000 ? 0 : -10;
}

function frames(text: string | undefined, policy: Policy): number {
  if (policy?.has('frame-ancestors')) return 5;
  return /^(deny|sameorigin)$/i.test(text ?? '') ? 0 : -20;
}
