"""A connection of a Python program: psycopg2 (C) where it is installed, else psycopg."""
import json

from measure import DATABASE

try:
    import psycopg2
    NAME = "psycopg2 " + psycopg2.__version__.split()[0]
except ImportError:
    import psycopg
    psycopg2, NAME = None, f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__})"


def listed(words):
    return f" ({', '.join(words)})" if words else ""


class Session:
    """Prepared statements by name, each in a transaction of its own."""

    def __init__(self, database=DATABASE, **statements):
        if psycopg2:
            self.connection = psycopg2.connect(dbname=database)
            self.connection.autocommit = True
        else:
            self.connection = psycopg.connect(dbname=database, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor)
        self.cursor = self.connection.cursor()
        self.places = {}
        for name, (types, query) in statements.items():
            self.cursor.execute(f"PREPARE do_{name}{listed(types)} AS {query}")
            self.places[name] = f"EXECUTE do_{name}{listed(['%s'] * len(types))}"

    def ask(self, name, *values):
        self.cursor.execute(self.places[name], [json.dumps(value) if isinstance(value, (dict, list)) else value for value in values])
        return self.cursor.fetchone()

    def backend(self):
        return self.connection.get_backend_pid() if psycopg2 else self.connection.info.backend_pid
