// One interactive transaction through Prisma. Reads DATABASE_URL, DATABASE_POOL_MAX, DATABASE_POOL_TIMEOUT_MS.
import { connect, poolOptions } from './prisma_client.js'
import { report, required } from './report.js'

type Session = { pid: number; user: string; database: string; sum: number }

await report('prisma', async () => {
  const url = required('DATABASE_URL')
  const prisma = connect(url)
  try {
    const [first, second] = await prisma.$transaction(async (tx) => {
      const ask = () => tx.$queryRaw<Session[]>`
        select pg_backend_pid() pid, current_user::text "user", current_database()::text database, ${40}::int + 2 sum`
      return [(await ask())[0], (await ask())[0]]
    })
    if (first.pid !== second.pid) throw new Error('the server changed inside the transaction')
    if (first.sum !== 42) throw new Error(`40 + 2 = ${first.sum}`)
    return { user: first.user, database: first.database, server_pid: first.pid, pool: poolOptions(url).max ?? null }
  } finally {
    await prisma.$disconnect()
  }
})
