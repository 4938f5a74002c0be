/*
 * What the rules of the OWASP CRS take for attacks and is none. An exclusion is as narrow as it can be: a rule goes on counting
 * wherever a request has more than what is known to be harmless.
 */

/** A rule counts only where something also matches `onlyWith`, which is stricter. */
export interface Narrowed {
  rules: readonly number[];
  targets: string;
  transforms: string;
  /** A regular expression, or an operator such as `@detectSQLi`. */
  onlyWith: string;
  /** Of what matches `onlyWith`, that does not count which has this form as a whole. */
  harmlessForm?: string;
}

/** Rules that do not look at one field as long as its whole value has this form. */
export interface Shaped {
  targets: readonly string[];
  form: string;
  rules: readonly number[];
  /** That of the rules; 2 where it is not said. */
  phase?: 1;
}

const COOKIES = 'REQUEST_COOKIES|REQUEST_COOKIES_NAMES';
export const VALUES = `${COOKIES}|ARGS_NAMES|ARGS|XML:/*`;
const both = (...names: string[]): string[] => names.flatMap((name) => [`ARGS:${name}`, `ARGS:json.${name}`]);

/** An address of the LAN, and nothing that only begins like one. */
const LAN =
  '(?:10\\.\\d{1,3}|192\\.168|172\\.(?:1[6-9]|2\\d|3[01]))\\.\\d{1,3}\\.\\d{1,3}(?::\\d{1,5})?(?:[/?#]|$)|\\[f[cd][0-9a-f:]+\\](?::\\d{1,5})?(?:[/?#]|$)';
export const lanAddress: Narrowed = {
  rules: [931_100],
  targets: 'ARGS|XML:/*',
  transforms: 't:none,t:urlDecodeUni',
  onlyWith: `^(?i:f(?:ile|tps?)|https?|ssh)://(?!${LAN})(?:\\[|[0-9]{1,3}\\.[0-9])`,
};

/** Pictures, sounds and fonts, as pages put them into JSON; none that a browser would run, nor a program in base64 (`<?p`, `<sc`). */
const MEDIA =
  '(?:image/(?:png|jpe?g|gif|webp|avif|bmp|x-icon)|audio/(?:mpeg|ogg|wav|webm|mp4)|video/(?:mp4|webm)|font/(?:woff2?|ttf|otf)|application/pdf)';
const MEDIA_URI = `data:${MEDIA};base64,(?!PD9|PHNj)`;
const MARKUP = `${COOKIES}|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer|ARGS_NAMES|ARGS|REQUEST_FILENAME|XML:/*`;
const DECODED = 't:none,t:utf8toUnicode,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:removeNulls';
const between = (word: string): string => [...word].join('\\W*?');
export const dataAddress: readonly Narrowed[] = [
  {
    rules: [941_130],
    targets: MARKUP,
    transforms: DECODED,
    onlyWith: `(?i)x(?:link:href|html|mlns)|!ENTITY|data:(?!${MEDIA};base64,)|pattern|formaction|@import|(?<!data)(?<![\\w+.-]);base64|^;base64`,
  },
  {
    rules: [941_170],
    targets: MARKUP,
    transforms: DECODED,
    onlyWith: `(?i)javascript:|data:(?!${MEDIA};base64,(?!PD9|PHNj))|@\\W*?${between('import')}|-\\W*?${between('moz')}\\W*?-\\W*?${between('binding')}`,
  },
];
export const dataScheme: Narrowed = {
  rules: [934_170],
  targets: `REQUEST_FILENAME|${VALUES}`,
  transforms: 't:none,t:urlDecodeUni',
  onlyWith: `(?i)^(?:json\\.)?data:(?!${MEDIA};base64,(?!PD9|PHNj))`,
};
const PICTURES = both(
  ...'avatar image img icon photo picture logo thumbnail thumb cover poster banner background src url data file content signature font preview screenshot'.split(
    ' ',
  ),
);
/** `;base64` is no command there. */
export const dataFields: Shaped = { targets: PICTURES, form: `(?i)^${MEDIA_URI}[A-Za-z0-9+/=\\s]*$`, rules: [932_235, 932_260] };

