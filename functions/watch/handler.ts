import { watch } from './watch.ts';

export const handler = watch();
