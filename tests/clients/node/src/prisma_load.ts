// Many PrismaClients at once, as many application instances are: every error that a client sees is counted.
//
// usage: prisma_load.ts CLIENTS POOL SECONDS [PAUSE_MS]
//   CLIENTS   PrismaClients, each with a pool of its own of POOL connections (0: as the Secret says)
//   SECONDS   how long
//   PAUSE_MS  think time between two transactions of one worker (default 0)
// Each client has as many workers as connections. Reads DATABASE_URL, and DATABASE_URL_DIRECT (if set) to create the table.
import type { PrismaClient } from '../generated/client.js'
import { connect, poolOptions } from './prisma_client.js'
import { describe, report, required } from './report.js'

const createTable =
  'create table if not exists "Item" (id serial primary key, name text not null, count integer not null default 0)'

type Tally = { transactions: number; finds: number; servers: Set<number>; errors: Record<string, number>; slowestMs: number }

async function migrate(url: string): Promise<void> {
  const prisma = connect(url, 1)
  await prisma.$executeRawUnsafe(createTable)
  await prisma.$disconnect()
}

// Create, update and read one row; the server connection must be the same throughout.
async function transact(prisma: PrismaClient, tally: Tally): Promise<number> {
  const id = await prisma.$transaction(async (tx) => {
    const server = async () => (await tx.$queryRaw<{ pid: number }[]>`select pg_backend_pid() pid`)[0].pid
    const item = await tx.item.create({ data: { name: 'load' } })
    const before = await server()
    await tx.item.update({ where: { id: item.id }, data: { count: { increment: 1 } } })
    if (before !== (await server())) throw new Error('the server changed inside the transaction')
    tally.servers.add(before)
    return item.id
  }, { maxWait: 20_000, timeout: 20_000 })
  tally.transactions++
  return id
}

async function work(prisma: PrismaClient, tally: Tally, until: number, pauseMs: number): Promise<void> {
  while (performance.now() < until) {
    const start = performance.now()
    try {
      const id = await transact(prisma, tally)
      const rows = await prisma.item.findMany({ where: { id, count: 1 } })
      if (rows.length !== 1) throw new Error('a committed row was not found')
      tally.finds++
    } catch (error) {
      const text = describe(error)
      tally.errors[text] = (tally.errors[text] ?? 0) + 1
    }
    tally.slowestMs = Math.max(tally.slowestMs, Math.round(performance.now() - start))
    if (pauseMs) await new Promise((done) => setTimeout(done, pauseMs))
  }
}

await report('prisma-load', async () => {
  const [clients, pool, seconds, pauseMs = 0] = process.argv.slice(2).map(Number)
  const url = required('DATABASE_URL')
  const size = pool || poolOptions(url).max || 10
  await migrate(process.env.DATABASE_URL_DIRECT || url)
  const tally: Tally = { transactions: 0, finds: 0, servers: new Set(), errors: {}, slowestMs: 0 }
  const all = Array.from({ length: clients }, () => connect(url, size))
  const until = performance.now() + seconds * 1000
  await Promise.all(all.flatMap((prisma) => Array.from({ length: size }, () => work(prisma, tally, until, pauseMs))))
  await Promise.all(all.map((prisma) => prisma.$disconnect()))
  const failed = Object.values(tally.errors).reduce((a, b) => a + b, 0)
  return { ...tally, ok: failed === 0, failed, servers: tally.servers.size, clients, pool: size, seconds }
})
