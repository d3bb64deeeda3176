/** A tsconfig.json for a project that has none. */
export const tsconfig = (): string => `{
  "compilerOptions": {
    "target": "ES2022",
    "module": "NodeNext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["data-migrations", "migrations.config.ts"]
}
`;
