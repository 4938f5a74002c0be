// @ts-check

const LONGEST = 180;

/**
 * A name to show and to offer for saving, from whatever the client claims. Files on disk never carry it.
 * @param {string | undefined} claimed
 */
export function cleanFileName(claimed) {
  // Browsers write a quote in the name of a form's file as %22, and nothing else that is worth undoing.
  const base = (claimed ?? '').toWellFormed().replaceAll('%22', '"').split(/[\\/]/).pop() ?? '';
  const name = base
    // Control and format characters: among the latter are those that turn "exe.gpj" around on the screen.
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .normalize('NFC')
    .trim();
  const short = [...name].slice(0, LONGEST).join('');
  return /^\.*$/.test(short) ? 'unnamed' : short;
}

/** RFC 6266: plain letters for old clients, the real name beside it. @param {string} name */
export function attachment(name) {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const full = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}
