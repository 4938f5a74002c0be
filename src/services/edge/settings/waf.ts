import * as z from 'zod';
import { nearest } from '../../../core/suggest.ts';
import { size } from '../../../settings/fields.ts';
import type { Mount } from '../../../stack/types.ts';
import { regexText } from './edge-text.ts';
import { OWN_RULES } from './waf-own-rules.ts';
import { type CrsMajor, tuningView, wordyRules } from './waf-tuning.ts';

/** Detection rules of the OWASP CRS. 901 to 905 set it up, 949, 959 and 980 add the scores up: without those nothing is blocked. */
const DETECTION: readonly (readonly [first: number, last: number])[] = [
  [911_000, 948_999],
  [950_000, 958_999],
  // What ModSecurity itself says about a body that it cannot read.
  [200_002, 200_007],
  [OWN_RULES.first, OWN_RULES.last],
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

/** The CRS refuses any other. Forms, JSON and XML are read field by field; of the rest, only headers and our own rule for bodies. */
const CONTENT_TYPES = [
  ...['x-www-form-urlencoded', 'xml', 'soap+xml', 'atom+xml', 'json', 'merge-patch+json', 'json-patch+json', 'vnd.api+json', 'ld+json'],
  ...['activity+json', 'problem+json', 'graphql-response+json', 'cloudevents+json', 'manifest+json', 'csp-report', 'reports+json'],
  ...['graphql', 'x-ndjson', 'ndjson', 'jsonl', 'octet-stream', 'offset+octet-stream', 'grpc', 'grpc+proto', 'grpc-web', 'grpc-web+proto'],
  ...['grpc-web-text', 'grpc-web-text+proto', 'protobuf', 'x-protobuf', 'msgpack', 'x-msgpack', 'cbor', 'dns-message', 'sdp'],
  ...['trickle-ice-sdpfrag', 'pdf', 'zip', 'gzip', 'x-tar'],
]
  .map((type) => `application/${type}`)
  .concat(
    ...['multipart/form-data', 'text/xml', 'text/plain', 'text/csv', 'text/markdown', 'text/calendar', 'text/vcard', 'text/ping'],
    ...['png', 'jpeg', 'gif', 'webp', 'avif', 'heic'].map((type) => `image/${type}`),
    ...['mpeg', 'ogg', 'wav', 'webm', 'mp4'].map((type) => `audio/${type}`),
    ...['mp4', 'webm', 'x-matroska'].map((type) => `video/${type}`),
  );

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
  contentTypes: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/, 'should be a type such as application/json, in small letters'))
    .min(1)
    .default(CONTENT_TYPES)
    .describe('Types of body that the application takes, outside `edge.uploadPaths`; any other is refused'),
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

/** Where the reference portal takes free text, which it stores with parameters and shows as text. An application of the operator's own has none of these. */
export const PORTAL_TEXT = [
  ['/api/requests', 'title'],
  ['/api/requests', 'note'],
  ['/api/session', 'name'],
  ['/api/search', 'query'],
] as const;

/** Fields of the identity provider's forms. A password may look like anything, and a rule that matches would write it into the log. */
const PASSWORDS = ['password', 'confirm', 'oldpassword', 'newpassword', 'confirmpassword'].map(
  (parameter): Exclusion => ({ rule: 'OWASP_CRS', path: '/auth', parameter }),
);

const DEBIAN = { setup: '/etc/modsecurity/crs/crs-setup.conf', folder: '/usr/share/modsecurity-crs' };

/** SecLang's own way to name what a rule looks at. */
function targets(parameter: string): string[] {
  const [, kind, name] = /^(?:(cookie|header):)?(.*)$/.exec(parameter) as unknown as [string, string | undefined, string];
  if (kind) return [`${kind === 'cookie' ? 'REQUEST_COOKIES' : 'REQUEST_HEADERS'}:${name}`];
  // The JSON reader puts `json.` before every field.
  return name.startsWith('json.') ? [`ARGS:${name}`] : [`ARGS:${name}`, `ARGS:json.${name}`];
}

