/** The folder of the migrations in a project. */
export const folder = 'data-migrations';
