"""One transaction through asyncpg, which parses the URL itself and refuses query parameters that it does not know."""

import asyncio

import asyncpg

from report import QUERY, check, report, url_from_environment


async def transact() -> dict:
    query = QUERY.format(parameter="$1")
    # Without named prepared statements, which PgBouncer before 1.21 cannot carry in transaction mode.
    connection = await asyncpg.connect(url_from_environment(), timeout=10, statement_cache_size=0)
    try:
        async with connection.transaction():
            return check(await connection.fetchrow(query, 40), await connection.fetchrow(query, 40))
    finally:
        await connection.close()


report("asyncpg", lambda: asyncio.run(transact()))
