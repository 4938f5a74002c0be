import { FILE_NAMES } from '../waf-cases.ts';
import { type Asked, file } from './request.ts';

const NAMES = [
  "Anna's holiday (1).png",
  'Résumé – final (2).pdf',
  'Screenshot 2026-11-29 at 04.13.00.png',
  'IMG_20261129_041300~2.jpg',
  'film; director’s cut.mkv',
  'a & b.mp4',
  'a=b.txt',
  '50% done.png',
  '#1 (best) [2160p] {tmdb-348}.mkv',
  "Don't.Look.Up.2021.2160p.NF.WEB-DL.DDP5.1.Atmos.x265-GROUP.mkv",
  'Ocean\'s Eleven (2001) - S01E01 - "Pilot".mkv',
  'поездка, 2024.mov',
  '千と千尋.mp4',
  'backup.tar.gz',
  'notes.md',
  'data.json',
  'subtitles.en.srt',
  'Über uns.docx',
  'no extension',
  '.hidden',
  'two..dots.txt',
  'trailing .txt',
  "'quoted'.png",
  'mum+dad=love.jpg',
  'e-mail@example.org.eml',
  '(1).png',
];

export const files: readonly Asked[] = [
  ...[...FILE_NAMES, ...NAMES].map((name) => file('/api/uploads', name)),
  ...NAMES.map((name) => file('/api/v1/media', name, { album: 'Holiday & more', caption: "It's us" }, 'image/png')),
  ...NAMES.slice(0, 8).map((name) => file('/import', name, { overwrite: 'on' }, 'application/octet-stream')),
];
