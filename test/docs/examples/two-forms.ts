import { conditionGroups } from '../../../demo/application/condition-groups.ts';

// On docs/writing-migrations.md; examples.test.ts compares each line with what stands behind it.

// docs: read
conditionGroups.read([{ operation: 'is', value: 'v1' }]); // [{ conditions: [{ operation: 'is', value: 'v1' }] }]
conditionGroups.isCurrent([]); // true: an empty array is of both forms, and says no groups
conditionGroups.read([{ operation: 5 }]); // throws: conditions[0].operation: expected string, got 5
// docs: end
