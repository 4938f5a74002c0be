import { markup } from '../../topology/draw/svg.ts';
import { STYLE } from './style.ts';

/** By it a file is known as a report, which may be replaced by the next one. */
export const GENERATOR = '<meta name="generator" content="medianest report';

interface Page {
  title: string;
  heading: string;
  /** One line below the heading. */
  about: string;
  /** medianest's own. */
  version: string;
  /** HTML. */
  main: string;
  /** HTML. */
  footer: string;
}

/** One page that asks for nothing from anywhere: its styles and pictures are in it, and there is no script. Title, heading and line are escaped. */
export const page = ({ title, heading, about, version, main, footer }: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${GENERATOR} ${markup(version)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>${markup(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<header>
<h1>${markup(heading)}</h1>
<p class="soft">${markup(about)}</p>
</header>
<main>
${main}
</main>
<footer>
<p>${footer}</p>
</footer>
</body>
</html>
`;
