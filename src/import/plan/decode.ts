/** Names are told to people and compared with what the server says: those of the usual encodings are decoded. */
export function decoded(raw: string, encoding: string | undefined): string {
  if (!/[\x80-\xff]/.test(raw) || /^(LATIN1|ISO_?8859_?1)$/i.test(encoding ?? '')) return raw;
  const label = /^WIN(\d+)$/i.exec(encoding ?? '')?.[1];
  const other = /^(?:LATIN(\d+)|ISO_?8859_?(\d+))$/i.exec(encoding ?? '');
  const names = label
    ? `windows-${label}`
    : other
      ? `iso-8859-${other[2] ?? LATIN[other[1] as string] ?? '1'}`
      : (OTHERS[encoding ?? ''] ?? 'utf-8');
  try {
    return new TextDecoder(names).decode(Buffer.from(raw, 'latin1'));
  } catch (error) {
    // An encoding that there is not: the server refuses it, and a name is shown as well as can be.
    if (error instanceof RangeError) return raw;
    throw error;
  }
}

/** PostgreSQL's LATINn are not the parts of ISO 8859 of the same number. */
const LATIN: Readonly<Record<string, string>> = {
  '2': '2',
  '3': '3',
  '4': '4',
  '5': '9',
  '6': '10',
  '7': '13',
  '8': '14',
  '9': '15',
  '10': '16',
};
const OTHERS: Readonly<Record<string, string>> = {
  EUC_JP: 'euc-jp',
  SJIS: 'shift_jis',
  EUC_KR: 'euc-kr',
  BIG5: 'big5',
  GBK: 'gbk',
  KOI8R: 'koi8-r',
};
