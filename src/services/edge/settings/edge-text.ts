/**
 * A text as one parameter of an nginx configuration: nothing in it is a variable, an end or an escape. nginx knows no
 * escape for `$`; the configuration has a variable `usd` that contains one.
 */
export const nginxText = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('$', () => '${usd}')}"`;

/** A text as part of a regular expression. */
export const regexText = (text: string): string => text.replace(/[^\w/]/g, '\\$&');

/** The other spellings of a header's name that many applications cannot tell from it: `X_Real_IP` and `X-Real_IP` of `X-Real-IP`. */
export function lookalikes(name: string): string[] {
  const [first = '', ...rest] = name.split('-');
  const all = rest.reduce((heads, part) => heads.flatMap((head) => [`${head}-${part}`, `${head}_${part}`]), [first]);
  return all.filter((spelling) => spelling !== name);
}
