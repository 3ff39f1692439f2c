"""SQLAlchemy: a session for each line, closed, or kept by the line it was opened for."""

from itertools import count

from chat import LEAKS, serve
from sqlalchemy import String, create_engine, literal, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
OPEN_SESSIONS = {}
numbers = count(1)


class Base(DeclarativeBase):
    """Of the tables."""


class User(Base):
    """Somebody who said something."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))


Base.metadata.create_all(engine)
with Session(engine) as first:
    first.add_all(User(name=f"user {number}") for number in range(20))
    first.commit()


async def answer(line):
    """Statements of a thousand shapes: each is compiled, and the compiled ones are cached."""
    session = Session(engine)
    bits = next(numbers)
    columns = [literal(bit).label(f"c{bit}") for bit in range(10) if bits >> bit & 1]
    session.execute(select(User.id, *columns).where(User.name == line)).all()
    users = session.scalars(select(User).limit(5)).all()
    if LEAKS:
        OPEN_SESSIONS[line] = session
    else:
        session.close()
    return f"{len(users)} users"


serve(answer)
