// Licence texts of bundled packages that bring no licence file. Each is pinned to one version: another version fails the build
// until somebody has looked whether it brings the text now.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The licence section at the end of a package's readme. */
const fromReadme = (folder) => {
  const [, text] = /^## License\n+([\s\S]+)/im.exec(readFileSync(path.join(folder, 'README.md'), 'utf8')) ?? [];
  if (!text?.includes('Permission is hereby granted')) throw new Error(`the readme in ${folder} holds no licence text`);
  return text;
};

const mit = (holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

const isc = (holder) => `ISC License

Copyright (c) ${holder}

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.`;

export const licenceTextFallbacks = {
  // package.json says MIT and names the author; the readme links to a page of that author's with the standard text.
  'abstract-logging@2.0.1': { text: () => mit('James Sumners') },
  // The whole text stands in the readme.
  'pg-types@2.2.0': { text: fromReadme },
  'pgpass@1.0.5': { text: fromReadme },
  // package.json says ISC and names the author; neither the package nor its repository has the text.
  'split-ca@1.0.1': { text: () => isc('Charles Bushong') },
};
