"""Classes in SQLite, next to the runs: what students have answered survives a restart of the server, at any moment.

A row says in which version of its class it was last changed, so that a teacher's page asks for what is new. Secrets are kept as
hashes: who reads the file can join no class and lead none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCHEMA = """
create table if not exists classroom(
  code text primary key, secret blob not null, opening text not null, stage text not null, sweep text not null default '',
  opened real not null, expires real not null, version integer not null default 1, staged integer not null default 1);
create table if not exists student(
  id integer primary key, code text not null references classroom on delete cascade, number integer not null,
  token blob not null unique, name text not null, joined real not null, seen real not null,
  step integer not null default 0, version integer not null, unique(code, number));
create table if not exists client(
  student integer not null references student on delete cascade, name text not null, accepted integer not null,
  primary key(student, name));
create table if not exists progress(
  student integer not null references student on delete cascade, step integer not null, value text not null,
  changed real not null, approved integer not null default 0, version integer not null, primary key(student, step));
create table if not exists result(
  student integer not null references student on delete cascade, task text not null, address text not null,
  facts text not null, picture blob not null, changed real not null, version integer not null, primary key(student, task));
create table if not exists cell(
  code text not null references classroom on delete cascade, number integer not null, settings text not null,
  student integer references student on delete set null, given real not null default 0, is_done integer not null default 0,
  version integer not null, primary key(code, number));
