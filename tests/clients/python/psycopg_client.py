"""One transaction through psycopg 3 (libpq)."""

import psycopg

from report import QUERY, check, report, url_from_environment


def attempt() -> dict:
    query = QUERY.format(parameter="%s")
    with psycopg.connect(url_from_environment(), connect_timeout=10) as connection, connection.transaction():
        return check(*(connection.execute(query, (40,)).fetchone() for _ in range(2)))


report("psycopg", attempt)
