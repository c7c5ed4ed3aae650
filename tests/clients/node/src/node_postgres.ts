// One transaction through node-postgres. Reads the variable named by the first argument (default DATABASE_URL).
import pg from 'pg'
import { report, required } from './report.js'

await report('node-postgres', async () => {
  const client = new pg.Client({ connectionString: required(process.argv[2] ?? 'DATABASE_URL') })
  await client.connect()
  try {
    const ask = async () =>
      (await client.query('select pg_backend_pid() pid, current_user "user", current_database() database, $1::int + 2 sum', [40])).rows[0]
    await client.query('begin')
    const first = await ask()
    const second = await ask()
    await client.query('commit')
    if (first.pid !== second.pid) throw new Error('the server changed inside the transaction')
    if (first.sum !== 42) throw new Error(`40 + 2 = ${first.sum}`)
    return { user: first.user, database: first.database, server_pid: first.pid }
  } finally {
    await client.end()
  }
})
