import * as z from 'zod';
import { nearest } from '../../../core/suggest.ts';
import { size } from '../../../settings/fields.ts';
import type { Mount } from '../../../stack/types.ts';
import { regexText } from './edge-text.ts';

/** Detection rules of the OWASP CRS. 901 to 905 set it up, 949, 959 and 980 add the scores up: without those nothing is blocked. */
const DETECTION: readonly (readonly [first: number, last: number])[] = [
  [911_000, 948_999],
  [950_000, 958_999],
  // What ModSecurity itself says about a body that it cannot read.
  [200_002, 200_007],
];

const ATTACKS =
  'deprecated-header disclosure dos fixation generic injection-generic injection-java injection-nodejs injection-php ldap lfi multipart-header protocol rce reputation-crawler reputation-ip reputation-scanner reputation-scripting rfi sqli ssrf ssti xss'
    .split(' ')
    .map((kind) => `attack-${kind}`);
const OTHER_TAGS =
  /^((application|language|platform)-[\w-]+|(OWASP_CRS|OWASP_TOP_10|OWASP_AppSensor|WASCTC|PCI|capec|paranoia-level)(\/.*)?)$/;

/** Of a tag that no rule has, an exclusion would quietly do nothing. */
function tagProblem(tag: string): string | undefined {
  if (ATTACKS.includes(tag) || OTHER_TAGS.test(tag)) return undefined;
  const near = nearest(tag, ATTACKS);
  return `is no tag of the OWASP CRS; ${near ? `did you mean ${near}?` : 'it names kinds of attack, such as attack-sqli'}`;
}

const isDetection = (id: number): boolean => DETECTION.some(([first, last]) => id >= first && id <= last);

/** Why a rule cannot be left out; undefined where it can. */
function ruleProblem(rule: number | string): string | undefined {
  if (typeof rule === 'string') {
    if (!/^[A-Za-z][\w./-]{2,79}$/.test(rule)) return 'should be the number of a rule, such as 942100, or a tag, such as attack-sqli';
    return /^(OWASP_CRS|paranoia-level\/.*|(application|language|platform)-multi|anomaly-evaluation|attack-generic)$/.test(rule)
      ? 'stands for nearly all rules; choose one rule or one kind of attack, or set edge.waf.mode'
      : tagProblem(rule);
  }
  if (isDetection(rule)) return undefined;
  return /^(949|959|980)/.test(String(rule))
    ? 'only adds up what other rules found; leave out the rule that found it (medianest waf log names it)'
    : 'is no detection rule of the OWASP CRS (911000 to 956999)';
}

const rule = z.union([z.int(), z.string()], 'should be the number of a rule, such as 942100, or a tag').superRefine((value, context) => {
  const problem = ruleProblem(value);
  if (problem) context.addIssue({ code: 'custom', message: `${value} ${problem}`, input: value });
});

/** Parts of configuration lines: nothing but path characters, and the names that forms, JSON, cookies and headers use. */
const PATH = /^\/[\w.~/@+-]*$/;
const PARAMETER = /^(?:cookie:|header:)?[\w.-]{1,100}$/;

export const exclusionSchema = z.strictObject({
  rule: rule.describe('Number of the rule, or a tag such as attack-sqli'),
  path: z.string().max(200).regex(PATH, 'should be a path such as /api/requests').describe('For this path and all below it'),
  parameter: z
    .string()
    .regex(PARAMETER, 'should be the name of a field such as title, or cookie:NAME, or header:NAME')
    .optional()
    .describe('Only for this field of a query, a form or JSON; the rule still checks everything else'),
});

export type Exclusion = z.output<typeof exclusionSchema>;