create index if not exists cell_of_student on cell(student);
"""
BUSY = 10.0
"""Seconds that a write waits for another process."""


def hashed(secret: str) -> bytes:
    """What is kept of a secret of 32 random bytes."""
    return hashlib.sha256(secret.encode()).digest()


class ClassStore:
    """The file of all classes of a folder. One thread at a time uses it; other processes may have it open as well.

    Raises:
        OSError, sqlite3.Error: the file cannot be made or read.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # autocommit: `transaction` says where one begins and ends
        self._db = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        # NORMAL: a killed process loses nothing; a power cut may take the last second, which the pages send again.
        for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on", "secure_delete=on"):
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block, or nothing of it."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    # --- classes ------------------------------------------------------------------------------------------------------

    def open(self, code: str, secret: str, opening: str, stage: str, now: float, expires: float) -> None:
        """A new class. Raises sqlite3.IntegrityError where the code is taken."""
        self._db.execute(
            "insert into classroom(code, secret, opening, stage, opened, expires) values (?, ?, ?, ?, ?, ?)",
            (code, hashed(secret), opening, stage, now, expires),
        )

    def classroom(self, code: str) -> sqlite3.Row | None:
        """Its row; None where there is none."""
        row: sqlite3.Row | None = self._db.execute("select * from classroom where code = ?", (code,)).fetchone()
        return row

    def count(self) -> int:
        """How many classes are kept."""
        return int(self._db.execute("select count(*) from classroom").fetchone()[0])

    def versions(self, codes: list[str]) -> dict[str, tuple[int, int]]:
        """(version, version of the stage) of each of these classes that there is."""
        places = ",".join("?" * len(codes))
        found = self._db.execute(f"select code, version, staged from classroom where code in ({places})", codes)
        return {row["code"]: (row["version"], row["staged"]) for row in found}

    def next_version(self, code: str, *, staged: bool = False) -> int:
        """Count a change of the class; `staged`: one that students see."""
        self._db.execute(
            "update classroom set version = version + 1, staged = staged + ? where code = ?", (int(staged), code)
        )
        return int(self._db.execute("select version from classroom where code = ?", (code,)).fetchone()[0])

    def set_stage(self, code: str, stage: str) -> None:
        """What the teacher has set."""
        self._db.execute("update classroom set stage = ? where code = ?", (stage, code))

    def delete(self, code: str) -> None:
        """The class and all that belongs to it, overwritten in the file."""
        self._db.execute("delete from classroom where code = ?", (code,))
        self._db.execute("pragma wal_checkpoint(truncate)")

    def delete_expired(self, now: float) -> int:
        """Classes whose time is over, for good; how many."""
        gone = self._db.execute("delete from classroom where expires < ?", (now,)).rowcount
        if gone:
            self._db.execute("pragma wal_checkpoint(truncate)")
        return gone

    # --- students -----------------------------------------------------------------------------------------------------

    def join(self, code: str, token: str, name: str, now: float, version: int) -> int:
        """A new student; its number in the class, from 1."""
        row = self._db.execute("select coalesce(max(number), 0) + 1 from student where code = ?", (code,)).fetchone()
        self._db.execute(
            "insert into student(code, number, token, name, joined, seen, version) values (?, ?, ?, ?, ?, ?, ?)",
            (code, row[0], hashed(token), name, now, now, version),
        )
        return int(row[0])

    def student(self, code: str, token: str) -> sqlite3.Row | None:
        """The student of that class with that token; None for nobody."""
        row: sqlite3.Row | None = self._db.execute(
            "select * from student where token = ? and code = ?", (hashed(token), code)
        ).fetchone()
        return row

    def students(self, code: str) -> int:
        """How many have joined and were not removed."""
        return int(self._db.execute("select count(*) from student where code = ?", (code,)).fetchone()[0])

    def remove(self, code: str, number: int) -> bool:
        """A student with all answers; whether there was one of that number."""
        return bool(self._db.execute("delete from student where code = ? and number = ?", (code, number)).rowcount)

    def see(self, student: int, now: float) -> None:
        """The student's page has asked for something."""
        self._db.execute("update student set seen = ? where id = ?", (now, student))

    def accepted(self, student: int, client: str) -> int:
        """The last event of a tab of a student that is known; 0 for none."""
        row = self._db.execute(
            "select accepted from client where student = ? and name = ?", (student, client)
        ).fetchone()
        return int(row[0]) if row else 0

    def accept(self, student: int, client: str, sequence: int, version: int) -> None:
        """The events of a tab of a student are known up to this one."""
        self._db.execute("insert or replace into client values (?, ?, ?)", (student, client, sequence))
        self._db.execute("update student set version = ? where id = ?", (version, student))

    def set_place(self, student: int, step: int) -> None:
        """The step that a student is at."""
        self._db.execute("update student set step = ? where id = ?", (step, student))

    # --- what they did ------------------------------------------------------------------------------------------------

    def set_progress(self, student: int, step: int, value: str, now: float, version: int) -> None:
        """A step of a student; a sentence that changes has to be approved again."""
        self._db.execute(
            "insert into progress(student, step, value, changed, version) values (?, ?, ?, ?, ?) "
            "on conflict do update set approved = case when json_extract(value, '$.text') = "
            "json_extract(excluded.value, '$.text') then approved else 0 end, "
            "value = excluded.value, changed = excluded.changed, version = excluded.version",
            (student, step, value, now, version),
        )

    def approve(self, code: str, number: int, step: int, approved: bool, version: int) -> None:
        """Whether the projector may show a student's sentence."""
        self._db.execute(
            "update progress set approved = ?, version = ? where step = ? and "
            "student = (select id from student where code = ? and number = ?)",
            (int(approved), version, step, code, number),
        )

    def set_result(
        self,
        student: int,
        task: str,
        address: str,
        facts: Mapping[str, str | float],
        picture: bytes,
        now: float,
        version: int,
    ) -> None:
        """The newest result of a student for a task."""
        self._db.execute(
            "insert or replace into result values (?, ?, ?, ?, ?, ?, ?)",
            (student, task, address, json.dumps(facts, ensure_ascii=False), picture, now, version),
        )

    def picture(self, code: str, number: int, task: str) -> bytes | None:
        """Of a result; None where there is none."""
        row = self._db.execute(
            "select picture from result join student on student.id = result.student "
            "where code = ? and number = ? and task = ?",
            (code, number, task),
        ).fetchone()
        return row["picture"] if row and row["picture"] else None

    # --- a sweep that is split ----------------------------------------------------------------------------------------

    def set_sweep(self, code: str, sweep: str, cells: list[dict[str, str]], version: int) -> None:
        """A new sweep in place of the one before, whose results go with it."""
        self._db.execute("delete from cell where code = ?", (code,))
        self._db.execute(
            "delete from result where task like 'cell %' and student in (select id from student where code = ?)",
            (code,),
        )
        self._db.execute("update classroom set sweep = ? where code = ?", (sweep, code))
        rows = [(code, number, json.dumps(settings), version) for number, settings in enumerate(cells)]
        self._db.executemany("insert into cell(code, number, settings, version) values (?, ?, ?, ?)", rows)

    def cell_of(self, code: str, student: int) -> sqlite3.Row | None:
        """The cell that a student has and has not computed yet."""
        row: sqlite3.Row | None = self._db.execute(
            "select * from cell where code = ? and student = ? and is_done = 0", (code, student)
        ).fetchone()
        return row

    def give_cell(self, code: str, student: int, now: float, lost: float) -> sqlite3.Row | None:
        """A cell for a student: one that nobody has, or that somebody has had since before `lost`. None where all are done."""
        row = self._db.execute(
            "select number from cell where code = ? and is_done = 0 and (student is null or given < ?) "
            "order by given, number limit 1",
            (code, lost),
        ).fetchone()
        if row is None:
            return None
        self._db.execute(
            "update cell set student = ?, given = ?, version = ? where code = ? and number = ?",
            (student, now, self.next_version(code), code, row["number"]),
        )
        return self.cell_of(code, student)

    def finish_cell(self, code: str, number: int, student: int, version: int) -> bool:
        """A cell is computed; False where it was given to somebody else meanwhile, or there is none of that number."""
        return bool(
            self._db.execute(
                "update cell set is_done = 1, version = ? where code = ? and number = ? and student = ? and is_done = 0",
                (version, code, number, student),
            ).rowcount
        )

    # --- all of it ----------------------------------------------------------------------------------------------------

    def since(self, code: str, version: int) -> dict[str, list[dict[str, Any]]]:
        """Rows of a class that were changed after a version: students, progress, results (without pictures) and cells."""
        queries = {
            "students": "select number, name, joined, step from student where code = :code and version > :version",
            "progress": "select number, progress.step, value, changed, approved from progress join student on "
            "student.id = progress.student where code = :code and progress.version > :version",
            "results": "select number, task, address, facts, changed, length(picture) > 0 as has_picture from result "
            "join student on student.id = result.student where code = :code and result.version > :version",
            "cells": "select cell.number, settings, is_done, student.number as student from cell left join student on "
            "student.id = cell.student where cell.code = :code and cell.version > :version",
        }
        asked = {"code": code, "version": version}
        return {name: [dict(row) for row in self._db.execute(query, asked)] for name, query in queries.items()}

    def seen(self, code: str) -> dict[int, float]:
        """When each student's page last asked for something, by the student's number."""
        return {row[0]: row[1] for row in self._db.execute("select number, seen from student where code = ?", (code,))}
