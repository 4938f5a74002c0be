/** A harmless request that the WAF refuses at paranoia 1 all the same. */
export interface KnownRefusal {
  /** How its name begins. */
  request: string;
  /** By major version of the CRS; without one, it passes there. */
  rules: { 3?: readonly number[]; 4?: readonly number[] };
  why: string;
}

const TAUTOLOGY = 'the value is a tautology of SQL, letter by letter';
const ONE_WORD = 'version 3 takes one word of prose behind `;` or `&` for a command; version 4 does not';
const RUNS = 'browsers run SVG, and PHP runs a data address of text: only the application knows that it does neither';
const TEMPLATE = 'the value is code for a template: only the application knows which of its fields hold templates';
const OPERATOR = 'version 4 refuses the operators of MongoDB in the names and values of fields, `$top` of OData among them';

/**
 * What an application has to allow by itself, with `medianest waf allow`: the rule is right about the form, and the form alone does
 * not tell that the application means it.
 */
export const KNOWN: readonly KnownRefusal[] = [
  { request: "form /login username=ana&password='+or+not+'+that+is+it", rules: { 3: [942_100], 4: [942_100] }, why: TAUTOLOGY },
  {
    request: 'POST /api/v1/auth/local {"email":"ana@example.org","password":"\' or not',
    rules: { 3: [942_100], 4: [942_100] },
    why: TAUTOLOGY,
  },
  { request: 'form /profile name=Ana&about=I+like+films+%26+cats%3B+who', rules: { 3: [932_105] }, why: ONE_WORD },
  { request: 'PATCH /api/v3/movie/1 {"overview":"Press Ctrl+C; type exit; wait."}', rules: { 3: [932_115] }, why: ONE_WORD },
  { request: 'POST /api/comments {"post":12,"text":"Press Ctrl+C; type exit; wait."', rules: { 3: [932_115] }, why: ONE_WORD },
  {
    request:
      'POST /webhooks/stripe {"id":"evt_1","object":"event","data":{"object":{"amount":1250,"currency":"eur","description":"Films & more',
    rules: { 3: [932_100, 932_110] },
    why: ONE_WORD,
  },
  {
    request: 'PUT /api/v3/config/naming {"standardMovieFormat":"${title} - ${year}"',
    rules: { 3: [932_130], 4: [932_130, 933_135] },
    why: TEMPLATE,
  },
  { request: 'POST /api/automations {"trigger":"state","condition":"{{ states(', rules: { 4: [934_200] }, why: TEMPLATE },
  {
    request: 'POST /api/paste {"content":"data:text/plain;base64',
    rules: { 3: [941_130, 941_170], 4: [932_235, 932_260, 934_170, 941_130, 941_170] },
    why: RUNS,
  },
  {
    request: 'POST /api/icons {"icon":"data:image/svg+xml;base64',
    rules: { 3: [941_130, 941_170], 4: [932_235, 932_260, 934_170, 941_130, 941_170] },
    why: RUNS,
  },
  { request: 'GET /items?where=%7B%22year%22%3A%7B%22%24gte%22', rules: { 4: [942_290] }, why: OPERATOR },
  { request: 'GET /items?%24filter=year+ge+1979', rules: { 4: [942_290] }, why: OPERATOR },
  {
    request: 'POST /webhooks/github {"ref":"refs/heads/main","commits":[{"id":"abc","message":"Fix: don\'t drop table `x`; update',
    rules: { 4: [932_370] },
    why: 'version 4 knows Update.exe of Windows by its bare name behind a separator',
  },
];
