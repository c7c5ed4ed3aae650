// A PrismaClient made the way an application with Prisma 7 makes one from the Secret.
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../generated/client.js'

// Prisma 7 ignores the pool arguments of the URL, so the Secret repeats them as variables. The URL's own are the last resort.
export function poolOptions(url: string): { max?: number; connectionTimeoutMillis?: number } {
  const query = new URL(url).searchParams
  const max = Number(process.env.DATABASE_POOL_MAX ?? query.get('connection_limit') ?? 0)
  const timeout = Number(process.env.DATABASE_POOL_TIMEOUT_MS ?? Number(query.get('pool_timeout') ?? 0) * 1000)
  return { ...(max ? { max } : {}), ...(timeout ? { connectionTimeoutMillis: timeout } : {}) }
}

export function connect(url: string, max?: number): PrismaClient {
  const options = { ...poolOptions(url), ...(max ? { max } : {}) }
  // onPoolError: an idle connection that the server closes is not the query's failure; the pool opens another one.
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, ...options }, { onPoolError: () => {} }) })
}