/** Names such as `Anna's holiday (1).png`: a quote, or `; ` and `=` before the ending of what is no program. */
const HARMLESS_ENDING =
  '\\.(?i:png|jpe?g|gif|webp|heic|avif|bmp|tiff?|mp[34]|m4[av]|mkv|mov|avi|webm|flac|ogg|opus|wav|srt|vtt|pdf|txt|md|csv|json|zip|gz|7z|docx?|xlsx?|pptx?|od[tsp]|epub|eml)$';
export const fileNames: Narrowed = {
  rules: [920_120],
  targets: 'FILES_NAMES|FILES',
  transforms: 't:none',
  onlyWith: `[\\x22\\x5c\\r\\n]|;(?! )|['=;](?!.*${HARMLESS_ENDING})|=.*;|;.*=`,
};

/** Where `&` stands only between the parts of a link's query, it begins no command. */
export const linkedQuery: Narrowed = {
  rules: [932_100, 932_105, 932_110, 932_115],
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni',
  onlyWith: '[;|`\\n\\r{]|\\$[({]|[<>]\\(|\\(\\s*\\)|&(?!(?:amp;)?[\\w.\\[\\]%-]+=[^\\s&;|`]*(?:&|#|$))',
};

/** `[text](address)` of Markdown is no call of a function, which ends with a semicolon: so says version 4 of this rule. */
export const markdownLink: Narrowed = {
  rules: [933_210],
  targets: `REQUEST_FILENAME|${VALUES}`,
  transforms: 't:none,t:urlDecodeUni',
  onlyWith: '\\)[\\s\\x0b]*;|\\(\\s*string\\s*\\)|\\(.*\\(',
};

/** A word between quotes is a quotation: in SQL, another word would follow the quote that ends a string. */
const QUOTED = '(?!\\1(?:[\\s,.;:!?)\\]}]|$))';
const SQL_PARTS =
  "union[\\w(\\s]*?select|union select @|into[\\s+]+(?:dump|out)file\\s*?[\\x22'`]|exec(?:ute)?.*?\\Wxp_cmdshell|from\\W+information_schema\\W|exec(?:ute)?\\s+master\\.|\\wiif\\s*?\\(|\\W[il]if\\s*?\\(|(?:c(?:onnection_id|urrent_user)|database|schema|user)\\s*?\\(|select.*?\\w?user\\(";
export const quotation: Narrowed = {
  rules: [942_190],
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni,t:removeCommentsChar',
  onlyWith: `(?i)(?:([\\x22'\`])(?:;?\\s*(?:having|select|union)\\b${QUOTED}\\s*?[^\\s]|\\s*?!\\s*?[\\x22'\`\\w]))|${SQL_PARTS}`,
};

/** Between UNION and SELECT, SQL has but ALL, DISTINCT, brackets, comments and space. */
export const unionSelect: Narrowed = {
  rules: [942_270],
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni',
  onlyWith: '(?i)union(?:[\\W\\d_]|/\\*.*?\\*/|(?:--|#)[^\\n]*\\n|all|distinct(?:row)?)*select.*?from',
};

/** SQL's UPDATE has a SET; `; update from main` is a sentence. */
export const updateSet: Narrowed = {
  rules: [942_350],
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni,t:replaceComments',
  onlyWith:
    '(?i)create\\s+function\\s.+\\sreturns|;\\s*?(?:alter|create|truncate|rename|replace|delete|desc|drop|insert|select|load|update\\b[\\s\\S]*\\bset)\\b',
};

