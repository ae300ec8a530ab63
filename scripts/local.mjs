// What scripts may do with a deployment on this machine alone.

/** Whether an address is one of this machine, which nobody else can reach. */
export const isLocal = ({ hostname }) => ["127.0.0.1", "localhost", "[::1]"].includes(hostname);

/** Runs statements in the database that the deployment itself has open, all or none; gives the rows of each. */
export async function query(origin, ...statements) {
  const response = await fetch(new URL("/cdn-cgi/local/explorer/api/d1/database/DB/raw", origin), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ batch: statements.map((sql) => ({ sql })) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the local database answers ${response.status}: ${text}`);
  return JSON.parse(text).result.map(({ results }) => results.rows);
}
