/** The parts of `--help`, in its order. */
export const SECTIONS = ['Start', 'Look', 'Change', 'Data', 'Certificates', 'Security', 'Machine'] as const;

export type Section = (typeof SECTIONS)[number];

/** Commands that share their first word, such as `certs issue` and `certs renew`. */
export interface Group {
  section: Section;
  summary: string;
}
