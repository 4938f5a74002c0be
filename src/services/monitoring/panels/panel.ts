/** What a number counts. */
export type Unit = 'percent' | 'perSecond' | 'seconds' | 'bytes' | 'count' | 'days';

/** In the order of the page. */
export const SECTIONS = ['overview', 'edge', 'app', 'database', 'cache', 'backups', 'certificates', 'host'] as const;
export type SectionName = (typeof SECTIONS)[number];

export const SECTION_TITLES: Readonly<Record<SectionName, string>> = {
  overview: 'Overview',
  edge: 'Edge',
  app: 'Application',
  database: 'Database',
  cache: 'Cache',
  backups: 'Backups and RPO',
  certificates: 'Certificates',
  host: 'Host',
};

/** One picture: what is drawn, and how it is asked for. */
export interface Panel {
  id: string;
  section: SectionName;
  title: string;
  unit: Unit;
  /** `$window` is the time over which a rate is taken. */
  query: string;
  /** What is counted, and what a bad value means. */
  description: string;
  /** From where on it deserves a look, and is bad: above these values, or below them where `bad` is the smaller one. */
  warn?: number;
  bad?: number;
  /** The label that tells its lines apart; one line where nothing is said. */
  by?: string;
  /** The component that its series come from, where others answer in the same job without them. */
  of?: string;
  /** The least that its axis reaches up to: a share of 2 % should not look like all. */
  upTo?: number;
}

/** One entry of the tables of panels. */
export const panel = (
  section: SectionName,
  id: string,
  unit: Unit,
  title: string,
  query: string,
  more: Pick<Panel, 'description' | 'by' | 'of' | 'upTo' | 'warn' | 'bad'>,
): Panel => ({ id, section, title, unit, query, ...more });

/** The jobs that a query names; none in one about alerts. */
export const jobsOf = ({ query }: Pick<Panel, 'query'>): string[] => [
  ...new Set([...query.matchAll(/job="([^"]+)"/g)].map(([, job]) => job as string)),
];

/** So many scrapes are in a window: a rate needs two, and one may be missed. */
const SCRAPES = 4;

/** The query for points that are so far apart. @param scrape seconds between two scrapes */
export const queryOf = ({ query }: Pick<Panel, 'query'>, step: number, scrape: number): string =>
  query.replaceAll('$window', `${Math.max(step, SCRAPES * scrape)}s`);