const rules = z
  .strictObject({
    folder: z.string().min(1).optional().describe('Folder with the rules, as the OWASP CRS is released: crs-setup.conf.example, rules/'),
    archive: z.string().min(1).optional().describe('The same as .tar.gz: a file, or an https address; needs sha256'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'should be 64 hexadecimal digits')
      .optional()
      .describe('SHA-256 of the archive'),
    source: z
      .enum(['newest', 'debian'])
      .default('newest')
      .describe('Without folder and archive: `newest` is the release that `medianest waf rules fetch` has brought, or else Debian’s'),
    mirror: z
      .string()
      .max(500)
      .regex(/^https:\/\/[^\s"'\\]+$/, 'should be an https address')
      .optional()
      .describe('Where `medianest waf rules fetch` gets the release from, instead of github.com'),
  })
  .superRefine((value, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message, input: value });
    if (value.folder && value.archive) issue('archive', 'cannot be given together with folder');
    if (value.archive && !value.sha256) issue('sha256', 'is needed with archive: the checksum that its publisher tells');
    if (!value.archive && value.sha256) issue('sha256', 'belongs to an archive, and none is given');
    if (/^\w+:\/\//.test(value.archive ?? '') && !value.archive?.startsWith('https://'))
      issue('archive', 'should be a file or an https address');
  });

export const wafSettings = z.strictObject({
  mode: z.enum(['off', 'detect', 'block']).default('off').describe('`detect` only logs what `block` would refuse'),
  paranoia: z.int().min(1).max(4).default(1).describe('More rules, and more false positives, from 1 to 4'),
  anomalyThreshold: z.int().min(1).max(1000).default(5).describe('Score from which a request is refused; one critical rule counts 5'),
  allowedMethods: z
    .array(z.string().regex(/^[A-Z]{1,20}$/, 'should be a method such as PATCH'))
    .min(1)
    .default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    .describe('Any other method is refused'),
  bodyLimit: size('128k').describe(
    'Largest body that is looked at: reading one costs memory and time; `block` refuses larger ones outside edge.uploadPaths',
  ),
  exclusions: z.array(exclusionSchema).max(500).default([]).describe('Rules that are wrong about your application (medianest waf allow)'),
  rules: rules.prefault({}).describe('Which rules of the OWASP CRS'),
});

export type WafSettings = z.output<typeof wafSettings>;

/** Where the edge's container finds rules that are not Debian's. */
export const RULES_TARGET = '/run/waf-rules';

/** An operator's rules: a copy in the state folder. */
export interface RuleSet {
  /** Named by its contents, so that other rules are another configuration. */
  folder: string;
  /** The folder that it is in, relative to the state folder. */
  source: string;
  /** For people. */
  label: string;
  /** `4.28.0`; undefined where it is not known yet. */
  version: string | undefined;
  /** The operator's own choice. */
  own: boolean;
}

export const rulesMount = (found: RuleSet | undefined): Mount[] =>
  found ? [{ source: found.source, target: RULES_TARGET, kind: 'bind', readOnly: true }] : [];

/**
 * Where the reference portal takes free text, which it stores with parameters and shows as text. These rules take a word
 * or two for an attack: "../", "; cat", "& sort", "echo", "union ... select ... from". An application of the operator's own gets none of them.
 */
const FREE_TEXT = [
  ['/api/requests', 'title'],
  ['/api/requests', 'note'],
  ['/api/session', 'name'],
] as const;
const WORDY_RULES = [930_110, 932_100, 932_105, 932_110, 932_115, 932_150, 942_270];
export const PORTAL_EXCLUSIONS: readonly Exclusion[] = FREE_TEXT.flatMap(([path, parameter]) =>
  WORDY_RULES.map((which) => ({ rule: which, path, parameter })),
);

const DEBIAN = { setup: '/etc/modsecurity/crs/crs-setup.conf', folder: '/usr/share/modsecurity-crs' };

/** CRS says which types of body it can read; a JSON type that has its own name is read like JSON. */
const CONTENT_TYPES = [
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/xml',
  'application/xml',
  'application/soap+xml',
  'application/json',
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/vnd.api+json',
  'application/ld+json',
  'application/csp-report',
  'application/reports+json',
];

/** SecLang's own way to name what a rule looks at. */
function targets(parameter: string): string[] {
  const [, kind, name] = /^(?:(cookie|header):)?(.*)$/.exec(parameter) as unknown as [string, string | undefined, string];
  if (kind) return [`${kind === 'cookie' ? 'REQUEST_COOKIES' : 'REQUEST_HEADERS'}:${name}`];
  // The JSON reader puts `json.` before every field.
  return name.startsWith('json.') ? [`ARGS:${name}`] : [`ARGS:${name}`, `ARGS:json.${name}`];
}

/** One exclusion as a rule's condition and actions. */
export function exclusionRule({ rule: which, path, parameter }: Exclusion, index: number) {
  const by = typeof which === 'number' ? 'ById' : 'ByTag';
  const controls = parameter
    ? targets(parameter).map((target) => `ctl:ruleRemoveTarget${by}=${which};${target}`)
    : [`ctl:ruleRemove${by}=${which}`];
  return { id: 11_000 + index, pattern: `^${regexText(path.replace(/\/+$/, ''))}(?:/|$)`, controls: controls.join(',') };
}

/** What the edge's templates see of it. */
export function wafView(
  own: WafSettings,
  edge: { uploadPaths: readonly string[]; bodyLimit: number },
  found: RuleSet | undefined,
  shipped: readonly Exclusion[],
) {
  const folder = found ? `${RULES_TARGET}/${found.folder}` : DEBIAN.folder;
  const inspected = Math.min(own.bodyLimit, edge.bodyLimit);
  const uploadMethods = ['POST', 'PUT', 'PATCH'].filter((method) => own.allowedMethods.includes(method));
  return {
    waf: own.mode !== 'off',
    wafEngine: own.mode === 'block' ? 'On' : 'DetectionOnly',
    wafParanoia: own.paranoia,
    wafThreshold: own.anomalyThreshold,
    wafMethods: own.allowedMethods.join(' '),
    wafContentTypes: CONTENT_TYPES.map((type) => `|${type}|`).join(' '),
    // Above nginx's own limit, which is the one that clients meet; where nothing may be refused, the rest passes unseen.
    wafBodyBytes: inspected + 1,
    wafTooLarge: own.mode === 'block' ? 'Reject' : 'ProcessPartial',
    wafMaxBodyBytes: own.mode === 'block' ? inspected : edge.bodyLimit,
    wafExclusions: [...shipped, ...own.exclusions].map(exclusionRule),
    wafSetup: found ? `${folder}/crs-setup.conf` : DEBIAN.setup,
    wafRules: `${folder}/rules`,
    wafPlugins: found !== undefined,
    wafPluginsFolder: `${folder}/plugins`,
    wafSource: found ? found.label : 'of Debian',
    wafUploads: edge.uploadPaths.length > 0 && uploadMethods.length > 0,
    wafUploadPattern: `^(?:${uploadMethods.join('|')}) (?:${edge.uploadPaths.map((path) => regexText(path.replace(/\/+$/, ''))).join('|')})(?:/|$)`,
  };
}
