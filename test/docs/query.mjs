import pg from 'pg';

// Runs SQL in the database of DATABASE_URL: what somebody does by hand between two commands of a page.

const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
await client.query(process.argv[2]);
await client.end();
