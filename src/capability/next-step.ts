/** What is left to the person after a first start. */
export interface NextStep {
  command: string;
  why: string;
}
