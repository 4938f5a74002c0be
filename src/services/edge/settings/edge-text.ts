/**
 * A text as one parameter of an nginx configuration: nothing in it is a variable, an end or an escape. nginx knows no
 * escape for `$`; the configuration has a variable `usd` that contains one.
 */
export const nginxText = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('$', () => '${usd}')}"`;

/** A text as part of a regular expression. */
export const regexText = (text: string): string => text.replace(/[^\w/]/g, '\\$&');
