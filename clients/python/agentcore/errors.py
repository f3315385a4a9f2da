"""What a program gets to see when the gate itself fails.  A refusal is no error: it is a Result."""
import typing


class GateError(Exception):
    """The gate refused to answer: the call was asked wrongly, or the role may not ask."""

    def __init__(self, message: str, sqlstate: typing.Optional[str] = None) -> None:
        super().__init__(f"{message} ({sqlstate})" if sqlstate else message)
        self.sqlstate = sqlstate


class GateUnavailable(GateError):
    """The database is away, so nothing was run (fail closed)."""


class Away(Exception):
    """Of a driver: the database is away.  sent: the statement may have been executed."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


# SQLSTATEs of a server that is going, coming, full or not the primary, by class or in full.
AWAY = ("08", "53", "58", "57P", "25006")
# Nothing was changed, and the same statement may work now.
AGAIN = ("55P03", "40001", "40P01", "57014")


def from_sqlstate(message: str, sqlstate: str, sent: bool) -> Exception:
    if sqlstate.startswith(AWAY):
        return Away(f"{message} ({sqlstate})", sent)
    return GateError(message, sqlstate)
