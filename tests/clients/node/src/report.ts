// What every program here does with its outcome: one JSON line, and an exit code that says the same.

export async function report(client: string, attempt: () => Promise<Record<string, unknown>>): Promise<void> {
  try {
    print({ client, ok: true, ...(await attempt()) })
  } catch (error) {
    print({ client, ok: false, error: describe(error) })
    process.exitCode = 1
  }
}

export function describe(error: any): string {
  return `${error.code ?? error.name}: ${String(error.message).replace(/\s+/g, ' ').trim().slice(-200)}`
}

export function required(variable: string): string {
  const value = process.env[variable]
  if (!value) throw new Error(`${variable} is not set`)
  return value
}

function print(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line))
}
