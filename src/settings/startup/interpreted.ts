import * as z from 'zod';

// One document is read in a process: compiling a parser for each of its objects takes longer than it saves. A schema asks for this
// where it is made, so that this module is loaded before any other that makes one.
z.config({ jitless: true });
