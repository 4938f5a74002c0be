export const NEW_DATA = [
  '--new-data',
  'Where the project has another name than before: begin empty, and leave the volumes of the old name as they are',
] as const;
