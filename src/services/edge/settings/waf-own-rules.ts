/* What the rules of the OWASP CRS overlook. */

import { VALUES } from './waf-harmless.ts';

/** A rule of our own; it counts as critical. */
export interface OwnRule {
  /** What exclusions and `waf log` call it: it stays. */
  id: number;
  targets: string;
  transforms: string;
  pattern: string;
  message: string;
  /** Bodies of these types alone; a negated regular expression. */
  notOfType?: string;
}

/** Bodies that no reader takes apart are searched for what is no text. */
const rawBody: OwnRule = {
  id: 10_020,
  targets: 'REQUEST_BODY',
  notOfType: '^(?:multipart/|application/x-www-form-urlencoded|[^;]*[/+](?:json|xml)\\s*(?:;|$))',
  transforms: 't:none,t:urlDecodeUni',
  pattern:
    "(?i)<script\\b[^>]*>|<\\?php\\b|\\$\\{[^}]{0,15}(?:jndi:|\\$\\{)|\\bunion\\s+(?:all\\s+)?select\\b[\\s\\S]{0,200}\\bfrom\\b|['\\x22]\\s*or\\s*['\\x22]?(\\d)['\\x22]?\\s*=\\s*['\\x22]?\\1",
  message: 'A body without fields has a program or a query in it.',
};
/** Version 4 knows it only beside other signs; in Markdown, a space stands before the backtick. */
const backticks: OwnRule = {
  id: 10_021,
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni',
  pattern:
    '(?i)(?:^\\s*|[^\\s(\\[*_>`])`\\s*(?:/\\w+/)*(?:id|ls|whoami|uname|pwd|ps|env|hostname|ifconfig|netstat|cat|curl|wget|nc|ncat|bash|z?sh|sleep|ping|nslookup)(?:\\s[^`]*)?`',
  message: 'A command in backticks.',
};
/** Version 4 reads over the comment, and then sees one long word. */
const commentAfterQuote: OwnRule = {
  id: 10_026,
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni',
  pattern: "(?i)['\\x22`]\\s*(?:/\\*.*?\\*/\\s*)+(?:select|union|having|or|and|order|group|limit)\\b",
  message: 'A comment of SQL between a quote and a query.',
};
/** Version 3 looks for neither in these places. */
const codeOfPrograms: OwnRule = {
  id: 10_023,
  targets: VALUES,
  transforms: 't:none,t:urlDecodeUni,t:jsDecode',
  pattern:
    "(?i)\\brequire\\s*\\(\\s*['\\x22`](?:node:)?(?:child_process|fs|net|vm|worker_threads)['\\x22`]\\s*\\)|\\b__proto__\\b|\\bconstructor\\s*(?:\\.\\s*|\\[\\s*['\\x22`])prototype\\b|\\bclass\\.module\\.classloader\\b|\\bclassloader\\.(?:resources|parent|defaultassertionstatus)\\b",
  message: 'Code of Node.js or Java that reaches into the program itself.',
};
const fileTraversal: OwnRule = {
  id: 10_024,
  targets: 'FILES|FILES_NAMES',
  transforms: 't:none,t:urlDecodeUni',
  pattern: '(?:^|[\\x5c/])\\.\\.[\\x5c/]',
  message: 'The name of an uploaded file leads out of its folder.',
};
const scanner: OwnRule = {
  id: 10_025,
  targets: 'REQUEST_HEADERS:User-Agent',
  transforms: 't:none',
  pattern: '(?i)\\bacunetix\\b',
  message: 'A program that looks for a way in.',
};

/** Version 3 looks for it in fields alone. */
const log4Shell: OwnRule = {
  id: 10_022,
  targets: 'REQUEST_LINE|REQUEST_HEADERS|REQUEST_COOKIES',
  transforms: 't:none,t:urlDecodeUni',
  pattern: '(?i)(?:\\$|&dollar;?)(?:\\{|&l(?:brace|cub);?)(?:[^}]{0,15}(?:\\$|&dollar;?)(?:\\{|&l(?:brace|cub);?)|jndi|ctx)',
  message: 'Log4Shell: an address in what a program may write down.',
};

/** What no title and no note looks like. */
const FREE_TEXT_ATTACK = [
  "['\\x22`][\\s)]*(?:or|and|\\|\\||&&)\\s+[(\\s'\\x22]*[\\w.]+['\\x22\\s)]*(?:=|<>|!=|like\\s*['\\x22]|in\\s*\\()",
  '\\bunion(?:\\s|/\\*[^*]*\\*/|\\()+(?:(?:all|distinct)(?:\\s|/\\*[^*]*\\*/)+)?select\\b',
  "['\\x22]\\s*\\)*\\s*;\\s*(?:drop|alter|truncate|create|delete|insert|update|exec|declare|select|shutdown)\\b\\s+[\\w@('\\x22]",
  '\\b(?:pg_sleep|load_file|extractvalue|updatexml|xp_cmdshell)\\s*\\(|\\binformation_schema\\b|\\bbenchmark\\s*\\(\\s*\\d+\\s*,|\\bsleep\\s*\\(\\s*\\d+\\s*\\)\\s*(?:--|#|\\)|and\\b|or\\b)',
  "\\w['\\x22]\\s*(?:--|#|/\\*)[\\s-]*$",
  '(?:[;|&`]|\\$\\()\\s*(?:/\\w+/)*(?:cat|wget|curl|nc|ncat|bash|sh|python[23]?|perl|ruby|php|chmod|rm)\\s+(?:-\\w|/|https?:|\\S+/)',
  '\\$\\((?:cat|curl|wget|id|whoami|ls|uname|sh|bash)\\b',
  '(?:\\.\\./){3,}',
  '\\$\\{[^}]{0,15}(?:jndi:|\\$\\{)',
];
export const freeText = (targets: string): OwnRule => ({
  id: 10_039,
  targets,
  transforms: 't:none,t:urlDecodeUni',
  pattern: `(?i)${FREE_TEXT_ATTACK.join('|')}`,
  message: 'A title or a note has a query or a command in it.',
});

/** By major version of the CRS. */
export const OWN: Readonly<Record<3 | 4, readonly OwnRule[]>> = {
  3: [rawBody, backticks, commentAfterQuote, log4Shell, codeOfPrograms, fileTraversal, scanner],
  4: [rawBody, backticks, commentAfterQuote],
};

/** Numbers of our own rules, which `waf log` shows and an exclusion may name. */
export const OWN_RULES = { first: 10_020, last: 10_039 } as const;
