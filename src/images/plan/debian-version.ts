/** Which of two versions of a Debian package is newer, as dpkg says (deb-version(7)): below zero where the first is older. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [split(a), split(b)];
  return first.epoch - second.epoch || compareParts(first.upstream, second.upstream) || compareParts(first.revision, second.revision);
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Text and numbers by turns: text by letters before other characters, `~` before everything and the end; numbers by value. */
function compareParts(a: string, b: string): number {
  let [x, y] = [a, b];
  while (x || y) {
    const [textX, textY] = [/^\D*/.exec(x)?.[0] ?? '', /^\D*/.exec(y)?.[0] ?? ''];
    for (let at = 0; at < Math.max(textX.length, textY.length); at++) {
      const difference = weight(textX[at]) - weight(textY[at]);
      if (difference !== 0) return difference;
    }
    [x, y] = [x.slice(textX.length), y.slice(textY.length)];
    const [digitsX, digitsY] = [/^\d*/.exec(x)?.[0] ?? '', /^\d*/.exec(y)?.[0] ?? ''];
    const [numberX, numberY] = [BigInt(digitsX || 0), BigInt(digitsY || 0)];
    if (numberX !== numberY) return numberX < numberY ? -1 : 1;
    [x, y] = [x.slice(digitsX.length), y.slice(digitsY.length)];
  }
  return 0;
}

function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
