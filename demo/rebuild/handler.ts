import { employeeProjection } from '../projections/employee-projection.ts';
import { rebuild } from './rebuild.ts';

export const handler = rebuild(employeeProjection);