/** A calculation with its brackets in pairs: it has no name, no quote and no comment. */
const SUM = '[\\d\\s+*/%.,<>=-]';
export const calculation: Narrowed = {
  rules: [942_100],
  targets: `${COOKIES}|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer|ARGS_NAMES|ARGS|XML:/*`,
  transforms: 't:none,t:utf8toUnicode,t:urlDecodeUni,t:removeNulls',
  onlyWith: '@detectSQLi',
  harmlessForm: `^(?!.*(?:--|/\\*))(?:${SUM}|\\((?:${SUM}|\\(${SUM}*\\))*\\))*$`,
};

/** An escaped bracket is none of the shell's: `/\\[(.+?)\\]/` is a regular expression. */
export const escapedBracket: Narrowed = {
  rules: [932_130],
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni',
  onlyWith: "\\$[\\s\\x5c\\x22'^,;]*[({\\[]|[<>][\\s\\x5c\\x22'^,;]*\\(|/[\\w\\x22'^]*\\[",
};

/** A program is told to fetch an address, not a sentence that has one in it: the first word is no part of one. */
export const sentences: Shaped = {
  targets: both(...'message msg text body description comment note content summary details'.split(' ')),
  form: '^\\s*(?!(?i:localhost)|[\\d\\[])[^\\s:/@.]+:?\\s+\\S',
  rules: [934_110, 934_190],
};

/** A document without the characters that a shell needs to begin a command: `{ a b }` alone is none, as it has no semicolon. */
export const graphQl = (rules: readonly number[]): Shaped => ({
  targets: [...both('query'), ...Array.from({ length: 10 }, (_, i) => `ARGS:json.array_${i}.query`)],
  form: '^\\s*(?:(?:#[^\\n;|`&<>\\x5c]*\\n\\s*)*(?:query|mutation|subscription|fragment)\\b[^;|`&<>\\x5c]*)?\\{[^;|`&<>\\x5c]*\\}\\s*$',
  rules,
});

const COMMANDS =
  '(?:cat|curl|wget|id|ls|whoami|uname|pwd|ps|env|echo|printf|nc|ncat|bash|z?sh|dash|python[\\d.]*|perl|ruby|php|node|sleep|ping|nslookup|dig|host|touch|rm|cp|mv|chmod|kill|base64|head|tail|grep|awk|sed|find|hostname|date|eval|exec)';
const PASSWORDS = both(
  ...'password passwd pass pwd passphrase password2 new_password newPassword current_password currentPassword old_password oldPassword password_confirmation passwordConfirmation new_password_confirm confirm_password confirmPassword'.split(
    ' ',
  ),
);
/** One word, as passwords are, that runs nothing. */
export const passwords = (rules: readonly number[]): Shaped => ({
  targets: PASSWORDS,
  form: `^(?!.*(?:\\$\\(|\\$\\{|\`|[<>]\\()\\s*(?:${COMMANDS}\\b|[/.]|j))(?!.*:)\\S{1,128}$`,
  rules,
});
/** The name of a variable in one: nothing begins a command, and no path is named. */
export const passwordsWithNames: Shaped = { targets: PASSWORDS, form: '^(?!\\s*\\$\\{IFS)[^\\s;|&`/\\x5c<>()]{1,128}$', rules: [932_160] };

/** What Plex puts into a form beside a picture: one object of JSON, in which a title stands between quotes. */
export const jsonInForm = (rules: readonly number[]): Shaped => ({
  targets: both('payload', 'jsonPayload', 'options.jsonPayload'),
  form: '^\\s*\\{\\s*\\x22[\\w.]+\\x22\\s*:[\\s\\S]*\\}\\s*$',
  rules,
});
/** `timeout of 48000ms exceeded` is no call of timeout(1). */
export const monitor = (rules: readonly number[]): Shaped => ({
  targets: both('heartbeat.msg'),
  form: '^[^;|`&$<>\\n]*$',
  rules,
});
export const browserFile: Shaped = { targets: ['REQUEST_FILENAME'], form: '^/browserconfig\\.xml$', rules: [930_130], phase: 1 };
