import { notify } from './notify.ts';

export const handler = notify();
