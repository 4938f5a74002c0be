/** The release of the OWASP CRS that this version of medianest was tested with, and fetches. */
export interface CrsRelease {
  version: string;
  /** The commit of its tag; archives of GitHub carry it in their first header. */
  commit: string;
  released: string;
  address: string;
  /** Of that archive, and the key of its publisher: both may be missing at a mirror. */
  signature: string;
  key: string;
  /** Of the key: it is on the publisher's pages and in the documents of the release. */
  fingerprint: string;
  /** SHA-256 over the files that are taken from it: GitHub builds the archive again now and then, with another checksum. */
  digest: string;
}

export const CRS: CrsRelease = {
  version: '4.28.0',
  commit: '55b09f5acfd16413e7b31041100711ceb7adc89c',
  released: '2026-07-02',
  address: 'https://github.com/coreruleset/coreruleset/archive/refs/tags/v4.28.0.tar.gz',
  signature: 'https://github.com/coreruleset/coreruleset/releases/download/v4.28.0/coreruleset-4.28.0.tar.gz.asc',
  key: 'https://coreruleset.org/security.asc',
  fingerprint: '36006F0E0BA167832158821138EEACA1AB8A6E72',
  digest: '9e6bdb4c2fdd709f41b9b574d8c310d71f1c907da042488d7c98de8fa310e8b7',
};

/** The rules that the WAF reads. */
export interface RulesInUse {
  version: string | undefined;
  from: string;
  /** The operator's own choice: a folder or an archive, or Debian's for good. */
  chosen: boolean;
  /** When they were released or packaged, where that is known. */
  since: Date | undefined;
}

const numbers = (version: string): number[] => version.split('.').map((part) => Number.parseInt(part, 10) || 0);

export function isOlder(version: string, other: string): boolean {
  const [a, b] = [numbers(version), numbers(other)];
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find((i) => (a[i] ?? 0) !== (b[i] ?? 0));
  return at !== undefined && (a[at] ?? 0) < (b[at] ?? 0);
}

/** `41 days`, `5 months`. */
function ageOf(since: Date, now: Date): string {
  const days = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 86_400_000));
  return days < 60 ? `${days} days` : `${Math.floor(days / 30.44)} months`;
}

/** What would be newer than these rules, and how to have it; undefined where nothing is known to be. */
export function newerThan({ version, chosen }: RulesInUse, release: CrsRelease = CRS): { version: string; remedy: string } | undefined {
  if (version === undefined || !isOlder(version, release.version)) return undefined;
  const remedy = 'medianest waf rules fetch, then medianest up';
  return { version: release.version, remedy: chosen ? `leave edge.waf.rules out, then ${remedy}` : remedy };
}

/** For `status` and `health`. */
export function rulesText(rules: RulesInUse, now: Date): string {
  const age = rules.since ? `, ${ageOf(rules.since, now)} old` : '';
  const newer = newerThan(rules);
  return `OWASP CRS ${rules.version ?? 'unknown'} (${rules.from}${age})${newer ? `; ${newer.version} is newer: ${newer.remedy}` : ''}`;
}

/** What `init`, `up` and `update` say where Debian's rules serve and no setting chose them. */
export const OFFER = `The WAF reads Debian’s OWASP CRS 3.3: \`medianest waf rules fetch\` brings ${CRS.version}, which knows more attacks.`;