function control({ rule: which, parameter }: Exclusion): string[] {
  const by = typeof which === 'number' ? 'ById' : 'ByTag';
  return parameter ? targets(parameter).map((target) => `ctl:ruleRemoveTarget${by}=${which};${target}`) : [`ctl:ruleRemove${by}=${which}`];
}

const pathPattern = ({ path }: Exclusion): string => `^${regexText(path.replace(/\/+$/, ''))}(?:/|$)`;

/** Only for a field of a query or a body: a request without any has no use for it. */
const isOfField = ({ parameter }: Exclusion): boolean => parameter !== undefined && !/^(?:cookie|header):/.test(parameter);

/**
 * Exclusions as conditions and actions. One rule for each path, as every request is compared with every rule; those of fields apart
 * (`ofFields`), as each one that is in force is compared with every rule of the CRS.
 */
export function exclusionRules(exclusions: readonly Exclusion[]) {
  const rules = [true, false].flatMap((ofFields) => {
    const byPattern = new Map<string, string[]>();
    for (const exclusion of exclusions.filter((entry) => isOfField(entry) === ofFields)) {
      const pattern = pathPattern(exclusion);
      byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), ...control(exclusion)]);
    }
    return [...byPattern].map(([pattern, controls]) => ({ pattern, ofFields, controls: controls.join(',') }));
  });
  return rules.map((rule, index) => ({ id: 11_000 + index, ...rule }));
}

/** Which table of exclusions is for these rules. Debian's are of version 3, and of the next one what is not known yet is taken for. */
const majorOf = (found: RuleSet | undefined): CrsMajor => (found && !found.version?.startsWith('3.') ? 4 : 3);

/**
 * What the edge's templates see of it.
 * @param signsIn visitors sign in at the edge
 */
export function wafView(
  own: WafSettings,
  edge: { uploadPaths: readonly string[]; bodyLimit: number },
  found: RuleSet | undefined,
  portalText: typeof PORTAL_TEXT | readonly [],
  signsIn: boolean,
) {
  const major = majorOf(found);
  const shipped = portalText.flatMap(([path, parameter]) => wordyRules(major).map((which) => ({ rule: which, path, parameter })));
  const folder = found ? `${RULES_TARGET}/${found.folder}` : DEBIAN.folder;
  const inspected = Math.min(own.bodyLimit, edge.bodyLimit);
  const uploadMethods = ['POST', 'PUT', 'PATCH'].filter((method) => own.allowedMethods.includes(method));
  return {
    waf: own.mode !== 'off',
    wafEngine: own.mode === 'block' ? 'On' : 'DetectionOnly',
    wafParanoia: own.paranoia,
    wafThreshold: own.anomalyThreshold,
    wafMethods: own.allowedMethods.join(' '),
    wafContentTypes: own.contentTypes.map((type) => `|${type}|`).join(' '),
    // Above nginx's own limit, which is the one that clients meet; where nothing may be refused, the rest passes unseen.
    wafBodyBytes: inspected + 1,
    wafTooLarge: own.mode === 'block' ? 'Reject' : 'ProcessPartial',
    wafMaxBodyBytes: own.mode === 'block' ? inspected : edge.bodyLimit,
    wafExclusions: exclusionRules([...shipped, ...(signsIn ? PASSWORDS : []), ...own.exclusions]),
    ...tuningView(major, [...new Set(portalText.flatMap(([, parameter]) => targets(parameter)))]),
    wafSetup: found ? `${folder}/crs-setup.conf` : DEBIAN.setup,
    wafRules: `${folder}/rules`,
    wafPlugins: found !== undefined,
    wafPluginsFolder: `${folder}/plugins`,
    wafSource: found ? found.label : 'of Debian',
    wafUploads: edge.uploadPaths.length > 0 && uploadMethods.length > 0,
    wafUploadPattern: `^(?:${uploadMethods.join('|')}) (?:${edge.uploadPaths.map((path) => regexText(path.replace(/\/+$/, ''))).join('|')})(?:/|$)`,
  };
}
